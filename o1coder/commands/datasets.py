"""datasets list|show."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.verbs import Verbs, paging, row_id
from o1coder.queries import datasets

COLUMNS = ("id", "kind", "target", "rows", "job", "author", "query")


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser)
    paging(noun.add("list", _list, "datasets by id"))
    noun.add("show", _show, "one dataset: its query, what it left out, where it lies").add_argument(
        "id", type=row_id, metavar="ID", help="a dataset's id"
    )
    return noun.run(words)


def _list(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        rows = datasets.page(connection, after=options.after, limit=options.limit)
    show.table(options, [row._asdict() for row in rows], COLUMNS, empty="no datasets")
    return OK


def _show(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        found = datasets.show(connection, options.id)
    show.value(options, found._asdict())
    return OK
