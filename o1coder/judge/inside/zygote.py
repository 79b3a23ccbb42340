"""The worker: a warm interpreter that forks one process a test, watches its clocks, and reports how it ended.

It reads neither code nor input, so that nothing of one test is in the memory that the next one inherits. CPU time
decides (the process's CPU clock, polled); wall time is the back-stop. It ends with the parent: by its death signal,
and by the socket, whose other end closes.

Started by `worker.py` as: python -c START LEVEL PARENT UID FD   (see `main`).
"""

from __future__ import annotations

import _sitebuiltins
import builtins
import fcntl
import gc
import importlib
import os
import resource
import select
import signal
import socket
import sys
import sysconfig
import time
from typing import NamedTuple

from . import checks, dialogue, harness, jail, kernel, wire
from .seccomp import Filter

WARM = (
    "abc array base64 bisect calendar cmath collections contextlib copy csv ctypes dataclasses datetime decimal enum "
    "fractions functools hashlib heapq inspect io itertools json math numbers operator pickle queue "
    "random re select statistics string struct textwrap threading time types typing unicodedata zlib"
).split()
# Where tests can open no file, what has not been imported cannot be: there the worker is less lean.
WARM_WITHOUT_FILES = (
    "argparse ast asyncio bz2 colorsys concurrent.futures.thread configparser difflib dis fileinput fnmatch glob "
    "graphlib gzip html keyword logging lzma optparse pathlib platform secrets shlex shutil signal symtable tempfile "
    "token tokenize traceback unittest urllib.parse zoneinfo"
).split()
STACK_BYTES = 256 << 20
THREAD_STACK_BYTES = 8 << 20
TASKS = 72  # processes and threads of this worker's uid
CHECKS_CPU_FACTOR, CHECKS_CPU_EXTRA_MS = 5, 2000
LONGEST_NAP_MS = 500
WINDOW_MS, IDLE_SHARE = 300, 0.02  # see WallClock
HIGH = 16  # descriptors of the worker's own start here, so that a test's 0, 1, 2, … never meet them


class Child(NamedTuple):
    """A test's process that runs."""

    pid: int
    handle: int
    stages: int
    cpu_ms: int


class Worker:
    """What a worker keeps between tests: its socket, the filter, the memory baseline. Nothing of any test."""

    def __init__(self, channel: socket.socket, barrier: Filter | None, baseline: int) -> None:
        self.channel = channel
        self.barrier = barrier
        self.baseline = baseline
        self.pid = os.getpid()

    def serve(self) -> None:
        """Answer requests until the parent is gone."""
        while True:
            data, descriptors, _, _ = socket.recv_fds(self.channel, wire.PACKET_BYTES, wire.MAX_DESCRIPTORS)
            if not data:
                return
            request = wire.unpack_request(data)
            if request.kind == wire.CANCEL:
                continue  # it came too late: that test has been answered
            self.answer(request, descriptors)

    def answer(self, request: wire.Request, descriptors: list[int]) -> None:
        """Run one test and report it."""
        began = time.monotonic()
        children = self.start_pair(request, descriptors) if request.kind == wire.ASSERT else []
        children = children or [self.start_one(request, descriptors)]
        for descriptor in descriptors:
            os.close(descriptor)
        processes = self.watch(request, children, began)
        wall_us = int((time.monotonic() - began) * 1e6)
        self.channel.send(wire.pack_reply(request.number, wall_us, processes))

    def start_one(self, request: wire.Request, descriptors: list[int]) -> Child:
        """A stdio or call test."""
        run = harness.run_call if request.kind == wire.CALL else harness.run_stdio
        return self.fork(request, descriptors[1:], descriptors[0], run)

    def start_pair(self, request: wire.Request, descriptors: list[int]) -> list[Child]:
        """The program and its checks, joined by two pipes."""
        code, stdin, stdout, stderr, result, payload, sink = descriptors
        ask_read, ask_write = os.pipe()
        say_read, say_write = os.pipe()
        program = self.fork(request, [stdin, stdout, stderr, ask_read, say_write], code, dialogue.run_program)
        longer = request._replace(cpu_ms=CHECKS_CPU_FACTOR * request.cpu_ms + CHECKS_CPU_EXTRA_MS)
        judge = self.fork(longer, [payload, sink, sink, result, ask_write, say_read], None, checks.run_checks)
        for descriptor in (ask_read, ask_write, say_read, say_write):
            os.close(descriptor)
        return [program, judge]

    def fork(self, request: wire.Request, descriptors: list[int], code: int | None, run: object) -> Child:
        """One sealed process. `code`: the descriptor of its source, read before it is sealed."""
        stage_read, stage_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            # Before "s" on the stage pipe, any error is the judge's: leave without saying it.
            try:
                source = [] if code is None else [os.pread(code, os.fstat(code).st_size, 0)]
                harness.seal(request, [*descriptors, stage_write], self.baseline, self.barrier, self.pid)
                run(*source, harness.Stages(len(descriptors)))  # type: ignore[operator]
            finally:
                os._exit(125)
        os.close(stage_write)
        return Child(pid, os.pidfd_open(pid), stage_read, request.cpu_ms)

    def watch(self, request: wire.Request, children: list[Child], began: float) -> list[wire.Process]:
        """Wait for every child, killing what is over a limit; the last child's end ends the others."""
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        running = {child.handle: child for child in children}
        for handle in running:
            poll.register(handle, select.POLLIN)
        ended: dict[int, wire.Process] = {}
        reasons = dict.fromkeys(running, wire.ENDED)
        last = children[-1].handle
        wall = WallClock(request.wall_ms, began)
        while running:
            nap = LONGEST_NAP_MS
            used = {handle: cpu_used_ms(child.pid) for handle, child in running.items()}
            wall_left = wall.left_ms(sum(used.values()))
            for handle, child in running.items():
                cpu_left = child.cpu_ms - used[handle]
                if cpu_left <= 0 or wall_left <= 0:
                    reasons[handle] = reasons[handle] or (wire.OVER_CPU if cpu_left <= 0 else wire.OVER_WALL)
                    kill(child)
                nap = min(nap, max(1, int(min(cpu_left, wall_left)) + 1))
            for descriptor, _ in poll.poll(nap):
                if descriptor == self.channel.fileno():
                    self.hear(running)
                    reasons.update(dict.fromkeys(running, wire.CANCELLED))
                    continue
                poll.unregister(descriptor)
                ended[descriptor] = reap(running.pop(descriptor), reasons[descriptor])
                if descriptor == last:
                    for other in running.values():
                        kill(other)
        return [ended[child.handle] for child in children]

    def hear(self, running: dict[int, Child]) -> None:
        """The parent cancels, or is gone: either way nothing goes on."""
        for child in running.values():
            kill(child)
        if not self.channel.recv(wire.PACKET_BYTES):
            os._exit(0)


