"""What the tree screen draws of one tree, asked for in worker threads: its outline, its rows by page, its head, its news.

The outline is arrays (o1coder/queries/skeletons.py) that grow with the tree; a row is asked for when it comes into view.
Values shown for a tree that has not ended are computed from its facts as they stand, by the same recursion that labels it
at its end. Nothing here changes the lab.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tui.screens import tree_cells
from tui.text import first_line
from tui.widgets.virtual_table import KEPT, Column, Order, Row
from tui.widgets.virtual_tree import Outline

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.skeletons import Skeleton
    from o1coder.queries.steprows import Line
    from o1coder.queries.trees import TreeRow

SHOWN = 600  # characters of a step's text that a row is made from
LIVE_STEPS = 5000  # beyond this a tree that has not ended is shown without values so far
LIVE_SHARE = 10  # values so far take at most this part of the time
AT_ONCE = 10_000  # steps; a larger tree is drawn before its rollouts are counted
ASKED = 256  # steps that are looked at for which PRMs scored the tree, before all are


class News(NamedTuple):
    """What changed since the last look: the outline or every row (`all`), or the rows of these steps alone."""

    all: bool
    rows: Mapping[int, Row]
    head: bool


class TreeSource:
    """One tree. What is asked in threads is put into its fields whole, so the screen may read them at any time."""

    def __init__(self, lab: Lab, tree_id: int) -> None:
        self.lab = lab
        self.tree_id = tree_id
        self.head: TreeRow | None = None
        self.tree: Skeleton | None = None
        self.lines: dict[int, Line] = {}  # of the steps that were in view
        self.prms: list[int] = []  # that scored it, newest first
        self.stale: list[int] = []  # checkpoints that saw a label which a person's word here has overruled
        self.stated: set[int] = set()  # steps of which people have spoken
        self.fresh = False  # values are of independent draws
        self.looked = False  # whether `about` was asked
        self._live: dict[str, float] = {}
        self._live_from: Skeleton | None = None
        self._live_again = 0.0
        self._marks: tuple[int, ...] = ()

    def columns(self) -> tuple[Column, ...]:
        """The columns that this tree needs."""
        rescored = self.tree is not None and self.tree.rescore > 0
        return tree_cells.columns(before=len(self.prms) > 1, fresh=self.fresh, rescored=rescored)

    # the table's source ----------------------------------------------------------------------------------------------
    def order(self) -> Order:
        from o1coder.queries import skeletons, stepfacts

        with self.lab.reading() as connection:
            self._marks = self._marks or stepfacts.marks(connection, self.tree_id)
            if self.tree is None:
                tree = skeletons.read(connection, self.tree_id, AT_ONCE)
                self.prms = stepfacts.scorers_of(connection, tree.shape.ids[:ASKED])
            else:
                tree = skeletons.renewed(connection, self.tree)
            if self.head is None:
                self.head = self._about(connection)
        self.tree = tree
        self._say_live()
        return Outline(tree.shape)

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        if self.tree is None:
            return {}
        from o1coder.queries import steprows

        newest, before = (self.prms + [None, None])[:2] if self.prms else (None, None)
        with self.lab.reading() as connection:
            found = steprows.page(connection, self.tree, ids, newest, before, SHOWN)
        lines = {line.step.id: line for line in found}
        self.lines = lines if len(self.lines) > KEPT else self.lines | lines
        self.fresh = self.fresh or any(line.estimate == "mc" for line in found)
        return {line.step.id: self.row(line) for line in found}

    def row(self, line: Line) -> Row:
        """The cells of a step."""
        step = line.step
        if step.parent_id is None:
            title = "" if self.head is None else first_line(self.head.title)
            return tree_cells.root(title, step.n, step.q)
        return tree_cells.row(line, self._live.get(step.path))

    def is_root(self, step_id: int) -> bool:
        """Whether this is the problem itself."""
        return self.tree is not None and self.tree.shape.ids[0] == step_id

    def path_of(self, step_id: int) -> str:
        """A step's path, or its id where it is not known here."""
        at = None if self.tree is None else self.tree.shape.find(step_id)
        return str(step_id) if at is None or self.tree is None else self.tree.shape.path(at)

    def say_labelled(self, step_id: int, value: str, label_id: int, stale: Sequence[int]) -> None:
        """Know a label that was just written, before the lab is asked again."""
        self.stale = sorted({*self.stale, *stale})
        line = self.lines.get(step_id)
        if line is not None:
            self.lines[step_id] = line._replace(step=line.step._replace(label=value, source="human", label_id=label_id))

    # around it ---------------------------------------------------------------------------------------------------------
    def about(self) -> bool:
        """In a thread: the head, the PRMs that scored it, what is stale because of it. Whether rows are drawn from other
        scores now."""
        from o1coder.queries import scores, stepfacts
        from o1coder.standing import stale_for_steps

        with self.lab.reading() as connection:
            self.head = self._about(connection)
            prms = scores.scorers(connection, self.tree_id)
            self.stated = set(stepfacts.stated(connection, self.tree_id, 0 if self.tree is None else len(self.tree)))
            self.stale = stale_for_steps(connection, self.stated)
        others, self.prms = prms[:2] != self.prms[:2], prms
        return others or (self.tree is not None and not self.tree.whole)

    def _about(self, connection: Any) -> TreeRow:
        from o1coder.queries import trees

        return trees.show(connection, self.tree_id)

    def news(self) -> News:
        """In a thread: what was written of this tree since the last look."""
        from o1coder.queries import skeletons, stepfacts
        from o1coder.queries.relabelled import relabelled

        with self.lab.reading() as connection:
            now, before = stepfacts.marks(connection, self.tree_id), self._marks
            if now == before or not before or self.tree is None:
                return News(False, {}, False)
            grew = skeletons.renewed(connection, self.tree) is not self.tree
            scored = now[3] != before[3] and stepfacts.scored_since(connection, self.tree_id, before[3])
            ended = now[4:] != before[4:]
            spoken = now[2] != before[2] and not (grew or scored or ended)
            touched = relabelled(connection, self.tree_id, before[2]) if spoken else []
        self._marks = now
        if grew or scored or ended:
            return News(True, {}, True)
        rows = self.rows([one.step_id for one in touched if one.step_id in self.lines]) if touched else {}
        return News(False, rows, bool(touched))

    def _say_live(self) -> None:
        """Values so far of a tree that has not ended, now and then: they take a walk over all its facts."""
        tree, head = self.tree, self.head
        if tree is None or head is None or head.ended is not None or not 1 < len(tree) <= LIVE_STEPS:
            self._live = {}
            return
        began = time.monotonic()
        if tree is self._live_from or began < self._live_again:
            return
        from o1coder.search.facts import path_text
        from o1coder.search.values import tree_values
        from o1coder.trees import stored_facts

        with self.lab.reading() as connection:
            values = tree_values(stored_facts(connection, self.tree_id))
        self._live = {path_text(path): value.v for path, value in values.items()}
        self._live_from, ended = tree, time.monotonic()
        self._live_again = ended + LIVE_SHARE * (ended - began)
