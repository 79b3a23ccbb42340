"""The yardstick: a warm interpreter that forks, exits and waits on demand, behind no wall and with no limits.

Started as the judge starts its worker (`arms.BareFork`), so it runs without this package: what it imports is in the
worker's own list, and `inside` is the judge's. A line on its socket asks ("os 1.0": `os.fork` for one second; "libc
1.0": libc's fork, without Python's after-fork hooks), a line of JSON answers: the milliseconds of each fork, and by
getrusage the user + system seconds of this process and its children.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import socket
import sys
import time
from collections.abc import Callable


def main() -> None:
    """Arguments: the folders put on the path, the level whose modules are imported, the socket's descriptor, and NumPy's
    folder or "-"."""
    level, descriptor, numpy = sys.argv[2], int(sys.argv[3]), sys.argv[4]
    start = importlib.import_module("inside.start")
    start.jail.still_addresses(start.STACK_BYTES)  # starts this again, so nothing may be opened before
    channel = socket.socket(fileno=descriptor).makefile("rw")
    start.warm(level, None if numpy == "-" else numpy)
    zygote = importlib.import_module("inside.zygote")
    forks: dict[str, Callable[[], int]] = {"os": os.fork, "libc": ctypes.PyDLL(None).fork}
    zygote.settle(None)
    for line in channel:
        name, seconds = line.split()
        before = used_s()
        latencies = timed(forks[name], float(seconds))
        channel.write(json.dumps({"latencies_ms": latencies, "rusage_s": used_s() - before}) + "\n")
        channel.flush()


def timed(fork: Callable[[], int], seconds: float) -> list[float]:
    """Milliseconds of each fork + exit + wait, one after another for so long."""
    latencies = []
    began = last = time.perf_counter()
    while last < began + seconds:
        pid = fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        now = time.perf_counter()
        latencies.append((now - last) * 1000)
        last = now
    return latencies


def used_s() -> float:
    """User + system seconds of this process and its children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
