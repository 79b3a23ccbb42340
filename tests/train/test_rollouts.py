"""Chains cut into steps, and what a completion earns: masks, gates, ordinals, records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from o1coder.errors import LabError
from o1coder.judge import Verdict
from o1coder.reward import PHI, Phi
from o1coder.task import Action, Task
from o1coder.text import chain_text
from o1coder.train.chain import closed_blocks, parse_chain
from o1coder.train.rollouts import RolloutReward, outcome_reward, read_asked

TASK = Task("Write a Python function `add(a, b)` that returns the sum.", "call", "add", "add(a, b)")
STEPS: list[tuple[Action, str]] = [
    ("structure", "Function add(a, b). Input: two numbers. Output: the sum."),
    ("refine", "1. add a and b\n2. return the sum"),
    ("code", "def add(a, b):\n    return a + b"),
]
PROMPT, CHAIN = chain_text(TASK, STEPS)
WRONG = CHAIN.replace("a + b", "a - b")
ROW = {
    "prompt": PROMPT,
    "problem": "sha256:p",
    "task": {"statement": TASK.statement, "kind": "call", "entry_point": "add", "signature": "add(a, b)"},
    "cases": [
        {"digest": "c1", "input": "[1, 2]", "expected": "3"},
        {"digest": "c2", "input": "[0, 0]", "expected": "0"},
    ],
}


class ScriptedJudge:
    """Knows that `a + b` is right and `a - b` only where b is 0; "boom" makes it fail itself."""

    def judge(self, questions: Sequence[Any]) -> list[Verdict]:
        def one(question: Any) -> Verdict:
            if "boom" in question.code:
                return Verdict("IE")
            right = "a + b" in question.code or question.case.input == "[0, 0]"
            return Verdict("AC" if right else "WA")

        return [one(question) for question in questions]


class LengthScorer:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def score(self, texts: Sequence[str]) -> list[float]:
        self.seen += texts
        return [0.9 - 0.1 * text.count("###") for text in texts]


def reward(phi: Phi, texts: Sequence[str], scorer: LengthScorer | None = None, ended: bool = True) -> Any:
    records: list[dict[str, Any]] = []
    function = RolloutReward(
        read_asked([ROW]), phi, "pass_rate", ScriptedJudge(), scorer, frozenset({0}), records.extend
    )
    values = function(
        prompts=[PROMPT] * len(texts),
        completions=texts,
        completion_ids=[[5, 0] if ended else [5]] * len(texts),
        row=[0] * len(texts),
        trainer_state=SimpleNamespace(global_step=4),
        log_metric=lambda name, value: None,
    )
    return values, json.loads(json.dumps(records))


def test_a_chain_as_it_is_written_for_fine_tuning_parses_back() -> None:
    chain = parse_chain(CHAIN, True, TASK)
    assert [action for action, _ in chain.steps] == ["structure", "refine", "code"]
    assert chain.steps == tuple(STEPS)
    assert (chain.code, chain.error) == ("def add(a, b):\n    return a + b\n", None)


@pytest.mark.parametrize(
    ("text", "stopped", "steps", "error"),
    [
        ("hello", True, 0, "no heading"),
        ("hello\n" + CHAIN, True, 0, "text before"),
        (CHAIN.split("### Code")[0], True, 2, "no code"),
        (CHAIN.split("### Refine")[0].replace("add", "sub"), True, 0, "does not name"),
        (CHAIN[: CHAIN.index("return a")], True, 2, "compile"),
        (CHAIN.removesuffix("\n```"), False, 2, "token cap"),
        (CHAIN + "\n## Problem", True, 3, "after the code"),
        (CHAIN + "\n### Refine\n1. a\n2. b", True, 3, "after the code"),
        ("### Refine\n1. only one line", True, 0, "fewer than two"),
    ],
)
def test_the_first_thing_out_of_place_ends_a_chain(text: str, stopped: bool, steps: int, error: str) -> None:
    chain = parse_chain(text, stopped, TASK)
    assert len(chain.steps) == steps
    assert error in (chain.error or "")


def test_a_fence_that_closes_ends_the_chain_though_the_cap_cut_it() -> None:
    assert parse_chain(CHAIN, False, TASK).error is None
    assert closed_blocks(CHAIN) == 1
    assert closed_blocks(CHAIN.removesuffix("\n```")) == 0


def test_outcome_alone_is_the_pass_rate_and_no_program_earns_nothing() -> None:
    values, records = reward(PHI["outcome"], [CHAIN, WRONG, "nonsense"])
    assert values == [1.0, 0.5, 0.0]
    assert [record["ordinal"] for record in records] == [0, 1, 2]
    assert {record["iteration"] for record in records} == {5}
    assert [record["compiled"] for record in records] == [True, True, False]
    assert records[1]["cases"] == {"c1": "WA", "c2": "AC"}
    assert (records[1]["passed"], records[1]["total"]) == (1, 2)
    assert records[2]["error"] == "no heading"


def test_the_judges_own_failure_is_no_reward() -> None:
    values, records = reward(PHI["outcome"], [CHAIN, CHAIN.replace("a + b", "boom")])
    assert values == [1.0, None]
    assert records[1]["reward"] is None
    assert outcome_reward({"a": "AC", "b": "SK"}, 2, "all") is None
    assert outcome_reward({"a": "AC", "b": "WA"}, 2, "all") == 0.0


def test_the_process_part_is_the_worst_step_and_is_gated_when_outcomes_are_equal() -> None:
    scorer = LengthScorer()
    values, records = reward(PHI["lab"], [CHAIN, WRONG], scorer)
    assert len(scorer.seen) == 6
    assert scorer.seen[0].endswith("Output: the sum.")
    assert records[0]["step_scores"] == pytest.approx([0.8, 0.7, 0.6])
    assert values == pytest.approx([0.8 * 1 + 0.2 * 0.6, 0.8 * 0.5 + 0.2 * 0.6])
    gated, _ = reward(PHI["lab"], [CHAIN, CHAIN], LengthScorer())
    assert gated == pytest.approx([0.8 + 0.2 * 0.6 * 0.2] * 2)
    nothing, records = reward(PHI["lab"], ["nonsense"], LengthScorer())
    assert nothing == [0.0]
    assert records[0]["terms"] == {"outcome": 0.0, "process": 0.0, "alpha": 0.8}


def test_an_opening_the_driver_wrote_belongs_to_the_chain() -> None:
    opening = "### Structure\nFunction add(a, b). Input:"
    row = {**ROW, "prompt": PROMPT + opening, "opening": opening}
    assert CHAIN.startswith(opening)
    records: list[dict[str, Any]] = []
    function = RolloutReward(
        read_asked([row]), PHI["outcome"], "all", ScriptedJudge(), None, frozenset({0}), records.extend
    )
    state, log = SimpleNamespace(global_step=0), lambda name, value: None
    values = function([""], [CHAIN.removeprefix(opening)], [[0]], row=[0], trainer_state=state, log_metric=log)
    assert values == [1.0]


@pytest.mark.parametrize(
    ("change", "named"),
    [({"cases": []}, "no cases"), ({"task": {"title": "x"}}, "title"), ({"opening": "1."}, "does not end")],
)
def test_a_wrong_row_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(LabError, match=named):
        read_asked([ROW | change])
