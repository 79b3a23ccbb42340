"""What the metrics of a job look like: their names, their figures, and one of them as a curve of any length.

A curve is read from one covering index (job, name, iteration), so that it costs nothing that the job reports twenty other
numbers; what came since is asked for by id. Smoothing and thinning are pure functions: a curve of 100,000 points is drawn
from at most twice as many points as there are columns, and no peak is lost. Nothing is drawn here.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from sqlalchemy.engine import Connection

Axis = Literal["iteration", "time"]
CLOCK = "wall_s"  # seconds that a trainer has spent, over all its attempts
HIDDEN = ("total",)  # progress, not a measure
MAIN = {  # what is asked first of a stage's job; else the first of COMMON that it reports, else any
    "rl": "reward",
    "evaluate-prm": "code_within",
}
COMMON = ("loss", "reward", "accuracy")
LOWER = ("loss", "rollouts/masked", "frac_reward_zero_std", "completions/clipped_ratio", "step_time")
HIGHER = ("reward", "accuracy", "rewards/accuracies", "rewards/margins", "mean_token_accuracy", "gain", "logps/chosen")
HIGHER_BELOW = ("rollouts/solved", "rollouts/outcome", "rollouts/complete")
HIGHER_ENDS = ("_pooled", "_within", "_pass", "accuracy", "pass_at_1", "auc")

# One value an iteration: the last one said, and none that lies behind the iteration a later attempt went on from.
SAID = (
    "SELECT name, iteration, value, MAX(id) AS id FROM metric WHERE job_id = ? {narrow} AND NOT EXISTS (SELECT 1 FROM "
    "attempt later WHERE later.job_id = metric.job_id AND later.n > metric.attempt "
    "AND metric.iteration > later.resumed_from_iteration) GROUP BY name, iteration"
)
PLAIN = "SELECT name, iteration, value FROM metric WHERE job_id = ? {narrow}"


class Figure(NamedTuple):
    """One metric of one job in figures. `best` is null where neither less nor more of it is better."""

    n: int
    first: int
    last: int
    final: float
    low: float
    low_at: int
    high: float
    high_at: int
    best: float | None
    best_at: int | None


class Curve(NamedTuple):
    """One metric of one job in iteration order; `newest` is the largest id in it, `attempts` how many there were."""

    job: int
    name: str
    xs: array[float]
    ys: array[float]
    newest: int
    attempts: int


def better(name: str) -> Literal["low", "high"] | None:
    """Whether a metric is better low or high; None where nobody can say (learning rate, entropy, kl, lengths)."""
    if name in LOWER or name.endswith("/loss"):
        return "low"
    if name in HIGHER or name in HIGHER_BELOW or name.endswith(HIGHER_ENDS) or name.startswith("rewards/phi/mean"):
        return "high"
    return None


def names(connection: Connection, job_id: int) -> list[str]:
    """The metrics that a job reports, by name: one seek in the index each."""
    found: list[str] = []
    last = ""
    while True:
        row = connection.exec_driver_sql(
            "SELECT MIN(name) FROM metric WHERE job_id = ? AND name > ?", (job_id, last)
        ).scalar()
        if row is None:
            return [name for name in found if name not in HIDDEN]
        found.append(last := str(row))


def main_of(stage: str, reported: Sequence[str]) -> str | None:
    """The metric that is asked of a job first."""
    wanted = (MAIN.get(stage), *COMMON, next(iter(reported), None))
    return next((name for name in wanted if name is not None and name in reported), None)


def figures(connection: Connection, job_id: int, name: str | None = None) -> dict[str, Figure]:
    """By name, the figures of a job's metrics, or of one of them; a few passes over the index."""
    narrow, values = ("", (job_id,)) if name is None else ("AND name = ?", (job_id, name))
    said = PLAIN.format(narrow=narrow) if _said_once(connection, narrow, values) else SAID.format(narrow=narrow)

    def asked(what: str) -> dict[str, tuple[float, ...]]:
        rows = connection.exec_driver_sql(f"SELECT name, {what} FROM ({said}) GROUP BY name", values)
        return {row[0]: tuple(row[1:]) for row in rows}

    counts, ends = asked("COUNT(*), MIN(iteration)"), asked("MAX(iteration), value")
    lows, highs = asked("MIN(value), iteration"), asked("MAX(value), iteration")
    steered = "reward" in counts or (name == "loss" and "reward" in names(connection, job_id))
    out: dict[str, Figure] = {}
    for one, (n, first) in counts.items():
        if one in HIDDEN:
            continue
        (low, low_at), (high, high_at), (last, final) = lows[one], highs[one], ends[one]
        best = {"low": (low, int(low_at)), "high": (high, int(high_at)), None: (None, None)}[
            None if one == "loss" and steered else better(one)  # a policy gradient's loss measures nothing
        ]
        out[one] = Figure(int(n), int(first), int(last), final, low, int(low_at), high, int(high_at), best[0], best[1])
    return out


