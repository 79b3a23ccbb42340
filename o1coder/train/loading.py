"""Base models, adapters and tokenizers as the trainer programs want them: dtype, device, LoRA, padding.

`precision` auto computes in bf16 on a GPU, and on a CPU that multiplies bf16 in hardware (SFT, DPO and PRM then take
two thirds of fp32's time); LoRA keeps the frozen base in it too. RL keeps an fp32 base, because merging and unmerging
an adapter for the sampler rewrites bf16 base weights bit by bit. What is trained is always fp32. Nothing is quantised.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from o1coder.errors import LabError
from o1coder.train.spec import Lora, TrainSpec


def on_gpu(spec: TrainSpec) -> bool:
    """Whether this run uses CUDA: `device` auto takes it where there is one."""
    import torch

    if spec.device == "cpu":
        return False
    if torch.cuda.is_available():
        return True
    if spec.device == "auto":
        return False
    raise LabError(f"device {spec.device!r} is asked for but CUDA is not available", "use device auto or cpu")


def in_bf16(spec: TrainSpec) -> bool:
    """Whether matrix products run in bf16; `precision` auto decides by kind and hardware."""
    if spec.precision != "auto":
        return spec.precision == "bf16"
    return on_gpu(spec) or (spec.kind != "grpo" and cpu_multiplies_bf16())


def cpu_multiplies_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor has bf16 instructions; without them bf16 is slower than fp32. False where not known."""
    if not cpuinfo.exists():
        return False
    flags = set(cpuinfo.read_text(encoding="utf-8", errors="replace").split())
    return bool(flags & {"avx512_bf16", "amx_bf16"})


def precision(spec: TrainSpec) -> dict[str, bool]:
    """The `use_cpu` and `bf16` fields of a TrainingArguments."""
    return {"use_cpu": not on_gpu(spec), "bf16": in_bf16(spec)}


def base_dtype(spec: TrainSpec) -> Any:
    """The dtype in which the base is loaded; weights that are trained themselves are always fp32."""
    import torch

    return torch.bfloat16 if in_bf16(spec) and trains_adapter(spec) and spec.kind != "grpo" else torch.float32


def load_tokenizer(spec: TrainSpec) -> Any:
    """The base model's tokenizer, padding with EOS where it has no token for it."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(_source(spec))
    if tokenizer.eos_token is None:
        raise LabError(f"the tokenizer of {spec.model} has no EOS token", "set eos_token in its tokenizer_config.json")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_policy(spec: TrainSpec) -> tuple[Any, Any]:
    """(model, peft config or None) of a causal model: a continued adapter is loaded, a new one left to the trainer.

    TRL takes a loaded PeftModel as "train on", and keeps a frozen copy of its adapter as the reference.
    """
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(_source(spec), dtype=base_dtype(spec))
    if spec.adapter is not None:
        return continue_adapter(spec, model), None
    return model, lora_config(spec.lora, "CAUSAL_LM") if spec.lora is not None else None


def load_prm(spec: TrainSpec, tokenizer: Any) -> Any:
    """A one-label sequence classifier over the base; its head is trained and saved with the adapter."""
    from peft import get_peft_model
    from transformers import AutoModelForSequenceClassification, set_seed

    set_seed(spec.seed)  # the head and a new adapter start from random numbers
    model = AutoModelForSequenceClassification.from_pretrained(
        _source(spec), num_labels=1, problem_type="multi_label_classification", dtype=base_dtype(spec)
    )
    model.config.pad_token_id = tokenizer.pad_token_id
    if spec.adapter is not None:
        return continue_adapter(spec, model)
    return get_peft_model(model, lora_config(spec.lora, "SEQ_CLS")) if spec.lora is not None else model


def continue_adapter(spec: TrainSpec, model: Any) -> Any:
    """The model with the adapter of `spec.adapter`, trainable: the same adapter goes on, no second one is stacked."""
    from peft import PeftModel

    folder = Path(spec.adapter or "")
    if not (folder / "adapter_config.json").exists():
        raise LabError(f"{folder} holds no adapter", "give the model/ folder of a LoRA checkpoint, or null")
    return PeftModel.from_pretrained(model, str(folder), is_trainable=True)


def lora_config(lora: Lora | None, task_type: str) -> Any:
    """The peft configuration of a new adapter; peft adds the score head of SEQ_CLS to the saved modules itself."""
    from peft import LoraConfig

    settings = lora or Lora()
    targets = settings.targets if isinstance(settings.targets, str) else list(settings.targets)
    return LoraConfig(
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets,
        task_type=task_type,
    )


def trains_adapter(spec: TrainSpec) -> bool:
    """Whether the run leaves a peft adapter rather than full weights."""
    return spec.lora is not None or spec.adapter is not None


def _source(spec: TrainSpec) -> str:
    looks_local = spec.model.startswith((".", "/", "~"))
    if looks_local and not (Path(spec.model).expanduser() / "config.json").exists():
        raise LabError(f"no model at {spec.model}", "fetch it first (`o1coder models fetch`), or give another folder")
    return str(Path(spec.model).expanduser()) if looks_local else spec.model
