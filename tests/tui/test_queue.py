"""The label queue's screen: answers on disk before the next step, blind questions, undo, walks, leases, kill -9."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from o1coder import labels
from o1coder.lab import Lab
from o1coder.labelling import gold, leases
from tests.lab.planted import plant
from tests.tui.terminal import Terminal
from tui.app import LabApp
from tui.places import Went
from tui.screens.queue import QueueScreen
from tui.widgets.pane import Pane

Start = Callable[..., Terminal]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = plant(tmp_path_factory.mktemp("queue") / "lab", trees=8)
    made.lab.close()
    return made.lab.home


@pytest.fixture
def home(planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("O1CODER_AUTHOR", "ann")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Path(shutil.copytree(planted, tmp_path / "lab"))


def rows(home: Path, sql: str) -> list[Any]:
    """Asked through the lab's own SQLite: a second library in one process would drop the locks of the first."""
    lab = Lab(home, readonly=True)
    try:
        with lab.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]
    finally:
        lab.close()


HUMAN = (
    "SELECT step_id, value, author, reason, category, picked, seen, retracts, batch FROM label "
    "WHERE source = 'human' ORDER BY id"
)


def drive(
    home: Path, flow: Callable[[QueueScreen, Callable[..., Awaitable[None]]], Awaitable[None]], **options: Any
) -> None:
    """Run a flow on the queue's screen: it is given the screen, and what presses keys and waits until all is answered."""

    async def run() -> None:
        app = LabApp(home, start=Went("queue", options.pop("target", "value gold:0 overlap:0")), **options)
        async with app.run_test(size=(100, 30)) as pilot:

            async def settled(until: Callable[[], bool] = lambda: True) -> None:
                still = 0
                for _ in range(800):
                    await pilot.pause(0.01)
                    screen = app.frame
                    busy = isinstance(screen, QueueScreen) and (screen._waiting or screen._acting or screen._acts)
                    still = 0 if busy or not until() else still + 1
                    if still == 3:
                        return
                raise AssertionError("never settled")

            async def press(*keys: str) -> None:
                for key in keys:
                    await pilot.press(key)
                    await settled()

            def ready() -> bool:
                return isinstance(app.screen, QueueScreen) and (app.screen.now is not None or app.screen.supply.ended)

            await settled(ready)
            assert isinstance(app.screen, QueueScreen)
            await flow(app.screen, press)

    asyncio.run(run())


def step(screen: QueueScreen) -> int:
    assert screen.now is not None
    return screen.now.around.step


