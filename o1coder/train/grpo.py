"""Reinforcement learning on whole chains: `python -P -m o1coder.train.grpo DIR`.

TRL's GRPOTrainer with one reward function (`rollouts.py`): φ of the tests' outcome and the PRM's process score. Group
baseline without division by the group's deviation; DAPO's token-level loss and higher upper clip; truncated chains
masked. Checkpoints fall on generation boundaries only, where resuming is exact. Generation is the trainer's own, or
vLLM's through the spec (its fields are passed on, and were read, not run). No step-level credit here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from o1coder.train.chain import closed_blocks
from o1coder.train.program import Run, main
from o1coder.train.rollouts import RolloutReward, Scoring, read_asked
from o1coder.train.spec import GrpoOptions


def build(this: Run) -> Any:
    """A GRPOTrainer over the folder's problems."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    from o1coder.judge import Judge
    from o1coder.train.loading import load_policy, load_tokenizer

    spec, options = this.spec, this.spec.options
    assert isinstance(options, GrpoOptions)
    asked = read_asked(this.folder.rows(("prompt", "problem", "task", "cases")))
    judge = this.exits.enter_context(Judge(options.judge_workers))
    scorer = open_prm(this, options)
    tokenizer = load_tokenizer(spec)
    asked = [replace(item, tokens_in=len(tokenizer(item.prompt)["input_ids"])) for item in asked]
    model, peft_config = load_policy(spec)
    ends = frozenset({tokenizer.eos_token_id, tokenizer.pad_token_id})

    def write(records: list[dict[str, Any]]) -> None:
        for record in records:
            this.folder.append(this.folder.rollouts, {**record, "attempt": this.attempt.number})

    reward = RolloutReward(asked, options.phi, options.outcome, judge, scorer, ends, write)
    beta = options.beta if options.beta is not None else (0.01 if options.needs_prm else 0.0)
    arguments = GRPOConfig(
        **this.arguments(),
        num_generations=options.generations,
        steps_per_generation=spec.accumulate,
        num_iterations=options.reuse,
        max_completion_length=options.max_completion,
        temperature=options.temperature,
        top_p=1.0,
        top_k=0,
        beta=beta,
        epsilon_high=options.epsilon_high,
        loss_type="dapo",
        scale_rewards=options.scale_rewards,
        mask_truncated_completions=True,
        log_completions=False,
        **vllm_arguments(options),
    )
    if options.vllm is None:
        end_chains(model, tokenizer)
    return GRPOTrainer(
        model=model,
        reward_funcs=[reward],
        args=arguments,
        train_dataset=Dataset.from_list([{"prompt": item.prompt, "row": index} for index, item in enumerate(asked)]),
        processing_class=tokenizer,
        peft_config=peft_config,
    )


def open_prm(this: Run, options: GrpoOptions) -> Scoring | None:
    """The scorer of the process part, closed with the run; None when that part never counts."""
    if options.prm is None or not options.needs_prm:
        return None
    from o1coder.sampling import open_scorer

    model, adapter = options.prm.get("model"), options.prm.get("adapter")
    scorer = open_scorer(
        str(options.prm.get("spec", "hf")),
        model=Path(model) if model else None,
        adapter=Path(adapter) if adapter else None,
        threads=this.spec.threads,
        device=this.spec.device,
    )
    this.exits.callback(scorer.close)
    return scorer


def vllm_arguments(options: GrpoOptions) -> dict[str, Any]:
    """The spec's `vllm` mapping as GRPOConfig's fields; on one GPU colocated with sleep mode, a third of the memory.

    A chain then ends where the policy writes EOS: a stop string would leave completions without one, and those count
    as truncated.
    """
    if options.vllm is None:
        return {"use_vllm": False}
    chosen = {
        "mode": "colocate",
        "enable_sleep_mode": True,
        "gpu_memory_utilization": 0.3,
        "importance_sampling_mode": "token_truncate",
        **options.vllm,
    }
    return {"use_vllm": True, **{f"vllm_{name}": value for name, value in chosen.items()}}


def end_chains(model: Any, tokenizer: Any) -> None:
    """Make `model.generate` end a row with EOS as soon as a fenced block closes in it.

    EOS, not a stopping criterion, because the trainer finds a completion's end by its EOS; the token counts as the
    policy's, so that a policy that was never taught to stop learns it.
    """
    from transformers import LogitsProcessor, LogitsProcessorList

    class EndAfterFence(LogitsProcessor):  # type: ignore[misc]
        def __init__(self) -> None:
            self.before: list[int] | None = None

        def __call__(self, input_ids: Any, scores: Any) -> Any:
            closed = [closed_blocks(text) for text in tokenizer.batch_decode(input_ids, skip_special_tokens=True)]
            if self.before is None:
                self.before = closed
            for row, (now, before) in enumerate(zip(closed, self.before, strict=True)):
                if now > before:
                    scores[row] = float("-inf")
                    scores[row, tokenizer.eos_token_id] = 0.0
            return scores

    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    generate = base.generate

    def generate_chains(*inputs: Any, **keywords: Any) -> Any:
        return generate(*inputs, logits_processor=LogitsProcessorList([EndAfterFence()]), **keywords)

    base.generate = generate_chains


if __name__ == "__main__":
    main("grpo", build)
