"""Tree search over reasoning steps: trees as facts, grown many at a time, resumable, the same for the same seed.

`facts.py` what a tree leaves · `config.py` what it is asked · `chance.py` every random choice · `tree.py` selection ·
`simulation.py` one descent · `reading.py` from text to step · `growth.py` one tree · `stored.py` what a resumed tree is
served · `driver.py` many trees · `values.py` label values · `export.py` the canonical form · `replay.py` a tree again
without a model. The search does no input or output but through its arguments: sampler, judge, `write`, clock. It knows no
lab, no PRM and no OmegaPRM.
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
from o1coder.search.replay import Replay, replay, rescore
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
    "Replay",
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
    "replay",
    "rescore",
    "run_search",
    "tree_digest",
    "visits",
]
