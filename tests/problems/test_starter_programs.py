"""Every starter problem's reference passes every test; every wrong program fails one that decides.

The programs are the project's own, so a subprocess a problem with a CPU limit is enough; results are compared as the
judge compares them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from itertools import zip_longest

import pytest

from o1coder.judge.compare import compare
from o1coder.problems.starter import StarterProblem, StarterTest, starter_problems
from o1coder.text.code import compiles

PROBLEMS = starter_problems()
CPU_S = 2.0  # a test, as o1coder.task.Limits has it
RUNNER = r"""
import contextlib, io, json, signal, sys

class Late(BaseException):
    pass

def late(*_):
    raise Late

signal.signal(signal.SIGVTALRM, late)
asked = json.load(sys.stdin)

def run(program, text):
    stdin, stdout = io.TextIOWrapper(io.BytesIO(text.encode())), io.TextIOWrapper(io.BytesIO(), write_through=True)
    signal.setitimer(signal.ITIMER_VIRTUAL, asked["cpu_s"])
    try:
        sys.stdin, names = stdin, {"__name__": "__main__"}
        with contextlib.redirect_stdout(stdout):
            with contextlib.suppress(SystemExit):
                exec(program, names)
            if asked["entry_point"]:
                return json.dumps(names[asked["entry_point"]](*json.loads(text)))
        stdout.flush()
        return stdout.buffer.getvalue().decode()
    except (Exception, Late):
        return None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)

sys.setrecursionlimit(100000)
programs = [compile(program, "<program>", "exec") for program in asked["programs"]]
answers = []
for program in programs:
    answers.append([])
    for text in asked["inputs"]:  # a crash or a program out of time is a failure: the rest need not be waited for
        answers[-1].append(run(program, text))
        if answers[-1][-1] is None:
            break
sys.__stdout__.write(json.dumps(answers))
"""


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.key)
def test_the_reference_passes_and_the_wrong_programs_do_not(problem: StarterProblem) -> None:
    assert all(compiles(program, problem.entry_point) for program in (problem.reference, *problem.wrong))
    every = verdicts(problem, [problem.reference], problem.tests)[0]
    assert [test.input for test, ok in zip(problem.tests, every, strict=True) if not ok] == []
    decisive = [test for test in problem.tests if test.purpose in ("reward", "held-out")]
    for program, passed in zip(problem.wrong, verdicts(problem, problem.wrong, decisive), strict=True):
        assert not all(passed), f"the tests let this pass:\n{program}"


def verdicts(problem: StarterProblem, programs: Sequence[str], tests: Sequence[StarterTest]) -> list[list[bool]]:
    """For each program, whether it passes each test; after its first crash it passes none."""
    asked = {
        "entry_point": problem.entry_point,
        "programs": programs,
        "inputs": [test.input for test in tests],
        "cpu_s": CPU_S,
    }
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUNNER], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return [
        [
            answer is not None and compare(test.expected, answer, problem.comparator)
            for test, answer in zip_longest(tests, answers)
        ]
        for answers in json.loads(done.stdout)
    ]
