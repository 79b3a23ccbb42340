"""A table of any length that draws only the lines on the screen and asks for only the rows it draws.

The order of the rows is held as an array of ids; cells come in windows from a source, in a worker thread, one request
in flight at a time, so a flood of keys or of changes collapses into the newest request. Moving the cursor repaints two
lines. There is no horizontal scrolling (columns give way on narrow terminals), no cell cursor and no sorting: the
source's order is the order.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, NamedTuple, Protocol

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from o1coder.errors import LabError
from tui.text import GLYPHS, Cell, fit

MARGIN = 96  # rows fetched beyond each edge of the screen
KEPT = 4096  # rows cached before the cache is dropped
MOST_MARKED = 100_000  # rows marked at once
Row = Sequence[Cell]


class Column(NamedTuple):
    """A column: `width` in cells (0: takes what is left); shown on widgets at least `at` cells wide."""

    title: str
    width: int
    right: bool = False
    at: int = 0


class Order(Protocol):
    """Which ids stand on which line."""

    def __len__(self) -> int: ...
    def id_at(self, index: int) -> int: ...
    def find(self, row_id: int) -> int | None: ...
    def prefix(self, index: int) -> str: ...
    def adopt(self, old: Order) -> None: ...


class Source(Protocol):
    """Where a table's order and rows come from; both are called in worker threads."""

    def order(self) -> Order: ...
    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]: ...


