"""Rewards: what a judged leaf earns in a search, and φ, which joins outcome and process reward in RL.

Pure functions of numbers, standard library only. `lab` is the default φ; `o1coder-paper` and `o1coder-code` reproduce
arXiv 2412.00154 and its released code, whose defaults are hackable (a perfect answer of ten steps earns .65 with γ = .9,
and after 90 iterations the reward is 90 % PRM). Step-level credit is not here: the trainer has it. Nothing here calls a
judge or a PRM; a failure of either arrives as None and leaves as None, never as 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from o1coder.errors import LabError

Aggregation = Literal["min", "mean", "last", "product", "softmin", "discounted"]
Schedule = Literal["constant", "linear", "log"]


def terminal_reward(compiled: bool, passed: int, total: int, alpha: float) -> float:
    """α·compile + (1−α)·passed/total (O1-CODER §3.2); `total` ≥ 1."""
    return alpha * compiled + (1.0 - alpha) * passed / total


def aggregate(
    scores: Sequence[float],
    how: Aggregation = "min",
    *,
    temperature: float = 0.1,
    gamma: float = 0.9,
    first_power: int = 1,
) -> float:
    """One number for the step scores of an answer; 0.0 for an answer without steps.

    `softmin`: Σ softmax(−r/T)ⱼ·rⱼ, the minimum as T → 0 (PURE, 2504.15275). `discounted`: (1/m)·Σⱼ γ^(j−1+first_power)·rⱼ,
    j from 1; the paper has first_power 1, its code 0.
    """
    if not scores:
        return 0.0
    match how:
        case "min":
            return min(scores)
        case "mean":
            return math.fsum(scores) / len(scores)
        case "last":
            return scores[-1]
        case "product":
            return math.prod(scores)
        case "softmin":
            least = min(scores)
            weights = [math.exp((least - score) / temperature) for score in scores]
            return math.fsum(w * s for w, s in zip(weights, scores, strict=True)) / math.fsum(weights)
        case "discounted":
            return math.fsum(gamma ** (j + first_power) * s for j, s in enumerate(scores)) / len(scores)


@dataclass(frozen=True, slots=True)
class Phi:
    """φ = α(t)·R + (1−α(t))·process, t the optimizer iteration; recorded with the training run.

    `alpha` is the value at t = 0; `linear` falls by `slope` an iteration, `log` is α/(1 + ln(1 + slope·t)); neither falls
    below `floor`. `gate` scales the process part where the outcomes of a group are all equal, so that PRM noise alone
    does not rank it; 1.0 switches the gate off.
    """

    schedule: Schedule = "constant"
    alpha: float = 0.8
    slope: float = 0.0
    floor: float = 0.0
    aggregation: Aggregation = "min"
    temperature: float = 0.1
    gamma: float = 0.9
    first_power: int = 1
    gate: float = 0.2


PHI: dict[str, Phi] = {
    "lab": Phi(),
    "outcome": Phi(alpha=1.0),
    "o1coder-paper": Phi("linear", 1.0, 0.01, 0.1, "discounted", first_power=1, gate=1.0),
    "o1coder-code": Phi("linear", 1.0, 0.01, 0.1, "discounted", first_power=0, gate=1.0),
}


def phi_preset(name: str) -> Phi:
    """The φ of that name. LabError when there is none."""
    if name not in PHI:
        raise LabError(f"no φ named {name!r}", f"Presets: {', '.join(PHI)}.")
    return PHI[name]


def alpha_at(phi: Phi, iteration: int) -> float:
    """α(t), the weight of the outcome at optimizer iteration `iteration` (0-based)."""
    match phi.schedule:
        case "constant":
            return phi.alpha
        case "linear":
            return max(phi.floor, phi.alpha - phi.slope * iteration)
        case "log":
            return max(phi.floor, phi.alpha / (1.0 + math.log1p(phi.slope * iteration)))


def process_reward(phi: Phi, scores: Sequence[float] | None, has_code: bool) -> float | None:
    """The aggregated step scores; 0.0 without parsable code (the format gate), None when the PRM could not be asked."""
    if not has_code:
        return 0.0
    if scores is None:
        return None
    return aggregate(scores, phi.aggregation, temperature=phi.temperature, gamma=phi.gamma, first_power=phi.first_power)


def combine(
    phi: Phi, outcome: float | None, process: float | None, iteration: int, gated: bool = False
) -> float | None:
    """φ of one answer; None where the judge failed, or the PRM did and its part has weight."""
    alpha = alpha_at(phi, iteration)
    if outcome is None:
        return None
    if alpha == 1.0:
        return outcome
    if process is None:
        return None
    return alpha * outcome + (1.0 - alpha) * process * (phi.gate if gated else 1.0)


def group_phi(
    phi: Phi,
    outcomes: Sequence[float | None],
    scores: Sequence[Sequence[float] | None],
    has_code: Sequence[bool],
    iteration: int,
) -> list[float | None]:
    """φ of every answer of one group (the completions of one prompt), with the group's gate.

    `outcomes[i]` in [0, 1], None for an infrastructure failure; `scores[i]` the PRM's step scores in order.
    """
    known = [outcome for outcome in outcomes if outcome is not None]
    gated = bool(known) and max(known) == min(known)
    processes = [process_reward(phi, score, code) for score, code in zip(scores, has_code, strict=True)]
    return [combine(phi, o, p, iteration, gated) for o, p in zip(outcomes, processes, strict=True)]
