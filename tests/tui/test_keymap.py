"""Keys from a file: what holds, what is said and left out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from textual.binding import Binding

from tui import keymap

ROOT = Path(__file__).parents[2]


def write(folder: Path, text: str) -> Path:
    file = folder / "keys.toml"
    file.write_text(text)
    return file


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    assert keymap.read(tmp_path / "none") == ({}, [])


def test_ids_may_be_quoted_or_not(tmp_path: Path) -> None:
    keys, wrong = keymap.read(write(tmp_path, '[keys]\n"tree.invalid" = "d"\napp.palette = "f2, ctrl+p"\n'))
    assert (keys, wrong) == ({"tree.invalid": "d", "app.palette": "f2,ctrl+p"}, [])


@pytest.mark.parametrize("text", ["[keys", "keys = 3", '[keys]\n"tree.invalid" = 3', '[key]\n"a.b" = "c"'])
def test_what_is_wrong_is_said_and_left_out(tmp_path: Path, text: str) -> None:
    keys, wrong = keymap.read(write(tmp_path, text))
    assert keys == {}
    assert len(wrong) == 1
    assert "keys.toml" in wrong[0]


def test_unknown_ids_and_clashes_are_found() -> None:
    groups = {
        "tree": [Binding("x", "label", "invalid", id="tree.invalid"), Binding("a", "label", "valid", id="tree.valid")],
        "app": [Binding("y", "copy", "copy", id="app.copy")],
    }
    assert keymap.faults(groups, {}) == []
    assert keymap.faults(groups, {"tree.invalid": "d"}) == []
    assert "no key is called 'tree.wrong'" in keymap.faults(groups, {"tree.wrong": "d"})[0]
    assert "'a' would be both" in keymap.faults(groups, {"tree.invalid": "a"})[0]
    assert "app.copy" in keymap.faults(groups, {"tree.invalid": "y"})[0]
    assert keymap.faults(groups, {"tree.invalid": "a", "tree.valid": "x"}) == []


def test_every_binding_of_every_screen_has_an_id_and_no_two_share_a_key() -> None:
    from tui.app import every_binding

    groups = every_binding()
    ids = [one.id for bindings in groups.values() for one in bindings]
    assert None not in ids, [one for bindings in groups.values() for one in bindings if one.id is None]
    everywhere = {key for one in groups["app"] for key in one.key.split(",")}
    for place, bindings in groups.items():
        keys = [key for one in bindings for key in one.key.split(",")]
        assert len(keys) == len(set(keys)), f"{place}: {sorted(key for key in keys if keys.count(key) > 1)}"
        if place != "app":
            assert not everywhere & set(keys), f"{place} takes a key that works everywhere"


def test_the_command_line_lists_the_keys_and_refuses_a_wrong_file(tmp_path: Path) -> None:
    def listed(text: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"O1CODER_KEYS": str(write(tmp_path, text))}
        line = [sys.executable, "-P", "-m", "o1coder.cli", "keys", "--json"]
        return subprocess.run(line, capture_output=True, text=True, env=environment, check=False)

    said = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r"`(\"[\w.]+\" = \"\w+\")`", said)
    assert example
    assert listed(f"[keys]\n{example[1]}\n").returncode == 0
    good = listed('[keys]\n"tree.invalid" = "i"\n"tree.valid" = "f5"\n')
    assert good.returncode == 0
    told = json.loads(good.stdout)
    by_id = {one["id"]: one for one in told["keys"]}
    assert by_id["tree.valid"]["keys"] == "f5"
    assert by_id["app.help"]["keys"] == "question_mark"
    bad = listed('[keys]\n"tree.nothing" = "f5"\n')
    assert bad.returncode == 2
    assert "tree.nothing" in json.loads(bad.stdout)["wrong"][0]
    taken = listed('[keys]\n"app.help" = "j"\n')
    assert any("table.down and app.help in tree" in line for line in json.loads(taken.stdout)["wrong"])
