"""Every question about jobs: their state, what they wait for, read and left behind, and their metrics.

State is derived from attempts by one expression, STATE. An attempt whose process is known to be dead on this host, while no
worker is there to write that down, counts as lost: a list never says that something runs when nothing does.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, text
from sqlalchemy.engine import Connection

from o1coder.clock import age_s
from o1coder.errors import LabError
from o1coder.jobs import alive, launch, log
from o1coder.lab import Lab
from o1coder.queries import job_filter, job_links, pulses
from o1coder.queries.ids import ids_of
from o1coder.queries.job_filter import STATES

FINAL = ("done", "failed", "cancelled", "lost")

LAST = "LEFT JOIN attempt last ON last.job_id = job.id AND last.n = (SELECT max(n) FROM attempt WHERE job_id = job.id)"
STATE = """CASE
    WHEN last.id IS NULL OR (last.outcome IS NULL AND last.pid IS NULL)
      OR (last.outcome IS NOT NULL AND last.n < job.attempts_wanted)
    THEN CASE WHEN job.cancel_requested THEN 'cancelled' ELSE 'queued' END
    WHEN last.outcome IS NULL THEN CASE WHEN last.id IN :dead THEN 'lost' ELSE 'running' END
    ELSE last.outcome END"""
# Every job with its run, its state and its last attempt, named as in JobView where it can be.
ALL = (
    f"SELECT job.*, run.name AS run, {STATE} AS state, last.id AS attempt_id, last.n, "
    "last.done, last.total, last.started_at, last.ended_at, last.heartbeat_at, last.host, last.pid, "
    "last.exit_status, last.error_kind, last.error, last.hint, last.stopped, "
    "(SELECT min(started_at) FROM attempt WHERE job_id = job.id) AS first_started_at, "
    "(SELECT count(*) FROM attempt WHERE job_id = job.id) AS attempts "
    f"FROM job LEFT JOIN run ON run.id = job.run_id {LAST}"
)
# Hidden: an iteration behind the one that a later attempt went on from (it has been, or will be, done again), and whatever
# was said of the same iteration before.
VISIBLE_METRIC = """NOT EXISTS (SELECT 1 FROM attempt later WHERE later.job_id = metric.job_id
      AND later.n > metric.attempt AND metric.iteration > later.resumed_from_iteration)
    AND metric.id IN (SELECT max(id) FROM metric WHERE job_id = :job GROUP BY iteration, name)"""


class JobView(NamedTuple):
    """A job as the CLI and the TUI show it; the last attempt's fields where there is one."""

    id: int
    run: str | None
    round: int | None
    stage: str
    key: str | None
    state: str
    waiting_for: str | None
    config: dict[str, Any]
    seed: int
    author: str
    attempts: int
    done: int
    total: int
    created_at: str
    started_at: str | None  # of the first attempt
    attempt_started_at: str | None
    ended_at: str | None
    heartbeat_age_s: float | None
    host: str | None
    pid: int | None
    gpus: tuple[str, ...]
    exit_status: int | None
    error_kind: str | None
    error: str | None
    hint: str | None
    stopped: str | None
    cancel_requested: bool
    inputs: dict[str, int | list[int]]
    outputs: dict[str, list[int]]
    log: str
    stuck_trees: int  # open ones that have been silent for too long (queries/pulses.py)

    def as_json(self) -> dict[str, Any]:
        """The job object of the command line's contract."""
        failed = self.error_kind is not None
        return {
            "id": self.id,
            "run": self.run,
            "round": self.round,
            "stage": self.stage,
            "state": self.state,
            "waiting_for": self.waiting_for,
            "config": self.config,
            "seed": self.seed,
            "attempts": self.attempts,
            "progress": {"done": self.done, "total": self.total},
            "created_at": self.created_at,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "heartbeat_age_s": self.heartbeat_age_s,
            "host": self.host,
            "pid": self.pid,
            "gpus": list(self.gpus),
            "exit_status": self.exit_status,
            "error": {"kind": self.error_kind, "message": self.error, "hint": self.hint} if failed else None,
            "stopped": self.stopped,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "log": self.log,
            "stuck_trees": self.stuck_trees,
        }


