"""What one forked test does: take its descriptors, close all others, enter the filter, compile, run, leave.

Nothing that a test says is trusted: the parent looks at exit status, resource use and bytes written. A process that
did not finish its own set-up is told from one that failed by the stages it wrote (wire.py) before the code under test
began. `__del__` of objects alive at the end does not run: the process leaves by _exit after threads and atexit.

Nearly all of a test's price is pages that it is the first to touch after the fork. So what can be done once is done in
the worker (`prepare`, zygote.py) and inherited: limits, seeds, modules, the names that `open` knows.
"""

from __future__ import annotations

import _thread
import atexit
import builtins
import io
import json
import os
import resource
import sys
import threading
import traceback
import types
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from . import values
from .jail import die_with
from .seccomp import Filter
from .start import DESCRIPTORS
from .wire import STAGE_BYTES

STDIO = (0, 1, 2)
STARTED, COMPILED = b"s", b"c"
NAMES = {"__name__": "__main__", "__file__": "main.py", "__builtins__": builtins}
STANDARD_NAMES = {"/dev/stdin": 0, "/dev/fd/0": 0, "/proc/self/fd/0": 0, "/dev/stdout": 1, "/dev/stderr": 2}
CHECKER_NAMES = {"input": 3, "output": 4, "answer": 5}
LEFT_OPEN: list[Any] = [sys.stdout]  # what an interpreter that ends would write out though nobody closed it
MAIN = types.ModuleType("__main__")  # made before the fork, filled after it


def prepare() -> None:
    """What every test of this worker inherits. Called once, before it serves."""
    MAIN.__dict__.update(NAMES)
    sys.modules["__main__"] = MAIN
    open_standard_names()
    allow_stack_idiom()
    atexit._clear()


def allow_stack_idiom() -> None:
    """Let setrlimit(RLIMIT_STACK, …) do nothing: the stack is large already, and programs ask for more out of habit."""
    plain = resource.setrlimit

    def setrlimit(what: int, limits: tuple[int, int]) -> None:
        if what != resource.RLIMIT_STACK:
            plain(what, limits)

    resource.setrlimit = setrlimit


REHEARSAL = b"""
import sys
def main():
    n = int(input())
    a = list(map(int, input().split()))
    print(n * 2, sum(a), sep=" ")
    for line in sys.stdin:
        print(*sorted(int(x) for x in line.split()))
main()
"""


def rehearse(barrier: Filter | None, times: int = 24) -> None:
    """Do what a test does, up to where it cannot be undone, so that what an interpreter does once (caches, specialised
    instructions, freed memory) is not done again in every fork. Nothing of it stays."""
    stdin, stdout = sys.stdin, sys.stdout
    reading, writing = os.pipe()
    for _ in range(times):
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"1\n2 3\n5 4\n")), encoding="utf-8")
        sys.stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        os.closerange(DESCRIPTORS, DESCRIPTORS)
        if barrier is not None:
            barrier.rehearse(os.getpid())
        os.write(writing, STARTED)
        run_main(REHEARSAL, os.dup(writing))
        MAIN.__dict__.clear()
        MAIN.__dict__.update(NAMES)
    os.close(reading)
    os.close(writing)
    sys.stdin, sys.stdout = stdin, stdout


def seal(descriptors: tuple[int, ...], stages: int, barrier: Filter | None, parent: int | None) -> int:
    """Make this process the test's: `descriptors` become 0, 1, 2, …, the one of `stages` the next, and is returned; every
    other one is closed; the filter is entered. The last thing is the first stage.

    `parent`: the worker's pid, where no pid namespace ends this process with it."""
    last = len(descriptors)
    if parent is not None:
        die_with(parent)
    if descriptors is not STDIO:  # the worker keeps those, and the stages after them, where a test wants them
        for target, descriptor in enumerate((*descriptors, stages)):
            os.dup2(descriptor, target)
    os.closerange(last + 1, DESCRIPTORS)
    if barrier is None:
        unfiltered()
    else:
        barrier.enter(os.getpid())
    os.write(last, STARTED)
    return last


def unfiltered() -> None:
    """Without a filter a test could raise the limits that it inherits: make them hard ones. Its own group can be killed."""
    os.setsid()
    for what in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
        soft = resource.getrlimit(what)[0]
        resource.setrlimit(what, (soft, soft))


