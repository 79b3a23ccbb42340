"""O1-CODER's search as its release does it, written anew from a description of it: the baseline of benchmarks and tests.

One question at a time, one prompt a call. A walk goes down by UCT (c = 2) to a step without children or to a random child
that no rollout went through; every level below is expanded and one child of it entered at random until a terminal. Among
siblings that hold code only the best-scoring one is kept. Terminals stay selectable, and their reward is backed up again at
each visit. Equal texts are two steps. Nothing is stored on the way, nothing can be resumed, and nothing here is used by the
lab. Of more than ten tests it draws ten, once. Left out: weight schedules.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from o1coder.sampling import Request
from o1coder.search import CompletionFact, Fact, Path, RolloutFact, StepFact, TreeSpec
from o1coder.search.reading import Reader
from o1coder.search.tree import uct
from o1coder.task import Action

MOST_TESTS = 10


@dataclass(eq=False, slots=True)
class Node:
    """A step, or the question itself. `reward` is a terminal's; `value` what it calls a step's value."""

    path: Path
    action: Action | None = None
    text: str = ""
    code: str | None = None
    verdicts: dict[str, Any] = field(default_factory=dict)
    sample: Any = None
    reward: float | None = None
    visits: int = 0
    total: float = 0.0
    children: list[Node] = field(default_factory=list)

    @property
    def value(self) -> float:
        """Σreward/visits of an inner step; a terminal's own reward, divided by its visits as well."""
        return (self.total if self.reward is None else self.reward) / self.visits


@dataclass(slots=True)
class Search:
    """What a search of one question left, and what it took: calls of one prompt, completions, programs judged."""

    root: Node = field(default_factory=lambda: Node(()))
    rollouts: list[Node] = field(default_factory=list)
    calls: int = 0
    completions: int = 0
    judged: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def nodes(self) -> Iterator[Node]:
        """Every step, the root first."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.children

    def facts(self, total: int) -> list[Fact]:
        """The tree as ours: the steps kept, the completions they were, the rollouts with all revisits; `total` tests."""
        facts: list[Fact] = []
        for node in self.nodes():
            if node.action is not None:
                said = node.sample
                facts.append(StepFact(node.path, node.action, node.text, node.code))
                facts.append(
                    CompletionFact(
                        node.path[:-1], node.path[-1], said.text, said.tokens_in, said.tokens_out, said.logprob,
                        said.finish_reason, node.path, None,
                    )
                )  # fmt: skip
        for ordinal, leaf in enumerate(self.rollouts):
            assert leaf.reward is not None
            codes = {digest: str(verdict.code) for digest, verdict in leaf.verdicts.items()}
            facts.append(
                RolloutFact(
                    ordinal, leaf.path, leaf.code, round(leaf.reward * total), total, leaf.code is not None,
                    leaf.reward, {}, codes, leaf.verdicts,
                )
            )  # fmt: skip
        return facts


def search(spec: TreeSpec, sampler: Any, judge: Any, reader: Reader, dice: random.Random) -> Search:
    """`spec.config.simulations` rollouts of one question; of the config also width, c, plan and temperature are used."""
    cases = dice.sample(spec.cases, MOST_TESTS) if len(spec.cases) > MOST_TESTS else spec.cases
    found = Search()
    for _ in range(spec.config.simulations):
        path = select(found.root, spec.config.c, dice)
        while path[-1].reward is None:
            if not path[-1].children:
                _expand(found, path, spec, cases, sampler, judge, reader, dice)
            path.append(dice.choice(path[-1].children))
        leaf = path[-1]
        assert leaf.reward is not None
        found.rollouts.append(leaf)
        for node in path:
            node.visits += 1
            node.total += leaf.reward
    return found


def select(root: Node, c: float, dice: random.Random) -> list[Node]:
    """The way from the root to where a rollout starts."""
    path = [root]
    while path[-1].children:
        fresh = [child for child in path[-1].children if child.visits == 0]
        if fresh:
            return [*path, dice.choice(fresh)]
        above = path[-1].visits
        path.append(max(path[-1].children, key=lambda child: uct(child.total, child.visits, above, c)))
    return path


def _expand(
    found: Search,
    path: Sequence[Node],
    spec: TreeSpec,
    cases: Sequence[Any],
    sampler: Any,
    judge: Any,
    reader: Reader,
    dice: random.Random,
) -> None:
    config, prompt, task = spec.config, spec.prompt, spec.task
    node, depth = path[-1], len(path)
    asked = config.action(depth - 1)
    chain = [(each.action, each.text) for each in path if each.action is not None]
    text, cap = prompt.render(task, chain, asked), prompt.max_tokens(asked, task)
    requests = [
        Request(text, cap, prompt.stops(asked), config.temperature, config.top_p, dice.getrandbits(63))
        for _ in range(config.width)
    ]
    samples = sampler.sample(requests)
    found.calls += 1
    found.completions += len(samples)
    found.tokens_in += sum(sample.tokens_in for sample in samples)
    found.tokens_out += sum(sample.tokens_out for sample in samples)
    children = []
    for ordinal, sample in enumerate(samples):
        read = reader.read(prompt, task, asked, sample.text, sample.finish_reason)
        said = sample.text if read.action is None else read.text
        children.append(Node((*node.path, ordinal), read.action or asked, said, read.code, sample=sample))
    programs = [child for child in children if child.code is not None]
    for child in programs:
        _score(child, spec, cases, judge)
    found.judged += len(programs)
    if programs:
        node.children = [max(programs, key=lambda child: child.reward or 0.0)]
        return
    if depth >= config.depth:
        for child in children:
            child.reward = 0.0
    node.children = children


def _score(node: Node, spec: TreeSpec, cases: Sequence[Any], judge: Any) -> None:
    """The share of the tests that a program passes."""
    from o1coder.judge import Question

    task = spec.task
    questions = [
        Question(str(node.code), task.kind, case, task.entry_point, spec.comparator, spec.limits) for case in cases
    ]
    verdicts = judge.judge(questions)
    node.verdicts = {case.digest: verdict for case, verdict in zip(cases, verdicts, strict=True)}
    node.reward = sum(verdict.code == "AC" for verdict in verdicts) / len(cases)
