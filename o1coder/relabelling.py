"""Labelling trees again for a stage: which trees, with which tests, and the rows that say so.

What a re-score gives is rescoring.py's; verify asks it again from the rows that are written here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import rescoring, selection
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.labels import SearchLabel, add_search
from o1coder.models import Rescore
from o1coder.rescores import Basis
from o1coder.rows import By, add
from o1coder.trees import cases_of, step_ids, stored_facts
from o1coder.verdicts import add_profile, add_verdict, asked, known_for

if TYPE_CHECKING:
    from o1coder.judge import Judge


class Choice(NamedTuple):
    """A tree to label again and the tests to do it with."""

    tree: int
    test_set: int


class Done(NamedTuple):
    """Verdicts judged for a tree, labels appended, rollouts that stay masked."""

    judged: int
    labels: int
    masked: int


def chosen(
    connection: Connection, query: str, job_id: int, *, withdrawn: bool, newest: bool, test_set: int | None
) -> list[Choice]:
    """Ended search trees with search labels that match, without those that this job has done. LabError when the named test
    set has another purpose than a tree's own, or no tree is of its problem."""
    where, values = selection.Query.parse(query).where()
    touched = (
        "AND EXISTS (SELECT 1 FROM test_set_item i JOIN test_withdrawal w ON w.test_case_id = i.test_case_id "
        "WHERE i.test_set_id = x.test_set_id AND w.id > x.withdrawals) "
    )
    rows = connection.exec_driver_sql(
        "SELECT x.id, x.test_set_id, ts.purpose, x.problem_id, (SELECT MAX(n.id) FROM test_set n "
        "WHERE n.problem_id = x.problem_id AND n.purpose = ts.purpose) FROM tree x "
        "JOIN tree_end e ON e.tree_id = x.id JOIN test_set ts ON ts.id = x.test_set_id "
        "JOIN problem pr ON pr.id = x.problem_id JOIN job j ON j.id = x.job_id LEFT JOIN run rn ON rn.id = j.run_id "
        "WHERE x.kind IN ('search', 'draws') AND EXISTS (SELECT 1 FROM step s JOIN label l ON l.step_id = s.id "
        "WHERE s.tree_id = x.id AND l.job_id = x.job_id AND l.source = 'search') "
        f"AND NOT EXISTS (SELECT 1 FROM rescore r WHERE r.tree_id = x.id AND r.job_id = ?) "
        f"{touched if withdrawn else ''}AND {where} ORDER BY x.id",
        (job_id, *values),
    ).all()
    if test_set is None:
        return [Choice(row[0], row[4] if newest else row[1]) for row in rows]
    problem, purpose = connection.exec_driver_sql(
        "SELECT problem_id, purpose FROM test_set WHERE id = ?", (test_set,)
    ).one()
    of_problem = [row for row in rows if row[3] == problem]
    others = sorted({row[2] for row in of_problem} - {purpose})
    if others:
        raise LabError(
            f"test set {test_set} is for {purpose}, and its trees were judged on {', '.join(others)} tests",
            "labels come from tests of the same purpose; `o1coder trees relabel` shows others without writing",
        )
    return [Choice(row[0], test_set) for row in of_problem]


def relabel_tree(lab: Lab, judge: Judge, choice: Choice, alpha: float | None, enough: int, job_id: int) -> Done | None:
    """Judge what is missing, then write verdicts, the re-score and the labels that differ, together. None, and nothing
    done, where no test is left."""
    from o1coder.judge import Cached

    with lab.reading() as connection:
        on = rescoring.basis(connection, choice.tree, alpha=alpha, enough=enough, test_set=choice.test_set)
        if not cases_of(connection, on.test_set, on.withdrawals):
            return None
        wanted = rescoring.missing(connection, choice.tree, on)
        problem = connection.exec_driver_sql("SELECT problem_id FROM tree WHERE id = ?", (choice.tree,)).scalar_one()
        questions = rescoring.questions(connection, choice.tree, wanted)
        known = known_for(connection, [int(problem)]) if wanted else {}
    said = Cached(judge, known).judge(questions) if wanted else []
    by = By(job_id=job_id)
    with lab.writing() as connection:
        if wanted:
            profile = add_profile(connection, asked(connection, int(problem)))
            for each, verdict in zip(wanted, said, strict=True):
                add_verdict(connection, each.program, each.case, profile, verdict, by)
        newest = connection.exec_driver_sql("SELECT COALESCE(MAX(id), 0) FROM verdict").scalar()
        on = on._replace(verdicts=int(newest or 0))
        rollouts = rescoring.rescored(connection, choice.tree, on)
        changed = _changed(connection, choice.tree, on, rollouts)
        estimate = connection.exec_driver_sql(
            "SELECT l.estimate FROM label l JOIN step s ON s.id = l.step_id WHERE s.tree_id = ? AND l.source = 'search' "
            "ORDER BY l.id LIMIT 1",
            (choice.tree,),
        ).scalar()
        add_search(connection, changed, by, estimate=str(estimate))
        newest = connection.exec_driver_sql("SELECT COALESCE(MAX(id), 0) FROM label").scalar()
        add(
            connection,
            Rescore,
            tree_id=choice.tree,
            job_id=job_id,
            test_set_id=on.test_set,
            alpha=on.alpha,
            enough=on.enough,
            withdrawals=on.withdrawals,
            verdicts=on.verdicts,
            labels=int(newest or 0),
            created_at=now(),
        )
    return Done(len(said), len(changed), sum(each.reward is None for each in rollouts))


def _changed(connection: Connection, tree: int, on: Basis, rollouts: list[Any]) -> list[SearchLabel]:
    """The labels that are not what the newest search label of their step says already."""
    config = json.loads(str(connection.exec_driver_sql("SELECT config FROM tree WHERE id = ?", (tree,)).scalar()))
    found = rescoring.labels(config, stored_facts(connection, tree), rollouts, on.enough)
    ids = step_ids(connection, tree)
    before = newest_search(connection, tree)
    out = []
    for path, (word, value) in found.items():
        label = SearchLabel(ids[path], word, value.v, value.v_pass, value.k, value.c)
        if before.get(label.step_id) != label[1:]:
            out.append(label)
    return out


def newest_search(connection: Connection, tree: int, upto: int | None = None) -> dict[int, tuple[Any, ...]]:
    """(value, v, v_pass, k, c) of the newest search label of each step that has one, as of a label id."""
    limit = "" if upto is None else f"AND l.id <= {int(upto)} "
    rows = connection.exec_driver_sql(
        "SELECT l.step_id, l.value, l.v, l.v_pass, l.k, l.c FROM label l JOIN step s ON s.id = l.step_id "
        f"WHERE s.tree_id = ? AND l.source = 'search' {limit}ORDER BY l.id",
        (tree,),
    )
    return {row[0]: tuple(row[1:]) for row in rows}
