"""What the tree screen draws, asked for in worker threads: the list of trees, one tree's steps, one step's details.

Values shown for a tree that has not ended are computed from its facts as they stand, by the same recursion that labels it
at its end; they are drawn dim. Nothing here changes the lab.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from tui.highlight import numbered, plain, python
from tui.text import GLYPHS, Cell, first_line, inert, number, state
from tui.widgets.pane import RichLine
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row
from tui.widgets.virtual_tree import Outline

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.trees import StepRow, TreeRow

Tab = Literal["step", "tests", "context", "labels", "drawn"]
TABS: tuple[Tab, ...] = ("step", "tests", "context", "labels", "drawn")
LIVE_STEPS = 5000  # beyond this a tree that has not ended is shown without provisional values
LIST_COLUMNS = (
    Column("tree", 6, right=True),
    Column("problem", 0),
    Column("kind", 7),
    Column("job", 5, right=True),
    Column("steps", 6, right=True),
    Column("solved", 8, right=True),
    Column("ended", 12),
    Column("preset", 10, at=100),
)
ACTIONS = {"root": "bold", "structure": "", "refine": "", "code": "cyan"}


def columns(before: bool) -> tuple[Column, ...]:
    """The columns of a tree; with `before`, the PRM column tells two checkpoints' scores."""
    prm = (
        Column("PRM was > is" if GLYPHS.ascii else "PRM was→is", 12, right=True)
        if before
        else Column("PRM", 5, right=True)
    )
    return (
        Column("step", 0),
        Column("n", 4, right=True, at=90),
        Column("value", 5, right=True),
        Column("k", 3, right=True),
        prm,
        Column("label", 10),
        Column("verdict", 11),
    )


class TreeListSource:
    """Trees, newest first; those of one problem or one job where that is asked."""

    def __init__(self, lab: Lab, of: Mapping[str, int]) -> None:
        self.lab = lab
        self.of = dict(of)

    def order(self) -> Order:
        from o1coder.queries.ids import tree_ids

        return FlatOrder(tree_ids(self.lab, problem=self.of.get("problem"), job=self.of.get("job")))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        from o1coder.queries import trees

        with self.lab.reading() as connection:
            found = [trees.show(connection, tree_id) for tree_id in ids]
        return {tree.id: self._row(tree) for tree in found}

    @staticmethod
    def _row(tree: TreeRow) -> Row:
        return (
            Cell(str(tree.id)),
            Cell(inert(tree.title), "bold"),
            Cell(inert(tree.kind)),
            Cell(str(tree.job)),
            Cell(str(tree.steps)),
            Cell(f"{tree.solved}/{tree.rollouts}", "bright_blue" if tree.solved else ""),
            Cell(inert(tree.ended)) if tree.ended else state("running"),
            Cell(inert(tree.preset), "dim"),
        )


