"""The checkpoints screen on a lab with a small family: what it shows, where it leads, and what its keys leave in the lab."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from o1coder import datasets, labels
from o1coder.lab import Lab
from tests.lineage.family import Family, evaluate, make_family, train
from tests.tui.conftest import ROOT
from tests.tui.terminal import Terminal
from tui.app import LabApp
from tui.places import Went
from tui.screens.checkpoints import CheckpointsScreen
from tui.screens.launch import LaunchScreen


@pytest.fixture(scope="module")
def family_template(tmp_path_factory: pytest.TempPathFactory) -> Family:
    family = make_family(tmp_path_factory.mktemp("family") / "lab")
    family.lab.close()
    return family


@pytest.fixture
def family(family_template: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Family]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    lab = Lab(Path(shutil.copytree(family_template.lab.home, tmp_path / "lab")))
    yield family_template._replace(lab=lab)
    lab.close()


def test_a_plain_terminal_gets_plain_characters_and_the_link_opens_the_tree(family: Family) -> None:
    """Without UTF-8 every glyph has a plain one; a reason that a person pasted can send nothing to the terminal."""
    labels.add_human(family.lab, family.steps["0"], "invalid", "ann", reason="\x1b]0;owned\x07")
    family.lab.close()
    code = "import sys; sys.path.insert(0, '.'); from tui.__main__ import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-P", "-c", code, "--home", str(family.lab.home), "--open", f"checkpoints {family.rl}"]
    plain = {"LANG": "C", "LC_ALL": "C", "XDG_STATE_HOME": str(family.lab.home.parent / "other")}
    with Terminal(argv, cwd=str(ROOT), environment=plain) as terminal:
        terminal.wait_for("made by job")
        terminal.press("t", "t", "t")
        shown = terminal.wait_for("what would mend it")
        assert "1 stale" in shown
        terminal.press("+")
        shown = terminal.wait_for("^[]0;owned^G")
        assert shown.isascii()
        assert b"\x1b]0;owned" not in terminal.raw


class Driven:
    """The app under a pilot, with the screen and what it shows."""

    def __init__(self, app: LabApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> CheckpointsScreen:
        found = self.app.frame
        assert isinstance(found, CheckpointsScreen)
        return found

    async def until(self, met: Callable[[], bool]) -> None:
        for _ in range(400):
            if met():
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"never came about; the pane:\n{self.pane}\nthe list:\n{self.rows()}\nsaid: {self.said}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        box = self.screen.asking.query_one(Input)
        await self.until(lambda: self.app.focused is box)
        box.value = text
        await self.press("enter")

    @property
    def pane(self) -> str:
        return "\n".join("".join(cell.text for cell in line) for line in self.screen.shown)

    @property
    def said(self) -> str:
        return self.screen._message

    def rows(self) -> list[str]:
        table = self.screen.table
        order = table.order
        cells = [(order.prefix(n), table.row(order.id_at(n))) for n in range(len(order))]
        return [prefix + " | ".join(cell.text for cell in row) for prefix, row in cells if row is not None]

    async def stand_on(self, words: str) -> None:
        await self.until(lambda: any(words in row for row in self.rows()))
        await self.press("g", *["down"] * next(n for n, row in enumerate(self.rows()) if words in row))


def drive(family: Family, act: Callable[[Driven], Awaitable[None]], target: str = "", **options: Any) -> None:
    async def run() -> None:
        app = LabApp(family.lab.home, start=Went("checkpoints", target), **options)
        async with app.run_test(size=(100, 30)) as pilot:
            driven = Driven(app, pilot)
            await driven.until(lambda: isinstance(app.frame, CheckpointsScreen) and driven.screen.table.loaded)
            await act(driven)

    asyncio.run(run())


def test_the_family_is_a_tree_with_figures_decisions_and_staleness(family: Family) -> None:
    evaluate(family.lab, family.rl, "pseudocode", "test", {3: (4, 3), 4: (4, 1)})
    labels.add_human(family.lab, family.steps["0"], "invalid", "ann", reason="wrong list \x1b]52;c;aGk=\x07")

    async def act(driven: Driven) -> None:
        await driven.until(lambda: any("pseudocode test" in row for row in driven.rows()))
        base, sft, rl, prm = driven.rows()[2:]
        assert [row.index(str(one)) for row, one in ((base, family.base), (sft, family.sft), (rl, family.rl))] == [
            2,
            3,
            4,
        ]
        assert "r/0 rl" in rl
        assert ".50 [" in rl
        assert "1 stale" in rl
        assert "1 stale" in prm
        assert "stale" not in base
        await driven.stand_on("r/0 rl")
        driven.screen.detail.open("stale")
        driven.screen.action_refresh()
        await driven.press("t", "T")
        await driven.until(lambda: "what would mend it" in driven.pane)
        for told in ("o1coder run policy-sft", "--policy NEW", "by ann", "step 1:0", "wrong list ␛]52"):
            assert told in driven.pane, told
        assert "\x1b" not in driven.pane

    drive(family, act)


def test_tabs_tell_data_measures_config_and_a_comparison_with_the_marked_one(family: Family) -> None:
    evaluate(family.lab, family.base, "pseudocode", "test", {3: (4, 0), 4: (4, 1)})
    evaluate(family.lab, family.sft, "pseudocode", "test", {3: (4, 2), 4: (4, 1)})

    async def act(driven: Driven) -> None:
        await driven.until(lambda: "made by" in driven.pane)
        await driven.press("t")
        await driven.until(lambda: "target validity" in driven.pane)
        assert "2 ✓ valid by search" in driven.pane
        await driven.press("t")
        await driven.until(lambda: "over parent, base, incumbent" in driven.pane)
        assert "complete chains 100%" in driven.pane
        await driven.press("t", "t")
        await driven.until(lambda: "job" in driven.pane and "lr" in driven.pane)
        await driven.stand_on("r/0 prm")
        await driven.press("space")
        await driven.stand_on("r/0 policy-sft")
        await driven.press("equals_sign")
        await driven.until(lambda: f"checkpoint {family.sft} over checkpoint {family.prm}" in driven.pane)
        assert "rows    4 and 1 distinct, 0 in both" in driven.pane
        await driven.press("escape")
        await driven.until(lambda: f"over checkpoint {family.base}" in driven.pane)

    drive(family, act, str(family.sft))


def test_the_tree_opens_node_by_node_and_leads_to_the_screen_of_a_thing(family: Family) -> None:
    async def act(driven: Driven) -> None:
        went: list[tuple[str, str]] = []
        driven.app.go = lambda mode, target="": went.append((mode, target))  # type: ignore[method-assign]
        await driven.press("enter")
        await driven.until(lambda: any("rewarded by checkpoint" in row for row in driven.rows()))
        assert not any("labels" in row for row in driven.rows())
        await driven.stand_on(f"rewarded by checkpoint {family.prm}")
        await driven.press("enter")
        await driven.until(
            lambda: driven.rows()[0].startswith("▾ checkpoint") and f"checkpoint {family.prm}" in driven.rows()[0]
        )
        await driven.stand_on(f"dataset {family.prm_data}")
        await driven.press("right")
        await driven.until(lambda: any("2 valid" in row for row in driven.rows()))
        await driven.stand_on("2 valid")
        await driven.press("enter")
        await driven.until(lambda: any("step of" in row or f"step {family.steps['0']}" in row for row in driven.rows()))
        await driven.stand_on(f"step {family.steps['0']} of")
        await driven.until(lambda: "Loop over xs." in driven.pane)
        await driven.press("enter")
        await driven.stand_on(f"dataset {family.prm_data}")
        await driven.press("enter")
        await driven.stand_on("made by job")
        await driven.press("enter")
        assert went == [
            ("tree", f"step:{family.steps['0']}"),
            ("datasets", str(family.prm_data)),
            ("jobs", str(family.jobs["prm"])),
        ]
        assert driven.screen.where() == f"checkpoint:{family.prm}"
        await driven.press("escape")
        await driven.until(lambda: driven.screen.where() == f"checkpoint:{family.rl}")
        await driven.press("escape")
        await driven.until(lambda: not driven.screen.roots)

    drive(family, act, str(family.rl))


def test_what_was_open_in_one_tree_says_nothing_of_another(family: Family) -> None:
    async def act(driven: Driven) -> None:
        await driven.press("enter")
        await driven.stand_on("dataset")
        await driven.press("right")
        await driven.until(lambda: any("rows" in row for row in driven.rows()))
        opened = len(driven.rows())
        await driven.press("b")
        await driven.type("problem:1")
        await driven.until(lambda: driven.rows() and driven.rows()[0].startswith("▾ way back from problem 1"))
        assert len(driven.rows()) < opened
        assert all(row.strip().startswith("▸") for row in driven.rows()[1:])

    drive(family, act, str(family.prm))


def test_folding_all_never_asks_for_what_nobody_opened(family: Family) -> None:
    async def act(driven: Driven) -> None:
        await driven.press("enter")
        await driven.stand_on("dataset")
        few = len(driven.rows())
        await driven.press("right")
        await driven.until(lambda: len(driven.rows()) > few)
        many = driven.rows()
        await driven.press("O")
        assert len(driven.rows()) == few
        await driven.press("O")
        await driven.until(lambda: driven.rows() == many)

    drive(family, act, str(family.prm))


def test_the_way_back_from_something_typed_and_from_nonsense(family: Family) -> None:
    async def act(driven: Driven) -> None:
        await driven.press("b")
        await driven.type("step:1:1.0")
        await driven.until(
            lambda: any(f"through dataset {family.prm_data} checkpoint {family.prm}" in row for row in driven.rows())
        )
        assert any(f"rewarded by {family.prm} checkpoint {family.rl}" in row for row in driven.rows())
        assert driven.screen.where() == f"step:{family.steps['1.0']}"
        assert driven.screen.twin() == f"o1coder checkpoints lineage --back step:{family.steps['1.0']}"
        await driven.press("escape", "b")
        await driven.type("problem:99999")
        await driven.until(lambda: "there is no problem 99999" in driven.said)
        assert not driven.screen.roots

    drive(family, act)


def test_a_link_leads_into_a_tree(family: Family) -> None:
    async def act(driven: Driven) -> None:
        await driven.until(lambda: any(f"checkpoint {family.sft}" in row for row in driven.rows()))
        assert driven.screen.where() == f"dataset:{family.sft_data}"

    drive(family, act, f"dataset:{family.sft_data}")


def test_a_decision_is_in_the_lab_with_its_reason_when_it_is_said(family: Family) -> None:
    def decisions() -> list[Any]:
        with family.lab.reading() as connection:
            return list(connection.exec_driver_sql("SELECT checkpoint_id, outcome, evidence FROM decision"))

    async def act(driven: Driven) -> None:
        await driven.until(lambda: driven.screen.checkpoint == family.rl)
        await driven.press("x", "escape")
        assert decisions() == []
        await driven.press("a")
        await driven.type("it reads better")
        await driven.until(lambda: "is accepted" in driven.said)
        assert decisions() == [(family.rl, "accepted", '{"reason": "it reads better"}')]
        await driven.until(lambda: any("✓ accepted" in row for row in driven.rows()))

    drive(family, act, str(family.rl))


def test_a_read_only_lab_refuses_in_words(family: Family) -> None:
    async def act(driven: Driven) -> None:
        for key, told in (("a", "accept checkpoints"), ("x", "reject checkpoints"), ("R", "launch jobs")):
            await driven.press(key)
            await driven.until(lambda told=told: told in driven.said)  # type: ignore[misc]
        assert driven.screen.asking.asked is None

    drive(family, act, readonly=True)


def test_retraining_opens_the_form_of_the_job_that_would_mend_it(family: Family) -> None:
    async def act(driven: Driven) -> None:
        await driven.press("R")
        await driven.until(lambda: "nothing to train again" in driven.said)
        labels.add_human(family.lab, family.steps["0"], "invalid", "ann")
        await driven.press("R")
        await driven.until(lambda: isinstance(driven.app.screen, LaunchScreen))
        form = driven.app.screen
        assert isinstance(form, LaunchScreen)
        assert form.stage == "policy-sft"
        assert (form.entered["iterations"], form.entered["run"], form.entered["policy"]) == ("4", "r", str(family.base))

    drive(family, act, str(family.rl))


def test_a_checkpoint_is_written_out(family: Family, tmp_path: Path) -> None:
    async def act(driven: Driven) -> None:
        await driven.until(lambda: driven.screen.checkpoint == family.rl)
        await driven.press("w")
        await driven.type(f"{tmp_path / 'out'} with-base")
        await driven.until(lambda: "files" in driven.said)
        assert (tmp_path / "out" / "base" / "model.safetensors").is_file()
        await driven.press("w")
        await driven.type(str(tmp_path / "out"))
        await driven.until(lambda: "exists already" in driven.said)

    drive(family, act, str(family.rl))


def test_a_long_line_of_policies_shows_every_id(family: Family) -> None:
    last = family.rl
    for _ in range(9):
        config = {"policy": last, "prm": family.prm}
        last = train(family.lab, "rl", "policy", last, last, [datasets.Row({"p": 1}, problem_id=1)], **config)

    async def act(driven: Driven) -> None:
        await driven.until(lambda: len(driven.rows()) == 15)
        width = driven.screen.listing.columns[0].width
        shown = [row.split("|")[0].rstrip() for row in driven.rows()]
        assert {int(row.split()[-1]) for row in shown} == set(range(1, last + 1))
        assert max(map(len, shown)) <= width

    drive(family, act)


def test_filter_and_order(family: Family) -> None:
    async def act(driven: Driven) -> None:
        await driven.until(lambda: len(driven.rows()) == 6)
        await driven.press("slash")
        await driven.type("role:policy run:r")
        await driven.until(lambda: len(driven.rows()) == 2)
        assert [row.split("|")[0].strip() for row in driven.rows()] == [f"▾ {family.sft}", str(family.rl)]
        await driven.press("s")
        await driven.until(
            lambda: [row.split("|")[0].strip() for row in driven.rows()] == [str(family.rl), str(family.sft)]
        )
        kept = driven.screen.keep()
        assert (kept["order"], kept["filter"]) == ("newest", "role:policy run:r")
        await driven.press("escape")
        await driven.until(lambda: len(driven.rows()) == 6)

    drive(family, act)
