"""The made-up lab of lab.py, made once; `runs` is a copy's home with its ids."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.runs.lab import RunsLab, make_runs_lab


class Made(NamedTuple):
    """A lab that a test may change, and the ids in it."""

    home: Path
    ids: RunsLab


@pytest.fixture(scope="session")
def runs_template(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Written once a session."""
    home = tmp_path_factory.mktemp("runs") / "lab"
    return Made(home, make_runs_lab(home))


@pytest.fixture
def runs(runs_template: Made, tmp_path: Path) -> Made:
    """A copy."""
    return Made(Path(shutil.copytree(runs_template.home, tmp_path / "lab")), runs_template.ids)