def compile_source(source: bytes, name: str, stages: int) -> types.CodeType:
    """The code object; or the process ends with the stage that says why there is none. `stages`: the descriptor of the
    pipe on which a test says how far its set-up came; it is closed before the code under test runs."""
    try:
        code = compile(source, name, "exec", dont_inherit=True)
    except MemoryError:
        os.write(stages, b"m")
        os._exit(1)
    except (SyntaxError, ValueError, RecursionError, OverflowError, LookupError) as error:
        os.write(stages, f"e{type(error).__name__}: {error}".encode("utf-8", "replace")[:STAGE_BYTES])
        os._exit(1)
    os.write(stages, COMPILED)
    os.close(stages)
    return code


def new_module(name: str) -> dict[str, Any]:
    """The globals of a fresh module that is importable as `name`."""
    module = types.ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    sys.modules[name] = module
    return module.__dict__


def open_standard_names() -> None:
    """Let open("/dev/stdin") mean descriptor 0 though there is no /dev."""
    plain = io.open

    def opened(file: Any, *args: Any, **options: Any) -> Any:
        if type(file) is str and file in STANDARD_NAMES:
            if file in CHECKER_NAMES:
                os.lseek(CHECKER_NAMES[file], 0, os.SEEK_SET)  # a file opened anew is read from its start
            file, options = STANDARD_NAMES[file], {"closefd": False, **options}
        found = plain(file, *args, **options)
        if type(file) is int and found.writable():
            LEFT_OPEN.append(found)
        return found

    opened.__name__ = opened.__qualname__ = "open"
    builtins.open = io.open = opened


def execute(body: Callable[..., object], *arguments: object) -> int:
    """Call `body` as an interpreter runs a program: traceback and status 1, SystemExit's status, atexit, flush."""
    status = 0
    try:
        body(*arguments)
    except SystemExit as error:
        status = exit_status(error.code)
    except BaseException as error:  # noqa: BLE001 - whatever the program raised is its result, and ends here
        status = 1
        print_error(error)
    try:
        if _thread._count():
            threading._shutdown()  # type: ignore[attr-defined]
        if atexit._ncallbacks():
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
        for stream in LEFT_OPEN:
            if stream is not sys.stdout:
                with suppress(ValueError, OSError):  # closed or detached: an interpreter says nothing either
                    stream.flush()
    except BaseException as error:  # noqa: BLE001 - the same, at the program's exit
        status = status or 120
        print_error(error)
    return status


def exit_status(code: object) -> int:
    """The status of `sys.exit(code)`."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def print_error(error: BaseException) -> None:
    """The traceback on standard error, without this file's frames; at least the name if even that fails."""
    try:
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace, limit=-12, chain=False)
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - an exception whose text raises
        os.write(2, f"\n{type(error).__name__}\n".encode("utf-8", "replace"))


def run_main(source: bytes, stages: int) -> int:
    """A program that reads standard input and writes standard output; the status to leave with."""
    code = compile_source(source, "main.py", stages)
    return execute(exec, code, MAIN.__dict__)


def run_checker(source: bytes, stages: int) -> int:
    """A checker program: sys.argv names three files, which `open` finds at descriptors 3, 4 and 5."""
    STANDARD_NAMES.update(CHECKER_NAMES)
    sys.argv[:] = ["checker", *CHECKER_NAMES]
    return run_main(source, stages)


def run_call(source: bytes, stages: int) -> int:
    """A function, called once with the arguments on descriptor 0; its result goes to descriptor 3."""
    question = json.loads(read_all(0))
    arguments = values.unpack(question["args"])
    code = compile_source(source, "program.py", stages)
    space = new_module("program")

    def body() -> None:
        exec(code, space)
        result = find(space, question["entry"])(*arguments)
        write_all(3, values.encode(result).encode())

    return execute(body)


def find(space: dict[str, Any], entry: str) -> Any:
    """The function called `entry`, or the method of that name of a new `Solution`. NameError when there is none."""
    if callable(space.get(entry)):
        return space[entry]
    if isinstance(space.get("Solution"), type) and callable(getattr(space["Solution"], entry, None)):
        return getattr(space["Solution"](), entry)
    raise NameError(f"the program defines no function called {entry!r}")


def read_all(descriptor: int) -> bytes:
    """Everything that is left to read."""
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def write_all(descriptor: int, data: bytes) -> None:
    """Write the whole of `data`."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
