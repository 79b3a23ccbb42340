"""The label queue: one step at a time, said of it what is true, on disk before the next one is shown.

What search and PRM say stays hidden until the answer is given (`H` shows it, and the label records that it was shown).
The next steps are held and made ready ahead of time, so that an answer is followed by a drawing and by no question. In the
mode of first errors a chain is walked from its first step. Who may have which step is o1coder/sitting.py's.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input

from o1coder.errors import LabError
from tui.screens import queue_drawing, queue_where
from tui.screens.frame import Frame
from tui.screens.queue_answering import Value, begin, begin_skip
from tui.screens.queue_keys import ASKS, CSS, KEYS, LANGUAGE
from tui.screens.queue_lines import Ready, agreement_lines
from tui.screens.queue_said import Said
from tui.screens.queue_supply import RENEW_S, Supply
from tui.text import GLYPHS, Cell
from tui.widgets.detail import Detail
from tui.widgets.line import Line
from tui.widgets.pane import Pane
from tui.widgets.typed import Typed

if TYPE_CHECKING:
    from o1coder.queries.agreement import Agreed

TABS = ("step", "tests", "siblings", "agree")
FLAGGED = "flagged"


class QueueScreen(Frame):
    """The fourth screen."""

    TITLE = "Queue"
    AUTO_FOCUS = ""  # keys are of the screen; the input takes them while it is open
    CSS = CSS
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self) -> None:
        super().__init__()
        self.order = "value"
        self.filtered = ""
        self.shown = False  # search and PRM in view before the answer
        self.now: Ready | None = None
        self.supply = Supply(self)
        self.said = Said(self)
        self.walking = False  # first errors: chains are walked
        self.place = 0  # steps of the chain that were passed
        self.skipped = 0
        self.note = ""
        self.since = 0.0
        self.looked: set[str] = set()  # what of the step was in view
        self.wanted_step: int | None = None
        self.turning = False  # a filter is being read
        self.asking: str | None = None

    def body(self) -> ComposeResult:
        with Vertical(id="reading"):
            yield Line(style="reverse dim", id="about")
            yield Pane(id="above")
        yield Detail(TABS, id="saying")

    def below(self) -> ComposeResult:
        yield Line(id="last")
        yield Line(id="pace")
        yield Typed(compact=True, id="words")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(RENEW_S, self.supply.renew)
        self.draw()

    def on_unmount(self) -> None:
        self.supply.leave()

    # where it stands -----------------------------------------------------------------------------------------------
    def goto(self, target: str) -> None:
        queue_where.goto(self, target)

    def where(self) -> str:
        return f"{self.order} {self.filtered}".strip()

    def keep(self) -> dict[str, Any]:
        return {"order": self.order, "filter": self.filtered, "shown": self.shown, "walking": self.walking}

    def recall(self, kept: dict[str, Any]) -> None:
        self.order = "random" if kept.get("order") == "random" else "value"
        self.filtered = str(kept.get("filter") or "")
        self.shown, self.walking = kept.get("shown") is True, kept.get("walking") is True

    def copied(self) -> str:
        return "" if self.now is None else self.now.around.name

    def twin(self) -> str:
        return queue_where.twin(self)

    def outside(self) -> tuple[str, str] | None:
        return queue_where.outside(self)

    def language(self) -> list[tuple[str, str]]:
        return LANGUAGE

    # the queue -----------------------------------------------------------------------------------------------------
    def reload(self) -> None:
        if self.lab is None or self.turning:
            return
        if self.wanted_step is not None:
            self.supply.open(self.wanted_step)
            self.wanted_step = None
        self.supply.look_again()

    def turn(self, order: str, filtered: str) -> None:
        """Ask for other steps, or for the same ones ranked anew; a filter that cannot be read changes nothing."""

        def read() -> tuple[str | None, str]:
            from o1coder.queries.asked import Asked

            try:
                return Asked.parse(filtered).text(), ""
            except LabError as error:
                return None, f"{error.message} {GLYPHS.dot} {error.hint}"

        def turned(answer: tuple[str | None, str]) -> None:
            self.turning = False
            text, fault = answer
            if text is None:
                self.say(fault)
                self.reload()
            else:
                self.order, self.filtered = order, text
                self.supply.restart()

        self.turning = True  # nothing is begun that the answer would end
        self.ask("filter", read, turned)

    def take(self, ready: Ready | None) -> None:
        """Put a step before the person."""
        self.now, self.place = ready, 0
        self.since, self.note = time.monotonic(), ""
        self.looked = {"word"} if self.shown else set()
        self.saying.open("step")
        self.draw()

    # drawing -------------------------------------------------------------------------------------------------------
    @property
    def saying(self) -> Detail:
        return self.query_one("#saying", Detail)

    def draw(self) -> None:
        """Everything, of the step that is before the person."""
        queue_drawing.draw(self)
        self.draw_title()

    def draw_pace(self) -> None:
        """How far this sitting is."""
        queue_drawing.draw_pace(self)

    def draw_title(self, *extra: Cell) -> None:
        super().draw_title(*(extra or [queue_drawing.told(self)]))

    # answering -----------------------------------------------------------------------------------------------------
    def action_label(self, value: Value) -> None:
        if not self.refused("label"):
            self.act(partial(begin, self, value, None, None))

    def not_done(self) -> None:
        self.draw_pace()

    def action_skip(self) -> None:
        if self.lab is None:
            return
        self.act(partial(begin_skip, self))

    def action_category(self) -> None:
        from tui.screens.queue_overlays import Categories

        def chosen(category: str | None) -> None:
            if category is not None:
                self.act(partial(begin, self, "invalid", category, None))

        if not self.refused("label") and self.now is not None:
            self.app.push_screen(Categories(), chosen)

    # taking back ---------------------------------------------------------------------------------------------------
    def action_undo(self, go_there: bool) -> None:
        if self.walking and self.place and go_there:
            self.place -= 1
            self.draw()
        elif self.lab_app.readonly and go_there:
            self.supply.before()
        elif not self.refused("take answers back"):
            self.act(partial(self.said.begin_undo, 0, go_there))

    def action_redo(self) -> None:
        if not self.refused("label"):
            self.act(self.said.begin_redo)

    def action_decisions(self) -> None:
        from tui.screens.queue_overlays import Decisions

        self.app.push_screen(Decisions(self.said.decisions), self.said.change)

    # keys ----------------------------------------------------------------------------------------------------------
    def action_walk(self) -> None:
        self.walking = not self.walking
        self.place = 0
        self.saying.open("step")
        self.draw()
        told = "first errors: a goes on, x calls a step the first error"
        if self.order == "random":
            told += f" {GLYPHS.dot} no random sample"
        self.say(told if self.walking else "one step at a time")

    def action_show(self) -> None:
        self.shown = not self.shown
        if self.shown:
            self.looked.add("word")
        queue_drawing.draw_step(self)
        told = (
            "search and PRM are shown: labels record it" if self.shown else "search and PRM are hidden until answered"
        )
        self.say(told)

    def action_order(self) -> None:
        self.turn("value" if self.order == "random" else "random", self.filtered)

    def action_refresh(self) -> None:
        self.turn(self.order, self.filtered)

    def action_tab(self, delta: int) -> None:
        tab, desk = self.saying.turn(delta), self.supply.desk
        if tab in ("tests", "siblings"):
            self.looked.add(tab)
        if tab == "agree" and desk is not None:
            self.saying.show("agree", [[Cell("counting", "dim")]])
            self.ask("agree", desk.agree, self._agreed)
        queue_drawing.draw_step(self)

    def _agreed(self, found: Agreed) -> None:
        if self.saying.tab == "agree":
            author = "" if self.supply.desk is None else self.supply.desk.author
            self.saying.show("agree", agreement_lines(found, author, self.supply.gold))

    def on_detail_turned(self) -> None:
        self.action_tab(0)

    def action_scroll(self, delta: int) -> None:
        self.saying.scroll_lines(delta)

    def action_read(self, delta: int) -> None:
        self.query_one("#above", Pane).scroll_lines(delta)

    def action_tree(self) -> None:
        if self.now is not None:
            self.looked.add("word")  # the tree tells what search and PRM say
            self.lab_app.go("tree", f"step:{self.now.around.step}")

    def action_zoom(self) -> None:
        self.toggle_class("zoomed")

    def action_type(self, what: str) -> None:
        if what != "filter" and (self.now is None or self.refused("label")):
            return
        box = self.query_one("#words", Input)
        self.asking = what
        box.placeholder = ASKS[what]
        box.value = self.filtered if what == "filter" else self.note if what == "note" else ""
        box.display = True
        self.set_focus(box)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text, what = event.value.strip(), self.asking
        self._close_box()
        if what == "filter":
            self.turn(self.order, text)
        elif what == "note":
            self.note = text
            self.draw()
        elif what == "flag" and text:
            self.act(partial(begin, self, "unsure", FLAGGED, text))

    def _close_box(self) -> None:
        self.asking = None
        self.query_one("#words", Input).display = False
        self.set_focus(None)

    def action_back(self) -> None:
        if self.asking is not None:
            self._close_box()
        elif self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif self.saying.at:
            self.saying.open("step")
            queue_drawing.draw_step(self)
        elif self.walking:
            self.action_walk()
        elif self.note:
            self.note = ""
            self.draw()
        elif self.filtered:
            self.turn(self.order, "")
