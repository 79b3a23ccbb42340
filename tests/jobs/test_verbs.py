"""Enqueue, cancel, retry and the derived state, without any process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from o1coder import stage
from o1coder.errors import LabError
from o1coder.jobs import alive, launch, verbs
from o1coder.jobs.outcome import Ended, record
from o1coder.lab import Lab
from o1coder.queries import jobs as queries
from o1coder.queries.candidates import candidates
from tests.jobs.conftest import state

pytestmark = pytest.mark.usefixtures("no_worker")


def checkpoint(lab: Lab, role: str, base: int | None = None) -> int:
    """A checkpoint's row; with a base it is an adapter over that."""
    with lab.writing() as connection:
        made = connection.execute(
            text(
                "INSERT INTO checkpoint (digest, role, format, base_id, base_digest, bytes, path, author, created_at) "
                "VALUES ('sha256:0', :role, :format, :base, 'sha256:0', 1, 'x', 'me', 'now')"
            ),
            {"role": role, "format": "full" if base is None else "peft", "base": base},
        )
    return int(made.lastrowid)


def attempt(lab: Lab, job: int, n: int, outcome: str | None = None, pid: int | None = 1, **more: Any) -> int:
    """An attempt's row, on a host that cannot be seen from here."""
    values = {"job": job, "n": n, "pid": pid, "outcome": outcome, "resumed": None, "host": "far", **more}
    with lab.writing() as connection:
        made = connection.execute(
            text(
                "INSERT INTO attempt (job_id, n, host, boot_id, pid, create_time, started_at, heartbeat_at, done, total, "
                "versions, code_digest, outcome, resumed_from_iteration) VALUES (:job, :n, :host, 'b', :pid, 1.0, "
                "'2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 0, 0, '{}', '', :outcome, :resumed)"
            ),
            values,
        )
    return int(made.lastrowid)


def ask(lab: Lab, job: int, **columns: int) -> None:
    """Change a job's wishes."""
    with lab.writing() as connection:
        for name, value in columns.items():
            connection.execute(text(f"UPDATE job SET {name} = :v WHERE id = :id"), {"v": value, "id": job})


def test_what_is_stored(lab: Lab) -> None:
    policy, source = checkpoint(lab, "policy"), verbs.enqueue(lab, "probe", {})
    job = verbs.enqueue(
        lab, "probe", {"policy": policy, "sources": [source, source], "seed": 4}, run="r", round=2, key="k"
    )
    view = queries.job(lab, job)
    assert view.inputs == {"policy": policy, "sources": [source, source]}
    assert (view.run, view.round, view.seed, view.config["batch"], view.state) == ("r", 2, 4, 8, "queued")
    assert view.outputs == {"checkpoints": [], "datasets": [], "trees": []}
    assert view.as_json()["waiting_for"] == "a worker"
    assert view.as_json()["error"] is None
    assert verbs.enqueue(lab, "probe", {"policy": policy}, run="other", key="k") == job
    assert [v.id for v in queries.jobs(lab, run="r")] == [job]
    assert [v.id for v in queries.jobs(lab, newest=True, limit=1)] == [job]
    assert [v.id for v in queries.jobs(lab, newest=True, after=job)] == [source]
    assert [v.id for v in queries.jobs(lab, after=source)] == [job]
    assert queries.jobs(lab, ids=[]) == []


