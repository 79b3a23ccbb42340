"""problems list|show."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from o1coder.cli import OK
from o1coder.commands import plain, show
from o1coder.commands.verbs import Verbs, paging
from o1coder.queries import problems

COLUMNS = ("id", "source", "key", "split", "difficulty", "kind", "tests", "programs", "trees", "title")


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser)
    listing = noun.add("list", _list, "problems by id")
    listing.add_argument("--split", choices=("train", "validation", "test"))
    listing.add_argument("--query", metavar="Q", default="", help="words, field:value, tests>5, pass<0.3")
    paging(listing)
    noun.add("show", _show, "one problem: statement, tests, programs").add_argument(
        "id", metavar="ID", help="a problem's id, its key, or SOURCE/KEY"
    )
    return noun.run(words)


def _list(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        rows = problems.page(
            connection, query=options.query, split=options.split, after=options.after, limit=options.limit
        )
    show.table(options, [row._asdict() for row in rows], COLUMNS, empty="no problems")
    return OK


def _show(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        detail = problems.show(connection, problems.find(connection, options.id))
        cases, programs = problems.cases(connection, detail.row.id), problems.programs(connection, detail.row.id)
    head: dict[str, Any] = {**detail.row._asdict(), **{k: v for k, v in detail._asdict().items() if k != "row"}}
    lines = plain.fields({k: v for k, v in head.items() if k != "statement"})
    lines += ["", detail.statement, ""]
    lines += [f"  {c.input} → {c.expected}  [{c.purposes or '-'}, {c.origin}]" for c in cases]
    lines += [
        f"  program {p.id}: {p.origins}, claimed {p.claim or '-'}, {p.accepted}/{p.judged} verdicts AC"
        + (f" at {p.layers}" if p.layers else "")
        for p in programs
    ]
    more = {"test_cases": [c._asdict() for c in cases], "program_list": [p._asdict() for p in programs]}
    show.value(options, head | more, lines)
    return OK
