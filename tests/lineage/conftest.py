"""The family of checkpoints (family.py), made once; a test works on a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from o1coder.lab import Lab
from tests.lineage.family import Family, make_family


@pytest.fixture(scope="session")
def family_template(tmp_path_factory: pytest.TempPathFactory) -> Family:
    family = make_family(tmp_path_factory.mktemp("family") / "lab")
    family.lab.close()
    return family


@pytest.fixture
def family(family_template: Family, tmp_path: Path) -> Iterator[Family]:
    lab = Lab(Path(shutil.copytree(family_template.lab.home, tmp_path / "lab")))
    yield family_template._replace(lab=lab)
    lab.close()
