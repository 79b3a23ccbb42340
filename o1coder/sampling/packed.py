"""Linear layers of a model on the processor, their weights laid out once as the matrix kernels want them.

A plain product of few rows spends up to half its time on bringing the weights into that order, each time anew. The
numbers are the same weights; a row's result does not depend on the rows beside it (tests/sampling/test_packed.py). A
packed weight replaces the plain one, so memory does not grow, except for a weight that an embedding shares.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def pack(model: Any, rows: int) -> None:
    """Lay out the weights of every plain linear layer for products of so many rows; other numbers work too.

    Does nothing where there are no such kernels: on another device, in another number format, in a build without oneDNN.
    """
    if model.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return
    shared = {module.weight.data_ptr() for module in model.modules() if isinstance(module, nn.Embedding)}
    for module in model.modules():
        if type(module) is nn.Linear and module.weight.dtype in (torch.float32, torch.bfloat16):
            packed = torch.ops.mkldnn._reorder_linear_weight(module.weight.detach(), rows)
            forward = _Forward(packed, module.bias, alone=module.weight.data_ptr() not in shared)
            if forward.alone:
                module.weight.data = module.weight.new_empty(0)
            module.forward = forward


def unpack(model: Any) -> None:
    """Undo `pack`: every weight is again what it was, bit for bit."""
    for module in model.modules():
        if isinstance(forward := module.__dict__.get("forward"), _Forward):
            del module.forward
            if forward.alone:
                module.weight.data = forward.packed.to_dense()


class _Forward:
    """What a packed layer does with its input."""

    def __init__(self, packed: torch.Tensor, bias: torch.Tensor | None, *, alone: bool) -> None:
        self.packed = packed
        self.bias = bias
        self.alone = alone

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(given, self.packed, self.bias, "none", [], "")
        return product
