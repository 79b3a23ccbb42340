"""Labels say which estimate made their values, and a value dataset takes those of the policy alone."""

from __future__ import annotations

import pytest

from o1coder import selection
from o1coder.lab import Lab
from o1coder.verify import verify
from tests.stages.conftest import Do, count

FAKE = {"sampler": "fake:7", "split": "train", "simulations": 3}


def taken(lab: Lab, text: str, target: selection.Target) -> tuple[int, dict[str, int]]:
    """How many steps a dataset would take, and why others are left out."""
    out = selection.Excluded()
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        found = selection.labelled_steps(connection, selection.Query.parse(text), as_of, out, target=target)
        return len(list(found)), out.counts


@pytest.mark.parametrize(
    ("preset", "estimate"),
    [("lab", "tree"), ("o1coder-paper", "visits"), ("o1coder-code", "o1coder-code"), ("omega", "mc"), ("mc", "mc")],
)
def test_a_preset_names_its_estimate(lab: Lab, do: Do, preset: str, estimate: str) -> None:
    do("synthesize", **FAKE, preset=preset, **({"draws": 2} if preset in ("omega", "openr", "mc") else {}))
    assert count(lab, "SELECT GROUP_CONCAT(DISTINCT estimate) FROM label") == estimate
    kept, why = taken(lab, "split:train", "value")
    assert (kept > 0) == (estimate in selection.ESTIMATES)
    assert taken(lab, f"estimate:{estimate}", "value")[0] > 0
    assert estimate in selection.ESTIMATES or why[f"a value of estimate {estimate}, which the query does not name"]
    assert taken(lab, "split:train", "validity")[0] > 0
    _, wrong = verify(lab, quick=False)
    assert wrong == []


def test_an_adaptive_search_is_marked_and_makes_no_values(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE, adaptive=True)
    assert count(lab, "SELECT GROUP_CONCAT(DISTINCT estimate) FROM label") == "adaptive"
    assert taken(lab, "split:train", "value")[0] == taken(lab, "estimate:adaptive", "value")[0] == 0
    assert taken(lab, "split:train", "validity")[0] > 0
    _, wrong = verify(lab, quick=False)
    assert wrong == []
