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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import debian, headers, machine
from .runner import MARK

ROOT = Path(__file__).parents[2]
NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
CODE = ("o1coder/__init__.py", "o1coder/errors.py", "o1coder/task.py", "o1coder/judge", "tests/__init__.py",
        "tests/judge", "tests/machines")  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """A system, whether it brings its own kernel, how much slower it may be, and the levels that root and a user
    have there."""

    suite: str
    architecture: str
    own_kernel: bool
    factor: float
    timeout_s: float
    levels: dict[int, str]


FULL = {0: "L4", 1000: "L3"}
MACHINES = {
    "bookworm": Machine("bookworm", NATIVE, False, 1, 600, FULL),
    "trixie": Machine("trixie", NATIVE, False, 1, 600, FULL),
    "bookworm-arm64": Machine("bookworm", "arm64", True, 30, 3000, FULL),
    "trixie-arm64": Machine("trixie", "arm64", True, 30, 3000, FULL),
    "bookworm-amd64": Machine("bookworm", "amd64", True, 30, 3000, FULL),
    "trixie-amd64": Machine("trixie", "amd64", True, 30, 3000, FULL),
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


def run(name: str, work: Path, levels: list[str], uids: list[int]) -> list[dict[str, Any]]:
    """The rows that the runner reported on one machine; the last one says whether it came to its end."""
    one = MACHINES[name]
    system = debian.system(one.suite, one.architecture, NATIVE, work)
    calls = headers.call_numbers(system.root, debian.TRIPLETS[one.architecture])
    wish = {"factor": one.factor, "levels": levels, "uids": uids, "calls": calls}
    with tempfile.TemporaryDirectory(dir=work) as folder:
        os.chmod(folder, 0o755)
        code = Path(folder)
        copy_code(code)
        (code / "judge/wish.json").write_text(json.dumps(wish))
        command = "/usr/bin/python3 -m tests.machines.runner wish.json"
        if one.own_kernel:
            said = machine.boot(debian.with_kernel(system, work), code, command, one.timeout_s, work)
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
    uid = 0
    for row in rows:
        uid = row.get("uid", uid)
        if "program" in row:
            what = f"{row['program']}: {row['code']} ({row['detail']}), not {row['right']}"
            levels.setdefault(what, []).append(f"{row['level']} of {uid}")
    found = [f"{name}: {what}, at {', '.join(where)}" for what, where in levels.items()]
    for row in rows:
        if row.get("status") or row.get("left") or "unfinished" in row:
            found.append(f"{name}: {json.dumps(row)}")
        if "best" in row and row["best"] != MACHINES[name].levels[row["uid"]]:
            found.append(f"{name}: uid {row['uid']} has {row['best'] or 'nothing'}: {row['refused']}")
    return found


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.machines", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MACHINES)}; all where absent")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "o1coder-machines")
    parser.add_argument("--levels", nargs="*", default=[], help="only these")
    parser.add_argument("--uids", nargs="*", type=int, default=[0, 1000])
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    for name in asked.names or list(MACHINES):
        print(f"== {name}", flush=True)
        rows = run(name, asked.work, asked.levels, asked.uids)
        for row in rows:
            print(f"  {json.dumps(row)}")
        found += faults(name, rows)
    print("\n".join(found) if found else "as it should be")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
