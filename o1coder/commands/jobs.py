"""jobs list|show|usage|log|cancel|retry|wait, and worker."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from o1coder.cli import NO, OK, home_of
from o1coder.commands import plain, show
from o1coder.commands.verbs import Verbs, paging, row_id
from o1coder.errors import LabError
from o1coder.jobs import log, verbs
from o1coder.queries import job_filter, jobs

COLUMNS = ("id", "run", "round", "stage", "state", "progress", "attempts", "error")


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    if name == "worker":
        return _worker(parser.parse_args(words))
    noun = Verbs(parser)
    listing = noun.add("list", _list, "jobs by id")
    listing.add_argument("--state", metavar="STATE", help=f"one of {', '.join(job_filter.STATES)}")
    listing.add_argument("--run", metavar="NAME", help="only this run's")
    listing.add_argument(
        "--query",
        metavar="Q",
        default="",
        help=f"words state:failed age<1h -word; fields: {' '.join(job_filter.ALLOWED)}",
    )
    listing.add_argument("--newest", action="store_true", help="from the newest down")
    paging(listing)
    usage = noun.add("usage", _usage, "CPU, memory and GPUs of this machine and of the jobs' processes")
    usage.add_argument("id", type=row_id, metavar="ID", nargs="?", help="only this job's processes")
    for verb, act, about in (
        ("show", _show, "one job: config, progress, what it read and left"),
        ("log", _log, "what a job has said"),
        ("cancel", _cancel, "ask that a job end"),
        ("retry", _retry, "ask for one more attempt of a job that did not get done"),
        ("wait", _wait, "wait for a job to end; exit 1 unless it is done"),
    ):
        noun.add(verb, act, about).add_argument("id", type=row_id, metavar="ID", help="a job's id")
    return noun.run(words)


def _worker(options: Namespace) -> int:
    if getattr(options, "readonly", False):
        raise LabError("a worker writes", "leave --readonly away")
    from o1coder.jobs import worker

    return int(worker.main(["--home", str(home_of(options)), "--foreground"]))


def _list(options: Namespace) -> int:
    lab = show.open_lab(options)
    found = jobs.jobs(
        lab,
        state=options.state,
        run=options.run,
        limit=options.limit,
        after=options.after or None,
        newest=options.newest,
        query=options.query,
    )
    rows = [job.as_json() if show.as_json(options) else _line(job) for job in found]
    show.table(options, rows, COLUMNS, empty="no jobs")
    return OK


def _line(job: jobs.JobView) -> dict[str, Any]:
    stuck = f", {job.stuck_trees} stuck" if job.stuck_trees else ""
    progress = f"{job.done}/{job.total}{stuck}" if job.total else None
    error = None if job.error_kind is None else f"{job.error_kind}: {job.error}"
    return job._asdict() | {"progress": progress, "error": error}


def _usage(options: Namespace) -> int:
    from o1coder.queries import usage

    found = usage.measured(show.open_lab(options), options.id)
    value = {
        "machine": found.machine._asdict(),
        "gpus": [gpu._asdict() for gpu in found.gpus],
        "processes": [process._asdict() for process in found.processes],
    }
    machine = found.machine
    lines = [
        f"{machine.host}: CPU {machine.cpu_percent:.0f} % of {machine.cores} cores, load {machine.load:.2f}, memory "
        f"{machine.memory_used_mb} of {machine.memory_total_mb} MB, {machine.disk_free_mb} MB of disk free"
    ]
    for gpu in found.gpus:
        said = [f"GPU {gpu.number} {gpu.name}:", "-" if gpu.percent is None else f"{gpu.percent} %,"]
        said.append(f"{gpu.memory_used_mb} of {gpu.memory_total_mb} MB" + (f", {gpu.celsius} C" if gpu.celsius else ""))
        said += [] if gpu.watts is None else [f", {gpu.watts:.0f} W"]
        said.append("free" if gpu.job is None else f"job {gpu.job}")
        lines.append(" ".join(said))
    if not found.gpus:
        lines.append("no NVIDIA GPU that can be asked")
    rows = [process._asdict() for process in found.processes]
    lines += plain.aligned(rows, ("job", "pid", "name", "cpu_percent", "rss_mb", "gpu_mb", "threads")) if rows else []
    show.value(options, value, lines)
    return OK


def _show(options: Namespace) -> int:
    show.value(options, jobs.job(show.open_lab(options), options.id).as_json())
    return OK


def _cancel(options: Namespace) -> int:
    lab = show.open_lab(options, write=True)
    verbs.cancel(lab, options.id)
    show.value(options, jobs.job(lab, options.id).as_json())
    return OK


def _retry(options: Namespace) -> int:
    lab = show.open_lab(options, write=True)
    verbs.retry(lab, options.id)
    show.value(options, jobs.job(lab, options.id).as_json())
    return OK


def _wait(options: Namespace) -> int:
    job = verbs.wait(show.open_lab(options, write=True), options.id)
    show.value(options, job.as_json())
    return OK if job.state == "done" else NO


def _log(options: Namespace) -> int:
    lab = show.open_lab(options)
    file = log.path_of(lab.home, jobs.job(lab, options.id).id)
    if show.as_json(options):
        show.value(options, {"id": options.id, "log": str(file), "text": log.tail(file, lines=1000).text})
        return OK
    offset = 0
    while (chunk := log.read(file, offset)).end != offset:
        sys.stdout.write(plain.harmless(chunk.text))
        offset = chunk.end
    return OK
