"""What a frozen dataset is made of: labels by who said what, trees, problems by split, members page by page.

Counts are SQL over the members that the dataset lists; they cost its own rows, not the lab's. A dataset never changes, so all
of it but what is overruled may be kept by whoever asks.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.standing import UNSOUND, current_label

PAGE = 200


class LabelGroup(NamedTuple):
    """Labels of a dataset that say the same and come from the same source; a person's by author. `overruled` of them do not
    count for their step any more."""

    source: str
    author: str | None
    value: str
    labels: int
    overruled: int


class Ingredients(NamedTuple):
    """A dataset's make-up. `tree_jobs` counts trees by the job that grew them. `rows_unsound` do not stand: a label that
    they rest on is overruled, or a first word was said `against` a step of theirs that nobody had judged."""

    dataset: int
    rows: int
    labels: list[LabelGroup]
    trees: int
    tree_jobs: list[tuple[int, str, int]]
    problems: dict[str, int]
    sources: dict[str, int]
    rows_unsound: int
    against: int


class LabelOf(NamedTuple):
    """A label that a dataset rests on, and the step it was given to. Where it does not count any more, `now` is the label that
    does; where it is a first word against a step of the dataset's, `now` is itself."""

    id: int
    value: str
    source: str
    author: str | None
    k: int | None
    c: int | None
    v: float | None
    created_at: str
    step: int
    tree: int
    action: str
    text: str
    now: int | None
    now_value: str | None
    now_source: str | None
    now_author: str | None
    now_at: str | None

    @property
    def overruled(self) -> bool:
        """Does it make rows of the dataset unsound? (The page asks standing.py's own rule.)"""
        return self.now is not None


class TreeOf(NamedTuple):
    """A tree that rows of a dataset come from, and how many."""

    id: int
    problem: int
    title: str
    job: int
    kind: str
    policy: int | None
    rows: int


class ProblemOf(NamedTuple):
    """A problem that rows of a dataset come from, and how many."""

    id: int
    title: str
    split: str
    source: str
    rows: int


class RowOf(NamedTuple):
    """One row of a dataset by the fact it was made of."""

    ordinal: int
    kind: str
    fact: int
    labels: int


_TREE = (
    "FROM dataset_item i LEFT JOIN step s ON s.id = i.step_id LEFT JOIN rollout r ON r.id = i.rollout_id "
    "LEFT JOIN tree x ON x.id = COALESCE(s.tree_id, r.tree_id) "
)
_PROBLEM = f"{_TREE} LEFT JOIN program g ON g.id = i.program_id "
PROBLEM_OF = "COALESCE(x.problem_id, g.problem_id, i.problem_id)"


def ingredients(connection: Connection, dataset_id: int) -> Ingredients:
    """Everything that is counted of a dataset."""
    rows = int(
        connection.exec_driver_sql("SELECT COUNT(*) FROM dataset_item WHERE dataset_id = ?", (dataset_id,)).scalar()
        or 0
    )
    jobs = connection.exec_driver_sql(
        f"SELECT t.job_id, j.stage, COUNT(*) FROM (SELECT DISTINCT x.id, x.job_id {_TREE} WHERE i.dataset_id = ?1 "
        "AND x.id IS NOT NULL) t JOIN job j ON j.id = t.job_id GROUP BY t.job_id ORDER BY t.job_id",
        (dataset_id,),
    )
    tree_jobs = [(int(a), str(b), int(c)) for a, b, c in jobs]
    problems = connection.exec_driver_sql(
        f"SELECT p.split, p.source, COUNT(*) FROM (SELECT DISTINCT {PROBLEM_OF} AS id {_PROBLEM} WHERE i.dataset_id = ?1) t "
        "JOIN problem p ON p.id = t.id GROUP BY p.split, p.source ORDER BY p.split, p.source",
        (dataset_id,),
    )
    splits: dict[str, int] = {}
    sources: dict[str, int] = {}
    for split, source, count in problems:
        splits[split] = splits.get(split, 0) + count
        sources[source] = sources.get(source, 0) + count
    groups, (unsound, words) = label_groups(connection, dataset_id), unsound_of(connection, dataset_id)
    against = words - sum(group.overruled for group in groups)
    return Ingredients(
        dataset_id, rows, groups, sum(n for *_, n in tree_jobs), tree_jobs, splits, sources, unsound, against
    )


def label_groups(connection: Connection, dataset_id: int) -> list[LabelGroup]:
    """The labels of a dataset by source, author and value, with how many of each are overruled."""
    told = "SELECT l.source, l.author, l.value, COUNT(*) FROM (SELECT DISTINCT i.label_id AS id {}) t JOIN label l ON l.id = t.id"
    grouped = "GROUP BY l.source, l.author, l.value ORDER BY l.source, l.author, l.value"
    over = {
        tuple(row[:3]): int(row[3])
        for row in connection.exec_driver_sql(
            UNSOUND
            + told.format("FROM unsound u JOIN dataset_label i USING (dataset_id, ordinal, label_id)")
            + f" {grouped}",
            (json.dumps([dataset_id]),),
        )
    }
    rows = connection.exec_driver_sql(
        told.format("FROM dataset_label i WHERE i.dataset_id = ?1") + f" {grouped}", (dataset_id,)
    )
    return [LabelGroup._make((*row, over.get(tuple(row[:3]), 0))) for row in rows]


