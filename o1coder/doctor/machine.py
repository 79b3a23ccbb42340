"""Memory, disk, and GPUs with their driver against the CUDA build of torch, read without loading torch."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from o1coder.lab import FREE_FLOOR_MB, NETWORK_DISKS, disk_type

DEMO_MB = 4_000  # the embedded model, its download and a round's checkpoints
SMALL_MEMORY_MB = 4_000


def memory(meminfo: Path = Path("/proc/meminfo")) -> dict[str, int | None]:
    """Total and available memory in MB; None where the system does not say."""
    try:
        text = meminfo.read_text()
    except OSError:
        text = ""
    found = {name: int(kb) >> 10 for name, kb in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}
    return {"total_mb": found.get("MemTotal"), "available_mb": found.get("MemAvailable")}


def disk(home: Path) -> dict[str, Any]:
    """The file system under `home` (or under the nearest folder above it that exists) and what is free there."""
    there = next((folder for folder in (home.absolute(), *home.absolute().parents) if folder.exists()), Path("/"))
    try:
        usage = shutil.disk_usage(there)
    except OSError:
        return {"at": str(there), "type": disk_type(there), "free_mb": None, "total_mb": None}
    return {"at": str(there), "type": disk_type(there), "free_mb": usage.free >> 20, "total_mb": usage.total >> 20}


def torch_cuda() -> str | None:
    """The CUDA version that the installed torch was built for, None for a CPU build or without torch."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        text = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    line = re.search(r"^cuda\b[^=\n]*=\s*(.+)$", text, re.MULTILINE)
    try:
        value = ast.literal_eval(line[1]) if line else None
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, str) else None


def gpus() -> dict[str, Any]:
    """Devices by NVML, the driver, the newest CUDA it serves, the CUDA of torch, and whether they fit (`usable`)."""
    built = torch_cuda()
    empty: dict[str, Any] = {"devices": [], "driver": None, "driver_cuda": None, "torch_cuda": built, "usable": False}
    try:
        import pynvml
    except ImportError:
        return {**empty, "why": "nvidia-ml-py is not installed"}
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return {**empty, "why": f"no NVIDIA driver ({error})"}
    try:
        driver, number = str(pynvml.nvmlSystemGetDriverVersion()), int(pynvml.nvmlSystemGetCudaDriverVersion())
        handles = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(pynvml.nvmlDeviceGetCount())]
        devices = [
            {
                "uuid": str(pynvml.nvmlDeviceGetUUID(handle)),
                "name": str(pynvml.nvmlDeviceGetName(handle)),
                "memory_mb": int(pynvml.nvmlDeviceGetMemoryInfo(handle).total) >> 20,
            }
            for handle in handles
        ]
    except pynvml.NVMLError as error:
        return {**empty, "why": f"the NVIDIA driver does not answer ({error})"}
    finally:
        pynvml.nvmlShutdown()
    serves = f"{number // 1000}.{number % 1000 // 10}"
    why = mismatch(built, serves, len(devices))
    return {
        "devices": devices,
        "driver": driver,
        "driver_cuda": serves,
        "torch_cuda": built,
        "usable": why is None,
        "why": why,
    }


def mismatch(built: str | None, serves: str, devices: int) -> str | None:
    """Why torch cannot use the GPUs, or None. A driver serves every CUDA of its major version and all older ones."""
    if not devices:
        return "the driver shows no GPU"
    if built is None:
        return "this torch is a CPU build"
    if int(built.split(".")[0]) > int(serves.split(".")[0]):
        return f"torch is built for CUDA {built}, the driver serves up to {serves}"
    return None


def advice(disk: Mapping[str, Any], gpus: Mapping[str, Any], memory: Mapping[str, int | None]) -> list[str]:
    """Lines about disk, GPUs and memory."""
    lines = []
    if disk["type"] in NETWORK_DISKS:
        lines.append(
            f"{disk['at']} lies on a network disk ({disk['type']}), where SQLite's locks do not hold: keep the lab on a "
            "local disk and copy it with `o1coder backup`"
        )
    free = disk["free_mb"]
    if free is not None and free < FREE_FLOOR_MB:
        lines.append(f"only {free} MB are free at {disk['at']}: nothing will be started below {FREE_FLOOR_MB} MB")
    elif free is not None and free < DEMO_MB:
        lines.append(f"{free} MB are free at {disk['at']}; a round of the demo wants about {DEMO_MB} MB")
    if gpus["devices"] and not gpus["usable"]:
        lines.append(f"the GPUs are not used: {gpus['why']}")
    total = memory["total_mb"]
    if total is not None and total < SMALL_MEMORY_MB:
        lines.append(f"{total} MB of memory: lower batch and max_length of the training stages if one ends in host-oom")
    return lines
