"""A stage is declared once: its config class gives the CLI flags, the TUI form, the worker's checks and the README's table.

This file imports pydantic and nothing of the lab, so that the CLI and the TUI read configs without calling a stage. What a
stage does is in stages/; who runs it is in jobs/.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from o1coder.errors import LabError

if TYPE_CHECKING:
    from o1coder.checkpoints import Weights
    from o1coder.lab import Lab

NAN = "this is not a number (NaN)"
BOUNDS = (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than"))

Source = Literal["checkpoint", "dataset", "test_set", "job"]


@dataclass(frozen=True)
class Pick:
    """Marks a config field that names a row of the lab: an input of the job, and so an edge of its lineage."""

    source: Source
    role: str | tuple[str, ...] | None = None  # several: any of them
    stage: str | None = None  # for jobs: which stage's
    full: bool = False  # for checkpoints: whole weights, no adapter over others

    @property
    def wanted(self) -> tuple[str, ...]:
        """The roles (for jobs, the stages) of which the row must have one; empty for any."""
        word = self.stage if self.source == "job" else self.role
        return () if word is None else (word,) if isinstance(word, str) else word


@dataclass(frozen=True)
class OfProblem:
    """Marks a config field that names problems: they must be there when the job is enqueued. No edge of its lineage."""


def _once(ids: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(ids))


Problems = Annotated[tuple[int, ...], OfProblem(), AfterValidator(_once)]  # one named twice is one


def _opens(spec: str) -> str:
    """What open_sampler and open_scorer take, said before a job is made of it."""
    from o1coder.sampling.spec import parse_spec

    return parse_spec(spec).text


def _simulates(text: str | None) -> str | None:
    from o1coder.sampling.simulate import parse_simulate

    return None if text is None else parse_simulate(text).text


def _selects(query: str) -> str:
    from o1coder.selection import Query

    Query.parse(query)
    return query


Opens = Annotated[str, AfterValidator(_opens)]  # a sampler or a scorer
OPENS = "hf, vllm, http://host:port/v1#model (several with commas), or fake:SEED (scripted, no model)"
Simulates = Annotated[str | None, AfterValidator(_simulates)]
Selects = Annotated[str, AfterValidator(_selects)]  # which trees: field:value words


class StageConfig(BaseModel):
    """What every stage is asked. Frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    seed: int = Field(0, description="seed of everything random in the job")
    budget_s: float | None = Field(None, gt=0, description="seconds after which the stage stops and keeps what it has")


class Sampled(StageConfig):
    """What a stage that samples a policy is asked besides its own fields."""

    prompt_forms: ClassVar[tuple[str, ...]] = ("steps", "chat")  # of the prompts that the stage can ask with

    policy: Annotated[int | None, Pick("checkpoint", role="policy")] = Field(
        None, description="the policy: a checkpoint or a model's name"
    )
    sampler: Opens = Field("hf", description=OPENS)
    simulate: Simulates = Field(
        None, description="put a server that does not exist before the sampler, such as latency=50ms,batch=64"
    )
    prompt: str = Field("auto", description="prompt by name; auto takes the form the policy was trained on")
    temperature: float = Field(0.5, ge=0, description="sampling temperature")
    threads: int | None = Field(None, ge=1, description="CPU threads of the model; default: all cores but one")
    batch: int | None = Field(
        None,
        ge=1,
        description="rows the sampler runs at once (hf 32, vllm 256), or requests under way at each server (64)",
    )
    gpu_share: float | None = Field(
        None, gt=0, le=1, description="share of the GPU's memory that vllm takes; default 0.9"
    )
    context: int | None = Field(
        None, ge=64, description="tokens of prompt and text together that vllm makes room for; default: the model's"
    )
    exact: bool = Field(False, description="fp32, constant batch shape: the same seed gives the same tree, slower")

    @field_validator("prompt")
    @classmethod
    def _asks(cls, name: str) -> str:
        from o1coder.text import load_prompt, prompt_names

        if name != "auto" and load_prompt(name).form not in cls.prompt_forms:
            fit = [known for known in prompt_names() if load_prompt(known).form in cls.prompt_forms]
            raise LabError(f"the prompt {name!r} asks for something else", f"auto, or one of {', '.join(fit)}")
        return name


class Trains(StageConfig):
    """What a stage that trains is asked besides its own fields; the stage adds iterations, batch and lr."""

    lora_r: int = Field(16, ge=0, description="rank of the adapter; 0 trains all weights")
    max_length: int = Field(512, ge=16, description="tokens of a row, prompt included")
    threads: int | None = Field(None, ge=1, description="CPU threads of the trainer; default: all cores")
    save_every: int = Field(4, ge=1, description="iterations between checkpoints")
    accumulate: int = Field(1, ge=1, description="micro-batches an iteration")

    def spec(self, kind: str, start: Weights, **more: Any) -> dict[str, Any]:
        """The trainer's spec.json for this config and starting weights (train/spec.py says what the fields are)."""
        values = self.model_dump()
        return {
            "kind": kind,
            "model": str(start.model),
            "adapter": None if start.adapter is None else str(start.adapter),
            "base_digest": start.base_digest,
            "lora": {"r": self.lora_r, "alpha": 2 * self.lora_r} if self.lora_r else None,
            **{
                name: values[name]
                for name in ("seed", "iterations", "batch", "lr", "threads", "save_every", "accumulate", "budget_s")
            },
            **more,
        }


class Cancelled(Exception):
    """A stage that was asked to end has ended, and what it has is kept. Raised where returning would look like being done."""


