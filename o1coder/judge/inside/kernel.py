"""The Linux calls that Python does not wrap, through ctypes: prctl, unshare, mount, pivot_root, capset, personality.

Numbers are of the two supported machines, x86-64 and aarch64. Errors become OSError with errno. Nothing here decides
policy: `jail.py` and `seccomp.py` do.
"""

from __future__ import annotations

import ctypes
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
# For the two calls that every test makes, fork and seccomp: no errno to swap and no lock to let go, which would cost page
# faults each time. libc's fork, besides, leaves out Python's own after-fork work, which touches 180 pages: that is for locks
# that other threads hold, and for `random`, which is to have the same seed in every test. A worker has one thread.
PLAIN = ctypes.PyDLL(None)
PLAIN.syscall.restype = ctypes.c_long

MACHINE = platform.machine()

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_NOATIME, MS_NODIRATIME = 1, 2, 4, 8, 32, 1024, 2048
MS_BIND, MS_REC, MS_PRIVATE, MS_RELATIME = 4096, 16384, 1 << 18, 1 << 21
MNT_DETACH = 2
ADDR_NO_RANDOMIZE = 0x0040000

# Only the calls made by number; the table of calls a test may make is in seccomp.py.
NUMBERS = {
    "x86_64": {"pivot_root": 155, "capset": 126, "seccomp": 317},
    "aarch64": {"pivot_root": 41, "capset": 91, "seccomp": 277},
}
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT, CLOSE_RANGE = 444, 445, 446, 436  # the same on both machines


def check(result: int, what: str) -> int:
    """`result`, or OSError naming `what` when the call returned a negative number."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(name: str, *args: object) -> int:
    """Make a call by its name in NUMBERS."""
    return check(LIBC.syscall(ctypes.c_long(NUMBERS[MACHINE][name]), *args), name)


def prctl(option: int, value: int = 0) -> None:
    """prctl(2) with one unsigned argument."""
    zero = ctypes.c_ulong(0)
    check(LIBC.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero), f"prctl {option}")


def unshare(flags: int) -> None:
    """unshare(2)."""
    check(LIBC.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2); paths as text, `kind` and `options` may be absent."""
    check(
        LIBC.mount(
            source.encode(),
            os.fsencode(target),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            options.encode() if options else None,
        ),
        f"mount {target}",
    )


def pivot_root_here() -> None:
    """Make the current directory the root of this mount namespace and let go of the old root."""
    syscall("pivot_root", b".", b".")
    check(LIBC.umount2(b".", ctypes.c_int(MNT_DETACH)), "umount of the old root")
    os.chdir("/")


def drop_capabilities() -> None:
    """Give up every capability, the bounding set included where that is permitted."""
    for capability in range(64):
        # Ends at the first number that this kernel does not know; without CAP_SETPCAP the set stays, and is of no use
        # to a process that has no_new_privs.
        if LIBC.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    empty = (ctypes.c_uint32 * 6)()
    syscall("capset", header, empty)


def personality(persona: int) -> int:
    """personality(2); 0xFFFFFFFF asks without changing."""
    return check(LIBC.personality(ctypes.c_ulong(persona)), "personality")


def close_from(first: int) -> None:
    """Close every descriptor from `first` up."""
    if LIBC.syscall(ctypes.c_long(CLOSE_RANGE), ctypes.c_uint(first), ctypes.c_uint(0xFFFFFFFF), ctypes.c_uint(0)) < 0:
        os.closerange(first, 65_536)  # kernels before 5.9


def default_thread_stack(size: int) -> None:
    """Stack size of new threads; glibc otherwise takes the (here very large) stack limit of the main thread."""
    if not hasattr(LIBC, "pthread_setattr_default_np"):
        return
    attributes = ctypes.create_string_buffer(64)
    LIBC.pthread_attr_init(attributes)
    LIBC.pthread_attr_setstacksize(attributes, ctypes.c_size_t(size))
    LIBC.pthread_setattr_default_np(attributes)
    LIBC.pthread_attr_destroy(attributes)
