"""How checkpoints did, and what one gained over another: evaluations with intervals, paired differences over problems.

Formulas are measure/'s; what may be compared is decided here: the same split, slice and mode, both by the lab's own judging or
both by a dataset's own. Direct code and pseudocode are different estimands (measurement.md §4), so they are never one figure;
base direct code is shown beside what pseudocode gained, and named. Nothing here decides: the gate does (measure/gate.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder import measure
from o1coder.loop import paired
from o1coder.queries import checkpoints, rounds
from o1coder.queries.said import prm_figures

MODES = ("pseudocode", "direct", "search", "cases")  # in the order in which one is chosen to stand for a checkpoint
SPLITS = ("test", "validation", "train")


class Measured(NamedTuple):
    """An evaluation with its interval over problems. `value` is pass@1 (of `cases`: the share of a problem's cases that its
    reference agrees with); `complete` the share of samples whose whole chain could be read, `given_complete` the value among
    those. `low` and `high` are null with fewer than two problems or where all are alike."""

    evaluation: int
    job: int
    split: str
    slice: str | None
    mode: str
    official: bool
    n: int
    temperature: float | None
    problems: int
    samples: int
    masked: int
    value: float | None
    low: float | None
    high: float | None
    complete: float | None
    given_complete: float | None
    tokens_in: int
    tokens_out: int
    stopped: str | None
    created_at: str


class Gain(NamedTuple):
    """The paired difference (new − old) over the problems that both evaluations have, with a two-sided 95 % interval over
    problems; `detectable` is the gain that so many problems, scattered so, would have shown with 80 % power, null where too few
    differ. `told`: the interval does not hold 0, and enough problems differ (as the gate asks). `differs` says what else is not
    the same in the two."""

    against: str
    checkpoint: int
    evaluation: int
    old_evaluation: int
    split: str
    slice: str | None
    mode: str
    old_mode: str
    new: float
    old: float
    difference: float
    low: float | None
    high: float | None
    problems: int
    differ: int
    detectable: float | None
    differs: str
    told: bool


class Figure(NamedTuple):
    """The one figure by which a list tells a checkpoint: pass@1 of the first of MODES on the first of SPLITS that was measured,
    a TCG's validity, a PRM's AUC; `about` says which."""

    about: str
    value: float | None
    low: float | None
    high: float | None
    problems: int


_SELECT = (
    "SELECT e.id, e.job_id, e.split, e.slice, e.mode, COALESCE(json_extract(j.config, '$.official'), 0), e.n, e.temperature, "
    "e.tokens_in, e.tokens_out, e.stopped, e.created_at, e.prompt_digest FROM evaluation e JOIN job j ON j.id = e.job_id "
)
Item = tuple[int, int, int, int, int]  # (problem, n, c, masked, complete)


def measured(connection: Connection, checkpoint_id: int) -> list[Measured]:
    """The newest evaluation of a checkpoint for each split, slice, mode and way of judging; test first."""
    newest: dict[tuple[object, ...], Measured] = {}
    for row in connection.exec_driver_sql(f"{_SELECT} WHERE e.checkpoint_id = ? ORDER BY e.id", (checkpoint_id,)).all():
        items = checkpoints.evaluation_items(connection, row[0])
        newest[tuple(row[2:6])] = _measured(row, items)
    return sorted(newest.values(), key=lambda one: (_place(SPLITS, one.split), _place(MODES, one.mode), one.evaluation))


def _place(words: Sequence[str], word: str) -> int:
    return words.index(word) if word in words else len(words)


def _measured(row: Sequence[object], items: Sequence[Item]) -> Measured:
    estimate = measure.mean_pass_at_k([(n, c) for _, n, c, *_ in items], 1)
    interval = measure.bootstrap_mean(estimate.per_problem) if estimate.per_problem else None
    samples, complete = sum(item[1] for item in items), sum(item[4] for item in items)
    right, masked = sum(item[2] for item in items), sum(item[3] for item in items)
    told = row[0], row[1], row[2], row[3], row[4], bool(row[5]), row[6], row[7]
    return Measured(
        *told,  # type: ignore[arg-type]
        problems=len(items),
        samples=samples,
        masked=masked,
        value=estimate.value,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        complete=complete / samples if samples else None,
        given_complete=right / complete if complete else None,
        tokens_in=row[8],  # type: ignore[arg-type]
        tokens_out=row[9],  # type: ignore[arg-type]
        stopped=row[10],  # type: ignore[arg-type]
        created_at=row[11],  # type: ignore[arg-type]
    )


def newest(connection: Connection, checkpoint_id: int) -> int:
    """A number that changes when the figure of a list's line may: its newest evaluation, or figure of a PRM."""
    return int(
        connection.exec_driver_sql(
            "SELECT COALESCE((SELECT MAX(id) FROM evaluation WHERE checkpoint_id = ?1), 0) + COALESCE((SELECT MAX(m.id) "
            "FROM job_input ji JOIN metric m ON m.job_id = ji.job_id WHERE ji.checkpoint_id = ?1 AND ji.name = 'prm'), 0)",
            (checkpoint_id,),
        ).scalar()
        or 0
    )


