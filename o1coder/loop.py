"""The self-play round as a pure function of facts: which job comes next, and what the gate says.

A round is a list of moves in order. A move names its stage and builds its config from what earlier moves left; asked again
with the same facts it gives the same answer, so a coordinator that is killed and started again enqueues nothing twice. No
database, no clock: stages/selfplay.py asks and obeys.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Config = dict[str, Any]


class Done(NamedTuple):
    """A finished job of this round: its id and the checkpoint it left, if it left one."""

    job: int
    checkpoint: int | None


@dataclass(frozen=True)
class Settings:
    """What does not change over a run."""

    base: int
    slice: str | None = None
    tcg_slice: str | None = None
    sampler: str = "hf"
    scorer: str = "hf"
    seed: int = 0
    sft: bool = True  # False: RFT, no reasoning SFT at the start
    tcg: bool = True
    budgets: Mapping[str, float] = field(default_factory=dict)  # seconds by move
    overrides: Mapping[str, Config] = field(default_factory=dict)  # fields by move


@dataclass(frozen=True)
class RoundFacts:
    """What is known when a round is asked for its next move."""

    round: int
    incumbent: int  # the policy that stands: the newest accepted one, else the base
    prm: int | None  # the PRM of the round before
    done: Mapping[str, Done]  # finished moves of this round by name
    run: str = ""  # whose trees are trained on; "" asks of no run


class Move(NamedTuple):
    """One job of a round: its name within the round (part of the unique key), its stage, its config."""

    name: str
    stage: str
    config: Config


Build = Callable[[Settings, RoundFacts], Config]


class _Step(NamedTuple):
    name: str
    stage: str
    build: Build
    when: Callable[[Settings, RoundFacts], bool]


def _left(facts: RoundFacts, name: str) -> int:
    found = facts.done[name].checkpoint
    assert found is not None, f"the move {name} left no checkpoint"
    return found


def _sampled(settings: Settings, policy: int | None) -> Config:
    return {"policy": policy, "sampler": settings.sampler}


def _tests(of: str | None) -> Build:
    def build(settings: Settings, facts: RoundFacts) -> Config:
        policy = settings.base if of is None else _left(facts, of)
        return _sampled(settings, policy) | {"split": "validation", "slice": settings.tcg_slice}

    return build


def _evaluation(of: str | None, mode: str) -> Build:
    def build(settings: Settings, facts: RoundFacts) -> Config:
        policy = settings.base if of is None else _left(facts, of)
        return _sampled(settings, policy) | {
            "split": ["validation", "test"],
            "slice": settings.slice,
            "mode": mode,
        }

    return build


def _start(settings: Settings, facts: RoundFacts) -> int:
    return _left(facts, "policy-sft") if "policy-sft" in facts.done else facts.incumbent


def _first(settings: Settings, facts: RoundFacts) -> bool:
    return facts.round == 0


def _tcg(settings: Settings, facts: RoundFacts) -> bool:
    return settings.tcg and facts.round == 0


def _sft(settings: Settings, facts: RoundFacts) -> bool:
    # Again in every round until a policy is accepted: there are more chains then, and RL should not start from the raw base.
    return settings.sft and facts.incumbent == settings.base


def _always(settings: Settings, facts: RoundFacts) -> bool:
    return True


# Algorithm 1 of the paper: 1 test case generator, 2 search, 3 SFT, 4 PRM, 5 RL, 6 again; with the measures between them.
_ROUND: tuple[_Step, ...] = (
    _Step("tests-before", "generate-tests", _tests(None), _tcg),
    _Step("tcg-sft", "tcg-sft", lambda s, f: {"base": s.base, "slice": s.slice}, _tcg),
    _Step("tests-sft", "generate-tests", _tests("tcg-sft"), _tcg),
    _Step("tcg-dpo", "tcg-dpo", lambda s, f: {"tcg": _left(f, "tcg-sft"), "slice": s.slice}, _tcg),
    _Step("tests-dpo", "generate-tests", _tests("tcg-dpo"), _tcg),
    _Step("synthesize", "synthesize", lambda s, f: _sampled(s, f.incumbent) | {"slice": s.slice}, _always),
    _Step("policy-sft", "policy-sft", lambda s, f: {"policy": s.base, "query": _all_trees(s, f)}, _sft),
    _Step("prm", "prm", lambda s, f: {"base": s.base, "refreshes": f.prm, "query": _prm_trees(s, f)}, _always),
    _Step(
        "score",
        "score",
        lambda s, f: {"prm": _left(f, "prm"), "query": _trees(f), "scorer": s.scorer},
        _always,
    ),
    _Step("rl", "rl", lambda s, f: {"policy": _start(s, f), "prm": _left(f, "prm"), "slice": s.slice}, _always),
    _Step("base-direct", "evaluate", _evaluation(None, "direct"), _first),
    _Step("base", "evaluate", _evaluation(None, "pseudocode"), _first),
    _Step("sft", "evaluate", _evaluation("policy-sft", "pseudocode"), _sft),
    _Step("rl-policy", "evaluate", _evaluation("rl", "pseudocode"), _always),
    _Step(
        "prm-figures",
        "evaluate-prm",
        lambda s, f: (
            _sampled(s, f.incumbent)
            | {"prm": _left(f, "prm"), "slice": s.slice, "scorer": s.scorer, "split": "validation"}
        ),
        _always,
    ),
)


def _trees(facts: RoundFacts) -> str:
    return f"job:{facts.done['synthesize'].job}"


def _all_trees(settings: Settings, facts: RoundFacts) -> str:
    """The run's own searches: what other runs made is not mixed in."""
    words = ["kind:search", "split:train", *([f"slice:{settings.slice}"] if settings.slice else [])]
    return shlex.join([*words, *([f"run:{facts.run}"] if facts.run else [])])


def _prm_trees(settings: Settings, facts: RoundFacts) -> str:
    """Those of this round alone for value targets, since a value is its policy's own; else all."""
    value = settings.overrides.get("prm", {}).get("target") == "value"
    return _trees(facts) if value else _all_trees(settings, facts)


def moves(settings: Settings, round: int) -> list[tuple[str, str]]:
    """(name, stage) of every move of a round, in order."""
    facts = RoundFacts(round, settings.base, None, {})
    return [(step.name, step.stage) for step in _ROUND if step.when(settings, facts)]


def next_stage(settings: Settings, facts: RoundFacts) -> Move | None:
    """The first move of the round that is not done; None when the round wants only its gate."""
    for step in _ROUND:
        if step.name in facts.done or not step.when(settings, facts):
            continue
        config = step.build(settings, facts)
        config["seed"] = settings.seed + facts.round
        if step.name in settings.budgets:
            config["budget_s"] = settings.budgets[step.name]
        config |= settings.overrides.get(step.stage, {})
        config |= settings.overrides.get(step.name, {})
        return Move(step.name, step.stage, config)
    return None


CANDIDATE = "rl-policy"  # the evaluation of the round's last policy: what the gate looks at


class Paired(NamedTuple):
    """Two evaluations on the problems that both have: pass rates in the same order."""

    problems: list[int]
    new: list[float]
    old: list[float]


def paired(new: Sequence[tuple[int, int, int]], old: Sequence[tuple[int, int, int]]) -> Paired:
    """From (problem, n, c) of two evaluations; problems without a counted sample in either are left out."""
    before = {problem: c / n for problem, n, c in old if n}
    both = [(problem, c / n) for problem, n, c in new if n and problem in before]
    return Paired([p for p, _ in both], [rate for _, rate in both], [before[p] for p, _ in both])
