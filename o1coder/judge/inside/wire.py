"""The packets between parent and worker: fixed structs, descriptors beside them, nothing that could be executed.

Once, at the start, the worker gets the files that every test of its writes to, one test after the other: stdout, stderr,
result, sink (what the checks of an `assert` print), and an empty one to read. The parent empties them between tests.

Request: HEADER, and by kind these descriptors (all memfds, sealed):
    stdio    stdin, code
    call     stdin = {"entry", "args"}, code
    assert   the checks = {"entry", "source"}, code
    checker  nothing, code of the checker, the test's input, the program's output, the expected answer
The first one gets descriptor 0, which the worker keeps free; a stdio test then has nothing to rearrange.
Reply: REPLY, then for each process (the program; for `assert` also the checks) PROCESS and its stages: "s" when the
jail was complete, then "c" when the source compiled, "e" + text when it did not, "m" when that took too much memory.
Stages are written before any code under test runs.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

STDIO, CALL, ASSERT, CHECKER, CANCEL = 0, 1, 2, 3, 4
ENDED, OVER_CPU, OVER_WALL, CANCELLED = 0, 1, 2, 3
SERVING = b"serving"
STARVED = 10  # a process that a busy machine keeps from the CPU may take so many times the wall limit
HEADER = struct.Struct("<QIIQQIB")
REPLY = struct.Struct("<QQB")
PROCESS = struct.Struct("<iQIBH")
REPLY_OF_ONE = struct.Struct("<QQBiQIBH")
PACKET_BYTES = 4096
STAGE_BYTES = 600
MAX_DESCRIPTORS = 8
PASSED_BYTES = socket.CMSG_SPACE(4 * MAX_DESCRIPTORS)


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


def unpack_request(data: bytes) -> Request:
    """A request from its bytes."""
    return Request(*HEADER.unpack(data))


def unpack_descriptors(data: bytes) -> tuple[int, ...]:
    """The descriptors that came with a packet."""
    return struct.unpack(f"{len(data) // 4}i", data)


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
