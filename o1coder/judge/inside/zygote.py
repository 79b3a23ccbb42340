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
from typing import NamedTuple

from . import checks, dialogue, harness, jail, kernel, start, wire
from .seccomp import Filter, confine

TASKS = 72  # processes and threads of this worker's uid
CHECKS_CPU_FACTOR, CHECKS_CPU_EXTRA_MS = 5, 2000
FIRST_NAP_S, LONGEST_NAP_MS = 0.02, 500
CHILD_ENDED = (signal.SIGCHLD,)
WINDOW_MS, IDLE_SHARE = 300, 0.02  # see WallClock

Run = Callable[..., int]


class Child(NamedTuple):
    """A test's process that runs."""

    pid: int
    handle: int
    stages: int
    cpu_ms: int


class Lasting(NamedTuple):
    """The files that serve every test of this worker, one after the other (wire.py)."""

    stdout: int
    stderr: int
    result: int
    sink: int
    empty: int


class Worker:
    """What a worker keeps between tests: its socket, the filter, the memory baseline. Nothing of any test.

    After a fork, every page that this process writes to costs a fault. So the way of a test that has one process and ends
    in time (`serve`, `fork`, and nothing else) makes few objects and looks few things up."""

    def __init__(self, channel: socket.socket, lasting: Lasting, baseline: int, level: str) -> None:
        self.channel = channel
        self.barrier: Filter | None = None
        self.baseline = baseline
        self.parent = None if level in ("L4", "L3") else os.getpid()
        self.limits = (0, 0)
        self.sink, self.empty = lasting.sink, lasting.empty
        # One for each process that a test can have; what is left in it is read before the next test begins.
        self.stages = [os.pipe() for _ in range(2)]
        for reading, _ in self.stages:
            os.set_blocking(reading, False)
        # A stdio test, the most common one, finds everything in its place: 1, 2, its stages at 3, and 0 from the parent.
        for place, descriptor in enumerate((lasting.stdout, lasting.stderr, self.stages[0][1]), 1):
            os.dup2(descriptor, place)
        os.close(0)
        self.with_result = (*harness.STDIO, lasting.result)
        self.poll = select.poll()
        self.poll.register(channel, select.POLLIN)

    def serve(self) -> None:
        """Answer requests until the parent is gone."""
        receive, unpack, monotonic = self.channel.recvmsg, wire.HEADER.unpack, time.monotonic
        said, send, pack = self.stages[0][0], self.channel.send, wire.REPLY_OF_ONE.pack
        while True:
            data, passed, _, _ = receive(wire.PACKET_BYTES, wire.PASSED_BYTES)
            if not data:
                return
            number, cpu_ms, wall_ms, memory, output, source, kind = unpack(data)
            if kind == wire.CANCEL:
                continue  # it came too late: that test has been answered
            descriptors = wire.unpack_descriptors(passed[0][2])
            if descriptors[0] != 0:
                raise OSError("descriptor 0 is taken")
            if self.limits != (memory, output):
                self.limit(memory, output)
            began = monotonic()
            if kind == wire.ASSERT:
                children = self.start_pair(descriptors, cpu_ms, source)
                processes = self.watch(children, wall_ms, began)
            else:
                pid = self.start(kind, descriptors, source)
                # Most tests end in this nap, and nobody looks at a clock. Until then, this process touches nothing: what
                # it writes to while the test shares its pages is copied.
                signal.sigtimedwait(CHILD_ENDED, min(FIRST_NAP_S, cpu_ms / 1000))
                ended, status, usage = os.wait4(pid, os.WNOHANG)
                for descriptor in descriptors:
                    os.close(descriptor)
                if ended:
                    wall_us, cpu_us = int((monotonic() - began) * 1e6), int((usage[0] + usage[1]) * 1e6)
                    stages = read_stages(said)
                    send(pack(number, wall_us, 1, status, cpu_us, usage[2], wire.ENDED, len(stages)) + stages)
                    continue
                processes = self.watch([self.child(pid, said, cpu_ms)], wall_ms, began)
            send(wire.pack_reply(number, int((monotonic() - began) * 1e6), processes))

    def limit(self, memory: int, output: int) -> None:
        """The soft limits that tests inherit from now on; this process itself comes nowhere near them."""
        unlimited = resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_AS, (self.baseline + memory, unlimited))
        resource.setrlimit(resource.RLIMIT_FSIZE, (output + 1, unlimited))
        self.limits = (memory, output)

    def start(self, kind: int, descriptors: tuple[int, ...], source: int) -> int:
        """The pid of a test's one process."""
        if kind == wire.STDIO:
            return self.fork(0, harness.STDIO, descriptors[1], source, harness.run_main)
        if kind == wire.CALL:
            return self.fork(0, self.with_result, descriptors[1], source, harness.run_call)
        return self.fork(0, (*harness.STDIO, *descriptors[2:]), descriptors[1], source, harness.run_checker)

    def start_pair(self, descriptors: tuple[int, ...], cpu_ms: int, source: int) -> list[Child]:
        """A program and its checks, joined by two pipes."""
        payload, code = descriptors
        ask_read, ask_write = os.pipe()
        say_read, say_write = os.pipe()
        program = (self.empty, 1, 2, ask_read, say_write)
        judge = (payload, self.sink, self.sink, self.with_result[-1], ask_write, say_read)
        longer = CHECKS_CPU_FACTOR * cpu_ms + CHECKS_CPU_EXTRA_MS
        pids = [
            self.fork(0, program, code, source, dialogue.run_program),
            self.fork(1, judge, None, 0, checks.run_checks),
        ]
        for descriptor in (ask_read, ask_write, say_read, say_write, payload, code):
            os.close(descriptor)
        limits = (cpu_ms, longer)
        return [self.child(pid, said, limit) for pid, (said, _), limit in zip(pids, self.stages, limits, strict=True)]

    def child(self, pid: int, stages: int, cpu_ms: int) -> Child:
        """What `watch` wants to know of a process."""
        child = Child(pid, os.pidfd_open(pid), stages, cpu_ms)
        self.poll.register(child.handle, select.POLLIN)
        return child

    def fork(self, place: int, descriptors: tuple[int, ...], code: int | None, source: int, run: Run) -> int:
        """One sealed process. `code`: the descriptor of its source, of so many bytes, read before it is sealed."""
        pid = kernel.fork()
        if pid == 0:
            leave = os._exit  # the program may put something else in its place
            # Before "s" on the stage pipe, any error is the judge's: leave without saying it.
            try:
                arguments = () if code is None else (os.read(code, source),)
                stages = harness.seal(descriptors, self.stages[place][1], self.barrier, self.parent)
                leave(run(*arguments, stages))
            finally:
                leave(125)
        return pid

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
        return os.read(descriptor, wire.STAGE_BYTES + 16)
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
    gc.freeze()  # what is alive now is never looked at again; what a test makes is collected as usual
    if hasattr(kernel.LIBC, "malloc_trim"):
        kernel.LIBC.malloc_trim(0)
    start.fill_gaps()


def main(channel: socket.socket, level: str, parent: int, uid: int) -> None:
    """Go behind the wall of `level` and serve the parent at the other end of `channel`. `uid`: whom root becomes."""
    # When this comes, the parent has put this process into its control group.
    _, descriptors, _, _ = socket.recv_fds(channel, wire.PACKET_BYTES, wire.MAX_DESCRIPTORS)
    stdlib = sysconfig.get_paths()["stdlib"]
    try:
        baseline = jail.address_space()
        jail.enter(level, stdlib, parent, uid, channel.fileno())
        if level in ("L4", "L3"):
            resource.setrlimit(resource.RLIMIT_NPROC, (TASKS, TASKS))
        worker = Worker(channel, Lasting(*descriptors), baseline, level)
        if level != "L0":
            worker.barrier = confine(kernel.MACHINE, opening=level != "L1")
    except OSError as error:
        channel.send(str(error).encode()[: wire.PACKET_BYTES])
        sys.exit(1)
    settle(worker.barrier)
    channel.send(wire.SERVING)
    worker.serve()
