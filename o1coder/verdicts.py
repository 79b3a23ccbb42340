"""Verdicts between the judge and the lab: what a problem asks, what was said of it before, and what is said now as rows.

The judge is an argument and knows no lab; its own cache serves what `known_for` finds here. IE and SK never become rows;
what ran without isolation is not stored either.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.canonical import digest
from o1coder.clock import now
from o1coder.models import Profile, Verdict
from o1coder.rows import By, add_new, add_once
from o1coder.task import Case, Comparator, Limits, Task

if TYPE_CHECKING:
    from o1coder.judge import Key, Question
    from o1coder.judge import Verdict as Said


class Asked(NamedTuple):
    """What a problem asks of the judge, whatever the program and the case."""

    problem_id: int
    task: Task
    comparator: Comparator
    limits: Limits


def asked(connection: Connection, problem_id: int) -> Asked:
    """The task, comparator and limits of a problem."""
    row = connection.exec_driver_sql(
        "SELECT statement, kind, entry_point, signature, comparator, comparator_args, cpu_s, memory_mb "
        "FROM problem WHERE id = ?",
        (problem_id,),
    ).one()
    task = Task(row[0], row[1], row[2], row[3])
    return Asked(problem_id, task, Comparator(row[4], json.loads(row[5])), Limits(row[6], row[7]))


def add_profile(connection: Connection, what: Asked) -> int:
    """The id of the profile under which this problem is judged now."""
    from o1coder.judge import profile

    parts = dict(profile(what.task.kind, what.comparator, what.limits))
    return add_once(
        connection,
        Profile,
        {"digest": digest(parts)},
        judge_version=parts.get("judge", ""),
        python=parts.get("python", ""),
        harness=parts.get("harness", ""),
        comparator=parts.get("comparator", ""),
        limits=parts.get("limits", ""),
        created_at=now(),
    )


class Judged(NamedTuple):
    """What was said of one program on one case under one profile."""

    program_id: int
    case_id: int
    profile_id: int
    said: Said


def add_verdict(connection: Connection, program_id: int, case_id: int, profile_id: int, said: Said, by: By) -> None:
    """Store one verdict; an equal question already stored keeps its first answer, and what is never a row is left out."""
    add_verdicts(connection, [Judged(program_id, case_id, profile_id, said)], by)


def add_verdicts(connection: Connection, judged: Iterable[Judged], by: By) -> None:
    """`add_verdict` for many, in one statement."""
    from o1coder.judge.cache import lasting

    judged = list(judged)
    programs = json.dumps(list({one.program_id for one in judged}))
    found = connection.exec_driver_sql(
        "SELECT program_id, test_case_id, profile_id FROM verdict WHERE program_id IN (SELECT value FROM json_each(?))",
        (programs,),
    )
    stored = {tuple(row) for row in found}
    made = {"host": platform.node(), "job_id": by.job_id, "created_at": now()}
    rows: dict[tuple[int, int, int], dict[str, Any]] = {}
    for program_id, case_id, profile_id, said in judged:
        key = program_id, case_id, profile_id
        if key in stored or key in rows or not lasting(said):
            continue
        rows[key] = {
            "program_id": program_id,
            "test_case_id": case_id,
            "profile_id": profile_id,
            "code": said.code,
            "cpu_ms": said.cpu_ms,
            "wall_ms": said.wall_ms,
            "memory_kb": said.memory_kb,
            "exit": said.exit,
            "detail": said.detail[:2000],
            "layer": said.layer,
            **made,
        }
    add_new(connection, Verdict, list(rows.values()))


def known_for(connection: Connection, problem_ids: Iterable[int]) -> dict[Key, Said]:
    """Every stored verdict of these problems, as a judge's cache (judge/cache.py) knows them."""
    from o1coder.judge import Key
    from o1coder.judge import Verdict as Said

    rows = connection.exec_driver_sql(
        "SELECT p.digest, t.digest, f.digest, CASE o.kind WHEN 'stdio' THEN NULL ELSE o.entry_point END, "
        "v.code, v.cpu_ms, v.wall_ms, v.memory_kb, v.exit, v.detail, v.layer "
        "FROM (SELECT DISTINCT value AS id FROM json_each(?)) w CROSS JOIN problem o ON o.id = w.id "
        "JOIN program p ON p.problem_id = o.id JOIN verdict v ON v.program_id = p.id "
        "JOIN test_case t ON t.id = v.test_case_id JOIN profile f ON f.id = v.profile_id",
        (json.dumps(list(problem_ids)),),
    )
    texts: dict[Any, Any] = {}

    def same(text: Any) -> Any:  # the same few texts stand in many rows
        return texts.setdefault(text, text)

    return {
        Key(same(row[0]), same(row[1]), same(row[2]), same(row[3])): Said(
            same(row[4]), row[5], row[6], row[7], row[8], same(row[9]), same(row[10])
        )
        for row in rows
    }


def judged_s(connection: Connection, job_id: int) -> float:
    """CPU-seconds of the sandbox runs that a job was first to ask for and stored, over all its attempts."""
    row = connection.exec_driver_sql("SELECT COALESCE(SUM(cpu_ms), 0) FROM verdict WHERE job_id = ?", (job_id,)).one()
    return float(row[0]) / 1000.0


def question(what: Asked, code: str, case: Case) -> Question:
    """One program on one case of a problem."""
    from o1coder.judge import Question

    return Question(code, what.task.kind, case, what.task.entry_point, what.comparator, what.limits)
