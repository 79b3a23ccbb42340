"""One tree as the lab comes to know it: what a target named is gone to once it is here, news are drawn, and with `F` the
cursor stays on the newest step. What is new is asked of tree_source.py in worker threads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from tui.screens.tree_labels import warm

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from tui.screens.tree import TreeScreen
    from tui.screens.tree_source import News

WARM_S = 0.5  # what labels need is loaded once a tree is drawn, so that the first key does not wait for it


class Following:
    """See the head of this file; for one screen. `wanted`: a path or a step to go to when the tree is here."""

    def __init__(self, screen: TreeScreen) -> None:
        self.screen = screen
        self.wanted: str | int | None = None
        self.newest = False  # the cursor goes along with the newest step
        self._warm = False

    def forget(self) -> None:
        """Another tree is shown."""
        self.newest = False

    # what a target named ---------------------------------------------------------------------------------------------
    def find_tree(self, lab: Lab, step_id: int) -> None:
        """Show the tree of a step."""
        self.screen.ask("step's tree", partial(_tree_of, lab, step_id), self._found_tree)

    def _found_tree(self, tree_id: int | None) -> None:
        if tree_id is None:
            self.screen.say(f"there is no step {self.wanted}")
            self.wanted = None
        self.screen.show_tree(tree_id)
        self.screen.show_view()
        self.screen.reload()

    def _go_wanted(self) -> None:
        source, wanted = self.screen.source, self.wanted
        if source is None or source.tree is None or source.tree_id != self.screen.tree_id or wanted is None:
            return
        self.wanted = None
        shape = source.tree.shape
        names = [int(name) for name in wanted.split(".") if name] if isinstance(wanted, str) else []
        at = shape.find(wanted) if isinstance(wanted, int) else shape.at_path(names)
        if at is None:
            self.screen.say(f"tree {source.tree_id} has no step {wanted}")
        else:
            self.screen.outline.reveal(shape.ids[at])

    # news ------------------------------------------------------------------------------------------------------------
    def look(self) -> None:
        """Go where a target wanted, and ask what is new in the tree."""
        self._go_wanted()
        self._ask_news()

    def _ask_news(self) -> None:
        source = self.screen.source
        if source is not None:
            self.screen.ask("news", source.news, self._take_news)

    def _take_news(self, news: News) -> None:
        screen, source = self.screen, self.screen.source
        if source is None or screen.tree_id != source.tree_id:
            return
        if news.all:
            screen.outline.reload()
        for step_id, row in news.rows.items():
            screen.outline.put(step_id, row)
        if news.head:
            screen.ask("about", source.about, self._take_about)
        if screen.outline.row_id in news.rows:
            screen.draw_detail()

    def relabelled(self, steps: Sequence[int]) -> None:
        """A person's labels were just written: what is known already is drawn at once, the rest when the lab has said it."""
        screen, source = self.screen, self.screen.source
        if source is None:
            return
        for step_id in steps:
            if step_id in source.lines:
                screen.outline.put(step_id, source.row(source.lines[step_id]))
        screen.draw_head()
        self._ask_news()

    def _take_about(self, others: bool) -> None:
        screen = self.screen
        if not self._warm and screen.lab is not None and not screen.lab.readonly:
            self._warm = True
            screen.set_timer(WARM_S, lambda: screen.ask("warm", warm, lambda _: None))
        self._fit_columns()
        if others:
            screen.outline.reload()
        screen.draw_head()

    def _fit_columns(self) -> None:
        source, outline = self.screen.source, self.screen.outline
        if source is not None and source.columns() != outline.columns:
            outline.columns = source.columns()
            outline.refresh()

    # the cursor ------------------------------------------------------------------------------------------------------
    def moved(self) -> None:
        """The tree was drawn, or the cursor went on in it."""
        screen, source = self.screen, self.screen.source
        if source is None:
            return
        self._go_wanted()
        self._fit_columns()
        if not source.looked:
            source.looked = True
            screen.ask("about", source.about, self._take_about)
        if self.newest and source.tree is not None:
            screen.outline.reveal(max(source.tree.shape.ids))

    def toggle(self) -> None:
        """Go along with the newest step, or no longer."""
        self.newest = not self.newest
        self.screen.say("following the newest step; F stops" if self.newest else "no longer following")


def _tree_of(lab: Lab, step_id: int) -> int | None:
    """In a thread: the tree of a step."""
    from o1coder.queries import stepfacts

    with lab.reading() as connection:
        return stepfacts.tree_of(connection, step_id)
