"""problems list|show."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from o1coder.cli import OK
from o1coder.commands import show
from o1coder.errors import LabError
from o1coder.queries import problems


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    parser.add_argument("verb", choices=("list", "show"))
    parser.add_argument("id", nargs="?")
    parser.add_argument("--split", choices=("train", "validation", "test"))
    parser.add_argument("--query", default="", help="words, field:value, tests>5, pass<0.3")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--after", type=int, default=0)
    options = parser.parse_args(words)
    lab = show.open_lab(options)
    with lab.reading() as connection:
        if options.verb == "list":
            rows = problems.page(
                connection, query=options.query, split=options.split, after=options.after, limit=options.limit
            )
            columns = ("id", "source", "key", "split", "difficulty", "kind", "tests", "programs", "trees", "title")
            show.table(options, [row._asdict() for row in rows], columns, empty="no problems")
            return OK
        if options.id is None:
            raise LabError("problems show needs an id or a key", "`o1coder problems list` shows them")
        detail = problems.show(connection, problems.find(connection, options.id))
        cases, programs = problems.cases(connection, detail.row.id), problems.programs(connection, detail.row.id)
    found: dict[str, Any] = {**detail.row._asdict(), **{k: v for k, v in detail._asdict().items() if k != "row"}}
    found["test_cases"] = [case._asdict() for case in cases]
    found["program_list"] = [program._asdict() for program in programs]
    lines = [f"{k}: {show.cell(v)}" for k, v in found.items() if k not in ("test_cases", "program_list", "statement")]
    lines += ["", detail.statement, ""]
    lines += [f"  {c.input} → {c.expected}  [{c.purposes or '-'}, {c.origin}]" for c in cases]
    lines += [
        f"  program {p.id}: {p.origins}, claimed {p.claim or '-'}, {p.accepted}/{p.judged} verdicts AC"
        for p in programs
    ]
    show.value(options, found, lines)
    return OK
