"""problems list|show|withdraw|restore|add-test."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from o1coder.cli import OK
from o1coder.commands import plain, show
from o1coder.commands.verbs import Verbs, paging
from o1coder.errors import LabError
from o1coder.home import author
from o1coder.queries import problem_filter, problem_parts, problems

LANGUAGE = 'words "exact phrase" -word field:value !field:value tests>5 pass<0.3 sort:-pass; fields: ' + " ".join(
    problem_filter.ALLOWED
)
PURPOSES = ("reward", "audit", "held-out", "public", "verify")
COLUMNS = (
    "id",
    "source",
    "key",
    "split",
    "difficulty",
    "kind",
    "tests",
    "programs",
    "trees",
    "judged",
    "pass_rate",
    "title",
)


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser)
    listing = noun.add("list", _list, "problems by id")
    listing.add_argument("--split", choices=("train", "validation", "test"))
    listing.add_argument("--query", metavar="Q", default="", help=LANGUAGE)
    paging(listing)
    noun.add("show", _show, "one problem: statement, tests, programs").add_argument(
        "id", metavar="ID", help="a problem's id, its key, or SOURCE/KEY"
    )
    withdrawing = noun.add("withdraw", _withdraw, "say that a test case is wrong: no later search counts it")
    withdrawing.add_argument("--reason", metavar="T", required=True, help="what is wrong with it")
    restoring = noun.add("restore", _restore, "take a withdrawal back")
    restoring.add_argument("--reason", metavar="T", default="given back", help="why")
    for verb in (withdrawing, restoring):
        verb.add_argument("case", metavar="CASE", help="a test case's id, or its digest")
    adding = noun.add("add-test", _add_test, "freeze a new test set: what counts now, and these cases")
    adding.add_argument("problem", metavar="PROBLEM", help="a problem's id, its key, or SOURCE/KEY")
    adding.add_argument(
        "file", metavar="FILE", nargs="?", help="JSON lines of args, stdin or check (- for standard input)"
    )
    adding.add_argument("--input", metavar="I", help="one case: a JSON array of arguments, what is read, or the checks")
    adding.add_argument("--expected", metavar="E", help="with --input: the result in JSON, or what must be written")
    adding.add_argument(
        "--purpose",
        choices=PURPOSES,
        metavar="P",
        help=f"{', '.join(PURPOSES)} (default: the one that steers a search)",
    )
    adding.add_argument("--unchecked", action="store_true", help="do not try the cases on the reference program")
    for verb in (withdrawing, restoring, adding):
        verb.add_argument("--author", metavar="A", help="in whose name (default: yours)")
    return noun.run(words)


def _withdraw(options: Namespace) -> int:
    from o1coder.problems import withdrawals

    with show.open_lab(options, write=True).writing(durable=True) as connection:
        done = withdrawals.withdraw(connection, options.case, options.reason, options.author or author())
    return _told(options, done)


def _restore(options: Namespace) -> int:
    from o1coder.problems import withdrawals

    with show.open_lab(options, write=True).writing(durable=True) as connection:
        done = withdrawals.restore(connection, options.case, options.reason, options.author or author())
    return _told(options, done)


def _told(options: Namespace, done: Any) -> int:
    again = f"`o1coder run relabel --query problem:{done.problem} --withdrawn` labels them again"
    lines = plain.fields(done._asdict())
    show.value(options, done._asdict(), [*lines, again] if done.trees else lines)
    return OK


def _add_test(options: Namespace) -> int:
    from o1coder import newtests
    from o1coder.verdicts import asked

    if (options.file is None) == (options.input is None):
        raise LabError("add-test takes a file of cases or --input, one of them", "--input '[1, 2]' --expected 3")
    lab = show.open_lab(options, write=True)
    with lab.reading() as connection:
        problem = problems.find(connection, options.problem)
        task = asked(connection, problem).task
    if options.file is None:
        cases = [newtests.case_of_words(task, options.input, options.expected)]
    else:
        cases = newtests.cases_of_lines(task, show.text_of(options.file).splitlines())
    made, reference = newtests.add_tests(
        lab, problem, cases, options.purpose, options.author or author(), checked=not options.unchecked
    )
    found = made._asdict() | {"reference": reference}
    again = f"`o1coder run relabel --query problem:{problem} --newest` labels its trees again with them"
    show.value(options, found, [*plain.fields(found), again])
    return OK


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
        told = problem_parts.cases(connection, detail.row.id)
        groups = problem_parts.program_groups(connection, detail.row.id)
        uses = problem_parts.uses(connection, detail.row.id)
    head: dict[str, Any] = {**detail.row._asdict(), **{k: v for k, v in detail._asdict().items() if k != "row"}}
    lines = plain.fields({k: v for k, v in head.items() if k != "statement"})
    lines += ["", detail.statement, ""]
    lines += [
        f"  case {c.id}: {c.input} → {c.expected}  [{c.purposes or '-'}, {c.origin}]{' withdrawn' if c.withdrawn else ''}"
        for c in cases
    ]
    lines += [
        f"  program {p.id}: {p.origins}, claimed {p.claim or '-'}, {p.accepted}/{p.judged} verdicts AC"
        + (f" at {p.layers}" if p.layers else "")
        for p in programs
    ]
    lines += [f"  {u.kind} {u.id}: {u.about}{'' if u.rows is None else f' (n {u.rows})'}" for u in uses]
    counts = {"passed", "failed", "failed_by"}
    failures = {c.id: {name: value for name, value in c._asdict().items() if name in counts} for c in told}
    more = {
        "test_cases": [c._asdict() | failures[c.id] for c in cases],
        "test_origins": [one._asdict() for one in problem_parts.origins(told)],
        "program_list": [p._asdict() for p in programs],
        "program_verdicts": [group._asdict() for group in groups],
        "uses": [use._asdict() for use in uses],
    }
    show.value(options, head | more, lines)
    return OK
