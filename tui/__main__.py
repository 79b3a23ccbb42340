"""Start the terminal lab: `python -P -m tui [--home DIR] [--readonly] [--tree ID]`.

Without a terminal (or on a dumb one) it starts nothing and says which commands to run instead. Exit: 0, or 2 when
something has to be mended first.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the options, run the app, return the exit status."""
    parser = argparse.ArgumentParser(prog="tui", description="The o1coder lab in a terminal.")
    parser.add_argument("--home", type=Path, help="the lab's folder (default: O1CODER_HOME, else ~/.o1coder)")
    parser.add_argument("--readonly", action="store_true", help="look, and change nothing")
    parser.add_argument("--tree", type=int, metavar="ID", help="open this tree")
    options = parser.parse_args(argv)
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "dumb") == "dumb":
        print("there is no terminal to draw on", file=sys.stderr)
        print("use `o1coder jobs list`, `o1coder problems list`, `o1coder trees list` (with --json)", file=sys.stderr)
        return 2
    home = options.home or Path(os.environ.get("O1CODER_HOME") or Path.home() / ".o1coder")

    from tui.app import LabApp

    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a lost connection ends the screens, even where a launcher ignores it
    app = LabApp(home, readonly=options.readonly, tree_id=options.tree)
    status = app.run()
    if app.failure is not None:
        print(app.failure.message, file=sys.stderr)
        if app.failure.hint:
            print(app.failure.hint, file=sys.stderr)
    return status if status is not None else 1


if __name__ == "__main__":
    sys.exit(main())
