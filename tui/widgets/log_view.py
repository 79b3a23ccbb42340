"""A window on a log: it follows the end until it is scrolled up, filters, searches, and goes from error to error.

It draws lines that log_file.py reads in a worker thread, one question at a time, and polls while it is on the screen.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.log_file import Hit, KeptLines, Line, LogFile, error_hit, word_hit
from tui.text import fit

POLL_S = 0.5


class Move(NamedTuple):
    """Where to go: `lines` up (negative) or down, to the line that begins `at`, or to an edge (-1 first, 1 the end)."""

    lines: int = 0
    edge: int = 0
    at: int | None = None


class Search:
    """One search under way; `stopped` is what its thread looks at."""

    def __init__(self, hit: Hit, back: bool) -> None:
        self.hit = hit
        self.back = back
        self.stopped = False


class LogView(Widget, can_focus=True):
    """The widget; see the module's head."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "LogView { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_by(-1)", "up", show=False, id="log.up"),
        Binding("down,j", "scroll_by(1)", "down", show=False, id="log.down"),
        Binding("pageup,ctrl+u", "page(-1)", "page up", show=False, id="log.page_up"),
        Binding("pagedown,ctrl+d", "page(1)", "page down", show=False, id="log.page_down"),
        Binding("home,g", "top", "first", show=False, id="log.first", tooltip="the log's beginning"),
        Binding("end,G,F", "follow", "follow", show=False, id="log.follow", tooltip="its end, and what is added"),
        Binding(
            "n", "match(1)", "next match", show=False, id="log.match", tooltip="the next line with the word searched"
        ),
        Binding("N", "match(-1)", "match before", show=False, id="log.match_back", tooltip="the one before"),
    ]

    class Looked(Message):
        """Where the view stands (`status`), or what a search has to say (`note`), has changed."""

        def __init__(self, view: LogView) -> None:
            super().__init__()
            self.view = view

    class _Found(Message, bubble=False):
        def __init__(self, search: Search, at: int | None, note: str) -> None:
            super().__init__()
            self.search = search
            self.at = at
            self.note = note

    class _Arrived(Message, bubble=False):
        def __init__(
            self, file: LogFile | KeptLines, top: int, lines: list[Line], following: bool, found: int | None
        ) -> None:
            super().__init__()
            self.file = file
            self.top = top
            self.lines = lines
            self.following = following
            self.found = found

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.following = True
        self.word = ""  # what is searched for
        self._file: LogFile | KeptLines | None = None
        self._lines: list[Line] = []
        self._top = 0
        self._found: int | None = None  # the line that a search stands on
        self._moves: list[Move] = []
        self._busy = False
        self._search: Search | None = None
        self._said = ""
        self.note = ""  # what the last search had to say

    @property
    def path(self) -> Path | None:
        """The file that is shown."""
        return None if self._file is None else self._file.path

    @property
    def status(self) -> str:
        """Where it stands, in a few words."""
        if self._file is None:
            return ""
        if self._search is not None:
            return "searching"
        if isinstance(self._file, KeptLines):
            more = f" in {self._file.share_read:.0%}" if self._file.pending else ""
            return f"{len(self._file):,} lines{more}"
        return "end" if self.following else f"{self._file.share(self._top):.0%}"

    def on_mount(self) -> None:
        self.set_interval(POLL_S, self.poll)

    def show(self, path: Path | None, keep: str = "") -> None:
        """Show another file, or the same one with only the lines that hold a word (`!word`: that do not); follows its end."""
        word = self._file.word if isinstance(self._file, KeptLines) else ""
        if self._file is not None and path == self._file.path and keep == word:
            return
        self.stop_search()
        self.note = ""
        self._file = None if path is None else KeptLines(path, keep) if keep else LogFile(path)
        self.following, self._top, self._lines, self._found, self._moves = True, 0, [], None, []
        self.refresh()
        self.poll()

    def poll(self) -> None:
        """Look for news; does nothing while hidden or while the last look is under way."""
        if self._file is None or self._busy or self.size.height == 0 or not self.screen.is_current:
            return
        self._busy = True
        moves, self._moves = self._moves, []
        work = partial(self._read, self._file, self._top, self.size.height, self.following, self._found, moves)
        self.run_worker(work, thread=True, group="log")

    def _read(
        self,
        file: LogFile | KeptLines,
        top: int,
        height: int,
        following: bool,
        found: int | None,
        moves: list[Move],
    ) -> None:
        """In a thread: go where it was asked to, and read what is there."""
        changed = file.refresh()
        full = len(self._lines) == height or bool(top)
        if not changed and not moves and self._lines and full:
            self.post_message(self._Arrived(file, top, self._lines, following, found))
            return
        for move in moves:
            if move.edge:
                following, found = move.edge > 0, None
                top = 0
            elif move.at is not None:
                following, found = False, move.at
                top = file.above(move.at, height // 3)
            else:
                if following:
                    top = file.tail(height)
                following = False
                top = self._scrolled(file, top, move.lines, height)
                last = file.tail(height)
                if top >= last:
                    top, following = last, move.lines > 0
        top = file.tail(height) if following else min(top, file.tail(height))
        self.post_message(self._Arrived(file, top, file.window(top, height), following, found))

    @staticmethod
    def _scrolled(file: LogFile | KeptLines, top: int, by: int, height: int) -> int:
        if by < 0:
            return file.above(top, -by)
        if isinstance(file, KeptLines):
            return top + by
        lines = file.window(top, by + 1)
        return lines[-1].at if lines else top

    def on_log_view__arrived(self, message: _Arrived) -> None:
        self._busy = False
        if message.file is self._file:
            before = (self._lines, self._found)
            self._top, self._lines, self.following = message.top, message.lines, message.following
            self._found = message.found
            if (self._lines, self._found) != before:
                self.refresh()
            if self.status != self._said:
                self._said = self.status
                self.post_message(self.Looked(self))
        pending = isinstance(self._file, KeptLines) and self._file.pending
        if self._moves or pending or message.file is not self._file:
            self.poll()

    def _move(self, move: Move) -> None:
        if move.at is None:
            self.note = ""
        self._moves.append(move)
        self.poll()

    def action_scroll_by(self, delta: int) -> None:
        self._move(Move(lines=delta))

    def action_page(self, direction: int) -> None:
        self._move(Move(lines=direction * max(1, self.size.height - 1)))

    def action_top(self) -> None:
        self._move(Move(edge=-1))

    def action_follow(self) -> None:
        self._move(Move(edge=1))

    def action_error(self, direction: int) -> None:
        self._look(error_hit, direction < 0)

    def action_match(self, direction: int) -> None:
        if self.word:
            self._look(word_hit(self.word), direction < 0)

    def search(self, word: str) -> None:
        """Go to the next line that holds a word; at the end of the log, to the last one."""
        self.word = word
        self._look(word_hit(word), self.following)

    def stop_search(self) -> bool:
        """Give a search up; whether there was one."""
        if self._search is None:
            return False
        self._search.stopped = True
        self._search = None
        return True

    def _look(self, hit: Hit, back: bool) -> None:
        """Search in a thread of its own: the log is read on meanwhile."""
        self.stop_search()
        self.note = ""
        if not isinstance(self._file, LogFile):
            self.note = "take the filter away (esc) to search"
            self.post_message(self.Looked(self))
            return
        begin = self._found if self._found is not None else self._file.size if self.following and back else self._top
        self._search = Search(hit, back)
        self.run_worker(partial(self._find, self._file.path, self._search, begin), thread=True, group="log-search")
        self.post_message(self.Looked(self))

    def _find(self, path: Path, search: Search, begin: int) -> None:
        file = LogFile(path)
        file.refresh()
        note = ""
        at = file.find(search.hit, begin, back=search.back, stop=lambda: search.stopped)
        if at is None:
            note = "round the end"
            at = file.find(search.hit, file.size if search.back else -1, back=search.back, stop=lambda: search.stopped)
        self.post_message(
            self._Found(search, at, "nothing found" if at is None else "no other" if at == begin else note)
        )

    def on_log_view__found(self, message: _Found) -> None:
        if message.search is not self._search:
            return
        self._search = None
        self.note = message.note
        if message.at is not None:
            self._move(Move(at=message.at))
        self.post_message(self.Looked(self))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_scroll_by(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_scroll_by(-3)

    def on_resize(self) -> None:
        self._move(Move(lines=0)) if not self.following else self._move(Move(edge=1))

    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(line.text for line in self._lines)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, Style.null())
        line = self._lines[y]
        style = "reverse" if line.at == self._found else "dim" if line.left_out else ""
        return Strip([Segment(fit(line.text, width), Style.parse(style))], width)
