"""datasets list|show|preview|diff|save|saved|forget."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.plain import fields
from o1coder.commands.verbs import Verbs, count, paging, row_id
from o1coder.errors import LabError
from o1coder.home import author
from o1coder.queries import datasets, saved

COLUMNS = ("id", "kind", "target", "rows", "job", "author", "used_by", "stale_labels", "query")
KINDS = ("prompt-completion", "preference", "stepwise", "o1coder-prm")


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser)
    paging(noun.add("list", _list, "datasets by id"))
    shown = noun.add("show", _show, "one dataset: its query, what it left out, what its rows rest on, where it lies")
    shown.add_argument("id", type=row_id, metavar="ID", help="a dataset's id")
    shown.add_argument("--rows", type=count, metavar="N", default=None, help="show N of its rows, too")
    shown.add_argument("--skip", type=row_id, metavar="N", default=0, help="… after the first N")
    _wished(noun.add("preview", _preview, "what an export would hold, without writing it"))
    compared = noun.add("diff", _diff, "rows that were added, removed, relabelled or changed from A to B")
    compared.add_argument("a", type=row_id, metavar="A", help="a dataset's id")
    compared.add_argument("b", type=row_id, metavar="B", help="another's")
    compared.add_argument("--rows", type=count, metavar="N", default=20, help="of each sort at most (default: 20)")
    keep = noun.add("save", _save, "keep a wish under a name")
    keep.add_argument("name", metavar="NAME")
    keep.add_argument("kind", choices=KINDS, help="the format")
    keep.add_argument("query", metavar="QUERY", help="words of a query, and of options: 'split:train target:value'")
    noun.add("saved", _saved, "the wishes that are kept by name")
    noun.add("forget", _forget, "let a name go").add_argument("name", metavar="NAME")
    return noun.run(words)


def _wished(parser: ArgumentParser) -> None:
    parser.add_argument("kind", metavar="KIND|NAME", help=f"{', '.join(KINDS)}; or the name of a wish that is kept")
    parser.add_argument("--query", metavar="QUERY", help="which trees, as `export` takes it (default: split:train)")
    parser.add_argument("--as-of", metavar="DATASET|now", help="only what a dataset could see")
    parser.add_argument("--target", choices=("validity", "value"), help="hard labels, or the search's soft values")
    parser.add_argument("--per-problem", metavar="N", help="prompt-completion: chains of one problem at most")
    parser.add_argument("--pairs", metavar="RULE", help="preference: siblings, strict or programs")
    parser.add_argument("--margin", metavar="X", help="preference: least difference of values")
    parser.add_argument("--edit", metavar="N", help="preference: least edit distance of texts")
    parser.add_argument("--rows", type=count, metavar="N", default=3, help="first rows to show (default: 3)")
    parser.add_argument("--skip", type=row_id, metavar="N", default=0, help="… after the first N")
    parser.add_argument(
        "--leaks", action="store_true", help="compare with other splits however many problems they hold"
    )


def _list(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        rows = datasets.page(connection, after=options.after, limit=options.limit)
        stale = datasets.stale(connection)
    found = [{**row._asdict(), "stale_labels": stale.get(row.id, 0)} for row in rows]
    show.table(options, found, COLUMNS, empty="no datasets")
    return OK


def _show(options: Namespace) -> int:
    lab = show.open_lab(options)
    with lab.reading() as connection:
        found = datasets.show(connection, options.id)
        more: dict[str, Any] = {
            "stale_labels": datasets.stale_labels(connection, options.id),
            "by": plain(datasets.counts(connection, options.id)),
        }
    if options.rows is not None:
        more["first"] = plain(datasets.rows(lab, options.id, first=options.skip, count=options.rows))
    show.value(options, found._asdict() | more)
    return OK


def _preview(options: Namespace) -> int:
    from o1coder.previewing import preview, wish

    lab = show.open_lab(options)
    names = ("as_of", "target", "per_problem", "pairs", "margin", "edit")
    given = {name: getattr(options, name) for name in names}
    kind, query = options.kind, "split:train" if options.query is None else options.query
    if kind not in KINDS:
        with lab.reading() as connection:
            kept = saved.named(connection, kind, KINDS)
        if kept is None:
            raise LabError(f"{kind!r} is no format, and no wish is kept under it", f"formats: {', '.join(KINDS)}")
        kind, query = kept.kind, kept.text if options.query is None else options.query
    found = preview(lab, wish(kind, query, given), skip=options.skip, first=options.rows, every_leak=options.leaks)
    told = plain(found)
    show.value(options, told, fields({name: value for name, value in told.items() if name != "card"}))
    return OK


def _diff(options: Namespace) -> int:
    from o1coder.queries.datasetdiff import diff

    found = diff(show.open_lab(options), options.a, options.b, shown=options.rows)
    lines = [
        f"{found.a} → {found.b}: {found.same} the same, {found.relabelled} relabelled, {found.changed} changed, "
        f"{found.removed} removed, {found.added} added"
    ]
    for one in found.differences:
        said = f"{','.join(one.before or []) or '-'} → {','.join(one.after or []) or '-'}"
        fact = f"step {one.step}" if one.step is not None else f"problem {one.problem}"
        lines.append(f"{one.sort:<10} {fact:<12} {said}  {' '.join(one.text.split())[:60]}")
    show.value(options, plain(found), lines)
    return OK


def _save(options: Namespace) -> int:
    from o1coder.previewing import line, wish
    from o1coder.saved import save

    lab = show.open_lab(options, write=True)
    text = line(wish(options.kind, options.query))
    replaced = save(lab, options.kind, options.name, text, author(), kinds=KINDS)
    found = {"name": options.name, "kind": options.kind, "query": text, "replaced": replaced}
    show.value(options, found, [f"kept as {options.name}: {options.kind} {text}"])
    return OK


def _saved(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        rows = saved.listed(connection, KINDS)
    found = [
        {"name": r.name, "kind": r.kind, "query": r.text, "author": r.author, "created_at": r.created_at} for r in rows
    ]
    show.table(options, found, ("name", "kind", "query", "author"), empty="no wishes are kept")
    return OK


def _forget(options: Namespace) -> int:
    from o1coder.saved import forget

    forget(show.open_lab(options, write=True), options.name, KINDS)
    show.value(options, {"forgotten": options.name}, [f"forgotten: {options.name}"])
    return OK


def plain(found: Any) -> Any:
    """Named tuples as objects, all the way down."""
    if isinstance(found, tuple) and hasattr(found, "_asdict"):
        return {name: plain(value) for name, value in found._asdict().items()}
    if isinstance(found, (list, tuple)):
        return [plain(one) for one in found]
    return {name: plain(value) for name, value in found.items()} if isinstance(found, dict) else found