def _said_once(connection: Connection, narrow: str, values: tuple[object, ...]) -> bool:
    """Was nothing said twice, nor by several attempts? Then the rows are the figures' rows, and cost a third."""
    rows = connection.exec_driver_sql(
        "SELECT COUNT(*) = COUNT(DISTINCT iteration) AND MAX(attempt) = 1 AND NOT EXISTS (SELECT 1 FROM attempt "
        f"WHERE job_id = metric.job_id AND n > 1) FROM metric WHERE job_id = ? {narrow} GROUP BY name",
        values,
    )
    return all(row[0] for row in rows)


def curve(connection: Connection, job_id: int, name: str) -> Curve:
    """A metric of a job from its beginning."""
    narrow, values = "AND name = ?", (job_id, name)
    said = PLAIN.format(narrow=narrow) if _said_once(connection, narrow, values) else SAID.format(narrow=narrow)
    rows = connection.exec_driver_sql(f"{said} ORDER BY iteration", values).all()
    newest = connection.exec_driver_sql("SELECT MAX(id) FROM metric WHERE job_id = ?", (job_id,)).scalar() or 0
    return Curve(
        job_id,
        name,
        array("d", (row[1] for row in rows)),
        array("d", (row[2] for row in rows)),
        int(newest),
        _attempts(connection, job_id),
    )


def extended(connection: Connection, known: Curve) -> Curve:
    """A curve with what came since; it is read anew where an attempt was added or an iteration was said again."""
    if _attempts(connection, known.job) == known.attempts:
        rows = connection.exec_driver_sql(  # `+name`: by id, not by the index that would walk the whole curve
            "SELECT iteration, value, id FROM metric WHERE job_id = ? AND id > ? AND +name = ? ORDER BY iteration",
            (known.job, known.newest, known.name),
        ).all()
        if not rows:
            return known
        steps = [row[0] for row in rows]
        if len(set(steps)) == len(steps) and (not known.xs or steps[0] > known.xs[-1]):
            known.xs.extend(steps)
            known.ys.extend(row[1] for row in rows)
            return known._replace(newest=max(row[2] for row in rows))
    return curve(connection, known.job, known.name)


def _attempts(connection: Connection, job_id: int) -> int:
    return int(connection.exec_driver_sql("SELECT COUNT(*) FROM attempt WHERE job_id = ?", (job_id,)).scalar() or 0)


def at_time(values: Curve, clock: Curve) -> tuple[list[float], list[float]]:
    """A curve over the seconds that its trainer had spent; iterations without a time are left out."""
    seconds: Mapping[float, float] = dict(zip(clock.xs, clock.ys, strict=True))
    pairs = sorted((seconds[x], y) for x, y in zip(values.xs, values.ys, strict=True) if x in seconds)
    return [x for x, _ in pairs], [y for _, y in pairs]


def smooth(ys: Sequence[float], weight: float) -> list[float]:
    """The exponential moving average with `weight` on the past (0: as it is), its start corrected for having none:
    mₜ = w·mₜ₋₁ + (1−w)·yₜ, shown as mₜ / (1 − wᵗ)."""
    if weight <= 0:
        return list(ys)
    out: list[float] = []
    mean, left = 0.0, 1.0
    for y in ys:
        mean = weight * mean + (1.0 - weight) * y
        left *= weight
        out.append(mean / (1.0 - left))
    return out


def thin(xs: Sequence[float], ys: Sequence[float], columns: int) -> tuple[list[float], list[float]]:
    """At most 2·`columns` points (x ascending; `columns` ≥ 2): the first, the last, and of every column between them its
    lowest and its highest, in their order."""
    if len(xs) <= 2 * columns:
        return list(xs), list(ys)
    columns -= 1
    start, span = xs[0], (xs[-1] - xs[0]) or 1.0
    kept = {0, len(xs) - 1}
    low = high = column = 0
    for index, y in enumerate(ys):
        here = min(columns - 1, int((xs[index] - start) / span * columns))
        if here != column:
            kept |= {low, high}
            column, low, high = here, index, index
        elif y < ys[low]:
            low = index
        elif y > ys[high]:
            high = index
    order = sorted(kept | {low, high})
    return [xs[index] for index in order], [ys[index] for index in order]
