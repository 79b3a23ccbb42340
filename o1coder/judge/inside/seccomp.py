"""The filters that a test runs under: allow-lists in classic BPF, for x86-64 and aarch64.

Another architecture's calls and x32 kill the process (verdict SV). What is not allowed fails with EPERM, so that a
program sees an ordinary PermissionError. A test may (`rules`): read and write open descriptors, have memory without
execution, threads (not processes), clocks, signals to itself except stopping, and, unless `opening` is False, open files
for reading. There is no socket, no exec, no fork, no memfd, no ptrace, no prctl, no further filter.

A filter's price is its length, paid where it is entered. So there are two: the worker enters the long one once, which
allows it besides what it needs to serve (`worker_rules`), and each test enters a short one that takes just that away
(`withdrawn`). The kernel obeys the stricter of the two; together they are `rules`, and so the worker is confined as well.

The functions are pure; `Filter` applies them to this process for good.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from . import kernel

KILL_PROCESS, ALLOW, ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
LD, JA, JEQ, JGE, JSET, RET = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
OFFSET_NUMBER, OFFSET_ARCH, OFFSET_ARGS = 0, 4, 16

# name: (x86-64, aarch64); None where the machine has no such call
PLAIN: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24),
    "munmap": (11, 215), "mremap": (25, 216), "brk": (12, 214), "madvise": (28, 233),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "rt_sigpending": (127, 136), "futex": (202, 98), "set_robust_list": (273, 99), "set_tid_address": (218, 96),
    "rseq": (334, 293), "gettid": (186, 178), "getpid": (39, 172), "getppid": (110, 173), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101), "gettimeofday": (96, 169),
    "time": (201, None), "times": (100, 153), "getrusage": (98, 165), "getrandom": (318, 278), "uname": (63, 160),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "poll": (7, None), "ppoll": (271, 73),
    "select": (23, None), "pselect6": (270, 72), "alarm": (37, None), "setitimer": (38, 103),
    "getitimer": (36, 102), "restart_syscall": (219, 128), "getrlimit": (97, 163), "exit": (60, 93),
    "exit_group": (231, 94),
}  # fmt: skip
# Looking at the file system; withheld where nothing else keeps files away.
LOOKING: dict[str, tuple[int | None, int | None]] = {
    "stat": (4, None), "lstat": (6, None), "access": (21, None), "readlink": (89, None), "newfstatat": (262, 79),
    "readlinkat": (267, 78), "faccessat": (269, 48), "faccessat2": (439, 439), "statx": (332, 291),
    "getdents64": (217, 61), "getcwd": (79, 17),
}  # fmt: skip
# What a worker does between tests, and no test may.
SERVING: dict[str, tuple[int | None, int | None]] = {
    "sendto": (44, 206), "recvfrom": (45, 207), "recvmsg": (47, 212), "wait4": (61, 260), "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424), "rt_sigtimedwait": (128, 137), "pipe2": (293, 59), "close_range": (436, 436),
    "seccomp": (317, 277), "prctl": (157, 167),
}  # fmt: skip
MMAP, MPROTECT, CLONE, CLONE3, OPENAT = (9, 222), (10, 226), (56, 220), (435, 435), (257, 56)
NEWFSTATAT, IOCTL, FCNTL, PRLIMIT, TGKILL = (262, 79), (16, 29), (72, 25), (302, 261), (234, 131)

PROT_EXEC = 4
THREAD_FLAGS = (0x3D0F00, 0x7D0F00)  # glibc's and musl's pthread_create, and nothing else
FORK_FLAGS = (0x1200011, 0x11)  # glibc's and musl's fork
OPEN_FORBIDDEN = 0o3 | 0o100 | 0o1000 | 0o20000000  # any write access, O_CREAT, O_TRUNC, O_TMPFILE
FCNTL_ALLOWED = (0, 1, 2, 3, 1030, 1034)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC, F_GET_SEALS
FORBIDDEN_SIGNALS = (9, 19, 20, 21, 22)  # stopping; and KILL, which only the judge and the kernel send
PID_PLACE = 0x5EC0FFEE  # stands for the test's own pid until `enter` knows it

NO_OPERATION = ctypes.c_uint(0xFFFF)

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant
Table = dict[int, list[Instruction]]


def deny(number: int) -> Instruction:
    """Return `number` as the call's error."""
    return (RET, 0, 0, ERRNO | number)


