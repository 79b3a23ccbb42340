"""The filter as a pure program, interpreted here: each machine's table allows what it names and nothing else."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1coder.judge.inside import seccomp
from o1coder.judge.inside.seccomp import ALLOW, AUDIT_ARCH, ERRNO, KILL_PROCESS, LOOKING, PLAIN, SERVING

EPERM = ERRNO | errno.EPERM
# A worker's filter, and the one that its tests enter on top of it.
PROGRAMS = {
    (m, o): (seccomp.compile_filter(m, seccomp.worker_rules(m, o)), seccomp.compile_withdrawal(m, o))
    for m in AUDIT_ARCH
    for o in (True, False)
}
Programs = tuple[list[seccomp.Instruction], list[seccomp.Instruction]]


def run(programs: Programs, arch: int, number: int, *args: int) -> int:
    """What the kernel would return for a test's call: the stricter of the two answers."""
    said = [run_one(program, arch, number, *args) for program in programs]
    if KILL_PROCESS in said:
        return KILL_PROCESS
    return min(said)  # an errno is less than ALLOW


def run_one(program: list[seccomp.Instruction], arch: int, number: int, *args: int) -> int:
    """What the kernel would return for a call."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *[*args, 0, 0, 0, 0, 0, 0][:6])
    place = accumulator = 0
    while True:
        code, yes, no, constant = program[place]
        place += 1
        if code == seccomp.LD:
            [accumulator] = struct.unpack_from("<I", data, constant)
        elif code == seccomp.RET:
            return constant
        elif code == seccomp.JA:
            place += constant
        else:
            met = {
                seccomp.JEQ: accumulator == constant,
                seccomp.JGE: accumulator >= constant,
                seccomp.JSET: bool(accumulator & constant),
            }[code]
            place += yes if met else no


@pytest.mark.parametrize(("machine", "opening"), list(PROGRAMS))
def test_plain_calls_are_allowed_and_unknown_ones_are_not(machine: str, opening: bool) -> None:
    side = list(AUDIT_ARCH).index(machine)
    program = PROGRAMS[machine, opening]
    named = {**PLAIN, **LOOKING} if opening else PLAIN
    allowed = {pair[side] for pair in named.values()} - {None}
    special = {
        pair[side]
        for pair in (
            seccomp.MMAP, seccomp.MPROTECT, seccomp.CLONE, seccomp.CLONE3, seccomp.OPENAT, seccomp.NEWFSTATAT,
            seccomp.IOCTL, seccomp.FCNTL, seccomp.PRLIMIT, seccomp.TGKILL,
        )
    }  # fmt: skip
    for number in range(600):
        if number not in special or number in allowed:
            assert run(program, AUDIT_ARCH[machine], number) == (ALLOW if number in allowed else EPERM), number
    assert run(program, AUDIT_ARCH[machine], 0x3FFFFFFF) == EPERM
    assert len(program[1]) < 64  # each test pays for its length


@given(number=st.integers(0, 2**32 - 1), arch=st.integers(0, 2**32 - 1))
def test_other_machines_are_killed(number: int, arch: int) -> None:
    for (machine, _), program in PROGRAMS.items():
        if arch != AUDIT_ARCH[machine]:
            assert run(program, arch, number) == KILL_PROCESS
    assert run(PROGRAMS["x86_64", True], AUDIT_ARCH["x86_64"], number | 0x40000000) == KILL_PROCESS


@pytest.mark.parametrize("machine", list(AUDIT_ARCH))
def test_arguments_decide(machine: str) -> None:
    side, arch = list(AUDIT_ARCH).index(machine), AUDIT_ARCH[machine]
    files, none = PROGRAMS[machine, True], PROGRAMS[machine, False]

    def ask(pair: tuple[int, int], *args: int, program: Programs = files) -> int:
        return run(program, arch, pair[side], *args)

    assert ask(seccomp.MMAP, 0, 4096, 3) == ALLOW
    assert ask(seccomp.MMAP, 0, 4096, 7) == EPERM
    assert ask(seccomp.MPROTECT, 0, 4096, 4) == EPERM
    assert ask(seccomp.CLONE, 0x3D0F00) == ALLOW
    assert ask(seccomp.CLONE, 17) == EPERM
    assert ask(seccomp.CLONE, 0x3D0F00 | 0x10000000) == EPERM
    assert ask(seccomp.CLONE3) == ERRNO | errno.ENOSYS
    assert ask(seccomp.OPENAT, 0, 0, 0o2000000) == ALLOW
    assert ask(seccomp.OPENAT, 0, 0, 0, program=none) == EPERM
    assert ask(seccomp.NEWFSTATAT, 0, 0, 0, 0x1000, program=none) == ALLOW
    assert ask(seccomp.NEWFSTATAT, 0, 0, 0, 0, program=none) == EPERM
    for flags in (1, 2, 0o100, 0o1000, 0o20200000):
        assert ask(seccomp.OPENAT, 0, 0, flags) == EPERM
    assert ask(seccomp.IOCTL, 0, 0x5401) == ERRNO | errno.ENOTTY
    assert ask(seccomp.FCNTL, 0, 1) == ALLOW
    assert ask(seccomp.FCNTL, 0, 8) == EPERM
    assert ask(seccomp.PRLIMIT, 0, 7, 0) == ALLOW
    assert ask(seccomp.PRLIMIT, 0, 7, 1 << 40) == EPERM
    assert ask(seccomp.PRLIMIT, 0, 7, 4096) == EPERM
    assert ask(seccomp.PRLIMIT, 1, 7, 0) == EPERM
    assert ask(seccomp.TGKILL, seccomp.PID_PLACE, 5, 6) == ALLOW
    assert ask(seccomp.TGKILL, 1, 1, 6) == EPERM
    for number in seccomp.FORBIDDEN_SIGNALS:
        assert ask(seccomp.TGKILL, seccomp.PID_PLACE, 5, number) == EPERM


@pytest.mark.parametrize(("machine", "opening"), list(PROGRAMS))
@given(number=st.integers(0, 600), args=st.lists(st.integers(0, 2**64 - 1), min_size=6, max_size=6))
def test_the_two_filters_are_the_rules(machine: str, opening: bool, number: int, args: list[int]) -> None:
    arch, whole = AUDIT_ARCH[machine], seccomp.compile_filter(machine, seccomp.rules(machine, opening))
    assert run(PROGRAMS[machine, opening], arch, number, *args) == run_one(whole, arch, number, *args)


@pytest.mark.parametrize("machine", list(AUDIT_ARCH))
def test_a_worker_may_serve_and_a_test_may_not(machine: str) -> None:
    side, arch, programs = list(AUDIT_ARCH).index(machine), AUDIT_ARCH[machine], PROGRAMS[machine, True]
    for name, pair in SERVING.items():
        number = pair[side]
        assert number is not None
        assert run_one(programs[0], arch, number) == ALLOW, name
        assert run(programs, arch, number) == EPERM, name
    fork = (seccomp.CLONE[side], seccomp.FORK_FLAGS[0])
    assert run_one(programs[0], arch, *fork) == ALLOW
    assert run(programs, arch, *fork) == EPERM
    assert run_one(programs[0], arch, seccomp.CLONE[side], seccomp.FORK_FLAGS[0] | 0x10000000) == EPERM
