"""Landlock: only the standard library may be read, nothing written, no abstract sockets or signals outside.

Applied once to the worker, which every test inherits. Where the kernel has no Landlock, `available` says 0 and the
caller relies on a file-less root or on a filter without open.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator

from . import kernel

EXECUTE, READ_FILE, READ_DIR = 1, 4, 8
SKIPPED = ("site-packages", "dist-packages")  # what is installed there may hold tests' answers


def available() -> int:
    """The kernel's Landlock version; 0 when it has none."""
    version: int = kernel.LIBC.syscall(
        ctypes.c_long(kernel.LANDLOCK_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint(1)
    )
    return max(0, version)


def handled_rights(version: int) -> tuple[int, int, int]:
    """Every right that this version knows: file system, network, scope."""
    files = (1 << 13) - 1
    files |= (1 << 13 if version >= 2 else 0) | (1 << 14 if version >= 3 else 0) | (1 << 15 if version >= 5 else 0)
    return files, 3 if version >= 4 else 0, 3 if version >= 6 else 0


def readable(stdlib: str) -> Iterator[tuple[str, int]]:
    """Each entry of the standard library that may be read, with its rights."""
    yield stdlib, READ_DIR
    for entry in os.scandir(stdlib):
        if entry.name in SKIPPED:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield entry.path, READ_FILE | READ_DIR
        elif entry.is_file(follow_symlinks=False):  # a link would open a file elsewhere
            yield entry.path, READ_FILE


def restrict(stdlib: str) -> None:
    """Apply to this process for good. Needs no_new_privs. OSError when the kernel refuses."""
    version = available()
    rights = handled_rights(version)
    attributes = struct.pack("<QQQ", *rights)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = kernel.check(
        kernel.LIBC.syscall(
            ctypes.c_long(kernel.LANDLOCK_CREATE), attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0)
        ),
        "landlock_create_ruleset",
    )
    try:
        for path, allowed in readable(stdlib):
            _allow(ruleset, path, allowed)
        kernel.check(
            kernel.LIBC.syscall(ctypes.c_long(kernel.LANDLOCK_RESTRICT), ctypes.c_int(ruleset), ctypes.c_uint(0)),
            "landlock_restrict_self",
        )
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, allowed: int) -> None:
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("<Qi", allowed, folder)
        number, one, none = ctypes.c_long(kernel.LANDLOCK_ADD), ctypes.c_int(1), ctypes.c_uint(0)
        kernel.check(kernel.LIBC.syscall(number, ctypes.c_int(ruleset), one, rule, none), "landlock_add_rule")
    finally:
        os.close(folder)
