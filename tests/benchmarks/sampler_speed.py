"""Tokens a second of the hf sampler against a plain batched `generate`, 32 rows × 40 tokens after the plain prompt.

`python -m tests.benchmarks.sampler_speed MODEL_FOLDER [--dtype bf16|fp32]`. One torch thread. Both wall and CPU time
are given, since CPU time is what compares on a busy machine. It measures speed only, not what the texts are worth.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from o1coder.sampling import Request, open_sampler
from o1coder.text import load_prompt
from tests.sampling.easy import TASKS

ROWS, TOKENS = 32, 40


def requests() -> list[Request]:
    """Eight problems, four rows each, at their refine step."""
    prompt = load_prompt("plain")
    rows = []
    for number in range(ROWS):
        task = TASKS[number % 8]
        structure = f"Function {task.signature}. Input: one value. Output: the result. Plan: a loop with a counter."
        rows.append(Request(prompt.render(task, [("structure", structure)], "refine"), TOKENS, (), 0.5, seed=number))
    return rows


def report(name: str, work: Callable[[], int]) -> None:
    """Run it and print tokens per wall second and per CPU second."""
    wall, cpu = time.monotonic(), time.process_time()
    tokens = work()
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    print(f"{name}: {tokens} tokens, {tokens / wall:.0f} tok/s wall, {tokens / cpu:.0f} tok/s CPU", flush=True)


def main() -> None:
    """Measure both ways on one model."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--dtype", choices=["bf16", "fp32"], default="bf16")
    options = parser.parse_args()
    rows = requests()
    sampler = open_sampler("hf", model=options.model, threads=1, dtype=options.dtype)
    sampler.sample(rows[:1])
    report("hf sampler", lambda: sum(sample.tokens_out for sample in sampler.sample(rows)))
    sampler.close()

    number_format = torch.bfloat16 if options.dtype == "bf16" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=number_format)
    tokenizer = AutoTokenizer.from_pretrained(options.model, padding_side="left")
    encoded = tokenizer([row.prompt for row in rows], return_tensors="pt", padding=True)

    def generate() -> int:
        model.generate(**encoded, do_sample=True, temperature=0.5, max_new_tokens=TOKENS, min_new_tokens=TOKENS)
        return ROWS * TOKENS

    report("generate", generate)


if __name__ == "__main__":
    main()
