"""datasets list|show."""

from __future__ import annotations

from argparse import ArgumentParser

from o1coder.cli import OK
from o1coder.commands import show
from o1coder.errors import LabError
from o1coder.queries import datasets


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    parser.add_argument("verb", choices=("list", "show"))
    parser.add_argument("id", nargs="?", type=int)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--after", type=int, default=0)
    options = parser.parse_args(words)
    lab = show.open_lab(options)
    with lab.reading() as connection:
        if options.verb == "list":
            rows = [row._asdict() for row in datasets.page(connection, after=options.after, limit=options.limit)]
            show.table(options, rows, ("id", "kind", "target", "rows", "job", "author", "query"), empty="no datasets")
            return OK
        if options.id is None:
            raise LabError("datasets show needs an id", "`o1coder datasets list` shows them")
        show.value(options, datasets.show(connection, options.id)._asdict())
    return OK
