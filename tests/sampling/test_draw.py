"""Tokens are drawn from the distribution asked for, by one number a row."""

from __future__ import annotations

import pytest

from o1coder.sampling.dice import Dice


def test_frequencies_are_the_model_s() -> None:
    import torch

    from o1coder.sampling.draw import draw, uniform

    n, wanted = 4000, torch.tensor([0.5, 0.0, 0.3, 0.2])
    logits = wanted.log().expand(n, 4)
    tokens, logprobs = draw(logits, [1.0] * n, [1.0] * n, [uniform(seed, 0) for seed in range(n)])
    counts = torch.bincount(torch.tensor(tokens), minlength=4) / n
    assert counts[1] == 0
    assert counts.tolist() == pytest.approx(wanted.tolist(), abs=0.03)
    assert logprobs[0] == pytest.approx(float(wanted[tokens[0]].log()), abs=1e-5)


def test_temperature_and_nucleus() -> None:
    import torch

    from o1coder.sampling.draw import draw

    logits = torch.tensor([[0.5, 0.3, 0.2]]).log().expand(4, 3)
    units = [0.0, 0.6, 0.9, 0.999]
    assert draw(logits, [0.0] * 4, [1.0] * 4, units)[0] == [0, 0, 0, 0]
    assert draw(logits, [1.0] * 4, [1.0] * 4, units)[0] == [0, 1, 2, 2]
    assert draw(logits, [1.0] * 4, [0.6] * 4, units)[0] == [0, 0, 1, 1]
    assert draw(logits, [1.0] * 4, [0.01] * 4, units)[0] == [0, 0, 0, 0]
    assert draw(logits, [0.5] * 4, [1.0] * 4, units)[0] == [0, 0, 2, 2]


def test_dice_are_a_function_of_their_key() -> None:
    a, b, c = Dice("x", 1), Dice("x", 1), Dice("x", 2)
    drawn = [a.unit() for _ in range(1000)]
    assert drawn == [b.unit() for _ in range(1000)]
    assert drawn[0] != c.unit()
    assert sum(drawn) / 1000 == pytest.approx(0.5, abs=0.05)
    assert {Dice(key).pick("abc") for key in range(30)} == set("abc")