def jobs(
    lab: Lab,
    *,
    state: str | None = None,
    run: str | None = None,
    limit: int | None = None,
    after: int | None = None,
    newest: bool = False,
    ids: Sequence[int] | None = None,
    query: str = "",
    brief: bool = False,
) -> list[JobView]:
    """Jobs by id, paged by key: `after` is the last id of the page before; `newest` goes from the newest down; `query` is in
    the language of job_filter.py. `brief` leaves out what a job made: a search may have made 100,000 trees.

    LabError when `state` is no state, there is no such run, or the query is not understood.
    """
    if state is not None and state not in STATES:
        raise LabError(f"there is no state {state!r}", f"states: {', '.join(STATES)}")
    asked, given = job_filter.condition(job_filter.parse(query))
    with lab.reading() as connection:
        if run is not None and not connection.execute(text("SELECT 1 FROM run WHERE name = :n"), {"n": run}).first():
            raise LabError(f"there is no run {run!r}", "`o1coder runs` lists them")
        post = launch.worker(lab.home)
        dead = [] if post is not None else dead_attempts(connection)
        where = [asked]
        if state is not None:
            where.append("state = :state")
        if run is not None:
            where.append("run = :run")
        if after is not None:
            where.append("id < :after" if newest else "id > :after")
        if ids is not None:
            where.append("id IN :ids")
        sql = text(
            f"SELECT * FROM ({ALL}) WHERE {' AND '.join(where)} ORDER BY id {'DESC' if newest else 'ASC'} LIMIT :limit"
        ).bindparams(bindparam("dead", expanding=True))
        values: dict[str, Any] = {"dead": dead, "limit": -1 if limit is None else limit}
        values |= given | {k: v for k, v in {"state": state, "run": run, "after": after}.items() if v is not None}
        if ids is not None:
            sql, values["ids"] = sql.bindparams(bindparam("ids", expanding=True)), list(ids)
        rows = connection.execute(sql, values).mappings().all()
        found = [int(row["id"]) for row in rows]
        inputs, gpus = job_links.inputs(connection, found), job_links.gpus(connection, found)
        outputs = {} if brief else job_links.outputs(connection, found)
        stuck = pulses.stuck(connection, [int(row["id"]) for row in rows if row["state"] == "running"])
    return [_view(lab, row, post, inputs, outputs, gpus, stuck) for row in rows]


def matching(lab: Lab, query: str = "") -> array[int]:
    """The ids of the jobs that a query asks for, newest first. LabError names the word that is not understood."""
    asked, given = job_filter.condition(job_filter.parse(query, typing=True))
    with lab.reading() as connection:
        if asked == "1":
            return ids_of(connection, "SELECT id FROM job ORDER BY id DESC")
        dead = [] if launch.worker(lab.home) is not None else dead_attempts(connection)
        sql = text(f"SELECT id FROM ({ALL}) WHERE {asked} ORDER BY id DESC").bindparams(
            bindparam("dead", expanding=True)
        )
        return array("q", (row[0] for row in connection.execute(sql, given | {"dead": dead})))


def job(lab: Lab, job_id: int) -> JobView:
    """One job. LabError when there is none of that id."""
    found = jobs(lab, ids=[job_id])
    if not found:
        raise LabError(f"there is no job {job_id}", "`o1coder jobs list` shows those there are")
    return found[0]


def state_of(connection: Connection, job_id: int) -> str:
    """The state that the rows alone give: what a worker still has to notice counts as running. LabError: no such job."""
    query = text(f"SELECT {STATE} FROM job {LAST} WHERE job.id = :id").bindparams(bindparam("dead", expanding=True))
    found = connection.execute(query, {"id": job_id, "dead": []}).scalar()
    if found is None:
        raise LabError(f"there is no job {job_id}", "`o1coder jobs list` shows those there are")
    return str(found)


