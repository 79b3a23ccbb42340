"""Problems from an importer into the lab: read, kept from leaking between splits, stored in short transactions, counted;
references judged when asked for.

Which rows make a problem, and what a leak is, is for problems/ to say; this file keeps what they said of rows that fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.problems.leaks import Leaks
from o1coder.problems.purposes import Split, in_split
from o1coder.problems.record import NewProblem, Rejected
from o1coder.problems.store import add_problem, known_problem
from o1coder.queries import problems
from o1coder.rows import By
from o1coder.stage import Reporter
from o1coder.task import Case
from o1coder.verdicts import add_profile, add_verdict, asked, known_for, question

if TYPE_CHECKING:
    from o1coder.judge import Judge

JUDGED_AT_ONCE = 20  # problems
Item = NewProblem | Rejected


@dataclass
class Tally:
    """What became of the rows of one file."""

    source: str
    path: str | None
    added: int = 0
    known: int = 0  # there already, from an earlier import
    keys: dict[int, str] = field(default_factory=dict)  # of the problems of this file, by id
    rejected: list[dict[str, Any]] = field(default_factory=list)
    failing: list[dict[str, Any]] | None = None  # references that fail one of their tests; None: not judged
    unjudged: list[dict[str, Any]] | None = None  # references that the judge itself failed on, neither good nor bad

    def reject(self, row: int | None, key: str, reason: str, report: Reporter) -> None:
        """Note a row that is no problem, and say so."""
        self.rejected.append({"row": row, "key": key, "reason": reason})
        report.log("rejected" + ("" if row is None else f" row {row}") + (f" ({key})" if key else "") + f": {reason}")

    def answer(self) -> dict[str, Any]:
        """The command's object."""
        return {
            "source": self.source,
            "path": self.path,
            "problems": len(self.keys),
            "added": self.added,
            "known": self.known,
            "rejected": self.rejected,
            "references_failing": self.failing,
            "references_unjudged": self.unjudged,
        }


def reader(source: str, path: str | None, limit: int | None = None) -> Iterator[Item]:
    """The items of a file, at most `limit` of them problems. LabError when the source needs a file, or takes none."""
    from o1coder.problems import humaneval, jsonl, mbpp, shipped

    if source == "starter":
        if path is not None:
            raise LabError("the starter problems come with the program: they need no --path", "leave --path away")
        items = shipped.read()
    elif path is None:
        raise LabError(f"{source} needs a file", f"o1coder import {source} --path FILE")
    else:
        items = {"humaneval": humaneval, "mbpp": mbpp, "jsonl": jsonl}[source].read(Path(path))
    return _first(items, limit)


def _first(items: Iterable[Item], limit: int | None) -> Iterator[Item]:
    found = 0
    for item in items:
        if isinstance(item, NewProblem):
            if found == limit:
                return
            found += 1
        yield item


def store(lab: Lab, items: Sequence[Item], split: Split | None, leaks: Leaks, tally: Tally, report: Reporter) -> None:
    """Store a batch in one transaction. Equal problems of one file are one: the later row is rejected. So is a row that
    would carry another split's problem, be it in the lab or earlier in the file, into its own."""
    by = By(job_id=report.job_id)
    with lab.writing() as connection:
        for item in items:
            if isinstance(item, Rejected):
                tally.reject(item.row, item.key, item.reason, report)
                continue
            problem = in_split(item, split)
            known = known_problem(connection, problem)
            if known in tally.keys:
                tally.reject(None, item.source_key, f"the same problem as {tally.keys[known]}", report)
                continue
            reason = _leak(connection, leaks, problem, known)
            if reason is not None:
                tally.reject(None, item.source_key, reason, report)
                continue
            stored = add_problem(connection, problem, by)
            tally.keys[stored.id] = item.source_key
            mine = stored.new or _made_by(connection, stored.id, report.job_id)
            tally.added += mine
            tally.known += not mine


def _leak(connection: Connection, leaks: Leaks, problem: NewProblem, known: int | None) -> str | None:
    """Why the lab must not hold the problem in this split; one that it holds there already was asked when it came."""
    _catch_up(connection, leaks)
    if known is None:
        return leaks.reason(problem)
    held = connection.exec_driver_sql("SELECT split FROM problem WHERE id = ?", (known,)).scalar_one()
    return None if held == problem.split else leaks.reason(problem) or f"the lab holds it in {held}"


