"""The command line's twins of the checkpoints screen: one JSON value each, and exit codes that answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from o1coder import labels
from tests.cli.conftest import say
from tests.lineage.family import Family, evaluate


def ask(family: Family, line: str) -> object:
    said = say(f"checkpoints {line} --json", family.lab.home)
    assert said.code == 0, said
    return said.value


def test_lineage_down_and_back(family: Family) -> None:
    found = ask(family, f"lineage {family.rl}")
    assert isinstance(found, dict)
    assert (found["id"], found["line"]) == (family.rl, [family.sft, family.base])
    back = ask(family, f"lineage --back step:{family.steps['1.0']}")
    assert isinstance(back, dict)
    assert [(one["checkpoint"], one["way"]) for one in back["checkpoints"]] == [
        (family.prm, "data"),
        (family.rl, "reward"),
    ]
    lines = say(f"checkpoints lineage {family.rl}", family.lab.home).out.splitlines()
    assert lines[0].startswith(f"checkpoint {family.rl} policy")
    assert any(line.startswith(f"  rewarded by: checkpoint {family.prm} prm") for line in lines)


def test_back_of_one_checkpoint_answers_by_its_exit_code(family: Family) -> None:
    assert say(f"checkpoints lineage {family.rl} --back problem:1 --json", family.lab.home).code == 0
    said = say(f"checkpoints lineage {family.rl} --back problem:2 --json", family.lab.home)
    assert (said.code, said.value["checkpoints"]) == (1, [])


@pytest.mark.parametrize(
    "line", ["lineage", "lineage --back nothing", "lineage 999", "compare 1 999", "stale 999", "export 3"]
)
def test_what_is_missing_is_mendable(family: Family, line: str) -> None:
    said = say(f"checkpoints {line} --json", family.lab.home)
    assert said.code == 2
    assert said.error["error"]


def test_compare_stale_and_export(family: Family, tmp_path: Path) -> None:
    evaluate(family.lab, family.sft, "pseudocode", "test", {3: (4, 1), 4: (4, 2)})
    evaluate(family.lab, family.rl, "pseudocode", "test", {3: (4, 3), 4: (4, 2)})
    found = ask(family, f"compare {family.sft} {family.rl}")
    assert isinstance(found, dict)
    assert [gain["difference"] for gain in found["gains"]] == [0.25]
    assert "went on from the weights" in say(f"checkpoints compare {family.sft} {family.rl}", family.lab.home).out
    assert ask(family, "stale") == []
    labels.add_human(family.lab, family.steps["0"], "invalid", "ann")
    listed = ask(family, "stale")
    assert isinstance(listed, list)
    assert {family.sft, family.prm, family.rl} <= {one["checkpoint"] for one in listed}
    one = ask(family, f"stale {family.rl}")
    assert isinstance(one, dict)
    assert [step["stage"] for step in one["remedies"]] == ["policy-sft", "rl"]
    assert "by ann" in say(f"checkpoints stale {family.rl}", family.lab.home).out
    written = ask(family, f"export {family.rl} --out {tmp_path / 'out'}")
    assert isinstance(written, dict)
    assert (tmp_path / "out" / "README.md").is_file()
    assert written["out"] == str(tmp_path / "out")
