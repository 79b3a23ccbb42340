"""Going about a tree: to the best child, the next program that fails, the widest gap, the next match of a search.

Where things are is asked of o1coder/queries/stepfind.py in worker threads, once; going from one to the next asks nothing
until the tree has grown.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from o1coder.queries.skeletons import Skeleton
    from tui.screens.tree import TreeScreen


class Found(NamedTuple):
    """Positions in a skeleton, of which search they are, and in which order: of the tree, or the first the best."""

    tree: Skeleton
    what: str
    positions: array[int]
    ranked: bool


class Going:
    """The jumps, for one screen."""

    def __init__(self, screen: TreeScreen) -> None:
        self.screen = screen
        self.found: Found | None = None  # what n and N go through
        self._gaps: Found | None = None
        self._people: Found | None = None
        self._gap = -1

    def forget(self) -> None:
        """Another tree is shown."""
        self.found = self._gaps = self._people = None

    def _here(self) -> tuple[Skeleton, int] | None:
        source = self.screen.source
        tree, row_id = (None if source is None else source.tree), self.screen.outline.row_id
        at = None if tree is None or row_id is None else tree.shape.find(row_id)
        return None if tree is None or at is None else (tree, at)

    def to(self, tree: Skeleton, position: int) -> None:
        """Put the cursor on a position."""
        self.screen.outline.reveal(tree.shape.ids[position])

    # asked of the arrays alone ---------------------------------------------------------------------------------------
    def failing(self, by: int) -> None:
        """To the next program that fails by the word that counts, or the one before."""
        from o1coder.queries.skeletons import FAILED

        here = self._here()
        if here is None:
            return
        tree, at = here
        if not tree.whole:
            self.screen.say("its rollouts are still being counted")
            return
        if by > 0:
            found = tree.outcome.find(FAILED, at + 1)
            found = tree.outcome.find(FAILED) if found < 0 else found
        else:
            found = tree.outcome.rfind(FAILED, 0, at)
            found = tree.outcome.rfind(FAILED) if found < 0 else found
        if found < 0:
            self.screen.say("no program fails here")
        else:
            self.to(tree, found)

    # asked of the lab ------------------------------------------------------------------------------------------------
    def _ask(self, question: Callable[[Any, Skeleton, int], int | None], nothing: str) -> None:
        """Where to go from here is asked of the lab."""
        here, lab = self._here(), self.screen.lab
        if here is None or lab is None:
            return
        tree, at = here

        def answer() -> int | None:
            with lab.reading() as connection:
                return question(connection, tree, at)

        def go(position: int | None) -> None:
            if position is None or position == at:
                self.screen.say(nothing)
            else:
                self.to(tree, position)

        self.screen.ask("jump", answer, go)

    def best(self) -> None:
        """To the child with the highest value."""

        def question(connection: Any, tree: Skeleton, at: int) -> int | None:
            from o1coder.queries.stepfind import best_child

            return best_child(connection, tree, at)

        self._ask(question, "no child has a value")

    def principal(self) -> None:
        """Down the best children to the leaf."""

        def question(connection: Any, tree: Skeleton, at: int) -> int | None:
            from o1coder.queries.stepfind import principal

            return principal(connection, tree, at)

        self._ask(question, "this is the end of the principal path")

    def gap(self) -> None:
        """To the step where PRM and search differ most; again, to the next."""
        source, here = self.screen.source, self._here()
        if source is None or here is None:
            return
        if not source.prms:
            self.screen.say("no PRM has scored this tree: R trains one and scores it")
            return
        prm, of = source.prms[0], here[0]
        if self._gaps is not None and self._gaps.tree is of and self._gaps.what == str(prm):
            self._next_gap(self._gaps)
            return

        def answer() -> Found:
            from o1coder.queries.stepfind import gaps

            with source.lab.reading() as connection:
                return Found(of, str(prm), gaps(connection, of, prm), True)

        def first(found: Found) -> None:
            self._gaps, self._gap = found, -1
            self._next_gap(found)

        self.screen.say("looking where PRM and search differ most")
        self.screen.ask("gaps", answer, first)

    def _next_gap(self, found: Found) -> None:
        if not len(found.positions):
            self.screen.say("no step has both a value and a score")
            return
        self._gap = (self._gap + 1) % len(found.positions)
        self.to(found.tree, found.positions[self._gap])
        self.screen.say(f"gap {self._gap + 1} of {len(found.positions)}, the widest first")

    def people(self) -> None:
        """To the next step that a person has labelled."""
        self._ask(self._next_of_people, "no person has labelled another step here")

    @staticmethod
    def _next_of_people(connection: Any, tree: Skeleton, at: int) -> int | None:
        from o1coder.queries import stepfacts

        places = [tree.shape.find(step) for step in stepfacts.stated(connection, tree.tree_id, len(tree))]
        known = sorted(one for one in places if one is not None)
        return known[bisect_right(known, at) % len(known)] if known else None

    # searching ---------------------------------------------------------------------------------------------------------
    def search(self, query: str) -> None:
        """Go to the first match from here on, and keep the rest for n and N."""
        source, here = self.screen.source, self._here()
        if source is None or here is None:
            return
        if not query:
            self.found = None
            self.screen.draw_head()
            return
        tree, prm = here[0], source.prms[0] if source.prms else None

        def answer() -> Found:
            from o1coder.queries.stepfind import matching

            with source.lab.reading() as connection:
                return Found(tree, query, matching(connection, tree, query, prm), False)

        def first(found: Found) -> None:
            self.found = found
            self._step(found, 0)

        self.screen.ask("find", answer, first)

    def match(self, by: int) -> None:
        """To the next match or the one before, round the end."""
        source = self.screen.source
        if self.found is None:
            self.screen.say("nothing is searched for: / begins a search")
        elif source is not None and source.tree is not self.found.tree:
            self.search(self.found.what)  # the tree has grown since
        else:
            self._step(self.found, by)

    def _step(self, found: Found, by: int) -> None:
        here = self._here()
        if not len(found.positions) or here is None:
            self.screen.say(f"no step matches {found.what}")
            self.screen.draw_head()
            return
        at = here[1] if here[0] is found.tree else 0
        if by >= 0:
            index = bisect_left(found.positions, at + by) % len(found.positions)
        else:
            index = (bisect_left(found.positions, at) - 1) % len(found.positions)
        self.to(found.tree, found.positions[index])
        self.screen.draw_head()

    def told(self) -> str:
        """What is searched for, and which match this is; empty without a search."""
        found, here = self.found, self._here()
        if found is None:
            return ""
        index = -1 if here is None else bisect_left(found.positions, here[1])
        hit = here is not None and index < len(found.positions) and found.positions[index] == here[1]
        return f"{found.what}: {index + 1 if hit else '-'}/{len(found.positions)}"
