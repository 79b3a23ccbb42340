"""Labs that every stage can start in, and one job of one run: with a kill or without, and what it left."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import checkpoints
from o1coder.canonical import canonical
from o1coder.jobs import alive, verbs
from o1coder.lab import Lab
from o1coder.problems.record import NewProblem
from o1coder.problems.shipped import read
from o1coder.problems.store import add_problem
from o1coder.queries import jobs as questions
from o1coder.queries import problems, trees
from o1coder.rows import By
from o1coder.trees import canonical_json, export_rows
from tests.crash.boundary import CROSSED, FIRED, PLAN, Plan
from tests.crash.worker import stop_worker

PATIENCE_S = 600.0
LEAVING_S = 60.0
ME = By(author="tester")
PROBLEMS = (
    *("sum-list", "double-number", "largest-number", "text-length"),
    *("count-words", "is-negative", "sign-of", "add-pairs"),
    *("a-minus-b", "square-number", "count-letter"),
)
# Counted once, whatever was killed. (A row of `blob` is a left-over's at worst; attempts and metrics differ by nature.)
FACTS = (
    "problem program program_origin test_case test_set test_set_item tree tree_end completion step rollout label score "
    "generated_case verdict dataset dataset_item dataset_label dataset_path checkpoint evaluation evaluation_item "
    "decision job job_input"
).split()


def add_problems(lab: Lab) -> None:
    """A few easy problems of every split."""
    with lab.writing() as connection:
        for problem in read():
            assert isinstance(problem, NewProblem)
            if problem.source_key in PROBLEMS:
                add_problem(connection, problem, ME)


def first_train_problem(lab: Lab) -> int:
    """The one that RL takes when it may take one."""
    with lab.reading() as connection:
        return problems.select(connection, split="train", slice=None, limit=1)[0]


def add_stand_in(lab: Lab, scratch: Path, role: checkpoints.Role) -> int:
    """A checkpoint without weights, for stages that look at its name alone (`fake:SEED`)."""
    scratch.mkdir()
    (scratch / "config.json").write_text(json.dumps({"role": role}))
    start = checkpoints.Weights(0, role, "", 0, "", scratch, None, None)
    done = {"format": "full", "iterations": 0}
    return checkpoints.record(lab, scratch, done, role=role, start=start, parent_id=None, prompt=None, by=ME)


class Left(NamedTuple):
    """What a job left: its trees as `trees export --job` prints them, counts of facts, what must not differ otherwise."""

    trees: str
    counts: dict[str, int]
    facts: str
    files: dict[str, str]


class Ran(NamedTuple):
    """A job that ended, the boundaries that it crossed, in order, and the processes that would not go: {job: pids}."""

    job: questions.JobView
    left: Left
    crossed: list[str]
    fired: str | None
    living: dict[int, list[int]]


def run(template: Path, home: Path, stage: str, config: Mapping[str, Any], plan: Plan | None = None) -> Ran:
    """Copy a lab, run one job in it to its end, and look at what is there."""
    shutil.copytree(template, home)
    if plan is not None:
        (home / PLAN).write_text(json.dumps(plan))
    lab = Lab(home)
    try:
        values = json.loads(json.dumps(config).replace("HOME", str(home)))
        job_id = verbs.enqueue(lab, stage, values, run="crash")
        return wait(lab, job_id)
    finally:
        stop_worker(lab)
        for pids in alive.marked(lab.home).values():
            alive.send(pids, signal.SIGKILL)
        lab.close()


def wait(lab: Lab, job_id: int) -> Ran:
    """The job once it has ended. No time limit decides anything: the patience is for a test that hangs."""
    job = verbs.wait(lab, job_id, timeout_s=PATIENCE_S)
    fired = lab.home / FIRED
    until = time.monotonic() + LEAVING_S  # a child writes its outcome, then leaves
    while (living := alive.marked(lab.home)) and time.monotonic() < until:
        time.sleep(0.05)
    return Ran(
        job,
        left(lab, job_id),
        (lab.home / CROSSED).read_text().splitlines(),
        fired.read_text() if fired.exists() else None,
        living,
    )


def left(lab: Lab, job_id: int) -> Left:
    """What a job left in its lab."""
    with lab.reading() as connection:
        ids = trees.of_job(connection, job_id)
        export = b"".join(canonical_json(export_rows(connection, i)) + b"\n" for i in ids)
        counts = {name: _count(connection, name) for name in FACTS}
        facts = canonical([_rows(connection, sql) for sql in _SAME])
    files = {
        str(path.relative_to(lab.home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in (lab.home / "out", *lab.home.glob("jobs/*/rejected.jsonl"))
        for path in ([folder] if folder.is_file() else sorted(folder.rglob("*")))
        if path.is_file()
    }
    return Left(hashlib.sha256(export).hexdigest(), counts, facts, files)


# By what names it, not by its id: ids are spent by what was rolled back.
_SAME = (
    "SELECT digest, kind, rows FROM dataset ORDER BY 1, 2",
    "SELECT role, format, iteration FROM checkpoint ORDER BY 1, 2, 3",
    "SELECT e.split, e.mode, e.n, e.tokens_in, e.tokens_out, IIF(e.mode = 'search', 0, e.sandbox_runs), p.source_key, "
    "i.n, i.c, i.masked, i.complete "
    "FROM evaluation e JOIN evaluation_item i ON i.evaluation_id = e.id JOIN problem p ON p.id = i.problem_id "
    "ORDER BY 1, 2, 7",
    "SELECT p.source_key, s.purpose, s.digest FROM test_set s JOIN problem p ON p.id = s.problem_id ORDER BY 1, 2, 3",
    "SELECT stage, key, config FROM job WHERE stage <> 'export' ORDER BY id",
    "SELECT outcome, round FROM decision ORDER BY 1, 2",
)


def _count(connection: Connection, name: str) -> int:
    """Rows of a table, those of RL's repeated groups left out."""
    return int(connection.exec_driver_sql(f"SELECT COUNT(*) {_COUNTED.get(name, f'FROM {name}')}").scalar() or 0)


_OF_TREE = f"JOIN tree x ON x.id = t.tree_id WHERE {trees.NOT_REPEATED}"
_COUNTED = {
    "tree": f"FROM tree x WHERE {trees.NOT_REPEATED}",
    **{name: f"FROM {name} t {_OF_TREE}" for name in ("completion", "step", "rollout")},
    "score": f"FROM score c JOIN step t ON t.id = c.step_id {_OF_TREE}",
}


def _rows(connection: Connection, sql: str) -> list[list[Any]]:
    return [list(row) for row in connection.exec_driver_sql(sql)]


def prepare(lab: Lab, stage: str, **config: Any) -> None:
    """Run a job that must succeed, for what it leaves."""
    ran = wait(lab, verbs.enqueue(lab, stage, config))
    assert ran.job.state == "done", ran.job


def finished(lab: Lab) -> Path:
    """A lab that will be copied: nothing runs in it, all is in one file, and nothing was noted."""
    stop_worker(lab)
    home = lab.home
    lab.close()
    (home / CROSSED).unlink(missing_ok=True)
    for left_over in home.glob("worker-*.lock"):
        left_over.unlink()
    return home
