"""Choosing the next token: a pure function of logits, temperature, nucleus and one number per row.

Row r at position i uses the uniform number BLAKE2b(seed of r, i), and the inverse of the distribution's cumulative
function turns it into a token. So a row's noise depends on its own seed alone, whatever shares its batch, and there is
no generator whose state could be lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

# Tokens are looked for in two steps, first among sums of so many, so that only one such run is summed token by token.
RUN = 256
# A nucleus is looked for among so many tokens before it is looked for among all: sorting them all takes longer than the
# rest of a step.
LIKELY = 512


def uniform(seed: int, position: int) -> float:
    """The number in [0, 1) that decides token `position` of a completion with this seed."""
    key = f"token:{seed}:{position}".encode()
    return (int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") >> 11) / (1 << 53)


def draw(
    logits: torch.Tensor, temperatures: Sequence[float], top_ps: Sequence[float], units: Sequence[float]
) -> tuple[list[int], list[float]]:
    """The next token of each row and its log-probability under the untempered model.

    logits: (rows, vocabulary). A temperature of 0 takes the largest logit, the first of equals. With top_p < 1 only
    the most probable tokens whose probabilities before them sum to less than top_p remain.
    """
    logits = logits.float()
    highest, first = logits.max(dim=-1, keepdim=True)
    lowered = logits - highest
    tokens = first[:, 0]
    if any(temperature > 0 for temperature in temperatures):
        heat = torch.tensor([t if t > 0 else 1.0 for t in temperatures], device=logits.device)
        weights = (lowered / heat[:, None]).exp_()
        for row, top_p in enumerate(top_ps):
            if top_p < 1:
                weights[row] = _nucleus(weights[row], top_p)
        drawn = _inverse(weights, torch.tensor(units, dtype=torch.float64, device=logits.device))
        tokens = torch.where(torch.tensor([t > 0 for t in temperatures], device=logits.device), drawn, tokens)
    picked = lowered.gather(1, tokens[:, None])[:, 0]
    picked = picked - lowered.exp_().sum(dim=-1).log()
    return [int(token) for token in tokens.tolist()], [float(value) for value in picked.tolist()]


def _inverse(weights: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
    """The first place of each row whose weights, up to and with it, sum to more than the row's share of them all."""
    rows, places = weights.shape
    runs = torch.nn.functional.pad(weights, (0, -places % RUN)).view(rows, -1, RUN)
    run, within = _place(runs.sum(dim=-1), units)
    place, _ = _place(runs[torch.arange(rows, device=weights.device), run], within)
    return run * RUN + place


def _place(weights: torch.Tensor, units: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each row's unit falls, and what share of that place lies before it."""
    sums = weights.double().cumsum(dim=-1)
    # A unit of 1 would fall behind the last place that has weight.
    points = units.clamp(max=1 - 1e-12)[:, None] * sums[:, -1:]
    places = torch.searchsorted(sums, points, right=True)
    before = sums.gather(1, places) - weights.gather(1, places)
    within = (points - before) / weights.gather(1, places)
    return places[:, 0], within[:, 0].clamp(min=0.0)


def _nucleus(weights: torch.Tensor, top_p: float) -> torch.Tensor:
    """A row's weights, those outside the nucleus 0; of equal weights the first ones are in it."""
    goal = top_p * weights.sum()
    for count in (min(LIKELY, len(weights)), len(weights)):
        ordered = weights.topk(count).values
        sums = ordered.cumsum(dim=-1)
        if sums[-1] >= goal:
            break
    inside = max(1, int((sums - ordered < goal).sum()))
    least = ordered[inside - 1]
    kept = weights.masked_fill(weights <= least, 0.0)
    equal = (weights == least).nonzero()[: inside - int((ordered > least).sum()), 0]
    kept[equal] = least
    return kept
