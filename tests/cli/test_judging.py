"""`o1coder judge`: what is typed wrong is told, nothing is half done, results come as they are known, and it ends cleanly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from o1coder.commands import judging
from o1coder.judge import Judge, Question, Verdict
from o1coder.lab import Lab
from o1coder.problems.record import NewCase, NewProblem
from o1coder.problems.store import add_problem
from o1coder.rows import By
from tests.cli.conftest import done, say

DOUBLE = "print(int(input()) * 2)\n"
TEST = {"stdin": "21", "expected": "42"}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "program.py"
    file.write_text(DOUBLE)
    return file


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A lab with a problem of three tests (1), one without tests (2), one whose only test was withdrawn (3)."""
    home = tmp_path / "lab"
    lab = Lab.create(home)
    cases = [NewCase(str(n), str(2 * n), ("held-out",)) for n in range(3)]
    with lab.writing() as connection:
        for number, some in enumerate((cases, [], cases[:1])):
            problem = NewProblem(
                source="test", source_key=f"p{number}", split="test", family=f"f{number}", kind="stdio",
                title="double", statement=f"Double a number, in way {number}.", cases=tuple(some),
            )  # fmt: skip
            add_problem(connection, problem, By(author="tester"))
        connection.exec_driver_sql(
            "INSERT INTO test_withdrawal (test_case_id, reason, author, created_at) "
            "SELECT id, 'wrong', 'tester', '2026-01-01T00:00:00.000Z' FROM test_case WHERE problem_id = 3"
        )
    lab.close()
    return home


def rows(home: Path) -> list[int]:
    return [done(["sql", f"select count(*) as n from {table}"], home)[0]["n"] for table in ("verdict", "program")]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("judge", "needs a program"),
        ("judge {program}", "needs a program"),
        ("judge {program} --problem 1 --tests {program}", "needs a program"),
        ("judge nothing.py --problem 1", "nothing.py cannot be read: No such file"),
        ("judge . --problem 1", "cannot be read: Is a directory"),
        ("judge /dev/null --problem 1", "is empty"),
        ("judge - --problem 1", "standard input is empty"),
        ("judge /dev/zero --problem 1", "longer than 1 MB"),
        ("judge {program} --problem 99", "99"),
        ("judge {program} --problem nothing", "nothing"),
        ("judge {program} --problem ''", ""),
        ("judge {program} --problem p1", "has no tests"),
        ("judge {program} --problem 3", "all of them were withdrawn"),
        ("judge {program} --problem 1 --fn-name f", "--fn-name goes with --tests"),
        ("judge {program} --tests nothing", "cannot be read: No such file"),
        ("judge {program} --tests .", "cannot be read: Is a directory"),
        ("judge {program} --tests /dev/null", "has no tests"),
        ("judge {program} --tests /dev/zero", "line 1: longer than 1 MB"),
        ("judge {program} --tests {program}", "line 1: Expecting value"),
        ("judge {program} --tests {program} --fn-name 2", "no name of a function"),
        ("judge {program} --tests {program} --lab", "--lab goes with --problem"),
        ("judge - --tests -", "cannot both come from standard input"),
        ("judge --batch nothing", "cannot be read: No such file"),
        ("judge --batch .", "cannot be read: Is a directory"),
        ("judge --batch {program}", "line 1: Expecting value"),
        ("judge --batch {program} --lab", "--lab goes with --problem"),
        ("judge --batch {program} --fn-name f", "--fn-name goes with --tests"),
        ("judge {program} --batch {program}", "no program and no tests"),
        ("judge {program} --problem 1 --lab --unsafe", "--lab and --unsafe do not go together"),
    ],
)
def test_what_is_typed_wrong_is_told(
    words: str, error: str, program: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "LINE_BYTES", 1 << 20)
    monkeypatch.setattr(judging, "PROGRAM_BYTES", 1 << 20)
    said = say(words.format(program=program) + " --json", home)
    assert (said.code, said.out) == (2, "")
    assert error in said.error["error"]
    assert said.error["hint"]
    assert rows(home) == [0, 0]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (b"\xff\xfe\x00\x01", "line 1: it is not UTF-8"),
        (b'{"stdin": "", "expected": ""}\n\xff', "line 2: it is not UTF-8"),
        (b'{"stdin": "1", "expected": "2"}\n\n[]', "line 3: not a JSON object"),
        (b"[" * 100_000, "line 1: nested too deeply"),
        (b'{"stdin": 1, "expected": "2"}', 'line 1: "stdin" must be text'),
        (b'{"args": [1], "expected": 2}', "line 1: args of which function?"),
        (b'{"stdin": "1", "expected": "2", "cpu_s": -1}', 'line 1: "cpu_s"'),
        (b'{"stdin": "1", "expected": "2", "comparator": "set"}', "line 1: no comparator for stdio is called 'set'"),
    ],
)
def test_the_line_of_a_file_of_tests_that_is_wrong_is_told(
    lines: bytes, error: str, program: Path, tmp_path: Path
) -> None:
    tests = tmp_path / "tests.jsonl"
    tests.write_bytes(lines)
    said = say(["judge", str(program), "--tests", str(tests), "--json"])
    assert (said.code, said.out) == (2, "")
    assert said.error["error"].startswith(error)


