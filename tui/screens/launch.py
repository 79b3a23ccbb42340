"""The launch form of a stage: a line per config field, what is wrong beside it, the same command shown live.

Everything on it comes from the stage's config class (tui/form.py). `launch_form` opens it over a screen and enqueues what
is launched by the command line's own verb.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input

from o1coder.stage import Pick, Stage, StageConfig
from tui.form import FormField, command, fields, validate
from tui.screens.ask import Choose, Option
from tui.screens.frame import Frame
from tui.text import GLYPHS, Cell, fit, inert
from tui.widgets.cycle import Cycle, CycleOption
from tui.widgets.line import Line
from tui.widgets.pane import Pane, RichLine
from tui.widgets.typed import Typed

RUN = "run"
Candidates = Callable[[Pick], Sequence[CycleOption]]


class Launch(NamedTuple):
    """What was entered: a valid config, and the name of the run it belongs to, if any."""

    config: StageConfig
    run: str


class LaunchScreen(ModalScreen[Launch | None]):
    """The form; `candidates` lists the rows that a Pick field may name and is asked in a thread."""

    CSS = """
    LaunchScreen { align: center middle; }
    LaunchScreen > Vertical { width: 100%; max-width: 120; height: 100%; max-height: 40; background: ansi_default; }
    LaunchScreen VerticalScroll { height: 1fr; scrollbar-size: 0 0; }
    LaunchScreen Horizontal { height: 1; }
    LaunchScreen Input { width: 1fr; max-width: 30; }
    LaunchScreen Cycle { max-width: 30; }
    LaunchScreen .label { width: 21; }
    LaunchScreen #command { height: 4; }
    LaunchScreen.tried #command { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back"),
        Binding("ctrl+r,f5", "launch", "launch"),
        Binding("ctrl+t", "dry_run", "dry run", priority=True),
        Binding("ctrl+y", "copy", "copy", priority=True),
        Binding("down", "app.focus_next", "next field", show=False, priority=True),
        Binding("up", "app.focus_previous", "previous field", show=False, priority=True),
    ]

    class _Offered(Message, bubble=False):
        def __init__(self, name: str, options: Sequence[CycleOption]) -> None:
            super().__init__()
            self.field = name
            self.options = options

    def __init__(
        self,
        stage: str,
        about: str,
        config: type[StageConfig],
        candidates: Candidates,
        entered: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.stage = stage
        self.about = about
        self.config = config
        self.candidates = candidates
        self.entered = dict(entered or {})
        self.fields = [
            *fields(config),
            FormField(RUN, "text", "", False, "name of the run it belongs to", (), None),
        ]
        self.touched: set[str] = set()
        self.line = ""  # the command that does the same

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(style="reverse", id="launch-title")
            with VerticalScroll(can_focus=False):
                for field in self.fields:
                    with Horizontal():
                        yield Line(id=f"label-{field.name}", style="bold" if field.required else "").add_class("label")
                        yield self._editor(field)
                        yield Line(id=f"note-{field.name}")
            yield Line(style="dim", id="rule")
            yield Pane(id="command")
            yield Line(id="launch-keys")

    def _editor(self, field: FormField) -> Widget:
        name, value = f"field-{field.name}", self.entered.get(field.name, field.default)
        if field.kind == "pick":
            return Cycle([], value, id=name)
        if field.kind == "flag":
            return Cycle([CycleOption("no", "no"), CycleOption("yes", "yes")], value or "no", id=name)
        if field.kind == "choice":
            return Cycle([CycleOption(word, word) for word in field.options], value, id=name)
        return Typed(
            value, placeholder="none" if not field.default else "", compact=True, id=name, select_on_focus=False
        )

    def on_mount(self) -> None:
        title = [Cell(f" launch {inert(self.stage)} ", "bold"), Cell(inert(self.about))]
        self.query_one("#launch-title", Line).say(title)
        keys = [("ctrl+r", "launch"), ("<- ->", "option"), ("enter", "list"), ("ctrl+t", "dry run"), ("ctrl+y", "copy")]
        keys.append(("esc", "back"))
        cells = [cell for key, word in keys for cell in (Cell(f" {key} ", "bold bright_blue"), Cell(word + " "))]
        self.query_one("#launch-keys", Line).say(cells)
        self._draw_labels()
        for field in self.fields:
            if field.pick is not None and field.kind == "pick":
                self.run_worker(partial(self._offer, field.name, field.pick, field.required), thread=True)
        self.check()

    def _draw_labels(self) -> None:
        """The names of the fields, an arrow before the one that has the focus."""
        focused = "" if self.focused is None else self.focused.id
        for field in self.fields:
            label = field.name.replace("_", " ") + (" *" if field.required else "")
            here = GLYPHS.closed if focused == f"field-{field.name}" else " "
            self.query_one(f"#label-{field.name}", Line).say([Cell(here + " " + fit(label, 18))])
            if focused == f"field-{field.name}":  # whole: beside its field it may have been cut
                self.query_one("#rule", Line).say([Cell(f" {label}: {inert(field.description)}")])

    def on_descendant_focus(self) -> None:
        self._draw_labels()

    def _offer(self, name: str, pick: Pick, required: bool) -> None:
        found = list(self.candidates(pick))
        if not required:
            found.insert(0, CycleOption("", "none"))
        self.post_message(self._Offered(name, found))

    def on_launch_screen__offered(self, message: _Offered) -> None:
        cycle = self.query_one(f"#field-{message.field}", Cycle)
        cycle.offer(message.options)
        wanted = self.entered.get(message.field)
        if wanted:
            cycle.choose(wanted)

    def on_input_changed(self, message: Input.Changed) -> None:
        self._touch(message.input)

    def on_cycle_changed(self, message: Cycle.Changed) -> None:
        self._touch(message.cycle)

    def _touch(self, widget: Widget) -> None:
        if widget.has_focus and widget.id:
            self.touched.add(widget.id.removeprefix("field-"))
        self.check()

    def on_input_submitted(self) -> None:
        self.focus_next()

    def on_cycle_listed(self, message: Cycle.Listed) -> None:
        cycle = message.cycle

        def take(position: int | None) -> None:
            if position is not None:
                cycle.choose(cycle.options[position].value)

        listed = [Option(option.value or "-", option.shown) for option in cycle.options]
        title = (cycle.id or "").removeprefix("field-").replace("_", " ")
        self.app.push_screen(Choose(title, listed), take)

    def read(self) -> dict[str, str]:
        """What stands in the form, as text by field name."""
        out: dict[str, str] = {}
        for field in self.fields:
            widget = self.query_one(f"#field-{field.name}")
            out[field.name] = widget.value if isinstance(widget, (Input, Cycle)) else ""
        return out

    def check(self) -> Launch | None:
        """Validate, draw notes and the command; the launch that the form stands for, None while something is wrong."""
        entered = self.read()
        run = entered.pop(RUN).strip()
        config, wrong = validate(self.config, entered)
        for field in self.fields:
            note = self.query_one(f"#note-{field.name}", Line)
            message = wrong.get(field.name)
            if message is not None and (message != "needed" or field.name in self.touched):
                note.say([Cell(" ! " + inert(message), "bold yellow")])
            else:
                note.say([Cell(" " + inert(field.description), "dim")])
        self.line = command(self.stage, self.config, entered, run)
        line = [Cell("$ ", "dim"), Cell(inert(self.line), "bold")]
        told = [(name, message) for name, message in wrong.items() if message != "needed" or name in self.touched]
        errors = [[Cell(inert(f"! {name} {message}".replace("_", " ")), "bold yellow")] for name, message in told]
        whole: list[RichLine] = []
        if config is not None and self.has_class("tried"):
            whole = [[Cell("a dry run: nothing is enqueued, this is its whole config", "dim")]]
            for name, value in config.model_dump(mode="json").items():
                given = name in config.model_fields_set
                whole.append([Cell(f"  {name:<22}", "bold" if given else "dim"), Cell(inert(json.dumps(value)))])
        self.query_one("#command", Pane).show([line, *errors, *whole])
        return None if config is None else Launch(config, run)

    def action_dry_run(self) -> None:
        """Show the whole config that the job would have, defaults included; again puts it away."""
        self.touched = {field.name for field in self.fields}
        self.toggle_class("tried")
        self.check()

    def action_copy(self) -> None:
        """Copy the command."""
        from tui.clipboard import copy
        from tui.memory import state_folder

        if self.app._driver is not None:
            told = copy(self.line, self.app._driver.write, state_folder())
            self.query_one("#rule", Line).say([Cell(" " + inert(told), "bold")])

    def action_launch(self) -> None:
        self.touched = {field.name for field in self.fields}
        launch = self.check()
        if launch is not None:
            self.dismiss(launch)

    def action_leave(self) -> None:
        self.dismiss(None)


def launch_form(screen: Frame, stage: Stage, entered: Mapping[str, str]) -> None:
    """Open the form of a stage over a screen and enqueue what is launched from it."""
    lab = screen.lab
    if lab is None:
        return

    def offered(pick: Pick) -> list[CycleOption]:
        from o1coder.queries.candidates import candidates

        return [CycleOption(str(found.id), f"{found.id} {found.about}") for found in candidates(lab, pick)]

    def launched(launch: Launch | None) -> None:
        if launch is None:
            return

        def enqueue() -> int:
            from o1coder.jobs.launch import ensure_worker
            from o1coder.jobs.verbs import enqueue

            job_id = enqueue(lab, stage.name, launch.config, run=launch.run or None)
            ensure_worker(lab)
            return job_id

        def queued(job_id: int) -> None:
            screen.say(f"job {job_id} ({stage.name}) is queued")
            screen.launched(job_id)

        screen.act(lambda: (enqueue, queued))

    screen.app.push_screen(LaunchScreen(stage.name, stage.about, stage.config, offered, entered), launched)