class FlatOrder:
    """Ids one below the other: 8 bytes a row."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = ids if isinstance(ids, array) else array("q", ids)

    def __len__(self) -> int:
        return len(self.ids)

    def id_at(self, index: int) -> int:
        return int(self.ids[index])

    def find(self, row_id: int) -> int | None:
        try:
            return self.ids.index(row_id)
        except ValueError:
            return None

    def prefix(self, index: int) -> str:
        return ""

    def adopt(self, old: Order) -> None:
        """Nothing of an older flat order lives on in a newer one."""


class VirtualTable(Widget, can_focus=True):
    """The table widget; see the module's head. Row ids are the only identity: cursor and marks follow them."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "VirtualTable { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="table.up"),
        Binding("down,j", "move(1)", "down", show=False, id="table.down"),
        Binding("pageup,ctrl+u", "page(-1)", "page up", show=False, id="table.page_up"),
        Binding("pagedown,ctrl+d", "page(1)", "page down", show=False, id="table.page_down"),
        Binding("home,g", "edge(-1)", "first", show=False, id="table.first"),
        Binding("end,G", "edge(1)", "last", show=False, id="table.last"),
        Binding("space", "mark", "mark", show=False, id="table.mark", tooltip="mark the row, or take the mark away"),
        Binding("v", "range", "range", show=False, id="table.range", tooltip="mark from here to where the cursor goes"),
        Binding(
            "A", "mark_all", "mark all", show=False, id="table.mark_all", tooltip="mark all that is shown, or none"
        ),
        Binding("enter", "choose", "open", show=False, id="table.open"),
    ]

    class Moved(Message):
        """The cursor stands on another row, or on none (`row_id` is None), or its row was reloaded."""

        def __init__(self, table: VirtualTable, row_id: int | None) -> None:
            super().__init__()
            self.table = table
            self.row_id = row_id

        @property
        def control(self) -> VirtualTable:
            return self.table

    class Chosen(Message):
        """Enter or a double click on a row."""

        def __init__(self, table: VirtualTable, row_id: int) -> None:
            super().__init__()
            self.table = table
            self.row_id = row_id

        @property
        def control(self) -> VirtualTable:
            return self.table

    class _Arrived(Message, bubble=False):
        def __init__(self, source: Source, order: Order | None, rows: Mapping[int, Row]) -> None:
            super().__init__()
            self.source = source
            self.order = order
            self.rows = rows

    class Failed(Message):
        """The source raised; the screen decides how to say so."""

        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

    def __init__(self, columns: Sequence[Column], *, empty: str = "nothing here yet", id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.empty = empty
        self.marks: set[int] = set()
        self.order: Order = FlatOrder(())
        self.loaded = False
        self._source: Source | None = None
        self._cache: dict[int, Row] = {}
        self._index = 0
        self._top = 0
        self._busy = False
        self._stale = False
        self._wanted: int | None = None
        self._anchor: int | None = None  # the line where a range begins
        self._before: frozenset[int] = frozenset()  # what was marked before the range

    # what is shown -------------------------------------------------------------------------------------------------
    @property
    def index(self) -> int:
        """The cursor's line, from 0."""
        return self._index

    @property
    def row_id(self) -> int | None:
        """The id under the cursor, None in an empty table."""
        return self.order.id_at(self._index) if len(self.order) else None

    def row(self, row_id: int) -> Row | None:
        """The cells of a row if they have been fetched."""
        return self._cache.get(row_id)

    def show(self, source: Source) -> None:
        """Take another source; the old rows stay on the screen until the new ones are here."""
        if self._source is not source:
            self._source = source
            self.clear_marks()
        self.reload()

    def reload(self) -> None:
        """Fetch order and visible rows again; called during a fetch, it makes one more and no more than one."""
        self._stale = True
        self._fetch()

    def go_to(self, row_id: int) -> None:
        """Put the cursor on a row now, or as soon as a reload brings it."""
        found = self.order.find(row_id)
        if found is None:
            self._wanted = row_id
        else:
            self._set_index(found)

    def put(self, row_id: int, row: Row) -> None:
        """Show other cells for a row now, before the source says the same."""
        self._cache[row_id] = row
        found = self.order.find(row_id)
        if found is not None:
            self._repaint(found)

    # fetching ------------------------------------------------------------------------------------------------------
    def _window(self) -> range:
        height = max(1, self.size.height - 1)
        return range(max(0, self._top - MARGIN), min(len(self.order), self._top + height + MARGIN))

    def _missing(self) -> list[int]:
        height = max(1, self.size.height - 1)
        seen = range(self._top, min(len(self.order), self._top + height))
        if all(self.order.id_at(index) in self._cache for index in seen):
            return []
        return [row_id for row_id in map(self.order.id_at, self._window()) if row_id not in self._cache]

    def _fetch(self) -> None:
        if self._source is None or self._busy or not self.is_mounted:
            return
        missing = self._missing()
        if not self._stale and not missing:
            return
        anchor = self.row_id if self._wanted is None else self._wanted
        work = partial(self._ask, self._source, self._stale, missing, anchor, self._index - self._top, self.order)
        self._busy, self._stale = True, False
        self.run_worker(work, thread=True, group="rows", exit_on_error=False)

    def _ask(
        self, source: Source, reload: bool, missing: list[int], anchor: int | None, offset: int, old: Order
    ) -> None:
        """In a worker thread: the order (when asked again) and the rows of the window it will show."""
        try:
            order: Order | None = None
            if reload:
                order = source.order()
                order.adopt(old)
                found = order.find(anchor) if anchor is not None else None
                top = max(0, (min(self._index, len(order) - 1) if found is None else found) - max(0, offset))
                last = min(len(order), top + max(24, self.size.height) + MARGIN)
                missing = [order.id_at(index) for index in range(max(0, top - MARGIN), last)]
            self.post_message(self._Arrived(source, order, source.rows(missing)))
        except Exception as error:
            self.post_message(self.Failed(error))
            self.post_message(self._Arrived(source, None, {}))
            raise

    def on_virtual_table__arrived(self, message: _Arrived) -> None:
        self._busy = False
        if message.source is not self._source:
            self._fetch()
            return
        before = self._on_screen()
        if message.order is not None:
            self._take_order(message.order, message.rows)
        else:
            if len(self._cache) > KEPT:
                self._cache.clear()
            self._cache.update(message.rows)
        self._repaint_changed(before)
        if message.rows or message.order is not None:
            self._fetch()

    def _on_screen(self) -> tuple[int, int, bool, list[tuple[int, str, Row | None]]]:
        """What the lines on the screen are drawn from."""
        lines = range(self._top, min(len(self.order), self._top + self._height))
        rows = [(self.order.id_at(line), self.order.prefix(line)) for line in lines]
        return self._top, self._index, self.loaded, [(*told, self._cache.get(told[0])) for told in rows]

    def _repaint_changed(self, before: tuple[int, int, bool, list[tuple[int, str, Row | None]]]) -> None:
        """Repaint only lines that differ: news of one row costs one line on the wire."""
        after = self._on_screen()
        if after[:3] != before[:3] or len(after[3]) != len(before[3]):
            self.refresh()
            return
        for line, (new, old) in enumerate(zip(after[3], before[3], strict=True)):
            if new != old:
                self._repaint(self._top + line)

    def _take_order(self, order: Order, rows: Mapping[int, Row]) -> None:
        row_id = self.row_id if self._wanted is None else self._wanted
        found = order.find(row_id) if row_id is not None else None
        if found is not None:
            self._wanted = None
        offset = self._index - self._top
        order.adopt(self.order)
        self.order, self._cache, self.loaded = order, dict(rows), True
        self._anchor = None  # lines have moved
        if self.marks and isinstance(order, FlatOrder) and len(order) <= MOST_MARKED:
            self.marks &= set(order.ids)
        self._index = max(0, min(self._index if found is None else found, len(order) - 1))
        self._top = self._clamped(self._index - offset)
        self.post_message(self.Moved(self, self.row_id))

    # moving --------------------------------------------------------------------------------------------------------
    @property
    def _height(self) -> int:
        return max(1, self.size.height - 1)

    def _clamped(self, top: int) -> int:
        top = max(self._index - self._height + 1, min(top, self._index))
        return max(0, min(top, len(self.order) - self._height))

    def _set_index(self, index: int) -> None:
        index = max(0, min(index, len(self.order) - 1))
        if index == self._index or not len(self.order):
            return
        old, self._index = self._index, index
        if self._anchor is not None:
            self._mark_range(self._anchor)
        top = self._clamped(self._top)
        if top == self._top:
            self._repaint(old)
            self._repaint(index)
        else:
            self._top = top
            self.refresh()
        self._fetch()
        self.post_message(self.Moved(self, self.row_id))

    def _repaint(self, index: int) -> None:
        line = index - self._top + 1
        if 1 <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def action_move(self, delta: int) -> None:
        self._set_index(self._index + delta)

    def action_page(self, direction: int) -> None:
        self._top = max(0, min(self._top + direction * self._height, len(self.order) - self._height))
        self._set_index(self._index + direction * self._height)
        self.refresh()

    def action_edge(self, direction: int) -> None:
        self._set_index(0 if direction < 0 else len(self.order) - 1)

    def action_mark(self) -> None:
        row_id = self.row_id
        if row_id is not None:
            self.marks ^= {row_id}
            self._repaint(self._index)
            self.action_move(1)

    def action_range(self) -> None:
        """Begin a range at the cursor, or end the one that is under way and keep its marks."""
        if self._anchor is None and len(self.order):
            self._before = frozenset(self.marks)
            self._mark_range(self._index)
        else:
            self._anchor = None

    def _mark_range(self, anchor: int) -> None:
        self._anchor = anchor
        first, last = sorted((anchor, self._index))
        last = min(last, first + MOST_MARKED)
        self.marks = {*self._before, *(self.order.id_at(line) for line in range(first, last + 1))}
        self.refresh()

    def action_mark_all(self) -> None:
        if len(self.order) > MOST_MARKED:
            self.post_message(
                self.Failed(LabError(f"{len(self.order)} rows are too many to mark", "filter them first"))
            )
            return
        shown = {self.order.id_at(line) for line in range(len(self.order))}
        all_marked = shown <= self.marks
        self.clear_marks()
        self.marks = set() if all_marked else shown
        self.refresh()

    def clear_marks(self) -> bool:
        """Take all marks away and end a range; whether there was any."""
        had = bool(self.marks) or self._anchor is not None
        self.marks, self._anchor, self._before = set(), None, frozenset()
        if had:
            self.refresh()
        return had

    def action_choose(self) -> None:
        row_id = self.row_id
        if row_id is not None:
            self.post_message(self.Chosen(self, row_id))

    def on_click(self, event: events.Click) -> None:
        index = self._top + event.y - 1
        if event.y >= 1 and index < len(self.order):
            self._set_index(index)
            if event.chain == 2:
                self.action_choose()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-3)

    def on_mount(self) -> None:
        self._fetch()

    def on_resize(self) -> None:
        self._top = self._clamped(self._top)
        self.refresh()
        self._fetch()

    def on_focus(self) -> None:
        self._repaint(self._index)

    def on_blur(self) -> None:
        self._repaint(self._index)

    # drawing -------------------------------------------------------------------------------------------------------
    def _layout(self, width: int) -> list[tuple[int, Column, int]]:
        shown = [(number, column) for number, column in enumerate(self.columns) if column.at <= width]
        fixed = sum(column.width for _, column in shown) + len(shown)
        flexible = sum(1 for _, column in shown if column.width == 0)
        spare = max(4, (width - fixed - 1) // flexible) if flexible else 0
        return [(number, column, column.width or spare) for number, column in shown]

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._header(width)
        index = self._top + y - 1
        if index >= len(self.order):
            if y == 1 and self.loaded:
                return _strip([Segment(fit("  " + self.empty, width), Style.parse("dim"))], width)
            return Strip.blank(width, Style.null())
        row_id = self.order.id_at(index)
        row = self._cache.get(row_id)
        cursor = index == self._index
        base = Style.parse("reverse" if self.has_focus else "reverse dim") if cursor else Style.null()
        gutter = GLYPHS.mark if row_id in self.marks else " "
        segments = [Segment(gutter, base + Style.parse("bold"))]
        for number, column, room in self._layout(width):
            cell = row[number] if row is not None and number < len(row) else Cell("" if row is not None else GLYPHS.dot)
            text = self.order.prefix(index) + cell.text if number == 0 else cell.text
            style = base if cursor else Style.parse(cell.style)
            segments.append(Segment(fit(text, room, right=column.right), style))
            segments.append(Segment(" ", base))
        return _strip(segments, width, base)

    def _header(self, width: int) -> Strip:
        text = " " + "".join(fit(c.title, room, right=c.right) + " " for _, c, room in self._layout(width))
        return _strip([Segment(text, Style.parse("bold dim"))], width)


def _strip(segments: list[Segment], width: int, style: Style | None = None) -> Strip:
    return Strip(segments).adjust_cell_length(width, style or Style.null()).simplify()  # fewer escapes on the wire
