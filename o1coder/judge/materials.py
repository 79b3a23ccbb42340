"""The files in memory that one test gets, and what is read back from them. Nothing touches a disk.

Inputs are sealed against writing. Expected outputs are in none of them, except for `assert`, whose checks have a
process of their own.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress

from ..errors import LabError
from .inside import wire
from .inside.values import Unpassable, decode
from .question import Question
from .verdicts import Outcome

KINDS = {"stdio": wire.STDIO, "call": wire.CALL, "assert": wire.ASSERT}
SOURCE_BYTES = 256 * 1024
OUTPUT_BYTES = 1 << 20
DETAIL_BYTES = 4096
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def input_bytes(question: Question) -> bytes:
    """What the program reads on descriptor 0. LabError when a call's arguments are no JSON array."""
    if question.kind == "stdio":
        return question.case.input.encode("utf-8", "surrogatepass")
    if question.kind == "assert":
        return b""
    try:
        if type(decode(question.case.input)) is list:
            return f'{{"entry": {json.dumps(question.entry_point)}, "args": {question.case.input}}}'.encode()
        problem = "not an array"
    except Unpassable as error:
        problem = str(error)
    raise LabError(
        f"case {question.case.digest}: the arguments are no JSON array: {problem}", "write the call's arguments as [..]"
    )


def request_for(number: int, question: Question) -> wire.Request:
    """The request that goes with `question`'s files."""
    output = max(OUTPUT_BYTES, 4 * len(question.case.expected.encode("utf-8", "surrogatepass")))
    cpu_ms = max(1, round(question.limits.cpu_s * 1000))
    wall_ms = 3 * cpu_ms + 1000
    return wire.Request(number, cpu_ms, wall_ms, question.limits.memory_mb << 20, output, KINDS[question.kind])


class Materials:
    """The descriptors of one run. `close` when it is over, whatever came of it."""

    def __init__(self, question: Question) -> None:
        self.descriptors: list[int] = []
        source = question.code.encode("utf-8", "surrogatepass")
        self._file(source)
        self._file(input_bytes(question))
        self.stdout, self.stderr, self.result = self._file(), self._file(), -1
        if question.kind != "stdio":
            self.result = self._file()
        if question.kind == "assert":
            self._file(json.dumps({"entry": question.entry_point, "source": question.case.input}).encode())
            self._file()

    def _file(self, content: bytes | None = None) -> int:
        descriptor = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.descriptors.append(descriptor)
        if content is not None:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
            os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def outcome(self, processes: list[wire.Process], wall_us: int, limit: int) -> Outcome:
        """What the run left."""
        written = [self.stdout, self.stderr] + ([self.result] if self.result >= 0 else [])
        sizes = [os.fstat(descriptor).st_size for descriptor in written]
        too_much = max(sizes) > limit
        return Outcome(
            processes,
            wall_us,
            stdout=b"" if too_much else os.pread(self.stdout, sizes[0], 0),
            stderr=os.pread(self.stderr, DETAIL_BYTES, max(0, sizes[1] - DETAIL_BYTES)),
            result=os.pread(self.result, sizes[2], 0) if self.result >= 0 and not too_much else b"",
            written=max(sizes),
        )

    def close(self) -> None:
        """Let go of the files."""
        for descriptor in self.descriptors:
            with suppress(OSError):
                os.close(descriptor)
        self.descriptors.clear()
