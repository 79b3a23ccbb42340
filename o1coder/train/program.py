"""What all trainer programs share: start, resume, iterate under a budget, keep checkpoints, save, write done.json.

A program gives `run` a function that builds its Trainer. The loop itself is transformers'. A run stops between two
iterations: when they are done, at SIGTERM, or when the next one would end past the budget; at least one is always
done. What is kept is whole: metrics line by line, complete checkpoints only, model/ renamed into place, done.json
last. A SIGTERM is no end: it leaves a checkpoint and no done.json, and the next attempt goes on from there. No
evaluation happens here, and learning rates are constant, so that a budget does not bend a schedule.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o1coder.errors import LabError
from o1coder.train.folder import Attempt, Folder, weights_digest
from o1coder.train.process import TERMINATED, Progress, StopSignal, die_with_parent
from o1coder.train.spec import TrainKind, TrainSpec, checkpoint_period

TRAINER_FILES = ("optimizer*", "scheduler*", "scaler*", "rng_state*", "trainer_state*", "training_args*", "complete*")
REASONS = ("", "budget", "signal")  # why a run stops early; where ranks differ, the last of them counts


@dataclass(frozen=True)
class Run:
    """One attempt as a program's build function sees it."""

    folder: Folder
    spec: TrainSpec
    attempt: Attempt
    progress: Progress
    stop: StopSignal
    started: float  # time.monotonic() at the start of the process
    exits: ExitStack  # what the program opened, closed when the run ends

    def wall_s(self) -> float:
        """Seconds spent on this folder so far, earlier attempts included."""
        return self.attempt.spent_s + time.monotonic() - self.started

    def arguments(self) -> dict[str, Any]:
        """The fields that every TrainingArguments of this project has in common."""
        from o1coder.train.loading import precision

        spec = self.spec
        return {
            "output_dir": str(self.folder.checkpoints),
            "max_steps": spec.iterations,
            "learning_rate": spec.lr,
            "lr_scheduler_type": "constant",
            "per_device_train_batch_size": spec.batch // spec.accumulate or 1,
            "gradient_accumulation_steps": spec.accumulate,
            "gradient_checkpointing": spec.gradient_checkpointing,
            "seed": spec.seed,
            "data_seed": spec.seed,
            "logging_steps": 1,
            "save_strategy": "no",  # the watcher decides; see `_watcher`
            "save_total_limit": 2,
            "report_to": [],
            "ddp_find_unused_parameters": False,
            "disable_tqdm": True,
            "dataloader_pin_memory": not precision(spec)["use_cpu"],
            **precision(spec),
        }


Build = Callable[[Run], Any]


def main(kind: TrainKind, build: Build) -> None:
    """Run one trainer program over the folder that the command line names, and exit.

    0: done. 2: the user can mend it. 143: stopped by SIGTERM, to be gone on with.
    """
    started = time.monotonic()
    die_with_parent()
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: python -P -m o1coder.train.{kind} DIR")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    progress, stop = Progress(), StopSignal()
    try:
        run(kind, Path(sys.argv[1]), build, progress, stop, started)
    except LabError as error:
        record = {"error": error.message, "hint": error.hint, "kind": error.kind}
        progress.emit("error", record)
        print(json.dumps(record), file=sys.stderr)
        raise SystemExit(2) from None


def run(kind: TrainKind, path: Path, build: Build, progress: Progress, stop: StopSignal, started: float) -> None:
    """Train one folder to its end; does nothing when it is finished already."""
    folder = Folder(path)
    spec = folder.spec()
    if spec.kind != kind:
        raise LabError(f"{path}: the spec is of kind {spec.kind}", f"run o1coder.train.{spec.kind} on it")
    if folder.done.exists():
        progress.emit("done", json.loads(folder.done.read_text(encoding="utf-8")))
        return
    exits = ExitStack()
    main_rank = int(os.environ.get("RANK", "0")) == 0
    attempt = folder.begin() if main_rank else Attempt(1, 0, 0.0)
    this = Run(folder, spec, attempt, progress, stop, started, exits)
    if main_rank:
        start = {
            "attempt": attempt.number,
            "total": spec.iterations,
            "resumed_from_iteration": attempt.resumed_from_iteration,
        }
        folder.append(folder.metrics, {"event": "start", **start, "wall_s": round(this.wall_s(), 3)})
        progress.emit("start", start)
    _threads(spec)
    try:
        with exits:
            _train(this, build)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise LabError("the disk is full", "free space and retry the job; it resumes", "disk-full") from error
        raise
    finally:
        _leave_group()


