"""Workers and parents killed while they run, cancellation, many runs: nothing survives, leaks, or is answered wrongly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from o1coder.errors import LabError
from o1coder.judge import Judge, Question, cgroup
from o1coder.task import Case, Limits

DOUBLE = Question("print(int(input()) * 2)", "stdio", Case("", "21", "42"))
SLOW = Question("sum(range(3 * 10 ** 7))\nprint(42)", "stdio", Case("", "", "42"), limits=Limits(20.0, 256))
ASLEEP = Question("import time\ntime.sleep(60)", "stdio", Case("", "", ""), limits=Limits(30.0, 256))


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, as this namespace numbers them."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in task.read_text().split()]
        except FileNotFoundError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def descendants_when(pid: int, count: int) -> list[int]:
    """The processes below `pid`, once there are so many."""
    end = time.monotonic() + 10
    while len(found := descendants(pid)) < count and time.monotonic() < end:
        time.sleep(0.01)
    assert len(found) >= count
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pids: list[int], within_s: float = 10.0) -> bool:
    """Whether all have ended, soon."""
    end = time.monotonic() + within_s
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.01)
    return not any(map(alive, pids))


@pytest.mark.parametrize("whom", ["outside", "inside", "child"])
def test_a_killed_process_is_replaced_and_its_question_asked_again(whom: str) -> None:
    with Judge(workers=1) as judge:
        [outer] = judge.pids()
        running = 3 if judge.layer in ("L4", "L3") else 2  # with the process that waits outside the namespaces, or not

        def kill() -> None:
            while len(chain := [outer, *descendants(outer)]) < running:
                time.sleep(0.001)
            os.kill({"outside": chain[0], "inside": chain[-2], "child": chain[-1]}[whom], signal.SIGKILL)

        threading.Thread(target=kill).start()
        assert [verdict.code for verdict in judge.judge([SLOW, DOUBLE])] == ["AC", "AC"]
        assert judge.pids() != [outer]
        assert [verdict.code for verdict in judge.judge([DOUBLE])] == ["AC"]


def test_a_worker_killed_between_calls_is_replaced() -> None:
    with Judge(workers=2) as judge:
        for pid in judge.pids():
            os.kill(pid, signal.SIGKILL)
        assert {verdict.code for verdict in judge.judge([DOUBLE] * 4)} == {"AC"}


def test_a_worker_that_can_no_longer_be_asked_is_replaced() -> None:
    with Judge(workers=2) as judge:
        for worker in judge.workers:
            worker.process.kill()
            worker.process.wait()
        assert {verdict.code for verdict in judge.judge([DOUBLE] * 4)} == {"AC"}


def test_a_worker_that_always_dies_ends_as_ie() -> None:
    with Judge(workers=1) as judge:
        done = threading.Event()

        def kill_all() -> None:
            while not done.is_set():
                time.sleep(0.05)
                for pid in judge.pids():
                    if len(descendants(pid)) >= (2 if judge.layer in ("L4", "L3") else 1):
                        os.kill(pid, signal.SIGKILL)

        thread = threading.Thread(target=kill_all)
        thread.start()
        [verdict] = judge.judge([ASLEEP])
        done.set()
        thread.join()
        assert verdict.code == "IE"
        assert judge.judge([DOUBLE])[0].code == "AC"


PARENT = """
import sys, threading
from o1coder.judge import Judge, Question
from o1coder.task import Case, Limits
code = "import time\\ntry:\\n    time.sleep(600)\\nexcept BaseException:\\n    pass\\nwhile True:\\n    pass"
with Judge(workers=2, level=sys.argv[1]) as judge:
    print("ready", flush=True)
    judge.judge([Question(code, "stdio", Case("", "", ""), limits=Limits(300.0, 256))] * 2)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_nothing_survives_the_parent(judge: Judge, how: signal.Signals) -> None:
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, judge.layer], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    below = descendants_when(parent.pid, 6 if judge.layer in ("L4", "L3") else 4)
    parent.send_signal(how)
    parent.wait()
    parent.stdout.close()
    assert gone(below)


@pytest.mark.parametrize("level", ["L2", "L1"])
def test_nothing_survives_the_parent_without_namespaces(judge: Judge, level: str) -> None:
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, level], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    if parent.stdout.readline() != b"ready\n":
        pytest.skip(f"no {level} on this machine")
    below = descendants_when(parent.pid, 4)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(below)


