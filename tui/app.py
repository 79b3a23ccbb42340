"""The terminal lab: three screens as modes, the keys that work everywhere, and one thread that watches for changes.

Thin on purpose. The frame is painted before the lab is opened: sqlmodel and everything that needs it are imported in a
worker thread, torch and its kind never. It starts no job by itself and stops none: quitting leaves them running. Once,
when the lab is open, it has the judge run its canaries, to say at which level programs are isolated here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import get_current_worker

from o1coder.errors import LabError
from tui.screens.frame import Frame

if TYPE_CHECKING:
    from o1coder.lab import Lab

WATCH_S = 0.5
ISOLATION_S = 1.0  # the first rows come first


def _jobs() -> Screen[object]:
    from tui.screens.jobs import JobsScreen

    return JobsScreen()


def _problems() -> Screen[object]:
    from tui.screens.problems import ProblemsScreen

    return ProblemsScreen()


def _tree() -> Screen[object]:
    from tui.screens.tree import TreeScreen

    return TreeScreen()


class LabApp(App[int]):
    """The app. `lab` is None until the lab has been opened; `failure` is why it could not be. `isolation` is the judge's
    level here, "none" where there is none, and "" until it is known."""

    ENABLE_COMMAND_PALETTE = False
    MODES: ClassVar[dict[str, str | Callable[[], Screen[object]]]] = {
        "jobs": _jobs,
        "problems": _problems,
        "tree": _tree,
    }
    DEFAULT_MODE = "jobs"
    MODE_NAMES = ("Jobs", "Problems", "Tree")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "switch_mode('jobs')", "jobs", show=False),
        Binding("2", "switch_mode('problems')", "problems", show=False),
        Binding("3", "switch_mode('tree')", "tree", show=False),
        Binding("question_mark", "help", "keys"),
        Binding("q,ctrl+c", "leave", "quit", tooltip="quit; running jobs go on"),
    ]

    def __init__(self, home: Path, *, readonly: bool = False, tree_id: int | None = None) -> None:
        super().__init__()
        self.theme = "ansi-dark"
        self.home = home
        self.readonly = readonly
        self.lab: Lab | None = None
        self.failure: LabError | None = None
        self.isolation = ""
        self.tree_id = tree_id
        self.trees_of: dict[str, int] = {}

    def on_ready(self) -> None:
        self.run_worker(self._watch, thread=True, group="watch")

    def _watch(self) -> None:
        """In a thread for as long as the app runs: open the lab, then tell of every change that is committed."""
        worker = get_current_worker()
        try:
            from o1coder.lab import Lab
            from o1coder.queries.changes import Changes

            lab = Lab(self.home, readonly=self.readonly)
        except LabError as error:
            self.call_from_thread(self._opened, None, error)
            return
        self.call_from_thread(self._opened, lab, None)
        shown_at = time.monotonic() + ISOLATION_S
        with Changes(lab) as changes:
            while not worker.is_cancelled:
                time.sleep(WATCH_S)
                if changes.any():
                    self.call_from_thread(self._changed)
                if shown_at and time.monotonic() > shown_at:
                    shown_at = 0.0
                    self.call_from_thread(self.run_worker, self._isolation, thread=True, group="isolation")

    def _isolation(self) -> None:
        """In a thread, for a moment: start a judge and look which level its canaries prove."""
        from o1coder.judge import describe_layers

        found = next((layer["level"] for layer in describe_layers() if layer["active"]), "none")
        if not get_current_worker().is_cancelled:
            self.call_from_thread(self._isolated, found)

    def _isolated(self, found: str) -> None:
        self.isolation = found
        for screen in self.screen_stack:
            if isinstance(screen, Frame):
                screen.draw_title()

    def _opened(self, lab: Lab | None, failure: LabError | None) -> None:
        self.lab, self.failure = lab, failure
        if failure is not None:
            self.exit(2)
        elif self.tree_id is not None:
            self.open_tree(self.tree_id)
        else:
            self._changed()

    def _changed(self) -> None:
        if isinstance(self.screen, Frame):
            self.screen.reload()

    def open_tree(self, tree_id: int) -> None:
        """Show a tree in its mode."""
        self._go_to_tree(tree_id)

    def open_trees(self, *, problem: int | None = None, job: int | None = None) -> None:
        """Show the list of trees: all, or those of one problem or job."""
        of = {"problem": problem, "job": job}
        self.trees_of = {name: row_id for name, row_id in of.items() if row_id is not None}
        self._go_to_tree(None)

    def _go_to_tree(self, tree_id: int | None) -> None:
        self.tree_id = tree_id
        if self.current_mode == "tree":
            self._changed()
        else:
            self.switch_mode("tree")

    def action_help(self) -> None:
        from tui.screens.help import HelpScreen

        if isinstance(self.screen, Frame):
            self.push_screen(HelpScreen(self.screen.help()))

    def action_leave(self) -> None:
        self.exit(0)
