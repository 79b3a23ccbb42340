"""What a training folder asks for: `spec.json` as frozen values, checked field by field before anything heavy loads.

Covers the four kinds (sft, dpo, prm, grpo). Deliberately no defaults that depend on the machine beyond `device: auto`,
and no look at the data: `folder.py` reads rows. Unknown fields are refused, so that a misspelt one cannot be ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, Literal, cast, get_args

from o1coder.errors import LabError
from o1coder.reward import PHI, Aggregation, Phi, phi_preset

TrainKind = Literal["sft", "dpo", "prm", "grpo"]
KINDS: tuple[TrainKind, ...] = get_args(TrainKind)
LEARNING_RATES: Mapping[TrainKind, float] = {"sft": 5e-4, "dpo": 1e-4, "prm": 5e-4, "grpo": 5e-5}


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank adapter: rank, scale and the modules that get one ("all-linear" or their names)."""

    r: int = 16
    alpha: int = 32
    targets: str | tuple[str, ...] = "all-linear"
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class SftOptions:
    """Rows {"prompt", "completion", "weight"?}; nothing to choose."""


@dataclass(frozen=True, slots=True)
class DpoOptions:
    """Rows {"prompt", "chosen", "rejected"}. `sft_weight` scales the likelihood term that keeps log p(chosen) up."""

    beta: float = 0.1
    sft_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class PrmOptions:
    """`point`: rows {"text", "value", "weight"?}; `pair`: {"prompt", "chosen", "rejected", "margin"?, "weight"?}.

    `center` penalises (s_chosen + s_rejected)², which keeps pair-wise scores comparable between problems.
    """

    mode: Literal["point", "pair"] = "point"
    center: float = 0.01


@dataclass(frozen=True, slots=True)
class GrpoOptions:
    """Rows {"prompt", "problem", "task", "cases", "comparator"?, "limits"?, "opening"?}: see `rollouts.py`.

    `batch` of the spec counts the completions of one generation (in each process) and is a multiple of `generations`;
    `reuse` is how many optimizer iterations read one generation. `phi` is a preset's name, or a mapping of Phi's
    fields with "preset" for the rest. `prm` is handed to `open_scorer`, `vllm` to GRPOConfig as its vllm_* fields
    (read from that library's source, not run here).
    """

    generations: int = 8
    max_completion: int = 160
    temperature: float = 1.0
    beta: float | None = None  # None: 0.01 when the process part counts, else 0
    scale_rewards: Literal["none", "batch"] = "none"
    epsilon_high: float = 0.28
    reuse: int = 1
    phi: Phi = field(default_factory=lambda: PHI["lab"])
    outcome: Literal["pass_rate", "all"] = "pass_rate"
    prm: Mapping[str, Any] | None = None  # {"spec", "model"?, "adapter"?}
    judge_workers: int | None = None
    vllm: Mapping[str, Any] | None = None

    @property
    def needs_prm(self) -> bool:
        """Whether the process part ever has weight."""
        return self.phi.schedule != "constant" or self.phi.alpha < 1.0


Options = SftOptions | DpoOptions | PrmOptions | GrpoOptions
OPTIONS: Mapping[TrainKind, type[Options]] = {
    "sft": SftOptions,
    "dpo": DpoOptions,
    "prm": PrmOptions,
    "grpo": GrpoOptions,
}


@dataclass(frozen=True, slots=True)
class TrainSpec:
    """One training run. `model` is a folder (or hub name); `adapter` is continued when given; `lora` None trains all.

    `batch` rows an iteration (completions for grpo); `budget_s` is wall time over all attempts, imports included;
    a checkpoint is kept every `save_every` iterations.
    """

    kind: TrainKind
    model: str
    iterations: int
    batch: int
    seed: int = 0
    adapter: str | None = None
    lr: float = 0.0  # 0: the kind's own
    max_length: int = 512
    lora: Lora | None = field(default_factory=Lora)
    threads: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    budget_s: float | None = None
    save_every: int = 10
    accumulate: int = 1
    gradient_checkpointing: bool = False
    base_digest: str | None = None  # computed from the weights when absent
    options: Options = field(default_factory=SftOptions)


