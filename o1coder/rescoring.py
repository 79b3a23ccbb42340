"""A tree's rollouts rewarded again: without a test that was withdrawn, with one that was added, under another α.

A rollout keeps the reward that steered; what is made here is derived, and the same whenever it is asked again with the
same `Basis`. Verdicts that no program has yet are judged by the caller's judge; nothing is sampled. What is written, and
when, is the stage's (stages/relabel.py); `trees relabel` writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.problems.withdrawals import latest
from o1coder.rescores import Basis, verdict_codes
from o1coder.search import rescore
from o1coder.search.facts import Fact, Path, RolloutFact, StepFact
from o1coder.search.values import ENOUGH_DRAWS, Validity, Value, hard_label, recorded_values
from o1coder.task import Case
from o1coder.trees import cases_of, stored_facts
from o1coder.verdicts import asked, question

if TYPE_CHECKING:
    from o1coder.judge import Question
    from o1coder.judge import Verdict as Said


class Missing(NamedTuple):
    """A program of a tree on a case that it has no verdict on."""

    program: int
    code: str
    case: int
    content: Case


class Labelled(NamedTuple):
    """What a step's label is: the hard word and the value behind it."""

    word: Validity
    value: Value


def basis(
    connection: Connection,
    tree_id: int,
    *,
    alpha: float | None = None,
    enough: int | None = None,
    test_set: int | None = None,
) -> Basis:
    """The tree's own settings where none are named, with the tests and verdicts of this moment. LabError when there is no
    such tree, it is no search's, or the test set is another problem's."""
    row = connection.exec_driver_sql(
        "SELECT config, test_set_id, problem_id, preset FROM tree WHERE id = ?", (tree_id,)
    ).first()
    if row is None:
        raise LabError(f"there is no tree {tree_id}", "`o1coder trees list` shows them")
    config = json.loads(row[0])
    if "simulations" not in config:
        raise LabError(f"tree {tree_id} was not made by a search ({row[3]})", "name a search tree")
    if test_set is not None:
        owner = connection.exec_driver_sql("SELECT problem_id FROM test_set WHERE id = ?", (test_set,)).scalar()
        if owner != row[2]:
            what = f"there is no test set {test_set}" if owner is None else f"test set {test_set} is of problem {owner}"
            sets = connection.exec_driver_sql(
                "SELECT id, purpose FROM test_set WHERE problem_id = ? ORDER BY id", (row[2],)
            )
            known = ", ".join(f"{i} ({purpose})" for i, purpose in sets)
            raise LabError(what, f"the test sets of tree {tree_id}'s problem: {known}")
    newest = connection.exec_driver_sql("SELECT COALESCE(MAX(id), 0) FROM verdict").scalar()
    return Basis(
        row[1] if test_set is None else test_set,
        float(config["alpha"]) if alpha is None else alpha,
        ENOUGH_DRAWS if enough is None else enough,
        latest(connection),
        int(newest or 0),
    )


def missing(connection: Connection, tree_id: int, on: Basis) -> list[Missing]:
    """The questions that the re-score needs answered first. LabError when no test is left to judge with."""
    cases = cases_of(connection, on.test_set, on.withdrawals)
    if not cases:
        raise LabError(
            f"test set {on.test_set} has no tests left: all of them were withdrawn", "add a test, or name a set"
        )
    known = verdict_codes(connection, tree_id, on)
    programs = connection.exec_driver_sql(
        "SELECT DISTINCT g.id, g.code FROM rollout r JOIN program g ON g.id = r.program_id WHERE r.tree_id = ? "
        "ORDER BY g.id",
        (tree_id,),
    ).all()
    return [
        Missing(program, code, case_id, case)
        for program, code in programs
        for case_id, case in cases
        if case.digest not in known.get(program, {})
    ]


def questions(connection: Connection, tree_id: int, wanted: Sequence[Missing]) -> list[Question]:
    """The same as a judge takes them, in order."""
    (problem,) = connection.exec_driver_sql("SELECT problem_id FROM tree WHERE id = ?", (tree_id,)).one()
    what = asked(connection, problem)
    return [question(what, each.code, each.content) for each in wanted]


def rescored(
    connection: Connection, tree_id: int, on: Basis, extra: Iterable[tuple[Missing, Said]] = ()
) -> list[RolloutFact]:
    """The tree's rollouts under `on`, with what was judged besides (`extra`). One without a verdict on every case is masked
    (reward None): nothing is known of it."""
    from o1coder.judge.cache import lasting

    known = _by_code(connection, tree_id, on)
    for each, said in extra:
        if lasting(said):
            known.setdefault(each.code, {})[each.content.digest] = said.code
    rollouts = [fact for fact in stored_facts(connection, tree_id) if isinstance(fact, RolloutFact)]
    with_verdicts = [each if each.code is None else replace(each, cases=known.get(each.code, {})) for each in rollouts]
    cases = cases_of(connection, on.test_set, on.withdrawals)
    return rescore(with_verdicts, on.alpha, [case.digest for _, case in cases])


def labels(
    config: Mapping[str, object], facts: Sequence[Fact], rollouts: Sequence[RolloutFact], enough: int
) -> dict[Path, Labelled]:
    """The label of every step that has judged draws at or below it, by the estimate that the tree's settings name, from
    `rollouts` in place of those among the facts."""
    steered = [fact for fact in facts if isinstance(fact, RolloutFact)]
    others = [fact for fact in facts if not isinstance(fact, RolloutFact)]
    values = recorded_values(dict(config), [*others, *rollouts], steered)
    out: dict[Path, Labelled] = {}
    for step in facts:
        if isinstance(step, StepFact) and (value := values.get(step.path)) is not None and value.k:
            out[step.path] = Labelled(hard_label(value, step.action == "code", enough), value)
    return out


def _by_code(connection: Connection, tree_id: int, on: Basis) -> dict[str, dict[str, str]]:
    """Verdict codes by program text, which is what a fact names, and case digest."""
    codes = connection.exec_driver_sql(
        "SELECT g.id, g.code FROM program g WHERE g.id IN (SELECT program_id FROM rollout WHERE tree_id = ?)",
        (tree_id,),
    ).all()
    known = verdict_codes(connection, tree_id, on)
    return {code: known[program] for program, code in codes if program in known}
