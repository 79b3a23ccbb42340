"""What one forked test does: close everything, lower its limits, enter the filter, compile, run, leave.

Nothing that a test says is trusted: the parent looks at exit status, resource use and bytes written. A process that
did not finish its own set-up is told from one that failed by the stages it wrote (wire.py) before the code under test
began. `__del__` of objects alive at the end does not run: the process leaves by _exit after threads and atexit.
"""

from __future__ import annotations

import atexit
import builtins
import gc
import io
import json
import math
import os
import random
import resource
import signal
import sys
import threading
import traceback
import types
from collections.abc import Callable
from typing import Any, NoReturn

from . import kernel, values
from .jail import die_with
from .seccomp import Filter
from .wire import STAGE_BYTES, Request

OPEN_FILES = 16
STANDARD_NAMES = {"/dev/stdin": 0, "/dev/fd/0": 0, "/proc/self/fd/0": 0, "/dev/stdout": 1, "/dev/stderr": 2}


def seal(request: Request, descriptors: list[int], baseline: int, barrier: Filter | None, parent: int) -> None:
    """Make this process the test's: `descriptors` become 0, 1, 2, …; every other one is closed; limits and filter."""
    die_with(parent)
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
    kernel.close_from(len(descriptors))
    cpu = math.ceil(request.cpu_ms / 1000) + 1
    for what, soft, hard in (
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_AS, baseline + request.memory, baseline + request.memory),
        (resource.RLIMIT_FSIZE, request.output + 1, request.output + 1),
        (resource.RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(what, (soft, hard))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    random.seed(0)
    gc.enable()
    if barrier is None:
        os.setsid()
    else:
        barrier.enter(os.getpid())


class Stages:
    """The pipe on which a test says how far its set-up came; closed before the code under test runs."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def say(self, text: str) -> None:
        """Report a stage."""
        os.write(self.descriptor, text.encode("utf-8", "replace")[:STAGE_BYTES])

    def close(self) -> None:
        """No more stages."""
        os.close(self.descriptor)


def compile_source(source: bytes, name: str, stages: Stages) -> types.CodeType:
    """The code object; or the process ends with the stage that says why there is none."""
    try:
        code = compile(source, name, "exec", dont_inherit=True)
    except MemoryError:
        stages.say("m")
        os._exit(1)
    except (SyntaxError, ValueError, RecursionError, OverflowError, LookupError) as error:
        stages.say(f"e{type(error).__name__}: {error}")
        os._exit(1)
    stages.say("c")
    stages.close()
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
            return plain(STANDARD_NAMES[file], *args, **{"closefd": False, **options})
        return plain(file, *args, **options)

    opened.__name__ = opened.__qualname__ = "open"
    builtins.open = io.open = opened


def guarded(body: Callable[[], object]) -> NoReturn:
    """Run `body` as an interpreter runs a program: traceback and status 1, SystemExit's status, atexit, flush."""
    leave, status = os._exit, 0
    try:
        body()
    except SystemExit as error:
        status = exit_status(error.code)
    except BaseException as error:  # noqa: BLE001 - whatever the program raised is its result, and ends here
        status = 1
        print_error(error)
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as error:  # noqa: BLE001 - the same, at the program's exit
        status = status or 120
        print_error(error)
    leave(status)


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


def run_stdio(source: bytes, stages: Stages) -> NoReturn:
    """A program that reads standard input and writes standard output."""
    stages.say("s")
    code = compile_source(source, "main.py", stages)
    open_standard_names()
    space = new_module("__main__")
    guarded(lambda: exec(code, space))


def run_call(source: bytes, stages: Stages) -> NoReturn:
    """A function, called once with the arguments on descriptor 0; its result goes to descriptor 3."""
    stages.say("s")
    question = json.loads(read_all(0))
    arguments = values.unpack(question["args"])
    code = compile_source(source, "program.py", stages)
    space = new_module("program")

    def body() -> None:
        exec(code, space)
        result = find(space, question["entry"])(*arguments)
        write_all(3, values.encode(result).encode())

    guarded(body)


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
