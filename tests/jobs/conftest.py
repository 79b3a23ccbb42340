"""A lab, the test stages in this process, and workers that know them; every process a test starts is ended with it."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from o1coder import stages
from o1coder.jobs import alive, launch
from o1coder.lab import Lab
from o1coder.queries import jobs as queries

HERE = Path(__file__).parent
CHILD = shlex.join([sys.executable, "-P", str(HERE / "child_with_test_stages.py")])


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """An empty lab; what still runs in it afterwards is killed."""
    monkeypatch.setattr(stages, "__path__", [*stages.__path__, str(HERE / "stage_files")])
    monkeypatch.delenv("O1CODER_SLOTS", raising=False)
    lab = Lab.create(tmp_path / "lab")
    yield lab
    post = launch.worker(lab.home)
    if post is not None:
        alive.send([post.pid], signal.SIGKILL)
    for pids in alive.marked(lab.home).values():
        alive.send(pids, signal.SIGKILL)
    lab.close()


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbs start no worker by themselves: the test starts those it wants."""
    monkeypatch.setattr("o1coder.jobs.verbs.ensure_worker", lambda lab: None)


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(lab: Lab) -> Iterator[Start]:
    """Start a worker of `lab` that knows the test stages."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "o1coder.jobs.worker", "--home", str(lab.home), "--child", CHILD]
        log = (lab.home / "worker.log").open("ab")
        process = subprocess.Popen(
            [*command, *arguments], stdout=log, stderr=log, start_new_session=True, env=launch.environment()
        )
        log.close()
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def until(true: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait for a condition, or fail."""
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def state(lab: Lab, job: int) -> str:
    """The state of a job as a list shows it."""
    return queries.job(lab, job).state