def test_an_answer_is_written_with_what_was_in_view_and_the_next_step_comes(home: Path) -> None:
    async def flow(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        first = step(screen)
        await press("x")
        second = step(screen)
        assert second != first
        await press("H", "t", "s")
        assert step(screen) not in (first, second)
        await press("c", "l")
        await press("m", *"why", "enter", "a")
        await press("f", *"bad", "enter")
        written = rows(home, HUMAN)
        assert [row[:2] for row in written[:2]] == [(first, "invalid"), (second, "unsure")]
        assert {row[2] for row in written} == {"ann"}
        assert {row[5] for row in written} == {"value"}
        assert [row[1] for row in written[2:]] == ["invalid", "valid", "unsure"]
        assert [(row[3], row[4]) for row in written[2:]] == [(None, "logic"), ("why", None), ("bad", "flagged")]
        seen = [json.loads(row[6]) for row in written]
        assert seen[0] == {"hidden": True, "tabs": []}
        assert (seen[1]["hidden"], seen[1]["tabs"]) == (False, ["tests"])
        assert seen[1]["label"] == "valid"
        held = {row[0] for row in rows(home, "SELECT step_id FROM label_lease")}
        assert not held & {row[0] for row in written}
        assert step(screen) in held

    drive(home, flow)
    assert rows(home, "SELECT * FROM label_lease") == []


def test_undo_goes_back_or_stays_redo_gives_again_and_the_list_changes(home: Path) -> None:
    async def flow(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        first = step(screen)
        await press("x")
        second = step(screen)
        await press("backspace")
        assert step(screen) == first
        assert [row[7] is not None for row in rows(home, HUMAN)] == [False, True]
        await press("a")
        assert step(screen) == second
        await press("z")
        assert step(screen) == second
        assert len(screen.said.decisions) == 0
        await press("Z")
        assert [one.done.value for one in screen.said.decisions] == ["valid"]
        assert step(screen) == second
        await press("x", "u", "down", "s")
        assert [one.done.value for one in screen.said.decisions] == ["unsure", "invalid"]
        current = "SELECT value FROM label WHERE step_id = ? AND source = 'human' ORDER BY id DESC LIMIT 1"
        assert rows(home, current.replace("?", str(first))) == [("unsure",)]
        await press("u", "z")
        assert [one.done.value for one in screen.said.decisions] == ["unsure"]
        await press("u", "escape", "Z")
        assert len(screen.said.decisions) == 2

    drive(home, flow)


def test_undo_does_not_go_to_a_step_that_somebody_else_has_now(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def flow(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        first = step(screen)
        await press("x")
        second = step(screen)
        lab = Lab(home)
        leases.hold(lab, first, "bob", "elsewhere")
        lab.close()
        said: list[str] = []
        monkeypatch.setattr(screen, "say", said.append)
        await press("backspace")
        assert step(screen) == second
        assert said[-1].endswith("bob has the step before them now")
        assert rows(home, STANDING) == []
        assert rows(home, f"SELECT author FROM label_lease WHERE step_id = {first}") == [("bob",)]
        await press("a")
        assert rows(home, STANDING) == [("valid",)]

    drive(home, flow)


STANDING = (
    "SELECT value FROM label l WHERE source = 'human' AND value IS NOT NULL "
    "AND NOT EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id)"
)


def test_a_changed_answer_is_taken_back_whole_and_one_that_another_took_back_is_no_hindrance(home: Path) -> None:
    async def flow(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        await press("x", "u", "a")
        assert rows(home, STANDING) == [("invalid",), ("valid",)]
        await press("z")
        assert rows(home, STANDING) == []
        assert len(screen.said.decisions) == 0
        await press("x", "a")
        lab = Lab(home)
        labels.undo(lab, rows(home, "SELECT MAX(id) FROM label")[0][0], "ann")
        lab.close()
        await press("z", "z")
        assert rows(home, STANDING) == []
        assert len(screen.said.decisions) == 0

    drive(home, flow)


def test_a_step_opened_by_name_comes_once_and_its_tree_is_a_look_at_the_word(home: Path) -> None:
    async def flow(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        first, opened = step(screen), screen.supply.ahead[1].around.step
        screen.goto(f"step:{opened}")
        await press()
        await press("J")
        assert step(screen) == opened
        screen.looked.clear()
        await press("a")
        assert step(screen) == first
        assert opened not in [one.around.step for one in screen.supply.ahead]
        app = screen.lab_app
        await press("enter")
        app.go("queue")
        await press("J", "a")
        assert [json.loads(row[6])["hidden"] for row in rows(home, HUMAN)] == [True, False]

    drive(home, flow)


def test_what_search_and_prm_say_is_not_on_the_screen_before_the_answer(home: Path) -> None:
    async def flow(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        from tui.screens.queue_lines import word

        assert screen.now is not None
        told = "".join(cell.text for cell in word(screen.now, False))
        assert told.strip() == "search and PRM hidden"
        plain = [cell.text for line in screen.now.siblings for cell in line]
        assert not any("valid" in text or "k=" in text for text in plain)
        shown = [cell.text for line in screen.now.siblings_told for cell in line]
        assert any("valid" in text for text in shown)

    drive(home, flow)


def test_questions_are_asked_blind_and_leave_no_label(home: Path) -> None:
    lab = Lab(home)
    ids = [row[0] for row in rows(home, "SELECT id FROM step WHERE action = 'code' AND id > 5 LIMIT 3")]
    for one in ids:
        gold.put(lab, one, "valid", "boss")
    lab.close()

    async def flow(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        from tui.screens.queue_lines import about

        assert screen.now is not None
        assert screen.now.held.gold is not None
        head = "".join(cell.text for cell in about(screen.now, len(screen.now.step) - 1, False))
        around = screen.now.around
        assert head == f" {around.name} code · problem {around.problem} "
        assert screen.supply.far is not None
        left = screen.supply.far.progress.left - screen.supply.since_far
        await press("a")
        assert screen.supply.far.progress.left - screen.supply.since_far == left - 1  # as for any other step
        await press("x", "backspace", "a", "a", "a")
        assert screen.supply.gold is not None
        assert screen.supply.gold.n == 0  # one answer would give the question away
        await press("T")
        told = "\n".join("".join(cell.text for cell in line) for line in screen.saying.query_one(Pane)._lines)
        assert "gold           none yet" in told
        assert "known answers" not in told
        assert {
            row[0] for row in rows(home, "SELECT g.step_id FROM gold_answer a JOIN gold g ON g.id = a.gold_id")
        } == set(ids)
        assert not {row[0] for row in rows(home, HUMAN)} & set(ids)
        assert len(rows(home, HUMAN)) == 1

    drive(home, flow, target="value gold:1 overlap:0")


def test_a_walk_to_the_first_error_is_one_batch_that_one_key_takes_back(home: Path) -> None:
    async def flow(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        assert screen.now is not None
        path = [one.id for one in screen.now.around.path]
        assert len(path) == 2
        await press("e", "a")
        assert screen.place == 1
        assert rows(home, HUMAN) == []
        await press("backspace", "a", "x")
        assert rows(home, HUMAN) == []  # it is asked first
        await press("y")
        written = rows(home, HUMAN)
        assert [row[:2] for row in written] == [(path[0], "valid"), (path[1], "invalid")]
        assert len({row[8] for row in written}) == 1
        assert screen.now.around.path[-1].id != path[-1]
        await press("backspace")
        assert screen.now.around.path[-1].id == path[-1]
        assert [row[7] for row in rows(home, HUMAN)[2:]] != [None, None]
        await press("a", "a")
        assert [row[:2] for row in rows(home, HUMAN)[4:]] == [(path[0], "valid"), (path[1], "valid")]
        before = [one.id for one in screen.now.around.path]
        await press("x", "n", "escape")
        assert screen.walking is False
        assert [one.id for one in screen.now.around.path] == before
        assert len(rows(home, HUMAN)) == 6

    drive(home, flow, target="value action:code gold:0 overlap:0")


def test_in_a_walk_a_reason_and_a_flag_are_of_the_step_that_is_shown_and_no_step_is_a_random_pick(home: Path) -> None:
    async def flow(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        assert screen.now is not None
        path = [one.id for one in screen.now.around.path]
        await press("e", "c", "t")
        assert rows(home, HUMAN) == []  # it is asked first
        await press("y")
        written = {row[0]: (row[1], row[4]) for row in rows(home, HUMAN)}
        assert written[path[0]] == ("invalid", "structure")
        assert written[path[1]] == ("invalid", "tainted")
        assert {row[5] for row in rows(home, HUMAN)} == {"walk"}
        last = len(rows(home, HUMAN))
        path = [one.id for one in screen.now.around.path]
        await press("f", *"bad", "enter")
        assert [row[:5] for row in rows(home, HUMAN)[last:]] == [(path[0], "unsure", "ann", "bad", "flagged")]

    drive(home, flow, target="random action:code gold:0 overlap:0")


def test_filters_orders_and_an_end(home: Path) -> None:
    async def flow(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        await press("slash", "ctrl+u", *"colour:red", "enter")
        assert screen.filtered == "gold:0 overlap:0"
        assert screen.now is not None
        await press("O")
        assert screen.where() == "random gold:0 overlap:0"
        await press("a")
        [row] = rows(home, HUMAN)
        assert row[5] == "random"
        assert json.loads(row[6])["seed"] == 0
        await press("slash", "ctrl+u", *"tree:3 action:structure gold:0", "enter")
        assert screen.now is not None
        assert screen.now.around.tree == 3
        await press("space", "a", "a")
        assert screen.now is None
        assert screen.skipped == 1
        await press("escape")
        assert screen.filtered == ""
        assert screen.now is not None

    drive(home, flow)


def test_a_step_is_opened_by_name_and_read_only_browses(home: Path) -> None:
    async def named(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        assert step(screen) == 7
        assert screen.copied().startswith("2:")
        await press("x")
        assert rows(home, HUMAN)[0][5] == "tree"

    async def browsed(screen: QueueScreen, press: Callable[..., Awaitable[None]]) -> None:
        first = step(screen)
        await press("x", "c", "z")
        assert step(screen) == first
        await press("space", "space", "backspace", "backspace")
        assert step(screen) == first

    ids = rows(home, "SELECT id FROM step WHERE tree_id = 2 AND action = 'structure'")
    assert (7,) in ids
    drive(home, named, target="step:7")
    before = rows(home, "SELECT COUNT(*) FROM label")
    drive(home, browsed, readonly=True)
    assert rows(home, "SELECT COUNT(*) FROM label") == before


def shown_step(terminal: Terminal) -> str:
    return terminal.text().splitlines()[1].split()[0]


def test_two_people_at_two_terminals_see_different_steps_whose_texts_do_no_harm(tui: Start) -> None:
    ann = tui(environment={"O1CODER_AUTHOR": "ann"})
    bob = tui(environment={"O1CODER_AUTHOR": "bob"})
    seen: dict[str, list[str]] = {"ann": [], "bob": []}
    for terminal in (ann, bob):  # no second readings: those are the same steps on purpose
        terminal.wait_for("queued")
        terminal.press(":")
        terminal.wait_for("launch prm")
        terminal.press(*"queue value overlap:0", "enter")
        terminal.wait_for(lambda shown: "search and PRM hidden" in shown and "overlap:0" in shown)
    for number in range(1, 7):
        for name, terminal in (("ann", ann), ("bob", bob)):
            seen[name].append(shown_step(terminal))
            terminal.press("a")
            terminal.wait_for(f" {number} done")
    assert len(set(seen["ann"])) == len(set(seen["bob"])) == 6
    assert not set(seen["ann"]) & set(seen["bob"])
    before = len(ann.raw)
    ann.press(":")
    ann.wait_for("launch prm")
    ann.press(*"queue step:3", "enter")
    ann.wait_for("1:1 structure")
    ann.settle(0.3)
    assert b"\x1b]52" not in ann.raw
    assert b"\x1b[2J" not in ann.raw[before:]


@pytest.mark.slow
def test_kill_9_between_any_two_answers_loses_none(tui: Start, home: Path) -> None:
    answered = 0
    for number in range(1, 5):
        terminal = tui()
        terminal.press("4")
        terminal.wait_for("search and PRM hidden")
        for given in range(1, number + 1):
            terminal.press("x")
            if given < number:
                terminal.wait_for(f" {given} done")
        terminal.wait_for(f" {number} done")
        terminal.process.send_signal(signal.SIGKILL)
        terminal.process.wait()
        answered += number
        assert len(rows(home, HUMAN)) == answered


@pytest.mark.slow
def test_twenty_labels_in_a_row_wait_for_nothing(tui: Start, home: Path) -> None:
    """Milliseconds from a key to the next step, which is drawn after the label is on disk; printed, their median held to 50."""
    terminal = tui()
    terminal.press("4")
    terminal.wait_for("search and PRM hidden")
    terminal.settle(0.5)
    waits = []
    for number in range(1, 21):
        before, start = shown_step(terminal), time.perf_counter()
        terminal.press("a")
        terminal.wait_for(lambda shown, before=before: shown.splitlines()[1].split()[0] != before)  # type: ignore[misc]
        waits.append((time.perf_counter() - start) * 1000)
        assert len(rows(home, HUMAN)) >= number
    print("ms from key to next step:", " ".join(f"{wait:.0f}" for wait in waits))
    assert sorted(waits)[10] <= 50
