"""Preference training on triples: `python -P -m o1coder.train.dpo DIR`.

Rows {"prompt", "chosen", "rejected"}. Loss: sigmoid DPO plus a likelihood term on the chosen text, because where the
two differ in few tokens DPO alone lets log p(chosen) fall. The reference is the base when the adapter is new, and a
frozen copy of the given adapter when one is continued. Rows too long for max_length are left out and counted.
"""

from __future__ import annotations

from typing import Any

from o1coder.errors import LabError
from o1coder.train.program import Run, main
from o1coder.train.spec import DpoOptions


def build(this: Run) -> Any:
    """A DPOTrainer over the folder's triples."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    from o1coder.train.loading import load_policy, load_tokenizer

    options = this.spec.options
    assert isinstance(options, DpoOptions)
    tokenizer = load_tokenizer(this.spec)
    rows = this.folder.rows(("prompt", "chosen", "rejected"))
    kept = [
        {name: row[name] for name in ("prompt", "chosen", "rejected")}
        for row in rows
        if max(_tokens(tokenizer, row, side) for side in ("chosen", "rejected")) < this.spec.max_length
    ]
    if not kept:
        raise LabError(f"all {len(rows)} rows exceed {this.spec.max_length} tokens", "raise max_length")
    model, peft_config = load_policy(this.spec)
    likelihood = options.sft_weight > 0
    arguments = DPOConfig(
        **this.arguments(),
        beta=options.beta,
        loss_type=["sigmoid", "sft"] if likelihood else ["sigmoid"],
        loss_weights=[1.0, options.sft_weight] if likelihood else [1.0],
        max_length=None,
    )
    trainer = DPOTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(kept),
        processing_class=tokenizer,
        peft_config=peft_config,
    )
    trainer.data_facts = {"rows": len(kept), "rows_too_long": len(rows) - len(kept)}
    return trainer


def _tokens(tokenizer: Any, row: dict[str, Any], side: str) -> int:
    return len(tokenizer(row["prompt"] + row[side])["input_ids"])


if __name__ == "__main__":
    main("dpo", build)
