"""sql: one read-only query with a time limit and a row cap; queries kept by name, and examples to begin with."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.verbs import count
from o1coder.errors import LabError
from o1coder.home import author
from o1coder.queries import saved, sqltext
from o1coder.queries.sqlexamples import EXAMPLES, example

KIND = "sql"


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run the query and print its rows as objects; or list, keep, forget."""
    parser.add_argument("query", metavar="SELECT|NAME", nargs="?", help=sqltext.HINT + "; or the name of one")
    parser.add_argument(
        "--timeout", type=_seconds, metavar="S", default=sqltext.LIMIT_S, help=f"seconds (default: {sqltext.LIMIT_S:g})"
    )
    parser.add_argument(
        "--limit", type=count, metavar="N", default=sqltext.ROWS, help=f"rows at most (default: {sqltext.ROWS})"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the rows to FILE.csv, .tsv, .json or .jsonl")
    parser.add_argument("--save", metavar="NAME", help="keep the query under a name")
    parser.add_argument("--list", action="store_true", help="the queries that have a name, and examples")
    parser.add_argument("--forget", metavar="NAME", help="let a name go")
    options = parser.parse_args(words)
    if options.list:
        return _list(options)
    if options.forget is not None:
        return _forget(options)
    if options.query is None:
        raise LabError("there is no query", "o1coder sql 'select …', or the name of one: `o1coder sql --list`")
    return _ask(options)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:
        raise ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _ask(options: Namespace) -> int:
    lab = show.open_lab(options, write=options.save is not None)
    text = _text(options)
    if options.save is not None and example(options.save) is not None:
        show.note(f"{options.save} is the name of an example too: yours is what it means from now on")
    most = min(options.limit, sqltext.MOST_ROWS)
    found = sqltext.Asking(lab.home, text, timeout_s=options.timeout, most=most).answer()
    if found.cut is not None:
        many = f"only the first {len(found.rows)} rows are shown"
        show.note(many if found.cut == "rows" else f"{many}: the rest is more than an answer may hold")
    if options.save is not None:
        from o1coder.saved import save

        save(lab, KIND, options.save, text, author())
        show.note(f"kept as {options.save}")
    if options.out is not None:
        from o1coder.queries.sqlresult import write

        write(found, options.out)
        answer = {"file": str(options.out), "rows": len(found.rows), "columns": found.columns}
        show.value(options, answer, [f"{len(found.rows)} rows in {options.out}"])
        return OK
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    show.table(options, rows, found.columns, empty="no rows")
    return OK


def _text(options: Namespace) -> str:
    """The words that were given, or those that are kept under the name that was given."""
    given: str = options.query
    if len(given.split()) != 1:
        return given
    with show.open_lab(options).reading() as connection:
        kept = saved.named(connection, given, [KIND])
    shown = example(given)
    return kept.text if kept is not None else shown.text if shown is not None else given


def _list(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        kept = saved.listed(connection, [KIND])
    names = {row.name for row in kept}
    rows = [{"name": row.name, "author": row.author, "about": None, "query": row.text} for row in kept]
    rows += [
        {"name": one.name, "author": None, "about": one.about, "query": one.text}
        for one in EXAMPLES
        if one.name not in names
    ]
    show.table(
        options, rows, ("name", "author", "about", "query") if show.as_json(options) else ("name", "author", "about")
    )
    return OK


def _forget(options: Namespace) -> int:
    from o1coder.saved import forget

    forget(show.open_lab(options, write=True), options.forget, [KIND])
    show.value(options, {"forgotten": options.forget}, [f"forgotten: {options.forget}"])
    return OK