def allow() -> Instruction:
    """Let the call through."""
    return (RET, 0, 0, ALLOW)


def load_arg(index: int, high: bool = False) -> Instruction:
    """Load half of a call's argument (both machines are little-endian)."""
    return (LD, 0, 0, OFFSET_ARGS + 8 * index + (4 if high else 0))


def one_of(values: tuple[int, ...]) -> list[Instruction]:
    """Allow when the accumulator is one of `values`, else EPERM."""
    count = len(values)
    tests = [(JEQ, count - index, 0, value) for index, value in enumerate(values)]
    return [*tests, deny(errno.EPERM), allow()]


def rules(machine: str, opening: bool) -> Table:
    """What a test may do: what follows once a call's number matched, for every call that is mentioned at all."""
    side = 0 if machine == "x86_64" else 1
    eperm = deny(errno.EPERM)
    plain = {**PLAIN, **LOOKING} if opening else PLAIN
    table = {number: [allow()] for pair in plain.values() if (number := pair[side]) is not None}
    no_exec = [load_arg(2), (JSET, 1, 0, PROT_EXEC), allow(), eperm]
    table[MMAP[side]] = table[MPROTECT[side]] = no_exec
    table[CLONE[side]] = [load_arg(0), *one_of(THREAD_FLAGS)]
    table[CLONE3[side]] = [deny(errno.ENOSYS)]  # its flags are in memory; glibc then falls back to clone
    table[IOCTL[side]] = [deny(errno.ENOTTY)]
    table[FCNTL[side]] = [load_arg(1), *one_of(FCNTL_ALLOWED)]
    table[PRLIMIT[side]] = [  # own limits, reading only
        load_arg(0), (JEQ, 0, 4, 0),
        load_arg(2), (JEQ, 0, 2, 0),
        load_arg(2, high=True), (JEQ, 1, 0, 0),
        eperm, allow(),
    ]  # fmt: skip
    table[TGKILL[side]] = [
        load_arg(0), (JEQ, 0, len(FORBIDDEN_SIGNALS) + 1, PID_PLACE), load_arg(2),
        *[(JEQ, len(FORBIDDEN_SIGNALS) - 1 - i, 0 if i + 1 < len(FORBIDDEN_SIGNALS) else 1, s)
          for i, s in enumerate(FORBIDDEN_SIGNALS)],
        eperm, allow(),
    ]  # fmt: skip
    if not opening:  # glibc's fstat is a newfstatat with AT_EMPTY_PATH
        table[NEWFSTATAT[side]] = [load_arg(3), (JSET, 0, 1, 0x1000), allow(), eperm]
    else:
        table[OPENAT[side]] = [load_arg(2), (JSET, 1, 0, OPEN_FORBIDDEN), allow(), eperm]
    return table


def worker_rules(machine: str, opening: bool) -> Table:
    """What a worker may do: all that its tests may, and what it takes to serve."""
    side = 0 if machine == "x86_64" else 1
    serving: Table = {number: [allow()] for pair in SERVING.values() if (number := pair[side]) is not None}
    serving[CLONE[side]] = [load_arg(0), *one_of(THREAD_FLAGS + FORK_FLAGS)]
    serving[PRLIMIT[side]] = serving[TGKILL[side]] = [
        allow()
    ]  # a test's limits are its worker's; `withdrawn` says whose
    return rules(machine, opening) | serving


