"""Runs the judge's programs on other machines and says what differs: `python -m tests.machines [NAME ...]`.

Exit status 1 when a program got a wrong verdict, a level that the machine should have is missing, or it did not
finish. Everything that is made lies under --work, and is used again the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from o1coder.judge import Level

from . import debian, headers, machine
from .runner import MARK

ROOT = Path(__file__).parents[2]
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}
NATIVE = DEBIAN[platform.machine()]
CODE = (
    *(f"o1coder/{name}" for name in ("__init__.py", "canonical.py", "errors.py", "task.py", "judge")),
    *(f"tests/{name}" for name in ("__init__.py", "judge", "machines")),
)


ROOT_AND_USER: Mapping[int, Level] = {0: "L4", 1000: "L3"}


@dataclass(frozen=True)
class Machine:
    """A suite's Python on some kernel. `kernel` is the end of its package's name, empty for the kernel that runs here;
    `boot` what it is told; `factor` how much more CPU a program may use; `best` the level found by uid."""

    suite: str
    architecture: str
    kernel: str = ""
    boot: str = ""
    factor: float = 1
    timeout_s: float = 1800
    best: Mapping[int, Level] = field(default_factory=lambda: ROOT_AND_USER)

    @property
    def machine(self) -> str:
        """The processor as `uname` names it."""
        return {debian: name for name, debian in DEBIAN.items()}[self.architecture]


def emulated(suite: str, architecture: str, kernel: str = "", boot: str = "", user: Level = "L3") -> Machine:
    """A machine that boots, on an emulated processor."""
    return Machine(suite, architecture, kernel or architecture, boot, 30, 7200, {0: "L4", 1000: user})


MACHINES = {
    "bookworm": Machine("bookworm", NATIVE),
    "trixie": Machine("trixie", NATIVE),
    "bookworm-amd64": emulated("bookworm", "amd64"),
    "trixie-amd64": emulated("trixie", "amd64"),
    # What clusters take away: Landlock, user namespaces, both.
    "no-landlock": emulated("trixie", "amd64", boot="lsm=capability"),
    "no-namespaces": emulated("trixie", "amd64", boot="sysctl.user.max_user_namespaces=0", user="L2"),
    "neither": emulated("trixie", "amd64", boot="lsm=capability sysctl.user.max_user_namespaces=0", user="L1"),
    "bookworm-arm64": emulated("bookworm", "arm64"),
    "trixie-arm64": emulated("trixie", "arm64"),
    "large-pages": emulated("trixie", "arm64", "arm64-16k"),
}


# What programs show of Python or NumPy itself that another version does otherwise: shown, not held against it.
CHANGED: Mapping[str, Mapping[str, str]] = {
    "bookworm": {"hostile/numpy_library_loaded": "NumPy 1 looks for numpy.distutils first, which is not loaded"},
    "trixie": {
        "honest/collections_of_every_kind": "3.12 prints an OrderedDict differently",
        "honest/deep_cached_recursion": "3.12 and 3.13 bound recursion through C whatever is asked",
        "honest/late_pure_import": "3.13 has no mailcap",
    },
}


def copy_code(folder: Path) -> None:
    """The judge and its tests as they are here, under /judge of the system."""
    for name in CODE:
        source, target = ROOT / name, folder / "judge" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)


def run(name: str, work: Path, levels: list[str], uids: list[int], tests: bool) -> list[dict[str, Any]]:
    """The rows that the runner reported on one machine; the last one says whether it came to its end."""
    one = MACHINES[name]
    system = debian.system(one.suite, one.architecture, NATIVE, work)
    calls = headers.call_numbers(system.root, debian.TRIPLETS[one.architecture])
    wish = {"factor": one.factor, "levels": levels, "uids": uids, "tests": tests, "calls": calls}
    wrong = {name: calls.get(name) for name, number in headers.tables(one.machine).items() if calls.get(name) != number}
    if wrong:
        return [{"unfinished": f"the tables have other numbers than the headers: {wrong}"}]
    with tempfile.TemporaryDirectory(dir=work) as folder:
        os.chmod(folder, 0o755)
        code = Path(folder)
        copy_code(code)
        (code / "judge/wish.json").write_text(json.dumps(wish))
        command = "/usr/bin/python3 -m tests.machines.runner wish.json"
        if one.kernel:
            kernel = debian.kernel(one.suite, one.architecture, one.kernel, work)
            said = machine.boot(system, kernel, one.boot, code, command, one.timeout_s)
        else:
            said = machine.enter(system, code, command, one.timeout_s)
    (work / f"{name}.log").write_text(said)
    rows = [json.loads(line.split(MARK, 1)[1]) for line in said.splitlines() if MARK in line]
    if not rows or "left" not in rows[-1]:
        rows.append({"unfinished": said[-1500:]})
    return rows


def faults(name: str, rows: list[dict[str, Any]]) -> list[str]:
    """What is not as it should be, one line a fault with the levels that have it."""
    levels: dict[str, list[str]] = {}
    changed = CHANGED.get(MACHINES[name].suite, {})
    uid = 0
    for row in rows:
        uid = row.get("uid", uid)
        if "fault" in row and row["fault"].split(":")[0] not in changed:
            levels.setdefault(row["fault"], []).append(f"{row['level']} of {uid}")
    found = [f"{name}: {what}, at {', '.join(where)}" for what, where in levels.items()]
    for row in rows:
        if row.get("status") or row.get("left") or "unfinished" in row:
            found.append(f"{name}: {json.dumps(row)}")
        if "best" in row and row["best"] != MACHINES[name].best[row["uid"]]:
            found.append(f"{name}: uid {row['uid']} has {row['best'] or 'nothing'}: {row['refused']}")
    return found


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.machines", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MACHINES)}; all where absent")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "o1coder-machines")
    parser.add_argument("--levels", nargs="*", default=[], help="only these")
    parser.add_argument("--uids", nargs="*", type=int, default=[0, 1000])
    parser.add_argument("--no-tests", action="store_true", help="the programs only, without the files of tests")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    for name in asked.names or list(MACHINES):
        print(f"== {name}", flush=True)
        rows = run(name, asked.work, asked.levels, asked.uids, not asked.no_tests)
        for row in rows:
            print(f"  {json.dumps(row)}")
        found += faults(name, rows)
    print("\n".join(found) if found else "as it should be")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
