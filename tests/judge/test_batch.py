"""`judge --batch`, profiles and layers: the shapes that others script against."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

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
    assert all(list(row) == ["id", "verdict", "cpu_ms", "wall_ms", "memory_kb", "detail", "layer"] for row in rows)


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
        "[" * 100_000,
        '{"id": 1, "code": "", "fn_name": "f", "args": [], "expected": %s}' % ("[" * 100_000 + "]" * 100_000),
        '{"id": NaN, "code": "", "stdin": "", "expected": ""}',
        '{"id": 1, "code": "", "stdin": "", "expected": "", "check": "assert f()"}',
        '{"id": 1, "code": "", "check": "", "asserts": [], "entry_point": "f"}',
        '{"id": 1, "code": "", "check": "assert f()", "entry_point": "f g"}',
        '{"id": 1, "code": "", "asserts": ["assert f()", 1], "entry_point": "f"}',
        '{"id": 1, "code": "", "fn_name": "", "args": [], "expected": 1}',
        '{"id": 1, "code": "", "fn_name": "f", "args": [{"~set": 1}], "expected": 1}',
        '{"id": 1, "code": "", "fn_name": "f", "args": [1], "expected": {"~nothing": 1}}',
        *(
            f'{{"id": 1, "code": "", "stdin": "", "expected": "", "comparator": {comparator}}}'
            for comparator in (
                "[]", "0", "false", '""', "{}", '{"name": 1}', '{"name": "tokens", "args": []}', '{"name": "typed"}',
                '{"name": "tokens", "more": 1}', '{"name": "float", "args": {"abs": -1}}', '"official-apps-call"',
                '{"name": "float", "args": {"abs": true}}', '{"name": "float", "args": {"absolute": 1}}', '"checker"',
                '{"name": "checker", "args": {"source": "def"}}', '{"name": "unordered", "args": {"by": "words"}}',
            )
        ),
        *(
            '{{"id": 1, "code": "", "stdin": "", "expected": "", "{}": {}}}'.format(*limit)
            for limit in (
                ("cpu_s", "0"), ("cpu_s", "true"), ("cpu_s", "3601"), ("cpu_s", '"1"'), ("cpu_s", "[1]"),
                ("memory_mb", "0"), ("memory_mb", "-1"), ("memory_mb", "15"), ("memory_mb", "64.0"),
                ("memory_mb", "true"), ("memory_mb", "9999999"),
            )
        ),
    ],
)  # fmt: skip
def test_the_line_that_is_wrong_is_named_before_anything_is_judged(line: str) -> None:
    class Unasked:
        def stream(self, *asked: object, **more: object) -> object:
            raise AssertionError("a line is wrong, and it was asked")

    with pytest.raises(LabError, match="line 3: ") as caught:
        list(batch([json.dumps(LINES[0]), "", line], Unasked()))  # type: ignore[arg-type]
    assert caught.value.hint


def test_every_comparator_can_be_named(judge: Judge) -> None:
    even = "import sys\nsys.exit(int(open('output').read()) % 2)"
    wanted = [
        ("AC", "print(4)", "stdin", {"name": "checker", "args": {"source": even}}),
        ("WA", "print(3)", "stdin", {"name": "checker", "args": {"source": even}}),
        ("AC", "print(2, 1)", "stdin", "unordered"),
        ("WA", "print(2, 1)", "stdin", None),
        ("AC", "print(2, 1)", "stdin", "official-apps"),
        ("WA", "def f():\n    return (1, 2.0000001)", "args", "typed"),
        ("AC", "def f():\n    return (1, 2.0000001)", "args", {"name": "float", "args": None}),
        ("AC", "def f():\n    return (1, 2)", "args", "official-livecodebench-call"),
    ]
    lines = [
        {"id": n, "code": code, "comparator": comparator}
        | ({"stdin": "", "expected": "1 2"} if kind == "stdin" else {"fn_name": "f", "args": [], "expected": [1, 2.0]})
        for n, (_, code, kind, comparator) in enumerate(wanted)
    ]
    said = [row["verdict"] for row in batch(map(json.dumps, lines), judge)]
    assert said == [verdict for verdict, *_ in wanted]


def test_lines_that_can_be_read_again_are_not_held() -> None:
    drawn = [0, 0]  # in the first reading, in the second

    class Many:
        readings = -1

        def __iter__(self) -> Iterator[str]:
            Many.readings += 1
            for number in range(3000):
                drawn[Many.readings] += 1
                yield json.dumps(LINES[0] | {"id": number}) if number % 3 else " "

    with Judge(workers=1) as judge:
        rows = batch(Many(), judge)
        assert next(rows)["id"] == 1
        assert drawn[0] == 3000
        assert drawn[1] < 300
        rows.close()
        assert [row["id"] for row in batch([json.dumps(LINES[0])], judge)] == [1]  # nothing was left open


def test_early_stop_skips_the_later_cases_of_a_program(judge: Judge) -> None:
    lines = [LINES[0] | {"id": n, "expected": want} for n, want in enumerate(("42", "1", "42"))]
    lines.append({**lines[0], "code": lines[0]["code"] + "\n"})
    said = [row["verdict"] for row in batch(map(json.dumps, lines), judge, stop_early=True)]
    assert said == ["AC", "WA", "SK", "AC"]


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
