"""One worker as the parent sees it: started, asked, answered, lost, ended; and the files that its tests write to.

The worker must be started from a thread that lives as long as the judge: its death signal fires when the *thread*
that forked it ends. `pool.py` takes care of that.
"""

from __future__ import annotations

import importlib.util
import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from functools import cache

from . import cgroup
from .inside import wire
from .inside.wire import Process, Request
from .question import Level

START = "import sys; sys.path.insert(0, sys.argv[1]); from inside import start; start.main()"
START_S = 60.0
GROUP_SPARE_MB = 320  # the warm interpreter, and the files in memory
GROUP_TASKS = 128
LARGE_BYTES = 1 << 20
UIDS = (64_100, 1_000)  # first and how many: uids that no distribution gives out; each worker of a root gets one
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONIOENCODING": "utf-8:surrogateescape",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LC_ALL": "C.UTF-8",
    "LD_BIND_NOW": "1",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class WorkerLost(Exception):
    """The worker ended, or said something that is no answer."""


@cache
def numpy_folder() -> str | None:
    """The folder that holds the package NumPy, or None; it is not imported."""
    spec = importlib.util.find_spec("numpy")
    return os.path.dirname(os.path.dirname(spec.origin)) if spec and spec.origin else None


class Files:
    """The files in memory that every test of a worker reads and writes, one test after the other.

    The worker has the inputs open for reading only, and outside of the jail there is no way to them; the parent fills
    them before a test, and empties the outputs after it."""

    def __init__(self) -> None:
        self.inputs = [os.memfd_create(name, os.MFD_CLOEXEC) for name in wire.INPUTS]
        self.readable = [os.open(f"/proc/self/fd/{one}", os.O_RDONLY | os.O_CLOEXEC) for one in self.inputs]
        self.lengths = [0] * len(self.inputs)
        self.outputs = [os.memfd_create(name, os.MFD_CLOEXEC) for name in wire.OUTPUTS]
        self.stdout, self.stderr, self.result, self.sink = self.outputs

    @property
    def shared(self) -> list[int]:
        """The descriptors that the worker gets, in the order that it expects (wire.py)."""
        return self.readable + self.outputs

    def fill(self, contents: Sequence[bytes]) -> None:
        """Give the first inputs these contents, from their start; those without one are empty."""
        for place, length in enumerate(self.lengths):
            content = contents[place] if place < len(contents) else b""
            if content or length:
                self._write(place, content)

    def _write(self, place: int, content: bytes) -> None:
        descriptor, written = self.inputs[place], 0
        while written < len(content):  # more than once beyond 2 GiB
            written += os.pwrite(descriptor, memoryview(content)[written:], written)
        if len(content) < self.lengths[place]:
            os.ftruncate(descriptor, len(content))
        self.lengths[place] = len(content)
        os.lseek(self.readable[place], 0, os.SEEK_SET)  # the worker's own place in it: the two share one

    def sizes(self) -> list[int]:
        """Bytes in stdout, stderr, result and sink, each of which is left at its end."""
        return [os.lseek(descriptor, 0, os.SEEK_END) for descriptor in self.outputs]

    def clear(self, sizes: list[int]) -> None:
        """Empty the outputs, whose `sizes` those are, and put each back to its start; let go of large inputs."""
        for descriptor, size in zip(self.outputs, sizes, strict=True):
            if size:  # an empty one is at its start when it is at its end
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
        if max(self.lengths) > LARGE_BYTES:
            self.fill([])

    def close(self) -> None:
        """Let go of the files."""
        for descriptor in self.inputs + self.shared:
            os.close(descriptor)


class Worker:
    """A started worker at one level. OSError from the constructor when the level is not to be had."""

    def __init__(self, level: Level, number: int, numpy: bool = False) -> None:
        self.level = level
        self.number = number
        self.numpy = numpy_folder() if numpy else None
        self.files = Files()
        self.group = cgroup.create(number) if level == "L4" else None
        if level == "L4" and self.group is None:
            self.files.close()
            raise OSError("no control group can be made here")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel = ours
        try:
            self.process = self._start(theirs)
        except OSError:
            ours.close()
            self.files.close()
            if self.group:
                self.group.remove()
            raise
        finally:
            theirs.close()
        try:
            if self.group:
                self.group.add(self.process.pid)
            socket.send_fds(ours, [b"go"], self.files.shared)
            said = self._first_packet()
        except (OSError, WorkerLost) as error:
            self.close()
            raise OSError(str(error)) from error
        if said != wire.SERVING:
            self.close()
            raise OSError(said.decode("utf-8", "replace"))

    def _start(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        uid = UIDS[0] + (os.getpid() * 61 + self.number) % UIDS[1]
        arguments = [self.level, os.getpid(), uid, theirs.fileno(), self.numpy or "-"]
        environment = dict(ENVIRONMENT)
        if "LD_LIBRARY_PATH" in os.environ:  # where the interpreter itself may come from
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        # Empty files in memory, not /dev/null: the warm interpreter's stdio objects are made for what a test will have.
        empty = os.memfd_create("empty")
        try:
            return subprocess.Popen(
                [sys.executable, "-s", "-S", "-P", "-c", START, os.path.dirname(__file__), *map(str, arguments)],
                stdin=empty,
                stdout=empty,
                stderr=empty,
                env=environment,
                pass_fds=[theirs.fileno()],
                cwd="/",
            )
        finally:
            os.close(empty)

    def ask(self, request: Request, contents: Sequence[bytes]) -> None:
        """Hand over one test, with the contents of its inputs (wire.py). WorkerLost when the worker is gone."""
        if self.group and (request.memory >> 20) + GROUP_SPARE_MB > self.group.memory_mb:
            self.group.limit((request.memory >> 20) + GROUP_SPARE_MB, GROUP_TASKS)
        self.files.fill(contents)
        try:
            self.channel.send(wire.pack_request(request))
        except OSError as error:
            raise WorkerLost(str(error)) from error

    def answer(self) -> tuple[int, int, list[Process]]:
        """The reply that has come: (number, wall microseconds, processes). WorkerLost when there is none."""
        try:
            return wire.unpack_reply(self._packet())
        except (struct.error, ValueError) as error:
            raise WorkerLost("a reply that is none") from error

    def cancel(self) -> None:
        """Have the test that is running killed; its answer still comes."""
        try:
            self.channel.send(wire.pack_request(Request(0, 0, 0, 0, 0, 0, wire.CANCEL)))
        except OSError:
            return  # it is gone: the reader will notice

    def _first_packet(self) -> bytes:
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        if not poll.poll(START_S * 1000):
            raise WorkerLost("the worker is silent")
        return self._packet()

    def _packet(self) -> bytes:
        try:
            data = self.channel.recv(wire.PACKET_BYTES, socket.MSG_DONTWAIT)
        except OSError as error:
            raise WorkerLost(str(error)) from error
        if not data:
            raise WorkerLost("the worker ended")
        return data

    def close(self) -> None:
        """End the worker and everything in it."""
        self.channel.close()
        self.files.close()
        self.process.kill()
        self.process.wait()
        if self.group:
            self.group.remove()
