"""What became of a PRM: two of them on the same steps, before and after a correction.

On the steps that people spoke of: how far each score moved towards their word, and how often a score of ½ or more says what
they say. On families that neither PRM nor what they started from was trained on: AUC over fresh draws (trees of kind
`draws`), pooled and within problem, prefixes and code apart, with the paired difference (measurement.md §3). Every interval
is by bootstrap over problems. It reads scores that are stored (`run score`, `run evaluate-prm --draws`), under one input
format alone, and scores nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import measure
from o1coder.errors import LabError
from o1coder.measure import Interval, Row
from o1coder.standing import current_label, line_of

THRESHOLD = 0.5  # at or above it a score says valid
ENOUGH = 8  # judged draws below a prefix, as in prmfigures.py


class StepChange(NamedTuple):
    """A step that a person called valid or invalid, and what the two PRMs say of it. `search`: the search's own word."""

    step: int
    tree: int
    problem: int
    said: str
    search: str | None
    before: float
    after: float

    @property
    def towards(self) -> float:
        """How far the score moved towards the person's word; negative: away from it."""
        return (self.after - self.before) * (1 if self.said == "valid" else -1)


class OnPeople(NamedTuple):
    """The two against people's words. `corrected`: of the steps, those where the search says another word; `learned_*`:
    those whose label was in the training data. `change` is paired: agreement after less before."""

    steps: int
    problems: int
    corrected: int
    learned_before: int
    learned_after: int
    towards: Interval | None
    towards_value: float | None
    agreement_before: float | None
    agreement_after: float | None
    change: Interval | None


class OnUnseen(NamedTuple):
    """AUC on steps of unseen families, and its paired change. Values are None where a class is missing, intervals where
    fewer than two problems tell."""

    steps: int
    right: int
    problems: int
    before: measure.Ranking
    after: measure.Ranking
    change: measure.RankingChange


class PrmChange(NamedTuple):
    """PRM `after` beside PRM `before`. `moved`: people's steps, the largest movement first. `families`: how many the draws
    hold that neither was trained on; `left_out` steps are of the others."""

    before: int
    after: int
    moved: list[StepChange]
    people: OnPeople
    families: int
    left_out: int
    prefix: OnUnseen
    code: OnUnseen


def prm_change(connection: Connection, a: int, b: int, *, most: int = 100, seed: int = 0) -> PrmChange:
    """PRM `b` beside PRM `a`, which came before it. LabError when either is no PRM, or no step was scored by both."""
    for checkpoint in (a, b):
        row = connection.exec_driver_sql("SELECT role FROM checkpoint WHERE id = ?", (checkpoint,)).first()
        if row is None or row[0] != "prm":
            what = "there is no checkpoint" if row is None else f"no PRM but a {row[0]}: checkpoint"
            raise LabError(f"{what} {checkpoint}", "`o1coder checkpoints list --role prm` shows them")
    if not connection.exec_driver_sql(f"SELECT 1 FROM {_BOTH} LIMIT 1", (a, b)).first():
        raise LabError(
            f"no step was scored by both PRM {a} and PRM {b}",
            f"`o1coder run score --prm {b} --query …`, or `o1coder run evaluate-prm --prm {b} --draws JOB`",
        )
    people = _people(connection, a, b)
    fresh, families, left_out = _fresh(connection, a, b)
    return PrmChange(
        a,
        b,
        sorted(people, key=lambda one: -abs(one.towards))[:most],
        _on_people(connection, people, a, b, seed),
        families,
        left_out,
        _on_unseen([one for one in fresh if one.action != "code" and one.k >= ENOUGH], seed),
        _on_unseen([one for one in fresh if one.action == "code"], seed),
    )


def as_json(found: PrmChange) -> dict[str, Any]:
    """The same as one JSON object; intervals are objects with value, low and high."""
    moved = [one._asdict() | {"towards": one.towards} for one in found.moved]
    told: dict[str, Any] = _plain(found)
    return told | {"moved": moved}


def _plain(item: Any) -> Any:
    if isinstance(item, tuple) and hasattr(item, "_asdict"):
        return {name: _plain(value) for name, value in item._asdict().items()}
    return [_plain(one) for one in item] if isinstance(item, list) else item


# Steps scored by both under the same input format: the newest of either, where one was scored under several.
_BOTH = (
    "score x JOIN score y ON y.step_id = x.step_id AND y.checkpoint_id = ?2 AND y.format_digest = x.format_digest "
    "AND x.checkpoint_id = ?1"
)


def _people(connection: Connection, a: int, b: int) -> list[StepChange]:
    rows = connection.exec_driver_sql(
        "SELECT h.step_id, s.tree_id, t.problem_id, h.value, (SELECT m.value FROM label m WHERE m.step_id = h.step_id "
        "AND m.source = 'search' ORDER BY m.id DESC LIMIT 1), x.value, y.value, MAX(x.id) FROM label h "
        "JOIN step s ON s.id = h.step_id JOIN tree t ON t.id = s.tree_id "
        f"JOIN {_BOTH} AND x.step_id = h.step_id WHERE h.source = 'human' AND h.value IN ('valid', 'invalid') "
        f"AND h.id = {current_label('h.step_id')} GROUP BY h.step_id ORDER BY h.step_id",
        (a, b),
    )
    return [StepChange(*row[:7]) for row in rows]


