"""The packets between parent and worker: fixed structs, descriptors beside them, nothing that could be executed.

Once, at the start, the worker gets the files that serve all its tests, one test after the other: INPUTS, which it can
only read, and OUTPUTS. The parent fills and empties them between tests. By kind, a test's inputs are:

    stdio    stdin, code
    call     stdin = {"entry", "args"}, code
    assert   stdin (empty), code, given = the checks, {"entry", "source"}
    checker  stdin (empty), code of the checker, given = the test's input, output = the program's, answer = expected

and its outputs stdout and stderr, for `call` result, for `assert` the checks' result and sink (what they print).
Request: HEADER.
Reply: REPLY, then for each process (the program; for `assert` also the checks) PROCESS and its stages: "s" when the
jail was complete, then "c" when the source compiled, "e" + text when it did not, "m" when that took too much memory.
Stages are written before any code under test runs.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

STDIO, CALL, ASSERT, CHECKER, CANCEL = 0, 1, 2, 3, 4
ENDED, OVER_CPU, OVER_WALL, CANCELLED, SPENT = 0, 1, 2, 3, 4  # SPENT: of a pair, the other had ended
SERVING = b"serving"
STARVED = 10  # a process that a busy machine keeps from the CPU may take so many times the wall limit
HEADER = struct.Struct("<QIIQQIB")
REPLY = struct.Struct("<QQB")
PROCESS = struct.Struct("<iQIBH")
REPLY_OF_ONE = struct.Struct("<QQBiQIBH")
PACKET_BYTES = 4096
STAGE_BYTES = 600
INPUTS = ("stdin", "code", "given", "output", "answer")
OUTPUTS = ("stdout", "stderr", "result", "sink")


class Request(NamedTuple):
    """What a worker is asked to run; times in milliseconds, sizes in bytes (of memory, output, source)."""

    number: int
    cpu_ms: int
    wall_ms: int
    memory: int
    output: int
    source: int
    kind: int

    @property
    def processes(self) -> int:
        """How many processes the test has."""
        return 2 if self.kind == ASSERT else 1


class Process(NamedTuple):
    """How one process ended: wait status, CPU in microseconds, peak memory in kB, why it was killed, its stages."""

    status: int
    cpu_us: int
    peak_kb: int
    reason: int
    stages: bytes


def pack_request(request: Request) -> bytes:
    """Bytes of a request."""
    return HEADER.pack(*request)


def pack_reply(number: int, wall_us: int, processes: list[Process]) -> bytes:
    """Bytes of a reply."""
    parts = [REPLY.pack(number, wall_us, len(processes))]
    for one in processes:
        parts.append(PROCESS.pack(one.status, one.cpu_us, one.peak_kb, one.reason, len(one.stages)) + one.stages)
    return b"".join(parts)


def unpack_reply(data: bytes) -> tuple[int, int, list[Process]]:
    """(number, wall microseconds, processes). struct.error or ValueError when the bytes are no reply."""
    number, wall_us, count = REPLY.unpack_from(data)
    place, processes = REPLY.size, []
    for _ in range(count):
        status, cpu_us, peak_kb, reason, length = PROCESS.unpack_from(data, place)
        place += PROCESS.size
        processes.append(Process(status, cpu_us, peak_kb, reason, data[place : place + length]))
        place += length
    if place != len(data):
        raise ValueError("a reply of the wrong length")
    return number, wall_us, processes
