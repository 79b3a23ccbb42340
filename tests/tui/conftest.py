"""A small lab made by hand: problems, jobs in several states, one tree with labels, a dataset and a PRM that saw them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.tui.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
GOOD = 'def count_above(xs, limit):\n    """Count."""\n    return sum(1 for x in xs if x > limit)  # all\n'
BAD = "def count_above(xs, limit):\n    return len(xs)\n"
HOSTILE = "Sneak \x1b]52;c;aGk=\x07 \x1b[2J \x1b]0;owned\x07 \u202egnp [red]x[/red]"


class Made(NamedTuple):
    """The ids that tests speak of."""

    tree: int
    steps: dict[str, int]
    prm: int
    jobs: dict[str, int]


def make_lab(home: Path) -> Made:
    """Write the lab; see the head of this file."""
    from o1coder import rows
    from o1coder.clock import now
    from o1coder.lab import Lab
    from o1coder.models import Checkpoint, Dataset, DatasetItem, DatasetLabel, Profile, Score, Verdict
    from o1coder.problems.record import NewCase, NewProblem, NewProgram
    from o1coder.problems.store import add_problem
    from o1coder.search.facts import CompletionFact, EndFact, RolloutFact, StepFact
    from o1coder.trees import TreeWriter, add_tree, step_ids

    lab = Lab.create(home)
    cases = tuple(NewCase(f"[[1, {n}], 1]", "0" if n < 2 else "1", ("reward",)) for n in range(3))
    texts = [("Count above", "train", "Count the numbers of `xs` above `limit`."), (HOSTILE, "train", HOSTILE)]
    texts += [(f"Filler {n}", "test" if n % 2 else "validation", f"Problem number {n}.") for n in range(40)]
    with lab.writing() as connection:
        for number, (title, split, statement) in enumerate(texts):
            problem = NewProblem(
                source="made",
                source_key=f"p{number}",
                split=split,  # type: ignore[arg-type]
                family=f"f{number}",
                kind="call",
                title=title,
                statement=statement,
                cases=cases,
                programs=(NewProgram(GOOD, "correct", "reference"),),
                entry_point="count_above",
                signature="count_above(xs, limit)",
                difficulty="easy" if number % 3 else "hard",
            )
            add_problem(connection, problem, rows.By(author="tester"))
        jobs = {name: _job(connection, name) for name in ("synthesize", "prm", "failed", "running", "queued")}
        by = rows.By(job_id=jobs["synthesize"])
        profile = rows.add(
            connection,
            Profile,
            digest="sha256:p",
            judge_version="1",
            python="3",
            harness="1",
            comparator="tokens",
            limits="{}",
            created_at=now(),
        )
        test_set = connection.exec_driver_sql("SELECT id FROM test_set WHERE problem_id = 1").scalar()
        tree = add_tree(
            connection,
            jobs["synthesize"],
            1,
            0,
            config={"simulations": 2},
            kind="search",
            preset="lab",
            prompt_digest="sha256:q",
            sampler="fake:7",
            reproducible=True,
            seed=1,
            policy_id=None,
            test_set_id=test_set,
            profile_id=profile,
        )
        digests = dict(
            (row[0], row[1])
            for row in connection.exec_driver_sql("SELECT digest, id FROM test_case WHERE problem_id = 1")
        )
        writer = TreeWriter(by, 1, "search")
        writer.open(connection, tree, 1, profile, digests)
        steps = [((0,), "structure", "Loop over xs.", None), ((1,), "structure", HOSTILE, None)]
        steps += [((0, 0), "code", f"```python\n{GOOD}```", GOOD), ((1, 0), "code", f"```python\n{BAD}```", BAD)]
        facts: list[Any] = [StepFact(path, action, text, code) for path, action, text, code in steps]  # type: ignore[arg-type]
        facts += [CompletionFact(p[:-1], p[-1], t, 9, 5, None, "stop", p, None) for p, _, t, _ in steps]
        facts.append(CompletionFact((1,), 1, "no fence here", 9, 4, None, "length", None, "no code"))
        facts.append(RolloutFact(0, (0, 0), GOOD, 3, 3, True, 1.0, {"pass": 1.0}, dict.fromkeys(digests, "AC")))
        facts.append(RolloutFact(1, (1, 0), BAD, 0, 3, True, 0.0, {"pass": 0.0}, dict.fromkeys(digests, "WA")))
        facts.append(EndFact("simulations"))
        writer.write(connection, [(tree, fact) for fact in facts])
        found = {".".join(map(str, path)): step for path, step in step_ids(connection, tree).items()}
        for path, code in (("0.0", "AC"), ("1.0", "WA")):
            program = connection.exec_driver_sql("SELECT program_id FROM step WHERE id = ?", (found[path],)).scalar()
            for case in digests.values():
                rows.add_once(
                    connection,
                    Verdict,
                    {"program_id": program, "test_case_id": case, "profile_id": profile},
                    code=code,
                    cpu_ms=1.0,
                    wall_ms=2.0,
                    memory_kb=9,
                    detail="" if code == "AC" else "expected 0, got 2",
                    layer="L4",
                    host="here",
                    job_id=jobs["synthesize"],
                    created_at=now(),
                )
        prms = []
        for _ in range(2):
            prms.append(
                rows.add(
                    connection,
                    Checkpoint,
                    digest="sha256:c",
                    role="prm",
                    format="full",
                    base_digest="sha256:b",
                    bytes=1,
                    path="blobs/c",
                    job_id=jobs["prm"],
                    created_at=now(),
                )
            )
        dataset = rows.add(
            connection,
            Dataset,
            digest="sha256:d",
            kind="prm-point",
            target="validity",
            query="{}",
            as_of="{}",
            rows=1,
            path="blobs/d",
            job_id=jobs["prm"],
            created_at=now(),
        )
        seen = connection.exec_driver_sql("SELECT id FROM label WHERE step_id = ?", (found["0"],)).scalar()
        rows.add(connection, DatasetItem, dataset_id=dataset, ordinal=0, step_id=found["0"], row_digest="x")
        rows.add(connection, DatasetLabel, dataset_id=dataset, ordinal=0, label_id=seen)
        for prm, values in zip(prms, ((0.5, 0.6), (0.9, 0.2)), strict=True):
            for path, value in zip(("0", "1"), values, strict=True):
                rows.add(
                    connection,
                    Score,
                    step_id=found[path],
                    checkpoint_id=prm,
                    format_digest="sha256:f",
                    value=value,
                    job_id=jobs["prm"],
                )
    for number, name in enumerate(jobs.values()):
        log = lab.job_folder(name) / "log"
        log.write_text(
            "".join(f"line {n} of job {name}\n" for n in range(50)) + ("\x1b[2Jboo\n" if number == 0 else "")
        )
    lab.close()
    return Made(tree, found, prms[-1], jobs)


def _job(connection: Any, name: str) -> int:
    from o1coder import rows
    from o1coder.clock import now
    from o1coder.models import Attempt, Job, Metric

    stage = name if name in ("synthesize", "prm") else "policy-sft"
    job = rows.add(
        connection,
        Job,
        stage=stage,
        config='{"seed":0}',
        config_digest="sha256:x",
        seed=0,
        author="tester",
        created_at=now(),
    )
    if name == "queued":
        return job
    outcome = {"failed": "failed", "running": None}.get(name, "done")
    error = {"error_kind": "gpu-oom", "error": "out of memory", "hint": "lower batch"} if name == "failed" else {}
    rows.add(
        connection,
        Attempt,
        job_id=job,
        n=1,
        host="elsewhere",  # so that no worker here adopts or ends it
        boot_id="other",
        pid=1,
        create_time=1.0,
        started_at=now(),
        heartbeat_at=now(),
        done=3,
        total=12,
        outcome=outcome,
        ended_at=None if outcome is None else now(),
        **error,
    )
    for iteration in range(8):
        rows.add(
            connection,
            Metric,
            job_id=job,
            attempt=1,
            iteration=iteration,
            name="loss",
            value=8.0 - iteration,
            created_at=now(),
        )
    return job


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Made]:
    """The lab, made once."""
    home = tmp_path_factory.mktemp("template") / "lab"
    return home, make_lab(home)


@pytest.fixture
def home(template: tuple[Path, Made], tmp_path: Path) -> Path:
    """A copy of the lab that a test may change."""
    return Path(shutil.copytree(template[0], tmp_path / "lab"))


@pytest.fixture
def made(template: tuple[Path, Made]) -> Made:
    """The ids in it."""
    return template[1]


@pytest.fixture
def no_worker_left(home: Path) -> Iterator[None]:
    """Ends the worker that a test has made the app start."""
    yield
    from o1coder.jobs.launch import worker

    post = worker(home)
    if post is not None:
        os.kill(post.pid, signal.SIGTERM)


@pytest.fixture
def tui(home: Path, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts the real app on the lab in a terminal, nothing remembered from elsewhere; ends it with the test."""
    own = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    with ExitStack() as stack:

        def start(*options: str, **terminal: Any) -> Terminal:
            code = "import sys; sys.path.insert(0, '.'); from tui.__main__ import main; sys.exit(main(sys.argv[1:]))"
            argv = [sys.executable, "-P", "-c", code, "--home", str(home), *options]
            environment = own | dict(terminal.pop("environment", None) or {})
            return stack.enter_context(Terminal(argv, cwd=str(ROOT), environment=environment, **terminal))

        yield start
