"""Real workers and children, killed where it hurts."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from o1coder.jobs import alive, launch, lease, verbs, watch
from o1coder.lab import Lab
from o1coder.queries import jobs as queries
from tests.jobs.conftest import CHILD, Start, state, until

pytestmark = pytest.mark.usefixtures("no_worker")


def ended(lab: Lab, job: int, timeout_s: float = 20) -> queries.JobView:
    """The job once it has ended."""
    view = verbs.wait(lab, job, timeout_s=timeout_s)
    assert view.state in queries.FINAL, (view, Path(view.log).read_text() if Path(view.log).exists() else "no log")
    return view


def running(lab: Lab, job: int) -> queries.JobView:
    """The job once its child has taken it."""
    until(lambda: state(lab, job) == "running")
    return queries.job(lab, job)


def pid_of(lab: Lab, job: int) -> int:
    """The pid of a job's child."""
    pid = queries.job(lab, job).pid
    assert pid is not None
    return pid


def test_every_end_has_its_name(lab: Lab, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("O1CODER_SLOTS", "4")
    wanted = {
        "nothing": ("done", None),
        "lab-error": ("failed", "lab-error"),
        "bug": ("failed", "bug"),
        "memory": ("failed", "host-oom"),
        "again": ("done", None),
    }
    jobs = {does: verbs.enqueue(lab, "probe", {"does": does}) for does in wanted}
    jobs["count"] = verbs.enqueue(lab, "probe", {"does": "count"})
    jobs["budget"] = verbs.enqueue(lab, "probe", {"does": "budget", "budget_s": 0.3})
    worker = start("--idle-s", "0.3")
    views = {does: ended(lab, job) for does, job in jobs.items()}
    assert {does: (views[does].state, views[does].error_kind) for does in wanted} == wanted
    assert {does: view.attempts for does, view in views.items() if view.attempts != 1} == {"again": 2}
    assert views["lab-error"].as_json()["error"] == {
        "kind": "lab-error",
        "message": "the spoon is bent",
        "hint": "straighten it",
    }
    assert views["memory"].hint == "lower batch (now 8), or run fewer jobs at once (O1CODER_SLOTS)"
    assert "ZeroDivisionError: one by none" in Path(views["bug"].log).read_text()
    assert (views["nothing"].done, views["nothing"].total, views["nothing"].exit_status) == (3, 3, 0)
    assert views["budget"].stopped == "budget"
    first, second = queries.attempts(lab, jobs["again"])
    assert (first.outcome, first.error_kind, first.exit_status) == ("lost", "signal", -9)
    assert second.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert second.code_digest.startswith("sha256:")
    assert [(p.iteration, p.value) for p in queries.metrics(lab, jobs["count"])] == [(i, 100 + i) for i in range(1, 5)]
    assert worker.wait(timeout=10) == 0, "an idle worker leaves"
    assert launch.worker(lab.home) is None


def test_killed_child_is_lost_and_retried_once_by_itself(lab: Lab, start: Start) -> None:
    job = verbs.enqueue(lab, "probe", {"does": "sleep"})
    start()
    for n in (1, 2):
        until(lambda n=n: (v := queries.job(lab, job)).attempts == n and v.state == "running")  # type: ignore[misc]
        os.kill(pid_of(lab, job), signal.SIGKILL)
    assert ended(lab, job).state == "lost"
    verbs.retry(lab, job)
    until(lambda: (v := queries.job(lab, job)).attempts == 3 and v.state == "running")
    os.kill(pid_of(lab, job), signal.SIGKILL)
    assert ended(lab, job).attempts == 3, "only the first loss is retried by itself"


def test_killed_worker_is_replaced_and_the_child_adopted(lab: Lab, start: Start) -> None:
    job = verbs.enqueue(lab, "probe", {"does": "sleep", "seconds": 2.0})
    worker = start()
    pid = running(lab, job).pid
    worker.kill()
    worker.wait()
    assert state(lab, job) == "running"
    start()
    view = ended(lab, job)
    assert (view.state, view.attempts, view.pid) == ("done", 1, pid)


def test_with_worker_and_child_dead_nothing_claims_to_run(lab: Lab, start: Start) -> None:
    job = verbs.enqueue(lab, "probe", {"does": "sleep", "seconds": 0.5})
    worker = start()
    view = running(lab, job)
    worker.kill()
    worker.wait()
    os.kill(view.pid or 0, signal.SIGKILL)
    until(lambda: state(lab, job) == "lost")
    assert [v.id for v in queries.jobs(lab, state="lost")] == [job]
    assert queries.jobs(lab, state="running") == []
    start()
    assert (ended(lab, job).state, queries.job(lab, job).attempts) == ("done", 2)


def test_attempts_from_before_a_crash(lab: Lab, start: Start) -> None:
    kept = verbs.enqueue(lab, "probe", {"does": "nothing"})
    dropped = verbs.enqueue(lab, "probe", {"does": "nothing"})
    before = verbs.enqueue(lab, "probe", {"does": "nothing"})
    with lab.writing() as connection:
        for job in (kept, dropped):
            watch.claim(connection, lease.Grant(job, 1, ()), alive.host(), alive.boot_id())
        crashed = watch.claim(connection, lease.Grant(before, 1, ()), alive.host(), "an earlier boot")
        connection.execute(
            text("UPDATE attempt SET pid = :pid, create_time = 1.0 WHERE id = :id"),
            {"pid": os.getpid(), "id": crashed.attempt_id},
        )
    assert state(lab, kept) == "queued", "nothing runs yet, and nothing says so"
    verbs.cancel(lab, dropped)
    start()
    assert (ended(lab, kept).state, queries.job(lab, kept).attempts) == ("done", 1)
    until(lambda: queries.attempts(lab, dropped)[0].outcome == "cancelled")
    assert ended(lab, before).state == "done"
    assert [a.outcome for a in queries.attempts(lab, before)] == ["lost", "done"], "the machine went down under it"


def test_workers_killed_at_random_lose_nothing_and_double_nothing(lab: Lab, start: Start) -> None:
    jobs = [verbs.enqueue(lab, "probe", {"does": "count", "seed": i}) for i in range(3)]
    dice = random.Random(5)
    for _ in range(4):
        worker = start()
        until(lambda: launch.worker(lab.home) is not None)
        time.sleep(dice.uniform(0.0, 0.5))
        worker.kill()
        worker.wait()
    start()
    views = [ended(lab, job) for job in jobs]
    assert [(v.state, v.attempts) for v in views] == [("done", 1)] * 3
    assert [len(queries.metrics(lab, job)) for job in jobs] == [4] * 3


def test_cancel_kills_the_deaf_and_all_its_kin(lab: Lab, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("O1CODER_SLOTS", "3")
    polite, deaf, breed = (verbs.enqueue(lab, "probe", {"does": does}) for does in ("polite", "deaf", "breed"))
    start("--grace-s", "0.5")
    for job in (polite, deaf, breed):
        running(lab, job)
    until(lambda: "deaf now" in (lab.job_folder(deaf) / "log").read_text())
    until(lambda: len(alive.marked(lab.home).get(breed, [])) == 2)
    for job in (polite, deaf, breed):
        verbs.cancel(lab, job)
    views = [ended(lab, job) for job in (polite, deaf, breed)]
    assert [(v.state, v.exit_status) for v in views] == [("cancelled", 130), ("cancelled", -9), ("cancelled", -9)]
    assert alive.marked(lab.home) == {}
    verbs.retry(lab, polite)
    assert running(lab, polite).attempts == 2


def test_no_grandchild_survives_the_end(lab: Lab, start: Start) -> None:
    job = verbs.enqueue(lab, "probe", {"does": "orphan"})
    start()
    assert ended(lab, job).state == "done"
    until(lambda: alive.marked(lab.home) == {})


def test_silent_is_not_dead_and_a_foreign_sigterm_is_a_loss(lab: Lab, start: Start) -> None:
    job = verbs.enqueue(lab, "probe", {"does": "polite", "seconds": 30})
    start()
    pid = running(lab, job).pid or 0
    os.kill(pid, signal.SIGSTOP)
    until(lambda: (queries.job(lab, job).heartbeat_age_s or 0) > 1.6)
    assert (state(lab, job), queries.job(lab, job).attempts) == ("running", 1)
    os.kill(pid, signal.SIGCONT)
    until(lambda: (queries.job(lab, job).heartbeat_age_s or 9) < 1.0)
    os.kill(pid, signal.SIGTERM)
    until(lambda: queries.job(lab, job).attempts == 2)
    assert queries.attempts(lab, job)[0].error_kind == "signal"


def test_two_workers_race_and_one_stays(lab: Lab, start: Start) -> None:
    workers = [start("--patience-s", "0.5") for _ in range(3)]
    until(lambda: sum(worker.poll() is None for worker in workers) == 1)
    post = launch.worker(lab.home)
    assert post is not None
    assert [worker.pid for worker in workers if worker.poll() is None] == [post.pid]
    assert {worker.poll() for worker in workers} == {None, 0}


def test_slots_hold_and_a_coordinator_needs_none(lab: Lab, start: Start) -> None:
    first = verbs.enqueue(lab, "probe", {"does": "polite"})
    second = verbs.enqueue(lab, "probe", {"does": "nothing"})
    coordinator = verbs.enqueue(lab, "probe-coordinator", {})
    assert queries.job(lab, second).waiting_for == "a worker"
    start()
    running(lab, first)
    running(lab, coordinator)
    assert (state(lab, second), queries.job(lab, second).waiting_for) == ("queued", "a CPU slot")
    verbs.cancel(lab, first)
    assert ended(lab, coordinator).state == "done"
    assert ended(lab, second).state == "done"
    probe = queries.jobs(lab, run="trial")
    assert [(v.key, v.round, v.state) for v in probe] == [(f"probe of {coordinator}", 0, "done")]


LAUNCHER = """
import sys
from pathlib import Path
from o1coder import stages
stages.__path__.append(sys.argv[2])
from o1coder.jobs import launch, verbs
from o1coder.lab import Lab
lab = Lab(Path(sys.argv[1]))
job = verbs.enqueue(lab, "probe", {"does": "sleep", "seconds": 1.0})
launch.ensure_worker(lab, ["--idle-s", "0.5", "--child", sys.argv[3]])
print(job, flush=True)
import time
time.sleep(60)
"""


def test_the_job_outlives_who_asked_for_it(lab: Lab) -> None:
    stages = str(Path(__file__).parent / "stage_files")
    launcher = subprocess.Popen(
        [sys.executable, "-P", "-c", LAUNCHER, str(lab.home), stages, CHILD],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**launch.environment(), alive.MARK: alive.mark(lab.home, 99)},
    )
    assert launcher.stdout is not None
    job = int(launcher.stdout.readline())
    until(lambda: launch.worker(lab.home) is not None)
    post = launch.worker(lab.home)
    assert post is not None
    assert 99 not in {j for j, pids in alive.marked(lab.home).items() if post.pid in pids}, "a worker is no one's job"
    os.killpg(launcher.pid, signal.SIGKILL)
    launcher.wait()
    assert ended(lab, job).state == "done"


def test_a_worker_whose_code_changed_becomes_the_new_one(lab: Lab, tmp_path: Path) -> None:
    package = Path(launch.__file__).parent.parent
    copy = tmp_path / "copy" / "o1coder"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__", "starter"))
    job = verbs.enqueue(lab, "probe", {"does": "polite"})
    command = [sys.executable, "-P", "-m", "o1coder.jobs.worker", "--home", str(lab.home), "--child", CHILD]
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(copy.parent)}, stdout=log, stderr=log)
    try:
        pid = running(lab, job).pid or 0
        os.utime(copy / "jobs" / "watch.py", (1, 1))
        until(lambda: "its code has changed" in (tmp_path / "worker.log").read_text(), 20)
        until(lambda: (post := launch.worker(lab.home)) is not None and post.pid == worker.pid)
        verbs.cancel(lab, job)
        assert ended(lab, job).attempts == 1
        until(lambda: not Path(f"/proc/{pid}").exists())  # the new image buried, and reaped, the old one's child
    finally:
        worker.kill()
        worker.wait()


def test_a_worker_leaves_a_lab_that_is_no_longer_its_own(lab: Lab, start: Start) -> None:
    worker = start("--foreground")
    until(lambda: launch.worker(lab.home) is not None)
    launch.lock_path(lab.home).unlink()
    assert worker.wait(timeout=10) == 0, "without its lock it might not be the only one"
    worker = start("--foreground")
    until(lambda: launch.worker(lab.home) is not None)
    with lab.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert worker.wait(timeout=10) == 0
