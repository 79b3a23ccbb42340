"""Searching for an answer and for data, by every method, on the scripted policy and a scripted PRM; asserted in rows."""

from __future__ import annotations

import json

import pytest

from o1coder import answers, replaying, solving, stage
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.models import Checkpoint
from o1coder.rows import add
from o1coder.verify import verify
from tests.stages.conftest import Do, count

FAKE = {"sampler": "fake:7"}
ESTIMATES = {  # what marks the labels of a preset
    "o1coder-code": "o1coder-code",
    "o1coder-paper": "visits",
    "omega": "mc",
    "openr": "mc",
    "mc": "mc",
    "best-of-n": "tree",
    "puct": "guided",
    "beam": "guided",
    "dvts": "guided",
}


@pytest.fixture
def prm(lab: Lab) -> int:
    """A PRM's row and folder; its scores come from `fake:3`."""
    (lab.home / "prm").mkdir()
    with lab.writing() as connection:
        return add(
            connection,
            Checkpoint,
            digest="sha256:prm",
            role="prm",
            format="full",
            base_digest="sha256:prm",
            bytes=1,
            path="prm",
            author="tester",
            created_at=now(),
        )


def scoring(prm: int) -> dict[str, object]:
    return {**FAKE, "prm": prm, "scorer": "fake:3"}


def settings_of(lab: Lab, job_id: int) -> dict[str, object]:
    found = count(lab, "SELECT config FROM tree WHERE job_id = ? AND kind = 'search' ORDER BY id LIMIT 1", job_id)
    return json.loads(found)


@pytest.mark.parametrize("search", ["uct", "puct", "beam", "dvts", "best-of-n"])
def test_every_search_solves(lab: Lab, do: Do, prm: int, search: str) -> None:
    problem = count(lab, "SELECT id FROM problem WHERE source_key = 'test-total_of'")
    note = do("solve", **scoring(prm), problem=problem, search=search, simulations=6)
    found, yes = answers.of(lab, "solve", note.job_id)
    assert found["code"] is not None
    assert (found["search"], found["choose"]) == (search, "agreement")
    assert yes is found["accepted"]
    assert settings_of(lab, note.job_id)["method"] == search
    before = count(lab, "SELECT COUNT(*) FROM completion")
    do("solve", again=note.job_id, **scoring(prm), problem=problem, search=search, simulations=6)
    assert count(lab, "SELECT COUNT(*) FROM completion") == before


@pytest.mark.parametrize("rule", ["agreement", "weighted", "prm", "majority"])
def test_every_rule_chooses_as_it_says(lab: Lab, do: Do, prm: int, rule: str) -> None:
    problem = count(lab, "SELECT id FROM problem WHERE source_key = 'test-total_of'")
    note = do("solve", **scoring(prm), problem=problem, choose=rule, simulations=6)
    found, _ = answers.of(lab, "solve", note.job_id)
    scored = count(lab, "SELECT COUNT(*) FROM score WHERE checkpoint_id = ?", prm)
    assert (scored > 0) is (rule in ("weighted", "prm"))
    if rule == "prm":
        best = count(
            lab,
            "SELECT MAX(c.value) FROM rollout r JOIN score c ON c.step_id = r.leaf_id WHERE r.tree_id = ?",
            found["tree"],
        )
        assert count(lab, "SELECT value FROM score WHERE step_id = ?", found["leaf"]) == best


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("solve", {"search": "puct"}),
        ("solve", {"choose": "weighted"}),
        ("evaluate", {"mode": "search", "search": "beam"}),
        ("synthesize", {"preset": "dvts"}),
    ],
)
def test_what_goes_by_a_prm_says_so_before_a_job_is_made(name: str, values: dict[str, object]) -> None:
    with pytest.raises(LabError, match="process reward model"):
        stage.parse(stage.find(name).config, values)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("synthesize", {"draws": 4}, "draws are of"),
        ("synthesize", {"preset": "best-of-n", "beams": 2}, "beams are of"),
        ("synthesize", {"aggregate": "min"}, "aggregate is of"),
        ("synthesize", {"scorer": "fake:3"}, "none is named"),
        ("solve", {"search": "dvts", "prm": 1, "beams": 2}, "beams are of"),
        ("solve", {"search": "puct", "prm": 1, "aggregate": "min"}, "aggregate is of"),
        ("solve", {"choose": "majority", "scorer": "fake:3"}, "none is named"),
    ],
)
def test_a_setting_that_nothing_asks_for_is_refused(name: str, values: dict[str, object], message: str) -> None:
    with pytest.raises(LabError, match=message):
        stage.parse(stage.find(name).config, values)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("synthesize", {"preset": "mc", "draws": 4}),
        ("synthesize", {"preset": "beam", "prm": 1, "beams": 2, "aggregate": "min", "scorer": "fake:3"}),
        ("solve", {"search": "uct", "choose": "weighted", "prm": 1, "aggregate": "min"}),
        ("solve", {"search": "dvts", "prm": 1, "aggregate": "min"}),
    ],
)
def test_a_setting_that_is_asked_for_is_taken_and_a_stored_job_parses_again(
    name: str, values: dict[str, object]
) -> None:
    config = stage.find(name).config
    for given in (values, {}):
        parsed = stage.parse(config, given)
        assert stage.parse(config, parsed.model_dump()) == parsed