class MetricPoint(NamedTuple):
    """One number of one iteration; `id` pages: ask again with `after=id` for what came since."""

    id: int
    attempt: int
    iteration: int
    name: str
    value: float


def metrics(lab: Lab, job_id: int, name: str | None = None, after: int = 0) -> list[MetricPoint]:
    """The metrics of a job in iteration order, without those that a later attempt repeated."""
    query = text(
        "SELECT id, attempt, iteration, name, value FROM metric WHERE job_id = :job AND id > :after "
        f"AND (:name IS NULL OR name = :name) AND {VISIBLE_METRIC} ORDER BY iteration, id"
    )
    with lab.reading() as connection:
        rows = connection.execute(query, {"job": job_id, "after": after, "name": name}).all()
    return [MetricPoint(*row) for row in rows]


class AttemptView(NamedTuple):
    """One process that tried a job."""

    n: int
    host: str
    pid: int | None
    started_at: str
    ended_at: str | None
    heartbeat_at: str
    done: int
    total: int
    resumed_from_iteration: int | None
    outcome: str | None
    stopped: str | None
    exit_status: int | None
    error_kind: str | None
    error: str | None
    hint: str | None
    code_digest: str
    versions: dict[str, str]


def attempts(lab: Lab, job_id: int) -> list[AttemptView]:
    """The attempts of a job, oldest first."""
    columns = ", ".join(AttemptView._fields)
    with lab.reading() as connection:
        rows = connection.execute(text(f"SELECT {columns} FROM attempt WHERE job_id = :id ORDER BY n"), {"id": job_id})
        return [AttemptView._make([*row[:-1], json.loads(row[-1])]) for row in rows]


def dead_attempts(connection: Connection) -> list[int]:
    """Attempts without an outcome whose process is known to be gone."""
    rows = connection.execute(
        text("SELECT id, host, boot_id, pid, create_time FROM attempt WHERE outcome IS NULL AND pid IS NOT NULL")
    )
    return [row.id for row in rows if alive.is_alive(row.host, row.boot_id, row.pid, row.create_time) is False]


def _view(
    lab: Lab,
    row: Any,
    post: launch.Post | None,
    inputs: dict[int, dict[str, int | list[int]]],
    outputs: dict[int, dict[str, list[int]]],
    gpus: dict[int, tuple[str, ...]],
    stuck: dict[int, int],
) -> JobView:
    number, state = int(row["id"]), str(row["state"])
    return JobView(
        id=number,
        run=row["run"],
        round=row["round"],
        stage=row["stage"],
        key=row["key"],
        state=state,
        waiting_for=_waiting_for(row, post) if state == "queued" else None,
        config=json.loads(row["config"]),
        seed=row["seed"],
        author=row["author"],
        attempts=row["attempts"],
        done=row["done"] or 0,
        total=row["total"] or 0,
        created_at=row["created_at"],
        started_at=row["first_started_at"],
        attempt_started_at=row["started_at"],
        ended_at=row["ended_at"] if state in FINAL else None,
        heartbeat_age_s=round(age_s(row["heartbeat_at"]), 3) if state == "running" else None,
        host=row["host"],
        pid=row["pid"],
        gpus=gpus.get(number, ()),
        exit_status=row["exit_status"] if state in FINAL else None,
        error_kind=row["error_kind"] if state in FINAL else None,
        error=row["error"] if state in FINAL else None,
        hint=row["hint"] if state in FINAL else None,
        stopped=row["stopped"] if state in FINAL else None,
        cancel_requested=bool(row["cancel_requested"]),
        inputs=inputs.get(number, {}),
        outputs=outputs.get(number, {"checkpoints": [], "datasets": [], "trees": []}),
        log=str(log.path_of(lab.home, number)),
        stuck_trees=stuck.get(number, 0),
    )


def _waiting_for(row: Any, post: launch.Post | None) -> str | None:
    if post is None:
        return "a worker"
    if row["attempt_id"] is not None and row["pid"] is None:
        return "its process to start"
    if row["gpus"] and post.gpus:
        return "a GPU"
    return "a CPU slot" if row["slots"] or row["gpus"] else None