def unsound_of(connection: Connection, dataset_id: int) -> tuple[int, int]:
    """(rows of a dataset that do not stand now, labels that make them so)."""
    found = connection.exec_driver_sql(
        f"{UNSOUND} SELECT COUNT(DISTINCT ordinal), COUNT(DISTINCT label_id) FROM unsound", (json.dumps([dataset_id]),)
    ).one()
    return int(found[0]), int(found[1])


def labels(
    connection: Connection,
    dataset_id: int,
    *,
    group: tuple[str, str | None, str] | None = None,
    after: int = 0,
    limit: int = PAGE,
) -> list[LabelOf]:
    """Labels that a dataset rests on, by id: those of one group (source, author, value); without a group those that do not
    count any more, and first words against steps that nobody had judged."""
    source, author, value = group or (None, None, None)
    asked = "i.dataset_id IN (SELECT value FROM json_each(?1))"
    within = f"EXISTS (SELECT 1 FROM dataset_label i WHERE i.label_id = o.id AND {asked})"
    rows = connection.exec_driver_sql(
        f"{UNSOUND}, over(id) AS MATERIALIZED (SELECT DISTINCT label_id FROM unsound) "
        "SELECT o.id, o.value, o.source, o.author, o.k, o.c, o.v, o.created_at, o.step_id, s.tree_id, s.action, s.text, "
        "n.id, n.value, n.source, n.author, n.created_at FROM label o JOIN step s ON s.id = o.step_id "
        f"LEFT JOIN label n ON o.id IN (SELECT id FROM over) AND n.id = {current_label('o.step_id')} "
        "WHERE o.id > ?2 AND (?3 IS NULL OR (o.source = ?3 AND o.author IS ?4 AND o.value = ?5)) "
        f"AND {'o.id IN (SELECT id FROM over)' if group is None else within} ORDER BY o.id LIMIT ?6",
        (json.dumps([dataset_id]), after, source, author, value, limit),
    )
    return [LabelOf(*row) for row in rows]


def trees(connection: Connection, dataset_id: int, *, after: int = 0, limit: int = PAGE) -> list[TreeOf]:
    """Trees that rows of a dataset come from, by id."""
    rows = connection.exec_driver_sql(
        "SELECT x.id, x.problem_id, p.title, x.job_id, x.kind, x.policy_id, t.n FROM "
        f"(SELECT x.id AS id, COUNT(*) AS n {_TREE} WHERE i.dataset_id = ?1 AND x.id > ?2 GROUP BY x.id "
        "ORDER BY x.id LIMIT ?3) t JOIN tree x ON x.id = t.id JOIN problem p ON p.id = x.problem_id ORDER BY x.id",
        (dataset_id, after, limit),
    )
    return [TreeOf(*row) for row in rows]


def problems(
    connection: Connection, dataset_id: int, split: str | None = None, *, after: int = 0, limit: int = PAGE
) -> list[ProblemOf]:
    """Problems that rows of a dataset come from, by id; those of one split where it is named."""
    rows = connection.exec_driver_sql(
        f"SELECT p.id, p.title, p.split, p.source, t.n FROM (SELECT {PROBLEM_OF} AS id, COUNT(*) AS n {_PROBLEM} "
        "WHERE i.dataset_id = ?1 GROUP BY 1) t JOIN problem p ON p.id = t.id WHERE (?2 IS NULL OR p.split = ?2) "
        "AND p.id > ?3 ORDER BY p.id LIMIT ?4",
        (dataset_id, split, after, limit),
    )
    return [ProblemOf(*row) for row in rows]


def members(connection: Connection, dataset_id: int, *, after: int = -1, limit: int = PAGE) -> list[RowOf]:
    """Rows of a dataset by ordinal, each with the fact it was made of and how many labels it rests on."""
    rows: list[Any] = list(
        connection.exec_driver_sql(
            "SELECT i.ordinal, CASE WHEN i.step_id IS NOT NULL THEN 'step' WHEN i.rollout_id IS NOT NULL THEN 'rollout' "
            "WHEN i.program_id IS NOT NULL THEN 'program' ELSE 'problem' END, "
            "COALESCE(i.step_id, i.rollout_id, i.program_id, i.problem_id), (SELECT COUNT(*) FROM dataset_label l "
            "WHERE l.dataset_id = i.dataset_id AND l.ordinal = i.ordinal) FROM dataset_item i WHERE i.dataset_id = ? "
            "AND i.ordinal > ? ORDER BY i.ordinal LIMIT ?",
            (dataset_id, after, limit),
        )
    )
    return [RowOf(*row) for row in rows]
