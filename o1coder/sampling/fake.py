"""A policy, a test case generator and a process reward model without any weights, for tests, resume and replay.

`FakeSampler` is a pure function of (its seed, prompt, parameters, request seed) through BLAKE2b; what it says is in
`script.py`. Tokens are words. It imitates no language model and knows nothing of the lab.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from o1coder.flow import Pull, in_calls
from o1coder.sampling import Request, Sample
from o1coder.sampling.dice import Dice
from o1coder.sampling.script import fitting_ideas, planned_idea, read_problem, write

ROWS = 64


class FakeSampler:
    """The scripted policy. Its spec is `fake:SEED`; two with one seed are one."""

    reproducible = True

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.spec = f"fake:{seed}"

    def sample(self, requests: Sequence[Request]) -> list[Sample]:
        """Answer each request by itself, in order."""
        return [self._answer(request) for request in requests]

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]:
        """Answer requests as they are pulled, at most ROWS at a time."""
        return in_calls(self.sample, pull, ROWS)

    def close(self) -> None:
        """Nothing is held."""

    def _answer(self, request: Request) -> Sample:
        seed = request.seed if request.temperature > 0 else None
        dice = Dice("sample", self.seed, request.prompt, request.temperature, request.top_p, seed)
        text = write(request.prompt, dice, greedy=request.temperature == 0)
        ends = [at for at in (text.find(stop) for stop in request.stop) if at >= 0]
        text = text[: min(ends)] if ends else text
        words = list(re.finditer(r"\S+", text))
        cut = len(words) > request.max_tokens
        if cut:
            text, words = text[: words[request.max_tokens - 1].end()], words[: request.max_tokens]
        logprob = -round(len(words) * (0.1 + 0.4 * dice.unit()), 4)
        tokens_in = len(request.prompt.split())
        return Sample(text, tokens_in, len(words) + (not cut), logprob, "length" if cut else "stop")


class FakeScorer:
    """A keyword judge of steps: high where the plan or program fits the statement's keywords, with seeded noise."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.spec = f"fake:{seed}"

    def score(self, texts: Sequence[str]) -> list[float]:
        """A number in [0.05, 0.95] for each text, a function of (seed, text)."""
        return [self._score(text) for text in texts]

    def stream(self, pull: Pull[str]) -> Iterator[tuple[int, float]]:
        """Score texts as they are pulled, at most ROWS at a time."""
        return in_calls(self.score, pull, ROWS)

    def close(self) -> None:
        """Nothing is held."""

    def _score(self, text: str) -> float:
        problem = read_problem(text)
        planned = planned_idea(problem)
        fits = planned is not None and planned in fitting_ideas(problem)
        return round(0.25 + 0.5 * fits + 0.4 * (Dice("score", self.seed, text).unit() - 0.5), 6)
