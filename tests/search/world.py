"""A synthetic policy whose step values are known exactly, with the sampler, reader and judge that go with it.

Structures and refinements come from small repertoires with fixed odds; a program passes with a probability that belongs to
its refinement; any completion may be unparsable. Everything is a pure function of (world, prompt, seed).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from o1coder.search import SearchConfig, TreeSpec
from o1coder.search.reading import Reading
from o1coder.task import Action, Case, Task

TASK = Task("add one", "call", "add_one", "add_one(x)")
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


class Prompt:
    """The chain itself, so that a scripted sampler can read it."""

    def __init__(self, chooses: Literal["search", "policy"] = "search") -> None:
        self.chooses = chooses

    def render(self, task: Task, steps: Sequence[tuple[Action, str]], action: Action) -> str:
        return "|".join([action, *(text for _, text in steps)])

    def opening(self, action: Action, task: Task) -> str:
        return ""

    def stops(self, action: Action) -> tuple[str, ...]:
        return ("###",)

    def max_tokens(self, action: Action, task: Task | None = None) -> int:
        return 8


class World:
    """`variants` texts a level; `unparsable` share of completions; `flat` gives every program the same odds."""

    def __init__(self, seed: int, variants: int = 4, unparsable: float = 0.0, programs: int | None = None) -> None:
        rng = random.Random(seed)
        self.seed = seed
        self.unparsable = unparsable
        self.programs = programs  # distinct program texts; None: every draw differs
        self.structures = {f"S{i}": rng.random() + 0.1 for i in range(variants)}
        self.refines = {s: {f"R{i}": rng.random() + 0.1 for i in range(variants)} for s in self.structures}
        mean = rng.random()
        self.odds = {
            (s, r): min(1.0, max(0.0, rng.gauss(mean, 0.35))) for s in self.structures for r in self.refines[s]
        }

    def value(self, chain: Sequence[str] = ()) -> float:
        """The true probability that the policy solves the task from `chain` on, format failures included."""
        keep = 1.0 - self.unparsable
        if len(chain) == 2:
            return keep * self.odds[chain[0], chain[1]]
        table = self.structures if not chain else self.refines[chain[0]]
        below = sum(odds * self.value([*chain, text]) for text, odds in table.items())
        return keep * below / sum(table.values())

    def text(self, prompt: str, seed: int) -> str:
        """The completion the policy gives."""
        digest = hashlib.blake2b(f"{self.seed}/{prompt}/{seed}".encode(), digest_size=8).digest()
        rng = random.Random(digest)
        if rng.random() < self.unparsable:
            return "?"
        _, *chain = prompt.split("|")
        if len(chain) == 2:
            word = "pass" if rng.random() < self.odds[chain[0], chain[1]] else "fail"
            return f"{word} {rng.randrange(self.programs or 10**9)}"
        table = self.structures if not chain else self.refines[chain[0]]
        return rng.choices(list(table), list(table.values()))[0]


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

    def close(self) -> None:
        pass


class Reader:
    """Reads the world's texts; where the policy chooses, "code: …" is code and all else a step."""

    def read(self, prompt: Any, task: Task, asked: Action, text: str, finish_reason: str) -> Reading:
        if text.startswith("?"):
            return Reading(None, "", None, "unparsable")
        if prompt.chooses == "policy":
            asked = "code" if text.startswith(("pass", "fail", "half")) else "refine"
        return Reading(asked, text, text if asked == "code" else None, None)

    def compiles(self, code: str, entry_point: str | None) -> bool:
        return "broken" not in code


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


def spec(seed: int = 0, stored: Sequence[Any] = (), key: Any = None, **settings: Any) -> TreeSpec:
    """A tree over TASK and CASES."""
    config = SearchConfig(**settings)
    return TreeSpec(seed if key is None else key, TASK, CASES, seed, config, Prompt(config.chooses), stored=stored)