def read_spec(raw: Mapping[str, Any]) -> TrainSpec:
    """Check a decoded spec.json and return it as values; LabError names the field that is wrong."""
    values = dict(raw)
    kind = values.get("kind")
    if kind not in KINDS:
        raise LabError(f"spec.json: kind is {kind!r}", f"use one of {', '.join(KINDS)}")
    options_type = OPTIONS[cast(TrainKind, kind)]
    option_names = {item.name for item in fields(options_type)}
    common_names = {item.name for item in fields(TrainSpec)} - {"options"}
    unknown = sorted(set(values) - option_names - common_names)
    if unknown:
        known = ", ".join(sorted(option_names | common_names))
        raise LabError(f"spec.json: unknown field {unknown[0]!r} for kind {kind}", f"known fields: {known}")
    missing = [f.name for f in fields(TrainSpec) if f.default is MISSING and f.default_factory is MISSING]
    for name in missing:
        if name not in values:
            raise LabError(f"spec.json: field {name!r} is missing", "every spec names kind, model, iterations, batch")
    if "lora" in values and values["lora"] is not None:
        values["lora"] = _lora(values["lora"])
    if "phi" in values:
        values["phi"] = _phi(values["phi"])
    options = options_type(**{name: values.pop(name) for name in option_names & set(values)})
    spec = TrainSpec(**values, options=options)
    if not spec.lr:
        spec = TrainSpec(**{**values, "lr": LEARNING_RATES[spec.kind]}, options=options)
    _check(spec)
    return spec


def checkpoint_period(spec: TrainSpec) -> int:
    """Iterations between checkpoints: `save_every`, rounded up to a generation boundary for grpo.

    Off a boundary the buffered completions are lost and a resumed run silently diverges, so none is saved there.
    """
    if isinstance(spec.options, GrpoOptions):
        return -(-spec.save_every // spec.options.reuse) * spec.options.reuse
    return spec.save_every


def _lora(raw: Mapping[str, Any]) -> Lora:
    known = {item.name for item in fields(Lora)}
    unknown = sorted(set(raw) - known)
    if unknown:
        raise LabError(f"spec.json: unknown field {unknown[0]!r} in lora", f"known fields: {', '.join(sorted(known))}")
    values = dict(raw)
    if isinstance(values.get("targets"), list):
        values["targets"] = tuple(values["targets"])
    return Lora(**values)


def _phi(raw: str | Mapping[str, Any]) -> Phi:
    if isinstance(raw, str):
        return phi_preset(raw)
    values = dict(raw)
    preset = phi_preset(values.pop("preset", "lab"))
    unknown = sorted(set(values) - {item.name for item in fields(Phi)})
    if unknown:
        raise LabError(f"spec.json: unknown field {unknown[0]!r} in phi", "see o1coder/reward.py for its fields")
    phi = replace(preset, **values)
    if not 0.0 <= phi.alpha <= 1.0:
        raise LabError(f"spec.json: the outcome's weight (alpha of phi) is {phi.alpha}", "give a value from 0 to 1")
    if phi.aggregation not in get_args(Aggregation):
        raise LabError(f"spec.json: no aggregation {phi.aggregation!r}", f"use {', '.join(get_args(Aggregation))}")
    return phi


def _check(spec: TrainSpec) -> None:
    positive = {
        "iterations": spec.iterations,
        "batch": spec.batch,
        "lr": spec.lr,
        "max_length": spec.max_length,
        "save_every": spec.save_every,
        "accumulate": spec.accumulate,
    }
    for name, value in positive.items():
        if not value > 0:
            raise LabError(f"spec.json: {name} is {value}", f"{name} must be above 0")
    if spec.device not in ("auto", "cpu", "cuda"):
        raise LabError(
            f"spec.json: device is {spec.device!r}", "use auto, cpu or cuda; which GPU is the launcher's choice"
        )
    if spec.precision not in ("auto", "fp32", "bf16"):
        raise LabError(f"spec.json: precision is {spec.precision!r}", "use auto, fp32 or bf16")
    if spec.budget_s is not None and not spec.budget_s > 0:
        raise LabError(f"spec.json: budget_s is {spec.budget_s}", "give seconds above 0, or null for no budget")
    options = spec.options
    if isinstance(options, PrmOptions) and options.mode not in ("point", "pair"):
        raise LabError(f"spec.json: mode is {options.mode!r}", "use point or pair")
    if isinstance(options, GrpoOptions):
        _check_grpo(spec, options)


def _check_grpo(spec: TrainSpec, options: GrpoOptions) -> None:
    if options.generations < 2:
        raise LabError("spec.json: generations is below 2", "an advantage needs at least two completions a problem")
    if spec.batch % options.generations:
        raise LabError(
            f"spec.json: batch {spec.batch} is no multiple of generations {options.generations}",
            "batch counts completions; make it a multiple of generations",
        )
    if spec.batch % spec.accumulate:
        raise LabError(
            f"spec.json: batch {spec.batch} is no multiple of accumulate {spec.accumulate}",
            "accumulate splits the completions of one generation into equal parts",
        )
    if options.scale_rewards not in ("none", "batch"):
        raise LabError(
            f"spec.json: scale_rewards is {options.scale_rewards!r}",
            "use none or batch; dividing by a group's deviation turns PRM noise into unit advantages",
        )
    if options.outcome not in ("pass_rate", "all"):
        raise LabError(f"spec.json: outcome is {options.outcome!r}", "use pass_rate or all")
    if options.needs_prm and options.prm is None:
        raise LabError("spec.json: the process part of phi counts but prm is null", "name a prm, or use phi outcome")
