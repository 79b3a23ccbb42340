"""What is run and where it is killed: scenarios, and for each the boundaries at which something dies.

A spot is the verb and the function that does it, as boundary.py notes it; `SPOTS` says who is killed there and when.
Nothing here is derived from a run: test_crash.py fails when a run crosses a boundary that is not in the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.crash.boundary import Plan, Victim


class Scenario(NamedTuple):
    """A stage with a config, in a lab that is scripted or has small trained models. HOME stands for the lab's home."""

    stage: str
    config: dict[str, Any]
    lab: str = "scripted"


FAKE = {"sampler": "fake:7"}
FEW = {"threads": 1, "batch": 2, "lora_r": 4, "max_length": 320, "save_every": 1}
SCENARIOS = {
    "synthesize": Scenario("synthesize", {**FAKE, "simulations": 3, "width": 2, "seed": 1}),
    "generate-tests": Scenario("generate-tests", {**FAKE, "split": "train", "n": 2}),
    "evaluate": Scenario("evaluate", {**FAKE, "n": 1, "split": ["validation", "test"]}),
    "evaluate-search": Scenario("evaluate", {**FAKE, "n": 1, "mode": "search", "simulations": 2}),
    "evaluate-prm": Scenario("evaluate-prm", {**FAKE, "scorer": "fake:7", "prm": 1, "codes": 3, "limit": 3}),
    "import": Scenario("import", {"source": "starter", "limit": 60}),
    "import-check": Scenario("import", {"source": "starter", "limit": 12, "check": True}),
    "export": Scenario("export", {"kind": "stepwise", "out": "HOME/out"}),
    "solve": Scenario("solve", {**FAKE, "problem": 3, "simulations": 2}),
    "score": Scenario("score", {"scorer": "fake:7", "prm": 1}),
    "tcg-sft": Scenario("tcg-sft", {**FEW, "base": 1, "iterations": 2, "seed": 5}, "trained"),
    "tcg-dpo": Scenario("tcg-dpo", {**FEW, "tcg": 3, "iterations": 2}, "trained"),
    "policy-sft": Scenario("policy-sft", {**FEW, "policy": 1, "iterations": 3}, "trained"),
    "prm": Scenario("prm", {**FEW, "base": 1, "mode": "pair", "iterations": 2}, "trained"),
    "rl": Scenario(
        "rl",
        {**FEW, "policy": 2, "prm": 4, "iterations": 3, "batch": 4, "generations": 4, "only_mixed": False, "limit": 1},
        "trained",
    ),
    "selfplay": Scenario(
        "selfplay",
        {
            "base": 1,
            "sampler": "fake:7",
            "scorer": "fake:7",
            "tcg": False,
            "overrides": {
                "synthesize": {"simulations": 3, "width": 2},
                "policy-sft": {**FEW, "iterations": 1},
                "prm": {**FEW, "iterations": 1},
                "rl": {**FEW, "iterations": 1, "batch": 4, "generations": 4},
                "evaluate": {"n": 1},
                "evaluate-prm": {"limit": 2, "codes": 2, "structures": 1, "refines": 1},
            },
        },
        "trained",
    ),
}
COORDINATORS = ("selfplay",)
ENDS = {"after commit report._store"}  # the job is done by then: nothing is left to do again

# scenario: "victim when verb function nth", a line each. The quick ones load no torch and run with every change.
QUICK = {
    "synthesize": """
        worker after commit watch.start_queued 1
        child before commit planting.planted 1
        child after commit growing.write 2
        judge after commit growing.write 1
        worker before commit growing.write 2
        child before commit report._store 1""",
    "generate-tests": """
        child after commit generating._write 2
        judge before commit generating._write 1
        child before commit generating._measure 1""",
    "evaluate": """
        child after commit growing.write 1
        judge after commit planting.planted 1
        child after commit evaluating.record 1
        worker after commit report._store 1""",
    "import": """
        child after commit importing.store 2
        child after rename answers.leave 1""",
    "export": """
        child after rename blobs.add_folder 1
        child before rename folder.write 1
        worker after commit datasets.freeze 1""",
}
TRAINING = """
        child after commit child.take 1
        child after rename blobs.add_folder 1
        child after commit datasets.freeze 1
        child before rename training._prepare 1
        child after rename training._prepare 1
        trainer before append program.run 1
        trainer after append program.on_log 1
        child after commit training.read 1
        trainer before rename folder.write_atomic 2
        trainer after rename folder.write_atomic 1
        worker after append program.on_log 1
        trainer before rename folder.finish 1
        trainer after rename folder.finish 1
        child after rename folder.write_atomic 3
        trainer after rename folder.write_atomic 3
        child after rename blobs.add_folder 2
        child before commit checkpoints.record 1
        child after commit checkpoints.record 1
        child before commit report._store 1
        worker before commit report._store 1
        child after commit report._store 1"""
