"""Problems into the lab: one problem with its programs, cases and frozen test sets, de-duplicated by digest.

It parses no file (importers do) and judges nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.engine import Connection

from o1coder.canonical import canonical, digest, digest_bytes
from o1coder.clock import now
from o1coder.models import Problem, Program, ProgramOrigin, TestCase, TestSet, TestSetItem
from o1coder.problems.record import NewProblem
from o1coder.rows import By, add, add_many, add_once, find, next_id, table


class Added(NamedTuple):
    """The problem's id and whether it is new."""

    id: int
    new: bool


def problem_digest(problem: NewProblem) -> str:
    """Digest over what a policy sees and how outputs are compared."""
    return digest(
        {
            "statement": problem.statement,
            "kind": problem.kind,
            "entry_point": problem.entry_point,
            "signature": problem.signature,
            "comparator": problem.comparator,
            "comparator_args": problem.comparator_args,
            "cpu_s": float(problem.cpu_s),
            "memory_mb": problem.memory_mb,
        }
    )


def program_digest(code: str) -> str:
    """Digest of source text as it is."""
    return digest_bytes(code.encode("utf-8", "surrogatepass"))


def case_digest(input: str, expected: str) -> str:
    """Digest of one case."""
    return digest({"input": input, "expected": expected})


def known_problem(connection: Connection, problem: NewProblem) -> int | None:
    """The id of the problem under the same digest or the same source key, or None."""
    known = find(connection, Problem, digest=problem_digest(problem))
    return known or find(connection, Problem, source=problem.source, source_key=problem.source_key)


def add_problem(connection: Connection, problem: NewProblem, by: By) -> Added:
    """Store `problem`; one already there under the same digest or the same source key is left as it is."""
    known = known_problem(connection, problem)
    if known is not None:
        return Added(known, False)
    problem_id = add(
        connection,
        Problem,
        digest=problem_digest(problem),
        source=problem.source,
        source_key=problem.source_key,
        split=problem.split,
        family=problem.family,
        slice=problem.slice,
        difficulty=problem.difficulty,
        kind=problem.kind,
        title=problem.title,
        statement=problem.statement,
        entry_point=problem.entry_point,
        signature=problem.signature,
        comparator=problem.comparator,
        comparator_args=canonical(problem.comparator_args),
        cpu_s=problem.cpu_s,
        memory_mb=problem.memory_mb,
        created_at=now(),
        **by._asdict(),
    )
    for program in problem.programs:
        add_program(connection, problem_id, program.code, program.origin, by, claim=program.claim)
    purposes: dict[str, list[int]] = {}
    origin = "starter" if problem.source == "starter" else "dataset"
    for case in problem.cases:
        case_id = add_case(connection, problem_id, case.input, case.expected, origin, by)
        for purpose in case.purposes:
            purposes.setdefault(purpose, []).append(case_id)
    for name, ids in purposes.items():
        add_test_set(connection, problem_id, name, ids, by)
    return Added(problem_id, True)


def add_program(
    connection: Connection, problem_id: int, code: str, origin: str, by: By, *, claim: str | None = None
) -> int:
    """The program's id; its origin is noted once per origin and maker."""
    program_id = add_once(connection, Program, {"problem_id": problem_id, "digest": program_digest(code)}, code=code)
    key = {"program_id": program_id, "origin": origin, "job_id": by.job_id}
    if find(connection, ProgramOrigin, **key) is None:
        add(connection, ProgramOrigin, **key, claim=claim, author=by.author, created_at=now())
    return program_id


def add_programs(
    connection: Connection, wanted: Iterable[tuple[int, str]], origin: str, by: By
) -> dict[tuple[int, str], int]:
    """`add_program` for many at once: the program's id for each (problem, code)."""
    digests = {(problem_id, code): program_digest(code) for problem_id, code in dict.fromkeys(wanted)}
    if not digests:
        return {}
    asked = json.dumps([[problem_id, name] for (problem_id, _), name in digests.items()])
    rows = connection.exec_driver_sql(
        "SELECT p.problem_id, p.digest, p.id FROM json_each(?) j CROSS JOIN program p "
        "ON p.problem_id = json_extract(j.value, '$[0]') AND p.digest = json_extract(j.value, '$[1]')",
        (asked,),
    )
    known = {(row[0], row[1]): row[2] for row in rows}
    number, new = next_id(connection, Program), list[dict[str, Any]]()
    for (problem_id, code), name in digests.items():
        if (problem_id, name) not in known:
            known[problem_id, name] = number + len(new)
            new.append({"id": number + len(new), "problem_id": problem_id, "digest": name, "code": code})
    add_many(connection, Program, new)
    ids = {key: known[key[0], name] for key, name in digests.items()}
    noted = {
        row[0]
        for row in connection.exec_driver_sql(
            "SELECT program_id FROM program_origin WHERE origin = ? AND job_id IS ? "
            "AND program_id IN (SELECT value FROM json_each(?))",
            (origin, by.job_id, json.dumps(list(ids.values()))),
        )
    }
    made = {"origin": origin, "claim": None, **by._asdict(), "created_at": now()}
    fresh = [program_id for program_id in dict.fromkeys(ids.values()) if program_id not in noted]
    add_many(connection, ProgramOrigin, [{"program_id": program_id, **made} for program_id in fresh])
    return ids


def add_case(connection: Connection, problem_id: int, input: str, expected: str, origin: str, by: By) -> int:
    """The case's id; an equal case is one row, with the origin it first came by."""
    return add_once(
        connection,
        TestCase,
        {"problem_id": problem_id, "digest": case_digest(input, expected)},
        input=input,
        expected=expected,
        origin=origin,
        created_at=now(),
        **by._asdict(),
    )


def add_test_set(connection: Connection, problem_id: int, purpose: str, case_ids: Iterable[int], by: By) -> int:
    """Freeze a choice of cases, in this order, duplicates left out."""
    ids = list(dict.fromkeys(case_ids))
    cases = table(TestCase)
    digests = {
        row[0]: row[1] for row in connection.execute(select(cases.c.id, cases.c.digest).where(cases.c.id.in_(ids)))
    }
    key = {"problem_id": problem_id, "purpose": purpose, "digest": digest([digests[i] for i in ids])}
    known = find(connection, TestSet, **key)
    if known is not None:
        return known
    test_set_id = add(connection, TestSet, **key, created_at=now(), **by._asdict())
    add_many(
        connection,
        TestSetItem,
        [{"test_set_id": test_set_id, "ordinal": n, "test_case_id": i} for n, i in enumerate(ids)],
    )
    return test_set_id
