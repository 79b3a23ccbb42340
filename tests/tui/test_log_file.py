"""A log is read by offset: appended, unfinished, filtered, searched, truncated, with a hole in its middle, of any length."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.log_file import KeptLines, LogFile, error_hit, word_hit


def read(log: LogFile | KeptLines, top: int = 0, count: int = 99) -> list[str]:
    log.refresh()
    return [line.text for line in log.window(top, count)]


def test_follows_a_growing_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LogFile(path)
    assert not log.refresh()
    assert read(log) == []
    path.write_bytes(b"one\ntwo\nthr")
    assert log.refresh()
    assert read(log) == ["one", "two", "thr"]
    with path.open("ab") as file:
        file.write(b"ee\nfour\n")
    assert log.refresh()
    assert not log.refresh()
    assert read(log) == ["one", "two", "three", "four"]
    assert read(log, log.tail(1)) == ["four"]
    path.write_bytes(b"anew\n")
    assert log.refresh()
    assert read(log) == ["anew"]
    path.unlink()
    assert log.refresh()
    assert read(log) == []


@given(st.lists(st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"").replace(b"\0", b"x")), max_size=60))
def test_going_up_and_down_meets_the_same_lines(lines: list[bytes]) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"o1coder-log-{os.getpid()}"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    log = LogFile(path)
    log.refresh()
    starts = [line.at for line in log.window(0, 99)]
    assert len(starts) == len(lines)
    assert [log.above(log.size, n + 1) for n in range(len(lines))] == list(reversed(starts))
    path.unlink()


def test_filters_without_case_and_keeps_up(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"Loss 1\nother\nlos")
    log, without = KeptLines(path, "LOSS"), KeptLines(path, "!loss")
    assert read(log) == ["Loss 1"]
    assert read(without) == ["other", "los"]
    with path.open("ab") as file:
        file.write(b"s 2\nmore")
    assert read(log) == ["Loss 1", "loss 2"]
    assert read(without) == ["other", "more"]
    with path.open("ab") as file:
        file.write(b" loss\n")
    assert read(log) == ["Loss 1", "loss 2", "more loss"]
    assert read(without) == ["other"]
    assert (len(log), log.tail(2), log.above(2, 5), log.share(1)) == (3, 1, 0, 1 / 3)
    path.write_bytes(b"loss\n")
    assert read(log) == ["loss"]


def test_a_search_goes_on_and_back_over_chunks(tmp_path: Path) -> None:
    path = tmp_path / "log"
    filler = b"x" * 99 + b"\n"
    path.write_bytes(b"Error: first\n" + filler * 30_000 + b"needle\n" + filler * 5 + b"ValueError: last\nNEEDLE")
    log = LogFile(path)
    log.refresh()
    first = log.find(word_hit("needle"), 0)
    assert first is not None
    assert read(log, first, 1) == ["needle"]
    second = log.find(word_hit("needle"), first)
    assert second is not None
    assert read(log, second) == ["NEEDLE"]
    assert log.find(word_hit("needle"), second) is None
    assert log.find(word_hit("needle"), second, back=True) == first
    assert log.find(word_hit("needle"), first, back=True) is None
    last = log.find(error_hit, 0)
    assert last is not None
    assert read(log, last, 1) == ["ValueError: last"]
    assert log.find(error_hit, last, back=True) == 0
    assert log.find(error_hit, log.size, back=True) == last


def test_progress_bars_and_escapes_are_shown_inert(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"10%\r50%\r100%\n\x1b[31mred\xff\n")
    first, second = read(LogFile(path))
    assert first == "100%"
    assert second.isprintable()
    assert "[31mred" in second


def test_a_long_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"%d %s\n" % (number, b"x" * 200) for number in range(12_000)))
    log = LogFile(path)
    log.refresh()
    assert read(log, log.tail(5))[0].startswith("11995 ")
    middle = log.above(log.tail(1), 6000)
    assert read(log, middle, 1)[0].startswith("5999 ")
    assert 0.4 < log.share(middle) < 0.6


def test_a_line_longer_than_any_is_cut_and_passed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\n" + b"y" * 300_000 + b"\nend\n")
    log = LogFile(path)
    shown = read(log)
    assert shown[0] == "a"
    assert shown[-1] == "end"
    assert max(map(len, shown)) <= 4096
    log.refresh()
    assert read(log, log.tail(1)) == ["end"]


@pytest.mark.parametrize("edge", [9 << 20, (9 << 20) + 77])
def test_a_hole_in_a_capped_log_is_said_and_skipped(tmp_path: Path, edge: int) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.write(b"head\ncut in tw")
        file.truncate(edge)
        file.seek(0, 2)
        file.write(b"o\nan error\ntail\n")
    log = LogFile(path)
    shown = read(log)
    assert shown[:2] == ["head", "cut in tw"]
    assert shown[-3:] == ["o", "an error", "tail"]
    assert "MB left out" in shown[2]
    assert len(shown) == 6
    assert read(log, log.tail(3)) == ["o", "an error", "tail"]
    top = log.tail(4)
    assert "MB left out" in read(log, top)[0]
    assert read(log, log.above(top, 1), 1) == ["cut in tw"]
    found = log.find(error_hit, 0)
    assert found is not None
    assert read(log, found, 1) == ["an error"]
    assert log.find(word_hit("head"), found, back=True) == 0
    assert read(KeptLines(path, "a")) == ["head", "an error", "tail"]


def test_a_filter_says_what_it_has_of_a_long_log_before_it_has_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.log_file.CHUNK", 1 << 10)
    monkeypatch.setattr("tui.log_file.AT_ONCE", 10 << 10)
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %04d word\n" % n for n in range(2000)))
    log = KeptLines(path, "word")
    log.refresh()
    assert log.pending
    assert 0 < len(log) < 2000
    assert 0 < log.share_read < 1
    while log.pending:
        log.refresh()
    assert len(log) == 2000
    assert log.share_read == 1
    assert not log.refresh()
    assert read(log, 1999) == ["line 1999 word"]
