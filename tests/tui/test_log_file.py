"""A log is followed by offset: appended, unfinished, filtered, truncated."""

from __future__ import annotations

from pathlib import Path

from tui.widgets.log_view import LogFile


def test_follows_a_growing_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LogFile(path)
    assert not log.refresh()
    path.write_bytes(b"one\ntwo\nthr")
    assert log.refresh()
    assert log.lines(0, 9) == ["one", "two", "thr"]
    with path.open("ab") as file:
        file.write(b"ee\nfour\n")
    assert log.refresh()
    assert not log.refresh()
    assert log.lines(0, 9) == ["one", "two", "three", "four"]
    assert log.lines(2, 1) == ["three"]
    path.write_bytes(b"anew\n")
    assert log.refresh()
    assert log.lines(0, 9) == ["anew"]
    path.unlink()
    assert log.refresh()
    assert len(log) == 0


def test_filters_without_case_and_keeps_up(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"Loss 1\nother\nlos")
    log = LogFile(path, "LOSS")
    log.refresh()
    assert log.lines(0, 9) == ["Loss 1"]
    with path.open("ab") as file:
        file.write(b"s 2\nmore")
    log.refresh()
    assert log.lines(0, 9) == ["Loss 1", "loss 2"]


def test_progress_bars_and_escapes_are_shown_inert(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"10%\r50%\r100%\n\x1b[31mred\xff\n")
    log = LogFile(path)
    log.refresh()
    first, second = log.lines(0, 2)
    assert first == "100%"
    assert second.isprintable()
    assert "[31mred" in second


def test_a_long_file_in_many_chunks(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"%d %s\n" % (number, b"x" * 200) for number in range(12_000)))
    log = LogFile(path)
    log.refresh()
    assert len(log) == 12_000
    assert log.lines(11_999, 5)[0].startswith("11999 ")


def test_a_hole_in_a_capped_log_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.write(b"head\ncut in tw")
        file.truncate(9 << 20)
        file.seek(0, 2)
        file.write(b"o\ntail\n")
    log = LogFile(path)
    log.refresh()
    shown = log.lines(0, 99)
    assert shown[:2] == ["head", "cut in tw"]
    assert shown[-1] == "tail"
    assert len(shown) <= 5
