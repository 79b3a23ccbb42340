"""A search killed -9 again and again, at random points and around every flush, leaves the trees of one left alone.

The trees grow in a process of their own (search_child.py), in a real lab, with the scripted sampler and the real judge; they
are started again until they are done. Compared are the canonical export byte by byte and the rows of every fact.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from o1coder import embedded
from o1coder.jobs import launch, verbs
from o1coder.lab import Lab
from o1coder.queries import problems
from o1coder.verify import verify
from tests.crash import world
from tests.crash.search_child import EVENTS

CONFIG: dict[str, Any] = {"simulations": 4, "width": 2}
MOST_KILLS = 12
CERTAIN = ("call", "sample")  # how often a commit comes depends on when results do
Kill = tuple[str, int]


class Home(NamedTuple):
    """A lab with a job whose trees have not begun."""

    path: Path
    job: int
    trees: list[int]


class Grower:
    """The process that forks the searches; `model` is a folder for `hf` in its exact mode, None for `fake:7`."""

    def __init__(self, model: Path | None = None) -> None:
        self.model = None if model is None else str(model)
        here = Path(__file__).with_name("search_child.py")
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(here)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=launch.environment(),
        )

    def grow(self, home: Home, config: Mapping[str, Any], kill: Kill | None, flush_s: float = 0.0) -> bool:
        """Run once; whether it came to its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {"home": str(home.path), "job": home.job, "trees": home.trees, "config": dict(config)}
        how = {"model": self.model, "kill": kill, "flush_s": flush_s}
        self.process.stdin.write(json.dumps({**asked, **how}) + "\n")
        self.process.stdin.flush()
        status = int(self.process.stdout.readline())
        assert status in (0, -signal.SIGKILL)
        return status == 0

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture(scope="module")
def grower() -> Iterator[Grower]:
    grower = Grower()
    yield grower
    grower.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    lab = Lab.create(tmp_path_factory.mktemp("unbegun") / "lab")
    world.add_problems(lab)
    world.add_stand_in(lab, lab.home.parent / "prm", "prm")
    job = verbs.enqueue(lab, "synthesize", {"sampler": "fake:7"})
    with lab.reading() as connection:
        trees = problems.select(connection, split="train", slice=None, limit=3)
    return Home(world.finished(lab), job, trees)


class Reference:
    """What searches that nobody killed left, and how often each event came in them."""

    def __init__(self, grower: Grower, template: Home, folder: Path) -> None:
        self.grower, self.template, self.folder = grower, template, folder
        self.known: dict[str, tuple[world.Left, dict[str, int]]] = {}
        self.runs = 0

    def __call__(self, config: Mapping[str, Any]) -> tuple[world.Left, dict[str, int]]:
        name = json.dumps(config, sort_keys=True)
        if name not in self.known:
            self.runs += 1
            home = copied(self.template, self.folder / str(self.runs))
            assert self.grower.grow(home, config, None)
            self.known[name] = (left(home), json.loads((home.path / EVENTS).read_text()))
        return self.known[name]


@pytest.fixture(scope="module")
def reference(grower: Grower, template: Home, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(grower, template, tmp_path_factory.mktemp("unkilled"))


def copied(template: Home, path: Path) -> Home:
    shutil.copytree(template.path, path)
    return template._replace(path=path)


def left(home: Home) -> world.Left:
    """What is there, once verify has found nothing wrong with it."""
    lab = Lab(home.path)
    found = world.left(lab, home.job)
    _, wrong = verify(lab, quick=False)
    lab.close()
    assert wrong == []
    return found


@pytest.mark.parametrize("in_flight", [1, 4])
def test_killed_before_and_after_every_flush(
    in_flight: int, grower: Grower, template: Home, reference: Reference, tmp_path: Path
) -> None:
    config = {**CONFIG, "in_flight": in_flight}
    expected, events = reference(config)
    home = copied(template, tmp_path / "lab")
    kills = 0
    while not grower.grow(home, config, ("before", 1) if kills % 2 == 0 else ("after", 1)):
        kills += 1
        assert kills <= 4 * events["after"]
    assert kills >= 2
    assert left(home) == expected


def cases() -> list[Any]:
    """(preset, in_flight, seed): the quick ones, and in slow runs every kind of search."""
    quick = [("lab", 1, 0), ("lab", 4, 0), ("o1coder-code", 4, 0)]
    many = [(preset, n, seed) for preset in ("lab", "o1coder-code", "puct") for n in (1, 4) for seed in range(1, 6)]
    rounds = [(preset, 1, seed) for preset in ("omega", "mc", "beam", "dvts", "best-of-n") for seed in range(3)]
    return [*quick, *(pytest.param(*case, marks=pytest.mark.slow) for case in [*many, *rounds])]


@pytest.mark.parametrize(("preset", "in_flight", "seed"), cases())
def test_killed_at_random_points(
    preset: str, in_flight: int, seed: int, grower: Grower, template: Home, reference: Reference, tmp_path: Path
) -> None:
    config = {**CONFIG, "preset": preset, "in_flight": in_flight}
    killed_and_grown(
        grower, copied(template, tmp_path / "lab"), config, reference(config), f"{preset}/{in_flight}/{seed}"
    )


@pytest.mark.slow
def test_the_embedded_model_in_its_exact_mode_killed_at_random_points(template: Home, tmp_path: Path) -> None:
    config = {**CONFIG, "simulations": 2, "in_flight": 2}
    few = template._replace(trees=template.trees[:2])
    grower = Grower(embedded.fetch_smollm2(tmp_path / "smollm2"))
    expected = Reference(grower, few, tmp_path / "unkilled")(config)
    killed_and_grown(grower, copied(few, tmp_path / "lab"), config, expected, "embedded", most_kills=4)
    grower.close()


def killed_and_grown(
    grower: Grower,
    home: Home,
    config: Mapping[str, Any],
    reference: tuple[world.Left, dict[str, int]],
    seed: str,
    most_kills: int = MOST_KILLS,
) -> None:
    """Grow to the end with kills on the way, and look at what is left."""
    expected, events = reference
    dice = random.Random(seed)
    kills = 0
    while kills < most_kills:
        event = dice.choice(sorted(events) if kills else [each for each in CERTAIN if each in events])
        kill = (event, dice.randint(1, 1 + events[event] // 3))
        if grower.grow(home, config, kill, flush_s=dice.choice([0.0, 0.05])):
            break
        kills += 1
    assert kills > 0
    assert kills < most_kills or grower.grow(home, config, None)
    assert left(home) == expected
