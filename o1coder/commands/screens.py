"""open, keys: what the command line hands over to the screens, which are a program of their own."""

from __future__ import annotations

from argparse import ArgumentParser

from o1coder.cli import OK, need_terminal, screens


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    if name == "open":
        parser.add_argument(
            "place", nargs="+", metavar="PLACE", help="a line of the command bar: tree 42:0.2.1, jobs 3"
        )
        parser.add_argument("--slow", action="store_true", help="a slow line: fewer repaints")
        options = parser.parse_args(words)
        need_terminal()
        screens(options, "--open", " ".join(options.place), *(["--slow"] if options.slow else []))
    options = parser.parse_args(words)
    screens(options, "--keys", *(["--json"] if getattr(options, "json", False) else []))
    return OK
