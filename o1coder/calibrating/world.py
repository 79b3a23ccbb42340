"""A synthetic policy whose step values are known exactly, with the prompt, reader, sampler and judge that go with it.

Thoughts come from small repertoires with fixed odds, a repertoire for each prefix; a program passes with a probability
that belongs to all that was thought before it; any completion may be unparsable. A text is a pure function of (world,
prompt, seed). It is no model of language: texts are one word, their lengths are by decree, and equal programs are as rare
as `programs` says.
"""

from __future__ import annotations

import hashlib
import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from o1coder.flow import Pull, in_calls
from o1coder.search.config import StepPrompt
from o1coder.search.reading import Reading
from o1coder.task import Action, Case, Task

if TYPE_CHECKING:
    from o1coder.judge import Question, Verdict
    from o1coder.sampling import Request, Sample

TASK = Task("add one", "call", "add_one", "add_one(x)")
CASE = Case("sha256:a", "[1]", "2")
EXAMPLE = 263  # prompt tokens of a worked example and the problem, and what a step takes: SmolLM2 with prompt `plain`
TOKENS: Mapping[Action, int] = {"structure": 20, "refine": 40, "code": 32}


class Choice(NamedTuple):
    """What may be said below one prefix: the texts and the running sums of their odds."""

    texts: tuple[str, ...]
    sums: tuple[float, ...]

    def say(self, share: float) -> str:
        """The text that a number in [0, 1) falls on."""
        return self.texts[bisect_right(self.sums, share * self.sums[-1], hi=len(self.texts) - 1)]

    def mean(self, values: Sequence[float]) -> float:
        """The mean of one value a text, each by its odds."""
        before = (0.0, *self.sums[:-1])
        return sum((to - fro) * v for fro, to, v in zip(before, self.sums, values, strict=True)) / self.sums[-1]


class World:
    """`variants` texts below each prefix of fewer than `levels` thoughts (S0… at the root, R0… below); `unparsable` share of
    completions; `programs` distinct program texts, None: every draw differs; `spread` of the pass rates around the world's
    own mean, which is uniform on [0, 1] or `mean`.
    """

    def __init__(
        self,
        seed: int,
        variants: int = 4,
        unparsable: float = 0.0,
        programs: int | None = None,
        levels: int = 2,
        spread: float = 0.35,
        mean: float | None = None,
    ) -> None:
        rng = random.Random(seed)
        self.seed, self.unparsable, self.programs, self.levels = seed, unparsable, programs, levels
        self.choices: dict[tuple[str, ...], Choice] = {}
        prefixes: list[tuple[str, ...]] = [()]
        for level in range(levels):
            texts = tuple(f"{'R' if level else 'S'}{number}" for number in range(variants))
            for prefix in prefixes:
                self.choices[prefix] = Choice(texts, tuple(accumulate(rng.random() + 0.1 for _ in texts)))
            prefixes = [(*prefix, text) for prefix in prefixes for text in texts]
        drawn = rng.random()  # also where it is not used: worlds of one seed differ in their mean only
        middle = drawn if mean is None else mean
        self.odds = {prefix: min(1.0, max(0.0, rng.gauss(middle, spread))) for prefix in prefixes}
        self.values = {prefix: (1.0 - unparsable) * odds for prefix, odds in self.odds.items()}
        for prefix, choice in reversed(self.choices.items()):
            mean = choice.mean([self.values[*prefix, text] for text in choice.texts])
            self.values[prefix] = (1.0 - unparsable) * mean

    @property
    def structures(self) -> tuple[str, ...]:
        """The texts of the first level."""
        return self.choices[()].texts

    def value(self, chain: Sequence[str] = ()) -> float:
        """The true probability that the policy solves the task from `chain` on, format failures included."""
        return self.values[tuple(chain)]

    def text(self, prompt: str, seed: int) -> str:
        """The completion the policy gives."""
        digest = hashlib.blake2b(f"{self.seed}/{prompt}/{seed}".encode(), digest_size=16).digest()
        parses, share = (int.from_bytes(digest[at : at + 8], "big") / 2**64 for at in (0, 8))
        if parses < self.unparsable:
            return "?"
        chain = tuple(prompt.partition("#")[0].split("|")[1:])
        if len(chain) < self.levels:
            return self.choices[chain].say(share)
        word = "pass" if share < self.odds[chain] else "fail"
        return f"{word} {int.from_bytes(digest[4:12], 'big') % (self.programs or 10**9)}"


def worlds_of(seed: int, count: int, **shape: Any) -> list[World]:
    """Worlds of a policy that solves two in five: a world's mean pass rate is uniform on [0, .8]."""
    rng = random.Random(seed)
    return [World(rng.getrandbits(60), mean=rng.uniform(0.0, 0.8), **shape) for _ in range(count)]


class ChainPrompt:
    """The chain itself, so that a scripted sampler can read it; `world` names whose policy shall answer."""

    def __init__(self, chooses: Literal["search", "policy"] = "search", world: str = "") -> None:
        self.chooses = chooses
        self.tail = f"#{world}" if world else ""

    def render(self, task: Task, steps: Sequence[tuple[Action, str]], action: Action) -> str:
        return "|".join([action, *(text for _, text in steps)]) + self.tail

    def opening(self, action: Action, task: Task) -> str:
        return ""

    def stops(self, action: Action) -> tuple[str, ...]:
        return ("###",)

    def max_tokens(self, action: Action, task: Task | None = None) -> int:
        return 8


class ChainReader:
    """Reads a world's texts; where the policy chooses, what begins like a program is code and all else a step."""

    def read(self, prompt: StepPrompt, task: Task, asked: Action, text: str, finish_reason: str) -> Reading:
        if text.startswith("?"):
            return Reading(None, "", None, "unparsable")
        if prompt.chooses == "policy":
            asked = "code" if text.startswith(("pass", "fail", "half")) else "refine"
        return Reading(asked, text, text if asked == "code" else None, None)

    def compiles(self, code: str, entry_point: str | None) -> bool:
        return "broken" not in code


class WorldsSampler:
    """The policies of many worlds; a prompt's `#name` says whose turn it is. A prompt has EXAMPLE tokens and those of its
    steps."""

    spec = "worlds"
    reproducible = True

    def __init__(self, worlds: Mapping[str, World]) -> None:
        self.worlds = worlds

    def sample(self, requests: Sequence[Request]) -> list[Sample]:
        return [self._say(request) for request in requests]

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]:
        return in_calls(self.sample, pull, 256)

    def close(self) -> None:
        pass

    def _say(self, request: Request) -> Sample:
        from o1coder.sampling import Sample

        chain, _, name = request.prompt.partition("#")
        action, *thoughts = chain.split("|")
        before = sum(TOKENS["refine" if place else "structure"] for place in range(len(thoughts)))
        text = self.worlds[name].text(request.prompt, request.seed)
        return Sample(text, EXAMPLE + before, TOKENS[_ACTIONS[action]], -1.0, "stop")


class WorldsJudge:
    """AC for a program that says it passes, WA for the rest."""

    def judge(self, questions: Sequence[Question], cancelled: Any = None) -> list[Verdict]:
        from o1coder.judge import Verdict

        right, wrong = Verdict("AC", layer="L3"), Verdict("WA", layer="L3")
        return [right if question.code.startswith("pass") else wrong for question in questions]

    def serve(self, pull: Pull[Question], cancelled: Any = None) -> Iterator[tuple[int, Verdict]]:
        return in_calls(self.judge, pull, 256)


_ACTIONS: Mapping[str, Action] = {action: action for action in TOKENS}
