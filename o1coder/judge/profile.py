"""What a verdict depends on, and which layers are active here. Names and versions only; nothing is judged except by
the canaries that `describe_layers` runs."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from functools import cache
from typing import TypedDict

from ..errors import LabError
from ..task import Comparator, Kind, Limits
from .pool import Judge
from .question import LEVELS, Level
from .worker import numpy_folder

VERSION = "2"  # raise when the same question may get another verdict

HARNESSES: dict[Kind, str] = {
    "stdio": "main.py as __main__, one process",
    "call": "one call, typed JSON in and out",
    "assert": "checks and program in two processes, typed JSON between",
}
STOPS: dict[Level, tuple[str, str]] = {
    "L4": ("control group", "a worker's memory and tasks beyond a ceiling, whatever they are"),
    "L3": ("namespaces", "seeing or reaching other files, processes, networks, users"),
    "L2": ("Landlock", "reading files outside the standard library"),
    "L1": ("seccomp and limits", "processes, sockets, writing, signals, executable memory; time, memory, output"),
}


class Layer(TypedDict):
    """One row of `doctor`."""

    level: Level
    name: str
    stops: str
    active: bool
    reason: str


@cache
def numpy_version() -> str:
    """The version of NumPy that programs may import, or "absent"."""
    if numpy_folder() is None:
        return "absent"
    try:
        return importlib.metadata.version("numpy")
    except importlib.metadata.PackageNotFoundError:
        return "of no known version"


def profile(kind: Kind, comparator: Comparator, limits: Limits) -> dict[str, str]:
    """What was asked: the sha256 of its canonical JSON is the digest of a verdict's profile."""
    return {
        "judge": VERSION,
        "python": platform.python_version(),
        "harness": f"{kind}: {HARNESSES[kind]}; NumPy {numpy_version()}",
        "comparator": json.dumps([comparator.name, dict(comparator.args)], sort_keys=True),
        "limits": json.dumps({"cpu_s": float(limits.cpu_s), "memory_mb": limits.memory_mb}, sort_keys=True),
    }


def describe_layers() -> list[Layer]:
    """Each level, what it adds and stops, whether the judge found here has it, and why not. Takes under a second."""
    try:
        with Judge(workers=1) as judge:
            found: Level = judge.layer
            refused = dict(judge.refused)
    except LabError as error:
        found, refused = "L0", dict.fromkeys(LEVELS, error.message)
    rows: list[Layer] = []
    for level in LEVELS:
        name, stops = STOPS[level]
        active = found != "L0" and LEVELS.index(level) >= LEVELS.index(found)
        rows.append({"level": level, "name": name, "stops": stops, "active": active, "reason": refused.get(level, "")})
    return rows
