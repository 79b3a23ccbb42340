"""A log of any size read by byte offset: a window from anywhere, the lines above it, the next line that holds a word.

Nothing is kept of a file but its size, so a log of gigabytes opens as fast as a short one. What a capped log has given
back to the disk (a hole) is said in one line and skipped. `KeptLines` remembers where the lines lie that a filter keeps, and
reads only what was appended. What a program wrote between carriage returns (a progress bar) is shown as its last state;
colours and control bytes are shown as inert text, not obeyed.
"""

from __future__ import annotations

import errno
import os
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tui.text import GLYPHS, inert

BLOCK = 1 << 16
CHUNK = 1 << 20
AT_ONCE = 1 << 26  # bytes that a filter looks through before it says what it has
LONGEST = 4096  # bytes of one line that are shown
NULS = b"\0" * 16
ERRORS = (b"error", b"exception", b"traceback", b"fatal", b"critical", b"failed", b"out of memory", b"killed")
Hit = Callable[[bytes, bool], int]  # where a line holds what is looked for (the last place where True), or -1


class Line(NamedTuple):
    """A line: where it begins, and its inert text. `left_out`: no line, but what says that something is gone."""

    at: int
    text: str
    left_out: bool = False


def word_hit(word: str) -> Hit:
    """Finds a word whatever its case."""
    needle = word.lower().encode()
    return lambda data, last: data.lower().rfind(needle) if last else data.lower().find(needle)


def error_hit(data: bytes, last: bool) -> int:
    """Finds what tells of an error: plain words, ten times as fast as one pattern of them."""
    lower, best = data.lower(), -1
    for word in ERRORS:
        if last:
            best = max(best, lower.rfind(word, max(0, best)))
        else:
            found = lower.find(word, 0, len(lower) if best < 0 else best + len(word))
            best = found if best < 0 or 0 <= found < best else best
    return best


def shown(raw: bytes) -> str:
    """A line's bytes as inert text."""
    kept = raw[:LONGEST].rstrip(b"\r\n").strip(b"\0")
    return inert(kept.rpartition(b"\r")[2].decode("utf-8", "replace"))


class LogFile:
    """One log; places in it are byte offsets of the beginnings of lines. One thread asks it at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._seen: tuple[int, int] = (0, 0)

    def refresh(self) -> bool:
        """Look at the file again; True when it has grown or is another. A missing file is empty."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            seen = (0, 0)
        else:
            seen = (found.st_ino, found.st_size)
        changed, self._seen, self.size = seen != self._seen, seen, seen[1]
        return changed

    @property
    def replaced(self) -> tuple[int, int]:
        """What changes when the file is another or shorter: its inode and size."""
        return self._seen

    def window(self, top: int, count: int) -> list[Line]:
        """At most `count` lines from the one that begins at `top`."""
        out: list[Line] = []
        if not self.size:
            return out
        with self.path.open("rb") as file:
            at = top
            while len(out) < count and at < self.size:
                data_at = _next_data(file.fileno(), at, self.size)
                if data_at > at:
                    gone = f"{GLYPHS.ellipsis} {(data_at - at) / (1 << 20):.1f} MB left out {GLYPHS.ellipsis}"
                    out.append(Line(at, gone, True))
                    at = data_at
                    continue
                block = os.pread(file.fileno(), BLOCK, at)
                if not block:
                    break
                if block[:1] == b"\0" and (zeros := len(block) - len(block.lstrip(b"\0"))):
                    at += zeros
                    continue
                at = self._lines(block, at, count, out)
        return out

    def _lines(self, block: bytes, at: int, count: int, out: list[Line]) -> int:
        """Take the lines of a block that begins at `at`; where to go on."""
        hole = block.find(NULS)
        block = block if hole < 0 else block[:hole]
        start = 0
        while len(out) < count:
            end = block.find(b"\n", start)
            if end < 0:
                if start == 0:  # the file ends here, or a hole begins, or the line is longer than any
                    out.append(Line(at, shown(block)))
                    start = len(block)
                break
            out.append(Line(at + start, shown(block[start:end])))
            start = end + 1
        return at + start

    def above(self, top: int, count: int) -> int:
        """Where the line begins that is `count` lines above the one at `top`."""
        if not self.size:
            return 0
        with self.path.open("rb") as file:
            for _ in range(count):
                if top <= 0:
                    break
                top = self._before(file.fileno(), min(top, self.size))
        return top

    def _before(self, descriptor: int, top: int) -> int:
        start = max(0, top - BLOCK)
        block = os.pread(descriptor, top - start, start)
        body = block[:-1] if block.endswith(b"\n") else block
        line, hole = body.rfind(b"\n"), body.rfind(NULS)
        if hole > line:
            data = start + hole + len(NULS)
            if data < top:
                return data
            return _hole_start(descriptor, top)
        return start + line + 1 if line >= 0 else start

    def tail(self, count: int) -> int:
        """Where the last `count` lines begin."""
        return self.above(self.size, count)

    def find(self, hit: Hit, top: int, *, back: bool = False, stop: Callable[[], bool] = bool) -> int | None:
        """Where the next line begins that holds what is looked for: behind the line at `top` (-1: from the first on), or
        before it. `stop` is asked once a megabyte whether to give up."""
        if not self.size:
            return None
        with self.path.open("rb") as file:
            look = self._find_back if back else self._find_on
            return look(file.fileno(), hit, top, stop)

    def _find_on(self, descriptor: int, hit: Hit, top: int, stop: Callable[[], bool]) -> int | None:
        behind = self.window(top, 2) if top >= 0 else []
        at = 0 if top < 0 else behind[1].at if len(behind) > 1 else self.size
        while at < self.size and not stop():
            at = _next_data(descriptor, at, self.size)
            chunk = os.pread(descriptor, CHUNK, at)
            if not chunk:
                return None
            cut = chunk.rfind(b"\n") + 1
            chunk = chunk[:cut] if cut and at + len(chunk) < self.size else chunk
            found = hit(chunk, False)
            if found >= 0:
                return at + max(chunk.rfind(b"\n", 0, found), chunk.rfind(b"\0", 0, found)) + 1
            at += len(chunk)
        return None

    def _find_back(self, descriptor: int, hit: Hit, top: int, stop: Callable[[], bool]) -> int | None:
        end = top
        while end > 0 and not stop():
            start = max(0, end - CHUNK)
            chunk = os.pread(descriptor, end - start, start)
            if start and (cut := chunk.find(b"\n") + 1) and cut < len(chunk):
                start, chunk = start + cut, chunk[cut:]
            found = hit(chunk, True)
            if found >= 0:
                return start + max(chunk.rfind(b"\n", 0, found), chunk.rfind(b"\0", 0, found)) + 1
            if not chunk.strip(b"\0"):
                start = min(start, _hole_start(descriptor, start))
            end = start
        return None

    def share(self, top: int) -> float:
        """How far down a place is, from 0 to 1."""
        return top / self.size if self.size else 0.0


