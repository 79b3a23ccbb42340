"""Agreement as a filter, and which values and pairs an export takes: counts by reason, the card, the same bytes as of then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from o1coder import labels
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.labels import SearchLabel, add_search
from o1coder.models import Checkpoint, Score
from o1coder.rows import By, add
from o1coder.stages.prm import filter_note
from o1coder.text import FORMAT_DIGEST
from o1coder.treequery import Query
from o1coder.verify import verify
from tests.export.conftest import LABELS, Path_, grow, lines, new_job
from tests.export.test_export import run


@pytest.mark.parametrize(
    "text",
    [
        "agree:people",
        "agree:search agree:prm",
        "prm:3",
        "agree:search threshold:0.5",
        "agree:prm threshold:2",
        "agree:prm threshold:nan",
        "agree:prm threshold:0.5 tuned:3",
        "agree:prm prm:newest",
    ],
)
def test_a_filter_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(LabError):
        Query.parse(text)


def test_a_filter_has_one_canonical_text() -> None:
    text = "split:train agree:search+prm prm:3 threshold:0.5"
    assert Query.parse("threshold:0.5 prm:3 agree:search+prm split:train").text() == text
    assert Query.parse(text).voices == {"search", "prm"}


def prm(lab: Lab, ids: dict[Path_, int], scores: dict[Path_, float]) -> int:
    """A PRM that scored some steps."""
    job = new_job(lab, "score")
    with lab.writing() as connection:
        found = add(
            connection,
            Checkpoint,
            digest=f"sha256:{job}",
            role="prm",
            format="full",
            base_digest="sha256:b",
            bytes=1,
            path=f"blobs/{job}",
            author="t",
            created_at=now(),
        )
        for path, value in scores.items():
            add(
                connection,
                Score,
                step_id=ids[path],
                checkpoint_id=found,
                format_digest=FORMAT_DIGEST,
                value=value,
                job_id=job,
            )
        return found


AGREES = {path: 0.9 if value == "valid" else 0.2 for path, (value, _) in LABELS.items()}


def test_search_and_execution_agree_or_the_step_is_left_out(lab: Lab, tmp_path: Path) -> None:
    ids = grow(lab)
    whole = run(lab, "o1coder-prm", tmp_path / "whole")
    assert run(lab, "o1coder-prm", tmp_path / "search", query="agree:search")["sha256"] == whole["sha256"]
    ran = run(lab, "o1coder-prm", tmp_path / "ran", query="agree:execution")
    # (1,) is labelled invalid, but one failing draw below it is not enough to say so
    assert ran["rows"] == whole["rows"] - 1
    assert ran["excluded"] == {"unsure": 1, "execution says nothing sure": 1}
    labels.add_human(lab, ids[0, 0, 0], "invalid", "t")
    for word, who in (("search", "search"), ("execution", "execution"), ("execution+search", "search")):
        found = run(lab, "o1coder-prm", tmp_path / f"{word}-after", query=f"agree:{word}")
        assert found["excluded"][f"{who} disagrees with the label"] == 1
    assert "execution, search say" in (tmp_path / "execution+search-after" / "README.md").read_text()


def test_a_prm_agrees_from_a_threshold_on_and_the_card_says_so(lab: Lab, tmp_path: Path) -> None:
    ids = grow(lab)
    with pytest.raises(LabError, match="no PRM has scored"):
        run(lab, "o1coder-prm", tmp_path / "none", query="agree:prm threshold:0.5")
    who = prm(lab, ids, {path: value for path, value in AGREES.items() if path != (1, 0)} | {(0, 0): 0.1})
    with pytest.raises(LabError, match="no fresh draws"):
        run(lab, "o1coder-prm", tmp_path / "untuned", query="agree:prm")
    found = run(lab, "o1coder-prm", tmp_path / "out", query="agree:prm threshold:0.5")
    assert found["excluded"] == {"unsure": 1, "the PRM disagrees with the label": 1, "the PRM says nothing sure": 1}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["query"]["query"] == f"agree:prm prm:{who} threshold:0.5"
    said = manifest["query"]["filter"]
    assert (said["prm"], said["threshold"], said["format"]) == (who, 0.5, FORMAT_DIGEST)
    assert f"checkpoint {who}, valid from 0.5 on" in (tmp_path / "out" / "README.md").read_text()
    assert filter_note({"filter": said}) == f"rows chosen by PRM {who} at 0.5 ({said['tuned_on']})"
    assert filter_note({}) == ""
    chains = run(lab, "prompt-completion", tmp_path / "chains", query="agree:prm threshold:0.05")
    assert chains["rows"] == 1
    with pytest.raises(LabError, match="1 × the PRM disagrees"):
        run(lab, "prompt-completion", tmp_path / "no-chains", query="agree:prm threshold:0.5")
    _, wrong = verify(lab, quick=False)
    assert [each for each in wrong if each.table.startswith("dataset")] == []


def test_the_same_moment_gives_the_same_rows_whatever_was_scored_since(lab: Lab, tmp_path: Path) -> None:
    ids = grow(lab)
    first_prm = prm(lab, ids, {path: value for path, value in AGREES.items() if path != (0, 1, 0)})
    first = run(lab, "stepwise", tmp_path / "1", query="agree:prm threshold:0.5")
    second_prm = prm(lab, ids, {path: 1 - value for path, value in AGREES.items()} | {(0,): 0.9, (0, 0): 0.9})
    second = run(lab, "stepwise", tmp_path / "2", query="agree:prm threshold:0.5")
    assert second["sha256"] != first["sha256"]
    again = run(lab, "stepwise", tmp_path / "3", query="agree:prm threshold:0.5", as_of=str(first["dataset"]))
    assert again["sha256"] == first["sha256"]
    named = run(lab, "stepwise", tmp_path / "4", query=f"agree:prm prm:{first_prm} threshold:0.5")
    assert named["sha256"] == first["sha256"]
    manifest = json.loads((tmp_path / "2" / "manifest.json").read_text())
    assert manifest["query"]["filter"]["prm"] == second_prm
    _, wrong = verify(lab, quick=False)
    assert [each for each in wrong if each.table.startswith("dataset")] == []


def relabelled(lab: Lab, ids: dict[Path_, int], estimate: str, value: float) -> None:
    by = By(job_id=new_job(lab, "relabel"))
    with lab.writing() as connection:
        found = [SearchLabel(ids[path], word, value, value, 8, 4) for path, (word, _) in LABELS.items()]
        add_search(connection, found, by, estimate=estimate)


def values(folder: Path) -> set[float]:
    return {value for row in lines(folder) for value in row["label"]}  # type: ignore[attr-defined]


def test_a_value_of_another_estimate_must_be_asked_for(lab: Lab, tmp_path: Path) -> None:
    ids = grow(lab)
    relabelled(lab, ids, "visits", 0.3)
    with pytest.raises(LabError, match="estimate visits, which the query does not name"):
        run(lab, "o1coder-prm", tmp_path / "none", target="value")
    run(lab, "o1coder-prm", tmp_path / "named", target="value", query="estimate:visits")
    assert values(tmp_path / "named") == {0.3}
    assert run(lab, "o1coder-prm", tmp_path / "hard")["rows"] == 7  # what passed and what failed is no estimate
    with pytest.raises(LabError, match="no label of the wanted estimate"):
        run(lab, "o1coder-prm", tmp_path / "mc", query="estimate:mc")


def test_an_adaptive_search_makes_chains_and_no_values(lab: Lab, tmp_path: Path) -> None:
    ids = grow(lab)
    relabelled(lab, ids, "adaptive", 0.3)
    for query in ("split:train", "estimate:adaptive"):
        with pytest.raises(LabError, match="a value of an adaptive search"):
            run(lab, "o1coder-prm", tmp_path / "none", target="value", query=query)
    assert run(lab, "prompt-completion", tmp_path / "chains")["rows"] == 1


def test_fresh_draws_are_no_data(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    for kind in ("prompt-completion", "preference", "stepwise", "o1coder-prm"):
        with pytest.raises(LabError, match="kind:draws may not be trained on"):
            run(lab, kind, tmp_path / "out", query="kind:draws")


def test_strict_pairs_carry_their_weight_and_the_card_says_the_rule(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    plain = run(lab, "preference", tmp_path / "plain")
    strict = run(lab, "preference", tmp_path / "strict", pairs="strict", edit=3)
    # the structures: 8 draws each, 6 of them passing and none; the programs differ in one letter
    assert strict["excluded"]["texts less than 3 edits apart"] == 1
    assert (plain["rows"], strict["rows"]) == (2, 1)
    [row] = lines(tmp_path / "strict")
    assert row.pop("weight") == 1.0
    assert row == lines(tmp_path / "plain")[0]
    assert "at least 3 edits and values at least 0.5 apart" in (tmp_path / "strict" / "README.md").read_text()
    assert "weight" in json.loads((tmp_path / "strict" / "manifest.json").read_text())["schema"]
    _, wrong = verify(lab, quick=False)
    assert [each for each in wrong if each.table.startswith("dataset")] == []


def test_programs_pair_siblings_else_whole_chains(lab: Lab, tmp_path: Path) -> None:
    ids = grow(lab)
    run(lab, "preference", tmp_path / "siblings", pairs="programs")
    [row] = lines(tmp_path / "siblings")
    assert str(row["prompt"]).endswith("2. return the sum\n")
    labels.add_human(lab, ids[0, 0, 1], "unsure", "t")  # now no siblings differ
    run(lab, "preference", tmp_path / "chains", pairs="programs")
    rows: list[dict[str, Any]] = lines(tmp_path / "chains")
    assert len(rows) == 2
    for row in rows:
        assert row["prompt"].endswith("adds two numbers.\n")
        assert row["chosen"].startswith("### Structure\nFunction add(a, b). Plan: add them.")
        assert "# guess" in row["rejected"]
    assert "whole chains" in (tmp_path / "chains" / "README.md").read_text()
