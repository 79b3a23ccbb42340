"""Kill -9 of worker, child, trainer or judge at commit and file boundaries of every stage: afterwards all is as it would be.

Every process is real; table.py says who dies where. A job that was killed must be done, with two attempts where its child
or trainer died and one where the worker or the judge did; it must leave what an unkilled run leaves, nothing twice; verify
must find nothing, and no process of the job may live.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from o1coder.jobs import alive, launch, verbs
from o1coder.lab import Lab
from o1coder.verify import verify
from tests.crash import world
from tests.crash.table import COORDINATORS, QUICK, SCENARIOS, SLOW, Case, cases, victims
from tests.crash.worker import ensure_worker, stop_worker

Reference = Callable[[str], world.Ran]
Template = Callable[[str], Path]


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest) -> Template:
    """The lab that a scenario starts in; made when first asked for."""

    def find(name: str) -> Path:
        found: Path = request.getfixturevalue(SCENARIOS[name].lab)
        return found

    return find


@pytest.fixture(scope="session")
def reference(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A scenario's run that nobody killed; run when first asked for."""
    known: dict[str, world.Ran] = {}

    def find(name: str) -> world.Ran:
        if name not in known:
            home = tmp_path_factory.mktemp("unkilled") / "lab"
            known[name] = world.run(template(name), home, SCENARIOS[name].stage, SCENARIOS[name].config)
            assert (known[name].job.state, known[name].job.attempts) == ("done", 1), known[name].job
        return known[name]

    return find


def params(table: dict[str, str]) -> list[object]:
    slow = [pytest.mark.slow] if table is SLOW else []
    return [
        pytest.param(
            case, marks=slow, id=f"{case.name}: {case.plan.victim} {case.plan.when} {case.plan.spot} {case.plan.nth}"
        )
        for case in cases(table)
    ]


@pytest.mark.parametrize("case", [*params(QUICK), *params(SLOW)])
def test_a_killed_job_ends_as_if_nothing_had_happened(
    case: Case, template: Template, reference: Reference, tmp_path: Path
) -> None:
    unkilled = reference(case.name)
    scenario = SCENARIOS[case.name]
    killed = world.run(template(case.name), tmp_path / "lab", scenario.stage, scenario.config, case.plan)
    log = Path(killed.job.log).read_text()
    assert killed.fired, (f"{case.plan} never came", killed.crossed)
    assert not killed.fired.endswith("[]"), (case.plan, "there was no victim then")
    assert (killed.job.state, killed.job.attempts) == ("done", case.attempts), log
    assert killed.left == unkilled.left, log
    assert killed.living == {}
    nothing_is_wrong(tmp_path / "lab")


def nothing_is_wrong(home: Path) -> None:
    """verify finds nothing."""
    lab = Lab(home, readonly=True)
    _, wrong = verify(lab, quick=False)
    lab.close()
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_table_names_every_boundary_that_a_stage_crosses(name: str, reference: Reference) -> None:
    # Pulses come when they come, and are no facts: kills at random moments are for them.
    by_the_clock = {"commit watch._bury", "commit growing.pulses"}
    crossed = {line.split(" ", 1)[1] for line in reference(name).crossed} - by_the_clock
    same = SCENARIOS[name].stage
    named = {
        case.plan.spot
        for table in (QUICK, SLOW)
        for case in cases(table)
        if SCENARIOS[case.name].stage == same or case.name in ("synthesize", "policy-sft")
    }
    if name not in COORDINATORS:  # its children cross theirs
        assert crossed <= named
    assert {"child", "worker"} <= victims(name) or name == "import-check"


def test_export_and_verify_of_the_command_line_say_so(template: Template, reference: Reference, tmp_path: Path) -> None:
    case = next(iter(cases(QUICK)))
    scenario = SCENARIOS[case.name]
    ran = world.run(template(case.name), tmp_path / "lab", scenario.stage, scenario.config, case.plan)
    command = [sys.executable, "-P", "-m", "o1coder.cli", "--home", str(tmp_path / "lab")]
    export = subprocess.run(
        [*command, "trees", "export", "--job", str(ran.job.id)],
        capture_output=True,
        check=True,
        env=launch.environment(),
    )
    assert hashlib.sha256(export.stdout).hexdigest() == reference(case.name).left.trees
    said = subprocess.run([*command, "verify"], capture_output=True, check=False, env=launch.environment())
    assert said.returncode == 0, said


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_kills_at_random_moments(seed: int, template: Template, reference: Reference, tmp_path: Path) -> None:
    """No boundary in mind: the worker again and again, the child once, whenever the dice say so."""
    dice = random.Random(seed)
    name = dice.choice(["synthesize", "generate-tests", "evaluate", "evaluate-search"])
    home = tmp_path / "lab"
    shutil.copytree(template(name), home)
    lab = Lab(home)
    job_id = verbs.enqueue(lab, SCENARIOS[name].stage, SCENARIOS[name].config, run="crash")
    child = dice.randrange(3)
    for turn in range(3):
        ensure_worker(lab)
        time.sleep(dice.uniform(0.2, 1.5))
        post = launch.worker(lab.home)
        if turn == child:
            alive.send(alive.marked(lab.home).get(job_id, []), signal.SIGKILL)
        if post is not None:
            alive.send([post.pid], signal.SIGKILL)
        stop_worker(lab)
    ran = world.wait(lab, job_id)
    stop_worker(lab)
    lab.close()
    assert (ran.job.state, ran.left) == ("done", reference(name).left), Path(ran.job.log).read_text()
    assert ran.living == {}
    nothing_is_wrong(home)
