"""The first thing of a worker: this process made ready, everything imported that tests are to find; then zygote.py.

What the worker and its tests write to most is made last (`fill_gaps`): so zygote.py and all it needs are imported after
the library. Nothing is isolated here yet, and nothing of any test is known.

Started by `worker.py` as: python -c START FOLDER LEVEL PARENT UID FD NUMPY   (see `main`).
"""

from __future__ import annotations

import _sitebuiltins
import builtins
import importlib
import os
import resource
import socket
import sys
import warnings
from contextlib import suppress

from . import jail, kernel, wire

WARM = (
    "abc array base64 bisect calendar cmath collections contextlib copy csv ctypes dataclasses datetime decimal enum "
    "fractions functools hashlib heapq inspect io itertools json math numbers operator pickle queue "
    "random re select statistics string struct textwrap threading time types typing unicodedata zlib"
).split()
# Machine code that the rest of the library cannot do without: a test can load none. Not every build has every one.
WARM_CODE = "_bz2 _contextvars _lzma _posixsubprocess fcntl mmap".split()
WARM_IF_THERE = ["_pylong"]  # Python 3.12 imports it for integers of many digits
# Where tests can open no file, what has not been imported cannot be: there the worker is less lean.
WARM_WITHOUT_FILES = (
    "argparse ast asyncio bz2 colorsys concurrent.futures.thread configparser difflib dis doctest encodings.ascii "
    "encodings.cp1252 encodings.latin_1 encodings.utf_16 encodings.utf_8_sig fileinput fnmatch "
    "getopt getpass glob graphlib gzip html keyword logging lzma optparse pathlib pkgutil platform runpy sched secrets "
    "shlex shutil signal sre_parse symtable tempfile timeit token tokenize tomllib traceback tracemalloc unittest "
    "urllib.parse uuid warnings zipfile zoneinfo"
).split()
# NumPy loads some of its parts at their first use; in a test that is too late: its files are not behind the wall.
WARM_NUMPY = (
    "numpy.char numpy.ctypeslib numpy.dtypes numpy.exceptions numpy.fft numpy.lib.recfunctions "
    "numpy.lib.stride_tricks numpy.linalg numpy.ma numpy.matlib numpy.polynomial numpy.random numpy.rec numpy.strings "
    "numpy.testing numpy.typing"
).split()
STACK_BYTES = 256 << 20
THREAD_STACK_BYTES = 8 << 20
DESCRIPTORS = 64  # the most that a worker, and so a test, has open
HIGH = 16  # descriptors of the worker's own start here, so that a test's 0, 1, 2, … never meet them
POOL_BYTES, BYTES_HEADER = 1 << 14, 33
FILLERS: list[object] = []


def warm(level: str, numpy: str | None = None) -> None:
    """Import all that tests are to find imported. `numpy`: the folder that has the package."""
    names = WARM + (WARM_WITHOUT_FILES if level == "L1" else [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are on their way out
        for name in names:
            importlib.import_module(name)
    for name in WARM_CODE + WARM_IF_THERE:
        with suppress(ImportError):
            importlib.import_module(name)
    if numpy:
        sys.path.append(numpy)
        importlib.import_module("numpy")
        for name in WARM_NUMPY:
            with suppress(ImportError):  # NumPy 1 lacks some
                importlib.import_module(name)
        sys.path.remove(numpy)  # nothing else that is installed there
    for name in ("exit", "quit"):  # `site`, which this interpreter starts without, gives them to programs
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D"))
    sys.dont_write_bytecode = True
    sys.argv[:] = [""]
    sys.orig_argv[:] = [""]
    fill_gaps()


def fill_gaps() -> None:
    """Fill the gaps that freed objects left all over the heap: what is made from here on lies side by side on fresh pages,
    so that those who write to it (a worker between two forks, a test after one) write to few."""
    for size in range(48, 513, 16):
        for _ in range(POOL_BYTES // 16):
            filler = bytes(size - BYTES_HEADER)
            FILLERS.append(filler)
            if id(filler) % POOL_BYTES < 64:  # the first of a new pool: no old one has room
                break
    for size in (65_536, 32_768, 16_384, 8_192, 4_096, 2_048, 1_024, 600):
        for _ in range(200_000 // size):
            FILLERS.append(bytes(size))


def within(limit: int, hard: int) -> int:
    """`limit`, or what a hard limit leaves of it."""
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)


def lower(what: int, limit: int) -> None:
    """Set a limit for good, no higher than it may be."""
    most = within(limit, resource.getrlimit(what)[1])
    resource.setrlimit(what, (most, most))


def main() -> None:
    """Arguments: level, the parent's pid, the uid that root becomes, the socket's descriptor, NumPy's folder or "-"."""
    level, parent, uid, descriptor, numpy = sys.argv[2], *map(int, sys.argv[3:6]), sys.argv[6]
    jail.die_with(parent)
    os.set_inheritable(descriptor, True)
    jail.still_addresses(STACK_BYTES)
    del sys.path[0]
    os.dup2(descriptor, HIGH)
    channel = socket.socket(fileno=HIGH)
    kernel.close_from(HIGH + 1)
    for placeholder in range(3, HIGH):  # so that what the parent sends never gets a number that a test wants
        os.dup2(0, placeholder)
    lower(resource.RLIMIT_NOFILE, DESCRIPTORS)
    lower(resource.RLIMIT_CORE, 0)
    kernel.default_thread_stack(THREAD_STACK_BYTES)
    try:
        warm(level, None if numpy == "-" else numpy)
    except ImportError as error:
        channel.send(str(error).encode()[: wire.PACKET_BYTES])
        sys.exit(1)
    from . import zygote

    zygote.main(channel, level, parent, uid)
