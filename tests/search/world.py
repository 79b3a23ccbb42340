"""One world's sampler and a judge of more words than pass and fail, over the synthetic policies of o1coder/calibrating."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from o1coder.calibrating.world import TASK, World
from o1coder.calibrating.world import ChainPrompt as Prompt
from o1coder.calibrating.world import ChainReader as Reader
from o1coder.flow import in_calls
from o1coder.search import SearchConfig, TreeSpec
from o1coder.task import Case

__all__ = ["CASES", "TASK", "Judge", "Prompt", "Reader", "Said", "Sample", "Sampler", "World", "spec", "verdict"]

CASES = (Case("sha256:a", "[1]", "2"), Case("sha256:b", "[2]", "3"))


class Sample(NamedTuple):
    text: str
    tokens_in: int
    tokens_out: int
    logprob: float | None
    finish_reason: str


class Said(NamedTuple):
    code: str
    layer: str = "L3"


class Sampler:
    """Answers for one world; counts its rows."""

    spec = "world"
    reproducible = True

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows = 0

    def sample(self, requests: Sequence[Any]) -> list[Sample]:
        self.rows += len(requests)
        return [Sample(self.world.text(r.prompt, r.seed), 5, 3, -1.0, "stop") for r in requests]

    def stream(self, pull: Any) -> Any:
        return in_calls(self.sample, pull, 64)

    def close(self) -> None:
        pass


def verdict(code: str, case: Case) -> Said:
    """pass: AC, fail: WA, half: AC on the first case only, ill: the judge's own failure on the second, bare: AC without
    isolation."""
    if code.startswith("bare"):
        return Said("AC", "L0")
    if code.startswith("pass") or (code.startswith(("half", "ill")) and case == CASES[0]):
        return Said("AC")
    return Said("IE" if code.startswith("ill") else "WA")


class Judge:
    """Judges the world's programs; counts the questions."""

    def __init__(self) -> None:
        self.questions: list[tuple[str, str]] = []

    def judge(self, questions: Sequence[Any], cancelled: Any = None) -> list[Said]:
        self.questions += [(q.code, q.case.digest) for q in questions]
        return [verdict(q.code, q.case) for q in questions]

    def serve(self, pull: Any, cancelled: Any = None) -> Any:
        return in_calls(self.judge, pull, 64)


def spec(seed: int = 0, stored: Sequence[Any] = (), key: Any = None, **settings: Any) -> TreeSpec:
    """A tree over TASK and CASES."""
    config = SearchConfig(**settings)
    return TreeSpec(seed if key is None else key, TASK, CASES, seed, config, Prompt(config.chooses), stored=stored)
