"""Scores from a vLLM engine in this process that runs a sequence classifier with one label, as the PRM trainer leaves it.

The number is that of `hf_scorer.py`: the sigmoid of the logit at the end-of-text token, in fp32, since scores are compared.
An adapter of a process reward model carries its score head as a whole layer, which vLLM does not lay over a base: the two
are merged into a folder of their own first, which is deleted at `close`. Not covered: classifiers of several labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from o1coder.errors import LabError
from o1coder.flow import Pull, answers
from o1coder.sampling.ended import Ended
from o1coder.sampling.vllm_engine import close_engine, open_engine


class VllmScorer:
    """A vLLM engine as a Scorer. One stream at a time. `gpu_share` is small: there is no text to keep."""

    def __init__(
        self,
        model: Path | str,
        *,
        adapter: Path | None = None,
        threads: int | None = None,
        batch: int = 256,
        max_length: int = 1024,
        gpu_share: float = 0.4,
    ) -> None:
        self._ended = Ended(model, adapter, max_length)
        self._merged = None if adapter is None else TemporaryDirectory(prefix="prm-")
        if self._merged is not None:
            _merge(model, adapter, self._merged.name)
        self._engine: Any = open_engine(
            model if self._merged is None else self._merged.name,
            threads=threads,
            gpu_share=gpu_share,
            max_length=max_length,
            dtype="float32",
            max_num_seqs=batch,
            runner="pooling",
        )
        self.batch = batch
        self.spec = "vllm"
        self._asked = 0

    def score(self, texts: Sequence[str]) -> list[float]:
        """The probability, in [0, 1], that the last step of each text is valid; in the order of the texts."""
        return answers(self.stream, texts)

    def stream(self, pull: Pull[str]) -> Iterator[tuple[int, float]]:
        """Score texts as they are pulled, each as soon as it is known."""
        from vllm import PoolingParams

        running: dict[str, int] = {}
        begun = 0
        more = True
        try:
            while more or running:
                room = self.batch - len(running)
                if more and room > 0:
                    asked = pull(room, not running)
                    more = asked is not None
                    for ids in self._ended.rows(asked or ()):
                        self._asked += 1
                        running[str(self._asked)] = begun
                        params = PoolingParams(task="classify", use_activation=True)
                        self._engine.add_request(str(self._asked), {"prompt_token_ids": ids}, params)
                        begun += 1
                if not running:
                    continue
                ended = [output for output in self._engine.step() if output.finished]
                numbers = [running.pop(output.request_id) for output in ended]
                for number, output in zip(numbers, ended, strict=True):
                    yield number, _probability(output.outputs.data.tolist())
        finally:
            if running:
                self._engine.abort_request(list(running))

    def close(self) -> None:
        """End the engine; delete what was merged for it."""
        if self._engine is not None:
            close_engine(self._engine)
            self._engine = None
        if self._merged is not None:
            self._merged.cleanup()


def _merge(model: Path | str, adapter: Path | None, folder: str) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    from o1coder.sampling.load import load_model, load_tokenizer

    cpu = torch.device("cpu")
    merged = load_model(AutoModelForSequenceClassification, model, adapter, cpu, torch.float32, num_labels=1)
    merged.save_pretrained(folder)
    load_tokenizer(model, adapter).save_pretrained(folder)


def _probability(values: list[float]) -> float:
    if len(values) != 1 or not 0 <= values[0] <= 1:
        raise LabError(
            f"the classifier gives {values[:4]}, not one probability",
            "score with a process reward model: a sequence classifier with one label",
        )
    return float(values[0])