class Reporter(Protocol):
    """How a stage tells of itself. It batches, and is the job's heartbeat."""

    job_id: int
    attempt: int

    def metric(self, iteration: int, **values: float) -> None: ...
    def progress(self, done: int, total: int) -> None: ...
    def log(self, text: str) -> None: ...
    def stopped(self, reason: str) -> None:
        """Say that the stage ended early and kept what it had ("budget")."""

    @property
    def cancelled(self) -> bool: ...
    @property
    def remaining_s(self) -> float | None:
        """Seconds left of `budget_s`, counted over all attempts of the job; None without a budget."""


Run = Callable[["Lab", Any, Reporter], None]


@dataclass(frozen=True)
class Stage:
    """One stage: name, config class, function, and what it needs of the machine."""

    name: str
    config: type[StageConfig]
    run: Run
    gpus: int = 0  # GPUs it takes where there are any
    slots: int = 1  # CPU slots of the worker; 0 for a coordinator, which only waits
    foreground: bool = False  # `o1coder NAME …` waits for it and prints its own object

    @property
    def about(self) -> str:
        """The first line of the config's docstring."""
        return (self.config.__doc__ or "").strip().splitlines()[0]


_stages: dict[str, Stage] = {}


def stage(name: str, config: type[StageConfig], **needs: Any) -> Callable[[Run], Run]:
    """Declare the decorated function as the stage `name`."""

    def declare(run: Run) -> Run:
        _stages[name] = Stage(name, config, run, **needs)
        return run

    return declare


def stage_names() -> list[str]:
    """The names of all stages, from the files in stages/, without importing them."""
    from o1coder import stages

    return sorted(m.name.replace("_", "-").removesuffix("-stage") for m in pkgutil.iter_modules(stages.__path__))


def find(name: str) -> Stage:
    """The stage `name`. LabError names the known ones when there is none."""
    names = stage_names()
    if name not in names:
        raise LabError(f"there is no stage {name!r}", f"stages: {', '.join(names)}")
    module = name.replace("-", "_")
    importlib.import_module(f"o1coder.stages.{module}_stage" if module == "import" else f"o1coder.stages.{module}")
    return _stages[name]


def all_stages() -> list[Stage]:
    """Every stage, imported."""
    return [find(name) for name in stage_names()]


def parse(config: type[StageConfig], values: dict[str, Any]) -> StageConfig:
    """`values` as a config. LabError says which field is wrong and why."""
    try:
        parsed = config.model_validate(values)
    except ValidationError as error:
        wrong = error.errors()
        lines = [f"{'.'.join(str(p) for p in e['loc']) or 'config'}: {_said(e)}" for e in wrong]
        hints = dict.fromkeys(_hint(config, e) for e in wrong)
        raise LabError("; ".join(lines), "; ".join(hints)) from error
    for name, value in parsed:
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, float) and math.isnan(item):
                raise LabError(f"{name}: {NAN}", _wanted_of(name, config))
            if isinstance(item, float) and not math.isfinite(item):
                raise LabError(f"{name}: {item} is no number to count with", "take a finite one")
            if isinstance(item, int) and abs(item) >= 2**63:
                raise LabError(
                    f"{name}: {item} is larger than the lab can store", "take a number of 18 digits or fewer"
                )
    return parsed


def _said(error: Any) -> str:
    """What pydantic says of a value; that NaN is no number comes before any range."""
    try:
        return NAN if math.isnan(float(error["input"])) else str(error["msg"])
    except (TypeError, ValueError, OverflowError):
        return str(error["msg"])


def _hint(config: type[StageConfig], error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    if name not in config.model_fields:
        return f"fields: {', '.join(config.model_fields)}"
    words = [f"{word} {error['ctx'][bound]}" for bound, word in BOUNDS if bound in error.get("ctx", {})]
    return _wanted_of(name, config, words)


def _wanted_of(name: str, config: type[StageConfig], said: Sequence[str] = ()) -> str:
    """A field's range in words; where it has none, `said` or what the field is."""
    field = config.model_fields[name]
    words = [
        f"{word} {getattr(meta, bound)}" for bound, word in BOUNDS for meta in field.metadata if hasattr(meta, bound)
    ]
    return f"{name}: {', '.join(words or said) or field.description}"


def picks(config: type[StageConfig]) -> Iterator[tuple[str, Pick]]:
    """The fields of a config that name rows, with what they name."""
    for name, field in config.model_fields.items():
        for meta in field.metadata:
            if isinstance(meta, Pick):
                yield name, meta


def picked_ids(config: StageConfig) -> Iterator[tuple[str, Pick, int, int]]:
    """(field, pick, ordinal, id) for every row that `config` names; a list field gives one each."""
    for name, pick in picks(type(config)):
        for ordinal, item in _ids(config, name):
            yield name, pick, ordinal, item


def problem_ids(config: StageConfig) -> Iterator[tuple[str, int]]:
    """(field, id) for every problem that `config` names."""
    for name, field in type(config).model_fields.items():
        if any(isinstance(meta, OfProblem) for meta in field.metadata):
            for _, item in _ids(config, name):
                yield name, item


def _ids(config: StageConfig, name: str) -> Iterator[tuple[int, int]]:
    value = getattr(config, name)
    for ordinal, item in enumerate(value if isinstance(value, (list, tuple)) else [value]):
        if item is not None:
            yield ordinal, int(item)


def choices(annotation: Any) -> tuple[str, ...] | None:
    """The words of a Literal annotation, or None."""
    words = get_args(annotation)
    return words if words and all(isinstance(w, str) for w in words) else None
