"""What this machine and this installation have, and what to change: `o1coder doctor`.

    machine.py   cores, memory, GPUs against the CUDA build of torch, disk
    store.py     which SQLite, whether its WAL is safe, and what stands at the lab's home
    session.py   whether jobs outlive a logout, tmux, ssh, the terminal

It needs no lab and is not stopped by a broken one; a thing that is missing is an answer, not an error. It starts the judge
once, to run its canaries; it loads no model library and measures no speed.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from o1coder.doctor import machine, session, store

PACKAGES = (
    "o1coder",
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "vllm",
    "numpy",
    "pydantic",
    "sqlalchemy",
    "sqlmodel",
    "alembic",
    "textual",
)


def examine(home: Path) -> dict[str, Any]:
    """Everything found, by part, with `advice`: a line for each thing worth changing. Never raises for a missing thing."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        "memory": machine.memory(),
        "gpus": machine.gpus(),
        "sqlite": store.sqlite(),
        "lab": store.lab(home),
        "judge": isolation(),
        "disk": machine.disk(home),
        "logind": session.logind(os.environ),
        "terminal": session.terminal(os.environ),
        "versions": versions(),
    }
    found["advice"] = advice(found)
    return found


def isolation() -> dict[str, Any]:
    """The judge's level here ("L4" to "L1", None where none works), what each level stops and why it is refused, the NumPy
    that programs may import, and whether a control group can be made."""
    from o1coder.judge import cgroup, describe_layers
    from o1coder.judge.profile import numpy_version

    layers = [dict(layer) for layer in describe_layers()]
    numpy = numpy_version()
    return {
        "level": next((layer["level"] for layer in layers if layer["active"]), None),
        "layers": layers,
        "numpy": None if numpy == "absent" else numpy,
        "cgroup": groups(cgroup.ROOT),
    }


def groups(root: Path) -> dict[str, Any]:
    """The version of the control groups at `root` (1, 2, None: not mounted), and whether this user may make one with the
    controllers that the judge needs (`delegated`): one is made and removed."""
    from o1coder.judge import cgroup

    if (root / "cgroup.controllers").exists():
        version: int | None = 2
    else:
        version = 1 if (root / "memory").is_dir() or (root / "unified").is_dir() else None
    group = cgroup.create(0)
    if group is None:
        return {"version": version, "delegated": False}
    group.remove()
    return {"version": group.version, "delegated": True}


def judge_lines(found: Mapping[str, Any]) -> list[str]:
    """What `isolation` found, for people: a line a level, best first, then NumPy and control groups."""
    out = [f"judge: {found['level'] or 'no isolation works here'}"]
    for layer in found["layers"]:
        told = "active" if layer["active"] else f"refused: {layer['reason']}" if layer["reason"] else "not reached"
        out.append(
            f"  {layer['level']} {layer['name']} ({told}): {'stops' if layer['active'] else 'would stop'} {layer['stops']}"
        )
    if found["numpy"] is None:
        out.append("  NumPy absent: programs that import it fail")
    else:
        out.append(f"  NumPy {found['numpy']}: programs that name it run in a worker that has it loaded")
    version = found["cgroup"]["version"]
    mounted = "control groups are not mounted" if version is None else f"control groups of version {version}"
    may = "one can be made" if found["cgroup"]["delegated"] else "none with memory and pids can be made by this user"
    out.append(f"  {mounted}: {may}")
    return out


def versions() -> dict[str, str | None]:
    """Installed versions by package, None where it is not installed; nothing is imported."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def advice(found: Mapping[str, Any]) -> list[str]:
    """What to change, most important first; empty when all is well."""
    lines = [*store.advice(found["lab"], found["sqlite"])]
    level = found["judge"]["level"]
    if level is None:
        reasons = sorted({layer["reason"] for layer in found["judge"]["layers"] if layer["reason"]})
        lines.append(f"no isolation works here, so no program can be judged: {'; '.join(reasons)}")
    elif level not in ("L4", "L3"):
        lines.append(f"programs run at isolation {level}: user namespaces would add more (see `judge` above)")
    lines += machine.advice(found["disk"], found["gpus"], found["memory"])
    lines += session.advice(found["logind"], found["terminal"])
    return lines
