"""Loading models for inference: device, number format, threads, tokenizer, adapters merged in and out. It trains nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

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


class Loaded:
    """A model in evaluation mode, an adapter merged into it or not; `swap` merges another into the same base.

    A merge is made in fp32 and rounded to `dtype` once, so the weights are those of a fresh load, bit for bit. The base
    stays loaded: what a merge changes is kept beside it. It is read anew only where it is stored in more digits than are
    in use, or where an adapter reaches other layers than linear ones.
    """

    def __init__(
        self,
        auto_class: Any,
        source: Path | str,
        adapter: Path | None,
        device: torch.device,
        dtype: torch.dtype,
        **options: Any,
    ) -> None:
        self._read = partial(_read, auto_class, source, **options)
        self._device = device
        self._dtype = dtype
        self.model: Any = self._read()
        self._base: _Base | None = _Base({}, {}) if torch.promote_types(self.model.dtype, dtype) == dtype else None
        self._merge(adapter)

    def swap(self, adapter: Path | None) -> None:
        """Take the adapter out of the weights and merge this one, None: none. LabError when the folder holds none."""
        check_adapter(adapter)
        if self._base is None:
            self.model = None
            self.model = self._read()
        else:
            self._base.restore(self.model)
        self._merge(adapter)

    def _merge(self, adapter: Path | None) -> None:
        check_adapter(adapter)
        if adapter is not None:
            from peft import PeftModel
            from peft.tuners.tuners_utils import BaseTunerLayer

            self.model.to(device=self._device, dtype=torch.float32)
            before = dict(self.model.named_modules())
            laid = PeftModel.from_pretrained(self.model, str(adapter))
            layers = {name: module for name, module in self.model.named_modules() if isinstance(module, BaseTunerLayer)}
            if self._base is not None:
                weights = {
                    f"{name}.{part}": parameter.detach().to(self._dtype, copy=True)
                    for name, module in layers.items()
                    for part, parameter in module.get_base_layer().named_parameters()
                }
            plain = all(isinstance(module.get_base_layer(), torch.nn.Linear) for module in layers.values())
            self.model = laid.merge_and_unload()
            after = dict(self.model.named_modules())
            replaced = {name: module for name, module in before.items() if after.get(name) is not module}
            if self._base is not None:
                self._base = _Base(weights, replaced) if plain else None
        self.model.to(device=self._device, dtype=self._dtype).eval().requires_grad_(False)


def load_model(
    auto_class: Any, model: Path | str, adapter: Path | None, device: torch.device, dtype: torch.dtype, **options: Any
) -> Any:
    """A model in evaluation mode on its device, the adapter merged into it."""
    return Loaded(auto_class, model, adapter, device, dtype, **options).model


class _Base(NamedTuple):
    """What a merge changed of a base, by name: weights as they were, and modules that an adapter replaces whole."""

    weights: dict[str, torch.Tensor]
    modules: dict[str, torch.nn.Module]

    def restore(self, model: Any) -> None:
        """Put everything back; what was merged is lost."""
        for name, weight in self.weights.items():
            model.get_parameter(name).data = weight
        for name, module in self.modules.items():
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, module)


def check_adapter(adapter: Path | None) -> None:
    """LabError when a folder is named that holds no adapter."""
    if adapter is not None and not (Path(adapter) / "adapter_config.json").is_file():
        raise LabError(f"{adapter} holds no adapter", "name a folder with adapter_config.json, or pass it as model")


def _read(auto_class: Any, source: Path | str, **options: Any) -> Any:
    from transformers.utils import logging

    logging.disable_progress_bar()  # standard error is a job's log
    with _mendable(source):
        return auto_class.from_pretrained(str(source), dtype="auto", **options)


@contextmanager
def _mendable(model: Path | str) -> Iterator[None]:
    """Turn transformers' errors about a model that is not there into one a user can mend."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        hint = "name a model folder that exists, or a name its hub knows"
        raise LabError(f"cannot load the model {model}: {reason}", hint) from error
