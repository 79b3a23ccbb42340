"""Tree search over reasoning steps: trees as facts, grown many at a time, resumable, the same for the same seed.

`facts.py` what a tree leaves · `config.py` what it is asked · `tree.py` selection · `simulation.py` one descent ·
`growth.py` one tree · `driver.py` many trees · `values.py` label values · `export.py` the canonical form. The search does
no input or output but through its arguments: sampler, judge, `write`, clock. It knows no lab, no PRM and no OmegaPRM.
"""

from __future__ import annotations

from o1coder.search.config import PRESETS, SearchConfig, StepPrompt, TreeSpec
from o1coder.search.driver import Judging, Outcome, Progress, run_search
from o1coder.search.export import canonical_json, export_facts, export_tree, tree_digest
from o1coder.search.facts import (
    CompletionFact,
    EndFact,
    Fact,
    Path,
    RolloutFact,
    StepFact,
    parse_path,
    path_text,
)
from o1coder.search.values import Validity, Value, hard_label, label_values, visits

__all__ = [
    "PRESETS",
    "CompletionFact",
    "EndFact",
    "Fact",
    "Judging",
    "Outcome",
    "Path",
    "Progress",
    "RolloutFact",
    "SearchConfig",
    "StepFact",
    "StepPrompt",
    "TreeSpec",
    "Validity",
    "Value",
    "canonical_json",
    "export_facts",
    "export_tree",
    "hard_label",
    "label_values",
    "parse_path",
    "path_text",
    "run_search",
    "tree_digest",
    "visits",
]
