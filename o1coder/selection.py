"""Which facts become training rows: chains for SFT, labelled steps for a point-wise PRM.

Read-only and format-free: export/ and the training stages turn these records into rows. Every selection is a function of
(query, as-of), so the same question of the same facts gives the same records. Pairs of steps are mining.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import consensus, rescores
from o1coder.errors import LabError
from o1coder.standing import current_label
from o1coder.task import Action, Task
from o1coder.treequery import TRAINING_KINDS, AsOf, Query

FACTS = (
    "problem",
    "tree",
    "step",
    "completion",
    "rollout",
    "label",
    "score",
    "verdict",
    "test_case",
    "test_withdrawal",
    "rescore",
)
LATER = {"rescore"}  # moments that were written down before name none of it: they saw nothing of it
Target = Literal["validity", "value"]
ESTIMATES = ("tree", "mc")  # of a value: the weighted recursion over a tree, fresh independent draws
ADAPTIVE = "adaptive"  # of a search that looked when to stop

__all__ = [
    "FACTS",
    "LATER",
    "AsOf",
    "Chain",
    "Excluded",
    "Labelled",
    "Query",
    "StepRow",
    "Target",
    "Unscored",
    "as_of_now",
    "chains",
    "labelled_steps",
    "parts",
    "unscored",
]


def as_of_now(connection: Connection) -> dict[str, int]:
    """The largest id of every fact table: ids follow commit order, so this is a moment."""
    return {
        name: int(connection.exec_driver_sql(f"SELECT COALESCE(MAX(id), 0) FROM {name}").scalar() or 0)
        for name in FACTS
    }


class StepRow(NamedTuple):
    """A step as selections see it."""

    id: int
    parent_id: int | None
    action: str
    text: str
    code: str | None


class Chain(NamedTuple):
    """A whole path whose program passed every reward test and whose every step counts as valid."""

    rollout_id: int
    problem_id: int
    task: Task
    steps: tuple[StepRow, ...]
    label_ids: tuple[int, ...]  # that count for its steps
    path_ids: tuple[int, ...] = ()  # its steps without a label


class Labelled(NamedTuple):
    """A step with its prefix and the label that counts."""

    problem_id: int
    tree_id: int
    task: Task
    prefix: tuple[StepRow, ...]  # up to and with the step itself
    label_ids: tuple[int, ...]  # its own, and a person's that condemned it where that decides the target
    value: str
    source: str
    v_pass: float | None
    k: int | None
    target: float
    c: int | None = None
    v: float | None = None  # its value under the reward that steered
    estimate: str | None = None  # what made value, k and c, where a search did
    path_ids: tuple[int, ...] = ()  # the steps before it, where a person's `invalid` on one would make its value 0


@dataclass
class Excluded:
    """What a selection left out, by reason."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, n: int = 1) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + n


_TREES = (
    "SELECT x.id, pr.id, pr.statement, pr.kind, pr.entry_point, pr.signature, x.with_reference, pr.split FROM tree x "
    "JOIN problem pr ON pr.id = x.problem_id JOIN job j ON j.id = x.job_id LEFT JOIN run rn ON rn.id = j.run_id "
)


class _Tree(NamedTuple):
    id: int
    problem_id: int
    task: Task
    with_reference: bool
    split: str


# Judged by reward tests, or by held-out ones where a query asks for another split than train. Generated tests are partly
# wrong, and audit tests are never a filter.
_TRUSTED = "AND (SELECT t.purpose FROM test_set t WHERE t.id = x.test_set_id) IN ('reward', 'held-out') "


def _trees(connection: Connection, query: Query, as_of: AsOf, *, every: bool = False) -> Iterator[_Tree]:
    where, values = query.where()
    measures = [kind for kind in query.kind if kind not in TRAINING_KINDS]
    if measures and not every:
        raise LabError(
            f"kind:{measures[0]} may not be trained on", "what was drawn to measure is no data: leave it away"
        )
    kinds = "" if query.kind or every else "AND x.kind IN ('search', 'group') "
    trusted = "" if every else _TRUSTED
    for row in connection.exec_driver_sql(
        f"{_TREES} WHERE x.id <= {as_of['tree']} {kinds}{trusted}AND {where} ORDER BY x.id", values
    ).all():
        yield _Tree(row[0], row[1], Task(row[2], row[3], row[4], row[5]), bool(row[6]), row[7])


