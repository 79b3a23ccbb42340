"""Completions from a transformers model in this process: many rows at once, one shared prefix, continuous refill.

Prompts of a call share a long beginning (a worked example); its keys and values are computed once, kept across calls
and read by all rows together. Equal prompts are prefilled once. A row leaves at its stop string and the next prompt of
the queue takes its slot. An adapter is merged at load.

`exact` makes a text a function of (prompt, parameters, seed): fp32, every pass of one shape (dummy rows fill the
batch), no shared prefix, prompts prefilled alone in aligned blocks of 64, only rows of one capacity together, fixed
threads. It holds for one machine, model, batch and thread count. Without it texts depend on what shares the batch.

Not covered: encoder-decoders, sliding windows, several devices, speculative decoding, cancelling within a call.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from o1coder.errors import LabError
from o1coder.flow import Pull, in_calls
from o1coder.sampling import Request, Sample
from o1coder.sampling.draw import draw, uniform
from o1coder.sampling.load import load_model, load_tokenizer, pick_device, set_threads
from o1coder.sampling.rows import Row, end_tokens
from o1coder.sampling.slots import ATTENTION, Prefix, Slots

NO_PREFIX = Prefix((), (), ())
BLOCK = 64
CAPACITY_STEP = 256
CACHED_BLOCKS = 64
PREFILL_TOKENS = 4096
WORTH_SHARING = 8


class HfSampler:
    """A local causal language model as a Sampler. One call at a time; `close` lets go of the weights."""

    def __init__(
        self,
        model: Path | str,
        *,
        adapter: Path | None = None,
        threads: int | None = None,
        device: str = "auto",
        exact: bool = False,
        batch: int = 32,
        dtype: Literal["auto", "bf16", "fp32"] = "auto",
    ) -> None:
        from transformers import AutoModelForCausalLM

        self._device = pick_device(device)
        self.threads = set_threads(1 if exact and threads is None else threads)
        number_format = torch.float32 if exact or dtype == "fp32" else torch.bfloat16
        self._tokenizer = load_tokenizer(model, adapter)
        self._model: Any = load_model(
            AutoModelForCausalLM, model, adapter, self._device, number_format, attn_implementation=ATTENTION
        )
        self._end = end_tokens(self._tokenizer, self._model)
        self._longest = int(getattr(self._model.config, "max_position_embeddings", 1 << 30))
        self.batch = batch
        self.reproducible = exact
        self.spec = f"hf:exact:batch={batch}:threads={self.threads}" if exact else "hf"
        self._prefix = NO_PREFIX
        self._blocks: OrderedDict[tuple[int, tuple[int, ...]], Slots] = OrderedDict()

    def sample(self, requests: Sequence[Request]) -> list[Sample]:
        """Complete every request, in order. LabError when a prompt and its cap do not fit the model's context."""
        if not requests:
            return []
        encoded = self._tokenizer([request.prompt for request in requests])["input_ids"]
        rows = [Row(request, tuple(ids)) for request, ids in zip(requests, encoded, strict=True)]
        longest = max(len(row.ids) + row.request.max_tokens for row in rows)
        if longest > self._longest:
            raise LabError(
                f"a prompt and its cap take {longest} tokens, the model's context is {self._longest}",
                "lower the token caps, or use a model with a longer context",
            )
        with torch.inference_mode():
            if self.reproducible:
                self._sample_exactly(rows)
            else:
                self._sample_together(rows)
        return [row.sample(self._tokenizer) for row in rows]

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]:
        """Complete requests as they are pulled, a batch at a time."""
        return in_calls(self.sample, pull, self.batch)

    def close(self) -> None:
        """Let go of the weights and of everything cached."""
        self._model, self._prefix = None, NO_PREFIX
        self._blocks.clear()

    # --- the fast way: whatever is at hand decodes together ---

    def _sample_together(self, rows: list[Row]) -> None:
        prefix = self._shared_prefix([row.ids for row in rows])
        for row in rows:
            row.start(len(prefix.ids))
        capacity = max(row.position + 1 + row.request.max_tokens for row in rows)
        # The longest first, so that a batch does not end with one long row alone.
        queue = deque(sorted(rows, key=lambda row: -row.request.max_tokens))
        slots = Slots(prefix, min(self.batch, len(rows)), capacity)
        active: list[Row] = []
        while queue or active:
            free = slots.rows - len(active)
            if queue and (free >= max(1, slots.rows // 8) or not active):
                admitted = [queue.popleft() for _ in range(min(free, len(queue)))]
                self._prefill_together(slots, admitted, len(active))
                active += admitted
            window = max(row.position for row in active) + 1
            self._step(slots, active, min(capacity, -(-window // 16) * 16))
            for slot in reversed(range(len(active))):
                if active[slot].finish_reason is not None:
                    last = active.pop()
                    if slot < len(active):
                        slots.move(len(active), slot, last.position)
                        active[slot] = last

    def _prefill_together(self, slots: Slots, admitted: list[Row], first: int) -> None:
        """Fill slots first, first+1, … with the prompts of admitted rows, all but each one's last token."""
        same: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for slot, row in enumerate(admitted, start=first):
            if row.position:
                same[row.ids[-row.position - 1 : -1]].append(slot)
        waiting = sorted(same, key=len)
        while waiting:
            width = len(waiting[-1])
            take = max(1, PREFILL_TOKENS // width)
            chunk, waiting = waiting[-take:], waiting[:-take]
            filled = self._pass(Slots(slots.prefix, len(chunk), width), chunk, 0, width)
            for number, ids in enumerate(chunk):
                for slot in same[ids]:
                    slots.place(slot, filled, number, len(ids))

    def _shared_prefix(self, prompts: list[tuple[int, ...]]) -> Prefix:
        """The keys and values of what all prompts begin with, less a last token; kept, cut or extended across calls."""
        low, high = min(prompts), max(prompts)
        shared = _common(low, high, min(map(len, prompts)) - 1)
        known = _common(self._prefix.ids, low, shared)
        if shared - known < WORTH_SHARING:
            return self._prefix.cut(known)
        ids = low[known:shared]
        filled = self._pass(Slots(self._prefix.cut(known), 1, len(ids)), [ids], 0, len(ids))
        self._prefix = filled.extended_prefix(ids)
        return self._prefix

    # --- the exact way: every pass has one shape, whatever else is asked ---

    def _sample_exactly(self, rows: list[Row]) -> None:
        by_capacity: dict[int, deque[Row]] = defaultdict(deque)
        for row in rows:
            row.start(0)
            needed = len(row.ids) + row.request.max_tokens
            by_capacity[-(-needed // CAPACITY_STEP) * CAPACITY_STEP].append(row)
        for capacity, queue in by_capacity.items():
            slots = Slots(NO_PREFIX, self.batch, capacity)
            active: list[Row | None] = [None] * self.batch
            while queue or any(active):
                for slot, seated in enumerate(active):
                    if seated is not None and seated.finish_reason is None:
                        continue
                    active[slot] = queue.popleft() if queue else None
                    self._prefill_exactly(slots, active[slot], slot)
                if any(active):
                    self._step(slots, active, capacity)

    def _prefill_exactly(self, slots: Slots, row: Row | None, slot: int) -> None:
        """Prefill a prompt alone, block by block; a block is a function of the tokens up to its end, so it is kept."""
        if row is None:
            return
        ids = row.ids[:-1]
        alone = Slots(NO_PREFIX, 1, slots.capacity)
        for begin in range(0, len(ids), BLOCK):
            key = (slots.capacity, ids[: begin + BLOCK])
            block = self._blocks.pop(key, None)
            if block is None:
                self._pass(alone, [ids[begin : begin + BLOCK]], begin, BLOCK)
                block = alone.span(begin, BLOCK)
            else:
                alone.lay(begin, block)
            self._blocks[key] = block
            if len(self._blocks) > CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        slots.place(slot, alone, 0, len(ids))

    # --- what both share ---

    def _pass(self, slots: Slots, chunk: Sequence[tuple[int, ...]], begin: int, width: int) -> Slots:
        """Run prompts through the model for their keys and values only; shorter ones are filled up on the right."""
        padded = [ids + (0,) * (width - len(ids)) for ids in chunk]
        positions = torch.arange(begin, begin + width, device=self._device).expand(len(chunk), width)
        window = slots.capacity if self.reproducible else begin + width
        self._forward(slots, torch.tensor(padded, device=self._device), positions, window)
        return slots

    def _step(self, slots: Slots, active: Sequence[Row | None], window: int) -> None:
        """One token for every active row; a slot without a row decodes nonsense that nobody reads."""
        tokens = torch.tensor([[row.token if row else 0] for row in active], device=self._device)
        positions = torch.tensor([[row.position if row else 0] for row in active], device=self._device)
        logits = self._forward(slots, tokens, positions, window)
        rows = [(slot, row) for slot, row in enumerate(active) if row is not None]
        drawn, logprobs = draw(
            logits,
            [row.request.temperature if row else 0.0 for row in active],
            [row.request.top_p if row else 1.0 for row in active],
            [uniform(row.request.seed, len(row.drawn)) if row else 0.0 for row in active],
        )
        for slot, row in rows:
            row.take(drawn[slot], logprobs[slot], self._end, self._tokenizer)

    def _forward(self, slots: Slots, tokens: torch.Tensor, positions: torch.Tensor, window: int) -> torch.Tensor:
        """One pass; returns the logits of the last token of each row, (rows, vocabulary)."""
        slots.aim(positions, window)
        output = self._model(
            input_ids=tokens,
            position_ids=positions + len(slots.prefix.ids),
            past_key_values=slots,
            use_cache=True,
            logits_to_keep=1,
            slots=slots,
        )
        logits: torch.Tensor = output.logits[:, -1]
        return logits


def _common(left: Sequence[int], right: Sequence[int], limit: int) -> int:
    """How many tokens two sequences begin with in common, at most `limit`."""
    for place in range(min(len(left), len(right), limit)):
        if left[place] != right[place]:
            return place
    return max(0, min(len(left), len(right), limit))