def test_wrong_requests_leave_no_row(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    prm = checkpoint(lab, "prm")
    other = verbs.enqueue(lab, "probe-coordinator", {})
    for name, config, words in [
        ("prob", {}, "there is no stage 'prob'"),
        ("probe", {"sedd": 1}, "sedd"),
        ("probe", {"policy": 99}, "policy: there is no checkpoint 99"),
        ("probe", {"policy": prm}, "policy: checkpoint 1 has the role 'prm', and 'policy' is needed"),
        ("probe", {"sources": [other]}, "has the stage 'probe-coordinator', and 'probe' is needed"),
    ]:
        with pytest.raises(LabError, match=words):
            verbs.enqueue(lab, name, config, run="never")
    monkeypatch.setattr(Lab, "owned", lambda self: False)
    with pytest.raises(LabError, match="belongs to another user"):
        verbs.enqueue(lab, "probe", {})
    assert [v.id for v in queries.jobs(lab)] == [other]
    with pytest.raises(LabError, match="no run 'never'"):
        queries.jobs(lab, run="never")
    with pytest.raises(LabError, match="no state"):
        queries.jobs(lab, state="dead")


def test_a_checkpoint_must_be_of_a_role_that_the_field_takes(lab: Lab) -> None:
    base = checkpoint(lab, "policy")
    adapter, tcg, prm = (checkpoint(lab, role, base) for role in ("policy", "tcg", "prm"))
    taken = {
        ("synthesize", "policy"): [base, adapter],
        ("evaluate", "policy"): [base, adapter],
        ("solve", "tcg"): [base, adapter, tcg],
        ("generate-tests", "policy"): [base, adapter, tcg],
        ("tcg-sft", "base"): [base, adapter, tcg],
        ("prm", "base"): [base],  # an adapter would be left out of what the model starts from
        ("selfplay", "base"): [base],
    }
    for (name, field), fit in taken.items():
        pick = dict(stage.picks(stage.find(name).config))[field]
        assert sorted(found.id for found in candidates(lab, pick)) == fit
        for each in (base, adapter, tcg, prm):
            if each in fit:
                verbs.enqueue(lab, name, {field: each})
            else:
                with pytest.raises(LabError, match="is needed"):
                    verbs.enqueue(lab, name, {field: each})


def test_a_nearly_full_disk_starts_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("o1coder.lab.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1 << 20}))
    with pytest.raises(LabError, match="only 1 MB are free") as caught:
        verbs.enqueue(lab, "probe", {})
    assert caught.value.kind == "disk-full"


@pytest.mark.parametrize(
    ("attempts", "wanted", "cancelled", "expected"),
    [
        ([], 1, 0, "queued"),
        ([], 1, 1, "cancelled"),
        ([(None, None)], 1, 0, "queued"),
        ([(None, None)], 1, 1, "cancelled"),
        ([(None, 5)], 1, 0, "running"),
        ([(None, 5)], 1, 1, "running"),
        ([("done", 5)], 1, 0, "done"),
        ([("done", 5)], 1, 1, "done"),
        ([("lost", 5)], 2, 0, "queued"),
        ([("lost", 5)], 2, 1, "cancelled"),
        ([("lost", 5)], 1, 0, "lost"),
        ([("lost", 5), (None, 6)], 2, 0, "running"),
        ([("lost", 5), ("failed", 6)], 2, 0, "failed"),
        ([("cancelled", 5)], 2, 0, "queued"),
    ],
)
def test_state_follows_from_rows(
    lab: Lab, attempts: list[tuple[str | None, int | None]], wanted: int, cancelled: int, expected: str
) -> None:
    job = verbs.enqueue(lab, "probe", {})
    for n, (outcome, pid) in enumerate(attempts, 1):
        attempt(lab, job, n, outcome, pid)
    ask(lab, job, attempts_wanted=wanted, cancel_requested=cancelled)
    assert state(lab, job) == expected
    assert [v.state for v in queries.jobs(lab, state=expected)] == [expected]
    with lab.reading() as connection:
        assert queries.state_of(connection, job) == expected


def test_cancel_and_retry_say_when_they_cannot(lab: Lab) -> None:
    job = verbs.enqueue(lab, "probe", {})
    verbs.cancel(lab, job)
    assert state(lab, job) == "cancelled"
    with pytest.raises(LabError, match="is cancelled already"):
        verbs.cancel(lab, job)
    verbs.retry(lab, job)
    assert state(lab, job) == "queued"
    verbs.retry(lab, job)
    assert queries.job(lab, job).attempts == 0
    attempt(lab, job, 1)
    with pytest.raises(LabError, match="is running"):
        verbs.retry(lab, job)
    for verb in (verbs.cancel, verbs.retry, verbs.wait):
        with pytest.raises(LabError, match="no job 77"):
            verb(lab, 77)  # type: ignore[operator]


def test_retry_of_an_attempt_cancelled_before_it_began_is_that_attempt(lab: Lab) -> None:
    job = verbs.enqueue(lab, "probe", {})
    attempt(lab, job, 1, pid=None)
    verbs.cancel(lab, job)
    verbs.retry(lab, job)
    with lab.reading() as connection:
        assert connection.execute(text("SELECT attempts_wanted FROM job")).scalar() == 1


def test_what_died_unwatched_is_shown_as_lost_and_may_be_retried(lab: Lab) -> None:
    job = verbs.enqueue(lab, "probe", {})
    attempt(lab, job, 1, host=alive.host())  # of another boot
    assert state(lab, job) == "lost"
    assert verbs.wait(lab, job, timeout_s=0).state == "running", "a worker will still retry it by itself"
    verbs.retry(lab, job)
    assert state(lab, job) == "queued"
    assert [a.outcome for a in queries.attempts(lab, job)] == ["lost"]


def test_an_outcome_is_written_once_and_one_loss_is_retried(lab: Lab) -> None:
    job = verbs.enqueue(lab, "probe", {})
    first = attempt(lab, job, 1)
    with lab.writing() as connection:
        assert record(connection, first, Ended("lost"))
        assert not record(connection, first, Ended("done"))
    assert state(lab, job) == "queued"
    with lab.writing() as connection:
        connection.execute(text("UPDATE attempt SET outcome = 'lost'"))
    second = attempt(lab, job, 2)
    with lab.writing() as connection:
        assert record(connection, second, Ended("lost"))
    assert state(lab, job) == "lost"


def test_repeated_iterations_are_hidden(lab: Lab) -> None:
    job = verbs.enqueue(lab, "probe", {})
    attempt(lab, job, 1, "lost")
    attempt(lab, job, 2, None, resumed=3)
    rows = [(1, i, 10.0 + i) for i in range(1, 7)] + [(2, 4, 24.0), (2, 5, 25.0), (2, 5, 35.0)]
    with lab.writing() as connection:
        for n, iteration, value in rows:
            connection.execute(
                text(
                    "INSERT INTO metric (job_id, attempt, iteration, name, value, created_at) VALUES (:j,:n,:i,'loss',:v,'')"
                ),
                {"j": job, "n": n, "i": iteration, "v": value},
            )
    points = queries.metrics(lab, job)
    assert [(p.iteration, p.value) for p in points] == [(1, 11.0), (2, 12.0), (3, 13.0), (4, 24.0), (5, 35.0)]
    assert [p.iteration for p in queries.metrics(lab, job, "loss", after=points[3].id)] == [5]
    assert queries.metrics(lab, job, "gain") == []


def test_a_readonly_lab_still_answers(lab: Lab, tmp_path: Path) -> None:
    job = verbs.enqueue(lab, "probe", {})
    readonly = Lab(lab.home, readonly=True)
    assert queries.job(readonly, job).state == "queued"
    with pytest.raises(LabError, match="read-only"):
        verbs.cancel(readonly, job)
    readonly.close()


def test_a_worker_that_cannot_start_is_said_not_tried_for_ever(lab: Lab) -> None:
    pids = [start_and_fail(lab) for _ in range(launch.TRIES)]
    assert len(set(pids)) == launch.TRIES
    with pytest.raises(LabError, match="the worker does not start") as caught:
        launch.ensure_worker(lab)
    assert "unrecognized arguments: --no-such" in Path(caught.value.hint.split(": ", 1)[1]).read_text()


def start_and_fail(lab: Lab) -> int:
    """Start a worker that does not know its own arguments, and see it end; asking again meanwhile starts no other."""
    pid = launch.ensure_worker(lab, ["--no-such"])
    assert pid is not None
    assert launch.ensure_worker(lab, ["--no-such"]) is None, "one is on its way"
    launch._started[-1].process.wait()
    return pid
