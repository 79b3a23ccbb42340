"""A control group for one worker, where this user may make one: a ceiling on the memory and tasks of all it runs.

Version 1 where its memory and pids hierarchies are writable, version 2 where the own group is delegated with both
controllers. It never moves this process and never changes a group that it did not make. Groups that a killed parent
left behind are empty, and the next judge removes them.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
NAME = "o1coder-judge"
REMOVALS, REMOVAL_S = 100, 0.002  # then it stays, and the next judge removes it
FILES = {"memory": {1: "memory.limit_in_bytes", 2: "memory.max"}, "pids": {1: "pids.max", 2: "pids.max"}}


class Group:
    """The folders (one a hierarchy) of one worker's group."""

    def __init__(self, folders: dict[str, Path], version: int) -> None:
        self.folders = folders
        self.version = version
        self.memory_mb = 0

    def limit(self, memory_mb: int, tasks: int) -> None:
        """Set ceilings. OSError when refused."""
        self.write("memory", FILES["memory"][self.version], memory_mb << 20)
        self.write("pids", FILES["pids"][self.version], tasks)
        self.memory_mb = memory_mb

    def add(self, pid: int) -> None:
        """Put a process, and all that it will fork, into the group. OSError when refused."""
        for folder in set(self.folders.values()):
            (folder / "cgroup.procs").write_text(str(pid))

    def write(self, controller: str, name: str, value: int) -> None:
        """Write one control file."""
        (self.folders[controller] / name).write_text(str(value))

    def remove(self) -> None:
        """Remove the group; its processes must have ended."""
        for folder in set(self.folders.values()):
            for _ in range(REMOVALS):  # its processes have been killed and need a moment to be gone
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(REMOVAL_S)


def create(number: int) -> Group | None:
    """A new group for worker `number` of this process; None where that is not permitted."""
    parents, version = find()
    if not parents:
        return None
    folders = {controller: parent / f"{NAME}-{os.getpid()}-{number}" for controller, parent in parents.items()}
    group = Group(folders, version)
    try:
        for folder in set(folders.values()):
            sweep(folder.parent)
            folder.mkdir(exist_ok=True)
        group.limit(1024, 128)
    except OSError:
        group.remove()
        return None
    return group


def find() -> tuple[dict[str, Path], int]:
    """This process's own group by controller, and the version; empty when there is no such controller to use."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return {}, 1
    own = {line.split(":", 2)[1]: line.split(":", 2)[2].lstrip("/") for line in lines}
    first = {name: ROOT / name / path for key, path in own.items() for name in key.split(",") if name in FILES}
    if set(first) == set(FILES):
        return first, 1
    folder = ROOT / own.get("", "")
    try:
        if set(FILES) <= set((folder / "cgroup.subtree_control").read_text().split()):
            return dict.fromkeys(FILES, folder), 2
    except OSError:
        return {}, 2
    return {}, 2


def sweep(parent: Path) -> None:
    """Remove groups whose maker is gone."""
    for folder in parent.glob(f"{NAME}-*"):
        maker = folder.name.removeprefix(f"{NAME}-").split("-")[0]
        if maker.isdigit() and not Path(f"/proc/{maker}").exists():
            with suppress(OSError):  # another judge was quicker, or it still has a process
                folder.rmdir()
