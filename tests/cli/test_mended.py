"""What the user can mend ends with exit code 2, nothing on stdout, and one error with a hint: never with a traceback."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import say

HUGE = "9" * 30
LINES = f"""
jobs
jobs fly
jobs show
jobs show 999
jobs show one
jobs show -1
jobs show {HUGE}
jobs show {"9" * 5000}
jobs list 3
jobs list --limit 0
jobs list --limit {HUGE}
jobs list --after x
jobs list --lim 3
jobs list --state flying
jobs list --run nowhere
jobs wait 999
jobs log 999
jobs cancel 2
jobs retry 2
fly
fly jobs
--bogus jobs list
jobs list --bogus
problems show nothing
problems show {HUGE}
problems list --split none
problems list --query colour:red
problems list --query tests>1.2.3
problems list --query "'"
trees show 999
trees export
trees export 1 --job 2
trees export 999
trees export --job 999
trees list --job 999
trees list --problem nothing
trees replay 999
trees relabel 1 --alpha nan
trees relabel 1 --alpha 2
labels add
labels add 1:0
labels add 1:0 maybe
labels add 1: valid
labels add 1:99 valid
labels add 1:{HUGE} valid
labels add {HUGE}:1 valid
labels add {HUGE} valid
labels add here valid
labels undo 1
labels undo 999
labels list --tree 999
checkpoints show 999
checkpoints accept 999
datasets show 999
rounds --run nowhere
models add
models add x /nonexistent
models add x /proc
models remove nothing
models fetch nothing
run
run fly
run --seed 1 synthesize
run synthesize --bogus 1
run synthesize --limit x
run synthesize --limit 0
run synthesize --c inf
run synthesize --seed {HUGE}
run synthesize --problems {HUGE}
run synthesize --policy 999
run synthesize --policy nothing
run synthesize --split none
run synthesize --config /nonexistent
run synthesize --config /proc
run prm --base 999
run prm
run synthesize --problems 9999 --sampler fake:1
run synthesize --problems 4 --split test --sampler fake:1
run generate-tests --problems 4 --sampler fake:1
run synthesize --sampler fake:x
run synthesize --sampler nothing
run synthesize --prompt nothing
run synthesize --prompt tcg-code
run synthesize --sampler hf --limit 1 --wait
run generate-tests --prompt plain
run prm --base 1 --query colour:red
run export --kind stepwise --out x --query colour:red
run selfplay --base small --scorer fake:x
run export --kind stepwise --out x --show-prompt
run selfplay --base small --budgets nothing
run synthesize --show-prompt --prompt nothing
import none
export stepwise
evaluate --k 0 --sampler fake:1
evaluate --n 2 --k 8 --sampler fake:1
solve --problem 9999 --sampler fake:1
solve nothing
solve 999
solve /proc
judge
judge /nonexistent --tests /dev/null
judge /dev/null --tests /dev/null
judge --batch /nonexistent
judge --batch /proc
judge --batch /dev/null --problem 1
init
backup
backup /dev/null/copy
sql
--readonly labels add 1:0 valid
labels add 1:0 valid --readonly
--readonly worker
run synthesize --readonly
upgrade --readonly
init --readonly
demo --readonly
demo --rounds 0
demo --out /dev/null/demo.json
--home
"""


@pytest.mark.parametrize("line", [line for line in LINES.splitlines() if line], ids=lambda line: line[:60])
def test_one_error_with_a_hint(line: str, lab: Path) -> None:
    said = say(line + " --json" if line != "--home" else "--json --home", lab)
    assert (said.code, said.out) == (2, "")
    assert set(said.error) == {"error", "hint"}
    assert all(said.error.values())
    assert len(said.err.splitlines()) == 1


def test_the_plain_error_is_two_lines(lab: Path) -> None:
    said = say("jobs show 999", lab)
    assert (said.code, said.out) == (2, "")
    assert [line.split(":")[0] for line in said.err.splitlines()] == ["error", "hint"]


@pytest.mark.parametrize("line", ["jobs list", "verify", "run synthesize --dry-run", "labels add 1:0 valid", "upgrade"])
def test_without_a_lab(line: str, tmp_path: Path) -> None:
    said = say(line + " --json", tmp_path / "none")
    assert (said.code, said.out) == (2, "")
    assert "there is no lab" in said.error["error"]
    (tmp_path / "file").write_text("in the way")
    for place in ("file", "file/inside"):
        assert say(["jobs", "list", "--home", str(tmp_path / place)]).code == 2
        assert say(["init", "--home", str(tmp_path / place)]).code == 2


def test_a_newer_and_a_foreign_database(lab: Path, tmp_path: Path) -> None:
    shutil.copy(lab / "lab.db", tmp_path / "lab.db")
    with sqlite3.connect(tmp_path / "lab.db") as opened:
        opened.execute("UPDATE alembic_version SET version_num = '9999'")
    for line in ("jobs list", "verify", "upgrade", "demo --no-screens"):
        said = say(line + " --json", tmp_path)
        assert said.code == 2
        assert "newer" in said.error["error"]
    for text in (b"", b"something else " * 100):
        (tmp_path / "lab.db").unlink()
        (tmp_path / "lab.db").write_bytes(text)
        said = say("jobs list --json", tmp_path)
        assert said.code == 2
        assert said.error["hint"]


def test_a_home_that_cannot_be_written(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_, **__: False)  # root may write everywhere
    said = say("labels add 1:0 valid --json", lab)
    assert said.code == 2
    assert "--readonly" in said.error["hint"]
    assert say("--readonly jobs list", lab).code == 0


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", b"\xed\xa0\x80"])
def test_what_is_not_utf_8(raw: bytes, lab: Path, tmp_path: Path) -> None:
    file = tmp_path / "raw.toml"
    file.write_bytes(raw)
    for words in (
        ["judge", str(file), "--problem", "1"],
        ["judge", "--batch", str(file)],
        ["judge", "--batch", "-"],
        ["solve", str(file)],
        ["solve", "-"],
        ["run", "synthesize", "--config", str(file)],
        ["labels", "add", "1:0", "valid", "--reason", "\udcff"],
    ):
        said = say([*words, "--json"], lab, stdin=raw)
        assert (said.code, said.out) == (2, ""), words
        assert "UTF-8" in said.error["error"]


@pytest.mark.parametrize("text", ["[1, 2]", "{", "3"])
def test_a_file_of_fields_that_is_none(text: str, lab: Path, tmp_path: Path) -> None:
    file = tmp_path / "fields.json"
    file.write_text(text)
    assert say(["run", "synthesize", "--dry-run", "--config", str(file)], lab).code == 2


def test_an_empty_statement(lab: Path) -> None:
    assert "empty" in say("solve - --json", lab, stdin=b" \n").error["error"]