class WallClock:
    """The back-stop. What is over the wall limit but still gets some CPU is starved by a busy machine, not idle: it
    may go on to wire.STARVED times the limit, so that other processes' load changes no verdict."""

    def __init__(self, limit_ms: int, began: float) -> None:
        self.limit_ms = limit_ms
        self.began = began
        self.seen: tuple[float, float] | None = None  # wall and CPU, in ms, when last looked at beyond the limit

    def left_ms(self, cpu_ms: float) -> float:
        """Milliseconds until the next look, or 0 when it is over."""
        wall_ms = (time.monotonic() - self.began) * 1000
        if wall_ms < self.limit_ms:
            return self.limit_ms - wall_ms
        if wall_ms > wire.STARVED * self.limit_ms:
            return 0
        if self.seen and wall_ms - self.seen[0] < WINDOW_MS:
            return self.seen[0] + WINDOW_MS - wall_ms
        if self.seen and cpu_ms - self.seen[1] < IDLE_SHARE * (wall_ms - self.seen[0]):
            return 0
        self.seen = (wall_ms, cpu_ms)
        return WINDOW_MS


def cpu_used_ms(pid: int) -> float:
    """CPU time of a process with all its threads."""
    try:
        return time.clock_gettime((~pid << 3) | 2) * 1000
    except OSError:
        return 0.0  # it has just ended


def kill(child: Child) -> None:
    """Kill a child that may already have ended."""
    try:
        signal.pidfd_send_signal(child.handle, signal.SIGKILL)
    except ProcessLookupError:
        return


def reap(child: Child, reason: int) -> wire.Process:
    """How a child that ended did so."""
    _, status, usage = os.wait4(child.pid, 0)
    os.close(child.handle)
    os.set_blocking(child.stages, False)
    try:
        stages = os.read(child.stages, wire.STAGE_BYTES + 16)
    except BlockingIOError:
        stages = b""
    os.close(child.stages)
    cpu_us = int((usage.ru_utime + usage.ru_stime) * 1e6)
    return wire.Process(status, cpu_us, usage.ru_maxrss, reason, stages)


def high(descriptor: int) -> int:
    """Move a descriptor out of the way of the tests' own."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, HIGH)
    os.close(descriptor)
    return moved


def main() -> None:
    """Arguments: level, the parent's pid, the uid that root becomes, the socket's descriptor."""
    level, parent, uid, descriptor = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    jail.die_with(parent)
    os.set_inheritable(descriptor, True)
    jail.still_addresses(STACK_BYTES)
    for name in WARM + (WARM_WITHOUT_FILES if level == "L1" else []):
        importlib.import_module(name)
    for name in ("exit", "quit"):  # `site`, which this interpreter starts without, gives them to programs
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D"))
    del sys.path[0]
    sys.dont_write_bytecode = True
    channel = socket.socket(fileno=high(descriptor))
    for placeholder in range(3, HIGH):  # so that what the parent sends never gets a number that a test wants
        os.dup2(0, placeholder)
    channel.recv(wire.PACKET_BYTES)  # the parent has put this process into its control group
    kernel.default_thread_stack(THREAD_STACK_BYTES)
    stdlib = sysconfig.get_paths()["stdlib"]
    baseline = jail.address_space()
    try:
        jail.enter(level, stdlib, parent, uid, channel.fileno())
        if level in ("L4", "L3"):
            resource.setrlimit(resource.RLIMIT_NPROC, (TASKS, TASKS))
        barrier = None if level == "L0" else Filter(kernel.MACHINE, opening=level != "L1")
    except OSError as error:
        channel.send(str(error).encode()[: wire.PACKET_BYTES])
        sys.exit(1)
    sys.argv[:] = [""]
    sys.orig_argv[:] = [""]
    gc.collect()
    gc.disable()
    gc.freeze()
    if hasattr(kernel.LIBC, "malloc_trim"):
        kernel.LIBC.malloc_trim(0)  # a fork's price is the pages it shares
    channel.send(wire.SERVING)
    Worker(channel, barrier, baseline).serve()
