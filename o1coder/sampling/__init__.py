"""Where text comes from: the Sampler and Scorer protocols, and how one is opened by its spec.

`fake.py` needs no model, `hf.py` runs a transformers model. Imports are late: opening `fake:7` loads no torch. A
spec that is not known, or whose library is missing, is a LabError that says what to install. Servers are not covered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from o1coder.errors import LabError
from o1coder.flow import Pull

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
    """Gives a text a number in [0, 1]: the probability that its last step is valid."""

    spec: str

    def score(self, texts: Sequence[str]) -> list[float]: ...

    def close(self) -> None: ...


def open_sampler(
    spec: str,
    *,
    model: Path | str | None = None,
    adapter: Path | None = None,
    threads: int | None = None,
    device: Device = "auto",
    exact: bool = False,
    batch: int = 32,
    dtype: Literal["auto", "bf16", "fp32"] = "auto",
) -> Sampler:
    """Open `fake:SEED` or `hf`; `model` is a folder (or a hub's name), `adapter` a PEFT folder merged into it.

    `exact` makes `hf` reproducible at the price of speed: see `hf.py`. LabError for what the user can mend.
    """
    if spec.startswith("fake:"):
        from o1coder.sampling.fake import FakeSampler

        return FakeSampler(_fake_seed(spec))
    if spec == "hf":
        from o1coder.sampling.hf import HfSampler

        return HfSampler(
            _needed(model), adapter=adapter, threads=threads, device=device, exact=exact, batch=batch, dtype=dtype
        )
    raise LabError(f"no sampler is called {spec!r}", "there are hf and fake:SEED")


def open_scorer(
    spec: str,
    *,
    model: Path | str | None = None,
    adapter: Path | None = None,
    threads: int | None = None,
    device: Device = "auto",
    batch: int = 16,
    max_length: int = 1024,
) -> Scorer:
    """Open `fake:SEED` or `hf`, a sequence classifier with one label, as the PRM trainer leaves it."""
    if spec.startswith("fake:"):
        from o1coder.sampling.fake import FakeScorer

        return FakeScorer(_fake_seed(spec))
    if spec == "hf":
        from o1coder.sampling.hf_scorer import HfScorer

        return HfScorer(
            _needed(model), adapter=adapter, threads=threads, device=device, batch=batch, max_length=max_length
        )
    raise LabError(f"no scorer is called {spec!r}", "there are hf and fake:SEED")


def _needed(model: Path | str | None) -> Path | str:
    if model is None:
        raise LabError("the sampler hf needs a model", "name a model folder; `o1coder models fetch` gets the small one")
    return model


def _fake_seed(spec: str) -> int:
    text = spec.removeprefix("fake:")
    if not text.isdecimal():
        raise LabError(f"{spec!r} is not a fake sampler's spec", "write fake:SEED with a whole number, such as fake:7")
    return int(text)
