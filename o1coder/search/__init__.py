"""Tree search over reasoning steps: trees as facts, grown many at a time, resumable, the same for the same seed.

`facts.py` what a tree leaves · `config.py` what it is asked, presets · `chance.py` every random choice · `tree.py` UCT ·
`simulation.py` one descent · `strategy.py` what comes next · `reading.py` from text to step · `growth.py` one tree ·
`stored.py` what a resumed tree is served · `errand.py` a server beside the search · `driver.py` many trees · `values.py`
label values · `export.py` the canonical form · `replay.py` a tree again without a model. The search does no input or
output but through its arguments: sampler, judge, scorer, `write`, clock. It knows no lab.
"""

from __future__ import annotations

from o1coder.search.config import PRESETS, JudgedLeaf, SearchConfig, StepPrompt, TreeSpec, preset
from o1coder.search.driver import Judging, Outcome, Progress, Pulse, run_search
from o1coder.search.export import canonical_json, export_facts, export_tree, tree_digest
from o1coder.search.facts import (
    CompletionFact,
    EndFact,
    Fact,
    Path,
    RolloutFact,
    ScoreFact,
    StepFact,
    given_steps,
    parse_path,
    path_text,
)
from o1coder.search.replay import Replay, replay, rescore
from o1coder.search.values import (
    Validity,
    Value,
    hard_label,
    label_values,
    recorded_values,
    tree_values,
    visits,
)

__all__ = [
    "PRESETS",
    "CompletionFact",
    "EndFact",
    "Fact",
    "JudgedLeaf",
    "Judging",
    "Outcome",
    "Path",
    "Progress",
    "Pulse",
    "Replay",
    "RolloutFact",
    "ScoreFact",
    "SearchConfig",
    "StepFact",
    "StepPrompt",
    "TreeSpec",
    "Validity",
    "Value",
    "canonical_json",
    "export_facts",
    "export_tree",
    "given_steps",
    "hard_label",
    "label_values",
    "parse_path",
    "path_text",
    "preset",
    "recorded_values",
    "replay",
    "rescore",
    "run_search",
    "tree_digest",
    "tree_values",
    "visits",
]
