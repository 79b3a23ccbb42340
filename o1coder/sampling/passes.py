"""Passes of a decoder over slots: prompts for their keys and values, or one more token for every row, drawn.

Which rows share a pass, and what is kept of it, is decided by `together.py` and `exact.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from o1coder.sampling.draw import draw, uniform
from o1coder.sampling.rows import Row
from o1coder.sampling.slots import Prefix, Shape, Slots


class Decoder:
    """A causal model with its tokenizer and the tokens that end a text."""

    def __init__(self, model: Any, tokenizer: Any, end: frozenset[int]) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.end = end
        self.shape = Shape.of(model)
        # What an empty prompt begins with.
        named = (tokenizer.bos_token_id, tokenizer.eos_token_id, model.config.bos_token_id)
        self.start = next((token for token in named if token is not None), 0)

    def prefill(
        self,
        slots: Slots,
        prompts: Sequence[tuple[int, ...]],
        begins: Sequence[int],
        width: int,
        prefixes: Sequence[Prefix | None],
        first: int = 0,
    ) -> None:
        """Fill slots first, first+1, … from the positions `begins`; shorter prompts are filled up on the right.

        What fills up is overwritten before any query sees it, as a query sees no position after its own.
        """
        padded = [ids + (0,) * (width - len(ids)) for ids in prompts]
        places = torch.arange(width, device=self.shape.device)
        positions = torch.tensor(begins, device=self.shape.device)[:, None] + places
        tokens = torch.tensor(padded, device=self.shape.device)
        # Without the head: nobody asks what comes after a prompt's last token but one.
        self._pass(self.model.base_model, slots, tokens, positions, prefixes, first)

    def step(self, slots: Slots, active: Sequence[Row | None], prefixes: Sequence[Prefix | None]) -> None:
        """One token for every active row; a slot without a row decodes nonsense that nobody reads."""
        tokens = torch.tensor([[row.token if row else 0] for row in active], device=self.shape.device)
        positions = torch.tensor([[row.position if row else 0] for row in active], device=self.shape.device)
        logits = self._pass(self.model, slots, tokens, positions, prefixes, 0).logits[:, -1]
        drawn, logprobs = draw(
            logits,
            [row.request.temperature if row else 0.0 for row in active],
            [row.request.top_p if row else 1.0 for row in active],
            [uniform(row.request.seed, len(row.drawn)) if row else 0.0 for row in active],
        )
        for slot, row in enumerate(active):
            if row is not None:
                row.take(drawn[slot], logprobs[slot], self.end, self.tokenizer)

    def _pass(
        self,
        model: Any,
        slots: Slots,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        prefixes: Sequence[Prefix | None],
        first: int,
    ) -> Any:
        slots.aim(positions, prefixes, first)
        before = torch.tensor([[len(prefix.ids) if prefix else 0] for prefix in prefixes], device=self.shape.device)
        return model(
            input_ids=tokens, position_ids=positions + before, past_key_values=slots, use_cache=True, slots=slots
        )