def _steps(connection: Connection, tree_id: int, as_of: AsOf) -> dict[int, StepRow]:
    rows = connection.exec_driver_sql(
        "SELECT s.id, s.parent_id, s.action, s.text, p.code FROM step s LEFT JOIN program p ON p.id = s.program_id "
        f"WHERE s.tree_id = ? AND s.id <= {as_of['step']} ORDER BY s.depth, s.id",
        (tree_id,),
    )
    return {row[0]: StepRow(*row) for row in rows}


def _path(steps: Mapping[int, StepRow], step_id: int) -> tuple[StepRow, ...]:
    out: list[StepRow] = []
    here: int | None = step_id
    while here is not None:
        step = steps[here]
        if step.parent_id is not None:
            out.append(step)
        here = step.parent_id
    return tuple(reversed(out))


def _labels(connection: Connection, tree_id: int, as_of: AsOf) -> dict[int, Any]:
    rows = connection.exec_driver_sql(
        "SELECT s.id, l.id, l.value, l.source, l.v_pass, l.k, l.c, l.v, l.estimate FROM step s "
        f"JOIN label l ON l.id = {current_label('s.id', upto=as_of['label'])} WHERE s.tree_id = ?",
        (tree_id,),
    )
    return {row[0]: row[1:] for row in rows}


def chains(
    connection: Connection, query: Query, as_of: AsOf, excluded: Excluded, *, per_problem: int = 4
) -> Iterator[Chain]:
    """Passing chains for SFT, at most `per_problem` distinct ones a problem (measurement.md §8). Of a tree that was
    re-scored, what the tests of its newest re-score say counts, not what steered."""
    seen: dict[int, set[tuple[str, ...]]] = {}
    agreed = consensus.asked_by(connection, query, as_of)
    for tree in _trees(connection, query, as_of):
        rollouts = connection.exec_driver_sql(
            "SELECT id, leaf_id, program_id, total > 0 AND passed = total, reward FROM rollout WHERE tree_id = ? "
            f"AND program_id IS NOT NULL AND id <= {as_of['rollout']} ORDER BY ordinal",
            (tree.id,),
        ).all()
        told = rescores.told(connection, tree.id, as_of.get("rescore", 0))
        if told is None:
            judged = [(row[0], row[1], bool(row[3])) for row in rollouts if row[4] is not None]
        else:
            judged = [(row[0], row[1], told[row[2]].solved) for row in rollouts if row[2] in told]
        if tree.with_reference:
            excluded.add("the prompt carried a reference program", len(judged))
            continue
        steps, labels = _steps(connection, tree.id, as_of), _labels(connection, tree.id, as_of)
        evidence = consensus.of_tree(connection, agreed, tree.id, as_of)
        for rollout_id, leaf_id, passes in judged:
            path = _path(steps, leaf_id)
            if not passes:
                excluded.add("not every reward test passed")
                continue
            words = [labels[s.id][1] if s.id in labels else None for s in path]
            if "invalid" in words or "unsure" in words:
                excluded.add("a step is labelled invalid or unsure")
                continue
            if query.label and not any(s.id in labels and labels[s.id][2] in query.label for s in path):
                excluded.add("no label of the wanted source")
                continue
            if query.estimate and not any(s.id in labels and labels[s.id][7] in query.estimate for s in path):
                excluded.add("no label of the wanted estimate")
                continue
            if against := next((why for s in path if (why := evidence.against(s.id, "valid"))), None):
                excluded.add(against)
                continue
            kept = seen.setdefault(tree.problem_id, set())
            texts = tuple(s.text for s in path)
            if texts in kept:
                excluded.add("an equal chain is in already")
            elif len(kept) >= per_problem:
                excluded.add(f"more than {per_problem} chains of one problem")
            else:
                kept.add(texts)
                rests_on = tuple(labels[s.id][0] for s in path if s.id in labels)
                unsaid = tuple(s.id for s in path if s.id not in labels)
                yield Chain(rollout_id, tree.problem_id, tree.task, path, rests_on, unsaid)


def _require_one_policy(connection: Connection, query: Query, as_of: AsOf) -> None:
    where, values = query.where()
    made = query.estimate or ESTIMATES
    found = connection.exec_driver_sql(
        "SELECT COALESCE(x.policy_id, 0), MAX(x.job_id) FROM tree x JOIN problem pr ON pr.id = x.problem_id "
        f"JOIN job j ON j.id = x.job_id LEFT JOIN run rn ON rn.id = j.run_id WHERE x.id <= {as_of['tree']} AND {where} "
        "AND EXISTS (SELECT 1 FROM step s JOIN label l ON l.step_id = s.id WHERE s.tree_id = x.id "
        f"AND l.v_pass IS NOT NULL AND l.id <= {as_of['label']} AND l.estimate IN ({','.join('?' * len(made))})) "
        "GROUP BY 1 ORDER BY 2",
        (*values, *made),
    ).all()
    if len(found) > 1:
        raise LabError(
            f"the values are of {len(found)} policies, and a value is what its own policy can do",
            f"name one search, e.g. `job:{found[-1][1]}`, or a round",
        )


