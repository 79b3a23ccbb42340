"""What the arms are run on: a policy without a model, a judge without a sandbox, the starter problems.

The policy answers the plain prompt in its own format, never twice the same, at next to no cost, so that what is measured is
the search. The judge accepts two programs in five, by the program's text. Nothing here measures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import count, cycle
from typing import Any

from o1coder.flow import Pull, in_calls
from o1coder.judge import Question, Verdict
from o1coder.problems.record import NewProblem
from o1coder.problems.shipped import read
from o1coder.sampling import Request, Sample
from o1coder.search import SearchConfig, TreeSpec
from o1coder.task import Case, Task
from o1coder.text import load_prompt

TOKENS_IN, TOKENS_OUT = 300, 30
ACCEPTED = 0.4


class Scripted:
    """A policy whose every completion parses and differs; it takes `rows` at a time."""

    spec = "scripted"
    reproducible = True

    def __init__(self, rows: int = 64) -> None:
        self.rows = rows

    def sample(self, requests: Sequence[Request]) -> list[Sample]:
        return [Sample(_say(each.prompt, each.seed), TOKENS_IN, TOKENS_OUT, -9.0, "stop") for each in requests]

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]:
        return in_calls(self.sample, pull, self.rows)

    def close(self) -> None: ...


def _say(prompt: str, seed: int) -> str:
    if prompt.endswith("Input:"):
        return f" what is given. Output: what is asked. Plan: way {seed}.\n"
    if prompt.endswith("1."):
        return f" take way {seed}\n2. return what it gives\n"
    return f"*given):\n    return {seed}\n"


class FreeJudge:
    """Answers at once, by the text of the program alone."""

    layer = "L3"

    def __init__(self, workers: int | None = None) -> None:
        self.questions = 0

    def __enter__(self) -> FreeJudge:
        return self

    def __exit__(self, *error: object) -> None: ...

    def judge(
        self, questions: Sequence[Question], cancelled: Callable[[], bool] | None = None, stop_early: bool = False
    ) -> list[Verdict]:
        self.questions += len(questions)
        return [_said(question) for question in questions]

    def stream(
        self, questions: Any, cancelled: Callable[[], bool] | None = None, stop_early: bool = False
    ) -> Iterator[Verdict]:
        for question in questions:
            self.questions += 1
            yield _said(question)

    def serve(self, pull: Pull[Question], cancelled: Callable[[], bool] | None = None) -> Iterator[tuple[int, Verdict]]:
        return in_calls(self.judge, pull, 256)


def _said(question: Question) -> Verdict:
    share = hashlib.blake2b(question.code.encode(), digest_size=2).digest()
    accepted = int.from_bytes(share, "big") < ACCEPTED * 65536
    return Verdict("AC" if accepted else "WA", 0.1, 0.1, 10_000, 0, "", "L3")


@cache
def problems() -> list[NewProblem]:
    """The starter problems that ask for a function."""
    return [each for each in read() if isinstance(each, NewProblem) and each.kind == "call"]


def specs(config: SearchConfig, trees: int | None = None) -> Iterator[TreeSpec]:
    """So many trees (None: without end), problem after problem, each with its problem's first three cases."""
    prompt = load_prompt("plain")
    for number, problem in zip(count() if trees is None else range(trees), cycle(problems()), strict=False):
        task = Task(problem.statement, problem.kind, problem.entry_point, problem.signature)
        cases = tuple(Case(f"sha256:{n}", each.input, each.expected) for n, each in enumerate(problem.cases[:3]))
        yield TreeSpec(number, task, cases, number, config, prompt)
