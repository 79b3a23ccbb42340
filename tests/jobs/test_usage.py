"""What processes use is read from this machine's own; what GPUs say from a driver that is made up, since few have one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from o1coder.errors import LabError
from o1coder.jobs import alive
from o1coder.lab import Lab
from o1coder.queries import gpus, usage


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab.create(tmp_path / "lab")
    yield lab
    lab.close()


class Driver(ModuleType):
    """NVML with two cards: one that says all, an old one that says little. `down`: every question fails."""

    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        pass

    def __init__(self, ours: int) -> None:
        super().__init__("pynvml")
        self.ours = ours
        self.down = False
        self.started = 0

    def _check(self, handle: int = 0, *, old: bool = False) -> None:
        if self.down or (old and handle == 1):
            raise self.NVMLError("no")

    def nvmlInit(self) -> None:
        self._check()
        self.started += 1

    def nvmlDeviceGetCount(self) -> int:
        self._check()
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> bytes | str:
        return b"GPU-aa" if handle == 0 else "GPU-bb"

    def nvmlDeviceGetName(self, handle: int) -> str:
        return "H200" if handle == 0 else "old one"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(used=(3000 << 20), total=(140_000 << 20))

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        self._check(handle, old=True)
        return SimpleNamespace(gpu=97, memory=40)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        self._check(handle, old=True)
        return 61

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        self._check(handle, old=True)
        return 512_300

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> int:
        self._check(handle, old=True)
        return 700_000

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[SimpleNamespace]:
        self._check(handle, old=True)
        return [
            SimpleNamespace(pid=self.ours, usedGpuMemory=2000 << 20),
            SimpleNamespace(pid=1, usedGpuMemory=1000 << 20),
            SimpleNamespace(pid=2, usedGpuMemory=None),
        ]

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: int) -> list[SimpleNamespace]:
        self._check(handle, old=True)
        return [SimpleNamespace(pid=self.ours, usedGpuMemory=2000 << 20)]


@pytest.fixture
def child(lab: Lab) -> Iterator[subprocess.Popen[bytes]]:
    """A process of job 7 that has a child of its own."""
    code = "import subprocess, sys; print('up', flush=True); subprocess.run([sys.executable, '-c', 'input()'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {alive.MARK: alive.mark(lab.home, 7)},
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.communicate(b"\n")


def pids(found: usage.Usage) -> set[int]:
    return {process.pid for process in found.processes}


def test_a_jobs_processes_are_found_with_their_children(lab: Lab, child: subprocess.Popen[bytes]) -> None:
    meter = usage.Meter(lab, rest_s=0.0)
    while len(meter.read().processes) < 2:
        time.sleep(0.02)
    found = meter.read()
    assert child.pid in pids(found)
    assert {process.job for process in found.processes} == {7}
    assert all(process.rss_mb > 0 and process.threads >= 1 and process.gpu_mb is None for process in found.processes)
    assert all(process.cpu_percent is not None for process in found.processes)
    assert [process.rss_mb for process in found.of_job(7)] == sorted((p.rss_mb for p in found.processes), reverse=True)
    assert found.of_job(8) == []
    machine = found.machine
    assert 0 < machine.memory_used_mb < machine.memory_total_mb
    assert machine.cpu_percent is not None
    assert machine.disk_free_mb > 0


def test_a_reading_that_comes_too_soon_is_the_last_one(lab: Lab) -> None:
    meter = usage.Meter(lab, rest_s=3600.0)
    assert meter.read() is meter.read()
    assert usage.Meter(lab, rest_s=0.0).read().machine.cpu_percent is None  # nothing to compare the first with


def test_without_the_library_or_a_driver_there_are_no_gpus(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert usage.Meter(lab).read().gpus == []
    driver = Driver(0)
    driver.down = True
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    assert usage.Meter(lab).read().gpus == []


def test_what_a_driver_says_and_does_not_say(
    lab: Lab, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver(child.pid)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    with lab.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO job (id, stage, config, config_digest, seed, author, cancel_requested, attempts_wanted, slots, gpus, "
            "created_at) VALUES (7, 'rl', '{}', 'x', 0, 'ann', 0, 1, 0, 1, '')"
        )
        connection.exec_driver_sql(
            "INSERT INTO attempt (id, job_id, n, host, boot_id, started_at, heartbeat_at, done, total, versions, code_digest) "
            "VALUES (1, 7, 1, ?, 'b', '', '', 0, 0, '{}', '')",
            (alive.host(),),
        )
        connection.exec_driver_sql(
            "INSERT INTO gpu_lease (host, gpu, attempt_id, created_at) VALUES (?, 'GPU-aa', 1, '')", (alive.host(),)
        )
    found = usage.Meter(lab).read()
    first, second = found.gpus
    assert first == gpus.Gpu("GPU-aa", 0, "H200", 97, 3000, 140_000, 61, 512.3, 700.0, 7, 1000)
    assert second == gpus.Gpu("GPU-bb", 1, "old one", None, 3000, 140_000, None, None, None, None, 0)
    assert {process.pid: process.gpu_mb for process in found.processes}[child.pid] == 2000


def test_a_driver_that_goes_away_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(0)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    nvml = gpus.Nvml()
    assert len(nvml.cards()) == 2
    driver.down = True
    assert nvml.cards() == []
    assert nvml.cards() == []
    driver.down = False
    nvml = gpus.Nvml()
    assert len(nvml.cards()) == 2
    assert driver.started == 2


def test_usage_of_a_job_that_there_is_not_is_refused(lab: Lab) -> None:
    with pytest.raises(LabError, match="there is no job 99"):
        usage.measured(lab, 99, over_s=0.0)
