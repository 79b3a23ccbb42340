"""What is typed on the jobs' screen, into one input for three ends: a filter of jobs, a search of the log, lines to keep."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.timer import Timer
from textual.widgets import Input

if TYPE_CHECKING:
    from tui.screens.frame import Frame
    from tui.widgets.log_view import LogView

    Base = Frame
else:
    Base = object

TYPED_S = 0.15
PROMPTS = {
    "jobs": "jobs: state:failed stage:prm run:x age<1h words -word",
    "search": "search the log for ...",
    "keep": "only log lines with ...   (!word: without)",
}


class JobAsking(Base):
    """The input of the jobs' screen (jobs.py)."""

    if TYPE_CHECKING:
        tab: int

        @property
        def log_view(self) -> LogView: ...
        def action_tab(self, delta: int) -> None: ...
        def _tell(self) -> None: ...
        def _unfocus(self) -> None: ...

    def begin_asking(self) -> None:
        """Nothing is asked yet."""
        self.query_text = ""  # the filter of jobs
        self.keep_word = ""  # which lines of the log are kept
        self._asks = "jobs"  # what the input is for
        self._typing: Timer | None = None

    def _ask_for(self, what: str, value: str) -> None:
        box = self.query_one("#asked", Input)
        self._asks, box.display = what, True
        box.placeholder = PROMPTS[what]
        with self.prevent(Input.Changed):
            box.value = value
        self.set_focus(box)

    def action_filter(self) -> None:
        if self.has_class("zoomed") and self.tab == 0:
            self._ask_for("search", "")
        else:
            self.remove_class("zoomed")
            self._ask_for("jobs", self.query_text)

    def action_keep_lines(self) -> None:
        self.action_tab(-self.tab)
        self._ask_for("keep", self.keep_word)

    def on_input_changed(self, message: Input.Changed) -> None:
        if self._typing is not None:
            self._typing.stop()
        if self._asks in ("jobs", "keep"):
            self._typing = self.set_timer(TYPED_S, partial(self._typed, self._asks, message.value.strip()))

    def _typed(self, what: str, value: str) -> None:
        if what == "jobs":
            self.query_text = value
            self.reload()
        else:
            self.keep_word = value
            self._tell()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        if self._typing is not None:
            self._typing.stop()
        self.query_one("#asked", Input).display = False
        self._unfocus()
        if self._asks == "search":
            if message.value:
                self.log_view.search(message.value)
        else:
            self._typed(self._asks, message.value.strip())
