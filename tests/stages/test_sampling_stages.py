"""The stages that sample, end to end on the scripted policy, asserted in rows; run again they add nothing."""

from __future__ import annotations

import json

import pytest

from o1coder import labels, loop, replaying, report, selection
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.queries import checkpoints, problems, trees
from o1coder.search import tree_digest
from o1coder.trees import canonical_json, export_rows
from tests.stages.conftest import Do, count

FAKE = {"sampler": "fake:7", "split": "train"}


def rows(lab: Lab) -> dict[str, int]:
    tables = (
        "tree step completion rollout label verdict program tree_end evaluation evaluation_item generated_case test_set"
    )
    return {name: count(lab, f"SELECT COUNT(*) FROM {name}") for name in tables.split()}


def test_synthesize_leaves_a_labelled_tree_a_problem_and_adds_nothing_twice(lab: Lab, do: Do) -> None:
    note = do("synthesize", **FAKE)
    assert count(lab, "SELECT COUNT(*) FROM tree_end") == 3
    assert count(lab, "SELECT COUNT(*) FROM step WHERE action = 'code' AND program_id IS NULL") == 0
    passing = "SELECT COUNT(*) FROM rollout WHERE total > 0 AND passed = total"
    assert 0 < count(lab, passing) < count(lab, "SELECT COUNT(*) FROM rollout")
    assert count(lab, "SELECT COUNT(*) FROM label WHERE source = 'search' AND job_id <> ?", note.job_id) == 0
    code = "SELECT COUNT(*) FROM label l JOIN step s ON s.id = l.step_id WHERE s.action = 'code' AND l.value = 'unsure'"
    assert count(lab, code) == 0
    before = rows(lab)
    do("synthesize", again=note.job_id, **FAKE)
    assert rows(lab) == before


@pytest.mark.parametrize("name", ["synthesize", "generate-tests"])
def test_a_problem_of_another_split_is_refused_and_one_named_twice_is_one(lab: Lab, do: Do, name: str) -> None:
    train, other = (
        count(lab, "SELECT id FROM problem WHERE split = ? ORDER BY id LIMIT 1", split) for split in ("train", "test")
    )
    jobs = count(lab, "SELECT COUNT(*) FROM job")
    with pytest.raises(LabError, match=f"problem {other} is of split test, not train"):
        do(name, **FAKE, problems=[train, other])
    assert count(lab, "SELECT COUNT(*) FROM job") == jobs
    with lab.reading() as connection:
        with pytest.raises(LabError, match=f"problem {train} is of split train, not validation"):
            problems.select(connection, split="validation", slice=None, limit=None, ids=(train,))
        assert problems.select(connection, split=None, slice=None, limit=None, ids=(other, train)) == [other, train]
    note = do(name, **FAKE, problems=[train, train])
    assert json.loads(count(lab, "SELECT config FROM job WHERE id = ?", note.job_id))["problems"] == [train]
    assert count(lab, "SELECT COUNT(*) FROM tree WHERE job_id = ?", note.job_id) == 1


def test_the_same_seed_gives_the_same_trees_and_another_seed_others(lab: Lab, do: Do) -> None:
    jobs = [do("synthesize", **FAKE, seed=seed).job_id for seed in (1, 1, 2)]
    with lab.reading() as connection:
        bytes_of = [[canonical_json(export_rows(connection, i)) for i in trees.of_job(connection, job)] for job in jobs]
    assert bytes_of[0] == bytes_of[1]
    assert bytes_of[0] != bytes_of[2]


def test_a_tree_replays_without_a_model_and_relabels_under_another_alpha(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    with lab.reading() as connection:
        for tree in trees.page(connection):
            found = replaying.replay(connection, tree.id)
            assert found["identical"]
            assert found["digest_stored"] == tree.digest
    changed = [replaying.relabel(lab, n, alpha=1.0, threshold=1) for n in (1, 2, 3)]
    by_verdicts = replaying.relabel(lab, tree.id)
    assert any(found["labels_changed"] for found in changed)
    assert by_verdicts["identical"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE step SET text = text || '!' WHERE parent_id IS NOT NULL",
        "UPDATE completion SET text = 'no heading'",
        "UPDATE completion SET step_id = NULL, error = 'none' WHERE step_id = (SELECT MAX(step_id) FROM completion)",
        "UPDATE rollout SET reward = 1 - reward",
        "UPDATE verdict SET code = 'WA' WHERE code = 'AC'",
    ],
)
def test_a_replay_finds_what_is_not_as_it_was_read_and_rewarded(lab: Lab, do: Do, damage: str) -> None:
    do("synthesize", **FAKE)
    with lab.writing() as connection:
        for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql(damage)
        for tree in trees.page(connection):  # so that the digest agrees with the damaged facts
            kept = tree_digest(export_rows(connection, tree.id))
            connection.exec_driver_sql("UPDATE tree_end SET digest = ? WHERE tree_id = ?", (kept, tree.id))
    with lab.reading() as connection:
        found = [replaying.replay(connection, tree.id) for tree in trees.page(connection)]
    assert not all(one["identical"] for one in found)


