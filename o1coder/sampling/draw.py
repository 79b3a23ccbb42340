"""Choosing the next token: a pure function of logits, temperature, nucleus and one number per row.

Row r at position i uses the uniform number BLAKE2b(seed of r, i), and the inverse of the distribution's cumulative
function turns it into a token. So a row's noise depends on its own seed alone, whatever shares its batch, and there is
no generator whose state could be lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch


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
    heat = torch.tensor([t if t > 0 else 1.0 for t in temperatures], device=logits.device)
    probabilities = torch.softmax(logits / heat[:, None], dim=-1)
    if any(top_p < 1 for top_p in top_ps):
        probabilities = _nucleus(probabilities, torch.tensor(top_ps, device=logits.device))
    cumulative = probabilities.double().cumsum(dim=-1)
    # The sum is not exactly 1; scaling the draw by it keeps every draw inside.
    points = torch.tensor(units, dtype=torch.float64, device=logits.device)[:, None] * cumulative[:, -1:]
    drawn = torch.searchsorted(cumulative, points, right=True)[:, 0].clamp(max=logits.shape[-1] - 1)
    greedy = torch.tensor([t <= 0 for t in temperatures], device=logits.device)
    tokens = torch.where(greedy, logits.argmax(dim=-1), drawn)
    picked = logits.gather(1, tokens[:, None])[:, 0] - torch.logsumexp(logits, dim=-1)
    return [int(token) for token in tokens.tolist()], [float(value) for value in picked.tolist()]


def _nucleus(probabilities: torch.Tensor, top_ps: torch.Tensor) -> torch.Tensor:
    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(dim=-1) - ordered
    kept = ordered.masked_fill(before >= top_ps[:, None], 0.0)
    kept[:, 0] = ordered[:, 0]
    return torch.zeros_like(probabilities).scatter(1, order, kept)
