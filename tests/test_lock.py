"""The lock names every package that pyproject.toml asks for, at a version it allows, and nothing that ties it to one index.

It does not resolve anything: that the pins fit each other is what `make lock` and an installation show.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LINES = (ROOT / "constraints.txt").read_text().splitlines()
PINS = {canonicalize_name(name): Version(version) for name, _, version in (line.partition("==") for line in LINES[1:])}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ASKED = [
    *PROJECT["build-system"]["requires"],
    *PROJECT["project"]["dependencies"],
    *(line for extra in PROJECT["project"]["optional-dependencies"].values() for line in extra),
]


def test_a_line_is_a_name_and_a_version() -> None:
    assert LINES[0].startswith("# ")
    assert not [line for line in LINES[1:] if not re.fullmatch(r"[a-z0-9-]+==[a-z0-9.]+", line)]
    assert len(PINS) == len(LINES) - 1
    assert not [name for name, version in PINS.items() if version.local]


@pytest.mark.parametrize("line", ASKED)
def test_what_is_asked_for_is_pinned_at_a_version_it_allows(line: str) -> None:
    requirement = Requirement(line)
    pin = PINS[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pin, prereleases=True)


def test_torch_is_the_build_that_make_asks_for() -> None:
    assert f"torch=={PINS[canonicalize_name('torch')]} " in (ROOT / "Makefile").read_text()
