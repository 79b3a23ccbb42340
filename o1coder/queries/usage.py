"""What this machine and the processes of each job use: CPU, memory, GPUs. Nothing is stored, and nothing is needed.

A `Meter` is asked again and again, by one thread at a time and not more often than once a second: CPU shares are of the
time since it was asked before, and NVML is slow. Without NVIDIA's library there are no GPUs and nothing breaks. A job's
processes are those that carry its mark (jobs/alive.py), children included; those on other hosts cannot be seen from here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from threading import Lock
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import text

from o1coder.errors import LabError
from o1coder.jobs import alive
from o1coder.lab import Lab
from o1coder.queries.gpus import MB, Gpu, Nvml


class Machine(NamedTuple):
    """This host. `cpu_percent` is of all cores; memory is what is not available to new processes."""

    host: str
    cores: int
    cpu_percent: float | None
    load: float
    memory_used_mb: int
    memory_total_mb: int
    disk_free_mb: int


class Process(NamedTuple):
    """One process of a job. `cpu_percent` is of one core, null when it was seen for the first time."""

    job: int
    pid: int
    name: str
    cpu_percent: float | None
    rss_mb: int
    gpu_mb: int | None
    threads: int
    age_s: float


class Usage(NamedTuple):
    """One reading."""

    machine: Machine
    gpus: list[Gpu]
    processes: list[Process]

    def of_job(self, job_id: int) -> list[Process]:
        """The processes of one job, the largest first."""
        return sorted((p for p in self.processes if p.job == job_id), key=lambda p: -p.rss_mb)


class Meter:
    """Reads usage; keeps what the next reading is compared with. `readings` are at least `rest_s` apart: one that comes too
    soon gets the last."""

    def __init__(self, lab: Lab, rest_s: float = 1.0) -> None:
        self.lab = lab
        self.rest_s = rest_s
        self._guard = Lock()
        self._seen: dict[int, Any] = {}
        self._nvml = Nvml()
        self._last: Usage | None = None
        self._at = 0.0

    def read(self) -> Usage:
        """The usage now. Call it in a worker thread."""
        with self._guard:
            if self._last is None or time.monotonic() - self._at >= self.rest_s:
                self._last = self._read()
                self._at = time.monotonic()
            return self._last

    def _read(self) -> Usage:
        import psutil

        with self.lab.reading() as connection:
            leases = connection.execute(
                text(
                    "SELECT l.gpu, a.job_id FROM gpu_lease l JOIN attempt a ON a.id = l.attempt_id WHERE l.host = :host"
                ),
                {"host": alive.host()},
            ).all()
            leaders = connection.execute(
                text(
                    "SELECT a.pid, a.job_id FROM attempt a WHERE a.outcome IS NULL AND a.pid IS NOT NULL "
                    "AND a.host = :host AND a.boot_id = :boot"
                ),
                {"host": alive.host(), "boot": alive.boot_id()},
            ).all()
        found = alive.marked(self.lab.home, {int(pid): int(job) for pid, job in leaders})
        cards = self._nvml.cards()
        on_gpu: dict[int, int] = {}
        for card in cards:
            for pid, memory in card.memory_mb.items():
                on_gpu[pid] = on_gpu.get(pid, 0) + memory
        processes = self._processes(psutil, found, on_gpu, bool(cards))
        ours = {process.pid for process in processes}
        held = {str(gpu): int(job) for gpu, job in leases}
        gpus = [
            card.gpu._replace(
                job=held.get(card.gpu.uuid),
                foreign_mb=sum(memory for pid, memory in card.memory_mb.items() if pid not in ours),
            )
            for card in cards
        ]
        memory = psutil.virtual_memory()
        first = self._last is None
        percent = psutil.cpu_percent()
        machine = Machine(
            alive.host(),
            os.cpu_count() or 1,
            None if first else percent,
            os.getloadavg()[0],
            (memory.total - memory.available) // MB,
            memory.total // MB,
            psutil.disk_usage(str(self.lab.home)).free // MB,
        )
        return Usage(machine, gpus, processes)

    def _processes(
        self, psutil: ModuleType, found: Mapping[int, Sequence[int]], on_gpu: Mapping[int, int], gpus: bool
    ) -> list[Process]:
        seen: dict[int, Any] = {}
        out: list[Process] = []
        for job, pids in sorted(found.items()):
            for pid in sorted(pids):
                try:
                    process: Any = self._seen.get(pid)
                    new = process is None or not process.is_running()
                    process = psutil.Process(pid) if new else process
                    with process.oneshot():
                        percent = process.cpu_percent()
                        one = Process(
                            job,
                            pid,
                            process.name(),
                            None if new else percent,
                            process.memory_info().rss // MB,
                            on_gpu.get(pid, 0) if gpus else None,
                            process.num_threads(),
                            max(0.0, time.time() - process.create_time()),
                        )
                except psutil.Error:  # gone meanwhile, or not ours to see
                    continue
                seen[pid] = process
                out.append(one)
        self._seen = seen
        return out


def measured(lab: Lab, job_id: int | None = None, over_s: float = 0.5) -> Usage:
    """One reading over a span of time, for a command line; of one job's processes where it is named. LabError: no such job."""
    if job_id is not None:
        with lab.reading() as connection:
            if connection.execute(text("SELECT 1 FROM job WHERE id = :id"), {"id": job_id}).first() is None:
                raise LabError(f"there is no job {job_id}", "`o1coder jobs list` shows those there are")
    meter = Meter(lab, rest_s=0.0)
    meter.read()
    time.sleep(over_s)
    found = meter.read()
    return found if job_id is None else found._replace(processes=found.of_job(job_id))