class KeptLines:
    """The lines of a log that hold a word, or with `!` before it, that do not; places are numbers among them."""

    def __init__(self, path: Path, word: str) -> None:
        self.file = LogFile(path)
        self.path = path
        self.word = word
        self._inverse = word.startswith("!") and len(word) > 1
        self._needle = (word[1:] if self._inverse else word).lower().encode()
        self._starts = array("Q")
        self._read = 0  # bytes looked through: whole lines
        self._inode = 0
        self.pending = False
        self._open = False  # the last of `_starts` is of a line that has no end yet

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def share_read(self) -> float:
        """How much of the file has been looked through, from 0 to 1."""
        return self._read / self.file.size if self.pending else 1.0

    def refresh(self) -> bool:
        """Look through some of what was not yet (`pending` says whether there is more); True when anything changed."""
        if not self.file.refresh() and not self.pending:
            return False
        inode, size = self.file.replaced
        if inode != self._inode or size < self._read:
            self._starts, self._read, self._open = array("Q"), 0, False
        self._inode = inode
        if self._open:
            self._starts.pop()
            self._open = False
        self.pending = False
        if not size:
            return True
        enough = self._read + AT_ONCE
        with self.path.open("rb") as file:
            while self._read < size:
                if self._read >= enough:
                    self.pending = True
                    break
                at = _next_data(file.fileno(), self._read, size)
                chunk = os.pread(file.fileno(), min(CHUNK, size - at), at)
                if not chunk:
                    break
                cut = chunk.rfind(b"\n") + 1
                if not cut and len(chunk) < CHUNK:  # a line without an end: looked at, and again when there is more
                    before = len(self._starts)
                    self._take(chunk, at)
                    self._open = len(self._starts) > before
                    break
                chunk = chunk[: cut or len(chunk)]
                self._take(chunk, at)
                self._read = at + len(chunk)
        return True

    def _take(self, chunk: bytes, at: int) -> None:
        if self._inverse:
            start = 0
            for line in chunk.splitlines(keepends=True) if b"\r" not in chunk else chunk.split(b"\n"):
                if line.strip(b"\0\r\n") and self._needle not in line.lower():
                    self._starts.append(at + start)
                start += len(line) + (b"\r" in chunk)
            return
        lower, start = chunk.lower(), 0
        while (found := lower.find(self._needle, start)) >= 0:
            self._starts.append(at + max(chunk.rfind(b"\n", 0, found), chunk.rfind(b"\0", 0, found)) + 1)
            start = chunk.find(b"\n", found) + 1
            if not start:
                break

    def window(self, top: int, count: int) -> list[Line]:
        """Lines `top` … of those that are kept."""
        out: list[Line] = []
        if not self._starts:
            return out
        with self.path.open("rb") as file:
            for at in self._starts[top : top + count]:
                file.seek(at)
                out.append(Line(at, shown(file.readline(LONGEST))))
        return out

    def above(self, top: int, count: int) -> int:
        """`count` lines higher."""
        return max(0, top - count)

    def tail(self, count: int) -> int:
        """Where the last `count` lines begin."""
        return max(0, len(self._starts) - count)

    def share(self, top: int) -> float:
        """How far down a place is, from 0 to 1."""
        return top / len(self._starts) if self._starts else 0.0


def _next_data(descriptor: int, at: int, size: int) -> int:
    """Where data begins at or behind `at`; the end where there is none."""
    try:
        return os.lseek(descriptor, at, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return size
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
            return at
        raise


def _hole_start(descriptor: int, behind: int) -> int:
    """Where the hole begins that ends at `behind`: the end of the data before it."""
    end = at = 0
    while at < behind:
        try:
            data = os.lseek(descriptor, at, os.SEEK_DATA)
            if data >= behind or not os.pread(descriptor, min(BLOCK, behind - data), data).strip(b"\0"):
                break  # the first block behind the hole may begin with zeros
            end = at = os.lseek(descriptor, data, os.SEEK_HOLE)
        except OSError as error:
            if error.errno not in (errno.ENXIO, errno.EINVAL, errno.EOPNOTSUPP):
                raise
            return 0
    kept = os.pread(descriptor, min(end, 1 << 13), max(0, end - (1 << 13)))
    return min(behind, end - (len(kept) - len(kept.rstrip(b"\0"))))