class TreeSource:
    """One tree: its outline, and the row of every step from one query, asked again only when the tree has changed."""

    def __init__(self, lab: Lab, tree_id: int) -> None:
        self.lab = lab
        self.tree_id = tree_id
        self.head: TreeRow | None = None
        self.steps: dict[int, StepRow] = {}
        self.prms: list[int] = []
        self.before: dict[int, float] = {}
        self.live: dict[str, float] = {}
        self.touched: set[int] = set()  # steps that people have labelled
        self.stale: list[int] = []  # checkpoints that saw a label which such a label has overruled
        self.marks: tuple[int, ...] = ()
        self._nodes: list[tuple[int, int | None]] = []

    def news(self) -> set[int] | None:
        """In a thread: the steps whose label has changed since the last look, taken over already; None when more has
        changed than people's labels, so that the whole tree has to be asked for again."""
        from o1coder.labels import stale_for_steps
        from o1coder.queries.ids import tree_marks
        from o1coder.queries.relabelled import relabelled

        before, now = self.marks, tree_marks(self.lab, self.tree_id)
        if before == now:
            return set()
        if not before or (now[:2], now[3:]) != (before[:2], before[3:]):
            return None
        with self.lab.reading() as connection:
            found = relabelled(connection, self.tree_id, before[2])
            if any(one.searched or one.step_id not in self.steps for one in found):
                return None
            for one in found:
                step = self.steps[one.step_id]
                self.steps[step.id] = step._replace(label=one.label, source=one.source, label_id=one.label_id)
            if found:
                self.touched |= {one.step_id for one in found}
                self.stale = stale_for_steps(connection, self.touched)
        self.marks = now
        return {one.step_id for one in found}

    def order(self) -> Order:
        from o1coder.labels import stale_for_steps
        from o1coder.queries import scores, trees
        from o1coder.queries.ids import tree_marks

        marks = tree_marks(self.lab, self.tree_id)
        if marks != self.marks:
            with self.lab.reading() as connection:
                head = trees.show(connection, self.tree_id)
                prms = scores.scorers(connection, self.tree_id)
                steps = trees.steps(connection, self.tree_id)
                before = scores.of_tree(connection, self.tree_id, prms[1]) if len(prms) > 1 else {}
                touched = {step.id for step in steps if step.source == "human"}
                stale = stale_for_steps(connection, touched)
                live = self._live(head)
            self.touched = touched
            self.head, self.prms, self.before, self.stale, self.live = head, prms, before, stale, live
            self.steps = {step.id: step for step in steps}
            self._nodes = [(step.id, step.parent_id) for step in steps]
            self.marks = marks
            gc.freeze()  # a full collection would walk every step's row, and keys would wait for it
        return Outline(self._nodes)

    def _live(self, head: TreeRow) -> dict[str, float]:
        if head.ended is not None or head.steps > LIVE_STEPS or head.rollouts == 0:
            return {}
        from o1coder.search.facts import CompletionFact, RolloutFact, StepFact, path_text
        from o1coder.search.values import label_values
        from o1coder.trees import stored_facts

        with self.lab.reading() as connection:
            facts = stored_facts(connection, self.tree_id)
        values = label_values(
            [f for f in facts if isinstance(f, CompletionFact)],
            [f for f in facts if isinstance(f, StepFact)],
            [f for f in facts if isinstance(f, RolloutFact)],
        )
        return {path_text(path): value.v for path, value in values.items()}

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        return {step_id: self.row(self.steps[step_id]) for step_id in ids if step_id in self.steps}

    def row(self, step: StepRow) -> Row:
        """The cells of one step."""
        if step.parent_id is None:
            title = "" if self.head is None else first_line(self.head.title)
            return (Cell(title, "bold"), Cell(str(step.n)), Cell(""), Cell(""), Cell(""), Cell(""), Cell(""))
        live = self.live.get(step.path)
        value = Cell(number(step.v)) if step.v is not None else Cell(number(live), "dim")
        return (
            Cell(f"{step.action} {GLYPHS.dot} {brief(step)}", ACTIONS.get(step.action, "")),
            Cell(str(step.n or ""), "dim"),
            value,
            Cell("" if step.k is None else str(step.k), "dim"),
            self._prm(step),
            label(step),
            verdict(step),
        )

    def _prm(self, step: StepRow) -> Cell:
        before = self.before.get(step.id)
        if before is None or step.score is None:
            return Cell(number(step.score))
        moved = step.score - before
        style = "bold bright_blue" if moved > 0.005 else "bold yellow" if moved < -0.005 else "dim"
        return Cell(f"{before:.2f} {GLYPHS.arrow} {step.score:.2f}", style)


def brief(step: StepRow) -> str:
    """The first line of a step that says something: not a fence, not the heading the driver wrote."""
    kept = [line for line in step.text.split("\n") if line.strip() and not line.lstrip().startswith(("```", "#"))]
    return first_line(kept[0]) if kept else first_line(step.text)


def label(step: StepRow) -> Cell:
    """The label that counts, with a star where a person gave it."""
    if step.label is None:
        return Cell("")
    cell = state(step.label)
    return Cell(cell.text + ("*" if step.source == "human" else ""), cell.style)


def verdict(step: StepRow) -> Cell:
    """What the tests said of a step's program: the first verdict that is not AC, and how many passed."""
    if step.total is None:
        return Cell("")
    cell = state(step.verdict or "")
    return Cell(f"{cell.text} {step.passed}/{step.total}".strip(), cell.style)


