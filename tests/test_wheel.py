"""The wheel carries all it needs and works where no checkout, no make and no network are, beside folders that bear its names.

The libraries it depends on are those of the running environment: this file tests what is in the wheel, not the lock.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from o1coder.db import HEAD

ROOT = Path(__file__).resolve().parents[1]
DECOYS = ("migrations", "migrations/versions", "o1coder", "o1coder/stages", "tui", "alembic")


class Installed(NamedTuple):
    """The built wheel, the interpreter of the environment it went into, and a folder of decoys to stand in."""

    wheel: Path
    python: Path
    decoys: Path

    def run(self, *line: str | Path, given: str | None = None) -> str:
        """Run a program of the environment from the folder of decoys; what it printed."""
        return run([*line], cwd=self.decoys, given=given)


def run(line: Sequence[str | Path], cwd: Path, given: str | None = None) -> str:
    """Run a program without the variables that lead to other code; its stdout. AssertionError when it fails."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_", "O1CODER_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        list(line), cwd=cwd, env=kept, input=given, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel, install it by name from a wheel house into an environment that knows no checkout."""
    base = tmp_path_factory.mktemp("wheel")
    house, place, decoys = base / "house", base / "place", base / "decoys"
    run([sys.executable, "-P", "-m", "hatchling", "build", "--target", "wheel", "--directory", house], cwd=ROOT)
    [wheel] = house.glob("*.whl")
    run([sys.executable, "-m", "venv", "--without-pip", place], cwd=base)
    python = place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--isolated", "--python", python, "install", "--quiet", "--no-deps"]
    run([*pip, "--no-index", "--find-links", house, "o1coder"], cwd=base)
    packages = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], cwd=base).strip()
    # A path in a .pth file brings the libraries but not the .pth files beside them, so no editable checkout.
    Path(packages, "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for name in DECOYS:
        folder = decoys / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("raise SystemExit('a decoy was imported')\n")
    (decoys / "migrations" / "env.py").write_text("raise SystemExit('a decoy migrated')\n")
    (decoys / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    return Installed(wheel, python, decoys)


def files_of(folder: str, pattern: str) -> dict[str, bytes]:
    """The files below a folder of the checkout, by their path from its root."""
    return {str(f.relative_to(ROOT)): f.read_bytes() for f in sorted((ROOT / folder).rglob(pattern)) if f.is_file()}


def test_the_wheel_holds_migrations_prompts_problems_and_screens(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    for folder, pattern in (("o1coder/text/prompts", "*.txt"), ("o1coder/problems/starter", "*.toml"), ("tui", "*.py")):
        wanted = files_of(folder, pattern)
        assert wanted
        assert {name: held.get(name) for name in wanted} == wanted
    for pattern in ("*.py", "*.mako"):
        for name, text in files_of("migrations", pattern).items():
            assert held[name.replace("migrations", "o1coder/_migrations", 1)] == text
    tops = {name.split("/")[0] for name in held}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"o1coder", "tui"}
    assert any(name.endswith("/LICENSE") for name in held)


def test_what_runs_is_what_was_installed(installed: Installed) -> None:
    place = installed.python.parent.parent
    where = installed.run(
        installed.python, "-P", "-c", "import o1coder, tui; print(o1coder.__file__); print(tui.__file__)"
    )
    assert all(Path(line).is_relative_to(place) for line in where.splitlines())
    assert "--home" in installed.run(installed.python, "-P", "-m", "tui", "--help")


def test_a_lab_is_brought_to_the_head_among_decoys(installed: Installed, tmp_path: Path) -> None:
    command = installed.python.parent / "o1coder"
    home = tmp_path / "lab"
    made = json.loads(installed.run(command, "init", "--home", home, "--json"))
    assert made["schema"] == HEAD
    with sqlite3.connect(home / "lab.db") as connection:
        assert connection.execute("select version_num from alembic_version").fetchall() == [(HEAD,)]
    connection.close()
    assert json.loads(installed.run(command, "problems", "list", "--home", home, "--json")) == []


def test_prompts_and_starter_problems_are_read_from_the_installation(installed: Installed) -> None:
    program = (
        "from o1coder.text import load_prompt, prompt_names\n"
        "from o1coder.problems.starter import starter_problems\n"
        "print(len([load_prompt(n).digest for n in prompt_names()]), len(starter_problems()))"
    )
    prompts, problems = installed.run(installed.python, "-P", "-c", program).split()
    assert int(prompts) == len(files_of("o1coder/text/prompts", "*.txt"))
    assert int(problems) == len(files_of("o1coder/problems/starter", "*.toml"))


def test_the_judge_judges_without_any_lab(installed: Installed, tmp_path: Path) -> None:
    lines = [
        {"id": "good", "code": "print(int(input()) + 1)", "stdin": "1\n", "expected": "2\n"},
        {"id": "bad", "code": "print(int(input()) - 1)", "stdin": "1\n", "expected": "2\n"},
    ]
    file = tmp_path / "batch.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    said = installed.run(installed.python.parent / "o1coder", "judge", "--batch", file)
    verdicts = {row["id"]: row["verdict"] for row in map(json.loads, said.splitlines())}
    assert verdicts == {"good": "AC", "bad": "WA"}
