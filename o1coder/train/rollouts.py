"""The reward of RL as one callable: parse a chain, judge its program, score its steps, combine, and write the rollout.

A row of data.jsonl is {"prompt", "problem": digest, "task": {statement, kind, entry_point, signature}, "cases":
[{digest, input, expected}], "comparator"?: {name, args}, "limits"?: {cpu_s, memory_mb}, "opening"?}: `opening` is the
end of the prompt that belongs to the chain already (a heading the driver wrote). Judge and scorer are arguments.
Every generation is appended to rollouts.jsonl before its reward is returned, so before any optimizer iteration on it;
a resumed attempt writes what it repeats again, with its own `attempt`. Advantages are the trainer's and not stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any, Literal, Protocol

from o1coder.errors import LabError
from o1coder.reward import Phi, alpha_at, group_phi, process_reward
from o1coder.task import Case, Comparator, Limits, Task
from o1coder.text import prefix_text
from o1coder.train.chain import Chain, parse_chain

MASKED = ("IE", "SK")  # the judge's own failures: no reward, never 0


class Judging(Protocol):
    """The part of o1coder.judge.Judge that is used here."""

    def judge(self, questions: Sequence[Any]) -> Sequence[Any]: ...


class Scoring(Protocol):
    """The part of o1coder.sampling.Scorer that is used here."""

    def score(self, texts: Sequence[str]) -> list[float]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One row of data.jsonl, decoded: what is asked of the policy and how its program is judged."""

    prompt: str
    problem: str
    task: Task
    cases: tuple[Case, ...]
    comparator: Comparator
    limits: Limits
    opening: str
    tokens_in: int = 0  # of the prompt; set by who has the tokenizer


@dataclass(frozen=True, slots=True)
class Judged:
    """One completion with what the judge and the scorer said; `outcome` None where the judge itself failed."""

    text: str
    chain: Chain
    verdicts: Mapping[str, str]
    scores: tuple[float, ...] | None
    outcome: float | None
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by case: what the judge measured
    tokens_out: int = 0
    stopped: bool = True  # it ended by itself, not at the token cap

    @property
    def passed(self) -> int:
        """How many cases it passed."""
        return sum(code == "AC" for code in self.verdicts.values())


def read_asked(rows: Sequence[Mapping[str, Any]]) -> list[Asked]:
    """Decode rows; LabError names the row whose task, cases, comparator or limits are wrong."""
    decoded = []
    for number, row in enumerate(rows, start=1):
        try:
            asked = Asked(
                prompt=row["prompt"],
                problem=row["problem"],
                task=Task(**row["task"]),
                cases=tuple(Case(**case) for case in row["cases"]),
                comparator=Comparator(**row.get("comparator") or {}),
                limits=Limits(**row.get("limits") or {}),
                opening=row.get("opening", ""),
            )
        except TypeError as error:
            raise LabError(f"data.jsonl, row {number}: {error}", "see the fields in o1coder/task.py") from None
        if not asked.cases:
            raise LabError(f"data.jsonl, row {number}: no cases", "a problem without reward tests cannot be rewarded")
        if not asked.prompt.endswith(asked.opening):
            raise LabError(f"data.jsonl, row {number}: the prompt does not end in its opening", "render it again")
        decoded.append(asked)
    return decoded


def judge_completions(
    asked: Sequence[Asked],
    texts: Sequence[str],
    stopped: Sequence[bool],
    judge: Judging,
    scorer: Scoring | None,
    outcome: Literal["pass_rate", "all"],
) -> list[Judged]:
    """Parse, judge and score one completion per entry, all questions in one batch, all prefixes in another."""
    from o1coder.judge import Question

    chains = [parse_chain(a.opening + t, s, a.task) for a, t, s in zip(asked, texts, stopped, strict=True)]
    questions, places = [], []
    for index, (item, chain) in enumerate(zip(asked, chains, strict=True)):
        if chain.code is None:
            continue
        task = item.task
        for case in item.cases:
            questions.append(Question(chain.code, task.kind, case, task.entry_point, item.comparator, item.limits))
            places.append((index, case.digest))
    verdicts: list[dict[str, str]] = [{} for _ in chains]
    details: list[dict[str, dict[str, Any]]] = [{} for _ in chains]
    for (index, digest), verdict in zip(places, judge.judge(questions) if questions else (), strict=True):
        verdicts[index][digest] = verdict.code
        if is_dataclass(verdict) and not isinstance(verdict, type):
            details[index][digest] = asdict(verdict)
    prefixes = [
        (index, prefix_text(item.task, chain.steps[: count + 1]))
        for index, (item, chain) in enumerate(zip(asked, chains, strict=True))
        for count in range(len(chain.steps))
        if chain.code is not None and scorer is not None
    ]
    scores: list[list[float]] = [[] for _ in chains]
    if scorer is not None and prefixes:
        for (index, _), score in zip(prefixes, scorer.score([text for _, text in prefixes]), strict=True):
            scores[index].append(score)
    return [
        Judged(
            text=text,
            chain=chain,
            verdicts=codes,
            scores=None if scorer is None else tuple(steps),
            outcome=outcome_reward(codes, len(item.cases), outcome),
            details=found,
        )
        for item, text, chain, codes, steps, found in zip(asked, texts, chains, verdicts, scores, details, strict=True)
    ]


