"""Datasets: wishes and what they would give before anything is written; exports; two datasets side by side.

A wish is a line: a kind and the words of a query and its options. Enter previews it in a process of its own (esc stops
that), `w` opens the export's form with it. The preview is what the export writes (o1coder/previewing.py). Rows are shown
as they are written, one at a time: left and right go through them, enter goes to the step that a row came from.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from tui.screens import datasets_pane, datasets_verbs, datasets_where
from tui.screens.datasets_keys import CSS, KEYS
from tui.screens.datasets_previews import KEPT_ROWS, Previews
from tui.screens.datasets_source import COLUMNS, DRAFT, DatasetSource, Wish, stale_since, wish_of
from tui.screens.frame import Frame, position
from tui.text import Cell
from tui.widgets.detail import Detail
from tui.widgets.entry import Entry
from tui.widgets.pane import RichLine
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from o1coder.previewing import Preview
    from o1coder.queries.datasetdiff import Diff
    from o1coder.queries.datasets import DatasetRow, Sampled

TABS = ("about", "counts", "rows", "card", "diff")


class DatasetsScreen(Frame):
    """The seventh screen."""

    TITLE = "Datasets"
    CSS = CSS
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self) -> None:
        super().__init__()
        self.source: DatasetSource | None = None
        self.ordinal = 0
        self.of: int | None = None  # whose rows are gone through
        self.sample: Sampled | None = None
        self.compared: Diff | None = None
        self.previews = Previews(self)
        self.labels_seen = -1
        self.pending = ""
        self.shown: list[RichLine] = []
        self.counted: dict[int, list[RichLine]] = {}  # of datasets, whose rows never change

    def body(self) -> ComposeResult:
        empty = "no datasets: / writes a wish, e.g. stepwise split:train"
        yield VirtualTable(COLUMNS, empty=empty, id="datasets")
        yield Detail(TABS, id="detail")

    def below(self) -> ComposeResult:
        yield Entry(id="entry")

    def on_mount(self) -> None:
        super().on_mount()
        self.table.focus()

    @property
    def table(self) -> VirtualTable:
        return self.query_one("#datasets", VirtualTable)

    @property
    def detail(self) -> Detail:
        return self.query_one(Detail)

    # where it stands -----------------------------------------------------------------------------------------------
    def reload(self) -> None:
        lab = self.lab
        if lab is None:
            return
        if self.source is None or self.source.lab is not lab:
            self.source = DatasetSource(lab)
            self.source.draft = self.previews.draft
        if self.pending:
            asked, self.pending = self.pending, ""
            if asked.isdecimal():
                self.table.go_to(int(asked))
            else:
                self.previews.typed(asked)
        self.table.show(self.source)
        if self.table.loaded:  # the rows come first
            self.ask("stale", partial(stale_since, lab, self.labels_seen), self._told_stale)

    def _told_stale(self, answer: tuple[int, dict[int, int]] | None) -> None:
        if answer is None or self.source is None:
            return
        self.labels_seen = answer[0]
        if answer[1] != self.source.stale:
            self.source.stale = answer[1]
            self.table.reload()

    def goto(self, target: str) -> None:
        if target and target != self.where():
            self.pending = target

    def where(self) -> str:
        row_id, wish = self.table.row_id, self.wish()
        return str(row_id) if row_id is not None and row_id > 0 else "" if wish is None else wish.line

    def wish(self) -> Wish | None:
        """The wish under the cursor, or that of the dataset there."""
        row_id, source = self.table.row_id, self.source
        if row_id is None or source is None:
            return None
        row = source.frozen.get(row_id)
        return source.wishes.get(row_id) if row is None else wish_of(row)

    def frozen(self) -> DatasetRow | None:
        """The dataset under the cursor."""
        row_id = self.table.row_id
        return None if row_id is None or self.source is None else self.source.frozen.get(row_id)

    def preview(self) -> Preview | None:
        """What is known of the wish under the cursor."""
        wish = None if self.frozen() is not None else self.wish()
        return None if wish is None or self.source is None else self.source.previews.get(wish.line)

    def twin(self) -> str:
        return datasets_where.twin(self)

    def copied(self) -> str:
        return datasets_where.copied(self)

    def outside(self) -> tuple[str, str] | None:
        return datasets_where.outside(self)

    def keep(self) -> dict[str, Any]:
        return {"tab": self.detail.tab, "draft": self.previews.keep()}

    def recall(self, kept: dict[str, Any]) -> None:
        self.previews.recall(kept.get("draft"))
        if isinstance(kept.get("tab"), str) and kept["tab"] != "diff":
            self.detail.open(kept["tab"])

    # the pane ------------------------------------------------------------------------------------------------------
    def on_virtual_table_moved(self) -> None:
        if self.labels_seen < 0 and self.lab is not None:
            self.ask("stale", partial(stale_since, self.lab, self.labels_seen), self._told_stale)
        if self.table.row_id != self.of:
            self.of, self.ordinal, self.sample = self.table.row_id, 0, None
            if self.detail.tab == "diff":
                self.detail.open("about")
        self.rested(self.draw_detail)

    def draw_detail(self) -> None:
        """Ask for what the open tab says, and show it."""
        lab, row, wish, found = self.lab, self.frozen(), self.wish(), self.preview()
        tab, about = self.detail.tab, (self.table.row_id, self.ordinal)
        if tab == "diff":
            self._show(about, datasets_pane.of_diff(self.compared))
        elif wish is None or lab is None:
            self._show(about, [])
        elif row is not None:
            self.ask(
                "details",
                partial(datasets_pane.of_dataset, lab, row, tab, self.ordinal, self.counted),
                partial(self._told, about),
            )
        elif found is not None:
            lines, self.sample = datasets_pane.of_preview(found, tab, self.ordinal)
            self._show(about, lines)
        else:
            error, running = self.previews.failed.get(wish.line), self.previews.running is not None
            self._show(about, datasets_pane.of_wish(wish.line, error, running))

    def _show(self, about: object, lines: list[RichLine]) -> None:
        self.shown = lines
        self.detail.show(about, lines, [Cell(position(self.table) + " ")])

    def _told(self, about: object, answer: tuple[list[RichLine], Sampled | None]) -> None:
        if about == (self.table.row_id, self.ordinal):
            self.sample = answer[1]
            self._show(about, answer[0])

    def on_detail_turned(self) -> None:
        self.draw_detail()

    def on_unmount(self) -> None:
        self.previews.cancel()

    # keys ----------------------------------------------------------------------------------------------------------
    def on_virtual_table_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        row, wish = self.frozen(), self.wish()
        if self.detail.tab == "rows" and self.sample is not None and self.sample.step is not None:
            self.lab_app.go("tree", f"step:{self.sample.step}")
        elif row is not None:
            self.detail.open("rows")
            self.draw_detail()
        elif wish is not None and self.preview() is None:
            self.previews.ask(wish)
        elif wish is not None:
            self.detail.open("rows")
            self.draw_detail()

    def action_wish(self) -> None:
        self.previews.write()

    def action_again(self) -> None:
        wish = self.wish()
        if self.frozen() is None and wish is not None:
            self.previews.ask(wish)
        else:
            self.labels_seen = -1
            self.reload()

    def action_tab(self, delta: int) -> None:
        self.detail.turn(delta)
        if self.frozen() is not None:
            self.detail.show(None, [])  # the tab shows at once, what it says when it is known
        self.draw_detail()

    def action_row(self, delta: int) -> None:
        row, found = self.frozen(), self.preview()
        rows = row.rows if row is not None else 0 if found is None else len(found.first)
        if self.detail.tab != "rows":
            self.detail.open("rows")
        elif found is not None and delta > 0 and self.ordinal + 1 >= rows and rows < found.rows:
            self.say(f"of a preview the first {KEPT_ROWS} rows are kept: w writes all {found.rows:,}")
        else:
            self.ordinal = max(0, min(self.ordinal + delta, rows - 1))
        self.draw_detail()

    def action_diff(self) -> None:
        datasets_verbs.compare(self, self._compared)

    def _compared(self, found: Diff) -> None:
        self.compared = found
        self.detail.open("diff")
        self.draw_detail()

    def action_export(self) -> None:
        wish, row = self.wish(), self.frozen()
        if wish is not None and not self.refused("export"):
            datasets_verbs.export(self, wish, None if row is None else row.id)

    def action_save(self) -> None:
        wish = self.wish()
        if wish is not None and not self.refused("keep a wish"):
            self.query_one(Entry).begin("name", wish.name, "a name for the wish")

    def action_forget(self) -> None:
        wish = self.wish()
        if self.table.row_id == DRAFT:
            self.previews.drop_draft()
        elif wish is None or not wish.name:
            self.say("only the name of a wish that is kept can be let go: datasets stay")
        elif not self.refused("forget a wish"):
            datasets_verbs.forget(self, wish)

    def action_used(self) -> None:
        row = self.frozen()
        if row is not None and row.used_by:
            self.lab_app.go("checkpoints", str(row.used_by[-1]))
        else:
            self.say("no checkpoint was trained on it")

    def action_job(self) -> None:
        row = self.frozen()
        if row is not None and row.job is not None:
            self.lab_app.go("jobs", str(row.job))

    def on_entry_several(self, message: Entry.Several) -> None:
        self.say(" ".join(message.words))

    def on_entry_left(self) -> None:
        self.table.focus()

    def on_entry_given(self, message: Entry.Given) -> None:
        self.table.focus()
        wish = self.wish()
        if message.what == "wish" and message.text:
            self.detail.open("about")
            self.previews.typed(message.text)
        elif message.what == "name" and message.text and wish is not None:
            datasets_verbs.keep(self, wish, message.text)

    def action_zoom(self) -> None:
        self.toggle_class("zoomed")

    def action_pane(self, delta: int) -> None:
        self.detail.scroll_lines(delta)

    def action_back(self) -> None:
        if self.previews.running is not None:
            self.previews.cancel()
        elif self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif self.table.clear_marks():
            return
        elif self.detail.tab != "about":
            self.detail.open("about")
            self.draw_detail()
        elif self.table.row_id == DRAFT:
            self.previews.drop_draft()