@pytest.mark.parametrize(
    ("values", "message", "hint"),
    [
        ({"simulations": 0}, "simulations: ", "simulations: at least 1"),
        ({"alpha": 1.5}, "alpha: ", "alpha: at least 0, at most 1"),
        ({"alpha": float("nan")}, "alpha: this is not a number", "alpha: at least 0, at most 1"),
        ({"budget_s": "nan"}, "budget_s: this is not a number", "budget_s: more than 0"),
        ({"simulations": "many"}, "simulations: .*integer", "simulations: at least 1"),
        ({"seed": "x"}, "seed: .*integer", "seed: seed of everything random in the job"),
        ({"simulatons": 3}, "simulatons: ", "fields: seed, budget_s, "),
    ],
)
def test_a_value_out_of_range_is_told_its_range(values: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(LabError, match=message) as caught:
        stage.parse(stage.find("synthesize").config, values)
    assert caught.value.hint == hint or (hint.startswith("fields") and caught.value.hint.startswith(hint))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"most_simulations": 9}, "adaptive"),
        ({"mode": "search", "search": "best-of-n", "baseline": True}, "is the baseline"),
        ({"baseline": True}, "stands beside a search"),
    ],
)
def test_settings_that_do_not_go_together(values: dict[str, object], message: str) -> None:
    with pytest.raises(LabError, match=message):
        stage.parse(stage.find("evaluate").config, {"n": 1, **values})


def test_best_of_n_of_as_many_tokens_stands_beside_a_search(lab: Lab, do: Do) -> None:
    config = {**FAKE, "mode": "search", "n": 2, "baseline": True, "split": ["test"]}
    note = do("evaluate", **config)
    told = note.metrics
    assert told["gain"] == pytest.approx(told["search_pass"] - told["best_of_n_pass"])
    assert told.get("gain_low", -1.0) <= told["gain"] <= told.get("gain_high", 1.0)
    assert 0.6 <= told["best_of_n_tokens_out"] / told["search_tokens_out"] <= 1.6
    assert "best-of-n" in note.said[-1]
    methods = "SELECT GROUP_CONCAT(DISTINCT preset) FROM tree WHERE job_id = ? AND kind = 'search'"
    assert count(lab, methods, note.job_id) == "lab,best-of-n"
    counted = "SELECT SUM(i.n + i.masked) FROM evaluation_item i JOIN evaluation e ON e.id = i.evaluation_id WHERE e.job_id = ?"
    assert count(lab, counted, note.job_id) == 3 * 2
    # the search's own cost holds no token of the baseline
    assert count(lab, "SELECT tokens_out FROM evaluation WHERE job_id = ?", note.job_id) < count(
        lab,
        "SELECT SUM(c.tokens_out) FROM completion c JOIN tree x ON x.id = c.tree_id WHERE x.job_id = ?",
        note.job_id,
    )
    before = count(lab, "SELECT COUNT(*) FROM completion")
    again = do("evaluate", again=note.job_id, **config)
    assert count(lab, "SELECT COUNT(*) FROM completion") == before
    assert again.metrics == told


