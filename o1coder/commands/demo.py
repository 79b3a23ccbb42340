"""demo: one whole self-play round on the starter problems with the embedded model; again: it resumes, or starts the next.

Everything it does is done by other commands: init, import, models fetch, run selfplay. In a terminal it opens the screens on
the running round; without one it prints progress and ends with the table, kept as demo.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from o1coder import embedded, recipes
from o1coder.cli import NO, OK, home_of
from o1coder.commands import models, show
from o1coder.commands.verbs import count
from o1coder.errors import LabError
from o1coder.jobs import verbs
from o1coder.jobs.launch import ensure_worker, environment
from o1coder.lab import DATABASE, Lab
from o1coder.queries import jobs, problems, rounds

RUN = "demo"


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run, resume or go on."""
    parser.add_argument(
        "--rounds",
        type=count,
        metavar="N",
        default=None,
        help="rounds of the run in all (default: one more than are done)",
    )
    parser.add_argument("--full", action="store_true", help="no budgets: hours rather than minutes")
    parser.add_argument("--no-screens", action="store_true", help="print progress even in a terminal")
    parser.add_argument("--out", type=Path, default=Path("demo.json"), help="where the figures go")
    options = parser.parse_args(words)
    home = home_of(options)
    if getattr(options, "readonly", False):
        raise LabError("demo writes", "leave --readonly away")
    if not options.out.resolve().parent.is_dir():
        raise LabError(
            f"there is no folder {options.out.parent} for the figures", "make it first, or name another --out"
        )
    lab = show.open_lab(options, write=True) if (home / DATABASE).exists() else Lab.create(home)
    prepare(lab)
    base = models.fetch(lab, embedded.NAME)
    job_id = start(lab, base, options.rounds, options.full)
    screens = sys.stdin.isatty() and sys.stdout.isatty() and not options.no_screens and not show.as_json(options)
    if screens:
        line = [sys.executable, "-P", "-m", "tui", "--home", str(lab.home)]
        subprocess.run(line, check=False, env=environment())
        if jobs.job(lab, job_id).state in ("queued", "running"):
            show.note("the round goes on; `o1coder demo` opens it again, `o1coder jobs list` shows it")
            return OK
    else:
        follow(lab, job_id)
    return conclude(lab, job_id, options.out, options)


def prepare(lab: Lab) -> None:
    """Bring the starter problems in, once."""
    with lab.reading() as connection:
        if problems.page(connection, query="source:starter", limit=1):
            return
    show.note("importing the starter problems")
    job_id = verbs.enqueue(lab, "import", {"source": "starter"})
    ensure_worker(lab)
    verbs.wait(lab, job_id)


def start(lab: Lab, base: int, wanted: int | None, full: bool) -> int:
    """The self-play job to follow: the unfinished one, tried again where it failed; else a new one for the next round."""
    with lab.reading() as connection:
        known = {row.name for row in rounds.runs(connection)}
        decided = 0
        while RUN in known and rounds.decision(connection, RUN, decided) is not None:
            decided += 1
    made = jobs.jobs(lab, run=RUN, newest=True, limit=1000) if RUN in known else []
    earlier = [job for job in made if job.stage == "selfplay"]
    for job in made:
        if job.stage != "selfplay" and job.state in ("failed", "cancelled", "lost"):
            verbs.retry(lab, job.id)
    if earlier and earlier[0].state != "done":
        if earlier[0].state in ("failed", "cancelled", "lost"):
            verbs.retry(lab, earlier[0].id)
        ensure_worker(lab)
        show.note(f"going on with job {earlier[0].id}")
        return earlier[0].id
    total = max(wanted or 0, decided + (wanted is None))
    total = max(total, 1)
    job_id = verbs.enqueue(lab, "selfplay", recipes.demo(base, total, full=full), run=RUN, key=f"{RUN}/rounds-{total}")
    ensure_worker(lab)
    return job_id


def follow(lab: Lab, job_id: int) -> None:
    """Print what starts, ends and how far it is, until the self-play job ends. ^C leaves everything running."""
    said: dict[int, str] = {}
    began = time.monotonic()
    beat = 0.0
    while True:
        job = verbs.wait(lab, job_id, timeout_s=1.0)
        for one in jobs.jobs(lab, run=RUN, limit=1000):
            if one.stage == "selfplay" or one.state == "queued":
                continue
            word = one.state + (f" (stopped at its {one.stopped})" if one.stopped else "")
            if said.get(one.id) != word:
                said[one.id] = word
                move = (one.key or one.stage).rpartition("/")[2]
                show.note(f"{time.monotonic() - began:6.0f} s  round {one.round}  {move:<14} {word}")
            elif one.state == "running" and one.total and time.monotonic() - beat > 20:
                beat = time.monotonic()
                show.note(f"{time.monotonic() - began:6.0f} s  … {one.stage} {one.done}/{one.total}")
        if job.state not in ("queued", "running"):
            return


def conclude(lab: Lab, job_id: int, out: Path, options: Any) -> int:
    """The table of the newest decided round, and demo.json."""
    from o1coder import report

    job = jobs.job(lab, job_id)
    with lab.reading() as connection:
        decided = [n for n in range(job.config["rounds"]) if rounds.decision(connection, RUN, n) is not None]
    if job.state != "done" or not decided:
        show.note(f"the round is {job.state}: {job.error or 'no word'}")
        show.note(job.hint or "`o1coder demo` goes on with it")
        return NO
    found = report.round_report(lab, RUN, decided[-1])
    partial = out.with_name(out.name + ".part")
    partial.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.rename(out)
    show.value(
        options,
        found,
        [*report.lines(found), "", f"figures: {out}   lab: {lab.home}   screens: o1coder --home {lab.home}"],
    )
    return OK
