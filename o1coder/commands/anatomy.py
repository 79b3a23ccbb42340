"""anatomy: the stage, waited for; with --job the figures of an earlier one again, from its rows, without sampling."""

from __future__ import annotations

from argparse import ArgumentParser

from o1coder.cli import OK
from o1coder.commands import show, stages
from o1coder.commands.verbs import row_id


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run the command."""
    parser.add_argument(
        "--job", type=row_id, metavar="ID", help="print an earlier job's figures again; takes nothing else"
    )
    if not any(word == "--job" or word.startswith("--job=") for word in words):
        return stages.run(name, parser, words)
    options = parser.parse_args(words)
    from o1coder import answers

    found, _ = answers.of(show.open_lab(options), name, options.job)
    show.value(options, found, answers.lines(name, found))
    return OK