def step_lines(source: TreeSource, step: StepRow, tab: Tab) -> list[RichLine]:
    """The pane of a step under a tab. In a thread."""
    from o1coder.queries import problems, trees

    with source.lab.reading() as connection:
        if tab == "tests":
            return _tests(trees.verdicts(connection, step.id))
        if tab == "labels":
            return _labels(trees.labels(connection, step.id))
        if tab == "drawn":
            rollouts = [r for r in trees.rollouts(connection, source.tree_id) if r.leaf_id == step.id]
            return _drawn(trees.completions(connection, step.id), rollouts)
        code = trees.step_code(connection, step.id)
        if tab == "step" and step.parent_id is not None:
            return [_figures(source, step), [], *_body(step, code)]
        problem = problems.show(connection, source.head.problem) if source.head is not None else None
    lines = [] if problem is None else [*plain(problem.statement), []]
    path: list[StepRow] = []
    here: StepRow | None = step
    while here is not None and here.parent_id is not None:
        path.append(here)
        here = source.steps.get(here.parent_id)
    for above in reversed(path):
        lines += [[Cell(f"{above.path} {above.action}", "bold")], *_body(above, code if above is step else None), []]
    return lines


def _figures(source: TreeSource, step: StepRow) -> RichLine:
    parts = [f"{step.path} {step.action}"]
    if step.v is not None:
        parts.append(f"value {step.v:.2f} from k={step.k} draws, {step.c} passed all")
    elif step.path in source.live:
        parts.append(f"value {source.live[step.path]:.2f} so far")
    if step.n:
        parts.append(f"{step.n} visits")
    if step.score is not None:
        parts.append(f"PRM {step.score:.2f} by checkpoint {source.prms[0] if source.prms else '?'}")
    if step.id in source.before:
        parts.append(f"was {source.before[step.id]:.2f} by checkpoint {source.prms[1]}")
    return [Cell(inert(f" {GLYPHS.dot} ".join(parts)), "dim")]


def _body(step: StepRow, code: str | None) -> list[RichLine]:
    return numbered(python(code.rstrip("\n"))) if code is not None else plain(step.text)


def _tests(found: Sequence[object]) -> list[RichLine]:
    from o1coder.queries.trees import VerdictRow

    lines: list[RichLine] = []
    for row in found:
        assert isinstance(row, VerdictRow)
        told = state(row.code) if row.code else Cell("  not judged", "dim")
        lines.append(
            [
                Cell(f"{told.text:<6} ", told.style),
                Cell(inert(row.input[:200])),
                Cell(f" {GLYPHS.arrow} ", "dim"),
                Cell(inert(row.expected[:200]), "cyan"),
                Cell(f"  {row.cpu_ms:.0f} ms {row.layer}" if row.cpu_ms is not None else "", "dim"),
            ]
        )
        if row.detail and row.code != "AC":
            lines += [[Cell("        "), *line] for line in plain(row.detail.rstrip()[:1000], "yellow")]
    return lines or [[Cell("no program here: tests are run where a step is code", "dim")]]


def _labels(found: Sequence[object]) -> list[RichLine]:
    from o1coder.queries.trees import LabelRow

    lines: list[RichLine] = []
    for row in found:
        assert isinstance(row, LabelRow)
        if row.retracts is not None:
            told = Cell(f"takes back {row.retracts}", "dim")
        else:
            told = state(row.value or "")
        by = row.author if row.author is not None else f"{row.source} job {row.job_id}"
        counts = f" k={row.k} c={row.c} value {number(row.v)}" if row.k is not None else ""
        lines.append(
            [
                Cell(f"{row.id:>6} ", "dim"),
                Cell(f"{told.text:<14} ", told.style if not row.retracted else "dim strike"),
                Cell(inert(f"{by}{counts} {row.created_at}" + (f" {row.reason}" if row.reason else "")), "dim"),
            ]
        )
    return lines or [[Cell("no label yet: a valid, x invalid, s unsure", "dim")]]


def _drawn(completions: Sequence[object], rollouts: Sequence[object]) -> list[RichLine]:
    from o1coder.queries.trees import CompletionRow, RolloutRow

    lines: list[RichLine] = []
    for row in rollouts:
        assert isinstance(row, RolloutRow)
        terms = " ".join(f"{name}={value:g}" for name, value in json.loads(row.terms).items())
        reward = "not judged" if row.reward is None else f"reward {row.reward:.2f}"
        lines.append(
            [Cell(f"rollout {row.ordinal}: ", "bold"), Cell(inert(f"{reward}, {row.passed}/{row.total} {terms}"))]
        )
    for row in completions:
        assert isinstance(row, CompletionRow)
        became = "discarded: " + row.error if row.error else f"step {row.step_id}"
        head = f"completion {row.ordinal}: {became}, {row.tokens_out} tokens, {row.finish_reason}"
        lines += [[Cell(inert(head), "yellow" if row.error else "bold")], *plain(row.text, "dim" if row.error else "")]
    return lines or [[Cell("nothing was drawn below this step", "dim")]]
