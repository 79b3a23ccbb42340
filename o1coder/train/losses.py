"""The losses of the trainer programs as pure functions of tensors, each with its formula.

Weights have mean 1 over the data set (`unit_mean`), so a weighted loss has the scale of the unweighted one and a
weight acts even in a batch of one row. DPO and GRPO losses are TRL's own and are not repeated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def unit_mean(weights: Sequence[float]) -> list[float]:
    """Scale weights to mean 1: wᵢ·n / Σw. ValueError when one is negative or all are 0."""
    total = float(sum(weights))
    if any(weight < 0 for weight in weights) or total <= 0:
        raise ValueError("weights must be 0 or more, and one of them above 0")
    return [weight * len(weights) / total for weight in weights]


def weighted_nll(log_probs: Tensor, weights: Tensor, tokens: Tensor | float) -> Tensor:
    """−Σᵢ wᵢ Σₜ log pᵢₜ / tokens, for log_probs (B, T) that are 0 where no loss is due, and weights (B,).

    `tokens` counts the trained tokens of the whole optimizer iteration, so that accumulation adds up.
    """
    import torch

    return -(weights.unsqueeze(1) * log_probs).sum() / torch.as_tensor(tokens).clamp(min=1)


def weighted_bce(logits: Tensor, values: Tensor, weights: Tensor) -> Tensor:
    """−(1/B) Σᵢ wᵢ [vᵢ log σ(sᵢ) + (1−vᵢ) log σ(−sᵢ)], soft targets vᵢ in [0, 1]: O1-CODER Eq. 3. All shapes (B,)."""
    from torch.nn.functional import binary_cross_entropy_with_logits

    return (weights * binary_cross_entropy_with_logits(logits.float(), values, reduction="none")).mean()


def weighted_bradley_terry(
    chosen: Tensor, rejected: Tensor, margins: Tensor, weights: Tensor, center: float = 0.0
) -> Tensor:
    """(1/B) Σᵢ wᵢ [−log σ(cᵢ − rᵢ − mᵢ) + center·(cᵢ + rᵢ)²]: O1-CODER Eq. 4 with margin and centring. Shapes (B,)."""
    from torch.nn.functional import logsigmoid

    chosen, rejected = chosen.float(), rejected.float()
    return (weights * (-logsigmoid(chosen - rejected - margins) + center * (chosen + rejected) ** 2)).mean()
