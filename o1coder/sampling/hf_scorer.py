"""Scores from a sequence classifier with one label: a base model with a score head, or such a model and its adapter.

The score is the sigmoid of the logit at the end-of-text token appended to each text, as in training. Texts longer than
`max_length` tokens lose their beginning, since the step to be scored stands at the end. Texts of like length share a
batch, filled up on the right; a score may differ in the last digits with what shares its batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from o1coder.flow import Pull, listed
from o1coder.sampling.load import Loaded, load_tokenizer, pick_device, set_threads

# So many batches of texts are waited for to choose from, if there are as many.
POOL = 4


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

        set_threads(threads)
        self._source = model
        self._device = pick_device(device)
        self._loaded = Loaded(
            AutoModelForSequenceClassification, model, adapter, self._device, torch.float32, num_labels=1
        )
        self._ready(adapter)
        self._batch = batch
        self._max_length = max_length
        self.spec = "hf"

    def score(self, texts: Sequence[str]) -> list[float]:
        """The probability, in [0, 1], that the last step of each text is valid; in the order of the texts."""
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        found = {order[n]: value for n, value in self.stream(listed([texts[number] for number in order]))}
        return [found[number] for number in range(len(texts))]

    def stream(self, pull: Pull[str]) -> Iterator[tuple[int, float]]:
        """Score texts as they are pulled: the one that has waited longest, with those nearest to it in length."""
        waiting: list[tuple[int, list[int]]] = []
        begun = 0
        more = True
        while more or waiting:
            room = POOL * self._batch - len(waiting)
            if more and room > 0:
                asked = pull(room, not waiting)
                more = asked is not None
                waiting += enumerate(self._rows(asked or ()), start=begun)
                begun += len(asked or ())
            if waiting:
                chosen = _alike(waiting, self._batch)
                waiting = [one for one in waiting if one not in chosen]
                with torch.inference_mode():
                    values = self._score([ids for _, ids in chosen])
                yield from zip((number for number, _ in chosen), values, strict=True)

    def swap(self, adapter: Path | None) -> None:
        """Merge this adapter instead of the one in use, None: the base alone; scores are those of a fresh scorer."""
        self._loaded.swap(adapter)
        self._ready(adapter)

    def close(self) -> None:
        """Let go of the weights."""
        self._loaded.model = None

    def _ready(self, adapter: Path | None) -> None:
        self._tokenizer = load_tokenizer(self._source, adapter)
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._loaded.model.config.pad_token_id = self._tokenizer.pad_token_id

    def _rows(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        end = self._tokenizer.eos_token_id
        encoded = self._tokenizer(list(texts))["input_ids"]
        # Some tokenizers append it themselves; as in training it stands there once.
        bare = (ids[:-1] if ids[-1:] == [end] else ids for ids in encoded)
        return [ids[-self._max_length + 1 :] + [end] for ids in bare]

    def _score(self, rows: Sequence[list[int]]) -> list[float]:
        width = max(map(len, rows))
        filler = self._tokenizer.pad_token_id
        ids = torch.tensor([row + [filler] * (width - len(row)) for row in rows], device=self._device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self._device)
        # The model's own forward pass picks the position, so that it is the one that training read.
        logits = self._loaded.model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, 0]
        return [float(value) for value in torch.sigmoid(logits.float()).tolist()]


def _alike(waiting: Sequence[tuple[int, list[int]]], size: int) -> list[tuple[int, list[int]]]:
    """At most `size` of those that wait: the first, and those around it in length that waste least on filling up."""
    ordered = sorted(waiting, key=lambda one: len(one[1]))
    at = ordered.index(waiting[0])
    begins = range(max(0, at - size + 1), min(at, max(0, len(ordered) - size)) + 1)
    parts = [ordered[begin : begin + size] for begin in begins]
    return min(parts, key=lambda part: len(part[-1][1]) - len(part[0][1]))
