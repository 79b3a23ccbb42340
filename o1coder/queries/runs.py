"""Jobs that report metrics, and several of them beside each other: one metric's curves, figures with their n, and only
those settings in which they differ.

A job is compared as it stands: a curve that still grows is asked for again. Which of two runs is better is not decided
here; the gate does that, on problems (loop.py).
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.measure import bootstrap_mean
from o1coder.queries import checkpoints, curves, jobs
from o1coder.queries.curves import Axis, Curve, Figure

MOST = 6
COLUMNS = 120


class RunJob(NamedTuple):
    """A job with the figure of its main metric."""

    job: jobs.JobView
    metric: str | None
    figure: Figure | None


class Difference(NamedTuple):
    """A setting and its value in each job; None where a job has none."""

    field: str
    values: tuple[Any, ...]


class Compared(NamedTuple):
    """One job's curve of the metric, thinned; `n` counts its points before."""

    job: int
    n: int
    xs: list[float]
    ys: list[float]


class Passing(NamedTuple):
    """pass@1 of what a job trained: of its newest evaluation on a split in a mode, the interval over problems."""

    job: int
    checkpoint: int
    split: str
    mode: str
    value: float
    low: float | None
    high: float | None
    problems: int


class Comparison(NamedTuple):
    """Jobs beside each other. `figures` is by metric, a figure or None a job; `passing` is of those that were evaluated."""

    jobs: list[jobs.JobView]
    metrics: list[str]
    metric: str
    axis: Axis
    smoothing: float
    series: list[Compared]
    figures: dict[str, tuple[Figure | None, ...]]
    differing: list[Difference]
    passing: list[Passing]


def job_ids(connection: Connection, query: str = "") -> array[int]:
    """Jobs that report metrics or searched, newest first; words and stage:, run: narrow them. LabError: another field."""
    searched = "(j.stage = 'synthesize' AND EXISTS (SELECT 1 FROM tree x WHERE x.job_id = j.id))"
    parts = [f"(EXISTS (SELECT 1 FROM metric m WHERE m.job_id = j.id) OR {searched})"]
    values: list[str] = []
    for word in query.split():
        field, colon, text = word.partition(":")
        if not colon:
            parts.append("(j.stage LIKE ? OR r.name LIKE ? OR CAST(j.id AS TEXT) = ?)")
            values += [f"%{word}%", f"%{word}%", word]
        elif field == "stage":
            parts.append("j.stage = ?")
            values.append(text)
        elif field == "run":
            parts.append("r.name = ?")
            values.append(text)
        else:
            raise LabError(f"there is no field {field!r} here", "write words, stage:rl, run:NAME")
    sql = f"SELECT j.id FROM job j LEFT JOIN run r ON r.id = j.run_id WHERE {' AND '.join(parts)} ORDER BY j.id DESC"
    return array("q", (row[0] for row in connection.exec_driver_sql(sql, tuple(values))))


def rows(lab: Lab, ids: Sequence[int], known: Mapping[int, RunJob] | None = None) -> list[RunJob]:
    """These jobs with the figure of their main metric. What is `known` of a job that has ended is not asked again."""
    found = jobs.jobs(lab, ids=ids) if ids else []
    with lab.reading() as connection:
        return [_known(job, (known or {}).get(job.id)) or _row(connection, job) for job in found]


def _known(job: jobs.JobView, before: RunJob | None) -> RunJob | None:
    if before is None or job.state not in jobs.FINAL:
        return None
    same = (before.job.state, before.job.attempts) == (job.state, job.attempts)
    return before._replace(job=job) if same else None


def of_run(lab: Lab, name: str) -> list[RunJob]:
    """The jobs of a run that report metrics. LabError: no such run."""
    return [one for one in rows(lab, [job.id for job in jobs.jobs(lab, run=name)]) if one.metric is not None]


def _row(connection: Connection, job: jobs.JobView) -> RunJob:
    metric = curves.main_of(job.stage, curves.names(connection, job.id))
    figure = None if metric is None else curves.figures(connection, job.id, metric).get(metric)
    return RunJob(job, metric, figure)


