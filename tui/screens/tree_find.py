"""The line in which the tree screen is told what to find: steps of the tree that is shown, or trees for the list."""

from __future__ import annotations

from tui.widgets.typed import Typed

OF_LIST = "words problem:4 job:3 ended:growing stuck:yes human:yes solved>0.5 steps>100"
OF_TREE = "words label:invalid human:yes verdict:WA action:code gap>0.5 prm<0.3 k<8"


class FindLine(Typed):
    """Hidden until it is opened."""

    DEFAULT_CSS = "FindLine { display: none; }"

    def begin(self, before: str, *, listing: bool) -> None:
        """Open it with what is searched for already."""
        self.placeholder = OF_LIST if listing else OF_TREE
        self.value = before
        self.display = True
        self.screen.set_focus(self)