def figure(connection: Connection, checkpoint_id: int, role: str) -> Figure | None:
    """The figure of a list's line; None where nothing was measured."""
    if role == "prm":
        found = prm_figures(connection, checkpoint_id, limit=1)
        for name, about in (("prefix_within", "AUC within"), ("prefix_pooled", "AUC"), ("code_within", "AUC code")):
            if found and name in found[0].figures:
                told = found[0].figures
                kind = name.split("_")[0]
                low, high = told.get(f"{name}_low"), told.get(f"{name}_high")
                return Figure(about, told[name], low, high, int(told.get(f"{kind}_problems", 0)))
        return None
    row = connection.exec_driver_sql(
        f"{_SELECT} WHERE e.checkpoint_id = ? AND e.mode <> 'programs' ORDER BY "
        "COALESCE(json_extract(j.config, '$.official'), 0), "
        "CASE e.split WHEN 'test' THEN 0 WHEN 'validation' THEN 1 ELSE 2 END, CASE e.mode WHEN 'pseudocode' THEN 0 "
        "WHEN 'direct' THEN 1 WHEN 'search' THEN 2 ELSE 3 END, e.id DESC LIMIT 1",
        (checkpoint_id,),
    ).first()
    if row is None:
        return None
    one = _measured(row, checkpoints.evaluation_items(connection, row[0]))
    word = "valid cases" if one.mode == "cases" else one.mode
    return Figure(f"{word} {one.split}", one.value, one.low, one.high, one.problems)


def others(connection: Connection, checkpoint_id: int) -> list[tuple[str, int]]:
    """What a checkpoint is compared with: its parent, the model at the root of its line, and the policy that stood when its
    round began; each once, under all its names."""
    row = checkpoints.show(connection, checkpoint_id)
    found: dict[int, list[str]] = {}
    if row.parent is not None:
        found.setdefault(row.parent, []).append("parent")
    root = connection.exec_driver_sql(
        "WITH RECURSIVE up(id, n) AS (SELECT ?1, 0 UNION SELECT k.parent_id, up.n + 1 FROM up JOIN checkpoint k ON k.id = up.id "
        "WHERE k.parent_id IS NOT NULL) SELECT COALESCE((SELECT base_id FROM checkpoint WHERE id = ?1), "
        "(SELECT id FROM up ORDER BY n DESC LIMIT 1))",
        (checkpoint_id,),
    ).scalar()
    if root is not None and root != checkpoint_id:
        found.setdefault(int(root), []).append("base")
    if row.run is not None and row.round is not None and row.role == "policy":
        stood = rounds.incumbent(connection, row.run, row.round)
        if stood is not None and stood != checkpoint_id:
            found.setdefault(stood, []).append("incumbent")
        elif stood is None and root is not None and root != checkpoint_id:
            found.setdefault(int(root), []).append("incumbent")
    return [(", ".join(names), other) for other, names in found.items()]


def gains(connection: Connection, checkpoint_id: int) -> list[Gain]:
    """What a checkpoint gained over its parent, its base and the incumbent of its round."""
    return [
        gain
        for name, other in others(connection, checkpoint_id)
        for gain in between(connection, checkpoint_id, other, name)
    ]


def between(connection: Connection, new: int, old: int, name: str = "") -> list[Gain]:
    """Every comparison of two checkpoints that is fair: newest evaluations of one split, slice, mode and way of judging; and
    `new` in pseudocode beside `old` in direct code, which the old mode then says."""
    out: list[Gain] = []
    before = {(m.split, m.slice, m.mode, m.official): m for m in measured(connection, old)}
    for after in measured(connection, new):
        modes = [after.mode, *(["direct"] if after.mode == "pseudocode" else [])]
        for mode in modes:
            other = before.get((after.split, after.slice, mode, after.official))
            gain = None if other is None else _gain(connection, name or f"checkpoint {old}", old, after, other)
            if gain is not None:
                out.append(gain)
    return out


def _gain(connection: Connection, name: str, checkpoint: int, after: Measured, before: Measured) -> Gain | None:
    new, old = (
        [(p, n, c) for p, n, c, *_ in checkpoints.evaluation_items(connection, one.evaluation)]
        for one in (after, before)
    )
    pair = paired(new, old)
    if not pair.problems:
        return None
    interval = measure.paired_difference(pair.new, pair.old)
    each = [a - b for a, b in zip(pair.new, pair.old, strict=True)]
    differs = [
        f"{word} {ours:g} and {theirs:g}"
        for word, ours, theirs in (
            ("temperature", after.temperature or 0.0, before.temperature or 0.0),
            ("n", float(after.n), float(before.n)),
        )
        if ours != theirs
    ]
    left_out = max(after.problems, before.problems) - len(pair.problems)
    differs += [f"{left_out} problems in one alone"] if left_out else []
    differ = sum(one != 0 for one in each)
    return Gain(
        name,
        checkpoint,
        after.evaluation,
        before.evaluation,
        after.split,
        after.slice,
        after.mode,
        before.mode,
        sum(pair.new) / len(pair.new),
        sum(pair.old) / len(pair.old),
        sum(each) / len(each),
        None if interval is None else interval.low,
        None if interval is None else interval.high,
        len(pair.problems),
        differ,
        measure.detectable_gain(each),
        "; ".join(differs),
        interval is not None and (interval.low > 0 or interval.high < 0) and measure.enough(differ),
    )
