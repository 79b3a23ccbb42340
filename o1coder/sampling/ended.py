"""Texts as a process reward model reads them: tokens, cut on the left to a length, the end-of-text token appended.

`hf_scorer.py` does the same with the tokenizer it has loaded; this is for scorers whose model is elsewhere. No torch here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from o1coder.errors import LabError


class Ended:
    """The tokenizer of a process reward model, the adapter's where it carries one."""

    def __init__(self, model: Path | str, adapter: Path | None, max_length: int) -> None:
        from transformers import AutoTokenizer

        own = adapter is not None and (Path(adapter) / "tokenizer.json").is_file()
        folder = str(adapter if own else model)
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        except (OSError, ValueError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise LabError(f"cannot load the tokenizer of {folder}: {reason}", "name the folder of the PRM") from error
        self.max_length = max_length

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, at most `max_length` with the end-of-text token, which stands last."""
        if not texts:
            return []
        end = int(self._tokenizer.eos_token_id)
        encoded = self._tokenizer(list(texts))["input_ids"]
        return [[*(ids[:-1] if ids[-1:] == [end] else ids)[-self.max_length + 1 :], end] for ids in encoded]
