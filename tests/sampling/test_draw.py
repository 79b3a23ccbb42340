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


def test_every_unit_falls_on_a_token_with_weight() -> None:
    import torch

    from o1coder.sampling.draw import RUN, draw

    torch.manual_seed(0)
    for size in (3, RUN, RUN + 1, 5 * RUN - 7):
        logits = torch.randn(400, size) * 4
        logits[:, torch.rand(size) < 0.5] = -200.0
        logits[:, 1] = 0.0
        units = [0.0, 1e-300, 0.5, 1 - 2**-53, *torch.rand(396, dtype=torch.float64).tolist()]
        tokens, _ = draw(logits, [1.0] * 400, [1.0] * 400, units)
        probabilities = torch.softmax(logits.double(), dim=-1)
        sums = probabilities.cumsum(dim=-1)
        for row, (token, unit) in enumerate(zip(tokens, units, strict=True)):
            assert probabilities[row, token] > 1e-12
            assert sums[row, token] >= unit - 1e-6
            assert sums[row, token] - probabilities[row, token] <= unit + 1e-6


def test_a_row_s_draw_is_its_own() -> None:
    import torch

    from o1coder.sampling.draw import draw

    torch.manual_seed(0)
    logits = torch.randn(32, 700) * 3
    heats, nuclei = [0.0, 0.5, 0.7, 1.0] * 8, [1.0, 1.0, 0.9] * 10 + [0.5, 1.0]
    units = torch.rand(32, dtype=torch.float64).tolist()
    together = draw(logits, heats, nuclei, units)
    for row in range(32):
        alone = draw(logits[row : row + 1], heats[row : row + 1], nuclei[row : row + 1], units[row : row + 1])
        assert (alone[0][0], alone[1][0]) == (together[0][row], together[1][row])


@pytest.mark.parametrize("top_p", [0.01, 0.5, 0.9, 0.999])
def test_the_nucleus_is_what_sorting_all_gives(top_p: float) -> None:
    import torch

    from o1coder.sampling.draw import _nucleus

    torch.manual_seed(0)
    for heat in (0.1, 3.0):
        weights = torch.exp((torch.randn(3000) * heat).mul(8).round() / 8)  # with many equals
        ordered, order = weights.sort(descending=True, stable=True)
        inside = (ordered.cumsum(-1) - ordered) < top_p * weights.sum()
        inside[0] = True
        expected = torch.zeros_like(weights)
        expected[order[inside]] = weights[order[inside]]
        assert torch.equal(_nucleus(weights, top_p), expected)
