"""Questions about runs and rounds: what is done, which policy stands, what the gate said, what everything cost."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.loop import Done

LAST = "a.n = (SELECT MAX(n) FROM attempt WHERE job_id = j.id)"


class RunRow(NamedTuple):
    """A run with how far it came."""

    id: int
    name: str
    author: str
    rounds: int
    jobs: int
    created_at: str


class DecisionRow(NamedTuple):
    """What the gate said of a round's policy."""

    id: int
    checkpoint: int
    round: int
    outcome: str
    evidence: dict[str, Any]


class StageCost(NamedTuple):
    """What one job of a round took and left."""

    move: str
    stage: str
    job: int
    state: str | None
    seconds: float | None
    stopped: str | None
    attempts: int
    tokens_in: int
    tokens_out: int
    sandbox_runs: int


def key(run: str, round: int, move: str) -> str:
    """The unique key of a move's job."""
    return f"{run}/{round}/{move}"


def run_id(connection: Connection, run: str) -> int:
    """A run's id. LabError when there is none of that name."""
    found = connection.exec_driver_sql("SELECT id FROM run WHERE name = ?", (run,)).scalar()
    if found is None:
        raise LabError(f"there is no run {run!r}", "`o1coder runs` lists them")
    return int(found)


def runs(connection: Connection) -> list[RunRow]:
    """All runs."""
    rows = connection.exec_driver_sql(
        "SELECT r.id, r.name, r.author, (SELECT COUNT(DISTINCT j.round) FROM job j WHERE j.run_id = r.id), "
        "(SELECT COUNT(*) FROM job j WHERE j.run_id = r.id), r.created_at FROM run r ORDER BY r.id"
    )
    return [RunRow(*row) for row in rows]


def done(connection: Connection, run: str, round: int) -> dict[str, Done]:
    """The finished moves of a round: job and the checkpoint it left."""
    prefix = key(run, round, "")
    rows = connection.exec_driver_sql(
        "SELECT j.key, j.id, (SELECT c.id FROM checkpoint c WHERE c.job_id = j.id ORDER BY c.id LIMIT 1) FROM job j "
        f"JOIN attempt a ON a.job_id = j.id AND {LAST} WHERE substr(j.key, 1, ?) = ? AND a.outcome = 'done'",
        (len(prefix), prefix),
    )
    return {row[0][len(prefix) :]: Done(row[1], row[2]) for row in rows}


def left_by(connection: Connection, run: str, round: int, move: str) -> int | None:
    """The checkpoint that a move of a round left."""
    found = done(connection, run, round).get(move)
    return None if found is None else found.checkpoint


def incumbent(connection: Connection, run: str, before: int) -> int | None:
    """Of the policies that the run's rounds before `before` left, the one accepted last; None: the base stands.

    The newest decision about a checkpoint counts, the gate's or a person's. What is decided while round `before` is under
    way is left out, so that all its moves have one answer.
    """
    prefix = key(run, before, "")
    found = connection.exec_driver_sql(
        "WITH said AS (SELECT d.checkpoint_id AS checkpoint, MAX(d.id) AS id FROM decision d WHERE d.created_at <= "
        "COALESCE((SELECT MIN(created_at) FROM job WHERE substr(key, 1, ?1) = ?2), d.created_at) GROUP BY d.checkpoint_id) "
        "SELECT c.id FROM said JOIN decision d ON d.id = said.id JOIN checkpoint c ON c.id = said.checkpoint "
        "JOIN job j ON j.id = c.job_id JOIN run r ON r.id = j.run_id "
        "WHERE r.name = ?3 AND j.round < ?4 AND d.outcome = 'accepted' AND c.role = 'policy' ORDER BY d.id DESC LIMIT 1",
        (len(prefix), prefix, run, before),
    ).scalar()
    return None if found is None else int(found)


def decision(connection: Connection, run: str, round: int) -> DecisionRow | None:
    """The gate's word on a round, or None."""
    row = connection.exec_driver_sql(
        "SELECT d.id, d.checkpoint_id, d.round, d.outcome, d.evidence FROM decision d JOIN run r ON r.id = d.run_id "
        "WHERE r.name = ? AND d.round = ? AND d.job_id IS NOT NULL ORDER BY d.id LIMIT 1",
        (run, round),
    ).first()
    return None if row is None else DecisionRow._make((*row[:4], json.loads(row[4])))


def evaluation_of(connection: Connection, run: str, checkpoint: int, mode: str, split: str) -> int | None:
    """The newest evaluation of a checkpoint by the run's own moves; what a person ran within it is none of them."""
    found = connection.exec_driver_sql(
        "SELECT e.id FROM evaluation e JOIN job j ON j.id = e.job_id JOIN run r ON r.id = j.run_id WHERE r.name = ?1 "
        "AND substr(j.key, 1, length(?1) + 1) = ?1 || '/' AND e.checkpoint_id = ?2 AND e.mode = ?3 AND e.split = ?4 "
        "ORDER BY e.id DESC LIMIT 1",
        (run, checkpoint, mode, split),
    ).scalar()
    return None if found is None else int(found)


