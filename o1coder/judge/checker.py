"""Checker programs, the pure part: what a checker is given, and what its end means. The judge runs it.

A problem with many right answers brings a Python program that decides: comparator `checker`, with its text as the
argument `source`. It gets three names, testlib's: `input` (the test's input), `output` (what the program under test
wrote) and `answer` (the expected output), as sys.argv[1:] and as files that open() reads; for a function they hold the
arguments as JSON, the result as typed JSON (inside/values.py) and the expected JSON. It ends with a status of testlib:

    0  accepted      1  wrong answer      2  presentation error      3  fail: the checker or the answer is at fault

sys.exit("words") is 1 and says why, and so does the last line on standard error. Anything else (an exception, a signal,
a limit, points) is broken: the checker is then asked about the expected answer as if a program had written it. If it
accepts that, the output broke it, and the output is wrong; if not, the checker is, and the verdict is IE.

A checker is trusted to say what is right, never with anything else: it runs isolated like every program, in a process
of its own that is the only one to hold the answer. Interactive checkers are not covered.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from ..errors import LabError
from .question import Code

NAME = "checker"
OK, WRONG, PRESENTATION, FAIL, POINTS = 0, 1, 2, 3, 7
CRASHED = 86  # an exception that nothing caught: Python's own status for it, 1, would read as "wrong answer"
SOURCE_BYTES = 256 * 1024
HINT = 'a checker is {"name": "checker", "args": {"source": "<a Python program>"}}'
WORDS = 200


def check_source(args: Mapping[str, float | str]) -> str:
    """The checker's text. LabError when there is none, or it is too long or does not compile; it is not executed."""
    source = args.get("source")
    if not isinstance(source, str) or not source.strip():
        raise LabError("the comparator checker has no source", HINT)
    if len(source.encode("utf-8", "surrogatepass")) > SOURCE_BYTES:
        raise LabError(f"the checker is longer than {SOURCE_BYTES} bytes", HINT)
    unknown = sorted(set(args) - {"source"})
    if unknown:
        raise LabError(f"the comparator checker knows no argument {unknown[0]!r}", HINT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "checker.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise LabError(f"the checker does not compile: {error.msg}, line {error.lineno}", HINT) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise LabError(f"the checker does not compile: {type(error).__name__}: {error}", HINT) from None
    return source


def program(source: str) -> str:
    """The program to run for a checker: `source` as __main__, except that an exception ends with CRASHED."""
    return (
        "import os, sys, traceback\n"
        "try:\n"
        f"    exec(compile({source!r}, 'checker.py', 'exec', dont_inherit=True))\n"
        "except SystemExit:\n"
        "    raise\n"
        "except BaseException:\n"
        "    traceback.print_exc(limit=-6, chain=False)\n"
        "    sys.stderr.flush()\n"
        f"    os._exit({CRASHED})\n"
    )


def verdict_of(status: int, over: str, message: str) -> tuple[Code, str] | None:
    """(code, detail) of a checker's run on a program's output; None is broken: ask again, with the answer as the output.

    `status` is its exit status or minus its signal, `over` the verdict code of a limit that it ran over, or "", and
    `message` the last line that it wrote on standard error."""
    said = f"the checker: {message.strip()[:WORDS]}" if message.strip() else ""
    if over:
        return None
    if status == OK:
        return "AC", said
    if status == WRONG:
        return "WA", said or "the checker says so"
    if status == PRESENTATION:
        return "PE", said or "the checker says so"
    if status == FAIL:
        return "IE", said or "the checker says that it, or the expected answer, is at fault"
    return None


def after_answer(broken: str, status: int, over: str, message: str) -> tuple[Code, str]:
    """(code, detail) of a program whose output broke the checker, from the checker's run on the expected answer.

    `broken` says how the first run ended (`how`); `status`, `over` and `message` are the second run's."""
    if not over and status == OK:
        return "WA", f"the output broke the checker ({broken}), which accepts the expected answer"
    return "IE", f"the checker fails on the expected answer itself: {how(status, over, message)}"


def how(status: int, over: str, message: str) -> str:
    """The end of a checker's run in words."""
    if over:
        words = f"over a limit, {over}"
    elif status == CRASHED:
        words = "an exception"
    elif status == POINTS:
        words = "it gives points, status 7"
    elif status < 0:
        words = f"signal {-status}"
    else:
        words = f"status {status}"
    return f"{words}: {message.strip()[:WORDS]}" if message.strip() else words