def outcome_reward(verdicts: Mapping[str, str], total: int, how: Literal["pass_rate", "all"]) -> float | None:
    """Share of cases passed, or [all passed]; 0 when nothing was judged, None when the judge failed on any case."""
    if any(code in MASKED for code in verdicts.values()):
        return None
    passed = sum(code == "AC" for code in verdicts.values())
    return float(passed == total) if how == "all" else passed / total


def group_rewards(groups: Sequence[str], judged: Sequence[Judged], phi: Phi, iteration: int) -> list[float | None]:
    """φ of every completion, with its group's gate; `groups` names each one's group (its problem)."""
    rewards: list[float | None] = [None] * len(judged)
    for group in dict.fromkeys(groups):
        members = [index for index, name in enumerate(groups) if name == group]
        values = group_phi(
            phi,
            [judged[i].outcome for i in members],
            [judged[i].scores for i in members],
            [judged[i].chain.code is not None for i in members],
            iteration,
        )
        for index, value in zip(members, values, strict=True):
            rewards[index] = value
    return rewards


def rollout_records(
    asked: Sequence[Asked], judged: Sequence[Judged], rewards: Sequence[float | None], phi: Phi, iteration: int
) -> list[dict[str, Any]]:
    """One JSON-ready record per completion: what it said, what it got, and the terms of its reward.

    `iteration` is the optimizer iteration (from 1) that reads it first; `ordinal` counts within its problem's group.
    """
    counts: dict[str, int] = {}
    records = []
    for item, result, reward in zip(asked, judged, rewards, strict=True):
        ordinal = counts.setdefault(item.problem, 0)
        counts[item.problem] += 1
        has_code = result.chain.code is not None
        records.append(
            {
                "iteration": iteration,
                "problem": item.problem,
                "ordinal": ordinal,
                "text": result.text,
                "tokens_in": item.tokens_in,
                "tokens_out": result.tokens_out,
                "finish_reason": "stop" if result.stopped else "length",
                "steps": [{"action": action, "text": text} for action, text in result.chain.steps],
                "code": result.chain.code,
                "error": result.chain.error,
                "passed": result.passed,
                "total": len(item.cases),
                "compiled": has_code and "CE" not in result.verdicts.values(),
                "reward": reward,
                "terms": {
                    "outcome": result.outcome,
                    "process": process_reward(phi, result.scores, has_code),
                    "alpha": alpha_at(phi, iteration - 1),
                },
                "cases": dict(result.verdicts),
                "verdicts": {digest: dict(found) for digest, found in result.details.items()},
                "step_scores": list(result.scores or ()),
            }
        )
    return records


class RolloutReward:
    """The reward function that GRPOTrainer calls: one float a completion, None where the judge itself failed.

    With several processes every rank judges its own rows; outcomes and records are gathered, and rank 0 writes.
    """

    __name__ = "phi"  # the trainer names its metrics after it

    def __init__(
        self,
        asked: Sequence[Asked],
        phi: Phi,
        outcome: Literal["pass_rate", "all"],
        judge: Judging,
        scorer: Scoring | None,
        ends: frozenset[int],
        write: Callable[[list[dict[str, Any]]], None],
    ) -> None:
        self.asked, self.phi, self.outcome = asked, phi, outcome
        self.judge, self.scorer, self.ends, self.write = judge, scorer, ends, write

    def __call__(
        self,
        prompts: Sequence[str],
        completions: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        row: Sequence[int],
        trainer_state: Any,
        log_metric: Callable[[str, float], None],
        **others: Any,
    ) -> list[float | None]:
        mine = [self.asked[index] for index in row]
        stopped = [bool(ids) and ids[-1] in self.ends for ids in completion_ids]
        judged = judge_completions(mine, completions, stopped, self.judge, self.scorer, self.outcome)
        judged = [
            replace(result, tokens_out=len(ids), stopped=ended)
            for result, ids, ended in zip(judged, completion_ids, stopped, strict=True)
        ]
        every, first = _gathered(list(zip(row, judged, strict=True)))
        asked, results = [self.asked[index] for index, _ in every], [result for _, result in every]
        done = int(trainer_state.global_step)
        rewards = group_rewards([item.problem for item in asked], results, self.phi, done)
        records = rollout_records(asked, results, rewards, self.phi, done + 1)
        if first == 0:
            self.write(records)
        for name, value in batch_metrics(results).items():
            log_metric(name, value)
        return rewards[first : first + len(judged)]


def batch_metrics(judged: Sequence[Judged]) -> dict[str, float]:
    """Shares over a generation: chains with a program, all-pass programs, mean pass rate of what was judged, masked."""
    known = [result.outcome for result in judged if result.outcome is not None]
    count = len(judged)
    return {
        "rollouts/complete": sum(result.chain.code is not None for result in judged) / count,
        "rollouts/solved": sum(outcome == 1.0 for outcome in known) / max(len(known), 1),
        "rollouts/outcome": sum(known) / max(len(known), 1),
        "rollouts/masked": (count - len(known)) / count,
    }


def _gathered(values: list[Any]) -> tuple[list[Any], int]:
    """(the values of all ranks in rank order, where this rank's begin)."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return values, 0
    parts: list[list[Any]] = [[] for _ in range(distributed.get_world_size())]
    distributed.all_gather_object(parts, values)
    rank = distributed.get_rank()
    return [value for part in parts for value in part], sum(len(part) for part in parts[:rank])
