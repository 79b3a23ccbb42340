"""Test cases that are withdrawn because they are wrong, given back, or added later. Test sets stay frozen.

Which cases of a set count is one SQL expression (withdrawn.py): now, or as of a withdrawal's id (ids follow commit order).
Nothing is judged or labelled here: `o1coder run relabel` does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.models import TestWithdrawal
from o1coder.problems.store import add_case, add_test_set
from o1coder.rows import By, add, names_row
from o1coder.withdrawn import withdrawn as withdrawn


def latest(connection: Connection) -> int:
    """The largest withdrawal id: what `upto` takes for this moment."""
    return int(connection.exec_driver_sql("SELECT COALESCE(MAX(id), 0) FROM test_withdrawal").scalar() or 0)


class Withdrawn(NamedTuple):
    """A withdrawal or what took it back. `trees`: how many ended trees were judged on the case."""

    id: int
    case: int
    problem: int
    withdrawn: bool
    author: str
    reason: str
    trees: int


def withdraw(connection: Connection, name: str, reason: str, author: str) -> Withdrawn:
    """Say that a case is wrong. LabError when there is no such case, it is withdrawn already, or the reason is empty."""
    if not reason.strip():
        raise LabError("a withdrawal needs a reason", "say what is wrong with the case: --reason …")
    case = find_case(connection, name)
    if _standing(connection, case) is not None:
        raise LabError(f"case {case} is withdrawn already", f"`o1coder problems restore {case}` gives it back")
    return _written(connection, case, None, reason, author)


def restore(connection: Connection, name: str, reason: str, author: str) -> Withdrawn:
    """Take a withdrawal back. LabError when the case is not withdrawn."""
    case = find_case(connection, name)
    standing = _standing(connection, case)
    if standing is None:
        raise LabError(f"case {case} is not withdrawn", "`o1coder problems show ID` lists a problem's cases")
    return _written(connection, case, standing, reason, author)


def find_case(connection: Connection, name: str) -> int:
    """A case's id from an id or its digest. LabError when there is none, or several problems have it."""
    column, value = ("id", int(name)) if names_row(name) else ("digest", name)
    found = connection.exec_driver_sql(f"SELECT id FROM test_case WHERE {column} = ? LIMIT 2", (value,)).all()
    if not found:
        raise LabError(f"there is no test case {name[:80]}", "`o1coder problems show ID` lists a problem's cases")
    if len(found) > 1:
        raise LabError(f"several problems have the case {name}", "name it by its id")
    return int(found[0][0])


def _standing(connection: Connection, case: int) -> int | None:
    row = connection.exec_driver_sql(
        "SELECT w.id FROM test_withdrawal w WHERE w.test_case_id = ? AND w.retracts IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM test_withdrawal r WHERE r.retracts = w.id)",
        (case,),
    ).first()
    return None if row is None else int(row[0])


def _written(connection: Connection, case: int, retracts: int | None, reason: str, author: str) -> Withdrawn:
    row_id = add(
        connection,
        TestWithdrawal,
        test_case_id=case,
        reason=reason,
        retracts=retracts,
        author=author,
        created_at=now(),
    )
    problem, trees = connection.exec_driver_sql(
        "SELECT t.problem_id, (SELECT COUNT(DISTINCT x.id) FROM test_set_item i JOIN tree x "
        "ON x.test_set_id = i.test_set_id JOIN tree_end e ON e.tree_id = x.id WHERE i.test_case_id = t.id) "
        "FROM test_case t WHERE t.id = ?",
        (case,),
    ).one()
    return Withdrawn(row_id, case, problem, retracts is None, author, reason, trees)


class Extended(NamedTuple):
    """A new frozen set: the cases of the newest set of that purpose, and behind them those that were added."""

    problem: int
    test_set: int
    purpose: str
    cases: list[int]
    added: int


def extend(
    connection: Connection, problem: int, purpose: str, cases: Sequence[tuple[str, str]], author: str
) -> Extended:
    """Add cases (input, expected) to a problem, in a set of their own with those that counted for `purpose` before. An
    equal case is not doubled: nothing new gives the set there is. LabError when one of them is withdrawn."""
    by = By(author=author)
    before = [
        int(row[0])
        for row in connection.exec_driver_sql(
            "SELECT i.test_case_id FROM test_set_item i WHERE i.test_set_id = "
            "(SELECT MAX(id) FROM test_set WHERE problem_id = ? AND purpose = ?) ORDER BY i.ordinal",
            (problem, purpose),
        )
    ]
    ids = [add_case(connection, problem, given, expected, "human", by) for given, expected in cases]
    for case in ids:
        if _standing(connection, case) is not None:
            raise LabError(f"this is case {case}, which is withdrawn", f"`o1coder problems restore {case}`")
    new = [case for case in dict.fromkeys(ids) if case not in before]
    test_set = add_test_set(connection, problem, purpose, [*before, *new], by)
    return Extended(problem, test_set, purpose, new, len(new))
