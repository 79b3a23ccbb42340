"""Trees out of the lab: rows become facts again, of many trees at a time; and the canonical export of one.

It writes nothing (trees.py) and asks nothing for the screens (queries/trees.py).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.search.export import export_facts
from o1coder.search.facts import CompletionFact, EndFact, Fact, Path, RolloutFact, ScoreFact, StepFact
from o1coder.task import Case
from o1coder.withdrawn import withdrawn

TREES = "(SELECT value FROM json_each(?))"  # the ids that a query is about, as one JSON array


def step_ids(connection: Connection, tree_id: int) -> dict[Path, int]:
    """Path to step id for a whole tree, the root included."""
    return steps_of(connection, [tree_id])[tree_id]


def steps_of(connection: Connection, tree_ids: Sequence[int]) -> dict[int, dict[Path, int]]:
    """`step_ids` of many trees."""
    found: dict[int, dict[Path, int]] = {tree_id: {} for tree_id in tree_ids}
    paths: dict[int, Path] = {}
    for tree_id, step_id, parent_id, ordinal in connection.exec_driver_sql(
        f"SELECT tree_id, id, parent_id, ordinal FROM step WHERE tree_id IN {TREES} ORDER BY depth, id",
        (_ids(tree_ids),),
    ):
        path = paths[step_id] = () if parent_id is None else (*paths[parent_id], ordinal)
        found[tree_id][path] = step_id
    return found


def cases_of(connection: Connection, test_set_id: int, upto: int | None = None) -> tuple[tuple[int, Case], ...]:
    """(id, case) of a frozen test set, in order, without what is withdrawn (as of the withdrawal id `upto`)."""
    left_out = withdrawn("t.id", None if upto is None else str(int(upto)))
    rows = connection.exec_driver_sql(
        "SELECT t.id, t.digest, t.input, t.expected FROM test_set_item i JOIN test_case t ON t.id = i.test_case_id "
        f"WHERE i.test_set_id = ? AND NOT {left_out} ORDER BY i.ordinal",
        (test_set_id,),
    )
    return tuple((row[0], Case(row[1], row[2], row[3])) for row in rows)


def cases_of_tree(connection: Connection, tree_id: int) -> tuple[tuple[int, Case], ...]:
    """(id, case) that a tree is judged on, for its whole life: what is withdrawn or given back later changes nothing."""
    return cases_of_trees(connection, [tree_id])[tree_id]


def cases_of_trees(connection: Connection, tree_ids: Sequence[int]) -> dict[int, tuple[tuple[int, Case], ...]]:
    """`cases_of_tree` of many trees; those judged on the same cases share them."""
    shared: dict[tuple[int, int], tuple[tuple[int, Case], ...]] = {}
    found = {}
    for tree_id, test_set, upto in connection.exec_driver_sql(
        f"SELECT id, test_set_id, withdrawals FROM tree WHERE id IN {TREES}", (_ids(tree_ids),)
    ):
        if test_set is not None and (test_set, upto) not in shared:
            shared[test_set, upto] = cases_of(connection, test_set, upto)
        found[tree_id] = () if test_set is None else shared[test_set, upto]
    return found


@dataclass(slots=True)
class Stored:
    """What is stored of one tree: its steps' ids by path, and every fact, steps by depth, then scores that steered,
    completions, rollouts and the end."""

    steps: dict[Path, int] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)


def stored_facts(connection: Connection, tree_id: int) -> list[Fact]:
    """Every fact of a tree, in the order of `Stored`."""
    return stored_of(connection, [tree_id])[tree_id].facts


def stored_of(connection: Connection, tree_ids: Sequence[int]) -> dict[int, Stored]:
    """What is stored of these trees, each kind of fact by one query over all of them."""
    found = {tree_id: Stored() for tree_id in tree_ids}
    paths: dict[int, Path] = {}
    asked = (_ids(tree_ids),)
    for tree_id, step_id, parent_id, ordinal, action, text, code in connection.exec_driver_sql(
        "SELECT s.tree_id, s.id, s.parent_id, s.ordinal, s.action, s.text, p.code FROM step s "
        f"LEFT JOIN program p ON p.id = s.program_id WHERE s.tree_id IN {TREES} ORDER BY s.depth, s.id",
        asked,
    ):
        tree = found[tree_id]
        path = paths[step_id] = () if parent_id is None else (*paths[parent_id], ordinal)
        tree.steps[path] = step_id
        if path:
            tree.facts.append(StepFact(path, intern(action), text, code))  # type: ignore[arg-type]
    for tree_id, step_id, value in connection.exec_driver_sql(
        "SELECT s.tree_id, s.id, c.value FROM tree x JOIN step s ON s.tree_id = x.id "
        f"JOIN score c ON c.step_id = s.id AND c.job_id = x.job_id WHERE x.id IN {TREES} ORDER BY c.id",
        asked,
    ):
        found[tree_id].facts.append(ScoreFact(paths[step_id], value))
    for row in connection.exec_driver_sql(
        "SELECT parent_id, ordinal, text, tokens_in, tokens_out, logprob, finish_reason, step_id, error, tree_id "
        f"FROM completion WHERE tree_id IN {TREES} ORDER BY id",
        asked,
    ):
        step = None if row[7] is None else paths[row[7]]
        parent, ordinal, text, tokens_in, tokens_out, logprob, finish_reason = paths[row[0]], *row[1:6], intern(row[6])
        found[row[9]].facts.append(
            CompletionFact(parent, ordinal, text, tokens_in, tokens_out, logprob, finish_reason, step, row[8])
        )
    _rollouts(connection, tree_ids, paths, found)
    for tree_id, reason in connection.exec_driver_sql(
        f"SELECT tree_id, reason FROM tree_end WHERE tree_id IN {TREES}", asked
    ):
        found[tree_id].facts.append(EndFact(reason))
    return found


def _rollouts(
    connection: Connection, tree_ids: Sequence[int], paths: Mapping[int, Path], found: Mapping[int, Stored]
) -> None:
    asked = (_ids(tree_ids),)
    verdicts: defaultdict[tuple[int, int], dict[int, str]] = defaultdict(dict)
    for program_id, profile_id, case_id, code in connection.exec_driver_sql(
        "WITH judged AS MATERIALIZED (SELECT DISTINCT r.program_id, x.profile_id FROM rollout r "
        f"JOIN tree x ON x.id = r.tree_id WHERE r.tree_id IN {TREES} AND r.program_id IS NOT NULL) "
        "SELECT v.program_id, v.profile_id, v.test_case_id, v.code FROM judged j "
        "JOIN verdict v ON v.program_id = j.program_id AND v.profile_id = j.profile_id",
        asked,
    ):
        verdicts[program_id, profile_id][case_id] = intern(code)
    digests: dict[int, dict[int, str]] = {}
    by_cases: dict[int, dict[int, str]] = {}
    for tree_id, cases in cases_of_trees(connection, tree_ids).items():
        if id(cases) not in by_cases:
            by_cases[id(cases)] = {case_id: case.digest for case_id, case in cases}
        digests[tree_id] = by_cases[id(cases)]
    for row in connection.exec_driver_sql(
        "SELECT r.ordinal, r.leaf_id, p.code, r.passed, r.total, r.compiled, r.reward, r.terms, r.tree_id, "
        "r.program_id, x.profile_id FROM rollout r JOIN tree x ON x.id = r.tree_id "
        f"LEFT JOIN program p ON p.id = r.program_id WHERE r.tree_id IN {TREES} ORDER BY r.tree_id, r.ordinal",
        asked,
    ):
        ordinal, leaf, code, passed, total, compiled, reward, terms, tree_id, program_id, profile_id = row
        said: dict[str, str] = {}
        # Of a masked rollout nothing is told: another job may judge its program later, and an ended tree must not change.
        if code is not None and reward is not None:
            known = verdicts.get((program_id, profile_id), {})
            said = {digest: known[case] for case, digest in digests[tree_id].items() if case in known}
        found[tree_id].facts.append(
            RolloutFact(ordinal, paths[leaf], code, passed, total, bool(compiled), reward, json.loads(terms), said)
        )


def export_rows(connection: Connection, tree_id: int, facts: Sequence[Fact] | None = None) -> dict[str, Any]:
    """The canonical export of a tree (CLI.md `trees export`): no ids, times or hosts."""
    row = connection.exec_driver_sql(
        "SELECT p.digest, x.config FROM tree x JOIN problem p ON p.id = x.problem_id WHERE x.id = ?", (tree_id,)
    ).first()
    if row is None:
        raise LabError(f"there is no tree {tree_id}", "`o1coder trees list` shows them")
    found = stored_facts(connection, tree_id) if facts is None else facts
    return export_facts(row[0], json.loads(row[1]), found)


def _ids(tree_ids: Sequence[int]) -> str:
    return json.dumps(list(tree_ids))
