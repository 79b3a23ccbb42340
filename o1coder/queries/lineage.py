"""Where a checkpoint comes from, as a tree that is opened node by node: job, data, labels, trees, problems, other checkpoints.

A node names what may be asked next (`key`), and `children` answers it, a page at a time: nothing is counted before somebody
looks. descent.py is the same in one value, for scripts and cards. What came *of* a thing is reach.py's.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from o1coder.queries import checkpoints, datasets, gains, ingredients, reach, said
from o1coder.queries.descent import inputs, job_of
from o1coder.queries.nodes import PAGED, Children, Key, Node, leaf, many
from o1coder.standing import line_of


def children(connection: Connection, key: Key, after: int = 0, limit: int = ingredients.PAGE) -> Children:
    """What a node holds. Groups are paged by the id (rows: the ordinal) of what they hold. LabError when it is not there."""
    ask = PAGED.get(key[0])
    if ask is not None:
        found = ask(connection, key, after, limit)
        full = len(found) == limit
        return Children(found, found[-1].key[-1] if full else None)
    return Children(_WHOLE[key[0]](connection, key), None)


def node(connection: Connection, kind: str, row_id: int, relation: str = "") -> Node:
    """One thing as a node: a checkpoint, dataset or job, or anything else by its name. LabError when it is not there."""
    makers = {"checkpoint": _checkpoint_node, "dataset": _dataset_node, "job": _job_node}
    if kind in makers:
        return makers[kind](connection, row_id, relation)
    return way_back(connection, kind, row_id)._replace(relation=relation)


def way_back(connection: Connection, kind: str, row_id: int) -> Node:
    """The node that opens into what a thing reached."""
    step = row_id if kind == "step" else None
    if kind == "label":
        step = connection.exec_driver_sql("SELECT step_id FROM label WHERE id = ?", (row_id,)).scalar()
    return Node(("reach", kind, row_id), kind, "way back from", row_id, f"{kind} {row_id}", "", 0, True, step)


# nodes ---------------------------------------------------------------------------------------------------------------
def _checkpoint_node(connection: Connection, checkpoint_id: int, relation: str) -> Node:
    return _of_checkpoint(checkpoints.show(connection, checkpoint_id), relation)


def _of_checkpoint(row: checkpoints.CheckpointRow, relation: str) -> Node:
    named = f" {row.name}" if row.name else ""
    told = [f"{row.run} round {row.round}" if row.run and row.round is not None else row.run, row.stage, row.decision]
    title = f"checkpoint {row.id} {row.role}{named}"
    return Node(("checkpoint", row.id), "checkpoint", relation, row.id, title, _joined(told), row.stale, True)


def _dataset_node(connection: Connection, dataset_id: int, relation: str) -> Node:
    row = datasets.show(connection, dataset_id)
    target = f", {row.target}" if row.target else ""
    hit, _ = ingredients.unsound_of(connection, dataset_id)
    title = f"dataset {dataset_id} {row.kind}"
    return Node(
        ("dataset", dataset_id), "dataset", relation, dataset_id, title, f"{many(row.rows, 'row')}{target}", hit, True
    )


def _job_node(connection: Connection, job_id: int, relation: str) -> Node:
    job = job_of(connection, job_id)
    where = f"{job.run} round {job.round}" if job.run and job.round is not None else job.run
    took = None if job.seconds is None else f"{job.seconds:.0f} s"
    figures = _joined([job.state, took, where, job.host, "stopped by its budget" if job.stopped == "budget" else None])
    return Node(("job", job_id), "job", relation, job_id, f"job {job_id} {job.stage}", figures, 0, True)


def _joined(words: list[str | None]) -> str:
    return ", ".join(word for word in words if word)


def _checkpoint(connection: Connection, key: Key) -> list[Node]:
    row = checkpoints.show(connection, key[1])
    out: list[Node] = []
    given = [] if row.job is None else inputs(connection, row.job)
    if row.job is not None:
        out.append(_job_node(connection, row.job, "made by"))
    told: set[int] = set()
    if row.parent is not None:
        goes_on = connection.exec_driver_sql(f"SELECT ?1 IN {line_of('?2')}", (row.parent, row.id)).scalar()
        out.append(_checkpoint_node(connection, row.parent, "starts from" if goes_on else "replaces"))
        told.add(row.parent)
    if row.base is not None and row.base not in told:
        out.append(_checkpoint_node(connection, row.base, "adapter over"))
        told.add(row.base)
    for name, kind, row_id in given:
        if kind == "checkpoint" and row_id not in told:
            out.append(
                _checkpoint_node(connection, row_id, {"prm": "rewarded by", "base": "starts from"}.get(name, name))
            )
            told.add(row_id)
    out += [_dataset_node(connection, one, "trained on") for one in checkpoints.datasets(connection, row.id)]
    evaluations = gains.measured(connection, row.id)
    if evaluations:
        figures = ", ".join(dict.fromkeys(one.split for one in evaluations))
        key_of = ("evaluations", row.id)
        out.append(
            Node(key_of, "evaluations", "measured", None, many(len(evaluations), "evaluation"), figures, 0, True)
        )
    for one in said.decisions(connection, row.id):
        why = one.evidence.get("reason") or one.evidence.get("why") or ""
        who = f"by {one.author}" if one.author else f"by the gate, job {one.job}"
        out.append(leaf(("decision", one.id), "decision", "decided", one.outcome, _joined([who, str(why)]), one.job))
    onward = reach.reached(connection, reach.Thing("checkpoint", row.id))
    if onward:
        out.append(
            Node(
                ("reach", "checkpoint", row.id), "reach", "reached", None, many(len(onward), "checkpoint"), "", 0, True
            )
        )
    return out


def _job(connection: Connection, key: Key) -> list[Node]:
    job = job_of(connection, key[1])
    out = [leaf(("config", key[1]), "config", "config", f"seed {job.seed}", job.config_digest)]
    if job.code_digest:
        versions = ", ".join(f"{name} {version}" for name, version in sorted(job.versions.items()))
        out.append(leaf(("code", key[1]), "code", "code", job.code_digest, versions))
    for name, kind, row_id in inputs(connection, key[1]):
        if kind == "test_set":
            out.append(leaf(("test_set", row_id), kind, name, f"test set {row_id}", "", row_id))
        else:
            out.append(node(connection, kind, row_id, name))
    trees = connection.exec_driver_sql("SELECT COUNT(*) FROM tree WHERE job_id = ?", (key[1],)).scalar()
    if trees:
        out.append(Node(("grown", key[1]), "trees", "grew", None, many(trees, "tree"), "", 0, True))
    if job.run is not None and job.round is not None:
        out.append(leaf(("round", key[1]), "round", "within", f"{job.run}/{job.round}", "round of a run"))
    return out


def _dataset(connection: Connection, key: Key) -> list[Node]:
    row = datasets.show(connection, key[1])
    made = ingredients.ingredients(connection, row.id)
    out = [leaf(("query", row.id), "query", "asked", str(row.query.get("query") or _said(row.query)), row.sha256)]
    out.append(leaf(("as_of", row.id), "as_of", "as of", ", ".join(f"{k} {v}" for k, v in sorted(row.as_of.items()))))
    if row.job is not None:
        out.append(_job_node(connection, row.job, "frozen by"))
    key_of: Key
    over = sum(group.overruled for group in made.labels) + made.against
    if over:
        title = f"{many(over, 'label')} against it"
        key_of = ("overruled", row.id)
        out.append(
            Node(key_of, "labels", "labels", None, title, f"{many(made.rows_unsound, 'row')} do not stand", over, True)
        )
    for group in made.labels:
        who = group.source if group.author is None else f"{group.source} {group.author}"
        key_of = ("labels", row.id, group.source, group.author, group.value)
        title = f"{group.labels} {group.value}"
        out.append(Node(key_of, "labels", "labels", None, title, f"by {who}", group.overruled, True))
    if made.trees:
        jobs = ", ".join(f"job {job} {stage} {count}" for job, stage, count in made.tree_jobs)
        out.append(Node(("trees", row.id), "trees", "trees", None, many(made.trees, "tree"), jobs, 0, True))
    for split, count in made.problems.items():
        out.append(
            Node(("problems", row.id, split), "problems", "problems", None, many(count, "problem"), split, 0, True)
        )
    out.append(Node(("rows", row.id), "rows", "rows", None, many(row.rows, "row"), "", 0, True))
    return out


def _said(query: dict[str, Any]) -> str:
    return " ".join(
        f"{name}:{value}" for name, value in sorted(query.items()) if value is not None and name != "format"
    )


def _evaluations(connection: Connection, key: Key) -> list[Node]:
    out = []
    for one in gains.measured(connection, key[1]):
        value = "n/a" if one.value is None else f"{one.value:.2f}"
        bounds = "" if one.low is None or one.high is None else f" [{one.low:.2f}, {one.high:.2f}]"
        title = f"{one.split} {one.mode} {value}{bounds}"
        figures = f"n {one.n}, {one.problems} problems, job {one.job}"
        out.append(leaf(("evaluation", one.evaluation), "evaluation", "", title, figures, one.job))
    return out


def _reach(connection: Connection, key: Key) -> list[Node]:
    thing = reach.Thing(key[1], key[2])
    out = [
        _dataset_node(connection, one.dataset, "rests on it")._replace(figures=f"{one.rows} of {one.of} rows")
        for one in reach.rested(connection, thing)
    ]
    words = {"data": "through dataset", "weights": "weights of", "base": "adapter over", "reward": "rewarded by"}
    rows = {row.id: row for row in checkpoints.page(connection, limit=-1)}
    for found in reach.reached(connection, thing):
        relation = found.way if found.via is None else f"{words[found.way]} {found.via}"
        out.append(_of_checkpoint(rows[found.checkpoint], relation))
    return out


_WHOLE = {
    "checkpoint": _checkpoint,
    "job": _job,
    "dataset": _dataset,
    "evaluations": _evaluations,
    "reach": _reach,
}
