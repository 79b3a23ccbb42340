"""`judge --batch`, profiles and layers: the shapes that others script against."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from o1coder.errors import LabError
from o1coder.judge import Judge, batch, describe_layers, profile
from o1coder.task import Comparator, Limits

LINES = [
    {"id": 1, "code": "print(int(input()) * 2)", "stdin": "21", "expected": "42"},
    {"id": "b", "code": "def f(a):\n    return a", "fn_name": "f", "args": [[1]], "expected": [1]},
    {"id": None, "code": "def f(a):\n    return a", "check": "def check(c):\n    assert c(1) == 1", "entry_point": "f"},
    {
        "id": 4,
        "code": "def f(a):\n    return a",
        "asserts": ["assert f(1) == 1", "assert f(2) == 3"],
        "entry_point": "f",
    },
    {"id": 5, "code": "print(0.1 + 0.2)", "stdin": "", "expected": "0.3", "comparator": "float"},
    {"id": 6, "code": "while True: pass", "stdin": "", "expected": "", "cpu_s": 0.1, "memory_mb": 64},
]


def test_a_batch_answers_in_order(judge: Judge) -> None:
    rows = list(batch([json.dumps(line) for line in LINES], judge))
    assert [row["id"] for row in rows] == [1, "b", None, 4, 5, 6]
    assert [row["verdict"] for row in rows] == ["AC", "AC", "AC", "WA", "AC", "TLE"]
    assert all(list(row) == ["id", "verdict", "cpu_ms", "wall_ms", "memory_kb", "detail"] for row in rows)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"id": 1, "code": "", "stdin": ""}',
        '{"id": 1, "code": 3, "stdin": "", "expected": ""}',
        '{"id": 1, "code": "", "stdin": "", "expected": "", "fn_name": "f"}',
        '{"id": 1, "code": "", "fn_name": "f", "args": 1, "expected": 1}',
        '{"id": 1, "code": "", "fn_name": "f", "args": []}',
        '{"id": 1, "code": "", "check": "x"}',
        '{"id": 1, "code": "", "stdin": "", "expected": "", "comparator": "set"}',
        '{"id": 1, "code": "", "stdin": "", "expected": "", "cpu_s": -1}',
        '{"id": 1, "code": "", "stdin": "", "expected": "", "memory_mb": "1"}',
        '{"id": 1, "code": "", "stdin": "", "expected": "", "timeout": 1}',
        '{"code": "", "stdin": "", "expected": ""}',
    ],
)
def test_the_line_that_is_wrong_is_named(judge: Judge, line: str) -> None:
    with pytest.raises(LabError, match="line 2: "):
        list(batch([json.dumps(LINES[0]), line], judge))


def test_a_profile_depends_on_what_was_asked() -> None:
    one = profile("stdio", Comparator(), Limits())
    assert one == profile("stdio", Comparator("tokens"), Limits(2, 512))
    assert all(isinstance(value, str) for value in one.values())
    others = [profile("call", Comparator(), Limits()), profile("stdio", Comparator("lines"), Limits())]
    others += [
        profile("stdio", Comparator(), Limits(3.0)),
        profile("stdio", Comparator("float", {"abs": 0.1}), Limits()),
    ]
    assert one not in others


def test_layers_are_described() -> None:
    rows = describe_layers()
    assert [row["level"] for row in rows] == ["L4", "L3", "L2", "L1"]
    assert rows[-1]["active"]
    assert all(row["active"] or row["reason"] for row in rows)


def test_importing_the_judge_is_light() -> None:
    code = "import sys, o1coder.judge; print([m for m in ('torch', 'numpy', 'sqlalchemy', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
