"""Trees into the lab and out of it: a search's facts become rows, a whole simulation or nothing; rows become facts again.

It does not search (search/) and asks nothing for the screens (queries/trees.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.canonical import canonical, digest
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.labels import SearchLabel, add_search, estimate_of
from o1coder.models import Completion, Rollout, Step, Tree, TreeEnd
from o1coder.problems.store import add_program
from o1coder.problems.withdrawals import latest, withdrawn
from o1coder.pulses import Pulse, pulse
from o1coder.rows import By, add, add_once, find
from o1coder.search.export import canonical_json, export_tree, tree_digest
from o1coder.search.facts import CompletionFact, EndFact, Fact, Path, RolloutFact, StepFact, path_text
from o1coder.search.values import hard_label, recorded_values
from o1coder.task import Case
from o1coder.verdicts import add_verdict


def add_tree(connection: Connection, job_id: int, problem_id: int, ordinal: int, **values: Any) -> int:
    """The tree of this job, problem and ordinal, made with its root step where there is none (a retry goes on inside)."""
    key = {"job_id": job_id, "problem_id": problem_id, "ordinal": ordinal}
    known = find(connection, Tree, **key)
    if known is not None:
        return known
    config = canonical(values.pop("config"))
    values.setdefault("withdrawals", latest(connection))
    tree_id = add(
        connection, Tree, **key, config=config, config_digest=digest(json.loads(config)), created_at=now(), **values
    )
    add(connection, Step, tree_id=tree_id, parent_id=None, ordinal=0, depth=0, action="root", text="")
    return tree_id


def step_ids(connection: Connection, tree_id: int) -> dict[Path, int]:
    """Path to step id for a whole tree, the root included."""
    rows = connection.exec_driver_sql(
        "SELECT id, parent_id, ordinal FROM step WHERE tree_id = ? ORDER BY depth, id", (tree_id,)
    ).all()
    paths: dict[int, Path] = {}
    for step_id, parent_id, ordinal in rows:
        paths[step_id] = () if parent_id is None else (*paths[parent_id], ordinal)
    return {path: step_id for step_id, path in paths.items()}


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
    test_set, upto = connection.exec_driver_sql(
        "SELECT test_set_id, withdrawals FROM tree WHERE id = ?", (tree_id,)
    ).one()
    return () if test_set is None else cases_of(connection, test_set, upto)


class TreeWriter:
    """Writes the facts of one job's trees. Knows each tree's problem, profile and cases; keeps the ids of its steps."""

    def __init__(self, by: By, attempt: int, origin: str) -> None:
        self._by = by
        self._attempt = attempt
        self._origin = origin
        self._trees: dict[int, tuple[int, int | None, Mapping[str, int]]] = {}
        self._steps: dict[int, dict[Path, int]] = {}
        self._programs: dict[tuple[int, Path], int] = {}
        self.estimate = "tree"
        self.label = True
        self.prm: int | None = None  # the checkpoint whose scores steer these trees

    def open(
        self, connection: Connection, tree_id: int, problem_id: int, profile_id: int | None, cases: Mapping[str, int]
    ) -> list[Fact]:
        """Take a tree on; returns the facts already stored for it. `cases` maps case digests to test case ids."""
        self._trees[tree_id] = (problem_id, profile_id, cases)
        self._steps[tree_id] = step_ids(connection, tree_id)
        return stored_facts(connection, tree_id)

    def write(self, connection: Connection, facts: Sequence[tuple[int, Fact]], *, iteration: int | None = None) -> None:
        """Append facts, keyed by tree id, in the caller's transaction."""
        ended: list[tuple[int, EndFact]] = []
        steps = [(t, f) for t, f in facts if isinstance(f, StepFact)]
        for tree_id, step in sorted(steps, key=lambda item: len(item[1].path)):
            self._step(connection, tree_id, step)
        for tree_id, fact in facts:
            if isinstance(fact, CompletionFact):
                self._completion(connection, tree_id, fact)
            elif isinstance(fact, RolloutFact):
                self._rollout(connection, tree_id, fact, iteration)
            elif isinstance(fact, EndFact):
                ended.append((tree_id, fact))
        for tree_id, end in ended:
            self._end(connection, tree_id, end)

    def _step(self, connection: Connection, tree_id: int, fact: StepFact) -> None:
        problem_id = self._trees[tree_id][0]
        program_id = None
        if fact.code is not None:
            program_id = add_program(connection, problem_id, fact.code, self._origin, self._by)
        steps = self._steps[tree_id]
        steps[fact.path] = add_once(
            connection,
            Step,
            {"tree_id": tree_id, "parent_id": steps[fact.path[:-1]], "ordinal": fact.path[-1]},
            depth=len(fact.path),
            action=fact.action,
            text=fact.text,
            program_id=program_id,
        )
        if program_id is not None:
            self._programs[tree_id, fact.path] = program_id

    def _completion(self, connection: Connection, tree_id: int, fact: CompletionFact) -> None:
        steps = self._steps[tree_id]
        add_once(
            connection,
            Completion,
            {"tree_id": tree_id, "parent_id": steps[fact.parent], "ordinal": fact.ordinal},
            text=fact.text,
            tokens_in=fact.tokens_in,
            tokens_out=fact.tokens_out,
            logprob=fact.logprob,
            finish_reason=fact.finish_reason,
            step_id=None if fact.step is None else steps[fact.step],
            error=fact.error,
        )

    def _rollout(self, connection: Connection, tree_id: int, fact: RolloutFact, iteration: int | None) -> None:
        problem_id, profile_id, cases = self._trees[tree_id]
        program_id = None
        if fact.code is not None:
            program_id = add_program(connection, problem_id, fact.code, self._origin, self._by)
            for case_digest, said in fact.verdicts.items():
                if profile_id is not None:
                    add_verdict(connection, program_id, cases[case_digest], profile_id, said, self._by)
        add_once(
            connection,
            Rollout,
            {"tree_id": tree_id, "ordinal": fact.ordinal},
            attempt=self._attempt,
            iteration=iteration,
            leaf_id=self._steps[tree_id][fact.leaf],
            program_id=program_id,
            passed=fact.passed,
            total=fact.total,
            compiled=fact.compiled,
            reward=fact.reward,
            terms=canonical(dict(fact.terms)),
        )

    def _end(self, connection: Connection, tree_id: int, end: EndFact) -> None:
        facts = stored_facts(connection, tree_id)
        if self.label:
            label_tree(connection, tree_id, facts, self._by, estimate=self.estimate)
        if connection.exec_driver_sql("SELECT 1 FROM tree_end WHERE tree_id = ?", (tree_id,)).first() is None:
            value = tree_digest(export_rows(connection, tree_id, facts))
            from sqlalchemy import insert

            connection.execute(
                insert(TreeEnd).values(tree_id=tree_id, reason=end.reason, digest=value, created_at=now())
            )


