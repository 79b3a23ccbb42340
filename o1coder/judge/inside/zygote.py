"""The worker: a warm interpreter that forks one process a test, watches its clocks, and reports how it ended.

It reads neither code nor input, so that nothing of one test is in the memory that the next one inherits. CPU time
decides (the process's CPU clock, polled); wall time is the back-stop. It ends with the parent: by its death signal,
and by the socket, whose other end closes.

The limits of memory, output and descriptors are the worker's own, inherited by each test: soft ones, which the filter
lets nobody raise. There is no RLIMIT_CPU, which would count the worker's own time; this process's clock decides, and
a test does not outlive this process.

`start.py` makes this process and calls `main`.
"""

from __future__ import annotations

import gc
import os
import random
import resource
import select
import signal
import socket
import sys
import sysconfig
import time
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from . import checks, dialogue, harness, jail, kernel, start, wire
from .seccomp import Filter, confine

TASKS = 72  # processes and threads of this worker's uid
CHECKS_CPU_FACTOR, CHECKS_CPU_EXTRA_MS = 5, 2000
FIRST_NAP_S, FIRST_NAP_MS, LONGEST_NAP_MS = 0.02, 20, 500
CHILD_ENDED = (signal.SIGCHLD,)
WINDOW_MS, IDLE_SHARE = 300, 0.02  # see WallClock

Run = Callable[..., int]


class Child(NamedTuple):
    """A test's process that runs."""

    pid: int
    handle: int
    stages: int
    cpu_ms: int


class Files(NamedTuple):
    """The files that serve every test of this worker, one after the other: wire.INPUTS and wire.OUTPUTS."""

    stdin: int
    code: int
    given: int
    output: int
    answer: int
    stdout: int
    stderr: int
    result: int
    sink: int


