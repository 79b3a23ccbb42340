"""What one test is given and what it left: the contents of a worker's files in memory. Nothing touches a disk.

Expected outputs are in none of them, except for the processes that judge: the checks of an `assert`, and a checker
program.
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
from .worker import Files

KINDS = {"stdio": wire.STDIO, "call": wire.CALL, "assert": wire.ASSERT}
SOURCE_BYTES = 256 * 1024
OUTPUT_BYTES = 1 << 20
DETAIL_BYTES = 4096
MOST_CPU_S, MOST_MEMORY_MB = 100_000, 1 << 24
CHECKER_CPU_FACTOR, CHECKER_CPU_EXTRA_MS = 5, 2000


def source_of(question: Question) -> bytes:
    """The program as bytes; lone surrogates pass, and are then a compile error."""
    return question.code.encode("utf-8", "surrogatepass")


def for_program(question: Question, source: bytes) -> tuple[bytes, ...]:
    """The contents of a program's inputs (wire.INPUTS). LabError when a call's arguments are no JSON array."""
    if question.kind not in KINDS:
        raise LabError(f"there is no kind {question.kind!r} of program", f"there are {', '.join(KINDS)}")
    if question.kind != "stdio" and not question.entry_point:
        raise LabError(f"a question of kind {question.kind} names no function", "give its entry point")
    if question.kind == "stdio":
        return question.case.input.encode("utf-8", "surrogatepass"), source
    if question.kind == "assert":
        return b"", source, json.dumps({"entry": question.entry_point, "source": question.case.input}).encode()
    return call_of(question), source


def call_of(question: Question) -> bytes:
    """The function to call and its arguments."""
    try:
        if type(decode(question.case.input)) is list:
            return f'{{"entry": {json.dumps(question.entry_point)}, "args": {question.case.input}}}'.encode()
        problem = "not an array"
    except Unpassable as error:
        problem = str(error)
    raise LabError(
        f"case {question.case.digest}: the arguments are no JSON array: {problem}", "write the call's arguments as [..]"
    )


def for_checker(question: Question, output: bytes | None) -> tuple[bytes, ...]:
    """The contents of a checker's inputs. `output`: what the program wrote, or None for the expected answer instead."""
    answer = question.case.expected.encode("utf-8", "surrogatepass")
    given = question.case.input.encode("utf-8", "surrogatepass")
    source = checker_program(question.comparator.args.get("source"))
    return b"", source, given, answer if output is None else output, answer


@lru_cache(64)
def checker_program(source: str | float | None) -> bytes:
    """The program to run for a checker. LabError when its source does not compile."""
    checked = checker.check_source({} if source is None else {"source": source})
    return checker.program(checked).encode("utf-8", "surrogatepass")


def request_for(number: int, question: Question, source: int) -> wire.Request:
    """The request that goes with `question`'s files. `source`: bytes of the program."""
    output = max(OUTPUT_BYTES, 4 * len(question.case.expected.encode("utf-8", "surrogatepass")))
    cpu_ms, memory = limits_of(question)
    return wire.Request(number, cpu_ms, wall_ms(cpu_ms), memory, output, source, KINDS[question.kind])


def checker_request(number: int, question: Question, source: int) -> wire.Request:
    """The request for a checker's run: more time than the program had, since it is not the one that is judged."""
    cpu_ms, memory = limits_of(question)
    cpu_ms = CHECKER_CPU_FACTOR * cpu_ms + CHECKER_CPU_EXTRA_MS
    return wire.Request(number, cpu_ms, wall_ms(cpu_ms), memory, OUTPUT_BYTES, source, wire.CHECKER)


def limits_of(question: Question) -> tuple[int, int]:
    """(milliseconds of CPU, bytes of memory). LabError where no such limit can be set."""
    cpu_s, memory_mb = question.limits.cpu_s, question.limits.memory_mb
    if not 0 < cpu_s <= MOST_CPU_S or not 0 < memory_mb <= MOST_MEMORY_MB:
        hint = f"up to {MOST_CPU_S} seconds and {MOST_MEMORY_MB} MB"
        raise LabError(f"limits of {cpu_s} s and {memory_mb} MB cannot be set", hint)
    return max(1, round(cpu_s * 1000)), memory_mb << 20


def wall_ms(cpu_ms: int) -> int:
    """The back-stop that goes with a CPU limit."""
    return 3 * cpu_ms + 1000


def outcome(files: Files, processes: list[wire.Process], wall_us: int, limit: int) -> Outcome:
    """What a run left; the worker's outputs are empty afterwards."""
    sizes = files.sizes()
    out, err, result, _ = sizes
    too_much = max(sizes[:3]) > limit
    found = Outcome(
        processes,
        wall_us,
        stdout=b"" if too_much or not out else os.pread(files.stdout, out, 0),
        stderr=os.pread(files.stderr, DETAIL_BYTES, max(0, err - DETAIL_BYTES)) if err else b"",
        result=b"" if too_much or not result else os.pread(files.result, result, 0),
        written=max(sizes[:3]),
    )
    files.clear(sizes)
    return found
