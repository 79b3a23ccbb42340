"""What one test is given and what it left: files in memory, made and read by the parent. Nothing touches a disk.

Inputs are sealed against writing. Expected outputs are in none of them, except for the processes that judge: the checks
of an `assert`, and a checker program.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache

from ..errors import LabError
from . import checker
from .inside import wire
from .inside.values import Unpassable, decode
from .question import Question
from .verdicts import Outcome
from .worker import Written, memory_file

KINDS = {"stdio": wire.STDIO, "call": wire.CALL, "assert": wire.ASSERT}
SOURCE_BYTES = 256 * 1024
OUTPUT_BYTES = 1 << 20
DETAIL_BYTES = 4096
CHECKER_CPU_FACTOR, CHECKER_CPU_EXTRA_MS = 5, 2000


def source_of(question: Question) -> bytes:
    """The program as bytes; lone surrogates pass, and are then a compile error."""
    return question.code.encode("utf-8", "surrogatepass")


def input_of(question: Question) -> bytes:
    """What the test is given beside the program. LabError when a call's arguments are no JSON array."""
    if question.kind == "stdio":
        return question.case.input.encode("utf-8", "surrogatepass")
    if question.kind == "assert":
        return json.dumps({"entry": question.entry_point, "source": question.case.input}).encode()
    try:
        if type(decode(question.case.input)) is list:
            return f'{{"entry": {json.dumps(question.entry_point)}, "args": {question.case.input}}}'.encode()
        problem = "not an array"
    except Unpassable as error:
        problem = str(error)
    raise LabError(
        f"case {question.case.digest}: the arguments are no JSON array: {problem}", "write the call's arguments as [..]"
    )


def for_checker(question: Question, output: bytes | None) -> list[bytes]:
    """What a checker's run is given. `output`: what the program wrote, or None for the expected answer in its place."""
    answer = question.case.expected.encode("utf-8", "surrogatepass")
    given = question.case.input.encode("utf-8", "surrogatepass")
    return [
        b"",
        checker_program(question.comparator.args.get("source")),
        given,
        answer if output is None else output,
        answer,
    ]


@lru_cache(64)
def checker_program(source: str | float | None) -> bytes:
    """The program to run for a checker. LabError when its source does not compile."""
    checked = checker.check_source({} if source is None else {"source": source})
    return checker.program(checked).encode("utf-8", "surrogatepass")


def request_for(number: int, question: Question, source: int) -> wire.Request:
    """The request that goes with `question`'s files. `source`: bytes of the program."""
    output = max(OUTPUT_BYTES, 4 * len(question.case.expected.encode("utf-8", "surrogatepass")))
    cpu_ms = max(1, round(question.limits.cpu_s * 1000))
    memory, kind = question.limits.memory_mb << 20, KINDS[question.kind]
    return wire.Request(number, cpu_ms, wall_ms(cpu_ms), memory, output, source, kind)


def checker_request(number: int, question: Question, source: int) -> wire.Request:
    """The request for a checker's run: more time than the program had, since it is not the one that is judged."""
    cpu_ms = CHECKER_CPU_FACTOR * max(1, round(question.limits.cpu_s * 1000)) + CHECKER_CPU_EXTRA_MS
    memory = question.limits.memory_mb << 20
    return wire.Request(number, cpu_ms, wall_ms(cpu_ms), memory, OUTPUT_BYTES, source, wire.CHECKER)


def wall_ms(cpu_ms: int) -> int:
    """The back-stop that goes with a CPU limit."""
    return 3 * cpu_ms + 1000


def files(contents: list[bytes]) -> list[int]:
    """Descriptors of sealed files with these contents; the caller closes them."""
    made: list[int] = []
    try:
        for content in contents:
            made.append(memory_file(content))
    except BaseException:
        close(made)
        raise
    return made


def close(descriptors: list[int]) -> None:
    """Let go of files."""
    while descriptors:
        os.close(descriptors.pop())


def outcome(written: Written, processes: list[wire.Process], wall_us: int, limit: int) -> Outcome:
    """What a run left; the worker's files are empty afterwards."""
    sizes = written.sizes()
    out, err, result, _ = sizes
    too_much = max(sizes[:3]) > limit
    found = Outcome(
        processes,
        wall_us,
        stdout=b"" if too_much or not out else os.pread(written.stdout, out, 0),
        stderr=os.pread(written.stderr, DETAIL_BYTES, max(0, err - DETAIL_BYTES)) if err else b"",
        result=b"" if too_much or not result else os.pread(written.result, result, 0),
        written=max(sizes[:3]),
    )
    written.clear(sizes)
    return found
