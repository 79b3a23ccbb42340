"""What each program has loaded, read from `sys.modules` of processes of their own.

The import contracts of pyproject.toml say who may import whom; a static graph cannot see whether a deferred import really
defers, so this file looks. It measures no time: tests/benchmarks/startup.py does.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEARNING = frozenset({"torch", "transformers", "trl", "peft", "accelerate", "datasets", "vllm"})
DATABASE = frozenset({"sqlmodel", "sqlalchemy", "alembic"})
LAB = frozenset(f"o1coder.{name}" for name in ("models", "db", "lab", "stage", "stages", "queries", "jobs"))
STAGE_FILES = sorted((ROOT / "o1coder" / "stages").glob("[!_]*.py"))

# These hold a model, and are themselves loaded when one is opened.
HOLD_A_MODEL = tuple(
    f"o1coder.sampling.{name}"
    for name in ("draw", "exact", "hf", "hf_scorer", "kept", "load", "packed", "passes", "slots", "together")
)
ALL_MODULES = f"""
import importlib, pkgutil, o1coder, tui
skipped = {("o1coder.judge.inside", *HOLD_A_MODEL)}
for package in (o1coder, tui):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(".__main__") and not module.name.startswith(skipped):
            importlib.import_module(module.name)
"""
SCREENS = """
import asyncio, sys
from pathlib import Path
from tui.app import LabApp

async def look():
    app = LabApp(Path(sys.argv[1]))
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(200):
            if app.lab is not None or app.failure is not None:
                break
            await pilot.pause(0.05)
        assert app.lab is not None, app.failure
        for key in "123456789":
            await pilot.press(key)
            await pilot.pause(0.2)
            for worker in [w for w in app.workers if w.group != "watch"]:  # that one lives as long as the app
                await worker.wait()

asyncio.run(look())
"""


def loaded(program: str, *arguments: str) -> set[str]:
    """The names in `sys.modules` after a fresh interpreter has run `program`."""
    report = (
        "\nimport json as _json, sys as _sys\nprint('\\n' + _json.dumps(sorted(_sys.modules)), file=_sys.__stdout__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program + report, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh lab, made by a process of its own."""
    folder = tmp_path_factory.mktemp("imports") / "lab"
    loaded("import sys\nfrom o1coder.cli import main\nassert main(['init', '--home', sys.argv[1]]) == 0", str(folder))
    return folder


def test_help_loads_nothing_heavy() -> None:
    names = loaded("from o1coder.cli import main\nassert main(['--help']) == 0")
    assert not names & (LEARNING | DATABASE | {"textual", "rich", "pydantic", "numpy"})


def test_a_question_to_the_lab_loads_no_learning_library_and_no_screen(home: Path) -> None:
    names = loaded(
        "import sys\nfrom o1coder.cli import main\nassert main(['problems', 'list', '--json', '--home', sys.argv[1]]) == 0",
        str(home),
    )
    assert not names & (LEARNING | {"textual", "alembic"})


def test_the_screens_load_no_learning_library_and_no_migrations(home: Path) -> None:
    names = loaded(SCREENS, str(home))
    assert "sqlalchemy" in names  # the lab was open: the rest of this test has something to say
    assert not names & (LEARNING | {"alembic"})


def test_what_only_asks_loads_no_table_models() -> None:
    """Half a second and some thirty megabytes: a screen's first rows do not wait for them."""
    questions = sorted(file.stem for file in (ROOT / "o1coder" / "queries").glob("[!_]*.py"))
    names = loaded("".join(f"import o1coder.queries.{name}\n" for name in questions))
    assert "sqlalchemy" in names
    assert not names & {"sqlmodel", "o1coder.models"}


def test_the_screens_frame_needs_no_database() -> None:
    assert not loaded("import tui.app, tui.screens.jobs") & (LEARNING | DATABASE)


def test_reading_every_stage_config_loads_neither_learning_library_nor_database() -> None:
    names = loaded("from o1coder.stage import all_stages\nassert len(all_stages()) > 5")
    assert not names & (LEARNING | DATABASE | {"textual", "numpy"})


def test_no_module_loads_a_learning_library_when_it_is_imported() -> None:
    assert not loaded(ALL_MODULES) & (LEARNING | {"alembic"})


@pytest.mark.parametrize("name", ["search", "sampling", "judge", "train", "text", "reward", "measure", "task"])
def test_what_knows_no_lab_loads_none(name: str) -> None:
    assert not loaded(f"import o1coder.{name}") & (DATABASE | LAB | LEARNING)


@pytest.mark.parametrize("file", STAGE_FILES, ids=lambda file: str(file.stem))
def test_a_stage_imports_only_pydantic_and_declarations_at_its_top(file: Path) -> None:
    allowed = sys.stdlib_module_names | {"pydantic", "o1coder.stage", "o1coder.searched"}
    tops = []
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            tops += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}: write the whole name"
            tops.append(node.module or "")
    assert not [name for name in tops if name not in allowed and name.split(".")[0] not in sys.stdlib_module_names]
