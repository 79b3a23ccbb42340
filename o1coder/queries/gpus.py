"""NVIDIA's GPUs as their driver tells of them. Nothing breaks without a driver, a library, or an answer to one question.

Asking is slow (tens of milliseconds): whoever asks does so in a thread, not more often than once a second (usage.py).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

MB = 1 << 20


class Gpu(NamedTuple):
    """One GPU; null is what its driver does not say. `job` holds its lease; `foreign_mb`: memory of processes of no job."""

    uuid: str
    number: int
    name: str
    percent: int | None
    memory_used_mb: int | None
    memory_total_mb: int | None
    celsius: int | None
    watts: float | None
    watts_limit: float | None
    job: int | None
    foreign_mb: int | None


class Card(NamedTuple):
    """What NVML says of a GPU, and the memory of each process on it."""

    gpu: Gpu
    memory_mb: dict[int, int]


class Nvml:
    """The driver's library; opened when it is asked first, and again after it failed."""

    def __init__(self) -> None:
        self._library: ModuleType | None = None
        self._tried = False

    def cards(self) -> list[Card]:
        """Every GPU of this machine; [] where none can be asked."""
        if not self._tried:
            self._library, self._tried = _started(), True
        if self._library is None:
            return []
        nvml: Any = self._library
        try:
            return [_card(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
        except nvml.NVMLError:  # the driver went away, or a card fell off the bus: it is opened anew, once
            self._tried = False
            return []


def _started() -> ModuleType | None:
    """NVML, ready to be asked; None where it is not installed or there is no driver."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml  # type: ignore[no-any-return]


def _card(nvml: Any, index: int) -> Card:
    def asked(name: str, *values: Any) -> Any:
        try:
            return getattr(nvml, name)(handle, *values)
        except nvml.NVMLError:  # this card does not say
            return None

    def text_of(value: Any) -> str:
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory, rates = asked("nvmlDeviceGetMemoryInfo"), asked("nvmlDeviceGetUtilizationRates")
    watts, limit = asked("nvmlDeviceGetPowerUsage"), asked("nvmlDeviceGetEnforcedPowerLimit")
    gpu = Gpu(
        text_of(nvml.nvmlDeviceGetUUID(handle)),
        index,
        text_of(asked("nvmlDeviceGetName") or "GPU"),
        None if rates is None else int(rates.gpu),
        None if memory is None else int(memory.used) // MB,
        None if memory is None else int(memory.total) // MB,
        asked("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
        None if watts is None else watts / 1000,
        None if limit is None else limit / 1000,
        None,
        None,
    )
    used: dict[int, int] = {}
    for kind in ("Compute", "Graphics"):
        for process in asked(f"nvmlDeviceGet{kind}RunningProcesses") or []:
            used[int(process.pid)] = max(used.get(int(process.pid), 0), int(process.usedGpuMemory or 0) // MB)
    return Card(gpu, used)
