"""Logs: read by offset, trimmed in the middle, whole characters and lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1coder.jobs import log

KB = 1 << 10


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert log.read(tmp_path / "log") == log.Chunk("", 0, 0, 0)
    assert log.tail(tmp_path / "log") == log.Chunk("", 0, 0, 0)


@given(text=st.text(alphabet=st.sampled_from("aé漢🙂\n"), max_size=60), limit=st.integers(4, 20))
def test_chunks_join_to_the_whole(tmp_path_factory: pytest.TempPathFactory, text: str, limit: int) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    path.write_text(text)
    got, offset = "", 0
    while (chunk := log.read(path, offset, limit)).end > offset:
        assert (chunk.start, chunk.left_out) == (offset, 0)
        got, offset = got + chunk.text, chunk.end
    assert got == text


def test_a_character_cut_by_the_writer_waits_for_its_rest(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes("ok 🙂".encode()[:-2])
    first = log.read(path)
    assert (first.text, first.end) == ("ok ", 3)
    path.write_bytes("ok 🙂".encode())
    assert log.read(path, first.end).text == "🙂"


def test_tail_gives_whole_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"line {i}\n" for i in range(100)))
    assert log.tail(path, 2).text == "line 98\nline 99\n"
    assert log.tail(path, 50, limit=20).text == "line 98\nline 99\n"
    assert log.tail(path, 1000).text == path.read_text()
    chunk = log.tail(path, 3)
    assert log.read(path, chunk.start).text == chunk.text
    path.write_text("short")
    assert log.tail(path, 2).text == "short"


def test_the_middle_goes_and_offsets_stay(tmp_path: Path) -> None:
    path = tmp_path / "log"
    lines = [f"{i:015d}\n" for i in range(256 * KB)]  # 4 MB
    path.write_text("".join(lines))
    size = path.stat().st_size
    sizes = {"head": 256 * KB, "tail": 512 * KB, "slack": 64 * KB}
    held = log.trim(path, **sizes)
    if held > size // 2:
        pytest.skip("this file system has no holes")
    assert held <= 1024 * KB
    assert path.stat().st_size == size
    with path.open("a") as handle:
        handle.write("the end\n")
    assert log.trim(path, **sizes) <= 1024 * KB
    assert log.read(path, 0, 32).text == lines[0] + lines[1]
    first_gap = log.read(path, 1024 * KB, 64 * KB)
    assert first_gap.left_out > 0
    assert first_gap.text.splitlines()[1].isdigit()
    assert "\0" not in first_gap.text
    offset, left_out = 0, 0
    while (chunk := log.read(path, offset)).end > offset:
        offset, left_out = chunk.end, left_out + chunk.left_out
    assert offset == path.stat().st_size
    assert log.tail(path, 1).text == "the end\n"
    assert left_out >= size - 1024 * KB