def withdrawn(machine: str, opening: bool) -> Table:
    """What a test loses of its worker's rules: the numbers whose rule differs, with the test's own."""
    own, worker = rules(machine, opening), worker_rules(machine, opening)
    refused = [deny(errno.EPERM)]
    return {number: own.get(number, refused) for number, rule in worker.items() if own.get(number, refused) != rule}


def segments(table: Table) -> list[tuple[int, list[Instruction]]]:
    """Runs of call numbers with the same rule, each with its first number; what is not in the table gets EPERM."""
    runs: list[tuple[int, list[Instruction]]] = []
    for number in range(max(table) + 2):
        rule = table.get(number, [deny(errno.EPERM)])
        if not runs or rule != runs[-1][1]:
            runs.append((number, rule))
    return runs


def search_tree(runs: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """A binary search for the run that the call number lies in, ending in its rule."""
    if len(runs) == 1:
        return runs[0][1]
    middle = len(runs) // 2
    low, high = search_tree(runs[:middle]), search_tree(runs[middle:])
    if len(low) <= 255:
        return [(JGE, len(low), 0, runs[middle][0]), *low, *high]
    # A conditional jump reaches 255 instructions; a plain one has no such bound.
    return [(JGE, 0, 1, runs[middle][0]), (JA, 0, 0, len(low)), *low, *high]


def compile_withdrawal(machine: str, opening: bool) -> list[Instruction]:
    """The program that a test enters on top of its worker's, which has looked at the architecture."""
    code: list[Instruction] = [(LD, 0, 0, OFFSET_NUMBER)]
    for number, rule in withdrawn(machine, opening).items():
        code += [(JEQ, 0, len(rule), number), *rule]
    return [*code, allow()]


def compile_filter(machine: str, table: Table) -> list[Instruction]:
    """The whole program for `machine` ("x86_64" or "aarch64"): what is not in the table gets EPERM."""
    code: list[Instruction] = [
        (LD, 0, 0, OFFSET_ARCH), (JEQ, 1, 0, AUDIT_ARCH[machine]), (RET, 0, 0, KILL_PROCESS), (LD, 0, 0, OFFSET_NUMBER),
    ]  # fmt: skip
    if machine == "x86_64":
        code += [(JSET, 0, 1, X32_BIT), (RET, 0, 0, KILL_PROCESS)]
    return code + search_tree(segments(table))


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


class Filter:
    """A compiled filter, ready to be entered."""

    def __init__(self, machine: str, code: list[Instruction]) -> None:
        self.bytes = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *one) for one in code), 8 * len(code))
        self.words = (ctypes.c_uint32 * (2 * len(code))).from_buffer(self.bytes)
        self.pid_places = [2 * i + 1 for i, one in enumerate(code) if one[3] == PID_PLACE]
        self.program = Program(len(code), ctypes.addressof(self.bytes))
        number = ctypes.c_long(kernel.NUMBERS[machine]["seccomp"])
        self.call = (number, ctypes.c_uint(1), ctypes.c_uint(0), ctypes.byref(self.program))

    def rehearse(self, pid: int) -> None:
        """All of `enter` but its effect: the kernel knows no such operation and says so."""
        for place in self.pid_places:
            self.words[place] = pid
        kernel.PLAIN.syscall(self.call[0], NO_OPERATION, *self.call[2:])

    def enter(self, pid: int) -> None:
        """Apply the filter to this process, which alone it may signal. Needs no_new_privs. OSError when refused."""
        for place in self.pid_places:
            self.words[place] = pid
        if kernel.PLAIN.syscall(*self.call) < 0:
            raise OSError("the kernel refuses the filter")


def confine(machine: str, opening: bool) -> Filter:
    """Put this worker under its filter, for good, and give the one that each of its tests enters."""
    Filter(machine, compile_filter(machine, worker_rules(machine, opening))).enter(0)
    return Filter(machine, compile_withdrawal(machine, opening))


def available() -> bool:
    """Whether this machine has a table."""
    return kernel.MACHINE in AUDIT_ARCH
