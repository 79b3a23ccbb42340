"""The figures of a PRM over freshly drawn steps: AUC by kind of step, with baselines, ceiling and intervals.

Pure over `ScoredStep` rows but for the one query that reads them. Formulas are measure/'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder import measure as rank


class ScoredStep(NamedTuple):
    """A drawn step: its problem, kind, text, the PRM's score, and the fresh draws below it that passed (c of k)."""

    problem: int
    action: str
    text: str
    score: float
    k: int
    c: int


def scored_steps(
    connection: Connection, job_id: int, prm: int, as_of: Mapping[str, int] | None = None
) -> list[ScoredStep]:
    """The steps of a job's `draws` trees with this PRM's score and the counts of their own draws; as of a moment."""
    scores, labels = (
        ("", "") if as_of is None else (f"AND sc.id <= {as_of['score']} ", f" AND m.id <= {as_of['label']}")
    )
    rows = connection.exec_driver_sql(
        "SELECT x.problem_id, s.action, s.text, sc.value, l.k, l.c FROM tree x JOIN step s ON s.tree_id = x.id "
        f"JOIN score sc ON sc.step_id = s.id AND sc.checkpoint_id = ? {scores}"
        f"JOIN label l ON l.id = (SELECT MAX(m.id) FROM label m WHERE m.step_id = s.id AND m.source = 'search'{labels}) "
        "WHERE x.job_id = ? AND x.kind = 'draws' AND l.k > 0 ORDER BY s.id",
        (prm, job_id),
    )
    return [ScoredStep(*row) for row in rows]


def figures(steps: Sequence[ScoredStep], *, seed: int = 0) -> dict[str, float]:
    """Figures by name: `<kind>_{pooled,within}` with `_low`/`_high`, `<kind>_{mean,length}_baseline`, `<kind>_ceiling…`,
    counts. `prefix` are structure and refine steps with at least 8 draws; `code` steps are exact."""
    out: dict[str, float] = {}
    prefixes = [s for s in steps if s.action in ("structure", "refine") and s.k >= 8]
    out |= _kind("prefix", prefixes, seed)
    out |= _kind("code", [s for s in steps if s.action == "code"], seed)
    if prefixes:
        top = rank.ceiling(
            [s.problem for s in prefixes], [[True] * s.c + [False] * (s.k - s.c) for s in prefixes], seed=seed
        )
        out |= {f"prefix_ceiling_{n}": v for n, v in (("pooled", top.pooled), ("within", top.within)) if v is not None}
    return out


def _kind(name: str, steps: Sequence[ScoredStep], seed: int) -> dict[str, float]:
    rows = [rank.Row(s.problem, s.c > 0, s.score) for s in steps]
    if not rows:
        return {f"{name}_steps": 0.0}
    found = rank.ranking(rows, seed=seed)
    out = {
        f"{name}_steps": float(found.rows),
        f"{name}_right": float(found.right),
        f"{name}_problems": float(found.problems),
        f"{name}_problems_with_both": float(found.problems_with_both),
    }
    for which, value, interval in (
        ("pooled", found.pooled_value, found.pooled),
        ("within", found.within_value, found.within),
    ):
        if value is not None:
            out[f"{name}_{which}"] = value
        if interval is not None:
            out[f"{name}_{which}_low"] = interval.low
            out[f"{name}_{which}_high"] = interval.high
    baselines: Iterable[tuple[str, float | None]] = (
        ("mean_baseline", rank.auc(rank.problem_mean_baseline(rows))),
        ("length_baseline", rank.auc(rank.step_length_baseline(rows, [s.text for s in steps]))),
        ("length_baseline_within", rank.within_problem_auc(rank.step_length_baseline(rows, [s.text for s in steps]))),
    )
    out |= {f"{name}_{which}": value for which, value in baselines if value is not None}
    return out