def label_tree(connection: Connection, tree_id: int, facts: Sequence[Fact], by: By, *, estimate: str) -> None:
    """Append this job's labels for every step of a tree that has judged draws below it; once. `estimate` is what the
    weighted recursion is called here; settings that name another one go before."""
    config = connection.exec_driver_sql("SELECT config FROM tree WHERE id = ?", (tree_id,)).scalar_one()
    settings = json.loads(config)
    steps = [f for f in facts if isinstance(f, StepFact)]
    values = recorded_values(settings, facts)
    ids = step_ids(connection, tree_id)
    already = {
        row[0]
        for row in connection.exec_driver_sql(
            "SELECT l.step_id FROM label l JOIN step s ON s.id = l.step_id WHERE s.tree_id = ? AND l.job_id = ?",
            (tree_id, by.job_id),
        )
    }
    actions = {step.path: step.action for step in steps}
    labels = []
    for path, value in values.items():
        if not path or path not in actions or value.k == 0 or ids[path] in already:
            continue
        hard = hard_label(value, terminal=actions[path] == "code")
        labels.append(SearchLabel(ids[path], hard, value.v, value.v_pass, value.k, value.c))
    add_search(connection, labels, by, estimate=estimate_of(settings, estimate))


def stored_facts(connection: Connection, tree_id: int) -> list[Fact]:
    """Every fact of a tree, steps by depth, then completions, rollouts and the end."""
    paths = {step_id: path for path, step_id in step_ids(connection, tree_id).items()}
    facts: list[Fact] = []
    for step_id, action, text, code in connection.exec_driver_sql(
        "SELECT s.id, s.action, s.text, p.code FROM step s LEFT JOIN program p ON p.id = s.program_id "
        "WHERE s.tree_id = ? AND s.parent_id IS NOT NULL ORDER BY s.depth, s.id",
        (tree_id,),
    ):
        facts.append(StepFact(paths[step_id], action, text, code))
    for row in connection.exec_driver_sql(
        "SELECT parent_id, ordinal, text, tokens_in, tokens_out, logprob, finish_reason, step_id, error "
        "FROM completion WHERE tree_id = ? ORDER BY id",
        (tree_id,),
    ):
        step = None if row[7] is None else paths[row[7]]
        ordinal, text, tokens_in, tokens_out, logprob, finish_reason = row[1:7]
        facts.append(
            CompletionFact(paths[row[0]], ordinal, text, tokens_in, tokens_out, logprob, finish_reason, step, row[8])
        )
    facts.extend(_rollouts(connection, tree_id, paths))
    end = connection.exec_driver_sql("SELECT reason FROM tree_end WHERE tree_id = ?", (tree_id,)).first()
    if end is not None:
        facts.append(EndFact(end[0]))
    return facts