def _train(this: Run, build: Build) -> None:
    import torch

    folder, spec = this.folder, this.spec
    resumed = this.attempt.resumed_from_iteration
    partial = folder.path / "model.partial"
    if resumed and (resumed >= spec.iterations or this.attempt.spent_s > (spec.budget_s or float("inf"))):
        checkpoint = folder.last_checkpoint()
        if int(os.environ.get("RANK", "0")) == 0 and checkpoint is not None:
            shutil.copytree(checkpoint, partial)
            _finish(this, partial, resumed, "done" if resumed >= spec.iterations else "budget", {})
        return
    from transformers import PrinterCallback
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        trainer = build(this)
        outcome: dict[str, str] = {}
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(_watcher(this, outcome))
        checkpoint = folder.last_checkpoint()
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        if trainer.state.global_step and outcome.get("stopped") != "signal":
            trainer.save_model(str(partial))
    except torch.cuda.OutOfMemoryError as error:
        hint = "lower batch or max_length, raise accumulate, or set gradient_checkpointing"
        raise LabError(f"the GPU ran out of memory: {error}", hint, "gpu-oom") from error
    if not trainer.state.global_step:
        raise LabError("no iteration was possible: too few rows for one batch", "lower batch, or give more rows")
    if outcome.get("stopped") == "signal":
        this.progress.emit("terminated", {"iterations": int(trainer.state.global_step)})
        raise SystemExit(TERMINATED)
    if trainer.is_world_process_zero():
        facts = getattr(trainer, "data_facts", {})
        _finish(this, partial, int(trainer.state.global_step), outcome.get("stopped", "done"), facts)


def _watcher(this: Run, outcome: dict[str, str]) -> Any:
    """The callback that writes metrics, asks for checkpoints, and stops the run."""
    from transformers import TrainerCallback

    folder, spec, period = this.folder, this.spec, checkpoint_period(this.spec)

    class Watcher(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.began, self.first = time.monotonic(), int(state.global_step)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
            done = int(state.global_step)
            pace_s = (time.monotonic() - self.began) / max(done - self.first, 1)
            reason = _agreed("signal" if this.stop.received else "budget" if _spent(this, pace_s) else "")
            if reason and done < spec.iterations:
                outcome["stopped"] = reason
                control.should_training_stop = True
            control.should_save = done % period == 0 or outcome.get("stopped") == "signal"
            return control

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if not state.is_world_process_zero or "loss" not in (logs or {}):
                return
            iteration = int(state.global_step)
            values = {name: _number(value) for name, value in logs.items() if name != "epoch"}
            line = {"iteration": iteration, "total": spec.iterations, "attempt": this.attempt.number, **values}
            line["wall_s"] = round(this.wall_s(), 3)
            folder.append(folder.metrics, line)
            fields = {"iteration": iteration, "total": spec.iterations, "loss": values["loss"]}
            this.progress.emit("iteration", {**fields, "wall_s": line["wall_s"]})

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.is_world_process_zero:
                folder.seal_checkpoint(int(state.global_step))

    return Watcher()


def _finish(this: Run, partial: Path, iterations: int, stopped: str, facts: dict[str, Any]) -> None:
    from o1coder.train.loading import in_bf16, on_gpu, trains_adapter

    for pattern in (*TRAINER_FILES, "README.md"):
        for file in partial.glob(pattern):
            file.unlink()
    shutil.rmtree(partial / "ref", ignore_errors=True)  # the frozen reference is the adapter this run went on from
    spec = this.spec
    base = Path(spec.model).expanduser()
    summary = {
        "kind": spec.kind,
        "iterations": iterations,
        "stopped": stopped,
        "format": "peft" if trains_adapter(spec) else "full",
        "base_digest": spec.base_digest or (weights_digest(base) if base.is_dir() else None),
        "seed": spec.seed,
        "device": "cuda" if on_gpu(spec) else "cpu",
        "precision": "bf16" if in_bf16(spec) else "fp32",
        "attempts": this.attempt.number,
        "wall_s": round(this.wall_s(), 3),
        "versions": versions(),
        **facts,
    }
    this.progress.emit("done", this.folder.finish(partial, summary))


def versions() -> dict[str, str]:
    """The versions that decide what a trainer computes."""
    from importlib.metadata import version
    from platform import python_version

    names = ("torch", "transformers", "trl", "peft", "accelerate", "o1coder")
    return {"python": python_version(), **{name: version(name) for name in names if _installed(name)}}


def _installed(name: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _spent(this: Run, next_s: float) -> bool:
    budget_s = this.spec.budget_s
    return budget_s is not None and this.wall_s() + next_s > budget_s


def _shared(attempt: Attempt | None, spec: TrainSpec) -> Attempt:
    """Rank 0's attempt on every rank: only it mends the folder, and all must agree on where they resume."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 and attempt is not None:
        return attempt
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    from o1coder.train.loading import on_gpu

    PartialState(cpu=not on_gpu(spec))
    [shared] = broadcast_object_list([attempt])
    assert isinstance(shared, Attempt)
    return shared


def _threads(spec: TrainSpec) -> None:
    import torch

    if spec.threads:
        torch.set_num_threads(spec.threads)


def _agreed(reason: str) -> str:
    """Why any rank wants to stop, a signal before a budget: all must leave the loop at the same iteration and alike."""
    import torch
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return reason
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    flag = torch.tensor(REASONS.index(reason), device=device)
    distributed.all_reduce(flag, distributed.ReduceOp.MAX)
    return REASONS[int(flag.item())]


def _leave_group() -> None:
    """Without this, rank 0 of several aborts after its work is done."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _number(value: Any) -> float | None:
    """A finite float, or None: NaN and infinity are no JSON, and a metric of an all-masked batch has no value."""
    number = float("nan") if value is None else float(value)
    return number if number - number == 0 else None
