"""Trees: their list, and one tree with values, PRM scores, labels and verdicts, where a person corrects steps.

A correction is on disk before the next step is shown, and says which checkpoints it makes stale; `p` retrains the PRM on
the corrected labels, scores this tree with it and shows the scores before and after. Steps themselves never change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.screens.ask import Confirm
from tui.screens.frame import Frame, position, tab_cells
from tui.screens.tree_source import LIST_COLUMNS, TABS, TreeListSource, TreeSource, columns, step_lines
from tui.text import GLYPHS, Cell, inert
from tui.widgets.line import Line
from tui.widgets.pane import Pane, RichLine
from tui.widgets.virtual_table import VirtualTable
from tui.widgets.virtual_tree import VirtualTree

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.labels import Added
    from o1coder.queries.trees import StepRow
    from o1coder.stage import Stage

Value = Literal["valid", "invalid", "unsure"]


class TreeScreen(Frame):
    """The third screen."""

    TITLE = "Tree"
    CSS = """
    TreeScreen #trees { display: none; }
    TreeScreen.listing #trees { display: block; }
    TreeScreen.listing #tree, TreeScreen.listing #right { display: none; }
    TreeScreen #tree { height: 1fr; }
    TreeScreen #right { height: 1fr; }
    TreeScreen.-wide #tree { width: 3fr; }
    TreeScreen.-wide #right { width: 2fr; }
    TreeScreen.-short #right { display: none; }
    TreeScreen.zoomed #tree { display: none; }
    TreeScreen.zoomed #right { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "label('valid')", "valid", tooltip="the step (or every marked step) is valid"),
        Binding("x", "label('invalid')", "invalid", tooltip="the step (or every marked step) is invalid"),
        Binding("s", "label('unsure')", "unsure", tooltip="nobody can tell: keeps the step out of training"),
        Binding("backspace", "undo", "undo", tooltip="take your last label back and go there"),
        Binding("t", "tab", "next tab", tooltip="step, tests, context, labels, drawn"),
        Binding(
            "p", "retrain", "retrain", show=False, tooltip="train a PRM on the labels as they are now, score this tree"
        ),
        Binding("b", "jump('best')", "best child", show=False, tooltip="go to the child with the highest value"),
        Binding("e", "jump('failing')", "next failing", show=False, tooltip="go to the next program that fails"),
        Binding("d", "jump('gap')", "largest gap", show=False, tooltip="go where PRM and search differ most"),
        Binding("z,enter", "zoom", "zoom", show=False, tooltip="the pane alone; esc goes back"),
        Binding("J,shift+down", "pane(3)", "scroll", show=False, tooltip="scroll the pane"),
        Binding("K,shift+up", "pane(-3)", "scroll", show=False, tooltip="scroll the pane back"),
        Binding("escape", "back", "back", show=False, tooltip="back to the list of trees"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.source: TreeSource | None = None
        self.listed: TreeListSource | None = None
        self.tab = 0
        self.undone: list[tuple[int, int]] = []  # (label, step) made here, newest last
        self.since = time.monotonic()
        self.training: int | None = None  # the prm job started from here
        self.scoring: int | None = None  # the score job that follows it
        self.note = ""  # how far the two are

    def body(self) -> ComposeResult:
        yield VirtualTable(
            LIST_COLUMNS, empty="no trees yet: launch synthesize from the jobs screen (1, n)", id="trees"
        )
        yield VirtualTree(columns(False), empty="this tree has no steps yet", id="tree")
        with Vertical(id="right"):
            yield Line(style="reverse dim", id="tab-title")
            yield Pane(id="pane")

    def on_mount(self) -> None:
        super().on_mount()
        self._focus()

    @property
    def table(self) -> VirtualTree:
        return self.query_one("#tree", VirtualTree)

    @property
    def step(self) -> StepRow | None:
        """The step under the cursor."""
        row_id = self.table.row_id
        return None if row_id is None or self.source is None else self.source.steps.get(row_id)

    def _focus(self) -> None:
        listing = self.lab_app.tree_id is None
        self.set_class(listing, "listing")
        (self.query_one("#trees") if listing else self.table).focus()

    # following the lab ---------------------------------------------------------------------------------------------
    def reload(self) -> None:
        lab, tree_id = self.lab, self.lab_app.tree_id
        if lab is None:
            return
        self._focus()
        if tree_id is None:
            if self.listed is None or self.listed.of != self.lab_app.trees_of:
                self.listed = TreeListSource(lab, self.lab_app.trees_of)
            self.query_one("#trees", VirtualTable).show(self.listed)
            self.draw_title()
            return
        if self.source is None or self.source.tree_id != tree_id:
            self.source = TreeSource(lab, tree_id)
            self.undone.clear()
            self.table.show(self.source)
        else:
            self.ask("news", self.source.news, self._take_news)
        if self.training is not None or self.scoring is not None:
            self.ask("retraining", self._retraining, self._retrained)

    def _take_news(self, touched: set[int] | None) -> None:
        source = self.source
        if source is None:
            return
        if touched is None:
            self.table.reload()
            return
        for step_id in touched:
            self.table.put(step_id, source.row(source.steps[step_id]))
        if touched:
            self._draw_head()
            if self.table.row_id in touched:
                self._ask_step()

    def on_virtual_table_moved(self, message: VirtualTable.Moved) -> None:
        if message.table.id != "tree" or self.source is None:
            return
        self.since = time.monotonic()
        self._draw_head()
        self._ask_step()

    def _ask_step(self) -> None:
        step = self.step
        if step is None or self.source is None:
            self.query_one("#pane", Pane).show([])
            return
        tab = TABS[self.tab]
        self.ask("step", partial(step_lines, self.source, step, tab), partial(self._show, step, self.tab))

    def _show(self, step: StepRow, tab: int, lines: list[RichLine]) -> None:
        here = self.step
        if here is None or here.id != step.id or tab != self.tab:
            return
        tabs = tab_cells(TABS, self.tab)
        self.query_one("#tab-title", Line).say([Cell(" "), *tabs], [Cell(position(self.table) + " ")])
        self.query_one("#pane", Pane).show(lines, keep=self.query_one("#pane", Pane).about == (step.id, tab))
        self.query_one("#pane", Pane).about = (step.id, tab)

    def _draw_head(self) -> None:
        source = self.source
        if source is None or source.head is None:
            return
        wanted = columns(bool(source.before))
        if self.table.columns != wanted:
            self.table.columns = wanted
            self.table.refresh()
        head = source.head
        cells = [Cell(f" {GLYPHS.pipe} tree {head.id}")]
        if source.stale:
            cells.append(Cell(f" {GLYPHS.dot} stale: {' '.join(map(str, source.stale))}", "bold"))
        if self.note:
            cells.append(Cell(inert(f" {GLYPHS.dot} {self.note}"), "bold"))
        told = f" {GLYPHS.dot} {head.solved}/{head.rollouts} solved {GLYPHS.dot} {head.ended or 'growing'}"
        self.draw_title(*cells, Cell(inert(told)))

    def on_virtual_table_chosen(self, message: VirtualTable.Chosen) -> None:
        if message.table.id == "trees":
            self.lab_app.open_tree(message.row_id)
        else:
            self.action_zoom()

    # labels --------------------------------------------------------------------------------------------------------
    def action_label(self, value: Value) -> None:
        if self.source is None or self.has_class("listing"):
            return
        marked = sorted(row_id for row_id in self.table.marks if row_id in self.source.steps)
        if not marked:
            self.act(partial(self._begin_label, value))
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.act(partial(self._begin_many, value, marked))

        self.app.push_screen(Confirm(f"label {len(marked)} marked steps {value}?"), answered)

    def _begin_label(self, value: Value) -> tuple[Callable[[], Added], Callable[[Added], None]] | None:
        step = self.step
        if step is None or step.parent_id is None:
            self.say("the root is the problem itself and takes no label")
            return None
        taken_ms = round((time.monotonic() - self.since) * 1000)
        return partial(self._write, value, step, taken_ms, None), self._labelled

    def _write(self, value: Value, step: StepRow, taken_ms: int | None, batch: str | None) -> Added:
        """In a thread: the label is on disk when this returns."""
        from o1coder.home import author
        from o1coder.labels import add_human

        assert self.source is not None
        seen = {"prm": step.score, "label": step.label, "source": step.source}
        return add_human(self.source.lab, step.id, value, author(), seen=seen, taken_ms=taken_ms, batch=batch)

    def _labelled(self, added: Added) -> None:
        self.undone.append((added.id, added.step))
        self._patch(added)
        self._tell(added, added.value or "")
        if self.table.row_id == added.step:
            self.table.action_move(1)

    def _begin_many(
        self, value: Value, marked: Sequence[int]
    ) -> tuple[Callable[[], Any], Callable[[Any], None]] | None:
        source = self.source
        if source is None:
            return None
        steps = [source.steps[row_id] for row_id in marked if source.steps[row_id].parent_id is not None]
        batch = f"{time.time_ns():x}"

        def write() -> list[Added]:
            return [self._write(value, step, None, batch) for step in steps]

        def written(added: list[Added]) -> None:
            self.undone += [(one.id, one.step) for one in added]
            self.table.marks.clear()
            for one in added:
                self._patch(one)
            self.table.refresh()
            if added:
                self._tell(added[-1], f"{len(added)} steps {value}")

        return write, written

    def _patch(self, added: Added) -> None:
        """Show a new label at once; what the lab says follows with the next change seen."""
        source = self.source
        if source is not None and added.value is not None and added.step in source.steps:
            changed = source.steps[added.step]._replace(label=added.value, source="human", label_id=added.id)
            source.steps[added.step] = changed
            source.stale = sorted({*source.stale, *added.stale_checkpoints})
            self.table.put(added.step, source.row(changed))

    def _tell(self, added: Added, what: str) -> None:
        stale = " ".join(map(str, added.stale_checkpoints))
        told = f"checkpoints now stale: {stale} (p retrains)" if stale else "it makes no checkpoint stale"
        self.say(f"{what} {GLYPHS.dot} {told}")

    def action_undo(self) -> None:
        if self.source is not None and not self.has_class("listing"):
            self.act(self._begin_undo)

    def _begin_undo(self) -> tuple[Callable[[], Added], Callable[[Added], None]] | None:
        source, step = self.source, self.step
        if source is None:
            return None
        if self.undone:
            label_id, _ = self.undone.pop()
        elif step is not None and step.source == "human" and step.label_id is not None:
            label_id = step.label_id
        else:
            self.say("nothing to undo: no label was given here by a person")
            return None

        def take_back() -> Added:
            from o1coder.home import author
            from o1coder.labels import undo

            return undo(source.lab, label_id, author())

        def taken_back(added: Added) -> None:
            self.table.reveal(added.step)
            self.reload()
            self._tell(added, f"label {label_id} is taken back")

        return take_back, taken_back

    # retraining ----------------------------------------------------------------------------------------------------
    def action_retrain(self) -> None:
        if self.lab is None or self.source is None or self.has_class("listing"):
            return
        if self.lab.readonly:
            self.say("the lab is open read-only: leave --readonly away to retrain")
            return
        self.ask("stages", partial(self._prm_form, self.lab), self._retrain_with)

    @staticmethod
    def _prm_form(lab: Lab) -> tuple[Stage, dict[str, str]]:
        """In a thread: the prm stage, filled in as it was launched last, replacing the newest PRM. Controls, trained on
        shuffled labels, are passed over."""
        from o1coder.queries import checkpoints
        from o1coder.queries.candidates import candidates
        from o1coder.queries.jobs import job
        from o1coder.stage import Pick, find
        from tui.form import written

        stage, entered = find("prm"), {}
        asked = {one.id: job(lab, one.id).config for one in candidates(lab, Pick("job", stage="prm"))}
        controls = {job_id for job_id, config in asked.items() if config.get("shuffle") is not None}
        known = [config for job_id, config in asked.items() if job_id not in controls]
        if known:
            entered = {name: written(value) for name, value in known[0].items()}
        else:
            models = candidates(lab, Pick("checkpoint", role="policy"))
            entered = {"base": str(models[-1].id)} if models else {}
        made = candidates(lab, Pick("checkpoint", role="prm"))
        with lab.reading() as connection:
            newest = (one.id for one in made if checkpoints.show(connection, one.id).job not in controls)
            replaced = next(newest, None)
        return stage, entered | ({} if replaced is None else {"refreshes": str(replaced)})

    def _retrain_with(self, filled: tuple[Stage, dict[str, str]]) -> None:
        from tui.screens.launch import launch_form

        stage, entered = filled
        launch_form(self, stage, entered)

    def launched(self, job_id: int) -> None:
        self.training, self.scoring = job_id, None

    def _retraining(self) -> tuple[str, int | None, int | None]:
        """In a thread: move from training to scoring to done; a message and the two jobs still awaited."""
        from o1coder.queries.jobs import job

        assert self.lab is not None
        if self.scoring is not None:
            view = job(self.lab, self.scoring)
            if view.state == "done":
                return "scored by the new PRM: what the one before said stands beside it", None, None
            told, keep = f"score job {view.id} {view.state}", view.state in ("queued", "running")
            return told, None, self.scoring if keep else None
        assert self.training is not None
        view = job(self.lab, self.training)
        if view.state in ("queued", "running"):
            part = f" {view.done}/{view.total}" if view.total else ""
            return f"prm job {view.id} {view.state}{part}", self.training, None
        made = view.outputs.get("checkpoints", [])
        if view.state != "done" or not made:
            return f"job {view.id} {view.state}: {view.error or 'it left no checkpoint'}", None, None
        return f"PRM checkpoint {made[-1]} is trained", None, self._score_beside(made[-1])

    def _score_beside(self, checkpoint: int) -> int:
        """Enqueue the scoring of this tree by a new PRM, and by the one before it where it has not scored it yet."""
        from o1coder.queries.candidates import candidates
        from o1coder.stage import Pick

        assert self.lab is not None
        assert self.source is not None
        older = [one.id for one in candidates(self.lab, Pick("checkpoint", role="prm")) if one.id < checkpoint]
        if older and older[0] not in self.source.prms:
            self._score(older[0])
        return self._score(checkpoint)

    def _score(self, checkpoint: int) -> int:
        from o1coder.jobs.launch import ensure_worker
        from o1coder.jobs.verbs import enqueue

        assert self.lab is not None
        assert self.source is not None
        assert self.source.head is not None
        query = f"job:{self.source.head.job} problem:{self.source.head.problem}"
        job_id = enqueue(self.lab, "score", {"prm": checkpoint, "query": query})
        ensure_worker(self.lab)
        return job_id

    def _retrained(self, answer: tuple[str, int | None, int | None]) -> None:
        message, self.training, self.scoring = answer
        going_on = self.training is not None or self.scoring is not None
        self.note = message if going_on else ""
        if not going_on:
            self.say(message)
        self._draw_head()

    # moving --------------------------------------------------------------------------------------------------------
    def action_jump(self, where: Literal["best", "failing", "gap"]) -> None:
        source, step = self.source, self.step
        if source is None or step is None:
            return
        steps = list(source.steps.values())
        found: StepRow | None = None
        if where == "best":
            below = [one for one in steps if one.parent_id == step.id and one.v is not None]
            found = max(below, key=lambda one: one.v or 0.0, default=None)
        elif where == "failing":
            at = next(index for index, one in enumerate(steps) if one.id == step.id)
            ahead = steps[at + 1 :] + steps[:at]
            found = next((one for one in ahead if one.total is not None and one.passed != one.total), None)
        else:
            both = [one for one in steps if one.score is not None and one.v is not None]
            found = max(both, key=lambda one: abs((one.score or 0.0) - (one.v or 0.0)), default=None)
        if found is None:
            self.say(
                {"best": "no child has a value", "failing": "no program fails", "gap": "no PRM has scored this"}[where]
            )
        else:
            self.table.reveal(found.id)

    def action_tab(self) -> None:
        self.tab = (self.tab + 1) % len(TABS)
        self.on_virtual_table_moved(VirtualTable.Moved(self.table, self.table.row_id))

    def action_pane(self, delta: int) -> None:
        self.query_one("#pane", Pane).scroll_lines(delta)

    def action_zoom(self) -> None:
        if not self.has_class("listing"):
            self.toggle_class("zoomed")

    def action_back(self) -> None:
        if self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif self.table.marks:
            self.table.marks.clear()
            self.table.refresh()
        elif not self.has_class("listing"):
            self.lab_app.open_trees(**self.lab_app.trees_of)
        elif self.lab_app.trees_of:
            self.lab_app.open_trees()
