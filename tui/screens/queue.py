"""The label queue: one step at a time, said of it what is true, on disk before the next one is shown.

What search and PRM say stays hidden until the answer is given (`H` shows it, and the label records that it was shown).
The next steps are held and made ready ahead of time, so that an answer is followed by a drawing and by no question. In the
mode of first errors a chain is walked from its first step. Who may have which step is o1coder/sitting.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input

from o1coder.errors import LabError
from tui.screens.frame import Frame
from tui.screens.queue_keys import ASKS, KEYS, LANGUAGE
from tui.screens.queue_lines import Decision, Pace, Ready, about, agreement_lines, grounds, pace, strip, word
from tui.screens.queue_said import Said
from tui.screens.queue_supply import RENEW_S, Supply
from tui.text import GLYPHS, Cell, inert, state
from tui.widgets.detail import Detail
from tui.widgets.line import Line
from tui.widgets.pane import Pane, RichLine

if TYPE_CHECKING:
    from o1coder.queries.agreement import Agreed
    from o1coder.sitting import Answered

Value = Literal["valid", "invalid", "unsure"]
TABS = ("step", "tests", "siblings", "agree")
FLAGGED = "flagged"


class QueueScreen(Frame):
    """The fourth screen."""

    TITLE = "Queue"
    AUTO_FOCUS = ""  # keys are of the screen; the input takes them while it is open
    CSS = """
    QueueScreen #reading { height: 2fr; }
    QueueScreen #saying { height: 3fr; }
    QueueScreen.-wide #reading, QueueScreen.-wide #saying { height: 1fr; width: 1fr; }
    QueueScreen.zoomed #above, QueueScreen.-short #above { display: none; }
    QueueScreen.zoomed #reading, QueueScreen.-short #reading { height: 1; }
    QueueScreen.-wide.zoomed #reading { display: none; }
    QueueScreen #words { display: none; }
    """
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
        yield Input(compact=True, id="words")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(RENEW_S, self.supply.renew)
        self.draw()

    def on_unmount(self) -> None:
        self.supply.leave()

    # where it stands -----------------------------------------------------------------------------------------------
    def goto(self, target: str) -> None:
        first, _, rest = target.strip().partition(" ")
        if first.startswith("step:"):
            word_ = first.removeprefix("step:")
            if word_.isascii() and word_.isdecimal():
                self.wanted_step = int(word_)
                self.reload()
            else:
                self.say(f"{first} names no step {GLYPHS.dot} step:ID, value, random, or a filter")
        elif target:
            order, filtered = (first, rest) if first in ("value", "random") else (self.order, target)
            self.turn(order, filtered.strip())

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
        query = f" --query '{self.filtered}'" if self.filtered else ""
        return f"o1coder labels queue --order {self.order}{query}"

    def outside(self) -> tuple[str, str] | None:
        if self.now is None:
            return None
        around = self.now.around
        if around.code is not None:
            return f"step-{around.step}.py", around.code
        return f"step-{around.step}.txt", "\n\n".join([around.statement, *(one.text for one in around.path)])

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
        ready = self.now
        head, above = self.query_one("#about", Line), self.query_one("#above", Pane)
        if ready is None:
            empty = (
                "no step is left to label here: / filters, O changes the order"
                if self.supply.ended
                else "looking for steps"
            )
            head.say([Cell(f" {empty}")])
            above.show([])
        else:
            cells = about(ready, self._at(ready), self.walking)
            if self.note:
                cells.append(Cell(f"{GLYPHS.pipe} note: {inert(self.note)} ", "bold"))
            head.say(cells)
            above.show(ready.above[self._at(ready)])
        self._draw_step()
        self.query_one("#last", Line).say(strip(self.said.decisions))
        self.draw_pace()
        self.draw_title()

    def draw_title(self, *extra: Cell) -> None:
        desk = self.supply.desk
        told = [desk.author] if desk is not None and desk.author else []
        told += [f"by {self.order}", *([self.filtered] if self.filtered else [])]
        super().draw_title(*(extra or [Cell(inert(f" {GLYPHS.pipe} " + f" {GLYPHS.dot} ".join(told)))]))

    def _at(self, ready: Ready) -> int:
        return min(self.place, len(ready.step) - 1) if self.walking else len(ready.step) - 1

    def _draw_step(self) -> None:
        ready, detail = self.now, self.saying
        if detail.tab == "agree":
            return
        if ready is None:
            detail.show(None, [])
            return
        ending = self._at(ready) == len(ready.step) - 1  # of the steps above it nothing is told
        lines: list[RichLine]
        if detail.tab == "step":
            lines = list(ready.step[self._at(ready)])
            lines += grounds(ready) if self.shown and ending else []
        elif detail.tab == "tests":
            lines = ready.tests
        else:
            lines = ready.siblings_told if self.shown else ready.siblings
        detail.show((ready.held.step, self._at(ready), detail.tab), lines, word(ready, self.shown and ending))

    def draw_pace(self) -> None:
        far = self.supply.far
        left = None if far is None else max(0, far.progress.left - self.supply.since_far)
        told = Pace(len(self.said.taken), self.skipped, left, tuple(self.said.taken), self.supply.gold)
        self.query_one("#pace", Line).say(pace(told))

    # answering -----------------------------------------------------------------------------------------------------
    def action_label(self, value: Value) -> None:
        if not self.refused("label"):
            self.act(partial(self._begin, value, None, None))

    def _begin(
        self, value: Value, category: str | None, reason: str | None
    ) -> tuple[Callable[[], Answered], Callable[[Answered], None]] | None:
        """When its turn comes, what is on the screen is what is answered."""
        ready, desk = self.now, self.supply.desk
        if ready is None or desk is None:
            return None
        if self.walking:
            from tui.screens.queue_walk import step_on

            return step_on(self, value, category, reason)
        taken, said = time.monotonic() - self.since, reason or self.note or None
        work = partial(
            desk.sit().answer,
            ready.held,
            value,
            reason=said,
            category=category,
            seen=self.seen(ready),
            taken_ms=round(taken * 1000),
        )
        told = state(value)
        self.query_one("#pace", Line).say([Cell(f" {told.text}{GLYPHS.ellipsis}", told.style)])
        return work, partial(self.answered, ready, taken, said, category)

    def not_done(self) -> None:
        self.draw_pace()

    def seen(self, ready: Ready) -> dict[str, Any]:
        """What the person had in view, for the label's record."""
        shown = "word" in self.looked
        found, desk = ready.around.grounds, self.supply.desk
        told: dict[str, Any] = {"hidden": not shown, "tabs": sorted(self.looked - {"word"})}
        told |= {"prm": found.prm, "label": found.label} if shown else {}
        return told | (desk.sitting.drawn_from() if desk is not None and desk.sitting is not None else {})

    def answered(self, ready: Ready, taken: float, reason: str | None, category: str | None, done: Answered) -> None:
        """It is on disk: the next one."""
        self.said.add(Decision(ready, done, taken, reason, category))
        self.supply.since_far += 1
        if done.stale_checkpoints:
            self.say(f"stale now: checkpoint {' '.join(map(str, done.stale_checkpoints[:8]))}")
        if self.now is ready:
            self.supply.advance()
        else:
            self.draw()

    def action_skip(self) -> None:
        if self.lab is None:
            return
        self.act(self._begin_skip)

    def _begin_skip(self) -> tuple[Callable[[], None], Callable[[None], None]] | None:
        ready, desk = self.now, self.supply.desk
        if ready is None or desk is None:
            return None
        if not desk.lab.readonly:
            self.skipped += 1

        def let_go() -> None:
            if not desk.lab.readonly:
                desk.sit().skip(ready.held)

        return let_go, lambda _: self.supply.advance()

    def action_category(self) -> None:
        from tui.screens.queue_overlays import Categories

        def chosen(category: str | None) -> None:
            if category is not None:
                self.act(partial(self._begin, "invalid", category, None))

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
        self._draw_step()
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
        self._draw_step()

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
            self.act(partial(self._begin, "unsure", FLAGGED, text))

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
            self._draw_step()
        elif self.walking:
            self.action_walk()
        elif self.note:
            self.note = ""
            self.draw()
        elif self.filtered:
            self.turn(self.order, "")