def test_every_step_row_is_derived_in_preorder(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    with lab.reading() as connection:
        tree = trees.page(connection)[0]
        found = trees.steps(connection, tree.id)
        assert found[0].path == ""
        assert found[0].n == count(
            lab, "SELECT COUNT(*) FROM rollout WHERE tree_id = ? AND reward IS NOT NULL", tree.id
        )
        place = {step.path: n for n, step in enumerate(found)}
        for step in found[1:]:
            parent = step.path.rpartition(".")[0]
            assert place[parent] < place[step.path]
            assert trees.find_step(connection, f"{tree.id}:{step.path}") == step.id
        with pytest.raises(LabError, match="no step"):
            trees.find_step(connection, f"{tree.id}:99")


def test_generate_tests_keeps_raw_validity_beside_the_survivors(lab: Lab, do: Do) -> None:
    config = {"sampler": "fake:7", "split": "validation", "n": 6}
    note = do("generate-tests", **config)
    asked, valid = count(lab, "SELECT SUM(n) FROM evaluation_item"), count(lab, "SELECT SUM(c) FROM evaluation_item")
    assert asked == 3 * 6 * 3
    assert 0 < valid < asked
    survivors = "SELECT COUNT(DISTINCT i.test_case_id) FROM test_set s JOIN test_set_item i ON i.test_set_id = s.id "
    kept = count(lab, survivors + "WHERE s.purpose = 'verify'")
    assert 0 < kept <= valid
    wrong = "JOIN generated_case g ON g.test_case_id = i.test_case_id WHERE s.purpose = 'verify' AND g.valid = 0"
    assert count(lab, survivors + wrong) == 0
    before = rows(lab)
    do("generate-tests", again=note.job_id, **config)
    assert rows(lab) == before


@pytest.mark.parametrize("mode", ["direct", "pseudocode", "search"])
def test_evaluate_leaves_an_item_a_problem(lab: Lab, do: Do, mode: str) -> None:
    config = {"sampler": "fake:7", "split": ["validation", "test"], "n": 3, "mode": mode}
    note = do("evaluate", **config)
    with lab.reading() as connection:
        found = checkpoints.evaluations(connection, job=note.job_id)
    assert [(e.split, e.mode, e.problems, e.samples) for e in found] == [
        ("test", mode, 3, 9),
        ("validation", mode, 3, 9),
    ]
    assert sum(e.correct for e in found) > 0
    before = rows(lab)
    do("evaluate", again=note.job_id, **config)
    assert rows(lab) == before


def test_evaluate_programs_of_a_file(lab: Lab, do: Do, tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "programs.jsonl"
    right, wrong = "def total_of_test(xs):\n    return sum(xs)\n", "def total_of_test(xs):\n    return 0\n"
    lines = [{"problem": "test-total_of", "code": right}, {"task_id": "test/test-total_of", "completion": wrong}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    do("evaluate", programs=str(file))
    assert count(lab, "SELECT n || '/' || c FROM evaluation_item") == "2/1"
    file.write_text('{"problem": "test-total_of"}\n')
    with pytest.raises(LabError, match="line 1"):
        do("evaluate", programs=str(file))


def test_solve_looks_at_no_reference_and_no_held_out_test(lab: Lab, do: Do) -> None:
    problem = count(lab, "SELECT id FROM problem WHERE source_key = 'test-total_of'")
    note = do("solve", sampler="fake:7", problem=problem)
    sets = (
        "SELECT GROUP_CONCAT(DISTINCT s.purpose) FROM tree x JOIN test_set s ON s.id = x.test_set_id WHERE x.job_id = ?"
    )
    assert count(lab, sets, note.job_id) == "verify"
    judged = (
        "SELECT COUNT(*) FROM verdict v JOIN test_set_item i ON i.test_case_id = v.test_case_id JOIN test_set s "
        "ON s.id = i.test_set_id JOIN test_case t ON t.id = v.test_case_id WHERE s.purpose = 'held-out' AND t.origin <> 'tcg'"
    )
    assert count(lab, judged) == 0
    assert count(lab, "SELECT COUNT(*) FROM generated_case WHERE valid IS NOT NULL") == 0


def test_solve_of_a_statement_makes_a_problem_of_its_own(lab: Lab, do: Do) -> None:
    do("solve", sampler="fake:7", statement="Write a Python function `top(xs)` that returns the largest number in xs.")
    assert count(lab, "SELECT entry_point FROM problem WHERE source = 'solve'") == "top"
    with pytest.raises(LabError, match="empty"):
        do("solve", sampler="fake:7", statement="  ")


def test_a_budget_of_no_seconds_ends_trees_and_says_so(lab: Lab, do: Do) -> None:
    from o1coder import stage
    from o1coder.jobs import verbs
    from tests.stages.conftest import Note

    declared = stage.find("synthesize")
    config = stage.parse(declared.config, {**FAKE, "budget_s": 1})
    note = Note(verbs.enqueue(lab, "synthesize", config))
    note.remaining_s = 0.0
    declared.run(lab, config, note)
    assert count(lab, "SELECT COUNT(*) FROM rollout") == 0
    assert count(lab, "SELECT COUNT(*) FROM tree_end WHERE reason <> 'budget'") == 0


def test_selections_follow_the_label_that_counts(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    query = selection.Query.parse("split:train")

    def chains() -> list[int]:
        with lab.reading() as connection:
            found = selection.chains(connection, query, selection.as_of_now(connection), selection.Excluded())
            return [chain.steps[0].id for chain in found]

    def targets() -> dict[int, float]:
        with lab.reading() as connection:
            found = selection.labelled_steps(
                connection, query, selection.as_of_now(connection), selection.Excluded(), target="validity"
            )
            return {item.prefix[-1].id: item.target for item in found}

    first = chains()
    assert first
    assert targets()[first[0]] == 1.0
    added = labels.add_human(lab, first[0], "invalid", "anna")
    assert first[0] not in chains()
    assert targets()[first[0]] == 0.0
    labels.undo(lab, added.id, "anna")
    assert chains() == first
    assert targets()[first[0]] == 1.0
    labels.add_human(lab, first[0], "unsure", "anna")
    assert first[0] not in targets()
    with pytest.raises(LabError, match="no field"):
        selection.Query.parse("colour:red")


def test_missing_problems_and_policies_are_said(lab: Lab, do: Do) -> None:
    with pytest.raises(LabError, match="no problems"):
        do("synthesize", sampler="fake:7", slice="nowhere")
    with pytest.raises(LabError, match="no policy is named"):
        do("synthesize", split="train")
    with lab.reading() as connection, pytest.raises(LabError, match="no problem"):
        problems.find(connection, "nobody")


def test_the_prm_of_a_round_learns_from_its_runs_trees_and_from_values_of_one_policy() -> None:
    found = {}
    for target in ("validity", "value"):
        settings = loop.Settings(base=1, tcg=False, sft=False, overrides={"prm": {"target": target}})
        facts = loop.RoundFacts(1, 1, None, {"synthesize": loop.Done(41, None)}, "my run")
        move = loop.next_stage(settings, facts)
        assert move is not None
        assert move.name == "prm"
        found[target] = selection.Query.parse(move.config["query"])
    assert found["validity"].run == ("my run",)
    assert found["value"].job == ("41",)


def test_the_loop_asks_for_every_move_once_and_in_the_papers_order() -> None:
    settings = loop.Settings(base=1, budgets={"prm": 5.0}, overrides={"evaluate": {"n": 2}, "sft": {"n": 3}})
    done: dict[str, loop.Done] = {}
    names = []
    while (move := loop.next_stage(settings, loop.RoundFacts(0, 1, None, done))) is not None:
        assert loop.next_stage(settings, loop.RoundFacts(0, 1, None, dict(done))) == move
        names.append(move.name)
        done[move.name] = loop.Done(len(names), 100 + len(names))
        if move.name == "prm":
            assert move.config["budget_s"] == 5.0
        if move.stage == "evaluate":
            assert move.config["n"] == (3 if move.name == "sft" else 2)
    assert names == [name for name, _ in loop.moves(settings, 0)]
    order = ["tcg-sft", "tcg-dpo", "synthesize", "policy-sft", "prm", "rl"]
    assert [name for name in names if name in order] == order
    assert [name for name, _ in loop.moves(settings, 1)][0] == "synthesize"
    assert "policy-sft" not in dict(loop.moves(loop.Settings(base=1, sft=False), 0))


def test_the_report_of_a_round_that_has_not_begun_shows_what_is_not_there(lab: Lab) -> None:
    with lab.writing() as connection:
        connection.exec_driver_sql("INSERT INTO run (name, author, created_at) VALUES ('r', 'a', 'now')")
    found = report.round_report(lab, "r", 0)
    text = "\n".join(report.lines(found))
    assert "n/a" in text
    assert "gate: not yet" in text


def test_the_shuffle_control_moves_labels_only_within_problem_and_kind(lab: Lab, do: Do) -> None:
    from collections import Counter

    from o1coder.stages.prm import point_rows

    do("synthesize", **FAKE)
    with lab.reading() as connection:
        as_of, query = selection.as_of_now(connection), selection.Query.parse("split:train")
        found = list(selection.labelled_steps(connection, query, as_of, selection.Excluded(), target="validity"))
    plain, mixed = point_rows(found), point_rows(found, 3)
    assert [row.content["text"] for row in plain] == [row.content["text"] for row in mixed]

    def sums(rows: list) -> Counter:  # type: ignore[type-arg]
        return Counter(
            (item.problem_id, item.prefix[-1].action, row.content["value"])
            for item, row in zip(found, rows, strict=True)
        )

    assert sums(plain) == sums(mixed)
    assert [row.content["value"] for row in plain] != [row.content["value"] for row in mixed]


def test_a_budget_ends_an_evaluation_between_waves_and_all_problems_keep_the_same_n(lab: Lab, do: Do) -> None:
    from o1coder import stage
    from o1coder.jobs import verbs
    from tests.stages.conftest import Note

    class Running(Note):
        """Seconds left: enough for the first wave's beginning, then none."""

        looks = 0

        @property
        def remaining_s(self) -> float | None:  # type: ignore[override]
            self.looks += 1
            return 0.0

        @remaining_s.setter
        def remaining_s(self, value: float | None) -> None: ...

    declared = stage.find("evaluate")
    config = stage.parse(
        declared.config, {"sampler": "fake:7", "split": ["validation", "test"], "n": 5, "batch": 1, "budget_s": 1}
    )
    note = Running(verbs.enqueue(lab, "evaluate", config))
    declared.run(lab, config, note)
    assert note.end == "budget"
    with lab.reading() as connection:
        found = checkpoints.evaluations(connection, job=note.job_id)
    assert [(e.split, e.problems, e.samples, e.n, e.stopped) for e in found] == [
        ("test", 3, 3, 1, "budget"),
        ("validation", 3, 3, 1, "budget"),
    ]
    assert count(lab, "SELECT COUNT(*) FROM tree_end WHERE reason = 'budget'") == 0


def test_a_train_problem_is_evaluated_on_audit_tests(lab: Lab, do: Do) -> None:
    note = do("evaluate", sampler="fake:7", split=["train"], n=1)
    sets = (
        "SELECT GROUP_CONCAT(DISTINCT s.purpose) FROM tree x JOIN test_set s ON s.id = x.test_set_id WHERE x.job_id = ?"
    )
    assert count(lab, sets, note.job_id) == "audit"


def test_solve_uses_its_own_cases_though_a_checked_set_of_some_of_them_is_newer(lab: Lab, do: Do) -> None:
    problem = count(lab, "SELECT id FROM problem WHERE source_key = 'train-total_of'")
    size = (
        "SELECT COUNT(*) FROM tree x JOIN test_set_item i ON i.test_set_id = x.test_set_id "
        "WHERE x.job_id = ? AND x.kind = 'search'"
    )
    first = do("solve", sampler="fake:7", problem=problem)
    do("generate-tests", sampler="fake:7", form="statement", problems=[problem], split="train", n=2)
    second = do("solve", sampler="fake:7", problem=problem)
    assert count(lab, size, second.job_id) == count(lab, size, first.job_id) > 0


def test_chains_of_generated_or_audit_tests_are_no_training_data(lab: Lab, do: Do) -> None:
    problem = count(lab, "SELECT id FROM problem WHERE source_key = 'train-total_of'")
    do("solve", sampler="fake:7", problem=problem)
    do("evaluate", sampler="fake:7", split=["train"], n=4)
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        assert list(selection.chains(connection, selection.Query(), as_of, selection.Excluded())) == []


@pytest.mark.parametrize("query", ["split:test", "split:train split:validation", "kind:draws"])
def test_what_measures_may_not_be_trained_on(query: str) -> None:
    with pytest.raises(LabError, match="may not be trained on"):
        selection.Query.parse(query).training()
    held = selection.Query.parse("job:3").training()
    assert (held.split, held.job, held.kind) == (("train",), ("3",), ("search", "group"))


def test_a_solved_statement_is_in_no_splits_measure(lab: Lab, do: Do) -> None:
    do("solve", sampler="fake:7", statement="Write a Python function `top(xs)` that returns the largest number in xs.")
    do("evaluate", sampler="fake:7", split=["test"], n=1)
    assert count(lab, "SELECT COUNT(*) FROM evaluation_item") == 3
