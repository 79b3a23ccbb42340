"""The way back: from a problem, label, step, tree, dataset, job or checkpoint to every checkpoint that it reached.

A thing reaches the datasets whose rows rest on it, they reach what was trained on them, and that reaches on through weights
(a parent, the base of an adapter) and through rewards (the PRM of an RL job). What a reached policy sampled afterwards is
*not* followed: sooner or later everything would have reached everything. Staleness (standing.py) follows data and weights only.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.queries import trees
from o1coder.rownames import names_row
from o1coder.standing import line_of

KINDS = ("problem", "label", "step", "tree", "dataset", "job", "checkpoint")


class Thing(NamedTuple):
    """Something that a checkpoint may have come from."""

    kind: str
    id: int


class Rested(NamedTuple):
    """A dataset that rests on a thing, and how many of its rows do."""

    dataset: int
    kind: str
    rows: int
    of: int


class Reached(NamedTuple):
    """A checkpoint that a thing reached. `way`: made (by the job itself), rollouts (sampled and learned
    from in one RL job), data, weights, base or reward; `via` is the dataset
    (data) or the checkpoint (weights, base, reward) through which it came; `steps` counts the checkpoints from the thing on."""

    checkpoint: int
    role: str
    way: str
    via: int | None
    steps: int
    stage: str | None
    run: str | None
    round: int | None


def parse(connection: Connection, words: str) -> Thing:
    """`problem:4`, `label:7`, `step:913`, `step:42:0.2.1`, `tree:42`, `dataset:3`, `job:9`, `checkpoint:1`. LabError when it
    names nothing, or nothing that is there."""
    kind, _, name = words.strip().partition(":")
    hint = "write one of " + ", ".join(f"{one}:ID" for one in KINDS)
    if kind not in KINDS or not name:
        raise LabError(f"{words!r} names nothing in the lab", hint)
    if kind == "step":
        return Thing(kind, trees.find_step(connection, name))
    if not names_row(name):
        raise LabError(f"{name!r} is no {kind}'s id", hint)
    if connection.exec_driver_sql(f"SELECT 1 FROM {kind} WHERE id = ?", (int(name),)).first() is None:
        raise LabError(f"there is no {kind} {name}", hint)
    return Thing(kind, int(name))


# Rows that rest on a step are those made of it or of what follows it: a row holds its whole prefix or chain.
_BELOW = (
    "WITH RECURSIVE below(id) AS (SELECT ?1 UNION ALL SELECT s.id FROM step s JOIN below ON s.parent_id = below.id), "
    "row(dataset, ordinal) AS (SELECT i.dataset_id, i.ordinal FROM below JOIN dataset_item i ON i.step_id = below.id "
    "UNION SELECT i.dataset_id, i.ordinal FROM below JOIN rollout r ON r.leaf_id = below.id "
    "JOIN dataset_item i ON i.rollout_id = r.id "
    "UNION SELECT dl.dataset_id, dl.ordinal FROM label l JOIN dataset_label dl ON dl.label_id = l.id WHERE l.step_id = ?1 "
    "UNION SELECT t.dataset_id, t.ordinal FROM dataset_path t WHERE t.step_id = ?1) "
)


def _of_trees(condition: str, more: str = "") -> str:
    return (
        "WITH row(dataset, ordinal) AS (SELECT i.dataset_id, i.ordinal FROM tree x JOIN step s ON s.tree_id = x.id "
        f"JOIN dataset_item i ON i.step_id = s.id WHERE {condition} "
        "UNION SELECT i.dataset_id, i.ordinal FROM tree x JOIN rollout r ON r.tree_id = x.id "
        f"JOIN dataset_item i ON i.rollout_id = r.id WHERE {condition} {more}) "
    )


_ROWS = {
    "problem": _of_trees(
        "x.problem_id = ?1",
        "UNION SELECT i.dataset_id, i.ordinal FROM dataset_item i WHERE i.problem_id = ?1 UNION SELECT i.dataset_id, i.ordinal "
        "FROM program g JOIN dataset_item i ON i.program_id = g.id WHERE g.problem_id = ?1",
    ),
    "label": "WITH row(dataset, ordinal) AS (SELECT dataset_id, ordinal FROM dataset_label WHERE label_id = ?1) ",
    "step": _BELOW,
    "tree": _of_trees("x.id = ?1"),
    "dataset": "WITH row(dataset, ordinal) AS (SELECT dataset_id, ordinal FROM dataset_item WHERE dataset_id = ?1) ",
    "job": _of_trees(
        "x.job_id = ?1",
        "UNION SELECT dl.dataset_id, dl.ordinal FROM label l JOIN dataset_label dl ON dl.label_id = l.id WHERE l.job_id = ?1",
    ),
    "checkpoint": _of_trees("x.policy_id = ?1"),
}


def rested(connection: Connection, thing: Thing) -> list[Rested]:
    """The datasets that rest on a thing. Of a checkpoint these are the rows that it sampled itself."""
    rows = connection.exec_driver_sql(
        f"{_ROWS[thing.kind]} SELECT d.id, d.kind, COUNT(*), d.rows FROM row JOIN dataset d ON d.id = row.dataset "
        "GROUP BY d.id ORDER BY d.id",
        (thing.id,),
    )
    return [Rested(*row) for row in rows]


def edges(connection: Connection) -> list[tuple[int, int, str]]:
    """Every (from, to, way) between checkpoints: weights, base, reward. There are about as many as checkpoints."""
    rows = connection.exec_driver_sql(
        f"SELECT a.id, c.id, 'weights' FROM checkpoint c JOIN checkpoint a ON a.id = c.parent_id AND a.id IN {line_of('c.id')} "
        "UNION ALL SELECT c.base_id, c.id, 'base' FROM checkpoint c WHERE c.base_id IS NOT NULL "
        # a whole model that replaces its parent names what it started from in its job's inputs alone
        "UNION ALL SELECT ji.checkpoint_id, c.id, 'base' FROM checkpoint c JOIN job_input ji ON ji.job_id = c.job_id "
        "WHERE ji.name = 'base' AND ji.checkpoint_id IS NOT c.base_id AND ji.checkpoint_id IS NOT c.parent_id "
        "UNION ALL SELECT ji.checkpoint_id, c.id, 'reward' FROM checkpoint c JOIN job_input ji ON ji.job_id = c.job_id "
        "WHERE ji.name = 'prm' AND ji.checkpoint_id IS NOT NULL"
    )
    return [(int(a), int(b), str(way)) for a, b, way in rows]


def reached(connection: Connection, thing: Thing) -> list[Reached]:
    """Every checkpoint that a thing reached, nearest first; each by its shortest way."""
    found: dict[int, tuple[str, int | None, int]] = {}
    if thing.kind == "checkpoint":
        frontier = [thing.id]
    else:
        if thing.kind == "job":
            for (made,) in connection.exec_driver_sql("SELECT id FROM checkpoint WHERE job_id = ?", (thing.id,)):
                found[made] = ("made", None, 0)
        if thing.kind in ("tree", "step"):
            for (made,) in connection.exec_driver_sql(
                "SELECT c.id FROM tree x JOIN checkpoint c ON c.job_id = x.job_id WHERE x.kind = 'group' AND x.id = "
                + ("?1" if thing.kind == "tree" else "(SELECT tree_id FROM step WHERE id = ?1)"),
                (thing.id,),
            ):
                found[made] = ("rollouts", None, 0)
        frontier = list(found)
    for row in rested(connection, thing):
        for (trained,) in connection.exec_driver_sql(
            "SELECT c.id FROM dataset d JOIN checkpoint c ON c.job_id = d.job_id WHERE d.id = ?1 UNION "
            "SELECT c.id FROM job_input ji JOIN checkpoint c ON c.job_id = ji.job_id WHERE ji.dataset_id = ?1 ORDER BY 1",
            (row.dataset,),
        ):
            if trained not in found:
                found[trained] = ("data", row.dataset, 0)
                frontier.append(trained)
    onward: dict[int, list[tuple[int, str]]] = {}
    for start, end, way in edges(connection):
        onward.setdefault(start, []).append((end, way))
    steps = 0
    while frontier:
        steps += 1
        nearer, frontier = frontier, []
        for here in nearer:
            for end, way in onward.get(here, ()):
                if end not in found and Thing("checkpoint", end) != thing:
                    found[end] = (way, here, steps)
                    frontier.append(end)
    rows = {
        row[0]: row[1:]
        for row in connection.exec_driver_sql(
            "SELECT c.id, c.role, j.stage, r.name, j.round FROM checkpoint c LEFT JOIN job j ON j.id = c.job_id "
            "LEFT JOIN run r ON r.id = j.run_id"
        )
    }
    out = [Reached(id, rows[id][0], *how, *rows[id][1:]) for id, how in found.items()]
    return sorted(out, key=lambda one: (one.steps, one.checkpoint))
