"""A job's log: one file that its processes append to, read by offset, and kept small.

The cap keeps the first MB and a rolling tail: what lies between is given back to the disk by punching a hole, so writers
need not know, offsets never move, and the log goes on when the worker that trims it has died. On a file system without
holes the log is whole and grows. Nothing here interprets what a log says, and control bytes are the reader's to strip.
"""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path
from typing import NamedTuple

HEAD = 1 << 20
TAIL = 4 << 20
SLACK = 1 << 20  # how much may pile up before the next hole is punched
_BLOCK = 1 << 16
_KEEP_SIZE_PUNCH_HOLE = 0x01 | 0x02


class Chunk(NamedTuple):
    """Text of a log from byte `start` to byte `end`; `left_out` bytes between what was asked for and `start` are gone."""

    text: str
    start: int
    end: int
    left_out: int


def path_of(home: Path, job_id: int) -> Path:
    """Where the log of a job lies."""
    return home / "jobs" / str(job_id) / "log"


def trim(path: Path, *, head: int = HEAD, tail: int = TAIL, slack: int = SLACK) -> int:
    """Give back the middle of the log; returns the bytes of disk it holds now. Safe while others append."""
    with path.open("r+b") as handle:
        size = os.fstat(handle.fileno()).st_size
        held = os.fstat(handle.fileno()).st_blocks * 512
        start, end = _round_up(head), (size - tail) // _BLOCK * _BLOCK
        if end <= start or held <= head + tail + slack:
            return held
        if _punch(handle.fileno(), start, end - start):
            held = os.fstat(handle.fileno()).st_blocks * 512
    return held


def _round_up(size: int) -> int:
    return (size + _BLOCK - 1) // _BLOCK * _BLOCK


def _punch(descriptor: int, start: int, length: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    if libc.fallocate(descriptor, _KEEP_SIZE_PUNCH_HOLE, start, length) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EOPNOTSUPP, errno.ENOSYS):
        return False
    raise OSError(number, os.strerror(number))


def read(path: Path, offset: int = 0, limit: int = 1 << 16) -> Chunk:
    """The log from byte `offset` on: at most `limit` bytes, in whole lines where it stops short of the end.

    A log that does not exist yet reads as empty. Go on with `offset=chunk.end`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return Chunk("", 0, 0, 0)
    try:
        size = os.fstat(descriptor).st_size
        start = _next_data(descriptor, offset, size)
        data = os.pread(descriptor, max(0, min(limit, size - start)), start)
    finally:
        os.close(descriptor)
    skipped = len(data) - len(data.lstrip(b"\0")) if start > offset or offset == 0 else 0
    data, start = data[skipped:], start + skipped
    if start + len(data) < size and (cut := data.rfind(b"\n")) >= 0:
        data = data[: cut + 1]
    else:
        data = data[: _whole_characters(data)]
    return Chunk(data.decode(errors="replace"), start, start + len(data), max(0, start - offset))


def tail(path: Path, lines: int = 20, limit: int = 1 << 16) -> Chunk:
    """The last `lines` lines of the log, looked for in its last `limit` bytes."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return Chunk("", 0, 0, 0)
    with path.open("rb") as handle:
        start = max(0, size - limit)
        handle.seek(start)
        data = handle.read(size - start)
    kept = data.rstrip(b"\n").rsplit(b"\n", lines)
    if len(kept) > lines:
        dropped = len(kept[0]) + 1
    elif start > 0 and b"\n" in data:
        dropped = data.index(b"\n") + 1  # the first line is cut
    else:
        dropped = 0
    return Chunk(data[dropped:].decode(errors="replace"), start + dropped, size, start + dropped)


def _next_data(descriptor: int, offset: int, size: int) -> int:
    if offset >= size:
        return size
    try:
        return os.lseek(descriptor, offset, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return size
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
            return offset
        raise


def _whole_characters(data: bytes) -> int:
    """The length of `data` without a UTF-8 character that its end cuts in two."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if width > back else len(data)
    return len(data)
