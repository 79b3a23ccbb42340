"""A random two-layer model made on the spot, for tests that need something to train or sample from. It knows nothing."""

from __future__ import annotations

from pathlib import Path

CORPUS = [
    "## Problem\nWrite a Python function `add(a, b)` that returns the sum of a and b.\n",
    "### Structure\nFunction add(a, b). Input: numbers a, b. Output: a number, the sum. Plan: add them.\n",
    "### Refine\n1. add a and b\n2. return the sum\n",
    "### Code\n```python\ndef add(a, b):\n    total = a + b\n    return total\n```\n",
    "for x in xs: if x > limit, add 1 to count; return count, is_even, len, range, while, True, False, None",
]


def make_tiny_model(folder: Path, seed: int = 0, heads: int = 4) -> Path:
    """Write a 2-layer Llama (hidden 64, byte-level BPE, EOS and PAD apart) that transformers can load; returns folder.

    With 2 heads vLLM can run it on a CPU, which wants at least 32 numbers a head.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<eos>", "<pad>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<pad>")
    config = LlamaConfig(
        vocab_size=len(wrapped),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=heads,
        num_key_value_heads=heads // 2,
        max_position_embeddings=1024,
        eos_token_id=wrapped.eos_token_id,
        pad_token_id=wrapped.pad_token_id,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    wrapped.save_pretrained(folder)
    return folder


def make_classifier(model: Path, folder: Path) -> Path:
    """Write `model` with a random score head of one label, set up as the PRM trainer leaves it; returns folder."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    classifier = AutoModelForSequenceClassification.from_pretrained(
        model, num_labels=1, problem_type="multi_label_classification"
    )
    with torch.no_grad():
        classifier.score.weight.mul_(20)
    classifier.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder
