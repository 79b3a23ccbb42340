"""Completions from a transformers model in this process: many rows at once, refilled while they run.

`stream` keeps a batch of rows decoding; a row that ends makes room, and the next request is pulled into it. What prompts
have in common is computed once and kept (`together.py`); `reuse_bytes` bounds what is kept. An adapter is merged into
the weights, and `swap` merges another without loading the base again.

`exact` makes a text a function of (prompt, parameters, seed): fp32, every pass of one shape, prompts prefilled alone,
fixed threads (`exact.py`). It holds for one machine, model, batch and thread count. Without it texts depend on what
shares the batch.

A text that is cut inside a character ends in the replacement character. Not covered: encoder-decoders, sliding windows,
several devices, speculative decoding, two streams at once from two threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import torch

from o1coder.errors import LabError
from o1coder.flow import Pull, listed
from o1coder.sampling import Request, Sample
from o1coder.sampling.exact import Exactly, ExactMemory
from o1coder.sampling.load import Loaded, check_adapter, load_tokenizer, pick_device, set_threads
from o1coder.sampling.packed import pack, unpack
from o1coder.sampling.passes import Decoder
from o1coder.sampling.rows import Row, end_tokens
from o1coder.sampling.slots import ATTENTION
from o1coder.sampling.together import Memory, Together

REUSE_BYTES = 512 * 1024 * 1024


class HfSampler:
    """A local causal language model as a Sampler; `close` lets go of the weights.

    `reuse_bytes` bounds the keys and values kept for prompts to come; 0 computes every prompt whole.
    """

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
        reuse_bytes: int = REUSE_BYTES,
    ) -> None:
        from transformers import AutoModelForCausalLM

        self.threads = set_threads(1 if exact and threads is None else threads)
        number_format = torch.float32 if exact or dtype == "fp32" else torch.bfloat16
        self._source = model
        self._loaded = Loaded(
            AutoModelForCausalLM, model, adapter, pick_device(device), number_format, attn_implementation=ATTENTION
        )
        self.batch = batch
        self._decoder: Decoder | None = self._ready(adapter)
        self._longest = int(getattr(self._loaded.model.config, "max_position_embeddings", 1 << 30))
        self._reuse_bytes = reuse_bytes
        self._memory = self._fresh_memory(exact)
        self.reproducible = exact
        self.spec = f"hf:exact:batch={batch}:threads={self.threads}" if exact else "hf"

    @property
    def prefilled(self) -> int:
        """Prompt tokens that were computed, so far."""
        return self._memory.prefilled

    @property
    def reused(self) -> int:
        """Prompt tokens that were not computed again, so far: shared, equal or kept ones."""
        return self._memory.asked - self._memory.prefilled

    @property
    def kept_bytes(self) -> int:
        """What the kept keys and values take now; at most `reuse_bytes`."""
        return self._memory.kept.bytes

    def sample(self, requests: Sequence[Request]) -> list[Sample]:
        """Complete every request, in order. LabError when a prompt and its cap do not fit the model's context."""
        # The longest first, so that the batch does not end with one long row alone.
        order = sorted(range(len(requests)), key=lambda number: -requests[number].max_tokens)
        found = {order[n]: sample for n, sample in self.stream(listed([requests[number] for number in order]))}
        return [found[number] for number in range(len(requests))]

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]:
        """Complete requests as they are pulled, each as soon as its text ends. LabError as `sample`."""
        decoder = self._opened()
        batch: Exactly | Together = (
            Exactly(decoder, self._memory, self.batch)
            if isinstance(self._memory, ExactMemory)
            else Together(decoder, self._memory, self.batch)
        )
        begun = 0
        more = True
        while more or batch.busy:
            if more and batch.room:
                asked = pull(batch.room, not batch.busy)
                more = asked is not None
                if asked:
                    batch.add(self._rows(decoder, asked, begun))
                    begun += len(asked)
            if batch.busy:
                # Not around the whole loop: the mode would hold in the caller's code too, between two answers.
                with torch.inference_mode():
                    over = batch.step()
                for row in over:
                    yield row.number, row.sample(decoder.tokenizer)

    def swap(self, adapter: Path | None) -> None:
        """Merge this adapter instead of the one in use, None: the base alone; texts are those of a fresh sampler.

        Between streams only. LabError when the folder holds no adapter; a swap that fails otherwise closes the sampler.
        """
        decoder = self._opened()
        check_adapter(adapter)
        self._forget()
        unpack(decoder.model)
        self._loaded.swap(adapter)
        self._decoder = self._ready(adapter)

    def close(self) -> None:
        """Let go of the weights and of everything kept."""
        self._forget()
        self._loaded.model = None

    def _ready(self, adapter: Path | None) -> Decoder:
        model, tokenizer = self._loaded.model, load_tokenizer(self._source, adapter)
        pack(model, self.batch)
        return Decoder(model, tokenizer, end_tokens(tokenizer, model))

    def _forget(self) -> None:
        # Counts go on: keys and values belong to the weights that made them.
        self._decoder = None
        prefilled, asked = self._memory.prefilled, self._memory.asked
        self._memory = self._fresh_memory(self.reproducible)
        self._memory.prefilled, self._memory.asked = prefilled, asked

    def _fresh_memory(self, exact: bool) -> Memory | ExactMemory:
        return ExactMemory(self._reuse_bytes) if exact else Memory(self._reuse_bytes)

    def _opened(self) -> Decoder:
        if self._decoder is None:
            raise ValueError("this sampler is closed")
        return self._decoder

    def _rows(self, decoder: Decoder, requests: Sequence[Request], first: int) -> list[Row]:
        encoded = decoder.tokenizer([request.prompt for request in requests])["input_ids"]
        rows = []
        for number, (request, ids) in enumerate(zip(requests, encoded, strict=True), start=first):
            if request.max_tokens < 1:
                raise LabError(f"a completion of {request.max_tokens} tokens was asked for", "ask for one at least")
            taken = len(ids) + request.max_tokens
            if taken > self._longest:
                raise LabError(
                    f"a prompt and its cap take {taken} tokens, the model's context is {self._longest}",
                    "lower the token caps, or use a model with a longer context",
                )
            rows.append(Row(request, tuple(ids) or (decoder.start,), number))
        return rows
