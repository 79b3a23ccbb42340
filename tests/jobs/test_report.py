"""The reporter and the child in this process: exactly-once batches, budgets over attempts, who names an end."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.jobs import alive, child, lease, verbs, watch
from o1coder.jobs.outcome import DONE, EXIT_DISK_FULL, Ended
from o1coder.jobs.report import JobReporter
from o1coder.lab import Lab
from o1coder.queries import jobs as queries

pytestmark = pytest.mark.usefixtures("no_worker")
FAILED = Ended("failed", 1, "bug", "broken", "")


def taken(lab: Lab, job: int) -> child.Taken:
    """The next attempt of a job, claimed and taken by this process."""
    with lab.writing() as connection:
        claimed = watch.claim(connection, lease.Grant(job, 1, ()), alive.host(), alive.boot_id())
    mine = child.take(lab, job, claimed.n)
    assert mine is not None
    return mine


def reporter(lab: Lab, job: int, remaining_s: float | None = None) -> JobReporter:
    """A reporter of the job's first attempt that does not beat by itself."""
    return JobReporter(lab, job, 1, taken(lab, job).attempt_id, remaining_s)


def test_an_attempt_is_taken_once(lab: Lab) -> None:
    job = verbs.enqueue(lab, "probe", {"seed": 3})
    mine = taken(lab, job)
    assert (mine.stage, mine.config["seed"], mine.spent_s) == ("probe", 3, 0.0)
    assert child.take(lab, job, 1) is None
    view = queries.attempts(lab, job)[0]
    assert view.pid == os.getpid()
    assert view.versions["sqlite"] >= sqlite3.sqlite_version


def test_a_budget_counts_over_all_attempts(lab: Lab) -> None:
    job = verbs.enqueue(lab, "probe", {"budget_s": 100})
    first = taken(lab, job)
    with lab.writing() as connection:
        connection.execute(
            text(
                "UPDATE attempt SET started_at = '2026-01-01T00:00:00.000Z', outcome = 'lost', "
                "heartbeat_at = '2026-01-01T00:00:40.000Z' WHERE id = :id"
            ),
            {"id": first.attempt_id},
        )
    assert taken(lab, job).spent_s == pytest.approx(40, abs=0.1)


def test_what_could_not_be_stored_is_stored_once_later(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    job = verbs.enqueue(lab, "probe", {})
    report = reporter(lab, job)
    report.metric(1, loss=0.5, gain=2)
    report.progress(1, 4)

    @contextmanager
    def full(*, durable: bool = False) -> Iterator[Connection]:
        with Lab.writing(lab) as connection:
            yield connection
            raise LabError("the disk is full", "free some", "disk-full")

    monkeypatch.setattr(lab, "writing", full)
    with pytest.raises(LabError):
        report._store()
    assert child._end(report, DONE) == EXIT_DISK_FULL
    assert queries.metrics(lab, job) == []
    assert queries.job(lab, job).state == "running"
    monkeypatch.undo()
    report._store()
    report._store()
    with lab.reading() as connection:
        assert connection.execute(text("SELECT name, value FROM metric ORDER BY id")).all() == [
            ("loss", 0.5),
            ("gain", 2.0),
        ]
    view = queries.job(lab, job)
    assert (view.done, view.total) == (1, 4)


@pytest.mark.parametrize(
    ("asked", "signalled", "seen", "end", "named"),
    [
        (False, False, True, DONE, "done"),
        (False, False, True, FAILED, "failed"),
        (True, True, True, DONE, "cancelled"),
        (True, True, False, DONE, "done"),  # it had finished before it could notice
        (True, True, False, FAILED, "cancelled"),
        (False, True, True, DONE, "lost"),
        (False, True, False, FAILED, "lost"),
        (False, True, False, DONE, "done"),
    ],
)
def test_who_asked_names_the_end(lab: Lab, asked: bool, signalled: bool, seen: bool, end: Ended, named: str) -> None:
    job = verbs.enqueue(lab, "probe", {})
    report = reporter(lab, job)
    report.start()
    if asked:
        verbs.cancel(lab, job)
    if signalled:
        report.terminate()
    if seen:
        assert report.cancelled is signalled
    assert report.end(end).outcome == named
    assert queries.attempts(lab, job)[0].outcome == named


def test_no_budget_is_none_and_a_spent_one_is_zero(lab: Lab) -> None:
    assert reporter(lab, verbs.enqueue(lab, "probe", {})).remaining_s is None
    assert reporter(lab, verbs.enqueue(lab, "probe", {}), 0.0).remaining_s == 0.0
    assert reporter(lab, verbs.enqueue(lab, "probe", {}), 50.0).remaining_s == pytest.approx(50, abs=1)
