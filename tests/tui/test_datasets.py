"""The datasets screen: a wish previewed, its rows as they are written, exported, compared; one esc a step; read-only."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from o1coder import labels
from o1coder.lab import Lab
from o1coder.queries.datasetdiff import Diff, Difference
from o1coder.queries.datasets import DatasetRow, Sampled
from tests.tui.conftest import HOSTILE, Made
from tests.tui.terminal import Terminal
from tests.tui.test_sql import open_line
from tui.screens import datasets_lines
from tui.screens.datasets_source import DRAFT, DatasetSource, Wish, wish_of
from tui.screens.datasets_verbs import free_folder, to_compare
from tui.widgets.pane import RichLine

Start = Callable[..., Terminal]


def said(lines: list[RichLine]) -> str:
    return "\n".join("".join(cell.text for cell in line) for line in lines)


def dataset(number: int, kind: str = "stepwise", **more: object) -> DatasetRow:
    row = DatasetRow(
        number, kind, "validity", 3, "sha256:ab", 1, None, {"query": "split:train"}, {"label": 9}, {}, "blobs/x",
        "2026-01-02T03:04:05Z", [], None,
    )  # fmt: skip
    return row._replace(**more)  # type: ignore[arg-type]


def test_a_row_is_shown_as_it_is_written_and_harmless() -> None:
    row = {"prompt": "p\n" + HOSTILE, "completions": ["one", HOSTILE], "labels": [True, 0.25]}
    text = said(datasets_lines.row_lines(Sampled(4, 7, None, None, None, [1, 2], row), 9))
    assert text.startswith("row 5/9 step 7 · labels 1 2")
    assert "completions[1] ✓ valid\none\ncompletions[2] 0.25\nSneak" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    broken = said(datasets_lines.row_lines(Sampled(0, None, 3, None, None, [], {"weight": 0.5}, False), 1))
    assert "it is not what was written down" in broken
    assert "weight 0.5" in broken
    pair = said(datasets_lines.row_lines(Sampled(0, 1, None, None, None, [], {"chosen": "a", "rejected": "b"}), 1))
    assert "chosen ✓ valid\na\nrejected ✗ invalid\nb" in pair
    hard = said(datasets_lines.row_lines(Sampled(0, 1, None, None, None, [], {"label": ["negative"]}), 1))
    assert "label ✗ invalid" in hard


def test_what_is_left_out_is_said_most_first() -> None:
    text = said(datasets_lines.excluded({"few": 2, "many": 3000}))
    assert text.index("3,000  many") < text.index("2  few")
    assert "nothing" in said(datasets_lines.excluded({}))


def test_a_dataset_says_whether_its_folder_is_what_it_was(tmp_path: Path) -> None:
    assert "lies in     blobs/x" in said(datasets_lines.about_frozen(dataset(1), []))
    gone = dataset(1, out=str(tmp_path / "gone"))
    assert "not there any more" in said(datasets_lines.about_frozen(gone, [3, 4]))
    assert "2 words overruled since: 3 4" in said(datasets_lines.about_frozen(gone, [3, 4]))
    assert "cannot be read" in said(datasets_lines.card_of(gone))
    for digest, words in (("sha256:ab", "the rows of this dataset"), ("sha256:cd", "other rows")):
        (tmp_path / "manifest.json").write_text(f'{{"sha256": "{digest}", "files": []}}')
        assert words in said(datasets_lines.written(dataset(1, out=str(tmp_path))))
    (tmp_path / "manifest.json").write_text("[]")
    assert "not there any more" in said(datasets_lines.written(dataset(1, out=str(tmp_path))))


def test_what_became_of_rows_is_told_by_word_and_sign() -> None:
    one = Difference("relabelled", 0, 0, 7, None, 1, ["valid"], ["invalid"], [1], [2], "x" * 300)
    text = said(datasets_lines.diff_lines(Diff(1, 2, ["a", "b"], [1, 2], 0, 2, 0, 1, 0, [one])))
    assert "✓ valid  → ✗ invalid" in text
    assert "different kinds" in text
    assert "2 more:" in text


def test_which_two_are_compared() -> None:
    source = DatasetSource(None)  # type: ignore[arg-type]
    source.frozen = {n: dataset(n, kind) for n, kind in ((4, "a"), (3, "b"), (2, "a"), (1, "a"))}
    assert to_compare(source, {1, 4}, 2) == (1, 4)
    assert to_compare(source, {4}, 1) == (1, 4)
    assert to_compare(source, set(), 4) == (2, 4)
    for marks, row in (({1, 2, 4}, 1), (set(), 3), (set(), -1), (set(), None)):
        assert isinstance(to_compare(source, marks, row), str)


def test_a_dataset_gives_its_wish_back(tmp_path: Path) -> None:
    row = dataset(1, "preference", query={"query": "job:1", "pairs": "strict", "margin": 0.4, "edit": 20})
    assert wish_of(row) == Wish("preference", "job:1 pairs:strict margin:0.4 edit:20")
    assert wish_of(dataset(1, target="value")).line == "stepwise split:train target:value"
    assert wish_of(dataset(1, query={})).line == "stepwise"
    trained = [wish_of(dataset(1, kind)).kind for kind in ("policy-sft", "prm-point", "prm-pair")]
    assert trained == ["prompt-completion", "o1coder-prm", "preference"]  # / and enter preview what it was trained on
    (tmp_path / "stepwise-1").mkdir()
    assert free_folder(tmp_path, "stepwise") == tmp_path / "stepwise-2"


def test_the_list_holds_the_wish_the_kept_ones_and_the_datasets(home: Path) -> None:
    from o1coder.saved import save

    lab = Lab(home)
    save(lab, "stepwise", "mine", "split:train", "ann")
    save(lab, "sql", "other", "select 1", "ann")
    source = DatasetSource(lab)
    source.draft = Wish("preference", "split:train")
    order = source.order()
    assert [order.id_at(n) for n in range(len(order))] == [DRAFT, -1, 1]
    source.stale = {1: 2}
    rows = source.rows([DRAFT, -1, 1, 77])
    assert [rows[n][0].text for n in (DRAFT, -1, 1)] == ["not written", "mine", "1"]
    assert rows[1][3].text == "2"
    save(lab, "stepwise", "also", "split:train", "ann")
    order = source.order()
    assert [order.id_at(n) for n in range(len(order))] == [DRAFT, -2, -1, 1]  # whoever was there keeps its id
    lab.close()


@pytest.mark.slow
@pytest.mark.usefixtures("no_worker_left")
def test_preview_export_correct_and_compare(tui: Start, home: Path, made: Made, tmp_path: Path) -> None:
    terminal = tui(rows=34)
    terminal.wait_for("○ queued")
    terminal.press("7")
    terminal.wait_for("prm-point")
    open_line(terminal, "/", "\no1coder-prm\n")
    terminal.press(*"o1coder-prm", "enter")
    terminal.wait_for("nothing is written")
    shown = terminal.wait_for("left out")
    assert "not written" in shown
    assert "no dataset holds these rows" in shown
    terminal.press("right")
    shown = terminal.wait_for("row 1/")
    assert b"\x1b]52;c;aGk" not in terminal.raw
    open_line(terminal, "S", "a name for the wish")
    terminal.press(*"mine", "enter")
    terminal.wait_for("kept as mine")
    terminal.press("esc")
    terminal.wait_for("nothing is written")
    for number in (1, 2):
        terminal.press("w")
        terminal.wait_for("$ o1coder run export --kind o1coder-prm")
        terminal.press("down")
        terminal.settle(0.2)
        terminal.press("end", "\x15")
        terminal.settle(0.3)
        terminal.press(*str(tmp_path / f"rows-{number}"))
        terminal.wait_for(f"rows-{number}")
        terminal.press("\x12")
        terminal.wait_for("is queued")
        terminal.wait_for(lambda shown, n=number: re.search(rf"^ {n + 1} +o1coder-prm", shown, re.M), timeout_s=60)  # type: ignore[misc]
        if number == 1:
            lab = Lab(home)
            labels.add_human(lab, made.steps["0"], "invalid", "ann")
            lab.close()
    assert (tmp_path / "rows-1" / "README.md").exists()
    terminal.press("g", "down", "down", "d")  # the wish, the kept one, the newest dataset
    terminal.wait_for("dataset 2 → 3")
    terminal.wait_for("1 relabelled")
    terminal.press("esc")
    terminal.wait_for("dataset 3 o1coder-prm")
    terminal.press("down")
    terminal.wait_for("1 word overruled since")


def test_a_wrong_wish_says_so_and_read_only_writes_nothing(tui: Start) -> None:
    terminal = tui("--readonly")
    terminal.wait_for("○ queued")
    terminal.press(*":datasets stepwise colour:red", "enter")
    terminal.wait_for("the query has no field 'colour:red'")
    open_line(terminal, "/", "\nstepwise colour:red\n")
    terminal.press(*"preference job:99", "enter")
    terminal.wait_for("0 rows of preference")
    terminal.press("w")
    terminal.wait_for("open read-only")
    terminal.press("esc")
    terminal.wait_for(lambda shown: "not written" not in shown)
