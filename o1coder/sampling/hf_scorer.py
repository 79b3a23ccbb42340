"""Scores from a sequence classifier with one label: a base model with a score head, or such a model and its adapter.

The score is the sigmoid of the logit at the end-of-text token appended to each text, as in training. Texts longer than
`max_length` tokens lose their beginning, since the step to be scored stands at the end. It batches texts of like
length; a score may differ in the last digits with what shares its batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from o1coder.flow import Pull, in_calls
from o1coder.sampling.load import load_model, load_tokenizer, pick_device, set_threads


class HfScorer:
    """A local process reward model as a Scorer; fp32, since scores are compared."""

    def __init__(
        self,
        model: Path | str,
        *,
        adapter: Path | None = None,
        threads: int | None = None,
        device: str = "auto",
        batch: int = 16,
        max_length: int = 1024,
    ) -> None:
        from transformers import AutoModelForSequenceClassification

        self._device = pick_device(device)
        set_threads(threads)
        self._tokenizer = load_tokenizer(model, adapter)
        self._model: Any = load_model(
            AutoModelForSequenceClassification, model, adapter, self._device, torch.float32, num_labels=1
        )
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._model.config.pad_token_id = self._tokenizer.pad_token_id
        self._batch = batch
        self._max_length = max_length
        self.spec = "hf"

    def score(self, texts: Sequence[str]) -> list[float]:
        """The probability, in [0, 1], that the last step of each text is valid; in the order of the texts."""
        if not texts:
            return []
        end = self._tokenizer.eos_token_id
        encoded = self._tokenizer(list(texts))["input_ids"]
        rows = [ids[-self._max_length + 1 :] + [end] for ids in encoded]
        order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
        scores = [0.0] * len(rows)
        with torch.inference_mode():
            for begin in range(0, len(order), self._batch):
                chosen = order[begin : begin + self._batch]
                for number, value in zip(chosen, self._score([rows[number] for number in chosen]), strict=True):
                    scores[number] = value
        return scores

    def stream(self, pull: Pull[str]) -> Iterator[tuple[int, float]]:
        """Score texts as they are pulled, a batch at a time."""
        return in_calls(self.score, pull, self._batch)

    def close(self) -> None:
        """Let go of the weights."""
        self._model = None

    def _score(self, rows: Sequence[list[int]]) -> list[float]:
        width = max(map(len, rows))
        filler = self._tokenizer.pad_token_id
        ids = torch.tensor([row + [filler] * (width - len(row)) for row in rows], device=self._device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self._device)
        # The model's own forward pass picks the position, so that it is the one that training read.
        logits = self._model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, 0]
        return [float(value) for value in torch.sigmoid(logits.float()).tolist()]
