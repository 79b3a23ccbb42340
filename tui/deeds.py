"""What the command bar and the palette do: go to a place, launch a stage, run what a key would run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from o1coder.errors import LabError
from tui.keymap import keys_of
from tui.places import Went
from tui.screens.frame import Frame, bindings_of, key_name, own_bindings

if TYPE_CHECKING:
    from o1coder.stage import Stage
    from tui.app import LabApp


def obey(app: LabApp, line: str) -> None:
    """Do what a line of the command bar asks for, or say what is wrong with it."""
    from tui.words import read

    app.memory.typed("command", line)
    try:
        asked = read(line)
    except LabError as error:
        app.say(f"{error.message}: {error.hint}")
        return
    if isinstance(asked, Went):
        app.go(*asked)
    elif asked.name == "launch":
        launch(app, asked.rest)
    elif asked.name == "slow":
        app.slow = asked.rest != "off" if asked.rest else not app.slow
        app.say(f"slow line: {'on' if app.slow else 'off'}")
    else:
        deeds = {"help": app.action_help, "back": app.action_last, "copy": app.action_copy, "quit": app.action_leave}
        deeds[asked.name]()


def launch(app: LabApp, stage: str) -> None:
    """Open the form of a stage over the screen."""
    from o1coder.stage import stage_names

    frame = app.frame
    if frame is None or frame.refused("launch jobs"):
        return
    if stage not in stage_names():
        app.say(f"there is no stage {stage!r}: {', '.join(stage_names())}")
        return

    def found() -> Stage:
        from o1coder.stage import find

        return find(stage)

    def opened(declared: Stage) -> None:
        from tui.screens.launch import launch_form

        launch_form(frame, declared, {})

    frame.ask("stages", found, opened)


def open_palette(app: LabApp, frame: Frame) -> None:
    """Open the list of everything that can be done on a screen, and do what is chosen."""
    from tui.screens.palette import Deed, Palette

    everywhere = bindings_of(type(app))
    deeds = []
    for _, bindings in frame.help():
        for one in bindings:
            keys = " ".join(key_name(key) for key in keys_of(one, app.keymap).split(","))
            action = f"app.{one.action}" if one in everywhere else one.action
            deeds.append(Deed(one.description, keys, one.tooltip or "", action))
    launches = (line for line in app.bar_offers()[1] if line.startswith("launch "))
    deeds += [Deed(line, "", "", f"app.line({line!r})") for line in launches]

    async def chosen(deed: Deed | None) -> None:
        if deed is not None:
            focused = frame.focused
            known = focused is not None and deed.action in {b.action for b in own_bindings(type(focused))}
            await app.run_action(deed.action, focused if known and focused is not None else frame)

    app.push_screen(Palette(deeds), chosen)
