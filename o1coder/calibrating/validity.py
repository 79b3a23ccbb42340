"""Hard labels where the truth is known: what c = 0 says of a prefix from which the policy does succeed, one time in five.

Programs are drawn by the real search below one prefix and labelled by the lab's rule. That c = 0 means "this policy cannot",
and never "this step is wrong", no simulation can show.
"""

from __future__ import annotations

from collections import Counter

from o1coder.calibrating.grown import grow
from o1coder.calibrating.section import Bound, Scale, Section, by_chance, seed_of
from o1coder.calibrating.world import World
from o1coder.search import SearchConfig, hard_label, label_values
from o1coder.search.values import ENOUGH_DRAWS

P = 0.2
DRAWS = (4, 7, 8, 16)


def section(scale: Scale, seed: int) -> Section:
    """Labels of a valid prefix by the number of judged draws, with the rule and without its `unsure`."""
    rows, bounds = [], []
    prefixes = scale.gates // 2
    for k in DRAWS:
        worlds = [World(seed_of(seed, k, number), levels=0, spread=0.0, mean=P) for number in range(prefixes)]
        said: Counter[str] = Counter()
        none, wrong_code = 0, 0
        for tree in grow(SearchConfig(direct=True, width=k, simulations=1), worlds, 1, seed):
            values = label_values(tree.completions, tree.steps, tree.rollouts)
            said[hard_label(values[()], terminal=False)] += 1
            none += hard_label(values[()], terminal=False, enough=1) == "invalid"
            for step in tree.steps:
                truth = "valid" if step.text.startswith("pass") else "invalid"
                wrong_code += hard_label(values[step.path], terminal=True) != truth
        expected = (1 - P) ** k
        shares = {label: said[label] / prefixes for label in ("valid", "invalid", "unsure")}
        rows.append(
            {"k": k, "prefixes": prefixes, "(1−p)^k": expected, "c = 0": none / prefixes, **shares,
             "code steps labelled wrong": wrong_code}
        )  # fmt: skip
        swing = by_chance(prefixes, expected) - expected
        why = "41 % at k = 4, 17 % at k = 8 (measurement §2)"
        bounds.append(
            Bound(f"c = 0 below a prefix of p = .2, k = {k}", none / prefixes, expected - swing, expected + swing, why)
        )
        invalid = none / prefixes if k >= ENOUGH_DRAWS else 0.0
        why = f"under {ENOUGH_DRAWS} draws c = 0 is unsure (measurement §2)"
        bounds.append(Bound(f"valid prefixes labelled invalid, k = {k}", shares["invalid"], invalid, invalid, why))
        bounds.append(
            Bound(f"code steps labelled wrong, k = {k}", wrong_code, 0, 0, "judged code is exact (measurement §2)")
        )
    columns = ("k", "prefixes", "(1−p)^k", "c = 0", "valid", "invalid", "unsure", "code steps labelled wrong")
    return Section(
        "hard-labels", "Hard labels of a prefix from which the policy succeeds with p = .2", columns, rows, bounds
    )