def labelled_steps(
    connection: Connection, query: Query, as_of: AsOf, excluded: Excluded, *, target: Target
) -> Iterator[Labelled]:
    """Steps with the label that counts. `validity`: 1 or 0, unsure left out. `value`: the search's v_pass; a person's
    `invalid` maps to 0 for the step and what follows, `valid` and `unsure` leave the step out (measurement.md §2). A value
    is a policy's own: LabError where the values are of several policies and the query names no job or round. Values that a
    preset made otherwise than from the sample weights must be asked for (`estimate:visits`); those of an adaptive search
    never count."""
    if target == "value" and not (query.job or query.round):
        _require_one_policy(connection, query, as_of)
    agreed = consensus.asked_by(connection, query, as_of)
    for tree in _trees(connection, query, as_of):
        if tree.with_reference:
            excluded.add("the prompt carried a reference program")
            continue
        evidence = consensus.of_tree(connection, agreed, tree.id, as_of)
        steps, labels = _steps(connection, tree.id, as_of), _labels(connection, tree.id, as_of)
        condemned: dict[int, int] = {}  # steps to the person's label that says so
        for step in steps.values():
            if step.parent_id is None:
                continue
            found = labels.get(step.id)
            if found and found[1] == "invalid" and found[2] == "human":
                condemned[step.id] = found[0]
            elif step.parent_id in condemned:
                condemned[step.id] = condemned[step.parent_id]
            if found is None:
                excluded.add("no label")
                continue
            label_id, value, source, v_pass, k, c, v, estimate = found
            rests_on = (label_id,)
            if query.label and source not in query.label:
                excluded.add("no label of the wanted source")
                continue
            if query.estimate and estimate is not None and estimate not in query.estimate:
                excluded.add("no label of the wanted estimate")
                continue
            if target == "validity":
                if value == "unsure":
                    excluded.add("unsure")
                    continue
                aim = 1.0 if value == "valid" else 0.0
            elif step.id in condemned:
                aim, rests_on = 0.0, tuple(dict.fromkeys((label_id, condemned[step.id])))
            elif source == "human" or v_pass is None:
                excluded.add("a person's label has no value" if source == "human" else "no value")
                continue
            elif estimate == ADAPTIVE:
                excluded.add("a value of an adaptive search")
                continue
            elif estimate not in (query.estimate or ESTIMATES):
                excluded.add(f"a value of estimate {estimate}, which the query does not name")
                continue
            else:
                aim = v_pass
            if against := evidence.against(step.id, "invalid" if step.id in condemned else value):
                excluded.add(against)
                continue
            path = _path(steps, step.id)
            yield Labelled(
                tree.problem_id,
                tree.id,
                tree.task,
                path,
                rests_on,
                value,
                source,
                v_pass,
                k,
                aim,
                c,
                v,
                estimate,
                tuple(s.id for s in path[:-1]) if target == "value" and aim else (),
            )


def parts(steps: Iterable[StepRow]) -> list[tuple[Action, str]]:
    """(action, text) of steps, the shape that o1coder.text takes."""
    return [(step.action, step.text) for step in steps]  # type: ignore[misc]


class Unscored(NamedTuple):
    """A step that a PRM has not scored under today's format."""

    id: int
    task: Task
    prefix: tuple[StepRow, ...]


def unscored(connection: Connection, query: Query, prm: int) -> Iterator[Unscored]:
    """The steps of matching trees without a score of this PRM, in id order of their trees."""
    from o1coder.text import FORMAT_DIGEST

    as_of = as_of_now(connection)
    for tree in _trees(connection, query, as_of, every=True):
        done = {
            row[0]
            for row in connection.exec_driver_sql(
                "SELECT c.step_id FROM score c JOIN step s ON s.id = c.step_id WHERE s.tree_id = ? "
                "AND c.checkpoint_id = ? AND c.format_digest = ?",
                (tree.id, prm, FORMAT_DIGEST),
            )
        }
        steps = _steps(connection, tree.id, as_of)
        for step in steps.values():
            if step.parent_id is not None and step.id not in done:
                yield Unscored(step.id, tree.task, _path(steps, step.id))
