"""Arbitrary bytes and values wherever something from elsewhere is read: packets, typed JSON, outcomes, batch lines; and
programs that write arbitrary bytes where answers are expected. Nothing is ever accepted by accident, nothing raises what
the caller does not expect.
"""

from __future__ import annotations

import json
import random
import signal
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1coder.errors import LabError
from o1coder.judge import CODES, Judge, Question
from o1coder.judge.batch import FIELDS, read
from o1coder.judge.inside import values, wire
from o1coder.judge.materials import request_for
from o1coder.judge.verdicts import Outcome, decide
from o1coder.task import Case, Limits

from .conftest import DOUBLE

PROCESSES = st.builds(
    wire.Process, st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1),
    st.integers(0, 255), st.binary(max_size=600),
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TAGS = [
    "~int",
    "~float",
    "~tuple",
    "~set",
    "~frozenset",
    "~dict",
    "~bytes",
    "~complex",
    "~type",
    "~object",
    "~handle",
    "~",
]
DATA = st.recursive(
    SCALARS | st.sampled_from([*TAGS, "nan", "ff", "eval", "int"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(TAGS) | st.text(max_size=3), inner, max_size=2),
    max_leaves=20,
)  # fmt: skip


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_packets_of_any_bytes(data: bytes) -> None:
    with suppress(struct.error, ValueError):
        assert wire.pack_reply(*wire.unpack_reply(data)) == data
    with suppress(struct.error, ValueError):
        assert wire.pack_request(wire.Request(*wire.HEADER.unpack(data))) == data


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.lists(PROCESSES, max_size=3), st.data())
def test_a_reply_comes_back_and_a_cut_one_does_not(
    number: int, wall_us: int, processes: list[wire.Process], data: st.DataObject
) -> None:
    packed = wire.pack_reply(number, wall_us, processes)
    assert wire.unpack_reply(packed) == (number, wall_us, processes)
    cut = packed[: data.draw(st.integers(0, len(packed) - 1))]
    with pytest.raises((struct.error, ValueError)):
        wire.unpack_reply(cut)
    with pytest.raises((struct.error, ValueError)):
        wire.unpack_reply(packed + b"\0")


@settings(deadline=None)
@given(st.binary(max_size=100) | st.text(max_size=100) | DATA.map(json.dumps))
def test_typed_json_of_any_text(text: str | bytes) -> None:
    with suppress(values.Unpassable):
        values.decode(text)


@settings(deadline=None)
@given(DATA)
def test_what_is_decoded_can_be_encoded_again(data: Any) -> None:
    try:
        value = values.unpack(data)
    except values.Unpassable:
        return
    again = values.encode(value)
    assert again.isascii()
    assert values.encode(values.decode(again)) == again or "~object" in again or "set" in again


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"a":' * 200_000, '{"~tuple": [' * 100_000, "9" * 50_000, "[" * 900 + "]" * 900]
)
def test_typed_json_too_deep_or_too_long(text: str) -> None:
    with pytest.raises(values.Unpassable):
        values.decode(text)


STATUSES = st.integers(0, 255).map(lambda code: code << 8) | st.sampled_from(
    [s.value | core for s in signal.Signals for core in (0, 128)]
)
STAGES = st.sampled_from([b"sc", b"sc", b"s", b"", b"c", b"sm", b"seSyntaxError: no", b"s\xff"]) | st.binary(max_size=4)
ENDS = st.builds(
    wire.Process, STATUSES, st.integers(0, 4_000_000), st.integers(0, 600_000),
    st.sampled_from([wire.ENDED, wire.ENDED, wire.OVER_CPU, wire.OVER_WALL, wire.CANCELLED]), STAGES,
)  # fmt: skip
TEXTS = st.binary(max_size=30) | st.sampled_from([b"42", b"42\n", b"MemoryError", b'{"~object": "x"}'])
SAID = st.sampled_from(
    [{"outcome": o, "detail": "d"} for o in ("passed", "failed", "raised", "died", "unpassable", "x")]
)
QUESTIONS = [
    Question("", "stdio", Case("", "", "42")),
    Question("", "call", Case("", "[]", "42"), "f"),
    Question("", "assert", Case("", "assert f()", ""), "f"),
]


@settings(deadline=None)
@given(
    st.sampled_from(QUESTIONS),
    st.tuples(ENDS, ENDS),
    TEXTS,
    TEXTS,
    TEXTS | SAID.map(lambda s: json.dumps(s).encode()),
    st.integers(0, 2_000_000),
)
def test_any_outcome_has_a_verdict(
    question: Question, ends: tuple[wire.Process, ...], stdout: bytes, stderr: bytes, result: bytes, written: int
) -> None:
    processes = list(ends[: 2 if question.kind == "assert" else 1])
    request = request_for(1, question, 0)
    verdict = decide(question, Outcome(processes, 1000, stdout, stderr, result, written), request, "L3").verdict
    assert verdict.code in CODES
    if verdict.code == "AC":
        assert all(one.stages.startswith(b"sc") for one in processes)
        assert all(one.reason == wire.ENDED for one in processes)
        assert processes[-1].status == 0
        assert written <= request.output
        assert processes[0].cpu_us <= request.cpu_ms * 1000


ROWS = st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=3), DATA, max_size=9)
STARTS = st.sampled_from([
    {"id": 1, "code": "", "stdin": "", "expected": ""},
    {"id": 1, "code": "", "fn_name": "f", "args": [], "expected": 1},
    {"id": 1, "code": "", "asserts": ["x"], "entry_point": "f"},
])  # fmt: skip


