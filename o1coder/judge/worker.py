"""One worker as the parent sees it: started, asked, answered, lost, ended.

The worker must be started from a thread that lives as long as the judge: its death signal fires when the *thread*
that forked it ends. `pool.py` takes care of that.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence

from . import cgroup
from .inside import wire
from .inside.wire import Process, Request
from .question import Level

START = "import sys; sys.path.insert(0, sys.argv[1]); from inside import zygote; zygote.main()"
START_S = 60.0
GROUP_SPARE_MB = 256  # the warm interpreter, and the files in memory
GROUP_TASKS = 128
UIDS = (64_100, 1_000)  # first and how many: uids that no distribution gives out; each worker of a root gets one
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONIOENCODING": "utf-8:surrogateescape",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class WorkerLost(Exception):
    """The worker ended, or said something that is no answer."""


class Worker:
    """A started worker at one level. OSError from the constructor when the level is not to be had."""

    def __init__(self, level: Level, number: int) -> None:
        self.level = level
        self.number = number
        self.group = cgroup.create(number) if level == "L4" else None
        if level == "L4" and self.group is None:
            raise OSError("no control group can be made here")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel = ours
        try:
            self.process = self._start(theirs)
        finally:
            theirs.close()
        try:
            if self.group:
                self.group.add(self.process.pid)
            ours.send(b"go")
            said = self._packet(START_S)
        except (OSError, WorkerLost) as error:
            self.close()
            raise OSError(str(error)) from error
        if said != wire.SERVING:
            self.close()
            raise OSError(said.decode("utf-8", "replace"))

    def _start(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        uid = UIDS[0] + (os.getpid() * 61 + self.number) % UIDS[1]
        arguments = [self.level, os.getpid(), uid, theirs.fileno()]
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

    def ask(self, request: Request, descriptors: Sequence[int]) -> None:
        """Hand over one test. WorkerLost when the worker is gone."""
        if self.group and (request.memory >> 20) + GROUP_SPARE_MB > self.group.memory_mb:
            self.group.limit((request.memory >> 20) + GROUP_SPARE_MB, GROUP_TASKS)
        try:
            socket.send_fds(self.channel, [wire.pack_request(request)], list(descriptors))
        except OSError as error:
            raise WorkerLost(str(error)) from error

    def answer(self) -> tuple[int, int, list[Process]]:
        """The reply that has come: (number, wall microseconds, processes). WorkerLost when there is none."""
        try:
            return wire.unpack_reply(self._packet(0))
        except (struct.error, ValueError) as error:
            raise WorkerLost("a reply that is none") from error

    def cancel(self) -> None:
        """Have the test that is running killed; its answer still comes."""
        try:
            self.channel.send(wire.pack_request(Request(0, 0, 0, 0, 0, wire.CANCEL)))
        except OSError:
            return  # it is gone: the reader will notice

    def _packet(self, timeout_s: float) -> bytes:
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        if not poll.poll(timeout_s * 1000):
            raise WorkerLost("the worker is silent")
        try:
            data = self.channel.recv(wire.PACKET_BYTES)
        except OSError as error:
            raise WorkerLost(str(error)) from error
        if not data:
            raise WorkerLost("the worker ended")
        return data

    def close(self) -> None:
        """End the worker and everything in it."""
        self.channel.close()
        self.process.kill()
        self.process.wait()
        if self.group:
            self.group.remove()
