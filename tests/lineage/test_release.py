"""A checkpoint written out: whole or not at all, checked on the way, with a card that says what is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from o1coder import labels
from o1coder.canonical import digest_file
from o1coder.errors import LabError
from o1coder.releasing import write_out
from tests.lineage.family import Family, evaluate


def test_an_adapter_is_written_with_its_card_lineage_and_manifest(family: Family, tmp_path: Path) -> None:
    evaluate(family.lab, family.rl, "pseudocode", "test", {3: (4, 4), 4: (4, 2)})
    labels.add_human(family.lab, family.steps["0"], "invalid", "ann")
    written = write_out(family.lab, family.rl, tmp_path / "out")
    out = Path(written.out)
    manifest = json.loads((out / "manifest.json").read_text())
    assert {entry["name"] for entry in manifest["files"]} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "lineage.json",
    }
    for entry in manifest["files"]:
        assert entry["sha256"] == digest_file(out / entry["name"])
    assert (manifest["stage"], manifest["stale"], manifest["weights"]) == ("rl", 1, "own")
    config = json.loads((out / "adapter_config.json").read_text())
    assert config == {"base_model_name_or_path": manifest["base_digest"], "r": 16}
    card = (out / "README.md").read_text()
    for told in ("tiny, from a shop", "a note on its licence", "Stale", "0.750", "sources: made"):
        assert told in card, told
    lineage = json.loads((out / "lineage.json").read_text())
    assert [one["id"] for one in lineage["ancestors"]] == [family.sft, family.base]
    assert "host" not in lineage["job"]


def test_the_base_goes_along_and_what_was_stored_stays_as_it_is(family: Family, tmp_path: Path) -> None:
    stored = {path: path.read_bytes() for path in (family.lab.home / "blobs").rglob("*") if path.is_file()}
    written = write_out(family.lab, family.sft, tmp_path / "out", "with-base", link=True)
    out = Path(written.out)
    assert (out / "base" / "model.safetensors").read_bytes() == b"base weights"
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == "base"
    assert (out / "base" / "model.safetensors").stat().st_nlink == 2
    assert {path: path.read_bytes() for path in stored} == stored


def test_copies_are_files_of_their_own(family: Family, tmp_path: Path) -> None:
    write_out(family.lab, family.base, tmp_path / "out")
    assert (tmp_path / "out" / "model.safetensors").stat().st_nlink == 1
    assert not (tmp_path / "out" / "base").exists()


def test_nothing_is_left_when_a_stored_file_has_changed(family: Family, tmp_path: Path) -> None:
    with family.lab.reading() as connection:
        path = connection.exec_driver_sql("SELECT path FROM checkpoint WHERE id = ?", (family.sft,)).scalar()
    (family.lab.home / str(path) / "adapter_model.safetensors").write_bytes(b"something else")
    with pytest.raises(LabError, match=r"adapter_model.safetensors is not what was stored"):
        write_out(family.lab, family.sft, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir() if "out" in one.name] == []


def test_a_folder_that_exists_or_has_no_parent_is_refused(family: Family, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(LabError, match="exists already"):
        write_out(family.lab, family.sft, tmp_path / "there")
    with pytest.raises(LabError, match="there is no folder"):
        write_out(family.lab, family.sft, tmp_path / "a" / "b")


def test_weights_that_cannot_be_merged_are_told_in_words_and_leave_nothing(family: Family, tmp_path: Path) -> None:
    with pytest.raises(LabError):
        write_out(family.lab, family.sft, tmp_path / "out", "merged")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))