def test_started_in_a_thread_that_ends() -> None:
    made: list[Judge] = []
    thread = threading.Thread(target=lambda: made.append(Judge(workers=1)))
    thread.start()
    thread.join()
    time.sleep(0.1)
    with made[0] as judge:
        before = judge.pids()
        assert judge.judge([DOUBLE])[0].code == "AC"
        assert judge.pids() == before


def test_cancelling_kills_what_runs_and_skips_the_rest() -> None:
    with Judge(workers=1) as judge:
        began = time.monotonic()
        verdicts = judge.judge([DOUBLE, ASLEEP, DOUBLE], cancelled=lambda: time.monotonic() > began + 0.4)
        assert [verdict.code for verdict in verdicts] == ["AC", "SK", "SK"]
        assert time.monotonic() - began < 5
        assert judge.judge([DOUBLE])[0].code == "AC"


def test_many_runs_leave_nothing(judge: Judge) -> None:
    bombs = [
        Question("import os\nwhile True: os.fork()", "stdio", Case("", "", ""), limits=Limits(0.5, 128)),
        Question("x = bytearray(8 << 30)", "stdio", Case("", "", ""), limits=Limits(0.5, 128)),
        Question("while True: print('x' * 65536)", "stdio", Case("", "", ""), limits=Limits(0.5, 128)),
        Question("import ctypes\nctypes.string_at(1)", "stdio", Case("", "", ""), limits=Limits(0.5, 128)),
    ]
    batch = (
        [DOUBLE] * 7 + bombs[:1] + [DOUBLE] * 7 + bombs[1:2] + [DOUBLE] * 7 + bombs[2:3] + [DOUBLE] * 7 + bombs[3:]
    ) * 2

    def footprint() -> tuple[int, list[int], list[int]]:
        workers = [pid for one in judge.pids() for pid in [one, *descendants(one)]]
        descriptors = [len(os.listdir(f"/proc/{pid}/fd")) for pid in workers]
        resident = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in workers]
        return len(os.listdir("/proc/self/fd")), descriptors, resident

    judge.judge(batch)
    before = footprint()
    for _ in range(4):
        verdicts = judge.judge(batch)
        honest = {v.code for q, v in zip(batch, verdicts, strict=True) if q is DOUBLE}
        assert honest == {"AC"}
    after = footprint()
    assert after[:2] == before[:2]
    assert all(new - old < 64 for old, new in zip(before[2], after[2], strict=True))  # pages: a quarter of a MB


def test_large_input_and_output(judge: Judge) -> None:
    text = "1 " * 4_000_000
    code = "import sys\ndata = sys.stdin.read()\nsys.stdout.write(data)"
    [verdict] = judge.judge([Question(code, "stdio", Case("", text, text), limits=Limits(5.0, 512))])
    assert verdict.code == "AC"


def test_verdicts_carry_the_figures(judge: Judge) -> None:
    code = "x = bytearray(60 << 20)\nsum(range(10 ** 6))\nprint(42)"
    [verdict] = judge.judge([Question(code, "stdio", Case("", "", "42"))])
    assert verdict.code == "AC"
    assert verdict.exit == 0
    assert verdict.layer == judge.layer
    assert 5 < verdict.cpu_ms < 2000
    assert verdict.wall_ms > verdict.cpu_ms / 4
    assert 60_000 < verdict.memory_kb < 120_000


def test_two_runs_are_the_same(judge: Judge) -> None:
    code = "import random\nprint(hash('abc'), random.random(), list({'a', 'b', 'c', 'd'}))"
    shown = []
    for _ in range(3):
        [verdict] = judge.judge([Question(f"{code}\nraise ValueError(random.random())", "stdio", Case("", "", ""))])
        shown.append(verdict.detail)
    assert len(set(shown)) == 1


def test_unsafe_is_asked_for() -> None:
    with Judge(workers=1, unsafe=True, level="L0") as judge:
        assert judge.layer == "L0"
        assert judge.judge([DOUBLE])[0].layer == "L0"


def test_a_machine_without_a_wall_is_told_what_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Judge, "_try", lambda self, level: "it does not work")
    with pytest.raises(LabError) as found:
        Judge(workers=1)
    assert "doctor" in found.value.hint
    assert "judge --unsafe" in found.value.hint


