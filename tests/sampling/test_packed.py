"""Packed weights are the same weights, and a row's product does not depend on its company."""

from __future__ import annotations

import copy

import pytest


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_row_s_product_is_its_own(dtype: str) -> None:
    import torch

    from o1coder.sampling.packed import pack

    torch.manual_seed(0)
    for rows in (2, 4, 7, 32):
        model = _model(dtype)
        given = torch.randn(rows, 1, 96).to(getattr(torch, dtype))
        plain = model(given)
        pack(model, rows)
        with torch.no_grad():
            product = model(given)
            order = torch.randperm(rows)
            assert torch.equal(model(given[order]), product[order])
            alone = torch.zeros_like(given)
            alone[rows // 2] = given[rows // 2]
            assert torch.equal(model(alone)[rows // 2], product[rows // 2])
        assert torch.allclose(product.float(), plain.float(), atol=0.05 if dtype == "bfloat16" else 1e-5)


def test_unpacking_gives_the_weights_back() -> None:
    import torch

    from o1coder.sampling.packed import pack, unpack

    model = _model("bfloat16")
    before = copy.deepcopy(model.state_dict())
    pack(model, 8)
    assert model[0].weight.numel() == 0, "a packed weight is not held twice"
    assert model[2].weight.data_ptr() == model.emb.weight.data_ptr(), "one that is shared stays"
    unpack(model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert "forward" not in model[0].__dict__


def _model(dtype: str):  # type: ignore[no-untyped-def]
    import torch
    from torch import nn

    class Model(nn.Sequential):
        device = torch.device("cpu")

    model = Model(nn.Linear(96, 200), nn.GELU(), nn.Linear(200, 50, bias=False))
    model.emb = nn.Embedding(50, 200)
    model[2].weight = model.emb.weight

    def forward(given):  # type: ignore[no-untyped-def]
        for module in (model[0], model[1], model[2]):
            given = module(given)
        return given

    model.forward = forward
    return model.to(getattr(torch, dtype))
