"""A log read from its file by byte offset: any size, followed as it grows, filtered by a word.

`LogFile` keeps where lines start and re-reads only what was appended; `LogView` draws a window of it and polls in a
worker thread while it is on the screen. A file that shrank is read anew. What a program wrote between carriage returns
(a progress bar) is shown as its last state. Colours a log carries are shown as inert text, not obeyed.
"""

from __future__ import annotations

from array import array
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.text import fit, inert

CHUNK = 1 << 20
LONGEST = 4096  # bytes of one line that are read
POLL_S = 0.5


class LogFile:
    """Line starts of a file and, under a filter, the lines that match. One thread refreshes and reads it at a time."""

    def __init__(self, path: Path, word: str = "") -> None:
        self.path = path
        self.word = word
        self._needle = word.lower().encode()
        self._forget()

    def _forget(self) -> None:
        self.starts = array("Q")
        self.kept: array[int] | None = array("Q") if self._needle else None
        self.size = 0  # bytes read so far
        self._open: int | None = None  # start of the line that has no newline yet

    def refresh(self) -> bool:
        """Read what was appended since the last call; True when anything changed. A missing file has no lines."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            changed = self.size > 0
            self._forget()
            return changed
        if size < self.size:
            self._forget()
        if size == self.size:
            return False
        with self.path.open("rb") as file:
            file.seek(self.size)
            held = b""
            if self._open is not None:  # the unfinished line is read again, whole
                file.seek(self._open)
                self.size = self._open
                self._drop_last()
            while chunk := file.read(CHUNK):
                held = self._take(held + chunk)
            self._open = None
            if held:
                before = len(self.starts)
                self._add(self.size, held)
                self._open = self.size if len(self.starts) > before else None
                self.size += len(held)
        return True

    def _take(self, data: bytes) -> bytes:
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._add(self.size, data[start:end])
            self.size += end + 1 - start
            start = end + 1
        if len(data) - start > CHUNK:  # no line is that long: a hole where a capped log's middle was, or no text at all
            self._add(self.size, data[start:])
            self.size += len(data) - start
            return b""
        return data[start:]

    def _add(self, offset: int, line: bytes) -> None:
        if line[:1] == b"\0" and not line.strip(b"\0"):
            return
        self.starts.append(offset)
        if self.kept is not None and self._needle in line.lower():
            self.kept.append(offset)

    def _drop_last(self) -> None:
        offset = self.starts.pop()
        if self.kept and self.kept[-1] == offset:
            self.kept.pop()

    def __len__(self) -> int:
        return len(self.starts if self.kept is None else self.kept)

    def lines(self, first: int, count: int) -> list[str]:
        """Inert lines `first` … `first + count - 1` of those that match."""
        offsets = (self.starts if self.kept is None else self.kept)[first : first + count]
        if not len(offsets):
            return []
        out: list[str] = []
        with self.path.open("rb") as file:
            for offset in offsets:
                file.seek(offset)
                line = file.readline(LONGEST).rstrip(b"\r\n").rpartition(b"\r")[2].strip(b"\0")
                out.append(inert(line.decode("utf-8", "replace")))
        return out


class LogView(Widget, can_focus=True):
    """A window on a log; follows its end until it is scrolled up."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "LogView { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_by(-1)", "up", show=False),
        Binding("down,j", "scroll_by(1)", "down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", "page up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", "page down", show=False),
        Binding("home,g", "top", "first", show=False),
        Binding("end,G,F", "follow", "follow", show=False),
    ]

    class _Arrived(Message, bubble=False):
        def __init__(self, file: LogFile, first: int, total: int, lines: list[str]) -> None:
            super().__init__()
            self.file = file
            self.first = first
            self.total = total
            self.lines = lines

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.following = True
        self.total = 0
        self._file: LogFile | None = None
        self._first = 0
        self._lines: list[str] = []
        self._drawn = 0
        self._busy = False
        self._moved = False

    @property
    def path(self) -> Path | None:
        return None if self._file is None else self._file.path

    def on_mount(self) -> None:
        self.set_interval(POLL_S, self.poll)

    def show(self, path: Path | None, word: str = "") -> None:
        """Show another file, or the same one filtered by a word (case does not matter); follows its end."""
        if self._file is not None and path == self._file.path and word == self._file.word:
            return
        self._file = None if path is None else LogFile(path, word)
        self.following, self.total, self._first = True, 0, 0
        self._put([])
        self.poll()

    def _put(self, lines: list[str]) -> None:
        """Take other lines and repaint those that differ."""
        before, self._lines = self._lines, lines
        for row, (old, new) in enumerate(zip_longest(before, lines, fillvalue="")):
            if old != new:
                self.refresh(Region(0, row, self.size.width, 1))

    def poll(self) -> None:
        """Look for news; does nothing while hidden or while the last look is under way."""
        if self._file is None or self._busy or self.size.height == 0 or not self.screen.is_current:
            return
        self._busy, moved, self._moved = True, self._moved, False
        work = partial(self._read, self._file, self._first, self.size.height, self.following, moved)
        self.run_worker(work, thread=True, group="log")

    def _read(self, file: LogFile, first: int, height: int, following: bool, moved: bool) -> None:
        changed = file.refresh()
        first = max(0, len(file) - height) if following else max(0, min(first, len(file) - height))
        lines: list[str] = []
        if changed or moved or first != self._drawn or len(self._lines) < min(height, len(file)):
            lines = file.lines(first, height)
        self.post_message(self._Arrived(file, first, len(file), lines))

    def on_log_view__arrived(self, message: _Arrived) -> None:
        self._busy = False
        if message.file is self._file and (message.lines or message.total != self.total):
            self.total, self._drawn = message.total, message.first
            if not self._moved:
                self._first = message.first
            self._put(message.lines)
        if self._moved or message.file is not self._file:
            self.poll()

    def _scroll(self, first: int, following: bool = False) -> None:
        self._first = max(0, min(first, self.total - self.size.height))
        self.following, self._moved = following, True
        self.poll()

    def action_scroll_by(self, delta: int) -> None:
        self._scroll(self._first + delta)

    def action_page(self, direction: int) -> None:
        self._scroll(self._first + direction * max(1, self.size.height - 1))

    def action_top(self) -> None:
        self._scroll(0)

    def action_follow(self) -> None:
        self._scroll(self.total, following=True)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_scroll_by(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_scroll_by(-3)

    def on_resize(self) -> None:
        self._moved = True
        self.poll()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, Style.null())
        return Strip([Segment(fit(self._lines[y], width), Style.null())], width)
