"""Completions from a vLLM engine in this process: continuous batching, cached prefixes, adapters swapped in a moment.

Requests join the engine as they are pulled and leave it as they end. Siblings and later steps of a path find the keys and
values of what they share (`reused` counts those tokens). An adapter is not merged: it is laid over the base weights, and
`swap` lays another one there without touching them. Each request has its own seed, which vLLM honours, yet what shares a
batch moves the last digits, so `reproducible` is False. `logprob` is the untempered model's.

Not covered: several devices, quantised weights, speculative decoding, adapters that carry whole layers (modules_to_save).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from o1coder.errors import LabError
from o1coder.flow import Pull, answers
from o1coder.sampling import Request, Sample
from o1coder.sampling.vllm_engine import close_engine, open_engine

DTYPES = {"auto": "auto", "bf16": "bfloat16", "fp32": "float32"}
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # what vLLM makes room for


class VllmSampler:
    """A vLLM engine as a Sampler. One stream at a time; `close` gives the memory back."""

    reproducible = False
    seeds_honoured = True

    def __init__(
        self,
        model: Path | str,
        *,
        adapter: Path | None = None,
        lora_rank: int | None = None,
        threads: int | None = None,
        batch: int = 256,
        dtype: Literal["auto", "bf16", "fp32"] = "auto",
        gpu_share: float = 0.9,
        max_length: int | None = None,
    ) -> None:
        rank = max(lora_rank or 0, 0 if adapter is None else adapter_rank(adapter))
        lora = {"enable_lora": True, "max_lora_rank": next((r for r in RANKS if r >= rank), rank)} if rank else {}
        self._engine: Any = open_engine(
            model,
            threads=threads,
            gpu_share=gpu_share,
            max_length=max_length,
            dtype=DTYPES[dtype],
            max_num_seqs=batch,
            **lora,
        )
        self.batch = batch
        self.spec = "vllm"
        self.reused = 0
        self._rank = rank
        self._longest = int(self._engine.model_config.max_model_len)
        self._tokenizer: Any = self._engine.get_tokenizer()
        self._lora: Any = None
        self._swaps = self._asked = 0
        if adapter is not None:
            self.swap(adapter)

    def swap(self, adapter: Path | None) -> None:
        """Lay this adapter over the base weights from the next request on; None: the base alone. Between streams only.

        LabError when the engine was opened without room for adapters of this rank (`lora_rank`).
        """
        if adapter is not None and adapter_rank(adapter) > self._rank:
            raise LabError(
                f"{adapter} has rank {adapter_rank(adapter)}, the engine was opened for {self._rank}",
                "open it with lora_rank as high as the largest adapter's",
            )
        if self._lora is not None:
            self._engine.remove_lora(self._lora.lora_int_id)
        self._lora = None
        if adapter is not None:
            from vllm.lora.request import LoRARequest

            # A name of its own each time: prefixes are cached by it, and two adapters' must not mix.
            self._swaps += 1
            self._lora = LoRARequest(f"adapter-{self._swaps}", self._swaps, str(adapter))
            self._engine.add_lora(self._lora)

    def sample(self, requests: Sequence[Request]) -> list[Sample]:
        """Complete every request, in order. LabError when a prompt and its cap do not fit the model's context."""
        return answers(self.stream, requests)

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]:
        """Complete requests as they are pulled, each as soon as it ends."""
        running: dict[str, int] = {}  # the engine's name of a request to its number
        begun = 0
        more = True
        try:
            while more or running:
                room = self.batch - len(running)
                if more and room > 0:
                    asked = pull(room, not running)
                    more = asked is not None
                    for request in asked or ():
                        running[self._begin(request)] = begun
                        begun += 1
                if not running:
                    continue
                ended = [output for output in self._engine.step() if output.finished]
                numbers = [running.pop(output.request_id) for output in ended]
                for number, output in zip(numbers, ended, strict=True):
                    yield number, self._sample(output)
        finally:
            if running:
                self._engine.abort_request(list(running))

    def close(self) -> None:
        """End the engine."""
        if self._engine is not None:
            close_engine(self._engine)
            self._engine = None

    def _begin(self, request: Request) -> str:
        from vllm import SamplingParams

        ids = self._tokenizer(request.prompt)["input_ids"]
        if len(ids) + request.max_tokens > self._longest:
            raise LabError(
                f"a prompt of {len(ids)} tokens and a cap of {request.max_tokens} take more than the context of {self._longest}",
                "lower the token caps, or use a model with a longer context",
            )
        greedy = request.temperature <= 0
        params = SamplingParams(
            max_tokens=request.max_tokens,
            stop=list(request.stop),
            temperature=0.0 if greedy else request.temperature,
            top_p=1.0 if greedy else request.top_p,
            seed=None if greedy else request.seed,
            logprobs=0,
        )
        self._asked += 1
        name = str(self._asked)
        self._engine.add_request(name, {"prompt_token_ids": ids}, params, lora_request=self._lora)
        return name

    def _sample(self, output: Any) -> Sample:
        [made] = output.outputs
        self.reused += output.num_cached_tokens or 0
        reason: Literal["stop", "length"] = "length" if made.finish_reason == "length" else "stop"
        logprob = None if made.cumulative_logprob is None else float(made.cumulative_logprob)
        return Sample(made.text, len(output.prompt_token_ids), len(made.token_ids), logprob, reason)


def adapter_rank(adapter: Path) -> int:
    """The rank that a PEFT adapter's config names. LabError where the folder holds none."""
    path = Path(adapter) / "adapter_config.json"
    if not path.is_file():
        raise LabError(f"{adapter} holds no adapter", "name a folder with adapter_config.json, or pass it as model")
    return int(json.loads(path.read_text())["r"])