def _catch_up(connection: Connection, leaks: Leaks) -> None:
    """Enter what came into the lab since; within the transaction that adds, so that two imports see each other."""
    rows = connection.exec_driver_sql(
        "SELECT id, source, source_key, split, family, statement FROM problem WHERE id > ? AND source <> 'solve' "
        "ORDER BY id",
        (leaks.upto,),
    ).all()
    for problem_id, source, key, split, family, statement in rows:
        reference = problems.reference(connection, problem_id)
        leaks.add(f"{source}/{key}", split, family, statement, () if reference is None else (reference.code,))
        leaks.upto = problem_id


def _made_by(connection: Connection, problem_id: int, job_id: int) -> bool:
    row = connection.exec_driver_sql("SELECT job_id FROM problem WHERE id = ?", (problem_id,)).one()
    return bool(row[0] == job_id)


def write_rejected(folder: Path, tally: Tally) -> None:
    """`rejected.jsonl`: {row, key, reason} of every row that is no problem, written whole; `row` is null for a sound row
    that equals an earlier one."""
    partial = folder / "rejected.jsonl.part"
    partial.write_text("".join(json.dumps(row) + "\n" for row in tally.rejected), encoding="utf-8")
    partial.rename(folder / "rejected.jsonl")


def check_references(lab: Lab, tally: Tally, report: Reporter) -> bool:
    """Judge the reference of every problem of this import on all its tests; keep the verdicts, report what is not AC.

    A reference that the judge itself failed on (IE, after three tries) neither passes nor fails: it is reported as not
    judged, and the next import or retry judges what is missing. Every test is judged, also after one that fails: how
    many do is told. True when all were asked; False when the job was cancelled or its budget ended.
    """
    from o1coder.judge import Judge

    ids = sorted(tally.keys)
    tally.failing, tally.unjudged = [], []
    with Judge() as judge:
        for start in range(0, len(ids), JUDGED_AT_ONCE):
            if report.remaining_s == 0:
                report.stopped("budget")
                return False
            _judged(lab, ids[start : start + JUDGED_AT_ONCE], judge, tally, report)
            if report.cancelled:
                return False
            report.progress(min(start + JUDGED_AT_ONCE, len(ids)), len(ids))
    return True


def _judged(lab: Lab, ids: Sequence[int], judge: Judge, tally: Tally, report: Reporter) -> None:
    from o1coder.judge import Cached

    by = By(job_id=report.job_id)
    with lab.reading() as connection:
        cached = Cached(judge, known_for(connection, ids))
        wanted = [
            (asked(connection, i), reference, case)
            for i in ids
            if (reference := problems.reference(connection, i)) is not None
            for case in _all_cases(connection, i)
        ]
    questions = [question(what, reference.code, case) for what, reference, (_, case) in wanted]
    said = cached.judge(questions, lambda: report.cancelled)
    failing: dict[int, dict[str, Any]] = {}
    unjudged: dict[int, dict[str, Any]] = {}
    with lab.writing() as connection:
        for (what, reference, (case_id, _)), verdict in zip(wanted, said, strict=True):
            add_verdict(connection, reference.id, case_id, add_profile(connection, what), verdict, by)
            if verdict.code in ("AC", "SK"):  # SK: cancelled
                continue
            entry = {"problem": what.problem_id, "key": tally.keys[what.problem_id], "tests": 0}
            if verdict.code == "IE":
                unjudged.setdefault(what.problem_id, entry | {"detail": verdict.detail})["tests"] += 1
            else:
                failing.setdefault(what.problem_id, entry | {"verdict": verdict.code})["tests"] += 1
    for entry in failing.values():
        report.log(f"the reference of {entry['key']} fails {entry['tests']} of its tests ({entry['verdict']})")
    for entry in unjudged.values():
        report.log(f"the judge failed on {entry['tests']} tests of the reference of {entry['key']}: {entry['detail']}")
    assert tally.failing is not None
    assert tally.unjudged is not None
    tally.failing += failing.values()
    tally.unjudged += unjudged.values()


def _all_cases(connection: Connection, problem_id: int) -> list[tuple[int, Case]]:
    return [
        (case.id, Case(case.digest, case.input, case.expected))
        for case in problems.cases(connection, problem_id)
        if not case.withdrawn
    ]
