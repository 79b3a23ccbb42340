"""Datasets: wishes and what they would give before anything is written; exports; two datasets side by side.

A wish is a line: a kind and the words of a query and its options. Enter previews it in a process of its own (esc stops
that), `w` opens the export's form with it. The preview is what the export writes (o1coder/previewing.py). Rows are shown
as they are written, one at a time: left and right go through them, enter goes to the step that a row came from.
"""

from __future__ import annotations

import json
import shlex
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from o1coder.errors import LabError
from tui.screens import datasets_pane, datasets_verbs
from tui.screens.datasets_source import COLUMNS, DRAFT, DatasetSource, Wish, wish_of
from tui.screens.frame import Frame, position
from tui.text import GLYPHS, Cell
from tui.widgets.detail import Detail
from tui.widgets.entry import Entry
from tui.widgets.pane import RichLine
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from o1coder.apart import Previewing
    from o1coder.lab import Lab
    from o1coder.previewing import Preview
    from o1coder.queries.datasetdiff import Diff
    from o1coder.queries.datasets import DatasetRow, Sampled

TABS = ("about", "counts", "rows", "card", "diff")
KEPT_ROWS = 200  # of a preview


class DatasetsScreen(Frame):
    """The seventh screen."""

    TITLE = "Datasets"
    CSS = """
    DatasetsScreen #datasets { height: 2fr; }
    DatasetsScreen #detail { height: 3fr; }
    DatasetsScreen.-wide #datasets { width: 1fr; height: 1fr; }
    DatasetsScreen.-wide #detail { width: 1fr; height: 1fr; }
    DatasetsScreen.-short #detail { display: none; }
    DatasetsScreen.zoomed #datasets { display: none; }
    DatasetsScreen.zoomed #detail { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "wish", "query", id="datasets.wish", tooltip="write a wish: a kind, and words of a query"),
        Binding("enter", "open", "preview, open", id="datasets.open", tooltip="preview a wish; of a row, its step"),
        Binding("t", "tab(1)", "next tab", id="datasets.tab", tooltip="about, counts, rows, card, diff"),
        Binding("T", "tab(-1)", "previous tab", show=False, id="datasets.tab_back", tooltip="the tab before"),
        Binding("w", "export", "export", id="datasets.export", tooltip="the export's form with this wish in it"),
        Binding("d", "diff", "diff", id="datasets.diff", tooltip="compare: marked ones, or with the one before it"),
        Binding("left,h", "row(-1)", "row before", show=False, id="datasets.left", tooltip="the row before"),
        Binding("right,l", "row(1)", "next row", show=False, id="datasets.right", tooltip="the next row"),
        Binding("S", "save", "save", show=False, id="datasets.save", tooltip="keep the wish under a name"),
        Binding("x", "forget", "forget", show=False, id="datasets.forget", tooltip="let the name of a wish go"),
        Binding("u", "used", "used by", show=False, id="datasets.used", tooltip="the checkpoint trained on it"),
        Binding("p", "job", "its job", show=False, id="datasets.job", tooltip="the job that made it"),
        Binding("r", "again", "again", show=False, id="datasets.again", tooltip="preview it again, ask all anew"),
        Binding("plus", "zoom", "zoom", show=False, id="datasets.zoom", tooltip="the pane alone"),
        Binding("J,shift+down", "pane(3)", "scroll", show=False, id="datasets.pane_down", tooltip="scroll the pane"),
        Binding("K,shift+up", "pane(-3)", "scroll", show=False, id="datasets.pane_up", tooltip="scroll it back"),
        Binding("escape", "back", "back", show=False, id="datasets.back", tooltip="stop, or one step back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.source: DatasetSource | None = None
        self.ordinal = 0
        self.of: int | None = None  # whose rows are gone through
        self.sample: Sampled | None = None
        self.compared: Diff | None = None
        self.failed: dict[str, LabError] = {}
        self.running: Previewing | None = None
        self.labels_seen = -1
        self.pending = ""
        self.draft: Wish | None = None
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
            self.source.draft = self.draft
        if self.pending:
            asked, self.pending = self.pending, ""
            if asked.isdecimal():
                self.table.go_to(int(asked))
            else:
                self._typed(asked)
        self.table.show(self.source)
        if self.table.loaded:  # the rows come first
            self.ask("stale", partial(self._stale, lab, self.labels_seen), self._told_stale)

    @staticmethod
    def _stale(lab: Lab, seen: int) -> tuple[int, dict[int, int]] | None:
        from o1coder.queries import datasets

        with lab.reading() as connection:
            newest = datasets.newest_label(connection)
            return None if newest == seen else (newest, datasets.stale(connection))

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
        row, wish = self.frozen(), self.wish()
        if self.detail.tab == "diff" and self.compared is not None:
            return f"o1coder datasets diff {self.compared.a} {self.compared.b}"
        if row is not None:
            rows = f" --rows 1 --skip {self.ordinal}" if self.detail.tab == "rows" else ""
            return f"o1coder datasets show {row.id}{rows}"
        if wish is None:
            return "o1coder datasets list"
        return shlex.join(["o1coder", "datasets", "preview", wish.kind, "--query", wish.text])

    def copied(self) -> str:
        row, found = self.frozen(), self.preview()
        if self.detail.tab == "rows" and self.sample is not None:
            return json.dumps(self.sample.row, ensure_ascii=False)
        return row.sha256 if row is not None else found.sha256 if found is not None else self.where()

    def outside(self) -> tuple[str, str] | None:
        if self.detail.tab == "rows" and self.sample is not None:
            return "row.json", json.dumps(self.sample.row, ensure_ascii=False, indent=2)
        text = "\n".join("".join(cell.text for cell in line) for line in self.shown)
        return ("dataset.txt", text) if text else None

    def keep(self) -> dict[str, Any]:
        return {"tab": self.detail.tab, "draft": None if self.draft is None else list(self.draft[:2])}

    def recall(self, kept: dict[str, Any]) -> None:
        draft = kept.get("draft")
        if isinstance(draft, list) and len(draft) == 2 and all(isinstance(word, str) for word in draft):
            self.draft = Wish(*draft)
        if isinstance(kept.get("tab"), str) and kept["tab"] != "diff":
            self.detail.open(kept["tab"])

    # the pane ------------------------------------------------------------------------------------------------------
    def on_virtual_table_moved(self) -> None:
        if self.labels_seen < 0 and self.lab is not None:
            self.ask("stale", partial(self._stale, self.lab, self.labels_seen), self._told_stale)
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
            error, running = self.failed.get(wish.line), self.running is not None
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

    # previews ------------------------------------------------------------------------------------------------------
    def _typed(self, text: str) -> None:
        """A line was typed, or asked for by a target: it is the wish on top, and is previewed."""
        kind, _, rest = text.partition(" ")
        kept = None if self.source is None else next((w for w in self.source.wishes.values() if w.name == text), None)
        self.draft = Wish(kind, rest.strip()) if kept is None else Wish(kept.kind, kept.text)
        self.lab_app.memory.typed("datasets", self.draft.line)
        if self.source is not None:
            self.source.draft = self.draft
            self.table.show(self.source)
            self.table.reload()
        self.table.go_to(DRAFT)
        self._ask_preview(self.draft)

    def _ask_preview(self, wish: Wish) -> None:
        lab, source = self.lab, self.source
        if lab is None or source is None:
            return
        from o1coder.apart import Previewing

        if self.running is not None:
            self.running.cancel()
        running = self.running = Previewing(lab.home, wish.kind, wish.text, first=KEPT_ROWS)
        source.previews.pop(wish.line, None)
        self.failed.pop(wish.line, None)

        def question() -> Preview | LabError:
            try:
                return running.answer()
            except LabError as error:
                return error

        self.draw_detail()
        self.ask("preview", question, partial(self._previewed, wish, running))

    def _previewed(self, wish: Wish, running: Previewing, answer: Preview | LabError) -> None:
        if running is self.running:
            self.running = None
        if isinstance(answer, LabError):
            if not running.cancelled:
                self.failed[wish.line] = answer
            self.say(answer.message + (f" {GLYPHS.dot} {answer.hint}" if answer.hint else ""))
        elif self.source is not None:
            self.source.previews[wish.line] = answer
            self.table.reload()
        self.draw_detail()

    def on_unmount(self) -> None:
        if self.running is not None:
            self.running.cancel()

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
            self._ask_preview(wish)
        elif wish is not None:
            self.detail.open("rows")
            self.draw_detail()

    def action_wish(self) -> None:
        from o1coder.previewing import OPTIONS
        from o1coder.treequery import Query

        wish = self.wish()
        text = "stepwise split:train" if wish is None else wish.line
        words = [*datasets_verbs.kinds(), *(f"{name}:" for name in (*Query.__dataclass_fields__, *OPTIONS))]
        entry = self.query_one(Entry)
        older = self.lab_app.memory.lines("datasets")
        entry.begin("wish", text, "KIND split:train label:human target:value ...", before=older, words=words)

    def action_again(self) -> None:
        wish = self.wish()
        if self.frozen() is None and wish is not None:
            self._ask_preview(wish)
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
        lab, source = self.lab, self.source
        if lab is None or source is None:
            return
        pair = datasets_verbs.to_compare(source, self.table.marks, self.table.row_id)
        if isinstance(pair, str):
            self.say(pair)
            return

        def question() -> Diff:
            from o1coder.queries.datasetdiff import diff

            return diff(lab, *pair)

        self.ask("diff", question, self._compared)

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
            self._drop_draft()
        elif wish is None or not wish.name:
            self.say("only the name of a wish that is kept can be let go: datasets stay")
        elif not self.refused("forget a wish"):
            datasets_verbs.forget(self, wish)

    def _drop_draft(self) -> None:
        self.draft = None
        if self.source is not None:
            self.source.draft = None
            self.table.reload()

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
            self._typed(message.text)
        elif message.what == "name" and message.text and wish is not None:
            datasets_verbs.keep(self, wish, message.text)

    def action_zoom(self) -> None:
        self.toggle_class("zoomed")

    def action_pane(self, delta: int) -> None:
        self.detail.scroll_lines(delta)

    def action_back(self) -> None:
        if self.running is not None:
            self.running.cancel()
        elif self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif self.table.clear_marks():
            return
        elif self.detail.tab != "about":
            self.detail.open("about")
            self.draw_detail()
        elif self.table.row_id == DRAFT:
            self._drop_draft()
