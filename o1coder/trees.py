"""Trees into the lab: a search's facts become rows, whole rounds of many trees at a time, each kind by one statement.

What is written once stays as it was first written; a tree that ends gets its labels and the digest of its export. It does
not search (search/), and reads rows back only through treefacts.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.canonical import canonical, digest
from o1coder.clock import now
from o1coder.labels import SearchLabel, add_search, estimate_of
from o1coder.models import Completion, Rollout, Score, Step, Tree, TreeEnd
from o1coder.problems.store import add_programs
from o1coder.problems.withdrawals import latest
from o1coder.pulses import Pulse, pulse
from o1coder.rows import By, add_many, add_new, next_id
from o1coder.search.export import canonical_json, export_facts, tree_digest
from o1coder.search.facts import (
    CompletionFact,
    EndFact,
    EndReason,
    Fact,
    Path,
    RolloutFact,
    ScoreFact,
    StepFact,
    path_text,
)
from o1coder.search.values import hard_label, recorded_values
from o1coder.treefacts import (
    TREES,
    Stored,
    cases_of,
    cases_of_tree,
    cases_of_trees,
    export_rows,
    step_ids,
    steps_of,
    stored_facts,
    stored_of,
)
from o1coder.verdicts import Judged, add_verdicts

ENDS = 64  # trees whose facts are read at a time when they end


def add_tree(connection: Connection, job_id: int, problem_id: int, ordinal: int, **values: Any) -> int:
    """The tree of this job, problem and ordinal, made with its root step where there is none (a retry goes on inside)."""
    [tree_id] = add_trees(connection, job_id, [{"problem_id": problem_id, "ordinal": ordinal, **values}])
    return tree_id


def known_trees(connection: Connection, job_id: int, problem_ids: Iterable[int]) -> dict[tuple[int, int], int]:
    """The trees that a job has of these problems, by (problem, ordinal)."""
    rows = connection.exec_driver_sql(
        "SELECT problem_id, ordinal, id FROM tree WHERE job_id = ? "
        "AND problem_id IN (SELECT DISTINCT value FROM json_each(?))",
        (job_id, json.dumps(list(problem_ids))),
    )
    return {(row[0], row[1]): row[2] for row in rows}


def add_trees(connection: Connection, job_id: int, wanted: Sequence[Mapping[str, Any]]) -> list[int]:
    """`add_tree` for many of one job: the ids in their order. `wanted` holds `problem_id`, `ordinal`, `config` (a mapping or
    a dataclass) and the columns of a tree."""
    known = known_trees(connection, job_id, (one["problem_id"] for one in wanted))
    number, upto, stamp = next_id(connection, Tree), latest(connection), now()
    configs: dict[int, tuple[str, str]] = {}
    trees: list[dict[str, Any]] = []
    for one in wanted:
        place = one["problem_id"], one["ordinal"]
        if place in known:
            continue
        asked = one["config"]
        if id(asked) not in configs:
            config = canonical(asdict(asked) if is_dataclass(asked) and not isinstance(asked, type) else asked)
            configs[id(asked)] = config, digest(json.loads(config))
        config, config_digest = configs[id(asked)]
        known[place] = number + len(trees)
        filled = {"withdrawals": upto, "created_at": stamp, "with_reference": False, "policy_id": None}
        filled |= {"test_set_id": None, "profile_id": None} | dict(one)
        trees.append(filled | {"id": known[place], "job_id": job_id, "config": config, "config_digest": config_digest})
    add_many(connection, Tree, trees)
    root = {"parent_id": None, "ordinal": 0, "depth": 0, "action": "root", "text": ""}
    add_many(connection, Step, [{"tree_id": tree["id"], **root} for tree in trees])
    return [known[one["problem_id"], one["ordinal"]] for one in wanted]


class Opening(NamedTuple):
    """A tree that a writer takes on. `cases` maps the digests of the cases that it is judged on to test case ids."""

    tree_id: int
    problem_id: int
    profile_id: int | None
    cases: Mapping[str, int]


class TreeWriter:
    """Writes the facts of one job's trees, in its caller's transactions; one that fails ends the writer's use, since it keeps
    the ids of the steps that it wrote."""

    def __init__(self, by: By, attempt: int, origin: str) -> None:
        self._by = by
        self._attempt = attempt
        self._origin = origin
        self._trees: dict[int, Opening] = {}
        self._steps: dict[int, dict[Path, int]] = {}
        self.estimate = "tree"
        self.label = True
        self.prm: int | None = None  # the checkpoint whose scores steer these trees

    def open(
        self, connection: Connection, tree_id: int, problem_id: int, profile_id: int | None, cases: Mapping[str, int]
    ) -> list[Fact]:
        """Take a tree on; returns the facts already stored for it. `cases` maps case digests to test case ids."""
        return self.open_all(connection, [Opening(tree_id, problem_id, profile_id, cases)])[tree_id]

    def open_all(self, connection: Connection, trees: Sequence[Opening]) -> dict[int, list[Fact]]:
        """Take many trees on; returns the facts already stored for each."""
        stored = stored_of(connection, [tree.tree_id for tree in trees])
        for tree in trees:
            self._trees[tree.tree_id] = tree
            self._steps[tree.tree_id] = stored[tree.tree_id].steps
        return {tree_id: found.facts for tree_id, found in stored.items()}

    def write(self, connection: Connection, facts: Sequence[tuple[int, Fact]], *, iteration: int | None = None) -> None:
        """Append facts, keyed by tree id, in the caller's transaction; those that are stored already change nothing.

        ValueError for a score when no PRM was named."""
        self._recall(connection, {tree_id for tree_id, _ in facts})
        programs = add_programs(
            connection,
            (
                (self._trees[tree_id].problem_id, fact.code)
                for tree_id, fact in facts
                if isinstance(fact, StepFact | RolloutFact) and fact.code is not None
            ),
            self._origin,
            self._by,
        )
        self._add_steps(connection, [(t, f) for t, f in facts if isinstance(f, StepFact)], programs)
        self._add_completions(connection, [(t, f) for t, f in facts if isinstance(f, CompletionFact)])
        self._add_rollouts(connection, [(t, f) for t, f in facts if isinstance(f, RolloutFact)], programs, iteration)
        self._add_scores(connection, [(t, f) for t, f in facts if isinstance(f, ScoreFact)])
        self._end(connection, {t: f.reason for t, f in facts if isinstance(f, EndFact)})

    def _recall(self, connection: Connection, tree_ids: set[int]) -> None:
        """Read the steps of trees that had ended, and so were let go of."""
        gone = sorted(self._trees[tree_id].tree_id for tree_id in tree_ids - self._steps.keys())
        if gone:
            self._steps |= steps_of(connection, gone)

    def _add_steps(
        self, connection: Connection, facts: Sequence[tuple[int, StepFact]], programs: Mapping[tuple[int, str], int]
    ) -> None:
        number, rows = next_id(connection, Step), list[dict[str, Any]]()
        for tree_id, fact in sorted(facts, key=lambda item: len(item[1].path)):
            steps, path = self._steps[tree_id], fact.path
            if path in steps:
                continue
            steps[path] = number + len(rows)
            rows.append(
                {
                    "id": steps[path],
                    "tree_id": tree_id,
                    "parent_id": steps[path[:-1]],
                    "ordinal": path[-1],
                    "depth": len(path),
                    "action": fact.action,
                    "text": fact.text,
                    "program_id": None if fact.code is None else programs[self._trees[tree_id].problem_id, fact.code],
                }
            )
        add_many(connection, Step, rows)

    def _add_completions(self, connection: Connection, facts: Sequence[tuple[int, CompletionFact]]) -> None:
        rows = []
        for tree_id, fact in facts:
            steps = self._steps[tree_id]
            rows.append(
                {
                    "tree_id": tree_id,
                    "parent_id": steps[fact.parent],
                    "ordinal": fact.ordinal,
                    "text": fact.text,
                    "tokens_in": fact.tokens_in,
                    "tokens_out": fact.tokens_out,
                    "logprob": fact.logprob,
                    "finish_reason": fact.finish_reason,
                    "step_id": None if fact.step is None else steps[fact.step],
                    "error": fact.error,
                }
            )
        add_new(connection, Completion, rows)

    def _add_rollouts(
        self,
        connection: Connection,
        facts: Sequence[tuple[int, RolloutFact]],
        programs: Mapping[tuple[int, str], int],
        iteration: int | None,
    ) -> None:
        rows, said = [], list[Judged]()
        for tree_id, fact in facts:
            tree = self._trees[tree_id]
            program_id = None
            if fact.code is not None:
                program_id = programs[tree.problem_id, fact.code]
                if tree.profile_id is not None:
                    for case_digest, verdict in fact.verdicts.items():
                        said.append(Judged(program_id, tree.cases[case_digest], tree.profile_id, verdict))
            rows.append(
                {
                    "tree_id": tree_id,
                    "ordinal": fact.ordinal,
                    "attempt": self._attempt,
                    "iteration": iteration,
                    "leaf_id": self._steps[tree_id][fact.leaf],
                    "program_id": program_id,
                    "passed": fact.passed,
                    "total": fact.total,
                    "compiled": fact.compiled,
                    "reward": fact.reward,
                    "terms": canonical(dict(fact.terms)),
                }
            )
        add_verdicts(connection, said, self._by)
        add_new(connection, Rollout, rows)

    def _add_scores(self, connection: Connection, facts: Sequence[tuple[int, ScoreFact]]) -> None:
        if not facts:
            return
        if self.prm is None:
            raise ValueError("scores steered a search whose PRM was not named to its writer")
        from o1coder.text import FORMAT_DIGEST

        key = {"checkpoint_id": self.prm, "format_digest": FORMAT_DIGEST, "job_id": self._by.job_id}
        rows = [{"step_id": self._steps[tree_id][fact.path], "value": fact.value, **key} for tree_id, fact in facts]
        add_new(connection, Score, rows)

    def _end(self, connection: Connection, ends: Mapping[int, EndReason]) -> None:
        ids = list(ends)
        for start in range(0, len(ids), ENDS):
            some = ids[start : start + ENDS]
            stored, heads = stored_of(connection, some), _heads(connection, some)
            if self.label:
                _label(connection, stored, heads, self._by, estimate=self.estimate)
            rows, stamp = list[dict[str, Any]](), now()
            for tree_id in some:
                facts, (problem_digest, settings) = stored[tree_id].facts, heads[tree_id]
                if not any(isinstance(fact, EndFact) for fact in facts):
                    value = tree_digest(export_facts(problem_digest, settings, facts))
                    rows.append({"tree_id": tree_id, "reason": ends[tree_id], "digest": value, "created_at": stamp})
                del self._steps[tree_id]
            add_many(connection, TreeEnd, rows)


class _Head(NamedTuple):
    """A tree's problem, by its digest, and the settings that are stored with it."""

    problem_digest: str
    settings: Mapping[str, Any]