class Worker:
    """What a worker keeps between tests: its socket, the filter, the memory baseline. Nothing of any test.

    After a fork, every page that this process writes to costs a fault. So the way of a test that has one process and ends
    in time (`serve`, and nothing else) makes few objects and looks few things up."""

    def __init__(self, channel: socket.socket, files: Files, baseline: int, level: str) -> None:
        self.channel = channel
        self.barrier: Filter | None = None
        self.baseline = baseline
        self.parent = None if level in ("L4", "L3") else os.getpid()
        self.code = files.code
        # One for each process that a test can have; what is left in it is read before the next test begins.
        self.stages = [os.pipe() for _ in range(2)]
        for reading, _ in self.stages:
            os.set_blocking(reading, False)
        # A stdio test, the most common one, finds everything in its place: 0, 1, 2, and its stages at 3.
        for place, descriptor in enumerate((files.stdin, files.stdout, files.stderr, self.stages[0][1])):
            os.dup2(descriptor, place)
        self.alone: dict[int, tuple[tuple[int, ...], Run]] = {
            wire.STDIO: (harness.STDIO, harness.run_main),
            wire.CALL: ((*harness.STDIO, files.result), harness.run_call),
            wire.CHECKER: ((*harness.STDIO, files.given, files.output, files.answer), harness.run_checker),
        }
        self.for_checks = (files.given, files.sink, files.sink, files.result)
        self.poll = select.poll()
        self.poll.register(channel, select.POLLIN)

    def serve(self) -> None:
        """Answer requests until the parent is gone."""
        receive, send, unpack = self.channel.recv, self.channel.send, wire.HEADER.unpack
        fork, wait, reap, monotonic = kernel.PLAIN.fork, signal.sigtimedwait, os.wait4, time.monotonic
        read, stages, pack = os.read, self.stages[0][0], wire.REPLY_OF_ONE.pack
        alone, limits = self.alone, (0, 0)
        while True:
            data = receive(wire.PACKET_BYTES)
            if not data:
                return
            number, cpu_ms, wall_ms, memory, output, source, kind = unpack(data)
            if kind == wire.CANCEL:
                continue  # it came too late: that test has been answered
            if (memory, output) != limits:
                limits = (memory, output)
                self.limit(memory, output)
            began = monotonic()
            if kind == wire.ASSERT:
                processes = self.watch(self.start_pair(cpu_ms, source), wall_ms, began)
            else:
                descriptors, run = alone[kind]
                pid = fork()
                if pid == 0:
                    self.run(0, descriptors, source, run)
                # Most tests end in this nap, and nobody looks at a clock. Until then, this process touches nothing: what
                # it writes to while the test shares its pages is copied.
                wait(CHILD_ENDED, FIRST_NAP_S if cpu_ms > FIRST_NAP_MS else cpu_ms / 1000)
                ended, status, usage = reap(pid, os.WNOHANG)
                if ended:
                    wall_us, cpu_us = int((monotonic() - began) * 1e6), int((usage[0] + usage[1]) * 1e6)
                    try:
                        said = read(stages, wire.STAGE_BYTES)
                    except BlockingIOError:
                        said = b""
                    send(pack(number, wall_us, 1, status, cpu_us, usage[2], wire.ENDED, len(said)) + said)
                    continue
                processes = self.watch([self.child(pid, stages, cpu_ms)], wall_ms, began)
            wait(CHILD_ENDED, 0)  # nobody has waited for it yet, and the next test is not to be taken for ended
            send(wire.pack_reply(number, int((monotonic() - began) * 1e6), processes))

    def limit(self, memory: int, output: int) -> None:
        """The soft limits that tests inherit from now on; this process itself comes nowhere near them."""
        for what, limit in ((resource.RLIMIT_AS, self.baseline + memory), (resource.RLIMIT_FSIZE, output + 1)):
            hard = resource.getrlimit(what)[1]  # a service or a batch system may have set one
            resource.setrlimit(what, (start.within(limit, hard), hard))

    def start_pair(self, cpu_ms: int, source: int) -> list[Child]:
        """A program and its checks, joined by two pipes."""
        ask_read, ask_write = os.pipe()
        say_read, say_write = os.pipe()
        longer = CHECKS_CPU_FACTOR * cpu_ms + CHECKS_CPU_EXTRA_MS
        pids = [
            self.fork(0, (*harness.STDIO, ask_read, say_write), source, dialogue.run_program),
            self.fork(1, (*self.for_checks, ask_write, say_read), None, checks.run_checks),
        ]
        for descriptor in (ask_read, ask_write, say_read, say_write):
            os.close(descriptor)
        limits = (cpu_ms, longer)
        return [self.child(pid, said, limit) for pid, (said, _), limit in zip(pids, self.stages, limits, strict=True)]

    def child(self, pid: int, stages: int, cpu_ms: int) -> Child:
        """What `watch` wants to know of a process."""
        child = Child(pid, os.pidfd_open(pid), stages, cpu_ms)
        self.poll.register(child.handle, select.POLLIN)
        return child

    def fork(self, place: int, descriptors: tuple[int, ...], source: int | None, run: Run) -> int:
        """The pid of a process that is `run`."""
        pid: int = kernel.PLAIN.fork()
        if pid == 0:
            self.run(place, descriptors, source, run)
        return pid

    def run(self, place: int, descriptors: tuple[int, ...], source: int | None, run: Run) -> NoReturn:
        """In a process of its own: seal it, run, leave. `source`: bytes of the code, which is read before that."""
        leave = os._exit  # the program may put something else in its place
        # Before the first stage, any error is the judge's: leave without saying one.
        try:
            arguments = () if source is None else (os.pread(self.code, source, 0),)
            stages = harness.seal(descriptors, self.stages[place][1], self.barrier, self.parent)
            leave(run(*arguments, stages))
        finally:
            leave(125)

    def watch(self, children: list[Child], wall_ms: int, began: float) -> list[wire.Process]:
        """Wait for every child, killing what is over a limit; the last child's end ends the others."""
        running = {child.handle: child for child in children}
        ended: dict[int, wire.Process] = {}
        reasons = dict.fromkeys(running, wire.ENDED)
        last = children[-1].handle
        wall = WallClock(wall_ms, began)
        while running:
            for descriptor, _ in self.poll.poll(enforce(running, reasons, wall)):
                if descriptor == self.channel.fileno():
                    self.hear(running)
                    reasons.update(dict.fromkeys(running, wire.CANCELLED))
                    continue
                self.poll.unregister(descriptor)
                child = running.pop(descriptor)
                os.close(descriptor)
                ended[descriptor] = report(os.wait4(child.pid, 0), child.stages, reasons[descriptor])
                if descriptor == last:
                    for other in running.values():
                        reasons[other.handle] = reasons[other.handle] or wire.SPENT
                        kill(other)
        return [ended[child.handle] for child in children]

    def hear(self, running: dict[int, Child]) -> None:
        """The parent cancels, or is gone: either way nothing goes on."""
        for child in running.values():
            kill(child)
        if not self.channel.recv(wire.PACKET_BYTES):
            os._exit(0)


