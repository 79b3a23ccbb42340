"""A tree under other settings, from its rows: exact where its draws suffice, said where they do not, grown on where asked."""

from __future__ import annotations

from typing import Any

import pytest

from o1coder import selection
from o1coder.counterfactuals import beside, counter, settings_of
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.replaying import replay
from o1coder.trees import canonical_json, export_rows
from o1coder.verify import examine
from tests.stages.conftest import Do, count

FAKE = {"sampler": "fake:7", "split": "train", "simulations": 8}


def asked(lab: Lab, tree: int, *words: str) -> dict[str, Any]:
    with lab.reading() as connection:
        return counter(connection, tree, settings_of(words))


def test_the_settings_it_has_give_the_tree_it_is(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    for tree in (1, 2, 3):
        found = asked(lab, tree, "c=2.0")
        assert found["identical"]
        assert (found["coverage"], found["natural_end"], found["stopped_at"]) == (1.0, True, None)
        assert found["aggregate"]["stored"] == found["aggregate"]["counterfactual"]
        assert found["steps_covered"] == count(lab, "SELECT COUNT(*) - 1 FROM step WHERE tree_id = ?", tree)


def test_fewer_simulations_are_covered_whole_and_more_are_not(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    do("synthesize", **FAKE | {"simulations": 4})
    for tree in (1, 2, 3):
        fewer = asked(lab, tree, "simulations=4")
        assert fewer["coverage"] == 1.0
        with lab.reading() as connection:
            digest = connection.exec_driver_sql("SELECT digest FROM tree_end WHERE tree_id = ?", (tree + 3,)).scalar()
        if not fewer["identical"]:
            assert fewer["digest_replayed"] == digest  # the tree that was grown with four
    more = [asked(lab, tree, "simulations=40") for tree in (4, 5, 6)]
    stopped = [found for found in more if not found["natural_end"]]
    assert stopped
    for found in stopped:
        assert 0 < found["coverage"] < 1
        assert "completions" in found["stopped_at"]
        assert (found["aggregate"] is None) == (found["coverage"] < 0.8)
    wider = asked(lab, 1, "width=5")
    assert (wider["coverage"] < 0.8, wider["aggregate"], wider["labels_changed"]) == (True, None, [])
    assert "no aggregate under 80%" in wider["aggregate_why"]


def test_what_is_not_stored_is_sampled_once_as_a_tree_of_its_own(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    anew = do("synthesize", **FAKE | {"width": 5})
    before = count(lab, "SELECT COUNT(*) FROM completion")
    note = do("counterfactual", tree=1, changes=["width=5"], sampler="fake:7")
    new = count(lab, "SELECT id FROM tree WHERE job_id = ?", note.job_id)
    with lab.reading() as connection:
        grown = canonical_json(export_rows(connection, new))
        found = beside(connection, 1, new, {"width": 5})
        whole = connection.exec_driver_sql("SELECT id FROM tree WHERE job_id = ? ORDER BY id", (anew.job_id,)).first()
        assert whole is not None
        assert grown == canonical_json(export_rows(connection, whole[0]))  # fake:7 says the same, asked or not
        assert replay(connection, new)["identical"]
        drawn = connection.exec_driver_sql("SELECT COUNT(*) FROM completion WHERE tree_id = ?", (new,)).scalar_one()
    assert f"{found['served']} completions served, {drawn - found['served']} sampled" in note.said
    assert found["coverage"] == found["served"] / drawn
    assert 0 < found["served"] < drawn
    rows = count(lab, "SELECT COUNT(*) FROM completion")
    assert rows == before + drawn
    do("counterfactual", again=note.job_id, tree=1, changes=["width=5"], sampler="fake:7")
    assert count(lab, "SELECT COUNT(*) FROM completion") == rows
    assert examine(lab, quick=False).wrong == []


def test_what_it_serves_is_the_tree_s_and_not_the_sampler_s(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    note = do("counterfactual", tree=1, changes=["c=2.0"], sampler="fake:8")  # another policy altogether
    new = count(lab, "SELECT id FROM tree WHERE job_id = ?", note.job_id)
    with lab.reading() as connection:
        assert export_rows(connection, new) == export_rows(connection, 1)


def test_a_tree_grown_on_is_no_training_data(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    query = selection.Query.parse("split:train")

    def chains() -> int:
        with lab.reading() as connection:
            return len(list(selection.chains(connection, query, selection.as_of_now(connection), selection.Excluded())))

    before = chains()
    do("counterfactual", tree=1, changes=["c=0.5"], sampler="fake:7")
    assert chains() == before > 0
    assert count(lab, "SELECT kind FROM tree WHERE id = 4") == "draws"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "nothing is set"),
        (("c",), "sets nothing"),
        (("c=high",), "is no float"),
        (("revisit=maybe",), "is no bool"),
        (("colour=red",), "no setting 'colour'"),
        (("temperature=1.0",), "no stored completion"),
        (("preset=none",), "no search preset"),
        (("alpha=7",), "between 0 and 1"),
    ],
)
def test_what_cannot_be_set_is_said(lab: Lab, do: Do, words: tuple[str, ...], error: str) -> None:
    do("synthesize", **FAKE)
    with pytest.raises(LabError, match=error):
        asked(lab, 1, *words)


def test_words_become_settings_of_their_types() -> None:
    assert settings_of(["c=1", "width=4", "widths=2,2,8", "revisit=true", "preset=omega", "most-simulations=3"]) == {
        "c": 1.0,
        "width": 4,
        "widths": (2, 2, 8),
        "revisit": True,
        "preset": "omega",
        "most_simulations": 3,
    }
