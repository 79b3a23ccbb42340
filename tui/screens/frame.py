"""What every screen is made of: a title line, a body, a key bar that becomes the command bar; how a screen asks the lab
without waiting; and the few answers about itself that let the app go to it, come back, copy it and say its command.

`ask` puts a question in a worker thread, one at a time per topic, the newest waiting question replacing older ones, so
that a flood of moves or changes costs one query. `act` queues verbs: each starts when the one before has been answered,
and none is dropped. A LabError is said in the key bar; any other error is a bug and ends the program.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from o1coder.errors import LabError
from tui.keymap import keys_of
from tui.places import PLACES
from tui.text import GLYPHS, Cell, inert
from tui.widgets.command import CommandBar
from tui.widgets.line import Line
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from tui.app import LabApp

Answer = TypeVar("Answer")
Question = Callable[[], Any]
SHOWN_S = 6.0
REST_S = 0.06  # how long the cursor stands still before what follows it is drawn
SLOW_REST_S = 0.4
WIDE = 120  # from here on the title names all screens
NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "minus": "-",
    "asterisk": "*",
    "equals_sign": "=",
    "exclamation_mark": "!",
    "backspace": "bksp",
    "escape": "esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "plus": "+",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


def key_name(keys: str) -> str:
    """How the first key of a binding is written for people."""
    first = keys.split(",")[0]
    name = NAMES.get(first, first)
    return first if GLYPHS.ascii and not name.isascii() else name


def bindings_of(kind: type[Any]) -> list[Binding]:
    """The bindings that a class declares itself, in order."""
    declared: list[BindingType] = kind.__dict__.get("BINDINGS", [])
    return [item if isinstance(item, Binding) else Binding(*item) for item in declared]


def own_bindings(kind: type[Any]) -> list[Binding]:
    """The bindings of a widget of ours and of those it is made from."""
    return [b for one in kind.__mro__ if one.__module__.startswith("tui.") for b in bindings_of(one)]


class Frame(Screen[Any]):
    """A screen of the lab. Subclasses give `TITLE`, a `body()` and what to do when the lab changed (`reload`)."""

    TITLE = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]
    DEFAULT_CSS = """
    Frame #body { height: 1fr; layout: vertical; }
    Frame.-wide #body { layout: horizontal; }
    Frame #command { display: none; }
    """

    class _Answered(Message, bubble=False):
        def __init__(self, topic: str | None, then: Callable[[Any], None], answer: Any) -> None:
            super().__init__()
            self.topic = topic
            self.then = then
            self.answer = answer

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, tuple[Question, Callable[[Any], None]] | None] = {}
        self._acts: deque[Callable[[], tuple[Question, Callable[[Any], None]] | None]] = deque()
        self._acting = False
        self._message = ""
        self._said = 0
        self._extra: tuple[Cell, ...] = ()
        self._recalled = False
        self._resting: Timer | None = None
        self._before: Widget | None = None  # what had the focus before the command bar

    @property
    def lab_app(self) -> LabApp:
        return cast("LabApp", self.app)

    @property
    def lab(self) -> Lab | None:
        """The open lab; None until it has been opened in its thread."""
        return self.lab_app.lab

    # the frame -----------------------------------------------------------------------------------------------------
    def compose(self) -> ComposeResult:
        yield Line(style="reverse", id="title")
        with Container(id="body"):
            yield from self.body()
        yield from self.below()
        yield Line(id="keys")
        yield CommandBar(id="command")

    def body(self) -> ComposeResult:
        """The widgets of the body."""
        yield from ()

    def below(self) -> ComposeResult:
        """Widgets between body and key bar (an input, usually hidden)."""
        yield from ()

    def on_mount(self) -> None:
        self.draw_title()
        self.draw_keys()

    @property
    def mode(self) -> str:
        """The name of its mode."""
        return next(place.mode for place in PLACES if place.title == self.TITLE)

    def on_screen_resume(self) -> None:
        self.redraw_title()
        self._resumed()

    def _resumed(self) -> None:
        """Once every widget is there (a screen may be resumed before those in its body are): recall, and arrive."""
        if not all(widget.is_mounted for widget in self.walk_children(Widget)):
            self.call_later(self._resumed)
            return
        if not self._recalled:
            self._recalled = True
            kept = self.lab_app.memory.of("kept").get(self.mode)
            self.recall(kept if isinstance(kept, dict) else {})
        self.arrive()

    def arrive(self) -> None:
        """Somebody comes to this screen: what they asked for is shown."""
        target = self.lab_app.target_of(self.mode)
        if target:
            self.goto(target)
        if self.lab is not None:
            self.reload()

    def reload(self) -> None:
        """The lab has changed, or this screen is seen again: ask anew."""

    def launched(self, job_id: int) -> None:
        """A job was enqueued from this screen."""
        self.reload()

    # where it stands -----------------------------------------------------------------------------------------------
    def goto(self, target: str) -> None:
        """Show what a target names; "" leaves the screen as it was. The lab may not be open yet: then `reload` follows."""

    def where(self) -> str:
        """The target that leads back to what is shown."""
        return ""

    def keep(self) -> dict[str, Any]:
        """Small choices to be remembered over a restart, as JSON."""
        return {}

    def recall(self, kept: dict[str, Any]) -> None:
        """Take what `keep` gave, perhaps by an older version: what is not understood is left alone."""

    def copied(self) -> str:
        """What `y` copies: the most useful thing under the cursor; "" where there is nothing."""
        return ""

    def twin(self) -> str:
        """The command that says the same as the screen does; "" where there is none."""
        return ""

    def outside(self) -> tuple[str, str] | None:
        """A file name and the text that `o` opens in the pager; None where there is nothing."""
        return None

    def refused(self, verb: str) -> bool:
        """Say that a verb is refused where the lab is read-only (or not open yet); whether it is."""
        if self.lab is None:
            self.say("the lab is still being opened")
            return True
        if self.lab.readonly:
            self.say(f"the lab is open read-only: leave --readonly away to {verb}")
            return True
        return False

    # title and keys ------------------------------------------------------------------------------------------------
    def draw_title(self, *extra: Cell) -> None:
        """The first line: the screens, this one marked, what is under the cursor, how programs are isolated,
        and which lab. A narrow one names only this screen, the others by number."""
        self._extra = extra
        wide = self.size.width >= WIDE
        cells = [Cell(" o1coder ", "bold")] if wide else []
        acts: dict[int, str] = {}
        for place in PLACES:
            here = place.title == self.TITLE
            acts[len(cells)] = f"app.go('{place.mode}')"
            shown = f" {place.key} {place.title} " if here or wide else place.key
            cells.append(Cell(shown, "bold underline" if here else ""))
        if self.lab_app.readonly:
            cells.append(Cell(" read-only ", "bold"))
        isolation = self.lab_app.isolation
        level = Cell(f" judge {isolation} " if isolation else "", "" if isolation in ("L4", "L3") else "bold")
        where = inert(str(self.lab_app.home))
        self.query_one("#title", Line).say([*cells, *extra], [level, Cell(f" {where} ")], acts=acts)

    def redraw_title(self) -> None:
        """The title again, with what it told last of what is under the cursor."""
        self.draw_title(*self._extra)

    def on_resize(self) -> None:
        self.redraw_title()

    def draw_keys(self) -> None:
        """The last line: a message while there is one, else at most seven keys."""
        bar = self.query_one("#keys", Line)
        if self._message:
            bar.say([Cell(" " + self._message, "bold yellow")])
            return
        everywhere = bindings_of(type(self.app))
        shown = [(b, b.action) for b in self.in_bar()] + [(b, f"app.{b.action}") for b in everywhere if b.show]
        cells: list[Cell] = []
        acts: dict[int, str] = {}
        for binding, action in shown[:7]:
            acts[len(cells)] = acts[len(cells) + 1] = action
            cells.append(Cell(f" {key_name(keys_of(binding, self.lab_app.keymap))} ", "bold bright_blue"))
            cells.append(Cell(binding.description + " "))
        bar.say(cells, acts=acts)

    def in_bar(self) -> list[Binding]:
        """The bindings of this screen that the key bar names, in order."""
        return [binding for binding in bindings_of(type(self)) if binding.show]

    def command_bar(self, opened: bool) -> None:
        """Put the command bar in the place of the keys, or take it away again."""
        bar, keys = self.query_one(CommandBar), self.query_one("#keys", Line)
        if bar.display == opened:
            return
        bar.display, keys.display = opened, not opened
        if opened:
            self._before = self.focused
            bar.offer(*self.lab_app.bar_offers())
            bar.begin()
        else:
            self.set_focus(self._before)

    def on_command_bar_left(self) -> None:
        self.command_bar(False)

    def on_command_bar_given(self, message: CommandBar.Given) -> None:
        self.command_bar(False)
        self.lab_app.action_line(message.line)

    def say(self, message: str) -> None:
        """Show one line in place of the keys for some seconds."""
        self._message = inert(message)
        self._said += 1
        self.draw_keys()
        self.set_timer(SHOWN_S, partial(self._fade, self._said))

    def _fade(self, said: int) -> None:
        if said == self._said:
            self._message = ""
            self.draw_keys()

    def rested(self, then: Callable[[], None]) -> None:
        """Do something once the cursor has stood still for a moment: what follows it costs nothing while it runs."""
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(SLOW_REST_S if self.lab_app.slow else REST_S, then)

    # asking --------------------------------------------------------------------------------------------------------
    def ask(self, topic: str, question: Callable[[], Answer], then: Callable[[Answer], None]) -> None:
        """Answer a question in a thread and hand the answer to `then`; only the newest waiting one per topic is kept."""
        if topic in self._waiting:
            self._waiting[topic] = (question, then)
            return
        self._waiting[topic] = None
        self.run_worker(partial(self._answer, topic, question, then), thread=True, group=topic)

    def act(self, begin: Callable[[], tuple[Question, Callable[[Any], None]] | None]) -> None:
        """Queue a verb. `begin` runs when its turn comes and returns what to do in a thread and what then, or None."""
        self._acts.append(begin)
        self._next_act()

    def _next_act(self) -> None:
        while self._acts and not self._acting:
            begun = self._acts.popleft()()
            if begun is not None:
                self._acting = True
                self.run_worker(partial(self._answer, None, *begun), thread=True, group="acts")

    def _answer(self, topic: str | None, question: Question, then: Callable[[Any], None]) -> None:
        try:
            answer = question()
        except LabError as error:
            text = error.message + (f" {GLYPHS.dot} {error.hint}" if error.hint else "")
            self.post_message(self._Answered(topic, self.say if topic is not None else self._not_done, text))
            return
        self.post_message(self._Answered(topic, then, answer))

    def _not_done(self, why: str) -> None:
        self.say(why)
        self.not_done()

    def not_done(self) -> None:
        """A verb failed: what was drawn ahead of its answer is drawn as it is again."""

    def on_frame__answered(self, message: _Answered) -> None:
        waiting = None
        if message.topic is None:
            self._acting = False
        else:
            waiting = self._waiting.pop(message.topic, None)
        message.then(message.answer)
        if waiting is not None and message.topic is not None:
            self.ask(message.topic, *waiting)
        self._next_act()

    def on_virtual_table_failed(self, message: VirtualTable.Failed) -> None:
        error = message.error
        self.say(f"{error.message} {GLYPHS.dot} {error.hint}" if isinstance(error, LabError) else repr(error))

    def language(self) -> list[tuple[str, str]]:
        """The words of the screen's filter with what they mean, for the overlay of keys."""
        return []

    def help(self) -> list[tuple[str, list[Binding]]]:
        """Every key of this screen by where it works: screen, the focused widget, everywhere."""
        return [
            (self.TITLE or "this screen", bindings_of(type(self))),
            *([] if self.focused is None else [("moving", own_bindings(type(self.focused)))]),
            ("everywhere", bindings_of(type(self.app))),
        ]


def position(table: VirtualTable) -> str:
    """Where the cursor is in a table: 3/120."""
    return f"{table.index + 1 if len(table.order) else 0}/{len(table.order)}"


def tab_cells(names: Sequence[str], at: int) -> list[Cell]:
    """The names of a pane's tabs, the open one in brackets."""
    return [Cell(f"[{name}]" if index == at else f" {name} ") for index, name in enumerate(names)]
