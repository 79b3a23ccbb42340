"""jobs list|show|log|cancel|retry|wait, and worker."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from o1coder.cli import NO, OK, home_of
from o1coder.commands import show
from o1coder.errors import LabError

COLUMNS = ("id", "run", "round", "stage", "state", "progress", "attempts", "error")


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    if name == "worker":
        parser.parse_args(words)
        options = parser.parse_args(words)
        from o1coder.jobs import worker

        return int(worker.main(["--home", str(home_of(options)), "--foreground"]))
    parser.add_argument("verb", choices=("list", "show", "log", "cancel", "retry", "wait"))
    parser.add_argument("id", nargs="?", type=int)
    parser.add_argument("--state")
    parser.add_argument("--run")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--after", type=int)
    options = parser.parse_args(words)
    from o1coder.queries import jobs

    lab = show.open_lab(options, write=options.verb in ("cancel", "retry", "wait"))
    if options.verb == "list":
        if options.state is not None and options.state not in jobs.STATES:
            raise LabError(f"there is no state {options.state!r}", f"states: {', '.join(jobs.STATES)}")
        rows = jobs.jobs(lab, state=options.state, run=options.run, limit=options.limit, after=options.after)
        show.table(options, [row.as_json() for row in rows], COLUMNS, empty="no jobs")
        return OK
    if options.id is None:
        raise LabError(f"jobs {options.verb} needs a job's id", "`o1coder jobs list` shows them")
    job = jobs.job(lab, options.id)
    if options.verb == "log":
        return _log(options, lab.home, job.id)
    if options.verb in ("cancel", "retry"):
        from o1coder.jobs import verbs

        (verbs.cancel if options.verb == "cancel" else verbs.retry)(lab, job.id)
        job = jobs.job(lab, job.id)
    elif options.verb == "wait":
        from o1coder.jobs import verbs

        job = verbs.wait(lab, job.id)
    show.value(options, job.as_json())
    return NO if options.verb == "wait" and job.state != "done" else OK


def _log(options: Namespace, home: object, job_id: int) -> int:
    from pathlib import Path

    from o1coder.jobs import log

    assert isinstance(home, Path)
    file = log.path_of(home, job_id)
    if show.as_json(options):
        show.value(options, {"id": job_id, "log": str(file), "text": log.tail(file, lines=1000).text})
        return OK
    offset = 0
    while True:
        chunk = log.read(file, offset)
        if chunk.end == offset:
            return OK
        sys.stdout.write(show.harmless(chunk.text))
        offset = chunk.end
