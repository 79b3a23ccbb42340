"""Supervised fine-tuning on prompt-completion rows: `python -P -m o1coder.train.sft DIR`.

Rows {"prompt", "completion", "weight"?}; the loss is on the completion and its EOS only, and a row's weight (1 / rows
of its problem, say) scales it. Rows longer than max_length are left out and counted, never cut: a cut chain teaches
to stop anywhere. Does no packing, no evaluation, no chat template: the text of a row is what the model sees.
"""

from __future__ import annotations

from typing import Any

from o1coder.errors import LabError
from o1coder.train.losses import unit_mean, weighted_nll
from o1coder.train.program import Run, main


def build(this: Run) -> Any:
    """An SFTTrainer over the folder's rows, honouring their weights."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    from o1coder.train.loading import load_policy, load_tokenizer

    tokenizer = load_tokenizer(this.spec)
    rows, left_out = fitting_rows(this, tokenizer)
    model, peft_config = load_policy(this.spec)
    collate = DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id)

    def collate_weighted(examples: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        return {**collate(examples), "weight": torch.tensor([example["weight"] for example in examples])}

    class WeightedSFTTrainer(SFTTrainer):  # type: ignore[misc]
        # SFTTrainer's documentation names this override as the place for another loss.
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            weight = inputs.pop("weight")
            outputs = model(**inputs, use_cache=False, fused_lm_head=True)
            tokens = outputs.label_mask.sum() if num_items_in_batch is None else num_items_in_batch
            loss = weighted_nll(outputs.log_probs, weight.to(outputs.log_probs.dtype), tokens)
            if self.args.average_tokens_across_devices and num_items_in_batch is not None:
                loss = loss * self.accelerator.num_processes  # tokens counts every rank's, gradients are averaged
            return (loss, outputs) if return_outputs else loss

    arguments = SFTConfig(
        **this.arguments(),
        max_length=None,
        completion_only_loss=True,
        packing=False,
        remove_unused_columns=False,
        shuffle_dataset=False,
    )
    trainer = WeightedSFTTrainer(
        model=model,
        args=arguments,
        data_collator=collate_weighted,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=peft_config,
    )
    trainer.data_facts = {"rows": len(rows), "rows_too_long": left_out}
    return trainer


def fitting_rows(this: Run, tokenizer: Any) -> tuple[list[dict[str, Any]], int]:
    """(rows with weights of mean 1, number of rows left out because they exceed max_length with their EOS)."""
    kept = []
    rows = this.folder.rows(("prompt", "completion"))
    for row in rows:
        if len(tokenizer(row["prompt"] + row["completion"])["input_ids"]) < this.spec.max_length:
            kept.append({"prompt": row["prompt"], "completion": row["completion"], "weight": row.get("weight", 1.0)})
    if not kept:
        raise LabError(f"all {len(rows)} rows exceed {this.spec.max_length} tokens", "raise max_length")
    for row, weight in zip(kept, unit_mean([row["weight"] for row in kept]), strict=True):
        row["weight"] = weight
    return kept, len(rows) - len(kept)


if __name__ == "__main__":
    main("sft", build)