def test_files_from_other_systems(program: Path, tmp_path: Path) -> None:
    tests, batch = tmp_path / "tests.jsonl", tmp_path / "batch.jsonl"
    line = json.dumps(TEST).encode()
    tests.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n" + line)
    program.write_bytes(b"\xef\xbb\xbf" + DOUBLE.replace("\n", "\r\n").encode())
    assert [row["id"] for row in done(["judge", str(program), "--tests", str(tests)])["tests"]] == [1, 3]
    batch.write_text(json.dumps({"id": "é", "code": DOUBLE, **TEST}))
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cp", str(batch), str(tmp_path / "pipe")]):
        said = say(["judge", "--batch", str(tmp_path / "pipe")])
    assert json.loads(said.out)["verdict"] == "AC"
    assert '"é"' in said.out


def test_early_stop_leaves_the_later_tests_out(program: Path, home: Path) -> None:
    program.write_text("print(0)\n")
    every = say(f"judge {program} --problem 1 --json", home)
    early = say(f"judge {program} --problem 1 --json --stop-early --lab", home)
    assert [row["verdict"] for row in every.value["tests"]] == ["AC", "WA", "WA"]
    assert [row["verdict"] for row in early.value["tests"]] == ["AC", "WA", "SK"]
    assert (early.code, early.value["verdict"], early.value["passed"]) == (1, "WA", 1)
    assert rows(home) == [2, 1]  # SK is no row


def test_without_isolation_nothing_runs_unless_it_is_asked_for(
    program: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Judge, "_try", lambda self, level: "it does not work")
    batch = tmp_path / "batch.jsonl"
    batch.write_text(json.dumps(TEST | {"id": 1, "code": DOUBLE}))
    refused = say(f"judge {program} --problem 1 --json", home)
    assert refused.code == 2
    assert "no isolation works on this machine" in refused.error["error"]
    assert "--unsafe" in refused.error["hint"]
    for words in (f"judge {program} --problem 1 --json --unsafe", f"judge --batch {batch} --unsafe"):
        said = say(words, home)
        assert said.code == 0
        found = said.value["tests"] if "--problem" in words else [said.value]
        assert {(row["verdict"], row["layer"]) for row in found} == {("AC", "L0")}
    assert rows(home) == [0, 0]


def test_the_judges_own_failure_is_neither_yes_nor_no(
    program: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Judge.stream

    def failing(judge: Judge, questions: Any, *more: Any, **named: Any) -> Any:
        for question, verdict in zip(
            asked := list[Question](questions), whole(judge, asked, *more, **named), strict=True
        ):
            yield Verdict("IE", detail="lost") if question.case.input == "1" else verdict

    monkeypatch.setattr(Judge, "stream", failing)
    for code, verdicts in ((DOUBLE, ["AC", "IE", "AC"]), ("print(0)", ["AC", "IE", "WA"])):
        program.write_text(code)
        said = say(f"judge {program} --problem 1 --lab --json", home)
        assert (said.code, said.value["verdict"]) == (2, "IE")
        assert [row["verdict"] for row in said.value["tests"]] == verdicts
        assert "no verdict on the program" in said.error["error"]
    assert rows(home) == [4, 2]


def start(*words: str, **given: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "o1coder.cli", "judge", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **given,
    )  # fmt: skip


def left(session: int) -> list[str]:
    """What still runs in a session. Zombies do not: an init that reaps nothing may leave them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append((folder / "cmdline").read_text())
    return found


def gone(session: int) -> bool:
    """Whether all of a session has ended, or does within ten seconds."""
    end = time.monotonic() + 10
    while left(session) and time.monotonic() < end:
        time.sleep(0.02)
    return not left(session)


LONG = [{"id": 0, "code": DOUBLE, **TEST}] + [
    {"id": n, "code": "while True: pass", "stdin": "", "expected": "", "cpu_s": 100} for n in range(1, 50)
]


@pytest.mark.parametrize("whole_group", [False, True])
def test_an_interrupt_leaves_nothing_running(whole_group: bool, tmp_path: Path) -> None:
    file = tmp_path / "batch.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in LONG))
    with start("--batch", str(file), "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["verdict"] == "AC"  # a result comes while others still run
        assert len(left(process.pid)) > 1  # it, and its workers
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
        out, err = process.communicate()
        assert process.returncode == 130
    assert out == ""
    assert "interrupted" in json.loads(err)["error"]
    assert gone(process.pid)


def test_a_reader_that_goes_ends_it_quietly(tmp_path: Path) -> None:
    file = tmp_path / "batch.jsonl"
    file.write_text("".join(json.dumps(LONG[0] | {"id": n}) + "\n" for n in range(3000)))
    with start("--batch", str(file)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (0, "")
    assert gone(process.pid)


def test_a_writer_on_standard_input_is_read_to_its_end_first() -> None:
    with start("--batch", "-", stdin=subprocess.PIPE) as process:
        out, err = process.communicate(json.dumps(LONG[0]) + "\n" + '{"id": 2}')
        assert (process.returncode, out) == (2, "")
    assert "line 2:" in err
