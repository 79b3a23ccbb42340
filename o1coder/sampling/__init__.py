"""Where text comes from: the Sampler and Scorer protocols, and how one is opened by its spec (`spec.py`).

`fake.py` needs no model, `hf.py` runs a transformers model, `vllm.py` a vLLM engine in this process, `http.py` asks
servers, `simulate.py` puts a server that does not exist before any of them. Imports are late: opening `fake:7` loads no
torch. A spec that is not known, or whose library is missing, is a LabError that says what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from o1coder.errors import LabError
from o1coder.flow import Pull
from o1coder.sampling.spec import parse_spec

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Request:
    """One completion that is wanted. Temperature 0 is greedy; the text ends before the first stop string."""

    prompt: str
    max_tokens: int
    stop: tuple[str, ...] = ()
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion. `logprob` is the sum over its tokens under the untempered model, None where it is not known.

    `tokens_out` counts every token drawn, those of the stop string and the end-of-text token too.
    """

    text: str
    tokens_in: int
    tokens_out: int
    logprob: float | None
    finish_reason: Literal["stop", "length"]


class Sampler(Protocol):
    """Completes prompts: a list at once, or as they come (flow.py). With `reproducible` a text is a function of (prompt,
    parameters, seed) alone, whatever else is under way."""

    spec: str
    reproducible: bool

    def sample(self, requests: Sequence[Request]) -> list[Sample]: ...

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]: ...

    def close(self) -> None: ...


class Scorer(Protocol):
    """Gives texts a number in [0, 1], the probability that the last step is valid: a list at once, or as they come."""

    spec: str

    def score(self, texts: Sequence[str]) -> list[float]: ...

    def stream(self, pull: Pull[str]) -> Iterator[tuple[int, float]]: ...

    def close(self) -> None: ...


def open_sampler(
    spec: str,
    *,
    model: Path | str | None = None,
    adapter: Path | None = None,
    threads: int | None = None,
    device: Device = "auto",
    exact: bool = False,
    batch: int | None = None,
    dtype: Literal["auto", "bf16", "fp32"] = "auto",
    simulate: str | None = None,
    gpu_share: float | None = None,
    context: int | None = None,
) -> Sampler:
    """Open what `spec` names (spec.py); `model` is a folder (or a hub's name), `adapter` a PEFT folder laid over it.

    `exact` makes `hf` reproducible at the price of speed: see `hf.py`. `batch`: rows at once, for servers requests under
    way at each. `simulate` ("latency=50ms,batch=64") puts a simulated server before it. `gpu_share` of the device's memory
    and `context` tokens of prompt and text together are what vLLM takes. LabError for what the user can mend.
    """
    read = parse_spec(spec)
    if simulate is not None:
        from o1coder.sampling.simulate import SimulatedSampler, parse_simulate

        server = parse_simulate(simulate)
        inner = open_sampler(
            spec,
            model=model,
            adapter=adapter,
            threads=threads,
            device=device,
            exact=exact,
            batch=batch,
            dtype=dtype,
            gpu_share=gpu_share,
            context=context,
        )
        return SimulatedSampler(inner, server)
    if exact and read.kind in ("http", "vllm"):
        raise LabError(
            f"{read.kind} cannot be exact: what shares a batch there changes texts", "leave exact out, or take hf"
        )
    if read.kind == "fake":
        from o1coder.sampling.fake import FakeSampler

        return FakeSampler(read.seed)
    if read.kind == "http":
        from o1coder.sampling.http import HttpSampler

        return HttpSampler(read.endpoints, concurrency=batch or 64)
    if read.kind == "vllm":
        from o1coder.sampling.vllm import VllmSampler

        return VllmSampler(
            _needed(model, "vllm"),
            adapter=adapter,
            threads=threads,
            batch=batch or 256,
            dtype=dtype,
            gpu_share=gpu_share or 0.9,
            max_length=context,
        )
    from o1coder.sampling.hf import HfSampler

    return HfSampler(
        _needed(model, "hf"),
        adapter=adapter,
        threads=threads,
        device=device,
        exact=exact,
        batch=batch or 32,
        dtype=dtype,
    )


def open_scorer(
    spec: str,
    *,
    model: Path | str | None = None,
    adapter: Path | None = None,
    threads: int | None = None,
    device: Device = "auto",
    batch: int | None = None,
    max_length: int = 1024,
    gpu_share: float | None = None,
) -> Scorer:
    """Open what `spec` names (spec.py): a sequence classifier with one label, as the PRM trainer leaves it."""
    read = parse_spec(spec)
    if read.kind == "fake":
        from o1coder.sampling.fake import FakeScorer

        return FakeScorer(read.seed)
    if read.kind == "http":
        from o1coder.sampling.http_scorer import HttpScorer

        return HttpScorer(
            read.endpoints,
            model=_needed(model, "a server's scorer"),
            adapter=adapter,
            max_length=max_length,
            concurrency=batch or 64,
        )
    if read.kind == "vllm":
        from o1coder.sampling.vllm_scorer import VllmScorer

        return VllmScorer(
            _needed(model, "vllm"),
            adapter=adapter,
            threads=threads,
            batch=batch or 256,
            max_length=max_length,
            gpu_share=gpu_share or 0.4,
        )
    from o1coder.sampling.hf_scorer import HfScorer

    return HfScorer(
        _needed(model, "hf"),
        adapter=adapter,
        threads=threads,
        device=device,
        batch=batch or 16,
        max_length=max_length,
    )


def _needed(model: Path | str | None, kind: str) -> Path | str:
    if model is None:
        raise LabError(f"{kind} needs a model", "name a model folder; `o1coder models fetch` gets the small one")
    return model