# The stages that train share this path; each of the others dies once in every kind of process.
SOME = """
        child after rename blobs.add_folder 1
        trainer after append program.on_log 1
        trainer after rename folder.write_atomic 1
        child after commit training.read 1
        worker before rename folder.finish 1"""
AGAIN = """
        child after rename blobs.add_folder 2"""
SLOW = {
    "synthesize": """
        worker before commit watch.start_queued 1
        child before commit child.take 1
        child after commit child.take 1
        judge after commit planting.planted 1
        child after commit planting.planted 1
        child before commit growing.write 1
        child after commit growing.write 3
        worker after commit report._store 1
        child after commit report._store 1""",
    "generate-tests": """
        child before commit generating._write 3
        worker after commit generating._write 2
        child after commit generating._measure 1""",
    "evaluate": """
        child before commit growing.write 2
        child before commit evaluating.record 1
        child before commit evaluating.record 2
        child after commit evaluating.record 2""",
    "evaluate-search": """
        child after commit generating._write 2
        child before commit solving.verify_sets 1
        child after commit solving.verify_sets 1
        child after commit planting.planted 1
        judge after commit growing.write 1
        child after commit growing.write 2
        child after commit evaluating.judge_codes 1
        judge before commit evaluating.judge_codes 1
        worker before commit evaluating.record 1
        child after commit evaluating.record 1""",
    "evaluate-prm": """
        child after commit planting.planted 1
        judge before commit growing.write 1
        child after commit growing.write 2
        child before commit scoring.score_steps 1
        child after commit scoring.score_steps 1
        worker after commit scoring.score_steps 1""",
    "import": """
        child before commit importing.store 1
        worker after commit importing.store 1
        child before rename importing.write_rejected 1
        child after rename importing.write_rejected 1""",
    "import-check": """
        child after commit importing.store 1
        judge before commit importing._judged 1
        child after commit importing._judged 1
        child after rename importing.write_rejected 1
        child before rename answers.leave 1""",
    "export": """
        child before commit datasets.freeze 1
        child after commit datasets.freeze 1
        child after rename folder.write 1
        child before rename answers.leave 1
        child after rename answers.leave 1""",
    "solve": """
        child after commit solve.solve 1
        child after commit solving.verify_sets 1
        child after commit generating._write 1
        child after commit planting.planted 1
        judge after commit planting.planted 1
        worker after commit growing.write 1
        child after commit growing.write 1""",
    "score": """
        child before commit scoring.score_steps 1
        child after commit scoring.score_steps 1
        worker before commit scoring.score_steps 1""",
    "tcg-sft": SOME + AGAIN,
    "tcg-dpo": SOME + AGAIN,
    "policy-sft": TRAINING,
    "prm": SOME + AGAIN,
    "rl": SOME
    + """
        judge before append grpo.write 1
        child after append grpo.write 6
        trainer before append grpo.write 8
        trainer after append grpo.write 9
        worker after append grpo.write 4""",
    "selfplay": """
        child after commit verbs.enqueue 1
        child before commit verbs.enqueue 3
        worker after commit verbs.enqueue 2
        child before commit selfplay.decide 1
        child after commit selfplay.decide 1""",
}


class Case(NamedTuple):
    """One kill."""

    name: str
    plan: Plan

    @property
    def attempts(self) -> int:
        """How many the job ends with: a worker's successor adopts, a judge's worker is replaced; others are a loss."""
        ended = f"{self.plan.when} {self.plan.spot}" in ENDS
        return 2 if self.plan.victim in ("child", "trainer") and not ended else 1


def cases(table: dict[str, str]) -> Iterator[Case]:
    """The rows of a table."""
    for name, lines in table.items():
        for line in lines.strip().splitlines():
            victim, when, verb, function, nth = line.split()
            yield Case(name, Plan(victim, when, f"{verb} {function}", int(nth)))  # type: ignore[arg-type]


def victims(name: str) -> set[Victim]:
    """Who dies in a scenario, somewhere."""
    return {case.plan.victim for table in (QUICK, SLOW) for case in cases(table) if case.name == name}
