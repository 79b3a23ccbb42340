"""Loading models for inference: device, number format, threads, tokenizer, adapters merged in. It trains nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from o1coder.errors import LabError


def pick_device(device: str) -> torch.device:
    """`auto` is CUDA's current device where there is one, else the processor."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise LabError("this machine has no usable CUDA device", "use device cpu, or auto")
    return torch.device(device)


def set_threads(threads: int | None) -> int:
    """Fix torch's threads for this process; by default one fewer than the cores, since a judge runs beside it."""
    count = threads or max(1, (os.cpu_count() or 2) - 1)
    torch.set_num_threads(count)
    return count


def load_tokenizer(model: Path | str, adapter: Path | None) -> Any:
    """The adapter's tokenizer when it carries one, else the model's."""
    from transformers import AutoTokenizer

    own = adapter is not None and (Path(adapter) / "tokenizer.json").is_file()
    with _mendable(model):
        return AutoTokenizer.from_pretrained(str(adapter if own else model))


def load_model(
    auto_class: Any, model: Path | str, adapter: Path | None, device: torch.device, dtype: torch.dtype, **options: Any
) -> Any:
    """A model in evaluation mode on its device.

    An adapter is merged in fp32 before the weights are rounded to `dtype`, so that rounding happens once.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # standard error is a job's log
    with _mendable(model):
        loaded = auto_class.from_pretrained(str(model), dtype=torch.float32 if adapter else dtype, **options)
    if adapter is not None:
        from peft import PeftModel

        if not (Path(adapter) / "adapter_config.json").is_file():
            raise LabError(f"{adapter} holds no adapter", "name a folder with adapter_config.json, or pass it as model")
        loaded = PeftModel.from_pretrained(loaded, str(adapter)).merge_and_unload()
    return loaded.to(device=device, dtype=dtype).eval().requires_grad_(False)


@contextmanager
def _mendable(model: Path | str) -> Iterator[None]:
    """Turn transformers' errors about a model that is not there into one a user can mend."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        hint = "name a model folder that exists, or a name its hub knows"
        raise LabError(f"cannot load the model {model}: {reason}", hint) from error
