"""Digests against what they name. Each is made by the function that made it when the row was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.canonical import digest, digest_bytes
from o1coder.lab import Lab
from o1coder.problems.record import NewProblem
from o1coder.problems.store import case_digest, problem_digest, program_digest
from o1coder.verify.findings import Findings


class _Pair(NamedTuple):
    id: int
    stored: str
    derived: str


def check(lab: Lab, found: Findings) -> None:
    """Problems, programs, test cases, test sets, profiles, and the configs of trees and jobs."""
    sources = {
        "problem": _problems,
        "program": _programs,
        "test_case": _cases,
        "test_set": _test_sets,
        "profile": _profiles,
        "tree": _tree_configs,
        "job": _job_configs,
    }
    for name, pairs in sources.items():
        with lab.reading() as connection:
            n = 0
            for pair in pairs(connection):
                n += 1
                if pair.stored != pair.derived:
                    found.disagree("digest", name, pair.id, pair.derived, pair.stored)
            found.count(name, n)


def _problems(connection: Connection) -> Iterator[_Pair]:
    rows = connection.exec_driver_sql(
        "SELECT id, digest, source, source_key, split, family, kind, title, statement, entry_point, signature, "
        "comparator, comparator_args, cpu_s, memory_mb FROM problem ORDER BY id"
    )
    for row in rows.mappings():
        values: dict[str, Any] = dict(row)
        values["comparator_args"] = json.loads(values["comparator_args"])
        row_id, stored = values.pop("id"), values.pop("digest")
        yield _Pair(row_id, stored, problem_digest(NewProblem(**values, cases=())))


def _programs(connection: Connection) -> Iterator[_Pair]:
    for row_id, stored, code in connection.exec_driver_sql("SELECT id, digest, code FROM program ORDER BY id"):
        yield _Pair(row_id, stored, program_digest(code))


def _cases(connection: Connection) -> Iterator[_Pair]:
    for row_id, stored, given, expected in connection.exec_driver_sql(
        "SELECT id, digest, input, expected FROM test_case ORDER BY id"
    ):
        yield _Pair(row_id, stored, case_digest(given, expected))


def _test_sets(connection: Connection) -> Iterator[_Pair]:
    members: dict[int, list[str]] = {}
    for set_id, mark in connection.exec_driver_sql(
        "SELECT i.test_set_id, t.digest FROM test_set_item i JOIN test_case t ON t.id = i.test_case_id "
        "ORDER BY i.test_set_id, i.ordinal"
    ):
        members.setdefault(set_id, []).append(mark)
    for row_id, stored in connection.exec_driver_sql("SELECT id, digest FROM test_set ORDER BY id"):
        yield _Pair(row_id, stored, digest(members.get(row_id, [])))


def _profiles(connection: Connection) -> Iterator[_Pair]:
    for row in connection.exec_driver_sql(
        "SELECT id, digest, judge_version AS judge, python, harness, comparator, limits FROM profile ORDER BY id"
    ).mappings():
        parts = dict(row)
        row_id, stored = parts.pop("id"), parts.pop("digest")
        yield _Pair(row_id, stored, digest(parts))


def _tree_configs(connection: Connection) -> Iterator[_Pair]:
    for row_id, stored, config in connection.exec_driver_sql("SELECT id, config_digest, config FROM tree ORDER BY id"):
        yield _Pair(row_id, stored, digest(json.loads(config)))


def _job_configs(connection: Connection) -> Iterator[_Pair]:
    for row_id, stored, config in connection.exec_driver_sql("SELECT id, config_digest, config FROM job ORDER BY id"):
        yield _Pair(row_id, stored, digest_bytes(config.encode()))
