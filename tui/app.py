"""The terminal lab: nine screens as modes, the keys that work everywhere, and one thread that watches for changes.

Thin on purpose. The frame is painted before the lab is opened: sqlmodel and everything that needs it are imported in a
worker thread, torch and its kind never. It starts no job by itself and stops none: quitting leaves them running. Once,
when the lab is open, it has the judge run its canaries, to say at which level programs are isolated here. Where somebody
stood is remembered outside the lab (memory.py), two seconds after it changed and when they leave.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import get_current_worker

from o1coder.errors import LabError
from tui import keymap
from tui.memory import Memory, state_folder
from tui.places import BY_MODE, PLACES, History, Went, load
from tui.screens.frame import Frame, bindings_of, own_bindings

if TYPE_CHECKING:
    from o1coder.lab import Lab

WATCH_S = 0.5
SLOW_WATCH_S = 5.0
ISOLATION_S = 1.0  # the first rows come first
REMEMBER_S = 2.0


class LabApp(App[int]):
    """The app. `lab` is None until the lab has been opened; `failure` is why it could not be. `isolation` is the judge's
    level here, "none" where there is none, and "" until it is known. `slow`: somebody reads over a slow line."""

    ENABLE_COMMAND_PALETTE = False
    MODES: ClassVar[dict[str, str | Callable[[], Screen[object]]]] = {
        place.mode: partial(lambda mode: load(mode)(), place.mode) for place in PLACES
    }
    DEFAULT_MODE = "jobs"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                place.key, f"go('{place.mode}')", place.title, show=False, id=f"app.{place.mode}", tooltip=place.about
            )
            for place in PLACES
        ),
        Binding(
            "colon", "command", "command", show=False, id="app.command", tooltip="the command bar: go anywhere by name"
        ),
        Binding(
            "ctrl+p", "palette", "palette", show=False, id="app.palette", tooltip="search everything that can be done"
        ),
        Binding("question_mark", "help", "keys", id="app.help", tooltip="all keys of this screen"),
        Binding("minus", "last", "last", show=False, id="app.last", tooltip="the screen before this one"),
        Binding(
            "left_square_bracket", "travel(-1)", "back", show=False, id="app.back", tooltip="back in where you were"
        ),
        Binding("right_square_bracket", "travel(1)", "ahead", show=False, id="app.ahead", tooltip="ahead again"),
        Binding(
            "y", "copy", "copy", show=False, id="app.copy", tooltip="copy what is under the cursor (OSC 52 and a file)"
        ),
        Binding(
            "Y", "copy_command", "copy command", show=False, id="app.copy_command", tooltip="copy the o1coder command"
        ),
        Binding("o", "outside", "pager", show=False, id="app.pager", tooltip="read it in $PAGER"),
        Binding(
            "ctrl+z", "suspend_process", "suspend", show=False, id="app.suspend", tooltip="to the shell; fg comes back"
        ),
        Binding("q,ctrl+c", "leave", "quit", id="app.quit", tooltip="quit; running jobs go on"),
    ]

    def __init__(self, home: Path, *, readonly: bool = False, start: Went | None = None, slow: bool = False) -> None:
        self.memory = Memory(home)
        remembered = self.memory.of("app").get("mode")
        begin = start.mode if start is not None else remembered if remembered in BY_MODE else "jobs"
        type(self).DEFAULT_MODE = begin
        super().__init__(ansi_color=True)  # said here, NO_COLOR means no colours; said by the theme, greys
        self.theme = "ansi-dark"
        self.animation_level = "none"
        self.home = home
        self.readonly = readonly
        self.slow = slow
        self.lab: Lab | None = None
        self.failure: LabError | None = None
        self.isolation = ""
        self.history = History()
        self.keymap, self._faults = keymap.read(keymap.file())
        self.set_keymap(self.keymap)
        self._targets: dict[str, str] = {}
        self._last: Went | None = None
        self._typed: dict[int, tuple[events.Key, Widget]] = {}
        where = self.memory.of("where")
        for place in PLACES:
            if isinstance(where.get(place.mode), str):
                self._targets[place.mode] = where[place.mode]
        if start is not None and start.target:
            self._targets[start.mode] = start.target

    def on_ready(self) -> None:
        self.run_worker(self._watch, thread=True, group="watch")
        self.set_interval(REMEMBER_S, self._remember)
        self.app_resume_signal.subscribe(self, self._resumed)
        if self._faults:
            self.say(self._faults[0])

    def _resumed(self, _: object) -> None:
        """Back from the shell: the terminal has forgotten the screen, and Textual believes that it stands there still."""
        for screen in self.screen_stack:
            screen.refresh(layout=True)

    def delay_update(self, delay: float = 0.001) -> None:
        """Screens are shown as soon as they are drawn: they are light enough not to be seen half-made."""
        super().delay_update(delay)

    async def on_event(self, event: events.Event) -> None:
        """Keys typed faster than the focus moves (pasted, scripted, or in one packet of a slow line) are all sent to what
        had the focus when they were read; one that comes back unused is given to what has it now."""
        if isinstance(event, events.Key):
            target = self.focused or self.screen
            if not event.is_forwarded:
                self._typed[id(event)] = (event, target)
                if len(self._typed) > 256:  # what a widget keeps for itself never comes back
                    del self._typed[next(iter(self._typed))]
            else:
                sent = self._typed.pop(id(event), None)
                if sent is not None and sent[1] is not target:
                    self.post_message(events.Key(event.key, event.character))
                    return
        await super().on_event(event)

    # the lab -------------------------------------------------------------------------------------------------------
    def _watch(self) -> None:
        """In a thread for as long as the app runs: open the lab, then tell of every change that is committed."""
        worker = get_current_worker()
        try:
            import o1coder.search  # noqa: F401  (two threads that first import parts of it at once would meet it half-made)
            from o1coder.lab import Lab
            from o1coder.queries.changes import Changes

            lab = Lab(self.home, readonly=self.readonly)
        except LabError as error:
            self.call_from_thread(self._opened, None, error)
            return
        self.call_from_thread(self._opened, lab, None)
        shown_at = time.monotonic() + ISOLATION_S
        looked = time.monotonic()
        with Changes(lab) as changes:
            while not worker.is_cancelled:
                time.sleep(WATCH_S)
                if time.monotonic() - looked >= (SLOW_WATCH_S if self.slow else WATCH_S):
                    looked = time.monotonic()
                    if changes.any():
                        self.call_from_thread(self._changed)
                if shown_at and time.monotonic() > shown_at:
                    shown_at = 0.0
                    self.call_from_thread(self.run_worker, self._later, thread=True, group="later")

    def _later(self) -> None:
        """In a thread, for a moment: which level the judge's canaries prove; what the keys file gets wrong."""
        import gc

        from o1coder.judge import describe_layers

        found = next((layer["level"] for layer in describe_layers() if layer["active"]), "none")
        groups = every_binding()  # all screens are imported here, so that none has to be when it is first shown
        wrong = keymap.faults(groups, self.keymap) if self.keymap else []
        gc.freeze()  # a full collection would walk all that was imported, and keys would wait for it
        if not get_current_worker().is_cancelled:
            self.call_from_thread(self._isolated, found)
            if wrong:
                self.call_from_thread(self.say, wrong[0])

    def _isolated(self, found: str) -> None:
        self.isolation = found
        for screen in self.screen_stack:
            if isinstance(screen, Frame) and screen.is_mounted:
                screen.redraw_title()

    def _opened(self, lab: Lab | None, failure: LabError | None) -> None:
        self.lab, self.failure = lab, failure
        if failure is not None:
            self.exit(2)
        else:
            self._changed()

    def _changed(self) -> None:
        if isinstance(self.screen, Frame) and self.screen.is_mounted:
            self.screen.reload()

    # going ---------------------------------------------------------------------------------------------------------
    @property
    def frame(self) -> Frame | None:
        """The screen of this mode, whatever overlay lies over it."""
        bottom = self.screen_stack[0] if self.screen_stack else None
        return bottom if isinstance(bottom, Frame) else None

    def here(self) -> Went:
        """Where somebody is."""
        return Went(self.current_mode, "" if self.frame is None else self.frame.where())

    def go(self, mode: str, target: str = "") -> None:
        """Show a screen and, on it, what the target names; "" leaves it as it was."""
        here = self.here()
        if here.mode == mode and target in ("", here.target):
            return
        self._last = here
        self.history.leave(here, Went(mode, target))
        self._show(Went(mode, target))

    def _show(self, there: Went) -> None:
        if there.target:
            self._targets[there.mode] = there.target
        if self.current_mode != there.mode:
            self.switch_mode(there.mode)
        elif self.frame is not None:
            self.frame.arrive()

    def target_of(self, mode: str) -> str:
        """What a screen has been asked to show and has not been told yet."""
        return self._targets.pop(mode, "")

    def action_go(self, mode: str) -> None:
        self.go(mode)

    def action_last(self) -> None:
        if self._last is not None:
            self.go(*self._last)

    def action_travel(self, by: int) -> None:
        there = self.history.back(self.here(), by)
        if there is None:
            self.say("there is nothing before this" if by < 0 else "there is nothing after this")
        else:
            self._last = self.here()
            self._show(there)

    # doing ---------------------------------------------------------------------------------------------------------
    def bar_offers(self) -> tuple[list[str], list[str]]:
        """What was typed into the command bar before, and what it completes."""
        from o1coder.stage import stage_names
        from tui.words import offers

        return self.memory.lines("command"), offers(stage_names())

    def action_command(self) -> None:
        if isinstance(self.screen, Frame):
            self.screen.command_bar(True)

    def action_line(self, line: str) -> None:
        from tui.deeds import obey

        obey(self, line)

    def action_palette(self) -> None:
        from tui.deeds import open_palette

        if self.frame is not None and self.screen is self.frame:
            open_palette(self, self.frame)

    def action_help(self) -> None:
        from tui.screens.help import HelpScreen

        if isinstance(self.screen, Frame):
            self.push_screen(HelpScreen(self.screen.help(), self.keymap, self.screen.twin(), self.screen.language()))

    def copy_text(self, text: str) -> None:
        """Copy a text, and say so."""
        from tui.clipboard import copy

        if not text:
            self.say("there is nothing to copy here")
        elif self._driver is not None:
            self.say(copy(text, self._driver.write, state_folder()))

    def action_copy(self) -> None:
        if self.frame is not None:
            self.copy_text(self.frame.copied())

    def action_copy_command(self) -> None:
        if self.frame is not None:
            self.copy_text(self.frame.twin())

    def action_outside(self) -> None:
        from tui.outside import page

        found = None if self.frame is None else self.frame.outside()
        if found is None:
            self.say("there is nothing to read here")
            return
        try:
            page(self, *found)
        except LabError as error:
            self.say(f"{error.message}: {error.hint}")

    # remembering ---------------------------------------------------------------------------------------------------
    def _remember(self) -> None:
        frame = self.frame
        if frame is None or frame.mode not in BY_MODE:
            return
        self.memory.of("app")["mode"] = frame.mode
        self.memory.of("where")[frame.mode] = frame.where()
        self.memory.of("kept")[frame.mode] = frame.keep()
        failed = self.memory.save()
        if failed:
            self.say(failed)

    def say(self, message: str) -> None:
        """Say one line where the keys are."""
        if self.frame is not None:
            self.frame.say(message)

    def action_leave(self) -> None:
        self._remember()
        self.exit(0)


def every_binding() -> dict[str, list[Binding]]:
    """The bindings of every screen, of the tables on them and of the app, by where they work; imports all screens."""
    from tui.widgets.virtual_tree import VirtualTree

    found = {place.mode: bindings_of(load(place.mode)) for place in PLACES}
    return {**found, "table": own_bindings(VirtualTree), "app": bindings_of(LabApp)}
