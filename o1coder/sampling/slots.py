"""Where keys and values live while many rows decode at once, and the attention that reads them.

Rows have slots, each filled from its own position 0, so nothing is padded to the left and a freed slot takes the next
prompt. A prefix that all rows share is held once and read by one matrix product for all of them (as in Hydragen,
arXiv 2402.05099): its length costs almost nothing a row. The attention is registered with transformers under the name
`o1coder-slots` and gets its `Slots` through the model's keyword arguments, so any decoder whose layers use that
interface works. Sliding windows, soft caps and attention sinks are not covered and are refused.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from transformers import AttentionInterface

from o1coder.errors import LabError

ATTENTION = "o1coder-slots"
_UNSUPPORTED = ("sliding_window", "softcap", "s_aux")


class Prefix(NamedTuple):
    """Tokens that rows share, with keys and values per layer, each (groups, tokens, head size)."""

    ids: tuple[int, ...]
    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]

    def cut(self, length: int) -> Prefix:
        """Its first `length` tokens, as views."""
        return Prefix(
            self.ids[:length], tuple(k[:, :length] for k in self.keys), tuple(v[:, :length] for v in self.values)
        )


class Slots:
    """Keys and values of n rows × capacity positions after a prefix; the `past_key_values` of a forward pass.

    `aim` says which positions the next pass writes: (rows, tokens), for the first `rows` slots. A query sees the
    prefix and its own row up to its own position, within the first `window` positions.
    """

    def __init__(self, prefix: Prefix, rows: int, capacity: int) -> None:
        self.prefix = prefix
        self.rows = rows
        self.capacity = capacity
        self.keys: dict[int, torch.Tensor] = {}
        self.values: dict[int, torch.Tensor] = {}

    def aim(self, positions: torch.Tensor, window: int) -> None:
        """Set the positions of the next pass; shape (rows in use, tokens)."""
        self.positions = positions
        self.window = window
        self._row = torch.arange(positions.shape[0], device=positions.device)[:, None]
        seen = torch.arange(window, device=positions.device)[None, None, :] <= positions[:, :, None]
        self.hidden = ~seen

    def update(
        self, key: torch.Tensor, value: torch.Tensor, layer: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store a pass's keys and values (rows, groups, tokens, head size); return the window of all of them."""
        self._allocate(layer, key)
        keys, values, used = self.keys[layer], self.values[layer], key.shape[0]
        keys[self._row, :, self.positions] = key.transpose(1, 2)
        values[self._row, :, self.positions] = value.transpose(1, 2)
        return keys[:used, :, : self.window], values[:used, :, : self.window]

    def get_seq_length(self, *_: Any) -> int:
        """What transformers asks a cache for; positions are always given, so the answer is not used."""
        return 0

    def place(self, slot: int, other: Slots, row: int, length: int) -> None:
        """Copy the first `length` positions of another's row into a slot."""
        for layer in other.keys:
            self._allocate(layer, other.keys[layer])
            self.keys[layer][slot, :, :length] = other.keys[layer][row, :, :length]
            self.values[layer][slot, :, :length] = other.values[layer][row, :, :length]

    def move(self, source: int, target: int, length: int) -> None:
        """Copy a row over another, so that the rows in use stay together at the front."""
        self.place(target, self, source, length)

    def span(self, begin: int, length: int) -> Slots:
        """A copy of `length` positions of row 0."""
        part = Slots(self.prefix, 1, length)
        part.keys = {layer: keys[:1, :, begin : begin + length].clone() for layer, keys in self.keys.items()}
        part.values = {layer: values[:1, :, begin : begin + length].clone() for layer, values in self.values.items()}
        return part

    def lay(self, begin: int, part: Slots) -> None:
        """Put back into row 0 what `span` took."""
        for layer in part.keys:
            self._allocate(layer, part.keys[layer])
            self.keys[layer][:1, :, begin : begin + part.capacity] = part.keys[layer]
            self.values[layer][:1, :, begin : begin + part.capacity] = part.values[layer]

    def _allocate(self, layer: int, like: torch.Tensor) -> None:
        if layer not in self.keys:
            shape = (self.rows, like.shape[1], self.capacity, like.shape[3])
            # Zeros, not garbage: a hidden position has weight 0, and 0 × nan would be nan.
            self.keys[layer], self.values[layer] = like.new_zeros(shape), like.new_zeros(shape)

    def extended_prefix(self, ids: tuple[int, ...]) -> Prefix:
        """The prefix followed by row 0's first tokens."""
        layers = range(len(self.keys))
        keys = [self.keys[layer][0, :, : len(ids)] for layer in layers]
        values = [self.values[layer][0, :, : len(ids)] for layer in layers]
        if self.prefix.ids:
            keys = [torch.cat(pair, dim=1) for pair in zip(self.prefix.keys, keys, strict=True)]
            values = [torch.cat(pair, dim=1) for pair in zip(self.prefix.values, values, strict=True)]
        return Prefix(self.prefix.ids + ids, tuple(keys), tuple(values))


def slots_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Softmax attention of queries (rows, heads, tokens, head size) over a shared prefix and each row's own window.

    Returns (rows, tokens, heads, head size). One softmax runs over both parts, so the result is that of ordinary
    attention over their concatenation.
    """
    slots = kwargs.get("slots")
    if not isinstance(slots, Slots) or any(kwargs.get(name) is not None for name in _UNSUPPORTED):
        raise LabError("the hf sampler cannot run this model's attention", "serve it with vllm and sample from there")
    rows, heads, tokens, size = query.shape
    groups = key.shape[1]
    repeat = heads // groups
    scale = size**-0.5 if scaling is None else scaling
    grouped = (query * scale).reshape(rows, groups, repeat * tokens, size)
    own = torch.matmul(grouped, key.transpose(2, 3)).view(rows, groups, repeat, tokens, -1)
    own = own.float().masked_fill(slots.hidden[:, None, None], float("-inf")).view(rows, groups, repeat * tokens, -1)
    shared = len(slots.prefix.ids)
    if not shared:
        out = torch.matmul(torch.softmax(own, dim=-1).to(value.dtype), value)
    else:
        together = grouped.transpose(0, 1).reshape(groups, rows * repeat * tokens, size)
        prefix_keys, prefix_values = slots.prefix.keys[module.layer_idx], slots.prefix.values[module.layer_idx]
        scores = torch.matmul(together, prefix_keys.transpose(1, 2)).view(groups, rows, repeat * tokens, shared)
        weights = torch.softmax(torch.cat([scores.transpose(0, 1).float(), own], dim=-1), dim=-1).to(value.dtype)
        flat = weights[..., :shared].transpose(0, 1).reshape(groups, rows * repeat * tokens, shared)
        out = torch.matmul(flat, prefix_values).view(groups, rows, repeat * tokens, size).transpose(0, 1)
        out = out + torch.matmul(weights[..., shared:], value)
    return out.reshape(rows, heads, tokens, size).transpose(1, 2), None


AttentionInterface.register(ATTENTION, slots_attention)
