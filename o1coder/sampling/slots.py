"""Where keys and values live while many rows decode at once, and the attention that reads them.

Rows have slots, each filled from its own position 0, so nothing is padded to the left and a freed slot takes the next
prompt. A beginning that many rows share is held once, as a `Prefix`, and read by one matrix product for all of them (as
in Hydragen, arXiv 2402.05099); rows of several prefixes and of none decode together. Storage is only as long as the
longest row in it, since a matrix product over a part of a longer one would copy that part each time.

The attention is registered with transformers under the name `o1coder-slots` and gets its `Slots` through the model's
keyword arguments, so any decoder whose layers use that interface works. Sliding windows, soft caps, attention sinks and
layers of unlike shapes are not covered and are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from transformers import AttentionInterface

from o1coder.errors import LabError

ATTENTION = "o1coder-slots"
_UNSUPPORTED = ("sliding_window", "softcap", "s_aux")


class Shape(NamedTuple):
    """What a token's keys and values look like: the same in every layer."""

    layers: int
    groups: int
    size: int
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, model: Any) -> Shape:
        """Read from a transformers model's configuration."""
        config = model.config.get_text_config()
        heads = config.num_attention_heads
        groups = getattr(config, "num_key_value_heads", None) or heads
        size = getattr(config, "head_dim", None) or config.hidden_size // heads
        return cls(config.num_hidden_layers, groups, size, model.dtype, model.device)

    def zeros(self, rows: int, tokens: int) -> torch.Tensor:
        """(layers, keys and values, rows, groups, tokens, size). Zeros: a hidden position weighs 0, and 0 × nan is nan."""
        shape = (self.layers, 2, rows, self.groups, tokens, self.size)
        return torch.zeros(shape, dtype=self.dtype, device=self.device)


class Prefix(NamedTuple):
    """Tokens that rows share, with their keys and values: (layers, 2, groups, tokens, size)."""

    ids: tuple[int, ...]
    kv: torch.Tensor


class Slots:
    """Keys and values of n rows × capacity positions, after each row's prefix; the `past_key_values` of a pass.

    `aim` says which rows and positions the next pass writes. A query sees its row's prefix, and its own row up to its
    own position.
    """

    def __init__(self, shape: Shape, rows: int, capacity: int) -> None:
        self.shape = shape
        self.rows = rows
        self.capacity = capacity
        self.kv = shape.zeros(rows, capacity)

    def resize(self, capacity: int, used: int) -> None:
        """Change the capacity; the first `used` rows keep what they hold, as far as it fits."""
        kv = self.shape.zeros(self.rows, capacity)
        kept = min(capacity, self.capacity)
        kv[:, :, :used, :, :kept] = self.kv[:, :, :used, :, :kept]
        self.kv, self.capacity = kv, capacity

    def aim(self, positions: torch.Tensor, prefixes: Sequence[Prefix | None], first: int = 0) -> None:
        """The next pass is of the rows first, first+1, … at these positions (rows, tokens), each after its prefix."""
        self.positions = positions
        self.first = first
        self._row = torch.arange(first, first + positions.shape[0], device=positions.device)[:, None]
        places = torch.arange(self.capacity, device=positions.device)
        self.hidden = places[None, None, :] > positions[:, :, None]
        sharing: dict[int, list[int]] = {}
        self.shared: list[tuple[Prefix, torch.Tensor | None]] = []
        for row, prefix in enumerate(prefixes):
            if prefix is not None:
                sharing.setdefault(id(prefix), []).append(row)
        for rows in sharing.values():
            prefix = prefixes[rows[0]]
            assert prefix is not None
            everyone = len(rows) == len(prefixes)
            self.shared.append((prefix, None if everyone else torch.tensor(rows, device=positions.device)))

    def update(
        self, key: torch.Tensor, value: torch.Tensor, layer: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store a pass's keys and values (rows, groups, tokens, size); return all of those rows."""
        if key.shape[1::2] != (self.shape.groups, self.shape.size) or value.shape != key.shape:
            raise _refused()
        keys, values = self.kv[layer]
        keys[self._row, :, self.positions] = key.transpose(1, 2)
        values[self._row, :, self.positions] = value.transpose(1, 2)
        last = self.first + key.shape[0]
        return keys[self.first : last], values[self.first : last]

    def get_seq_length(self, *_: Any) -> int:
        """What transformers asks a cache for; positions are always given, so the answer is not used."""
        return 0

    def copy(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` positions of one row over another's."""
        self.kv[:, :, target, :, :length] = self.kv[:, :, source, :, :length]

    def put(self, row: int, begin: int, kv: torch.Tensor) -> None:
        """Lay keys and values (layers, 2, groups, tokens, size) into a row."""
        self.kv[:, :, row, :, begin : begin + kv.shape[3]] = kv

    def get(self, row: int, begin: int, end: int) -> torch.Tensor:
        """A view of a row's positions: (layers, 2, groups, tokens, size)."""
        return self.kv[:, :, row, :, begin:end]


def slots_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Softmax attention of queries (rows, heads, tokens, head size) over shared prefixes and each row's own positions.

    Returns (rows, tokens, heads, head size). The parts are weighed by their sums of exponentials, so the result is that
    of ordinary attention over their concatenation.
    """
    slots = kwargs.get("slots")
    if not isinstance(slots, Slots) or any(kwargs.get(name) is not None for name in _UNSUPPORTED):
        raise _refused()
    rows, heads, tokens, size = query.shape
    groups = key.shape[1]
    repeat = heads // groups
    scale = size**-0.5 if scaling is None else scaling
    grouped = (query * scale).reshape(rows, groups, repeat * tokens, size)
    scores = torch.matmul(grouped, key.transpose(2, 3)).view(rows, groups, repeat, tokens, -1)
    scores = scores.float().masked_fill_(slots.hidden[:, None, None], float("-inf"))
    out, top, total = _weighed(scores.view(rows, groups, repeat * tokens, -1), value)
    for prefix, chosen in slots.shared:
        mine = grouped if chosen is None else grouped[chosen]
        flat = mine.transpose(0, 1).reshape(groups, -1, size)
        prefix_keys, prefix_values = prefix.kv[module.layer_idx]
        scores = torch.matmul(flat, prefix_keys.transpose(1, 2)).float()
        parts = (
            part.view(groups, len(mine), repeat * tokens, -1).transpose(0, 1)
            for part in _weighed(scores, prefix_values)
        )
        if chosen is None:
            out, top, total = _joined((out, top, total), parts)
        else:
            out[chosen], top[chosen], total[chosen] = _joined((out[chosen], top[chosen], total[chosen]), parts)
    out = (out / total).to(query.dtype)
    return out.reshape(rows, heads, tokens, size).transpose(1, 2), None


def _weighed(scores: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values weighed by exp(score - top), with the top score and the sum of those weights; `scores` is used up."""
    top = scores.amax(dim=-1, keepdim=True)
    weights = scores.sub_(top).exp_()
    total = weights.sum(dim=-1, keepdim=True)
    return torch.matmul(weights.to(values.dtype), values).float(), top, total


def _joined(left: Any, right: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two parts of one softmax as one: (values, top, total) each."""
    (out, top, total), (more, other, amount) = left, right
    high = torch.maximum(top, other)
    keep, add = (top - high).exp_(), (other - high).exp_()
    return out * keep + more * add, high, total * keep + amount * add


def _refused() -> LabError:
    return LabError("the hf sampler cannot run this model's attention", "serve it with vllm and sample from there")


AttentionInterface.register(ATTENTION, slots_attention)
