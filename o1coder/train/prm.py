"""Process reward model training: `python -P -m o1coder.train.prm DIR`.

Point-wise rows {"text", "value", "weight"?} train by cross-entropy to soft targets; pair-wise rows {"prompt",
"chosen", "rejected", "margin"?, "weight"?} by Bradley-Terry over two continuations of one prefix. The model is a
one-label sequence classifier read at the EOS that is appended to every text, here and in scoring alike (a tokenizer
that pads with its EOS makes transformers read the token before it, also in both). Too long a text loses its
beginning, never the step that is judged. Both modes run on transformers' own Trainer.
"""

from __future__ import annotations

from typing import Any

from o1coder.errors import LabError
from o1coder.train.losses import unit_mean, weighted_bce, weighted_bradley_terry
from o1coder.train.program import Run, main
from o1coder.train.spec import PrmOptions


def build(this: Run) -> Any:
    """A Trainer with the point-wise or the pair-wise loss."""
    from datasets import Dataset
    from transformers import Trainer, TrainingArguments

    from o1coder.train.loading import load_prm, load_tokenizer

    options = this.spec.options
    assert isinstance(options, PrmOptions)
    tokenizer = load_tokenizer(this.spec)
    point, center = options.mode == "point", options.center
    rows = point_rows(this, tokenizer) if point else pair_rows(this, tokenizer)
    pad_id = tokenizer.pad_token_id

    class StepRewardTrainer(Trainer):  # type: ignore[misc]
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False)
            scores = outputs.logits.squeeze(-1)
            if point:
                loss = weighted_bce(scores, inputs["value"], inputs["weight"])
            else:
                chosen, rejected = scores.chunk(2)
                margins, weights = inputs["margin"], inputs["weight"]
                loss = weighted_bradley_terry(chosen, rejected, margins, weights, center)
            return (loss, outputs) if return_outputs else loss

    model = load_prm(this.spec, tokenizer)
    trainer = StepRewardTrainer(
        model=model,
        args=TrainingArguments(**this.arguments(), remove_unused_columns=False),
        data_collator=lambda examples: collate(examples, pad_id, point),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    # The loss is a mean over the batch's rows; the trainer divides it over accumulated batches itself.
    trainer.model_accepts_loss_kwargs = False
    trainer.data_facts = {"rows": len(rows), "mode": options.mode}
    return trainer


def text_ids(tokenizer: Any, text: str, max_length: int) -> list[int]:
    """Token ids of a text and one EOS, at most max_length of them, cut at the beginning."""
    ids: list[int] = tokenizer(text)["input_ids"]
    if ids and ids[-1] == tokenizer.eos_token_id:
        ids = ids[:-1]
    return [*ids[-(max_length - 1) :], tokenizer.eos_token_id]


def point_rows(this: Run, tokenizer: Any) -> list[dict[str, Any]]:
    """Tokenised rows of the point-wise mode, weights scaled to mean 1."""
    rows = this.folder.rows(("text", "value"))
    weights = unit_mean([row.get("weight", 1.0) for row in rows])
    for number, row in enumerate(rows, start=1):
        if not 0.0 <= float(row["value"]) <= 1.0:
            raise LabError(f"data.jsonl, row {number}: value is {row['value']}", "a target lies in 0 to 1")
    return [
        {"ids": text_ids(tokenizer, row["text"], this.spec.max_length), "value": float(row["value"]), "weight": weight}
        for row, weight in zip(rows, weights, strict=True)
    ]


def pair_rows(this: Run, tokenizer: Any) -> list[dict[str, Any]]:
    """Tokenised rows of the pair-wise mode, weights scaled to mean 1."""
    rows = this.folder.rows(("prompt", "chosen", "rejected"))
    weights = unit_mean([row.get("weight", 1.0) for row in rows])
    length = this.spec.max_length
    return [
        {
            "chosen": text_ids(tokenizer, row["prompt"] + row["chosen"], length),
            "rejected": text_ids(tokenizer, row["prompt"] + row["rejected"], length),
            "margin": float(row.get("margin", 0.0)),
            "weight": weight,
        }
        for row, weight in zip(rows, weights, strict=True)
    ]


def collate(examples: list[dict[str, Any]], pad_id: int, point: bool) -> dict[str, Any]:
    """Right-padded tensors of a batch; a pair batch stacks all chosen above all rejected rows."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    sides = ("ids",) if point else ("chosen", "rejected")
    texts = [torch.tensor(example[side]) for side in sides for example in examples]
    batch = {
        "input_ids": pad_sequence(texts, batch_first=True, padding_value=pad_id),
        "attention_mask": pad_sequence([torch.ones_like(text) for text in texts], batch_first=True),
    }
    for name in ("value", "margin", "weight"):
        if name in examples[0]:
            batch[name] = torch.tensor([example[name] for example in examples])
    return batch


if __name__ == "__main__":
    main("prm", build)