def _on_people(connection: Connection, people: Sequence[StepChange], a: int, b: int, seed: int) -> OnPeople:
    groups: dict[int, list[StepChange]] = {}
    for one in people:
        groups.setdefault(one.problem, []).append(one)
    problems = list(groups.values())

    def mean(of: Callable[[StepChange], float]) -> Callable[[Sequence[Sequence[StepChange]]], float | None]:
        return lambda chosen: fmean(of(one) for group in chosen for one in group) if chosen else None

    def agrees(one: StepChange, score: float) -> float:
        return float((score >= THRESHOLD) == (one.said == "valid"))

    change = mean(lambda one: agrees(one, one.after) - agrees(one, one.before))
    towards = mean(lambda one: one.towards)
    steps = {one.step for one in people}
    return OnPeople(
        len(people),
        len(problems),
        sum(one.search is not None and one.search != one.said for one in people),
        len(steps & _learned(connection, a)),
        len(steps & _learned(connection, b)),
        measure.bootstrap(problems, towards, seed=seed),
        towards(problems),
        mean(lambda one: agrees(one, one.before))(problems),
        mean(lambda one: agrees(one, one.after))(problems),
        measure.bootstrap(problems, change, seed=seed),
    )


def _learned(connection: Connection, checkpoint: int) -> set[int]:
    """The steps of which people's labels were in the data of a PRM, or of those whose weights it went on from."""
    rows = connection.exec_driver_sql(
        f"SELECT DISTINCT l.step_id FROM checkpoint c JOIN dataset d ON {_DATA_OF} "
        "JOIN dataset_label i ON i.dataset_id = d.id JOIN label l ON l.id = i.label_id AND l.source = 'human' "
        f"WHERE c.id IN {line_of('?')}",
        (checkpoint,),
    )
    return {row[0] for row in rows}


_DATA_OF = "(d.job_id = c.job_id OR d.id IN (SELECT ji.dataset_id FROM job_input ji WHERE ji.job_id = c.job_id))"


class _Fresh(NamedTuple):
    problem: int
    action: str
    k: int
    c: int
    before: float
    after: float


def _fresh(connection: Connection, a: int, b: int) -> tuple[list[_Fresh], int, int]:
    """Drawn steps of families that neither learned from, how many families, and how many steps are of others."""
    seen = {
        row[0]
        for row in connection.exec_driver_sql(
            "WITH RECURSIVE line(id) AS (VALUES (?1), (?2) UNION SELECT e.id FROM line JOIN checkpoint c ON c.id = line.id "
            "JOIN checkpoint e ON e.id IN (c.parent_id, c.base_id) OR e.id IN "
            "(SELECT ji.checkpoint_id FROM job_input ji WHERE ji.job_id = c.job_id)) "
            f"SELECT DISTINCT p.family FROM line JOIN checkpoint c ON c.id = line.id JOIN dataset d ON {_DATA_OF} "
            "JOIN dataset_item i ON i.dataset_id = d.id LEFT JOIN step s ON s.id = i.step_id "
            "LEFT JOIN rollout r ON r.id = i.rollout_id LEFT JOIN program g ON g.id = i.program_id "
            "LEFT JOIN tree x ON x.id = COALESCE(s.tree_id, r.tree_id) "
            "JOIN problem p ON p.id = COALESCE(x.problem_id, g.problem_id, i.problem_id)",
            (a, b),
        )
    }
    rows = connection.exec_driver_sql(
        "SELECT t.problem_id, s.action, l.k, l.c, x.value, y.value, p.family, MAX(x.id) FROM tree t "
        "JOIN problem p ON p.id = t.problem_id JOIN step s ON s.tree_id = t.id "
        "JOIN label l ON l.id = (SELECT MAX(m.id) FROM label m WHERE m.step_id = s.id AND m.source = 'search') "
        f"JOIN {_BOTH} AND x.step_id = s.id WHERE t.kind = 'draws' AND l.k > 0 GROUP BY s.id ORDER BY s.id",
        (a, b),
    ).all()
    unseen = [row for row in rows if row[6] not in seen]
    return [_Fresh(*row[:6]) for row in unseen], len({row[6] for row in unseen}), len(rows) - len(unseen)


def _on_unseen(steps: Sequence[_Fresh], seed: int) -> OnUnseen:
    def rows(score: Callable[[_Fresh], float]) -> Iterable[Row]:
        return (Row(one.problem, one.c > 0, score(one)) for one in steps)

    before, after = list(rows(lambda one: one.before)), list(rows(lambda one: one.after))
    return OnUnseen(
        len(steps),
        sum(one.c > 0 for one in steps),
        len({one.problem for one in steps}),
        measure.ranking(before, seed=seed),
        measure.ranking(after, seed=seed),
        measure.ranking_change(before, after, seed=seed),
    )