def _heads(connection: Connection, tree_ids: Sequence[int]) -> dict[int, _Head]:
    rows = connection.exec_driver_sql(
        f"SELECT x.id, p.digest, x.config FROM tree x JOIN problem p ON p.id = x.problem_id WHERE x.id IN {TREES}",
        (json.dumps(list(tree_ids)),),
    )
    return {row[0]: _Head(row[1], json.loads(row[2])) for row in rows}


def _label(
    connection: Connection, trees: Mapping[int, Stored], heads: Mapping[int, _Head], by: By, *, estimate: str
) -> None:
    """Append this job's labels for every step of these trees that has judged draws below it; once. `estimate` is what the
    weighted recursion is called here; settings that name another one go before."""
    already = {
        row[0]
        for row in connection.exec_driver_sql(
            "SELECT l.step_id FROM step s JOIN label l ON l.step_id = s.id AND l.job_id = ? "
            f"WHERE s.tree_id IN {TREES}",
            (by.job_id, json.dumps(list(trees))),
        )
    }
    labels: dict[str, list[SearchLabel]] = {}
    for tree_id, stored in trees.items():
        settings = heads[tree_id].settings
        mine = labels.setdefault(estimate_of(settings, estimate), [])
        actions = {fact.path: fact.action for fact in stored.facts if isinstance(fact, StepFact)}
        for path, value in recorded_values(settings, stored.facts).items():
            if path not in actions or value.k == 0 or stored.steps[path] in already:
                continue
            hard = hard_label(value, terminal=actions[path] == "code")
            mine.append(SearchLabel(stored.steps[path], hard, value.v, value.v_pass, value.k, value.c))
    for name, found in labels.items():
        add_search(connection, found, by, estimate=name)


__all__ = [
    "Opening",
    "Pulse",
    "TreeWriter",
    "add_tree",
    "add_trees",
    "canonical_json",
    "cases_of",
    "cases_of_tree",
    "cases_of_trees",
    "export_rows",
    "known_trees",
    "path_text",
    "pulse",
    "step_ids",
    "stored_facts",
]
