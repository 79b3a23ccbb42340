"""What a machine has to give (CPU slots, GPUs by UUID) and which queued jobs get it. The choice is a pure function.

A GPU is leased by a row, so that the lease outlives the worker; it is released when no process of the job is left
(worker.py sees to that). Not covered: MIG slices, and GPUs that strangers use, which are only taken last.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.engine import Connection

from o1coder.clock import now
from o1coder.errors import LabError


class Need(NamedTuple):
    """What a queued job asks for."""

    job_id: int
    slots: int
    gpus: int


class Grant(NamedTuple):
    """What a job gets: CPU slots, or GPUs."""

    job_id: int
    slots: int
    gpus: tuple[str, ...]


def cpu_slots() -> int:
    """CPU slots of a worker: `O1CODER_SLOTS`, default 1. LabError when that is not a positive number."""
    value = os.environ.get("O1CODER_SLOTS", "1")
    if not value.isdigit() or int(value) < 1:
        raise LabError(
            f"O1CODER_SLOTS is {value!r}", "set it to the number of CPU jobs that may run at once, 1 or more"
        )
    return int(value)


def gpu_uuids() -> list[str]:
    """UUIDs of this machine's NVIDIA GPUs, those with most free memory first; [] where there is no driver.

    `CUDA_VISIBLE_DEVICES`, where set, narrows them: a scheduler's allocation is respected.
    """
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        found: list[tuple[int, str]] = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            uuid = pynvml.nvmlDeviceGetUUID(handle)
            name = uuid.decode() if isinstance(uuid, bytes) else str(uuid)
            if _visible(index, name, os.environ.get("CUDA_VISIBLE_DEVICES")):
                found.append((int(pynvml.nvmlDeviceGetMemoryInfo(handle).used), name))
        return [uuid for _, uuid in sorted(found)]
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()


def _visible(index: int, uuid: str, allowed: str | None) -> bool:
    if allowed is None:
        return True
    words = [word.strip() for word in allowed.split(",") if word.strip()]
    return any(word == str(index) or (word.startswith("GPU-") and uuid.startswith(word)) for word in words)


def demand(need: Need, slots: int, gpus: int) -> tuple[int, int]:
    """(CPU slots, GPUs) that `need` takes on a machine with that many: never more than there are, so that all can run.

    A GPU job takes GPUs and no slot; where there are none it takes CPU slots. A coordinator (neither) takes nothing.
    """
    if need.gpus and gpus:
        return 0, min(need.gpus, gpus)
    return min(max(need.slots, 1) if need.gpus else need.slots, slots), 0


def choose(queue: Sequence[Need], slots: int, free_slots: int, gpus: int, free_gpus: Sequence[str]) -> list[Grant]:
    """Which of `queue` (oldest first) start now. One that must wait is not overtaken by others that want the same."""
    granted: list[Grant] = []
    spare = list(free_gpus)
    slots_closed = gpus_closed = False
    for need in queue:
        want_slots, want_gpus = demand(need, slots, gpus)
        if want_gpus:
            if gpus_closed or want_gpus > len(spare):
                gpus_closed = True
                continue
            taken, spare = tuple(spare[:want_gpus]), spare[want_gpus:]
            granted.append(Grant(need.job_id, 0, taken))
        elif want_slots:
            if slots_closed or want_slots > free_slots:
                slots_closed = True
                continue
            free_slots -= want_slots
            granted.append(Grant(need.job_id, want_slots, ()))
        else:
            granted.append(Grant(need.job_id, 0, ()))
    return granted


def held(connection: Connection, host: str) -> dict[str, int]:
    """{GPU: attempt} of every lease on `host`."""
    rows = connection.execute(text("SELECT gpu, attempt_id FROM gpu_lease WHERE host = :host"), {"host": host})
    return {str(gpu): int(attempt) for gpu, attempt in rows}


def take(connection: Connection, host: str, gpus: Sequence[str], attempt_id: int) -> None:
    """Lease `gpus` to an attempt. The primary key refuses a GPU that is leased already."""
    for gpu in gpus:
        connection.execute(
            text("INSERT INTO gpu_lease (host, gpu, attempt_id, created_at) VALUES (:host, :gpu, :attempt, :now)"),
            {"host": host, "gpu": gpu, "attempt": attempt_id, "now": now()},
        )


def release(connection: Connection, attempt_id: int) -> None:
    """Give back what an attempt leased."""
    connection.execute(text("DELETE FROM gpu_lease WHERE attempt_id = :attempt"), {"attempt": attempt_id})
