"""A trainer dies with whoever started it, keeps its standard output clean, and two of its processes act as one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from o1coder.train.launch import Placement, launch_line
from o1coder.train.process import PARENT_VARIABLE
from tests.tiny import make_tiny_model
from tests.train.test_programs import CHAINS, ROOT, losses, make

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
CHILD = "from o1coder.train.process import die_with_parent; die_with_parent(); print('up', flush=True); import time; "
PARENT = "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', sys.argv[1]]); print(c.pid, flush=True); "

linux = pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")


def gone(pid: int, within_s: float = 5.0) -> bool:
    """Whether a process has ended; one that nobody has waited for yet counts as ended."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@linux
def test_a_child_is_killed_when_its_parent_is() -> None:
    line = [sys.executable, "-c", PARENT + "c.wait()", CHILD + "time.sleep(60)"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.stdout.readline() == "up\n"
        assert not gone(child, 0.1)
        parent.send_signal(signal.SIGKILL)
        assert gone(child)


def test_a_child_whose_parent_is_gone_already_does_not_start() -> None:
    environment = {**ENVIRONMENT, PARENT_VARIABLE: "1999999999"}
    ended = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode != 0
    assert "up" not in ended.stdout
    assert "is gone" in ended.stderr


def test_only_progress_reaches_standard_output() -> None:
    code = (
        "import os; from o1coder.train.process import Progress; p = Progress(); print('noise'); os.write(1, b'raw');"
        "p.emit('start', {'total': 3})"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert [json.loads(line) for line in ended.stdout.splitlines()] == [{"event": "start", "total": 3}]
    assert "noise" in ended.stderr
    assert "raw" in ended.stderr


def test_a_mistake_in_the_folder_ends_in_one_json_line_and_status_two(tmp_path: Path) -> None:
    line = [sys.executable, "-P", "-m", "o1coder.train.sft", str(tmp_path)]
    ended = subprocess.run(line, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert ended.returncode == 2
    assert "spec.json" in json.loads(ended.stderr.splitlines()[-1])["error"]


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "m")
    alone = make(tmp_path / "alone", model, CHAINS[:8], kind="sft", iterations=4, batch=4)
    both = make(tmp_path / "both", model, CHAINS[:8], kind="sft", iterations=4, batch=2)
    for folder, place in ((alone, Placement()), (both, Placement(processes=2, main_port=29613))):
        line = launch_line("sft", folder.path, place)
        subprocess.run(line, env=ENVIRONMENT, check=True, capture_output=True, timeout=300)
    assert losses(both).keys() == {1, 2, 3, 4}
    assert losses(both) == pytest.approx(losses(alone), rel=1e-4)


@linux
@pytest.mark.slow
def test_no_process_of_a_launched_run_outlives_its_launcher(tmp_path: Path) -> None:
    folder = make(tmp_path / "a", make_tiny_model(tmp_path / "m"), CHAINS, kind="sft", iterations=100000, batch=2)
    line = launch_line("sft", folder.path, Placement(processes=2, main_port=29614))
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT) as top:
        assert top.stdout is not None
        for text in top.stdout:
            if json.loads(text).get("event") == "iteration":
                break
        ranks = [int(pid) for pid in Path(f"/proc/{top.pid}/task/{top.pid}/children").read_text().split()]
        assert len(ranks) >= 2
        top.send_signal(signal.SIGKILL)
        assert all(gone(pid) for pid in ranks)
