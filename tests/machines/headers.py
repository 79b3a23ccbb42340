"""System call numbers as a kernel's own headers give them, and as the judge believes them to be.

Reads the text of an unpacked `linux-libc-dev`; compiles and runs nothing. FileNotFoundError where there is none.
"""

from __future__ import annotations

import re
from pathlib import Path

from o1coder.judge.inside import kernel, seccomp

DEFINITION = re.compile(r"^#define\s+__NR(3264)?_(\w+)\s+(\w+)\s*$", re.MULTILINE)


def call_numbers(root: Path, triplet: str) -> dict[str, int]:
    """Every system call's number by its name, from a root folder. `triplet` is Debian's, as aarch64-linux-gnu."""
    own = root / "usr/include" / triplet / "asm/unistd_64.h"
    file = own if own.exists() else root / "usr/include/asm-generic/unistd.h"
    found = DEFINITION.findall(file.read_text())
    plain = {name: int(value) for prefix, name, value in found if value.isdigit() and not prefix}
    wide = {f"__NR3264_{name}": int(value) for prefix, name, value in found if value.isdigit() and prefix}
    aliases = {name: wide[value] for prefix, name, value in found if value in wide}
    return {**aliases, **plain}


def mentioned() -> dict[str, tuple[int | None, int | None]]:
    """Every call that the judge's filter has a rule for, with its numbers on x86-64 and aarch64."""
    special = {
        "mmap": seccomp.MMAP, "mprotect": seccomp.MPROTECT, "clone": seccomp.CLONE, "clone3": seccomp.CLONE3,
        "openat": seccomp.OPENAT, "newfstatat": seccomp.NEWFSTATAT, "ioctl": seccomp.IOCTL, "fcntl": seccomp.FCNTL,
        "prlimit64": seccomp.PRLIMIT, "tgkill": seccomp.TGKILL,
    }  # fmt: skip
    return {**seccomp.PLAIN, **seccomp.LOOKING, **special}


def tables(machine: str) -> dict[str, int | None]:
    """Every number that the judge believes a machine to have; None for a call that it says does not exist there."""
    side = list(seccomp.AUDIT_ARCH).index(machine)
    by_number = {
        "landlock_create_ruleset": kernel.LANDLOCK_CREATE, "landlock_add_rule": kernel.LANDLOCK_ADD,
        "landlock_restrict_self": kernel.LANDLOCK_RESTRICT, "close_range": kernel.CLOSE_RANGE,
        **kernel.NUMBERS[machine],
    }  # fmt: skip
    return {**{name: pair[side] for name, pair in mentioned().items()}, **by_number}
