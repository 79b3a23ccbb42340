"""A person's flow with real keys, a real worker and a real trainer on a model of two layers: launch a search, watch it, open a
tree, train a PRM on it, relabel three steps, take one back, see what is stale and why, train again, compare, export.

Nothing is timed. Keys are sent when the screen shows what they are for.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tui.terminal import Terminal

LAUNCH = "\x12"  # ctrl+r
CLEAR = "\x15"  # ctrl+u
LONG_S = 180.0  # for what a busy machine shows: a test that passes waits for none of it


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A lab as a person makes one: two problems to train on, and a model."""
    from o1coder.cli import main
    from o1coder.lab import Lab
    from o1coder.problems.store import add_problem
    from o1coder.rows import By
    from tests.stages.conftest import problem
    from tests.tiny import make_tiny_model

    home = tmp_path / "lab"
    lab = Lab.create(home)
    with lab.writing() as connection:
        for name in ("total_of", "biggest_of"):
            add_problem(connection, problem(name, "train"), By(author="tester"))
    lab.close()
    assert main(["models", "add", "tiny", str(make_tiny_model(tmp_path / "tiny")), "--home", str(home)]) == 0
    return home


class Person:
    """What a person does at the screens, each from what is shown."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.press = terminal.press

    def sees(self, wanted: str | Callable[[str], object]) -> str:
        """Wait until a text is shown, or what is shown satisfies a test; all that is shown then."""
        return self.terminal.wait_for(wanted if isinstance(wanted, str) else lambda shown: bool(wanted(shown)), LONG_S)

    def choose_stage(self, name: str) -> None:
        """On the jobs screen: open the form of a stage."""
        from o1coder.stage import stage_names

        self.press("1")
        self.sees("n new")
        self.press("n")
        self.sees("launch which stage?")
        self.press(*["down"] * stage_names().index(name), "enter")
        self.sees(f"$ o1coder run {name}")
        self.sees("ctrl+r")

    def focused(self, shown: str) -> tuple[str, str]:
        """(name, value) of the field of a form that has the focus."""
        line = next((line for line in shown.splitlines() if line.startswith("▸ ")), "")
        return line[2:21].strip(), line[21:51].strip()

    def fill_in(self, name: str, value: str) -> None:
        """Go down to a field of the form and write a value into it."""
        for _ in range(60):
            here = self.focused(self.terminal.text())[0]
            if here.rstrip(" *") == name:
                break
            self.press("down")
            self.sees(lambda shown, here=here: self.focused(shown)[0] not in ("", here))  # type: ignore[misc]
        assert self.focused(self.terminal.text())[0].rstrip(" *") == name, self.terminal.text()
        if self.focused(self.terminal.text())[1] != "none":
            self.press("end", CLEAR)
            self.sees(lambda shown: self.focused(shown)[1] in ("", "none"))
        self.press(value)
        self.sees(lambda shown: self.focused(shown)[1] == value or value.endswith(self.focused(shown)[1][-20:] or "?"))

    def launch(self) -> None:
        """Send the form off."""
        self.press(LAUNCH)
        self.sees(lambda shown: "ctrl+r" not in shown)

    def watch(self, job: int, stage: str) -> None:
        """On the jobs screen: until a job is done."""
        self.press("1")
        ended = re.compile(rf"^ +{job} \S+ (done|failed|cancelled|lost) +{stage}", re.MULTILINE)
        found = ended.search(self.sees(ended.search))
        assert found is not None
        assert found[1] == "done", self.terminal.text()

    def wish(self, text: str) -> None:
        """On the datasets screen: ask what a wish would give."""
        self.press("/")
        self.sees(lambda shown: len(re.findall("split:train kind:search", shown)) > 1)  # the line, filled in
        self.press(CLEAR)
        self.sees("KIND split:train")
        self.press(text)
        self.sees(text)
        self.press("enter")
        self.sees("of stepwise")


def says(home: Path, sql: str) -> list[tuple[object, ...]]:
    """Rows of the lab's file."""
    with sqlite3.connect(home / "lab.db") as connection:
        found = connection.execute(sql).fetchall()
    connection.close()
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("no_worker_left")
def test_from_a_search_to_corrections_to_a_new_prm_and_an_export(
    tui: Callable[..., Terminal], home: Path, tmp_path: Path
) -> None:
    terminal = tui(columns=120, rows=36)
    person = Person(terminal)
    person.sees("n launches a stage")

    # launch synthesize, watch, open a tree
    person.choose_stage("synthesize")
    person.fill_in("sampler", "fake:7")
    person.sees("$ o1coder run synthesize --sampler fake:7")
    person.launch()
    person.watch(1, "synthesize")
    person.press("T")
    person.sees("job:1")
    person.sees("biggest_of")
    person.press("enter")
    person.sees("structure ·")
    person.sees("root problem")

    # a PRM that saw its labels, and scored the tree
    person.press("R")
    person.sees("$ o1coder run prm --base 1")
    for name, value in (("iterations", "1"), ("max length", "1024"), ("threads", "1"), ("save every", "1")):
        person.fill_in(name, value)
    person.sees("$ o1coder run prm --base 1 --iterations 1 --max-length 1024 --threads 1 --save-every 1")
    person.launch()
    scored = re.compile(r"structure · .* \d\.\d\d +\d+ +0\.\d\d . (valid|invalid|unsure) ")
    person.sees(scored.search)
    person.watch(3, "score")

    # relabel three steps, take one back
    person.press("3")
    person.sees("root problem")
    person.press("down")
    turned = 0  # of what the PRM learned
    for given, level in enumerate(("structure", "refine", "code")):
        person.sees(re.compile(rf" problem( ▸ \w+ \d+){{{given}}} ▸ {level} \d+$", re.MULTILINE).search)
        was = re.findall(r"0\.\d\d . (valid|invalid|unsure)", terminal.text())[given]
        key, word = ("s", "unsure") if given == 2 else ("a", "valid") if was == "invalid" else ("x", "invalid")
        person.press(key)
        person.sees(lambda shown, given=given: shown.count("*") > given)  # type: ignore[misc]
        if given < 2 and was != "unsure":
            turned += 1
            person.sees(f"{word} · checkpoints now stale: 2 (R retrains)")
    assert turned
    person.sees("≈ unsure*")
    person.press("backspace")
    person.sees("is taken back")
    person.sees(lambda shown: shown.count("valid*") == 2 and "unsure*" not in shown)
    words = says(home, "SELECT value, picked FROM label WHERE source = 'human' ORDER BY id")
    assert words[2:] == [("unsure", "tree"), (None, None)]

    # what is stale and why, and the job that mends it
    person.press("5")
    person.sees(f"{turned} stale")
    person.press("down", "t", "t", "t")
    person.sees(f"{turned} label{'s' * (turned > 1)} against what it learned: {turned} in its")
    person.sees(re.compile(r"valid → . (in)?valid +by ").search)
    person.press("R")
    person.sees("$ o1coder run prm --base 1 --refreshes 2 --iterations 1 --max-length 1024 --threads 1 --save-every 1")
    person.launch()
    person.sees("job 4 (prm) is queued")
    person.watch(4, "prm")
    person.press("5")
    person.sees("done: checkpoint 3 replaces 2")

    # compare, when the new one has scored the same steps
    person.press("down", "=")
    person.sees("checkpoint 3 over checkpoint 2")
    person.sees("no step was scored by both")
    person.choose_stage("score")
    person.sees("$ o1coder run score --prm 3")
    person.launch()
    person.watch(5, "score")
    person.press("5")
    person.sees("agrees with people")
    person.sees("2 steps of 1 problem")

    # export
    person.press("7")
    person.sees("prm-point")
    person.wish("stepwise split:train label:human")
    person.press("w")
    person.sees("$ o1coder run export --kind stepwise")
    out = tmp_path / "out"
    person.fill_in("out", str(out))
    person.launch()
    person.sees("job 6 (export) is queued")
    person.watch(6, "export")
    person.press("q")
    assert terminal.wait() == 0

    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    data = (out / "data.jsonl").read_bytes()
    assert manifest["kind"] == "stepwise"
    assert manifest["counts"]["label_sources"] == {"human": manifest["rows"]}
    assert manifest["rows"] == data.count(b"\n") > 0
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    assert manifest["files"] == [{"name": "data.jsonl", "rows": manifest["rows"], "sha256": digest}]
    assert manifest["sha256"] == digest
    assert (digest,) in says(home, "SELECT digest FROM dataset WHERE kind = 'stepwise'")
    _verified(home)


def _verified(home: Path) -> None:
    from o1coder.lab import Lab
    from o1coder.verify import verify

    lab = Lab(home)
    checked, wrong = verify(lab, quick=False)
    lab.close()
    assert wrong == []
    assert checked