def enforce(running: dict[int, Child], reasons: dict[int, int], wall: WallClock) -> int:
    """Kill what is over a limit, noting why; milliseconds until the next look."""
    nap = LONGEST_NAP_MS
    used = {handle: cpu_used_ms(child.pid) for handle, child in running.items()}
    wall_left = wall.left_ms(sum(used.values()))
    for handle, child in running.items():
        cpu_left = child.cpu_ms - used[handle]
        if cpu_left <= 0 or wall_left <= 0:
            reasons[handle] = reasons[handle] or (wire.OVER_CPU if cpu_left <= 0 else wire.OVER_WALL)
            kill(child)
        nap = min(nap, max(1, int(min(cpu_left, wall_left)) + 1))
    return nap


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


def report(ended: tuple[int, int, resource.struct_rusage], stages: int, reason: int) -> wire.Process:
    """How a child ended, from what wait4 says. `stages`: the end of its pipe that is read."""
    _, status, usage = ended
    cpu_us = int((usage.ru_utime + usage.ru_stime) * 1e6)
    return wire.Process(status, cpu_us, usage.ru_maxrss, reason, read_stages(stages))


def read_stages(descriptor: int) -> bytes:
    """What a process that has ended said of its stages."""
    try:
        return os.read(descriptor, wire.STAGE_BYTES)
    except BlockingIOError:
        return b""


def settle(barrier: Filter | None) -> None:
    """The last thing before the first fork, whose price is the pages it shares."""
    random.seed(0)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, CHILD_ENDED)  # so that it can be waited for
    harness.prepare()
    harness.rehearse(barrier)
    gc.collect()
    gc.disable()
    gc.freeze()  # what is alive now is never looked at again; what a test makes is collected as usual
    if hasattr(kernel.LIBC, "malloc_trim"):
        kernel.LIBC.malloc_trim(0)
    start.fill_gaps()


def main(channel: socket.socket, level: str, parent: int, uid: int) -> None:
    """Go behind the wall of `level` and serve the parent at the other end of `channel`. `uid`: whom root becomes."""
    # When this comes, the parent has put this process into its control group.
    _, descriptors, _, _ = socket.recv_fds(channel, wire.PACKET_BYTES, len(Files._fields))
    stdlib = sysconfig.get_paths()["stdlib"]
    try:
        baseline = jail.address_space()
        jail.enter(level, stdlib, parent, uid, channel.fileno())
        if level == "L3":  # at L4 the control group counts them; here they are counted by user
            start.lower(resource.RLIMIT_NPROC, TASKS)
        worker = Worker(channel, Files(*descriptors), baseline, level)
        if level != "L0":
            worker.barrier = confine(kernel.MACHINE, opening=level != "L1")
    except OSError as error:
        channel.send(str(error).encode()[: wire.PACKET_BYTES])
        sys.exit(1)
    settle(worker.barrier)
    channel.send(wire.SERVING)
    worker.serve()