FULL_DISK = """
set -e
for folder in /tmp /var/tmp /dev/shm; do
    mount -t tmpfs -o size=16k none $folder
    head -c 99999 /dev/zero > $folder/filler 2>/dev/null || true
done
cd /tmp
echo x > /tmp/more 2>/dev/null && exit 9
exec "$0" -P -c "
from o1coder.judge import Judge, Question
from o1coder.task import Case
with Judge() as judge:
    print(*[v.code for v in judge.judge([Question('print(int(input()) * 2)', 'stdio', Case('', '21', '42'))] * 20)])
"
"""


def test_a_full_disk_is_nothing_to_the_judge() -> None:
    """Every folder that is written to by habit is full, and there is nowhere to put a file: verdicts come all the same."""
    if any(Path(sys.prefix).is_relative_to(folder) for folder in ("/tmp", "/var/tmp", "/dev/shm")):
        pytest.skip("this Python lies in a folder that would be hidden")
    root = Path(__file__).parents[2]
    run = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", FULL_DISK, sys.executable],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    if "unshare" in run.stderr or "mount" in run.stderr:
        pytest.skip(f"no full disk can be made here: {run.stderr.strip()[:80]}")
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["AC"] * 20


def test_hard_limits_of_the_surroundings_are_kept_to() -> None:
    """A batch system sets them; no level may fail for it."""
    root = Path(__file__).parents[2]
    code = (
        "import resource\n"
        "for what, most in ((resource.RLIMIT_AS, 16 << 30), (resource.RLIMIT_FSIZE, 4 << 30)):\n"
        "    resource.setrlimit(what, (most, most))\n"
        "from o1coder.judge import Judge, Question\nfrom o1coder.task import Case\n"
        "with Judge(workers=1) as judge:\n"
        "    print(judge.judge([Question('print(42)', 'stdio', Case('', '', '42'))])[0].code)\n"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True
    )
    assert run.stdout == b"AC\n", run.stderr


@pytest.mark.parametrize("which", [0, 1])
def test_a_pair_of_which_one_is_killed_from_outside_is_asked_again(which: int) -> None:
    asleep = "import time\ndef f(x):\n    time.sleep(1)\n    return x"
    question = Question(asleep, "assert", Case("", "assert f(1) == 1", ""), "f", limits=Limits(5.0, 256))
    with Judge(workers=1) as judge:
        [outer] = judge.pids()
        outside = 2 if judge.layer in ("L4", "L3") else 1

        def kill() -> None:
            pair = descendants_when(outer, outside + 1)[outside - 1 :]
            os.kill(sorted(pair)[which], signal.SIGKILL)

        threading.Thread(target=kill).start()
        assert [verdict.code for verdict in judge.judge([question])] == ["AC"]


def test_control_groups_go_with_their_workers() -> None:
    def groups() -> set[str]:
        return {
            path.name
            for parent in set(cgroup.find()[0].values())
            for path in parent.glob(f"{cgroup.NAME}-{os.getpid()}-*")
        }

    before = groups()
    for _ in range(5):
        with Judge(workers=2) as judge:
            judge.judge([DOUBLE] * 4)
    assert groups() == before


def test_details_can_be_stored_and_shown(judge: Judge) -> None:
    checks = Case("", "assert f(1)", "")
    code = "def f(x):\n    raise ValueError('\\ud800\\x1b[2J\\u202e')"
    [verdict] = judge.judge([Question(code, "assert", checks, "f")])
    assert verdict.detail == "ValueError: \\ud800\\x1b[2J\\u202e"


def test_a_closed_judge_says_so() -> None:
    with Judge(workers=1) as judge:
        stream = judge.stream([DOUBLE] * 5)
        next(stream)
    with pytest.raises(RuntimeError, match="closed"):
        list(stream)
    with pytest.raises(RuntimeError, match="closed"):
        judge.judge([DOUBLE])


@pytest.mark.parametrize("limits", [Limits(2e7, 256), Limits(0.0, 256), Limits(1.0, 1 << 44), Limits(1.0, 0)])
def test_limits_that_cannot_be_set_are_told(judge: Judge, limits: Limits) -> None:
    with pytest.raises(LabError, match="cannot be set"):
        judge.judge([Question("print(1)", "stdio", Case("", "", "1"), limits=limits)])