@settings(deadline=None)
@given(
    st.text(max_size=60)
    | DATA.map(json.dumps)
    | st.builds(lambda start, row: json.dumps({**start, **row}), STARTS, ROWS)
)
def test_any_line_of_a_batch_is_a_question_or_named(line: str) -> None:
    found: object = None
    try:
        _, found = read(7, line)
    except LabError as error:
        found = error
    assert type(found) is Question or str(found).startswith("line 7: ")


FRAGMENTS = [
    b"\n", b"\n", b'{"returned": ', b'{"raised": "', b'"}', b"}", b"[", b"]", b"4", b'"x"', b"null", b"NaN", b"{}", b"[]",
    b'{"functions": ["f"]}\n', b'"changed": ', b', "changed": [[', b'{"~handle": 0}', b'{"~type": "int"}', b'{"~object": ""}',
    b'{"outcome": "passed", "detail": ""}', b"\x00", b"\xff\xfe", b'"\\ud800"', b"9" * 5000, b"[" * 3000, b" " * 70_000, b"-",
]  # fmt: skip


def noise(source: random.Random) -> bytes:
    """Bytes that look more or less like what a program's side of the conversation says."""
    parts = [
        source.choice(FRAGMENTS) if source.random() < 0.8 else source.randbytes(5) for _ in range(source.randint(1, 12))
    ]
    return b"".join(parts)


def noisy_program(source: random.Random) -> str:
    """A program that writes noise to descriptors when it is loaded, when it is called, and when it ends."""
    writes = [
        f"try:\n    os.write({source.choice((1, 2, 3, 4, 4, 4, 5))}, {noise(source)!r})\nexcept OSError:\n    pass\n"
        for _ in range(3)
    ]
    inside = writes[1].replace("\n", "\n    ").rstrip()
    end = source.choice(["return 77", "os._exit(0)", "raise SystemExit", "os.close(4); return 77", "return x"])
    last = writes[2].replace("\n", "\n    ").rstrip()
    return (
        f"import atexit, os\n{writes[0]}\ndef f(x):\n    {inside}\n    {end}\n\ndef last():\n    {last}\n"
        f"{source.choice(['', 'atexit.register(last)'])}\n"
    )


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_never_an_answer(judge: Judge, seed: int) -> None:
    source = random.Random(seed)
    checks = "def check(candidate):\n    assert candidate(2) == 771942\n    assert candidate(3) == 885301\n"
    questions = []
    for number in range(40):
        code = noisy_program(source)
        call = Question(code, "call", Case(str(number), "[2]", "771942"), "f", limits=Limits(0.3, 256))
        pair = Question(code, "assert", Case(str(number), checks, ""), "f", limits=Limits(0.3, 256))
        questions += [call, DOUBLE, pair, DOUBLE]
    verdicts = judge.judge(questions)
    found = [
        f"seed {seed}, {question.kind} {question.case.digest}: {verdict.code} ({verdict.detail})\n{question.code}"
        for question, verdict in zip(questions, verdicts, strict=True)
        if (verdict.code != "AC" if question is DOUBLE else verdict.code in ("AC", "IE", "SK"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "result",
    [
        b"[" * 5000,
        b'{"outcome": "raised", "detail": 1}',
        b'{"outcome": "failed", "detail": null}',
        b'{"outcome": [], "detail": []}',
    ],
)
def test_what_the_checks_say_is_read_as_carefully(result: bytes) -> None:
    question, ends = QUESTIONS[2], [wire.Process(0, 0, 0, wire.ENDED, b"sc")] * 2
    request = request_for(1, question, 0)
    assert decide(question, Outcome(ends, 1000, b"", b"", result, 0), request, "L3").verdict.code == "WA"


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"id": 1, "code": "", "stdin": "", "expected": ' + "[" * 100_000,
        '{"id": 1, "code": "", "stdin": "", "expected": "1.5", "comparator": {"name": "float", "args": {"abs": [1]}}}',
        '{"id": 1, "code": "", "stdin": "", "expected": "1.5", "comparator": {"name": "float", "args": {"abs": "x"}}}',
        '{"id": 1, "code": "", "stdin": "", "expected": "1.5", "comparator": {"name": "float", "args": {"abs": NaN}}}',
        '{"id": 1, "code": "", "fn_name": "f", "args": [NaN], "expected": 1}',
        '{"id": 1, "code": "", "fn_name": "f", "args": [], "expected": NaN}',
        '{"id": 1, "code": "", "fn_name": "f", "args": [{"~int": []}], "expected": 1}',
        '{"id": 1, "code": "", "fn_name": "f", "args": [], "expected": {"~float": 3}}',
    ],
)
def test_a_line_that_would_break_the_judge_later_is_named_at_once(line: str) -> None:
    with pytest.raises(LabError, match="line 7: "):
        read(7, line)
