"""Useful tokens a second of the hf sampler on the requests of a search, beside what people write.

    python -P -m tests.benchmarks.sampler_speed --model FOLDER [--threads 1] [--repeats 3] [--problems 6] [--json FILE]

Every problem grows structure → refine → code with three siblings a step, from the plain prompt with its real caps and
stops; a step's children are asked for as soon as it is known, in whatever order an arm gives its answers:
  generate  transformers' own `generate`, fixed batches, left padding, stop strings: the batch waits for its longest row
  bare      the sampler's batch with refilling, `reuse_bytes` 0: every prompt is computed whole
  ours      with what prompts share computed once
  exact     fp32, texts a function of the request alone (asked for by --arms)
Arms take turns, `repeats` times, each time on other problems (there are 20); the median is given with the lowest and the
highest. A useful token is one that was sampled, up to a row's own stop; tokens a second are of wall time, and of processor
time, which compares better on a busy machine. Texts differ a little between arms, so loads are alike, not equal. It does
not measure what the texts are worth.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from o1coder.flow import Pull
from o1coder.sampling import Request, Sample
from o1coder.task import Action, Task
from o1coder.text import load_prompt, parse_step
from tests.sampling.easy import TASKS

ACTIONS: tuple[Action, ...] = ("structure", "refine", "code")
SIBLINGS = 3


class Figures(NamedTuple):
    """One run of an arm."""

    rows: int
    tokens: int
    prompt_tokens: int
    prefilled: int
    wall_s: float
    cpu_s: float


class Chains:
    """The requests of a search that knows its next step only when the one before has come."""

    def __init__(self, problems: int, seed: int) -> None:
        self._prompt = load_prompt("plain")
        self._seed = seed
        self._ready: deque[tuple[Task, tuple[tuple[Action, str], ...]]] = deque()
        self._given: list[tuple[Task, tuple[tuple[Action, str], ...]]] = []
        self._answered = 0
        for number in range(problems):
            self._ask(TASKS[(seed * problems + number) % len(TASKS)], ())

    def _ask(self, task: Task, steps: tuple[tuple[Action, str], ...]) -> None:
        self._ready.extend([(task, steps)] * SIBLINGS)

    def pull(self, room: int, idle: bool) -> list[Request] | None:
        """At most `room` requests; None when no answer that is still to come can bring more."""
        if not self._ready:
            return None if self._answered == len(self._given) else []
        taken = [self._ready.popleft() for _ in range(min(room, len(self._ready)))]
        first = len(self._given)
        self._given += taken
        return [self._request(task, steps, first + n) for n, (task, steps) in enumerate(taken)]

    def _request(self, task: Task, steps: tuple[tuple[Action, str], ...], number: int) -> Request:
        prompt, action = self._prompt, ACTIONS[len(steps)]
        seed = self._seed * 100_000 + number
        text = prompt.render(task, list(steps), action)
        return Request(text, prompt.max_tokens(action, task), prompt.stops(action), prompt.temperature, 1.0, seed)

    def answer(self, number: int, sample: Sample) -> None:
        """Ask for the children of a step that can be read."""
        self._answered += 1
        task, steps = self._given[number]
        action = ACTIONS[len(steps)]
        if action == "code":
            return
        step = parse_step(action, self._prompt.opening(action, task), sample.text, sample.finish_reason, task)
        if step.error is None:
            self._ask(task, (*steps, (action, step.text)))


class Generate:
    """A transformers model as people use it."""

    prefilled = 0

    def __init__(self, model: str, dtype: str, batch: int) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        number_format = torch.bfloat16 if dtype == "bf16" else torch.float32
        self._model: Any = AutoModelForCausalLM.from_pretrained(model, dtype=number_format).eval()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(model, padding_side="left")
        self._batch = batch

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]:
        """Answer batch after batch."""
        begun = 0
        while (asked := pull(self._batch, True)) is not None:
            yield from enumerate(self._complete(asked), start=begun)
            begun += len(asked)

    def _complete(self, requests: Sequence[Request]) -> list[Sample]:
        import torch

        encoded = self._tokenizer([request.prompt for request in requests], return_tensors="pt", padding=True)
        lengths = encoded.attention_mask.sum(dim=1).tolist()
        self.prefilled += sum(lengths) - len(lengths)
        torch.manual_seed(requests[0].seed)
        output = self._model.generate(
            **encoded,
            do_sample=True,
            temperature=requests[0].temperature,
            top_k=0,
            max_new_tokens=max(request.max_tokens for request in requests),
            stop_strings=list(requests[0].stop),
            tokenizer=self._tokenizer,
        )[:, encoded.input_ids.shape[1] :]
        return [
            self._cut(request, length, ids)
            for request, length, ids in zip(requests, lengths, output.tolist(), strict=True)
        ]

    def _cut(self, request: Request, length: int, ids: list[int]) -> Sample:
        ids, special = ids[: request.max_tokens], set(self._tokenizer.all_special_ids)
        for count in range(1, len(ids) + 1):
            text = self._tokenizer.decode(ids[:count], skip_special_tokens=True)
            ends = [text.index(stop) for stop in request.stop if stop in text]
            if ends or ids[count - 1] in special:
                return Sample(text[: min(ends, default=len(text))], length, count, None, "stop")
        return Sample(text, length, len(ids), None, "length")


def open_arm(name: str, options: argparse.Namespace) -> Any:
    """A model of its own for an arm."""
    from o1coder.sampling.hf import HfSampler

    if name == "generate":
        return Generate(options.model, options.dtype, options.batch)
    given = {"threads": options.threads, "batch": options.batch, "dtype": options.dtype, "exact": name == "exact"}
    return HfSampler(options.model, **given, **({"reuse_bytes": 0} if name == "bare" else {}))


def measure(arm: Any, problems: int, seed: int) -> Figures:
    """Grow every chain to its end."""
    chains = Chains(problems, seed)
    rows = tokens = prompt_tokens = 0
    prefilled = arm.prefilled
    wall, cpu = time.monotonic(), time.process_time()
    for number, sample in arm.stream(chains.pull):
        rows += 1
        tokens += sample.tokens_out
        prompt_tokens += sample.tokens_in - 1
        chains.answer(number, sample)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return Figures(rows, tokens, prompt_tokens, arm.prefilled - prefilled, wall, cpu)


def spread(values: Sequence[float]) -> str:
    """The median, and the lowest and the highest."""
    return f"{statistics.median(values):6.1f} ({min(values):.1f}–{max(values):.1f})"


def main() -> None:
    """Measure the arms in turn on one model, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--problems", type=int, default=6)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--dtype", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--arms", default="generate,bare,ours")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    import torch

    names = options.arms.split(",")
    arms = {name: open_arm(name, options) for name in names}
    torch.set_num_threads(options.threads)
    runs: dict[str, list[Figures]] = {name: [] for name in names}
    for repeat in range(options.repeats):
        for name, arm in arms.items():
            measured = measure(arm, options.problems, repeat)
            runs[name].append(measured)
            print(f"{repeat + 1}/{options.repeats} {name}: {measured}", flush=True)
    print(f"\n{options.problems} problems, batch {options.batch}, {options.threads} threads, {options.dtype}")
    for name, figures in runs.items():
        saved = 1 - sum(f.prefilled for f in figures) / sum(f.prompt_tokens for f in figures)
        wall, cpu = ([f.tokens / getattr(f, kind) for f in figures] for kind in ("wall_s", "cpu_s"))
        print(f"{name:9} {spread(wall)} tok/s wall  {spread(cpu)} tok/s CPU  prompt tokens not computed {saved:.0%}")
    if options.json is not None:
        shown = {name: [f._asdict() for f in figures] for name, figures in runs.items()}
        options.json.write_text(json.dumps({"options": vars(options) | {"json": None}, "runs": shown}, indent=1) + "\n")


if __name__ == "__main__":
    main()
