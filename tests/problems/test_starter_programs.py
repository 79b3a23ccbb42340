"""Every starter problem's reference is accepted on every test; every wrong program fails one that decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from o1coder.judge import Judge, Question
from o1coder.problems.starter import StarterProblem, StarterTest, starter_problems
from o1coder.task import Case
from o1coder.text.code import compiles

PROBLEMS = starter_problems()


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge() as made:
        yield made


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.key)
def test_the_reference_is_accepted(judge: Judge, problem: StarterProblem) -> None:
    codes = verdicts(judge, problem, problem.reference, problem.tests)
    assert [(test.input, code) for test, code in zip(problem.tests, codes, strict=True) if code != "AC"] == []


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.key)
def test_the_wrong_programs_are_not(judge: Judge, problem: StarterProblem) -> None:
    """By the tests that a search, a gate or a report uses; one test a call, so that the first failure ends it."""
    decisive = [test for test in problem.tests if test.purpose in ("reward", "held-out")]
    for program in problem.wrong:
        assert compiles(program, problem.entry_point), program
        codes = (verdicts(judge, problem, program, [test])[0] for test in decisive)
        failure = next((code for code in codes if code != "AC"), None)
        assert failure is not None, f"the tests let this pass:\n{program}"
        assert failure in ("WA", "PE", "RE", "TLE", "MLE", "OLE", "ILE"), failure


@pytest.mark.slow
def test_every_program_against_every_test(judge: Judge) -> None:
    """No verdict is the judge's own failure; says how many tests the wrong programs that come furthest get past."""
    near = []
    for problem in PROBLEMS:
        for number, program in enumerate((problem.reference, *problem.wrong)):
            codes = verdicts(judge, problem, program, problem.tests)
            assert "IE" not in codes
            share = codes.count("AC") / len(codes)
            assert (share == 1) == (number == 0), (problem.key, number)
            near.append((share, problem.key, number))
    for share, key, number in sorted((row for row in near if row[2]), reverse=True)[:10]:
        print(f"{key} wrong {number}: {share:.0%} of the tests")


def verdicts(judge: Judge, problem: StarterProblem, code: str, tests: Sequence[StarterTest]) -> list[str]:
    questions = [
        Question(code, problem.kind, Case("", test.input, test.expected), problem.entry_point, problem.comparator)
        for test in tests
    ]
    return [verdict.code for verdict in judge.judge(questions)]
