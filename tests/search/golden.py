"""The one search tree that O1-CODER ships, read from its files into our facts.

`../shared/data/o1coder/run_outputs`: 12 rollouts of one easy problem, width 3. The files hold the nodes on the way to each
terminal, with ids in the order of creation; what else there was follows from the ids, since an expansion takes three of
them, or a single one where it came to code (its siblings were thrown away). Texts that are in no file stay empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any, NamedTuple

from o1coder.search import CompletionFact, Fact, Path, RolloutFact, StepFact

FOLDER = File(__file__).parents[3] / "shared" / "data" / "o1coder" / "run_outputs"
WIDTH = 3
_BETWEEN = re.compile(r"[\s,\[\]]*")
_FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL | re.IGNORECASE)


class Node(NamedTuple):
    """A step as the files have it; `value` is what they call `step_value`, None for a node that is in none of them."""

    path: Path
    text: str
    value: float | None
    leaf: bool


class Rollout(NamedTuple):
    """One rollout: the leaf's node id, its reward, and the totals its steps had by then, from the root's child down."""

    leaf: int
    reward: float
    totals: tuple[float, ...]


class Golden(NamedTuple):
    """The shipped tree: nodes by id (the root, 0, is left out), rollouts in order, calls as the files count them."""

    nodes: dict[int, Node]
    rollouts: tuple[Rollout, ...]
    expansions: int
    calls: int
    problem: dict[str, Any]

    def code(self, node: int) -> str | None:
        """The program in a leaf's text."""
        found = _FENCE.search(self.nodes[node].text)
        return found.group(1) if found else None

    def facts(self) -> list[Fact]:
        """Steps, the completions that became steps, and rollouts with their revisits."""
        facts: list[Fact] = []
        for number, node in self.nodes.items():
            depth = len(node.path)
            action = "code" if node.leaf else "structure" if depth == 1 else "refine"
            facts.append(StepFact(node.path, action, node.text, self.code(number) if node.leaf else None))
            facts.append(CompletionFact(node.path[:-1], node.path[-1], node.text, 0, 0, None, "stop", node.path, None))
        total = len(self.problem["test_case"]["inputs"])
        for ordinal, rollout in enumerate(self.rollouts):
            path, passed = self.nodes[rollout.leaf].path, round(rollout.reward * total)
            facts.append(
                RolloutFact(ordinal, path, self.code(rollout.leaf), passed, total, True, rollout.reward, {}, {})
            )
        return facts


def objects(text: str) -> Iterator[Any]:
    """The JSON objects of a file that may hold a list of them, or just one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while (at := _end(_BETWEEN, text, at)) < len(text):
        found, at = decoder.raw_decode(text, at)
        yield found


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    assert match is not None
    return match.end()


def read(folder: File = FOLDER) -> Golden:
    """The shipped run. ValueError where ids and parents do not make a tree of expansions."""
    question = "Question 0000 - "
    chains = list(objects((folder / f"{question}Complete Solutions.json").read_text()))
    known: dict[int, tuple[int, str, float]] = {}
    leaves = set()
    for chain in chains:
        steps = [chain[depth] for depth in sorted(chain, key=int) if depth != "0"]
        for step in steps:
            parent, number = step["edges"]
            known[number] = (parent, step["ost_step"], step["step_value"])
        leaves.add(steps[-1]["node_id"])
    paths: dict[int, Path] = {0: ()}
    expansions, first = 0, 1
    while first <= max(known):
        size = 1 if first in leaves else WIDTH
        members = range(first, first + size)
        parents = {known[number][0] for number in members if number in known}
        if len(parents) != 1:
            raise ValueError(f"nodes {list(members)} have parents {parents}")
        above = paths[parents.pop()]
        paths |= {number: (*above, ordinal) for ordinal, number in enumerate(members)}
        expansions, first = expansions + 1, first + size
    nodes = {
        number: Node(path, *(known[number][1:] if number in known else ("", None)), number in leaves)
        for number, path in paths.items()
        if number
    }
    by_texts = {tuple(_texts(nodes, path)): number for number, path in paths.items() if number in leaves}
    rollouts = []
    for each in objects((folder / f"{question}Rollout Solutions.json").read_text()):
        trace = each["trace"]["0"]
        depths = sorted(trace["ost_step"], key=int)
        leaf = by_texts[tuple(trace["ost_step"][depth] for depth in depths)]
        rollouts.append(Rollout(leaf, each["value"], tuple(trace["ost_step_value"][depth] for depth in depths)))
    said = re.search(r"Total calls: (\d+)", (folder / "intermediate_result.txt").read_text())
    if said is None:
        raise ValueError("the files do not say how many calls there were")
    problem = next(objects((folder / f"{question}Answer.json").read_text()))
    return Golden(nodes, tuple(rollouts), expansions, int(said.group(1)), problem)


def _texts(nodes: dict[int, Node], path: Path) -> list[str]:
    by_path = {node.path: node.text for node in nodes.values()}
    return [by_path[path[:depth]] for depth in range(1, len(path) + 1)]