def counts(connection: Connection, evaluation: int | None) -> list[tuple[int, int, int]]:
    """(problem, n, c) of an evaluation; nothing for None."""
    rows = connection.exec_driver_sql(
        "SELECT problem_id, n, c FROM evaluation_item WHERE evaluation_id = ? ORDER BY problem_id", (evaluation,)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def costs(connection: Connection, run: str, round: int) -> list[StageCost]:
    """What every job of a round took, in order: seconds over all attempts, tokens and sandbox runs from its rows."""
    prefix = key(run, round, "")
    rows = connection.exec_driver_sql(
        "SELECT substr(j.key, ?1 + 1), j.stage, j.id, a.outcome, "
        "(SELECT SUM((julianday(COALESCE(b.ended_at, b.heartbeat_at)) - julianday(b.started_at)) * 86400.0) "
        " FROM attempt b WHERE b.job_id = j.id), a.stopped, (SELECT COUNT(*) FROM attempt b WHERE b.job_id = j.id), "
        "(SELECT COALESCE(SUM(c.tokens_in), 0) FROM completion c JOIN tree x ON x.id = c.tree_id WHERE x.job_id = j.id), "
        "(SELECT COALESCE(SUM(c.tokens_out), 0) FROM completion c JOIN tree x ON x.id = c.tree_id WHERE x.job_id = j.id), "
        "(SELECT COUNT(*) FROM verdict v WHERE v.job_id = j.id) "
        f"FROM job j LEFT JOIN attempt a ON a.job_id = j.id AND {LAST} WHERE substr(j.key, 1, ?1) = ?2 ORDER BY j.id",
        (len(prefix), prefix),
    )
    return [StageCost(*row) for row in rows]


def numbers(connection: Connection, run: str) -> list[int]:
    """The rounds of a run that have jobs."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT j.round FROM job j JOIN run r ON r.id = j.run_id WHERE r.name = ? AND j.round IS NOT NULL "
        "ORDER BY j.round",
        (run,),
    )
    return [int(row[0]) for row in rows]


def searched(connection: Connection, job: int) -> tuple[int, int]:
    """How many problems a job's trees are of, and how many of them have a rollout that passes every test."""
    row = connection.exec_driver_sql(
        "SELECT COUNT(*), COALESCE(SUM(solved), 0) FROM (SELECT MAX(EXISTS (SELECT 1 FROM rollout r WHERE "
        "r.tree_id = x.id AND r.total > 0 AND r.passed = r.total)) AS solved FROM tree x WHERE x.job_id = ? "
        "GROUP BY x.problem_id)",
        (job,),
    ).one()
    return int(row[0]), int(row[1])


def human_labels(connection: Connection, run: str, round: int) -> tuple[int, int]:
    """How many labels people gave to steps of a round's trees and did not take back, and how many people they were."""
    row = connection.exec_driver_sql(
        "SELECT COUNT(*), COUNT(DISTINCT l.author) FROM label l JOIN step s ON s.id = l.step_id "
        "JOIN tree x ON x.id = s.tree_id JOIN job j ON j.id = x.job_id JOIN run r ON r.id = j.run_id "
        "WHERE l.source = 'human' AND l.value IS NOT NULL AND r.name = ? AND j.round = ? "
        "AND NOT EXISTS (SELECT 1 FROM label back WHERE back.retracts = l.id)",
        (run, round),
    ).one()
    return int(row[0]), int(row[1])


def coordinator(connection: Connection, run: str) -> dict[str, Any] | None:
    """The config of the run's newest self-play job, or None where rounds were made by hand."""
    found = connection.exec_driver_sql(
        "SELECT j.config FROM job j JOIN run r ON r.id = j.run_id WHERE r.name = ? AND j.stage = 'selfplay' "
        "ORDER BY j.id DESC LIMIT 1",
        (run,),
    ).scalar()
    return None if found is None else dict(json.loads(found))


def marks(connection: Connection, run: str, round: int) -> tuple[Any, ...]:
    """Numbers that change when anything that a round's row says may have changed."""
    row = connection.exec_driver_sql(
        "SELECT COUNT(*), COUNT(a.outcome), MAX(a.id), (SELECT MAX(id) FROM decision), (SELECT MAX(id) FROM evaluation), "
        "(SELECT MAX(id) FROM label WHERE source = 'human'), (SELECT MAX(x.id) FROM tree x JOIN job k ON k.id = x.job_id "
        "WHERE k.run_id = r.id AND k.round = ?2) FROM run r JOIN job j ON j.run_id = r.id AND j.round <= ?2 "
        "LEFT JOIN attempt a ON a.job_id = j.id WHERE r.name = ?1",
        (run, round),
    ).one()
    return tuple(row)
