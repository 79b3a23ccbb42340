"""Start the terminal lab: `python -P -m tui [--home DIR] [--readonly] [--slow] [--open "tree 42"]`; `--keys` lists its keys.

Without a terminal (or on a dumb one) it starts nothing and says which commands to run instead. Exit: 0, or 2 when
something has to be mended first.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from o1coder.errors import LabError


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the options, run the app, return the exit status."""
    parser = argparse.ArgumentParser(prog="tui", description="The o1coder lab in a terminal.")
    parser.add_argument("--home", type=Path, help="the lab's folder (default: O1CODER_HOME, else ~/.o1coder)")
    parser.add_argument("--readonly", action="store_true", help="look, and change nothing")
    parser.add_argument("--slow", action="store_true", help="a slow line: fewer repaints (also O1CODER_SLOW=1)")
    parser.add_argument("--open", metavar="PLACE", help="begin there: a line of the command bar, as in 'tree 42:0.2.1'")
    parser.add_argument("--keys", action="store_true", help="list the keys and check the file that remaps them")
    parser.add_argument("--json", action="store_true", help="with --keys: one JSON value")
    options = parser.parse_args(argv)
    try:
        return _keys(options.json) if options.keys else _run(options)
    except LabError as error:
        told = {"error": error.message, "hint": error.hint}
        print(json.dumps(told) if options.json else error.message, file=sys.stderr)
        if error.hint and not options.json:
            print(error.hint, file=sys.stderr)
        return 2


def _keys(as_json: bool) -> int:
    from tui import keymap
    from tui.app import every_binding

    keys, wrong = keymap.read(keymap.file())
    groups = every_binding()
    listed = keymap.listed(groups, keys)
    wrong += keymap.faults(groups, keys)
    if as_json:
        told = {"file": str(keymap.file()), "keys": [one._asdict() for one in listed], "wrong": wrong}
        print(json.dumps(told, ensure_ascii=False))
    else:
        for one in listed:
            print(f"{one.id:<28} {one.keys:<24} {'' if one.keys == one.default else f'({one.default}) '}{one.about}")
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    return 2 if wrong else 0


def _run(options: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "dumb") == "dumb":
        print("there is no terminal to draw on", file=sys.stderr)
        print("use `o1coder jobs list`, `o1coder problems list`, `o1coder trees list` (with --json)", file=sys.stderr)
        return 2
    home = options.home or Path(os.environ.get("O1CODER_HOME") or Path.home() / ".o1coder")

    slow = options.slow or bool(os.environ.get("O1CODER_SLOW"))
    os.environ.setdefault("ESCDELAY", "100" if slow else "40")  # ms until an escape is known to begin no sequence

    from tui.app import LabApp
    from tui.places import Went
    from tui.words import read

    start: Went | None = None
    if options.open:
        asked = read(options.open)
        if not isinstance(asked, Went):
            raise LabError(f"{options.open!r} is no place", "as in 'tree 42' or 'problems difficulty:hard'")
        start = asked
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a lost connection ends the screens, even where a launcher ignores it
    app = LabApp(home, readonly=options.readonly, start=start, slow=slow)
    status = app.run()
    if app.failure is not None:
        raise app.failure
    return status if status is not None else 1


if __name__ == "__main__":
    sys.exit(main())
