"""The losses against naive versions, and what a weight does."""

from __future__ import annotations

import math

import pytest

from o1coder.train.losses import unit_mean, weighted_bce, weighted_bradley_terry, weighted_nll


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_weights_have_mean_one_and_a_problem_counts_once() -> None:
    weights = unit_mean([1 / 3, 1 / 3, 1 / 3, 1.0])
    assert sum(weights) == pytest.approx(4)
    assert sum(weights[:3]) == pytest.approx(weights[3])
    with pytest.raises(ValueError, match="above 0"):
        unit_mean([0.0, 0.0])


def test_nll_equals_the_naive_sum_and_scales_with_a_row_of_one() -> None:
    import torch

    log_probs = torch.tensor([[-1.0, -2.0, 0.0], [-3.0, 0.0, 0.0]])
    weights = torch.tensor([0.5, 1.5])
    naive = (0.5 * (1 + 2) + 1.5 * 3) / 3
    assert weighted_nll(log_probs, weights, 3).item() == pytest.approx(naive)
    assert weighted_nll(log_probs[:1], weights[:1], 2).item() == pytest.approx(0.5 * 3 / 2)
    assert weighted_nll(torch.zeros(1, 2), torch.ones(1), 0).item() == 0


def test_bce_equals_the_naive_sum_and_rests_at_the_soft_target() -> None:
    import torch

    scores, values, weights = [0.3, -1.2, 4.0], [1.0, 0.25, 0.0], [2.0, 0.5, 0.5]
    naive = sum(
        -w * (v * math.log(sigmoid(s)) + (1 - v) * math.log(1 - sigmoid(s)))
        for s, v, w in zip(scores, values, weights, strict=True)
    )
    loss = weighted_bce(torch.tensor(scores), torch.tensor(values), torch.tensor(weights))
    assert loss.item() == pytest.approx(naive / 3, rel=1e-5)
    at_target = torch.tensor([math.log(0.25 / 0.75)], requires_grad=True)
    weighted_bce(at_target, torch.tensor([0.25]), torch.ones(1)).backward()
    assert at_target.grad is not None
    assert at_target.grad.abs().item() < 1e-6


def test_bradley_terry_equals_the_naive_sum() -> None:
    import torch

    chosen, rejected, margins, weights = [1.0, -0.5], [0.2, 0.7], [0.0, 0.3], [1.5, 0.5]
    naive = sum(
        w * (-math.log(sigmoid(c - r - m)) + 0.01 * (c + r) ** 2)
        for c, r, m, w in zip(chosen, rejected, margins, weights, strict=True)
    )
    tensors = [torch.tensor(x) for x in (chosen, rejected, margins, weights)]
    assert weighted_bradley_terry(*tensors, center=0.01).item() == pytest.approx(naive / 2, rel=1e-5)