def test_an_adaptive_search_answers_directly_where_that_settles_it(lab: Lab, do: Do) -> None:
    """On three problems: whatever settled is marked, and an answer that settled before any search has no pseudocode."""
    note = do("evaluate", **FAKE, mode="search", n=1, adaptive=True, simulations=2, direct_first=6)
    ends = (
        "SELECT e.reason, x.id FROM tree_end e JOIN tree x ON x.id = e.tree_id WHERE x.job_id = ? AND x.kind = 'search'"
    )
    with lab.reading() as connection:
        found = connection.exec_driver_sql(ends, (note.job_id,)).all()
        for reason, tree_id in found:
            chosen = solving.chosen_by(connection, tree_id, {})
            assert (reason == "settled") <= solving.settled(chosen)
    direct = "SELECT COUNT(*) FROM step WHERE depth = 1 AND action = 'code' AND tree_id = ?"
    assert all(count(lab, direct, tree_id) > 0 for _, tree_id in found)
    assert settings_of(lab, note.job_id)["most_simulations"] == 8


def test_a_token_budget_ends_a_search_evaluation_between_waves(lab: Lab, do: Do) -> None:
    whole = do("evaluate", **FAKE, mode="search", n=4)
    some = do("evaluate", **FAKE, mode="search", n=4, budget_tokens=1, batch=1)
    assert count(lab, "SELECT n FROM evaluation WHERE job_id = ?", whole.job_id) == 4
    assert count(lab, "SELECT n FROM evaluation WHERE job_id = ?", some.job_id) == 1
    assert some.end == "budget"


@pytest.mark.parametrize("preset", ESTIMATES)
def test_every_preset_synthesizes(lab: Lab, do: Do, prm: int, preset: str) -> None:
    config = {**scoring(prm), "split": "train", "preset": preset, "simulations": 4, "limit": 1}
    note = do("synthesize", **config)
    assert count(lab, "SELECT GROUP_CONCAT(DISTINCT preset) FROM tree WHERE job_id = ?", note.job_id) == preset
    assert (
        count(lab, "SELECT COUNT(*) FROM tree_end e JOIN tree x ON x.id = e.tree_id WHERE x.job_id = ?", note.job_id)
        == 1
    )
    marked = count(lab, "SELECT GROUP_CONCAT(DISTINCT estimate) FROM label WHERE job_id = ?", note.job_id)
    assert marked == ESTIMATES[preset]
    with lab.reading() as connection:
        assert replaying.replay(connection, count(lab, "SELECT MAX(id) FROM tree"))["identical"]
    _, wrong = verify(lab, quick=False)
    assert [
        found for found in wrong if found.table not in ("checkpoint", "blob")
    ] == []  # the PRM is a row without weights
    tables = ("completion", "step", "rollout", "label", "score")
    before = [count(lab, f"SELECT COUNT(*) FROM {table}") for table in tables]
    do("synthesize", again=note.job_id, **config)
    assert [count(lab, f"SELECT COUNT(*) FROM {table}") for table in tables] == before


def test_a_presets_own_constants_hold_unless_they_are_named(lab: Lab, do: Do) -> None:
    for config, c, draws in (({"preset": "openr"}, 0.125, 16), ({"preset": "openr", "c": 1.0, "draws": 4}, 1.0, 4)):
        note = do("synthesize", **FAKE, split="train", limit=1, simulations=1, **config)
        found = settings_of(lab, note.job_id)
        assert (found["c"], found["draws"]) == (c, draws)


def test_the_labels_of_adaptive_trees_are_marked(lab: Lab, do: Do) -> None:
    note = do("synthesize", **FAKE, split="train", limit=1, simulations=2, adaptive=True)
    assert count(lab, "SELECT GROUP_CONCAT(DISTINCT estimate) FROM label WHERE job_id = ?", note.job_id) == "adaptive"
