"""The command line: a contract that outsiders script against. Parses words, calls a command, prints its one value.

Nothing heavy is imported before the command is known; `o1coder --help` loads neither sqlmodel nor textual. The commands
themselves are in commands/, a file per noun. With --json stdout holds exactly one JSON value; errors go to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from o1coder.errors import LabError

OK, NO, MENDABLE, INTERRUPTED = 0, 1, 2, 130

# noun or verb → (module of commands/, one line of help). The module adds its own arguments when it is chosen.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("lab", "make a lab"),
    "doctor": ("lab", "what this machine has, and what is missing"),
    "verify": ("lab", "re-derive what can be re-derived and compare"),
    "backup": ("lab", "copy the database to a file that opens anywhere"),
    "upgrade": ("lab", "bring a lab to this version's schema"),
    "demo": ("demo", "one whole self-play round on the starter problems"),
    "models": ("models", "list, add, remove, fetch base models"),
    "stages": ("stages", "the stages and their fields"),
    "run": ("stages", "run a stage as a job"),
    "import": ("stages", "bring problems in"),
    "export": ("stages", "write a dataset out"),
    "evaluate": ("stages", "measure a policy, or programs from a file"),
    "anatomy": ("anatomy", "which level decides the outcome, and whether the pseudocode is used"),
    "solve": ("stages", "solve one problem: tests, search, code and the evidence"),
    "jobs": ("jobs", "list, show, log, cancel, retry, wait"),
    "worker": ("jobs", "run queued jobs in the foreground"),
    "problems": ("problems", "list, show, withdraw, restore, add-test"),
    "judge": ("judging", "judge a program, or a batch without any lab"),
    "calibrate": ("calibrate", "search, labels, intervals and gate against a known truth; no model"),
    "trees": ("trees", "list, show, export, replay, relabel, counterfactual, diff"),
    "labels": ("labels", "add, preview, undo, list, queue, agree, gold, import, export"),
    "checkpoints": ("checkpoints", "list, show, lineage, compare, stale, export, accept, reject"),
    "runs": ("runs", "list, show, compare, xray"),
    "rounds": ("rounds", "list, show: what each round of a run came to"),
    "datasets": ("datasets", "list, show, preview, diff, save, saved, forget"),
    "sql": ("sql", "a read-only query; --list shows those with a name"),
    "open": ("screens", "open the screens at a place: `open tree 42:0.2.1`"),
    "keys": ("screens", "list the keys of the screens, check the file that remaps them"),
}


class Parser(argparse.ArgumentParser):
    """argparse whose errors are LabErrors, so that they keep the contract's form and exit code; options are written out."""

    def __init__(self, **given: Any) -> None:
        super().__init__(allow_abbrev=False, **given)

    def error(self, message: str) -> Any:
        raise LabError(message, f"`{self.prog} --help` shows what it takes")


def common() -> argparse.ArgumentParser:
    """The options that every command takes, anywhere on the line."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="the lab (default: O1CODER_HOME, else ~/.o1coder)",
    )
    parent.add_argument("--readonly", action="store_true", default=argparse.SUPPRESS, help="change nothing")
    parent.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON value on stdout")
    return parent


def usage() -> str:
    """What `o1coder --help` prints."""
    lines = ["usage: o1coder [COMMAND] [--home DIR] [--readonly] [--json] [--slow]", ""]
    lines += ["A terminal lab for the O1-CODER loop. Without a command it opens the screens.", ""]
    lines += [f"  {name:<12} {about}" for name, (_, about) in COMMANDS.items()]
    lines += ["", "o1coder COMMAND --help says more. Exit codes: 0 yes, 1 no, 2 to be mended by you, 130 interrupted."]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a script reads does not depend on the locale
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = _main(words)
        sys.stdout.flush()
        return code
    except LabError as error:
        _say_error(error, as_json)
        return MENDABLE
    except KeyboardInterrupt:
        _say_error(LabError("interrupted", "jobs go on: `o1coder jobs list`"), as_json)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        if error.filename is None or error.strerror is None:
            raise
        _say_error(LabError(f"{error.filename}: {error.strerror}", "check the path, its mode and the disk"), as_json)
        return MENDABLE


def first_word(words: Sequence[str], valued: Sequence[str]) -> int | None:
    """The place of the first word that is neither an option nor the value of one of the `valued` options."""
    for place, word in enumerate(words):
        if not word.startswith("-") and (place == 0 or words[place - 1] not in valued):
            return place
    return None


def _main(words: list[str]) -> int:
    for word in words:
        if any("\ud800" <= letter <= "\udfff" for letter in word):  # what Python makes of bytes that are no UTF-8
            raise LabError("the command line is not UTF-8", "write names and texts in UTF-8")
    place = first_word(words, ("--home",))
    leading = words if place is None else words[:place]
    if "--help" in leading or "-h" in leading:
        print(usage())
        return OK
    if "--version" in leading:
        from o1coder import __version__

        print(__version__)
        return OK
    if place is None:
        return _screens(words)
    name = words[place]
    if name not in COMMANDS:
        raise LabError(f"there is no command {name!r}", f"commands: {', '.join(COMMANDS)}")
    module = importlib.import_module(f"o1coder.commands.{COMMANDS[name][0]}")
    parser = Parser(prog=f"o1coder {name}", description=COMMANDS[name][1], parents=[common()])
    return int(module.run(name, parser, leading + words[place + 1 :]))


def _screens(words: list[str]) -> int:
    parser = Parser(prog="o1coder", parents=[common()])
    parser.add_argument("--slow", action="store_true", help="a slow line: fewer repaints")
    options = parser.parse_args(words)
    need_terminal()
    screens(options, *(["--slow"] if options.slow else []))
    return OK


def need_terminal() -> None:
    """LabError where there is nothing to draw screens on."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        raise LabError(
            "this is not a terminal, so no screens", "`o1coder jobs list`, `o1coder problems list`, … say the same"
        )


def screens(options: argparse.Namespace, *more: str) -> None:
    """Become the screens: they are a program of their own, and nothing in o1coder imports them."""
    line = [sys.executable, "-P", "-m", "tui", "--home", str(home_of(options)), *more]
    if getattr(options, "readonly", False):
        line.append("--readonly")
    sys.stdout.flush()
    os.execv(sys.executable, line)


def home_of(options: argparse.Namespace) -> Path:
    """The lab's folder: --home, else O1CODER_HOME, else ~/.o1coder."""
    from o1coder.home import default_home

    found: Path = getattr(options, "home", None) or default_home()
    return found


def _say_error(error: LabError, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": error.message, "hint": error.hint}, ensure_ascii=False), file=sys.stderr)
        return
    from o1coder.commands.plain import harmless

    print(f"error: {harmless(error.message)}", file=sys.stderr)
    if error.hint:
        print(f"hint: {harmless(error.hint)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
