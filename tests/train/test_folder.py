"""What a killed process leaves is mended, and only whole things count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from o1coder.errors import LabError
from o1coder.train.folder import Folder, file_sha256, read_lines


def checkpoint(folder: Folder, iteration: int, sealed: bool) -> Path:
    path = folder.checkpoints / f"checkpoint-{iteration}"
    path.mkdir(parents=True)
    (path / "weights").write_text("w")
    if sealed:
        folder.seal_checkpoint(iteration)
    return path


def test_an_attempt_counts_starts_spent_seconds_and_the_last_whole_checkpoint(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert folder.begin() == (folder.begin())
    assert folder.begin().number == 1
    folder.append(folder.metrics, {"event": "start", "attempt": 1, "wall_s": 1.0})
    folder.append(folder.metrics, {"iteration": 10, "attempt": 1, "wall_s": 7.5})
    with folder.metrics.open("a") as stream:
        stream.write('{"iteration": 11, "att')
    checkpoint(folder, 9, sealed=True)
    whole, half = checkpoint(folder, 10, sealed=True), checkpoint(folder, 12, sealed=False)
    attempt = folder.begin()
    assert (attempt.number, attempt.resumed_from_iteration, attempt.spent_s) == (2, 10, 7.5)
    assert folder.last_checkpoint() == whole
    assert not half.exists()
    assert folder.metrics.read_text().endswith('"wall_s": 7.5}\n')


def test_a_torn_line_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"a": 1}\n{"a": 2')
    assert read_lines(file) == [{"a": 1}]
    assert read_lines(tmp_path / "absent") == []


def test_done_is_written_after_the_model_and_lists_its_files(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    partial = tmp_path / "model.partial"
    partial.mkdir()
    (partial / "w.safetensors").write_bytes(b"abc")
    record = folder.finish(partial, {"iterations": 3})
    assert not partial.exists()
    stored = json.loads(folder.done.read_text())
    assert stored == record
    name = stored["files"][0]["name"]
    assert stored["files"] == [{"name": name, "bytes": 3, "sha256": file_sha256(folder.model / name)}]


def test_a_wrong_row_is_named_by_its_line(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with pytest.raises(LabError, match="does not exist"):
        folder.rows(("prompt",))
    (tmp_path / "data.jsonl").write_text('{"prompt": "a"}\n{"text": "b"}\n')
    with pytest.raises(LabError, match=r"line 2: no 'prompt'"):
        folder.rows(("prompt",))
    (tmp_path / "data.jsonl").write_text("{\n")
    with pytest.raises(LabError, match="line 1"):
        folder.rows(("prompt",))
    (tmp_path / "data.jsonl").write_text("\n")
    with pytest.raises(LabError, match="no rows"):
        folder.rows(("prompt",))
