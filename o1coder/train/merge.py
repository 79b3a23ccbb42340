"""An adapter merged into its base: `python -P -m o1coder.train.merge MODEL ADAPTER OUT policy|prm|tcg`.

The merge is that of the samplers (sampling/load.py): made in fp32 and rounded once to the number format that the base is
stored in. It leaves a folder that transformers loads, and no manifest; on an error, one JSON object {"error", "hint"} is the
last line of standard error. It trains nothing and knows no lab.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from o1coder.errors import LabError


def main(arguments: Sequence[str]) -> int:
    """Merge; the exit status."""
    model, adapter, out, role = arguments
    try:
        merge(Path(model), Path(adapter), Path(out), role)
    except LabError as error:
        print(json.dumps({"error": error.message, "hint": error.hint}), file=sys.stderr)
        return 2
    return 0


def merge(model: Path, adapter: Path, out: Path, role: str) -> None:
    """Write the merged model and its tokenizer into `out`. A PRM is a classifier of one label."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    from o1coder.sampling.load import load_model, load_tokenizer

    written = json.loads((model / "config.json").read_text(encoding="utf-8"))
    name = str(written.get("dtype") or written.get("torch_dtype") or "float32")
    dtype = getattr(torch, name, torch.float32)
    classifies = role == "prm"
    kind = AutoModelForSequenceClassification if classifies else AutoModelForCausalLM
    options = {"num_labels": 1} if classifies else {}
    merged = load_model(kind, model, adapter, torch.device("cpu"), dtype, **options)
    merged.save_pretrained(out)
    load_tokenizer(model, adapter).save_pretrained(out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