def compare(
    lab: Lab,
    ids: Sequence[int],
    *,
    metric: str | None = None,
    axis: Axis = "iteration",
    smoothing: float = 0.0,
    columns: int = COLUMNS,
) -> Comparison:
    """Jobs beside each other. LabError: none or too many, one that is not there or reports nothing, a metric of none."""
    if not 1 <= len(set(ids)) <= MOST:
        raise LabError(f"one to {MOST} jobs are compared, not {len(set(ids))}", "`o1coder jobs list` shows them")
    chosen = [jobs.job(lab, number) for number in dict.fromkeys(ids)]
    with lab.reading() as connection:
        named = {job.id: curves.names(connection, job.id) for job in chosen}
        for job in chosen:
            if not named[job.id]:
                raise LabError(f"job {job.id} ({job.stage}) reports no metrics", "choose one that trains or measures")
        offered = shared_first([named[job.id] for job in chosen])
        metric = metric or next((m for job in chosen if (m := curves.main_of(job.stage, offered))), offered[0])
        if metric not in offered:
            raise LabError(f"none of these jobs reports {metric!r}", f"they report {', '.join(offered[:12])}")
        figures = {job.id: curves.figures(connection, job.id) for job in chosen}
        lines = [curves.curve(connection, job.id, metric) for job in chosen]
        clocks = [curves.curve(connection, job.id, curves.CLOCK) for job in chosen] if axis == "time" else []
        series = drawn(lines, clocks, smoothing, columns)
        differing = differences(connection, lab, chosen)
        measured = [one for job in chosen for one in passing(connection, job)]
    beside = {name: tuple(figures[job.id].get(name) for job in chosen) for name in offered}
    return Comparison(chosen, offered, metric, axis, smoothing, series, beside, differing, measured)


def passing(connection: Connection, job: jobs.JobView) -> list[Passing]:
    """What the policies that a job left came to, by split and mode."""
    found: dict[tuple[str, str], Passing] = {}
    for checkpoint in job.outputs["checkpoints"]:
        for one in checkpoints.evaluations(connection, checkpoint=checkpoint):  # the newest first
            items = checkpoints.evaluation_items(connection, one.id)
            rates = [c / n for _, n, c, *_ in items if n]
            if one.official or one.mode == "cases" or not rates or (one.split, one.mode) in found:
                continue
            interval = bootstrap_mean(rates)
            low, high = (None, None) if interval is None else (interval.low, interval.high)
            value = sum(rates) / len(rates)
            found[one.split, one.mode] = Passing(job.id, checkpoint, one.split, one.mode, value, low, high, len(rates))
    return list(found.values())


def shared_first(reported: Sequence[Sequence[str]]) -> list[str]:
    """Every metric that some job reports: those of all jobs first, in the order of their names."""
    every = sorted({name for names in reported for name in names})
    return sorted(every, key=lambda name: -sum(name in names for names in reported))


def drawn(lines: Sequence[Curve], clocks: Sequence[Curve], smoothing: float, columns: int) -> list[Compared]:
    """Curves as they are drawn: over iterations (no clocks) or seconds, smoothed whole, then thinned."""
    out: list[Compared] = []
    for number, line in enumerate(lines):
        xs, ys = curves.at_time(line, clocks[number]) if clocks else (line.xs, line.ys)
        out.append(Compared(line.job, len(line.xs), *curves.thin(xs, curves.smooth(ys, smoothing), columns)))
    return out


def differences(connection: Connection, lab: Lab, chosen: Sequence[jobs.JobView]) -> list[Difference]:
    """Only what differs: config fields, seed, data, code, versions, machine; in that order."""
    told = [settings(connection, lab, job) for job in chosen]
    names = list(dict.fromkeys(name for one in told for name in one))
    found = [Difference(name, tuple(one.get(name) for one in told)) for name in names]
    return [one for one in found if len({json.dumps(value, sort_keys=True) for value in one.values}) > 1]


def settings(connection: Connection, lab: Lab, job: jobs.JobView) -> dict[str, Any]:
    """What a job was asked and ran with, flat: config fields by their dotted names, then data, code, versions, machine."""
    out: dict[str, Any] = {"stage": job.stage, **_flat(job.config), "seed": job.seed}
    for kind, rows_, digest in connection.exec_driver_sql(
        "SELECT d.kind, d.rows, d.digest FROM dataset d WHERE d.job_id = ? ORDER BY d.id", (job.id,)
    ):
        out |= {f"data.{kind}.rows": rows_, f"data.{kind}.digest": digest}
    tried = jobs.attempts(lab, job.id)
    if tried:
        last = tried[-1]
        out |= {"code": last.code_digest} | {f"versions.{name}": value for name, value in last.versions.items()}
        out |= {"host": last.host, "gpus": " ".join(job.gpus) or None, "attempts": len(tried)}
    return out


def _flat(config: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            out |= _flat(value, f"{before}{name}.")
        else:
            out[before + name] = value
    return out
