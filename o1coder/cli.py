"""The command line: a contract that outsiders script against. Parses words, calls a command, prints its one value.

Nothing heavy is imported before the command is known; `o1coder --help` loads neither sqlmodel nor textual. The commands
themselves are in commands/, a file per noun. With --json stdout holds exactly one JSON value; errors go to stderr.
"""

from __future__ import annotations

import argparse
import importlib
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
    "solve": ("stages", "solve one problem: tests, search, code and the evidence"),
    "jobs": ("jobs", "list, show, log, cancel, retry, wait"),
    "worker": ("jobs", "run queued jobs in the foreground"),
    "problems": ("problems", "list, show"),
    "judge": ("judging", "judge a program, or a batch without any lab"),
    "trees": ("trees", "list, show, export, replay, relabel"),
    "labels": ("labels", "add, undo, list"),
    "checkpoints": ("checkpoints", "list, show, accept, reject"),
    "runs": ("rounds", "list runs"),
    "rounds": ("rounds", "list the rounds of a run"),
    "datasets": ("datasets", "list, show"),
    "sql": ("sql", "a read-only query"),
}


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are LabErrors, so that they keep the contract's form and exit code."""

    def error(self, message: str) -> Any:
        raise LabError(message, f"`{self.prog} --help` shows what it takes")


def common() -> argparse.ArgumentParser:
    """The options that every command takes, anywhere on the line."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--home", type=Path, default=argparse.SUPPRESS, help="the lab (default: O1CODER_HOME, ~/.o1coder)"
    )
    parent.add_argument("--readonly", action="store_true", default=argparse.SUPPRESS, help="change nothing")
    parent.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON value on stdout")
    return parent


def usage() -> str:
    """What `o1coder --help` prints."""
    lines = ["usage: o1coder [COMMAND] [--home DIR] [--readonly] [--json]", ""]
    lines += ["A terminal lab for the O1-CODER loop. Without a command it opens the screens.", ""]
    lines += [f"  {name:<12} {about}" for name, (_, about) in COMMANDS.items()]
    lines += ["", "o1coder COMMAND --help says more. Exit codes: 0 yes, 1 no, 2 to be mended by you, 130 interrupted."]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    wants_json = "--json" in words
    try:
        return _main(words)
    except LabError as error:
        _say_error(error, wants_json)
        return MENDABLE
    except KeyboardInterrupt:
        print("interrupted; jobs go on (`o1coder jobs list`)", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _main(words: list[str]) -> int:
    name = next((word for word in words if word in COMMANDS), None)
    leading = words[: words.index(name)] if name is not None else words
    if name is None and [w for w in words if not w.startswith("-")] and not _only_options(words):
        unknown = next(w for w in words if not w.startswith("-"))
        raise LabError(f"there is no command {unknown!r}", f"commands: {', '.join(COMMANDS)}")
    if "--help" in leading or "-h" in leading:
        print(usage())
        return OK
    if "--version" in leading:
        from o1coder import __version__

        print(__version__)
        return OK
    if name is None:
        return _screens(words)
    rest = leading + words[len(leading) + 1 :]
    module = importlib.import_module(f"o1coder.commands.{COMMANDS[name][0]}")
    parser = _Parser(prog=f"o1coder {name}", description=COMMANDS[name][1], parents=[common()])
    return int(module.run(name, parser, rest))


def _only_options(words: list[str]) -> bool:
    """Do the words consist of options and the folder after --home?"""
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word == "--home":
            skip = True
        elif not word.startswith("-"):
            return False
    return True


def _screens(words: list[str]) -> int:
    parser = _Parser(prog="o1coder", parents=[common()])
    options = parser.parse_args(words)
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        raise LabError(
            "this is not a terminal, so no screens", "`o1coder jobs list`, `o1coder problems list`, … say the same"
        )
    line = [sys.executable, "-P", "-m", "tui", "--home", str(home_of(options))]
    if getattr(options, "readonly", False):
        line.append("--readonly")
    os.execv(sys.executable, line)  # the screens are a program of their own: nothing in o1coder imports them


def home_of(options: argparse.Namespace) -> Path:
    """The lab's folder: --home, else O1CODER_HOME, else ~/.o1coder."""
    from o1coder.home import default_home

    found: Path = getattr(options, "home", None) or default_home()
    return found


def _say_error(error: LabError, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": error.message, "hint": error.hint}, ensure_ascii=False), file=sys.stderr)
    else:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
