"""A lab as stages leave it: starter problems, searched trees with labels, a person's labels, three frozen datasets, a job of
each standing. Made once; a test works on a copy, with `damage` to break what the triggers protect."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from o1coder import datasets, labels, mining, selection, stage
from o1coder.lab import Lab
from o1coder.problems.record import NewProblem
from o1coder.problems.shipped import read
from o1coder.problems.store import add_problem
from o1coder.rows import By

from .grown import Quiet, add_job

PROBLEMS = 3


def run_stage(lab: Lab, name: str, values: dict[str, Any]) -> int:
    """Run a stage here and now; returns its job."""
    job_id = add_job(lab, name, values)
    declared = stage.find(name)
    declared.run(lab, stage.parse(declared.config, values), Quiet(job_id))
    return job_id


def make_lab(home: Path) -> None:
    """Write the lab; see the head of this file."""
    lab = Lab.create(home)
    found = [p for p in read() if isinstance(p, NewProblem) and p.slice == "demo" and p.split == "train"]
    with lab.writing() as connection:
        for problem in found[:PROBLEMS]:
            add_problem(connection, problem, By(author="tester"))
    run_stage(lab, "synthesize", {"sampler": "fake:7", "simulations": 4})
    with lab.reading() as connection:
        # By tree, not by label: which of the trees ends first, and so is labelled first, is a matter of timing.
        labelled = "SELECT l.step_id FROM label l JOIN step s ON s.id = l.step_id ORDER BY s.tree_id, s.id LIMIT 3"
        steps = [row[0] for row in connection.exec_driver_sql(labelled)]
        beside_valid = connection.exec_driver_sql(
            "SELECT s.id FROM step s JOIN label l ON l.step_id = s.id AND l.value = 'unsure' WHERE s.parent_id IN "
            "(SELECT o.parent_id FROM step o JOIN label v ON v.step_id = o.id AND v.value = 'valid') ORDER BY s.tree_id, s.id"
        ).first()
    assert beside_valid is not None, "the scripted sampler left no siblings that differ"
    labels.add_human(lab, beside_valid[0], "invalid", "ann", reason="does not follow")
    labels.undo(lab, labels.add_human(lab, steps[1], "valid", "ann").id, "ann")
    freeze(lab)
    labels.add_human(lab, steps[2], "invalid", "bob")  # after the datasets: they must not see it
    lab.close()


def freeze(lab: Lab) -> None:
    """The datasets of the training stages, with rows of one number each: their members are what is checked."""
    query, excluded = selection.Query.parse("split:train"), selection.Excluded()
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        chains = list(selection.chains(connection, query, as_of, excluded))
        point = list(selection.labelled_steps(connection, query, as_of, excluded, target="validity"))
        pairs = list(mining.pairs(connection, query, as_of, excluded, mining.rule()))
    made = {
        "policy-sft": [
            datasets.Row({"n": n}, rollout_id=c.rollout_id, label_ids=c.label_ids, path_ids=c.path_ids)
            for n, c in enumerate(chains)
        ],
        "prm-point": [datasets.Row({"n": n}, p.prefix[-1].id, label_ids=p.label_ids) for n, p in enumerate(point)],
        "prm-pair": [
            datasets.Row({"n": n}, p.worse.prefix[-1].id, label_ids=p.better.label_ids + p.worse.label_ids)
            for n, p in enumerate(pairs)
        ],
    }
    asked = {"query": "split:train", "per_problem": 4, "margin": 0.0}
    for kind, found in made.items():
        by = By(author="tester")
        datasets.freeze(lab, kind, found, query=asked, as_of=as_of, by=by, target="validity")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab, made once; its database is one file without a WAL."""
    home = tmp_path_factory.mktemp("template") / "lab"
    make_lab(home)
    return home


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(template, tmp_path / "lab"))


@pytest.fixture
def lab(home: Path) -> Iterator[Lab]:
    """The copy, open."""
    lab = Lab(home)
    yield lab
    lab.close()


Damage = Callable[..., int]


@pytest.fixture
def damage(home: Path) -> Damage:
    """Break the copy behind the lab's back: triggers, foreign keys and CHECKs are off while the statements run, and the
    triggers are back afterwards. Returns how many rows the statements changed."""
    from o1coder import db

    def run(*statements: str) -> int:
        module: Any = db.driver()[0]
        raw: sqlite3.Connection = module.connect(str(home / "lab.db"), isolation_level=None)
        raw.execute("PRAGMA foreign_keys=OFF")
        raw.execute("PRAGMA ignore_check_constraints=ON")
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        before = raw.total_changes
        for statement in statements:
            raw.execute(statement)
        changed = raw.total_changes - before
        for statement in db.triggers():
            raw.execute(statement)
        raw.close()
        return changed

    return run
