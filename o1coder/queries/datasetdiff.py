"""Two datasets side by side: which rows are in one alone, which say something else of the same text, which were reworded.

A row is known by its digest; rows that differ are matched by the fact that they came from, and if they speak of the same
text (export/sides.py) they are relabelled, else changed. Rows of other facts are added or removed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from o1coder.datasets import DATA
from o1coder.errors import LabError
from o1coder.export import sides
from o1coder.lab import Lab
from o1coder.queries import datasets

SHOWN = 200  # of each sort of difference


class Difference(NamedTuple):
    """One row that differs. `sort`: added, removed, relabelled or changed; `before` and `after`: what the two rows say, null
    where there is none. `problem` and `step` are those of its fact; `labels` the ids that it rests on in A and in B."""

    sort: str
    ordinal_a: int | None
    ordinal_b: int | None
    step: int | None
    rollout: int | None
    problem: int | None
    before: list[str] | None
    after: list[str] | None
    labels_a: list[int]
    labels_b: list[int]
    text: str


class Diff(NamedTuple):
    """What became of the rows of A in B: each of A is the same, relabelled, changed or removed."""

    a: int
    b: int
    kinds: list[str]
    rows: list[int]
    same: int
    added: int
    removed: int
    relabelled: int
    changed: int
    differences: list[Difference]


class _Item(NamedTuple):
    ordinal: int
    fact: tuple[int | None, ...]
    digest: str


def diff(lab: Lab, a: int, b: int, *, shown: int = SHOWN) -> Diff:
    """Compare two datasets; at most `shown` differences of each sort are listed, all are counted."""
    with lab.reading() as connection:
        one, two = datasets.show(connection, a), datasets.show(connection, b)
        items = [_items(connection, a), _items(connection, b)]
    if one.sha256 == two.sha256:
        return Diff(a, b, [one.kind, two.kind], [one.rows, two.rows], one.rows, 0, 0, 0, 0, [])
    alike = Counter(item.digest for item in items[0]) & Counter(item.digest for item in items[1])
    left = [_without(side, Counter(alike)) for side in items]
    texts = [_texts(lab.home / row.path / DATA, side) for row, side in zip((one, two), left, strict=True)]
    found = list(_matched(left[0], left[1], texts[0], texts[1]))
    counted = Counter(difference.sort for difference in found)
    listed: list[Difference] = []
    for sort in ("relabelled", "changed", "removed", "added"):
        listed += [difference for difference in found if difference.sort == sort][:shown]
    with lab.reading() as connection:
        listed = [_told(connection, a, b, difference) for difference in listed]
    return Diff(
        a,
        b,
        [one.kind, two.kind],
        [one.rows, two.rows],
        alike.total(),
        counted["added"],
        counted["removed"],
        counted["relabelled"],
        counted["changed"],
        listed,
    )


def _items(connection: Any, dataset_id: int) -> list[_Item]:
    rows = connection.exec_driver_sql(
        "SELECT ordinal, step_id, rollout_id, program_id, problem_id, row_digest FROM dataset_item WHERE dataset_id = ? "
        "ORDER BY ordinal",
        (dataset_id,),
    )
    return [_Item(row[0], tuple(row[1:5]), row[5]) for row in rows]


def _without(items: list[_Item], alike: Counter[str]) -> list[_Item]:
    out = []
    for item in items:
        if alike[item.digest] > 0:
            alike[item.digest] -= 1
        else:
            out.append(item)
    return out


def _texts(file: Path, items: list[_Item]) -> dict[int, dict[str, Any]]:
    """The rows of these items, by ordinal."""
    wanted = {item.ordinal for item in items}
    try:
        with file.open(encoding="utf-8") as handle:
            return {n: json.loads(line) for n, line in enumerate(handle) if n in wanted}
    except OSError as error:
        raise LabError(
            f"{file} cannot be read: {error.strerror}", "`o1coder verify` says what else is missing"
        ) from error


def _matched(
    a: list[_Item], b: list[_Item], rows_a: dict[int, dict[str, Any]], rows_b: dict[int, dict[str, Any]]
) -> Iterator[Difference]:
    """Rows of one fact that speak of the same text are matched first, then rows of one fact, in their order."""
    by_text: dict[tuple[Any, str], list[_Item]] = {}
    for item in b:
        by_text.setdefault((item.fact, sides.about(rows_b.get(item.ordinal, {}))), []).append(item)
    rest_a: list[_Item] = []
    taken: set[int] = set()
    for item in a:
        equals = by_text.get((item.fact, sides.about(rows_a.get(item.ordinal, {}))))
        if equals:
            other = equals.pop(0)
            taken.add(other.ordinal)
            relabelled = sides.says(rows_a[item.ordinal]) != sides.says(rows_b[other.ordinal])
            yield _difference("relabelled" if relabelled else "changed", item, other, rows_a, rows_b)
        else:
            rest_a.append(item)
    by_fact: dict[Any, list[_Item]] = {}
    for item in b:
        if item.ordinal not in taken:
            by_fact.setdefault(item.fact, []).append(item)
    for item in rest_a:
        same = by_fact.get(item.fact)
        yield (
            _difference("changed", item, same.pop(0), rows_a, rows_b)
            if same
            else _difference("removed", item, None, rows_a, rows_b)
        )
    for left in by_fact.values():
        for item in left:
            yield _difference("added", None, item, rows_a, rows_b)


def _difference(
    sort: str, a: _Item | None, b: _Item | None, rows_a: dict[int, dict[str, Any]], rows_b: dict[int, dict[str, Any]]
) -> Difference:
    either = b or a
    assert either is not None
    before = None if a is None else rows_a.get(a.ordinal, {})
    after = None if b is None else rows_b.get(b.ordinal, {})
    return Difference(
        sort,
        a.ordinal if a else None,
        b.ordinal if b else None,
        either.fact[0],
        either.fact[1],
        either.fact[3],
        None if before is None else sides.words(before),
        None if after is None else sides.words(after),
        [],
        [],
        sides.last_text(after or before or {}),
    )


def _told(connection: Any, a: int, b: int, difference: Difference) -> Difference:
    """The same with its labels and its problem."""

    def labels(dataset: int, ordinal: int | None) -> list[int]:
        if ordinal is None:
            return []
        rows = connection.exec_driver_sql(
            "SELECT label_id FROM dataset_label WHERE dataset_id = ? AND ordinal = ? ORDER BY label_id",
            (dataset, ordinal),
        )
        return [int(row[0]) for row in rows]

    problem = connection.exec_driver_sql(
        "SELECT coalesce(?1, (SELECT x.problem_id FROM step s JOIN tree x ON x.id = s.tree_id WHERE s.id = ?2), "
        "(SELECT x.problem_id FROM rollout r JOIN tree x ON x.id = r.tree_id WHERE r.id = ?3))",
        (difference.problem, difference.step, difference.rollout),
    ).scalar()
    return difference._replace(
        problem=problem, labels_a=labels(a, difference.ordinal_a), labels_b=labels(b, difference.ordinal_b)
    )