def _rollouts(connection: Connection, tree_id: int, paths: Mapping[int, Path]) -> Iterable[RolloutFact]:
    cases: dict[int, dict[str, str]] = {}
    for program_id, case_digest, code in connection.exec_driver_sql(
        "SELECT r.program_id, t.digest, v.code FROM tree x JOIN rollout r ON r.tree_id = x.id "
        "JOIN test_set_item i ON i.test_set_id = x.test_set_id JOIN test_case t ON t.id = i.test_case_id "
        "JOIN verdict v ON v.program_id = r.program_id AND v.test_case_id = t.id AND v.profile_id = x.profile_id "
        f"WHERE x.id = ? AND NOT {withdrawn('t.id', 'x.withdrawals')}",
        (tree_id,),
    ):
        cases.setdefault(program_id, {})[case_digest] = code
    for row in connection.exec_driver_sql(
        "SELECT r.ordinal, r.leaf_id, p.code, r.passed, r.total, r.compiled, r.reward, r.terms, r.program_id "
        "FROM rollout r LEFT JOIN program p ON p.id = r.program_id WHERE r.tree_id = ? ORDER BY r.ordinal",
        (tree_id,),
    ):
        # Of a masked rollout nothing is told: another job may judge its program later, and an ended tree must not change.
        verdicts = cases.get(row[8], {}) if row[2] is not None and row[6] is not None else {}
        yield RolloutFact(
            row[0], paths[row[1]], row[2], row[3], row[4], bool(row[5]), row[6], json.loads(row[7]), verdicts
        )


def export_rows(connection: Connection, tree_id: int, facts: Sequence[Fact] | None = None) -> dict[str, Any]:
    """The canonical export of a tree (CLI.md `trees export`): no ids, times or hosts."""
    row = connection.exec_driver_sql(
        "SELECT p.digest, x.config FROM tree x JOIN problem p ON p.id = x.problem_id WHERE x.id = ?", (tree_id,)
    ).first()
    if row is None:
        raise LabError(f"there is no tree {tree_id}", "`o1coder trees list` shows them")
    found = stored_facts(connection, tree_id) if facts is None else facts
    return export_tree(
        row[0],
        json.loads(row[1]),
        [f for f in found if isinstance(f, CompletionFact)],
        [f for f in found if isinstance(f, StepFact)],
        [f for f in found if isinstance(f, RolloutFact)],
    )


__all__ = [
    "Pulse",
    "TreeWriter",
    "add_tree",
    "canonical_json",
    "cases_of",
    "cases_of_tree",
    "export_rows",
    "label_tree",
    "path_text",
    "pulse",
    "stored_facts",
]
