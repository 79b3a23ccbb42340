"""runs list|show|compare|xray: experiments, their jobs that report metrics, several beside each other, and the reward
of one taken apart."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import Any

from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.plain import aligned
from o1coder.commands.verbs import Verbs, count, paging, row_id
from o1coder.commands.xray import print_xray
from o1coder.queries import curves, rounds, runs

RUNS = ("id", "name", "rounds", "jobs", "author", "created_at")
JOBS = ("id", "round", "stage", "state", "metric", "n", "final", "best", "best_at")


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser, default="list")
    paging(noun.add("list", _list, "runs by id"))
    noun.add("show", _show, "a run's jobs that report metrics, with the figure asked first of each").add_argument(
        "name", metavar="NAME", help="the run"
    )
    compare = noun.add("compare", _compare, "one metric of several jobs, their figures, and what differs between them")
    compare.add_argument("jobs", nargs="+", type=row_id, metavar="JOB", help=f"one to {runs.MOST} jobs")
    compare.add_argument("--metric", metavar="NAME", help="which metric (default: the one asked first of their stage)")
    compare.add_argument("--x", choices=("iteration", "time"), default="iteration", help="time: seconds of training")
    compare.add_argument("--smooth", type=_weight, default=0.0, metavar="W", help="moving average, weight of the past")
    compare.add_argument("--points", type=count, default=runs.COLUMNS, metavar="N", help="at most 2·N points a curve")
    ray = noun.add("xray", print_xray, "the reward of a job's rollouts: by iteration, by term, against audit tests")
    ray.add_argument("job", type=row_id, metavar="JOB", help="a job that made rollouts (rl, synthesize, evaluate)")
    ray.add_argument("--iteration", type=row_id, metavar="N", help="its groups of rollouts (a search has none: 0)")
    ray.add_argument("--tree", type=row_id, metavar="ID", help="one group's rollouts, each with its terms and steps")
    return noun.run(words)


def _weight(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise ArgumentTypeError(f"{text!r} is no weight from 0 to below 1")
    return value


def _list(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        found = [row for row in rounds.runs(connection) if row.id > options.after][: options.limit]
    show.table(options, [row._asdict() for row in found], RUNS, empty="no runs")
    return OK


def _show(options: Namespace) -> int:
    lab = show.open_lab(options)
    with lab.reading() as connection:
        number = rounds.run_id(connection, options.name)
        [row] = [one for one in rounds.runs(connection) if one.id == number]
    told = [_job(one) for one in runs.of_run(lab, options.name)]
    if show.as_json(options):
        show.value(options, row._asdict() | {"jobs_with_metrics": told})
    else:
        show.table(options, told, JOBS, empty="no job of this run reports metrics")
    return OK


def _job(one: runs.RunJob) -> dict[str, Any]:
    figure = one.figure
    return {
        "id": one.job.id,
        "round": one.job.round,
        "stage": one.job.stage,
        "state": one.job.state,
        "metric": one.metric,
        "n": None if figure is None else figure.n,
        "final": None if figure is None else figure.final,
        "best": None if figure is None else figure.best,
        "best_at": None if figure is None else figure.best_at,
    }


def _compare(options: Namespace) -> int:
    found = runs.compare(
        show.open_lab(options),
        options.jobs,
        metric=options.metric,
        axis=options.x,
        smoothing=options.smooth,
        columns=options.points,
    )
    show.value(options, as_json(found), _lines(found))
    return OK


def as_json(found: runs.Comparison) -> dict[str, Any]:
    """The object that `runs compare --json` prints."""
    return {
        "jobs": [
            {"id": job.id, "run": job.run, "round": job.round, "stage": job.stage, "state": job.state, "seed": job.seed}
            for job in found.jobs
        ],
        "metric": found.metric,
        "x": found.axis,
        "smoothing": found.smoothing,
        "metrics": found.metrics,
        "series": [
            {"job": one.job, "n": one.n, "points": [list(point) for point in zip(one.xs, one.ys, strict=True)]}
            for one in found.series
        ],
        "figures": {
            name: [None if one is None else one._asdict() for one in beside] for name, beside in found.figures.items()
        },
        "pass_at_1": [one._asdict() for one in found.passing],
        "differing": [{"field": one.field, "values": list(one.values)} for one in found.differing],
    }


def _lines(found: runs.Comparison) -> list[str]:
    heads = [f"job {job.id}" for job in found.jobs]
    out = ["what differs"]
    out += aligned(
        [{"field": d.field} | dict(zip(heads, map(_short, d.values), strict=True)) for d in found.differing],
        ["field", *heads],
    )
    out += ["", "final value, best value @ its iteration, n iterations"]
    lines = [
        {"metric": name} | {head: _figure(one) for head, one in zip(heads, beside, strict=True)}
        for name, beside in found.figures.items()
    ]
    for one in found.passing:
        bounds = "" if one.low is None else f" [{one.low:.2f}, {one.high:.2f}]"
        lines.append(
            {"metric": f"pass@1 {one.split} {one.mode}"}
            | {h: f"{one.value:.2f}{bounds} n={one.problems}" if h == f"job {one.job}" else "" for h in heads}
        )
    return out + aligned(lines, ["metric", *heads])


def _figure(one: curves.Figure | None) -> str:
    if one is None:
        return "-"
    best = "" if one.best is None else f", best {one.best:.4g} @{one.best_at}"
    return f"{one.final:.4g}{best}, n={one.n}"


def _short(value: Any) -> Any:
    return value[:19] if isinstance(value, str) and value.startswith("sha256:") else value
