"""The jobs screen: filtered while it is typed, the log searched, verbs on what is marked, the machine and the round told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from o1coder.lab import Lab
from o1coder.queries.gpus import Gpu
from o1coder.queries.usage import Machine, Process, Usage
from tests.tui.conftest import Made
from tui.app import LabApp
from tui.screens import jobs, jobs_pane, jobs_source
from tui.screens.ask import Confirm
from tui.screens.jobs import JobsScreen
from tui.screens.jobs_confirm import TypedConfirm
from tui.widgets.line import Line
from tui.widgets.log_view import LogView
from tui.widgets.pane import Pane


async def until(pilot: Pilot[Any], holds: Callable[[], object]) -> None:
    for _ in range(300):
        if holds():
            return
        await pilot.pause(0.02)
    raise AssertionError("it never came to hold")


def run(home: Path, body: Callable[[Pilot[Any], JobsScreen], Awaitable[None]], **app: Any) -> None:
    async def ran() -> None:
        async with LabApp(home, **app).run_test(size=(100, 30)) as pilot:
            await until(
                pilot, lambda: isinstance(pilot.app.screen, JobsScreen) and bool(pilot.app.screen.query(LogView))
            )
            screen = pilot.app.screen
            assert isinstance(screen, JobsScreen)
            await until(pilot, lambda: screen.table.loaded and screen.view is not None)
            await body(pilot, screen)

    asyncio.run(ran())


def texts(lines: Any) -> str:
    return "\n".join("".join(cell.text for cell in line) for line in lines)


def ids(screen: JobsScreen) -> list[int]:
    return [screen.table.order.id_at(n) for n in range(len(screen.table.order))]


def query(home: Path, sql: str) -> list[Any]:
    with sqlite3.connect(home / "lab.db") as connection:
        return connection.execute(sql).fetchall()


def test_jobs_are_filtered_while_it_is_typed_and_esc_goes_one_step(home: Path) -> None:
    async def body(pilot: Pilot[Any], screen: JobsScreen) -> None:
        await pilot.press("slash", *"state:failed")
        await until(pilot, lambda: ids(screen) == [3])
        await until(pilot, lambda: "1 of 5 jobs" in texts([screen.query_one("#title", Line)._said[0]]))
        await pilot.press("space", *"x:1")
        await until(pilot, lambda: "jobs have no field 'x'" in screen._message)
        assert ids(screen) == [3]
        await pilot.press("backspace", "backspace", "backspace", "backspace", "enter")
        assert not screen.query_one("#asked", Input).display
        assert screen.where() == "state:failed"
        assert screen.twin() == "o1coder jobs list --newest --query state:failed"
        await pilot.press("enter")
        assert screen.has_class("zoomed")
        assert screen.twin() == "o1coder jobs log 3"
        await pilot.press("escape")
        assert not screen.has_class("zoomed")
        await pilot.press("escape")
        await until(pilot, lambda: len(ids(screen)) == 5)

    run(home, body)


def test_the_log_is_searched_filtered_and_its_errors_found(home: Path) -> None:
    log = home / "jobs" / "5" / "log"
    log.write_text("".join(f"line {n}\n" for n in range(300)) + "ValueError: no\n" + "tail\n" * 100)

    async def body(pilot: Pilot[Any], screen: JobsScreen) -> None:
        view = screen.log_view
        await until(pilot, lambda: "tail" in view.text())
        await pilot.press("E")
        await until(pilot, lambda: "ValueError" in view.text())
        assert not view.following
        await pilot.press("E")
        await until(pilot, lambda: "no other" in texts([screen.query_one("#tabs", Line)._said[0]]))
        await pilot.press("enter", "slash", *"line 7", "enter")
        await until(pilot, lambda: view.text().startswith("line 0\n"))  # round the end
        found = view._found
        await pilot.press("n")
        await until(pilot, lambda: "line 70\nline 71" in view.text())
        await pilot.press("N")
        await until(pilot, lambda: view._found == found)
        await pilot.press("ampersand", *"line 29")
        await until(pilot, lambda: view.text().split("\n")[0] == "line 29")
        assert "11 lines" in view.status
        await pilot.press("enter", "escape")
        await until(pilot, lambda: "tail" in view.text())
        assert screen.has_class("zoomed")
        await pilot.press("g")
        await until(pilot, lambda: view.text().startswith("line 0\nline 1\n"))
        await pilot.press("F")
        await until(pilot, lambda: view.following and "tail" in view.text())
        found = screen.outside()
        assert found is not None
        assert found[1].startswith("line 0\n")

    run(home, body)


@pytest.mark.usefixtures("no_worker_left")
def test_verbs_work_on_what_is_marked_and_a_long_run_is_cancelled_only_by_its_number(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("o1coder.jobs.verbs.ensure_worker", lambda lab: None)
    with sqlite3.connect(home / "lab.db") as connection:
        connection.execute("UPDATE attempt SET started_at = '2020-01-01T00:00:00.000Z' WHERE job_id = 4")

    async def body(pilot: Pilot[Any], screen: JobsScreen) -> None:
        screen.table.marks = {3, 4, 5}
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypedConfirm))
        asked = texts([pilot.app.screen.query_one("#question", Line)._said[0]])
        assert "cancel 2 jobs: 4 5? job 4 has run for" in asked
        await pilot.press(*"5", "enter")
        assert isinstance(pilot.app.screen, TypedConfirm)
        assert query(home, "SELECT sum(cancel_requested) FROM job") == [(0,)]
        await pilot.press("backspace", *"4", "enter")
        await until(pilot, lambda: query(home, "SELECT sum(cancel_requested) FROM job") == [(2,)])
        await until(pilot, lambda: "jobs 4 5 were asked to end" in screen._message)
        screen.table.marks = {3, 5}
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: query(home, "SELECT attempts_wanted FROM job WHERE id = 3") == [(2,)])

    run(home, body)


def test_nothing_is_asked_where_the_lab_is_read_only(home: Path) -> None:
    async def body(pilot: Pilot[Any], screen: JobsScreen) -> None:
        for key in ("x", "R", "n", "N"):
            screen._message = ""
            await pilot.press(key)
            await until(pilot, lambda: "read-only" in screen._message)
            assert pilot.app.screen is screen

    run(home, body, readonly=True)


def test_the_same_job_is_launched_again_from_its_form(home: Path) -> None:
    with sqlite3.connect(home / "lab.db") as connection:
        connection.execute('UPDATE job SET config = \'{"seed": 7, "simulations": 9, "problems": [1, 2]}\' WHERE id = 1')

    async def body(pilot: Pilot[Any], screen: JobsScreen) -> None:
        from tui.screens.launch import LaunchScreen

        screen.goto("1")
        await until(pilot, lambda: screen.view is not None and screen.view.id == 1)
        await pilot.press("N")
        await until(pilot, lambda: isinstance(pilot.app.screen, LaunchScreen))
        form = pilot.app.screen
        assert isinstance(form, LaunchScreen)
        await until(pilot, lambda: "--simulations 9" in form.line)
        assert "--problems 1,2" in form.line
        assert "--seed 7" in form.line
        await pilot.press("ctrl+t")
        assert "nothing is enqueued" in texts(form.query_one(Pane)._lines)
        assert "simulations           9" in texts(form.query_one(Pane)._lines)
        await pilot.press("escape")
        assert query(home, "SELECT count(*) FROM job") == [(5,)]

    run(home, body)


def test_what_a_job_made_is_gone_to(home: Path, made: Made) -> None:
    async def body(pilot: Pilot[Any], screen: JobsScreen) -> None:
        went: list[tuple[str, str]] = []
        pilot.app.go = lambda mode, target="": went.append((mode, target))  # type: ignore[attr-defined]
        screen.goto(str(made.jobs["prm"]))
        await until(pilot, lambda: screen.view is not None and screen.view.id == made.jobs["prm"])
        for key in ("C", "D", "m"):
            await pilot.press(key)
            await until(pilot, lambda key=key: len(went) == "CDm".index(key) + 1)  # type: ignore[misc]
        assert went == [("checkpoints", "job:2"), ("datasets", "1"), ("runs", "2")]
        await pilot.press("T")
        await until(pilot, lambda: "job 2 has made no trees" in screen._message)

    run(home, body)


def view(**changes: Any) -> Any:
    base = {
        "id": 7, "state": "running", "host": "here", "heartbeat_age_s": 1.0, "stuck_trees": 0, "error_kind": None,
        "started_at": None, "ended_at": None, "created_at": "2026-01-01T00:00:00.000Z", "attempt_started_at": None,
        "done": 0, "total": 0,
    }  # fmt: skip
    return SimpleNamespace(**(base | changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "1s ago"),
        ({"heartbeat_age_s": 42.0}, "silent 42s"),
        ({"heartbeat_age_s": 4000.0}, "silent 1h"),
        ({"stuck_trees": 3}, "stuck 3"),
        ({"state": "failed", "error_kind": "gpu-oom"}, "gpu-oom"),
        (
            {"state": "done", "started_at": "2026-01-01T00:00:00.000Z", "ended_at": "2026-01-01T00:03:20.000Z"},
            "in 3m20s",
        ),
        ({"state": "cancelled"}, ""),
    ],
)
def test_the_last_sign_of_a_job_is_said_in_words(changes: dict[str, Any], told: str) -> None:
    assert jobs_source.last(view(**changes)).text == told


MACHINE = Machine("here", 8, 37.5, 1.5, 20_000, 64_000, 1024)
GPU = Gpu("GPU-abcdef0123456789", 0, "H200", 97, 122_880, 143_360, 91, 512.4, 700.0, 7, 1000)
QUIET = Gpu("GPU-b", 1, "old \x1b[2J", None, None, None, None, None, None, None, 0)


def test_the_machine_is_told_in_one_line_and_a_jobs_processes_in_the_pane() -> None:
    found = Usage(MACHINE, [GPU, QUIET], [Process(7, 12, "python\x07", 180.4, 2048, 4096, 9, 61.0)])
    strip = texts([jobs_pane.strip(found, False, "11:00:00")])
    assert " 38 % of 8" in strip
    assert "GPU0 97 % 120/140 GB 91 C 512 W job 7" in strip
    assert "at 11:00:00" in strip
    styles = {cell.text: cell.style for cell in jobs_pane.strip(found, True, "")}
    assert styles["1 GB free"] == styles[" 91 C"] == "bold yellow"
    told = texts(jobs_pane.usage(found, view()))
    assert "1 processes, CPU 180 % of one core, memory 2,048 MB, GPU memory 4,096 MB" in told
    assert "python␇" in told
    assert "122,880 of 143,360 MB, 91 C, 512 of 700 W  job 7, 1,000 MB by others" in told
    assert "\x1b" not in told
    other = Usage(MACHINE, [], [])
    assert "cannot be seen from here" in texts(jobs_pane.usage(other, view(host="far")))
    assert "no NVIDIA GPU" in texts(jobs_pane.usage(other, view(state="done")))
    assert "no GPU" in texts([jobs_pane.strip(other, True, "")])


def test_the_machine_is_read_again_once_a_job_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "METER_S", 0.05)
    monkeypatch.setattr(jobs, "REFRESH_S", 0.1)
    runs = {"now": 0}
    monkeypatch.setattr(jobs_source.JobSource, "running", property(lambda _: runs["now"]))

    async def body(pilot: Pilot[Any], screen: JobsScreen) -> None:
        await until(pilot, lambda: screen._readings == 2)
        await pilot.pause(0.3)
        assert screen._readings == 2  # nothing runs: nothing is read
        runs["now"] = 1
        await until(pilot, lambda: screen._readings > 4)

    run(home, body)


def test_the_chain_of_a_round_says_what_waits_for_what(home: Path) -> None:
    from o1coder.queries import jobs

    with sqlite3.connect(home / "lab.db") as connection:
        connection.execute("INSERT INTO run (id, name, author, created_at) VALUES (1, 'first', 'ann', '')")
        connection.execute("UPDATE job SET run_id = 1, stage = 'selfplay', config = '{\"tcg\": false}' WHERE id = 5")
        connection.execute("UPDATE job SET run_id = 1, round = 0, key = 'first/0/synthesize' WHERE id = 1")
        connection.execute("UPDATE job SET run_id = 1, round = 0, key = 'first/0/policy-sft' WHERE id = 3")
    lab = Lab(home)
    told = texts(jobs_pane.chain(lab, jobs.job(lab, 3)))
    of_coordinator = texts(jobs_pane.chain(lab, jobs.job(lab, 5)))
    alone = texts(jobs_pane.chain(lab, jobs.job(lab, 4)))
    lab.close()
    lines = told.split("\n")
    assert lines[0] == "round 0 of first"
    assert "✓ done" in lines[1]
    assert "synthesize" in lines[1]
    assert "1 trees" in lines[1]
    assert lines[2].startswith("▸ ✗ failed")
    assert "out of memory" in lines[2]
    assert "prm" in lines[3]
    assert "waits for policy-sft" in lines[3]
    assert "synthesize" in of_coordinator
    assert alone == "it belongs to no round"
