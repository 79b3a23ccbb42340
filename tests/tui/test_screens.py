"""The real app on a real lab in a real terminal: what a person does with keys, and what is in the lab afterwards."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tui.conftest import ROOT, Made
from tests.tui.terminal import Terminal

Start = Callable[..., Terminal]


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(home / "lab.db") as connection:
        return connection.execute(query).fetchall()


def open_tree(tui: Start, *options: str, **terminal: object) -> Terminal:
    shown = tui("--open", "tree 1", *options, **terminal)
    shown.wait_for("verdict")
    shown.wait_for("Loop over xs.")
    shown.settle()
    return shown


def test_jobs_tell_state_progress_loss_and_log(tui: Start, made: Made) -> None:
    terminal = tui()
    shown = terminal.wait_for("line 49 of job 5")
    for told in ("○ queued", "for a worker", "▶ running", "✗ failed", "✓ done", "3/12", "█▇▆▅▄▃▂▁"):
        assert told in shown
    terminal.press("down", "down")
    terminal.wait_for("gpu-oom: out of memory")
    terminal.press("t")
    terminal.wait_for("what to do: lower batch")
    terminal.press("end")
    terminal.wait_for("trees 1")
    terminal.press("t")
    terminal.wait_for("no process of this job is alive on this machine")
    terminal.press("t")
    terminal.wait_for("it belongs to no round")
    terminal.press("t")
    terminal.wait_for("␛[2Jboo")
    assert b"\x1b[2Jboo" not in terminal.raw


def test_the_judges_level_is_told_on_every_screen_and_with_every_verdict(tui: Start) -> None:
    from o1coder.judge import Judge

    with Judge(workers=1) as judge:
        level = f" judge {judge.layer}"
    terminal = tui(columns=100)
    terminal.wait_for(lambda shown: level in shown.splitlines()[0])
    for key, there in (("2", "pass of k"), ("3", "solved")):
        terminal.press(key)
        terminal.wait_for(there)
        assert level in terminal.text().splitlines()[0]
    terminal.press("2")
    terminal.wait_for("[statement]")
    terminal.press("t", "t")
    terminal.wait_for("3/3 verdicts AC at L4")  # as they are stored, whatever the level here
    narrow = open_tree(tui)
    narrow.press("down", "down", "t")
    narrow.wait_for("1 ms L4")


def test_a_weak_level_stands_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from tui.app import LabApp
    from tui.widgets.line import Line

    async def told(active: list[str]) -> tuple[str, str]:
        rows = [{"level": name, "active": name in active} for name in ("L4", "L3", "L2", "L1")]
        monkeypatch.setattr("o1coder.judge.describe_layers", lambda: rows)
        app = LabApp(home)
        async with app.run_test(size=(80, 24)) as pilot:
            for _ in range(200):
                if app.isolation:
                    break
                await pilot.pause(0.02)
            cell = app.screen.query_one("#title", Line)._said[1][0]
            return cell.text.strip(), cell.style

    assert asyncio.run(told(["L4", "L3", "L2", "L1"])) == ("judge L4", "")
    assert asyncio.run(told(["L2", "L1"])) == ("judge L2", "bold")
    assert asyncio.run(told([])) == ("judge none", "bold")


def test_a_job_that_is_done_shows_no_unfinished_bar() -> None:
    """A tree may be exhausted before its simulations are used up."""
    from types import SimpleNamespace
    from typing import Any

    from tui.screens.jobs_source import progress

    view: Any = SimpleNamespace(waiting_for=None, total=54, done=24, state="done")
    assert progress(view).text == "24/54"
    view.state = "failed"
    assert progress(view).text.endswith(" 24/54")
    assert len(progress(view).text) > len(" 24/54")


def test_a_log_is_filtered_and_shown_alone(tui: Start) -> None:
    terminal = tui()
    terminal.wait_for("line 49 of job 5")
    terminal.press("&")
    terminal.wait_for("only log lines with")
    terminal.press(*"line 7", "enter")
    terminal.wait_for(lambda shown: "line 7 of job 5" in shown and "line 49" not in shown)
    terminal.press("esc")
    terminal.wait_for("line 49 of job 5")
    terminal.press("enter")
    terminal.wait_for(lambda shown: "queued" not in shown)
    terminal.press("home")
    terminal.wait_for("line 0 of job 5")
    terminal.press("esc")
    terminal.wait_for("○ queued")


@pytest.mark.usefixtures("no_worker_left")
def test_a_job_is_cancelled_only_after_yes(tui: Start, home: Path) -> None:
    terminal = tui()
    terminal.wait_for("○ queued")
    terminal.press("x")
    terminal.wait_for("cancel job 5 (policy-sft, queued)?")
    terminal.press("n")
    terminal.settle()
    assert rows(home, "SELECT sum(cancel_requested) FROM job") == [(0,)]
    terminal.press("x", "y")
    terminal.wait_for("⊘ cancelled")
    assert rows(home, "SELECT id FROM job WHERE cancel_requested") == [(5,)]
    terminal.press("x")
    terminal.wait_for("job 5 is cancelled: there is nothing to cancel")
    assert "y yes" not in terminal.text()


def test_the_launch_form_shows_its_command_and_refuses_nonsense(tui: Start, home: Path) -> None:
    terminal = tui()
    terminal.wait_for("○ queued")
    terminal.press("n")
    terminal.wait_for("Score the steps of trees")
    stages = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            "import sys; sys.path.insert(0, '.'); from o1coder.stage import stage_names as n; print(*n())",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    terminal.press(*["down"] * stages.index("score"), "enter")
    terminal.wait_for("launch score")
    terminal.wait_for("$ o1coder run score --prm 2")
    terminal.press("right")
    terminal.wait_for("$ o1coder run score --prm 1")
    terminal.press("down")
    terminal.wait_for("▸ query")
    terminal.press(*"job:1")
    terminal.wait_for("--query job:1")
    terminal.press("down", "down", "down")
    terminal.wait_for("▸ batch")
    terminal.press("x")
    terminal.wait_for("! batch Input should be a valid integer")
    terminal.press("\x12")
    terminal.settle()
    assert "launch score" in terminal.text()
    assert rows(home, "SELECT count(*) FROM job") == [(5,)]
    terminal.press("esc")
    terminal.wait_for("○ queued")


def test_problems_are_filtered_and_opened(tui: Start) -> None:
    terminal = tui()
    terminal.wait_for("line 49")
    terminal.press("2")
    terminal.wait_for("Filler 7")
    terminal.wait_for("Count the numbers of `xs` above `limit`.")
    terminal.press("t")
    terminal.wait_for("[[1, 2], 1] → 1")
    terminal.press("t")
    terminal.wait_for("said to be correct: 3/3 verdicts AC")
    terminal.press("/")
    terminal.wait_for("pass<0.3")
    terminal.press(*"split:test difficulty:hard", "enter")
    terminal.wait_for(lambda shown: "Filler 1 " in shown and "Count above" not in shown)
    terminal.press("/")
    terminal.settle(0.5)
    terminal.press("end", *" nofield:3", "enter")
    terminal.wait_for("problems have no field 'nofield'")
    terminal.press("esc")
    terminal.wait_for("4/42")
    terminal.press("home")
    terminal.wait_for("1/42")
    terminal.press("enter")
    terminal.wait_for("1/2")
    terminal.press("enter")
    terminal.wait_for("Loop over xs.")


def test_a_tree_shows_values_scores_labels_and_verdicts(tui: Start) -> None:
    terminal = open_tree(tui)
    shown = terminal.text()
    for told in ("PRM was→is", "0.50 → 0.90", "✓ valid", "✗ invalid", "✓ AC 3/3", "✗ WA 0/3"):
        assert told in shown
    assert "␛]52;c" in shown
    terminal.press("down", "down")
    terminal.wait_for("return sum(1 for x in xs if x > limit)")
    terminal.press("down", "down", "t")
    terminal.wait_for("expected 0, got 2")
    terminal.press("up", "t", "t")
    terminal.wait_for("discarded: no code")
    terminal.press("home", "left")
    terminal.wait_for("▸ Count above")
    for attack in (b"\x1b]52", b"owned\x07", b"\x1b]0;", "\u202e".encode()):
        assert attack not in terminal.raw


def test_corrections_are_on_disk_before_the_next_step_is_shown(tui: Start, home: Path, made: Made) -> None:
    terminal = open_tree(tui)
    terminal.press("down", "x")
    terminal.wait_for("checkpoints now stale: 1 2")
    step = made.steps["0"]
    given = (
        "SELECT value, source, author IS NOT NULL, taken_ms > 0, json_extract(seen, '$.label'), "
        "json_extract(seen, '$.hidden') FROM label"
    )
    assert rows(home, f"{given} WHERE step_id = {step} ORDER BY id DESC LIMIT 1") == [
        ("invalid", "human", 1, 1, "valid", 0)
    ]
    terminal.wait_for("✗ invalid*")
    terminal.wait_for("3/5")  # it went on to the next step
    terminal.wait_for("· stale: 1 2")
    terminal.press("s")
    terminal.wait_for("≈ unsure*")
    os.killpg(terminal.process.pid, signal.SIGKILL)
    terminal.process.wait()
    assert rows(home, "SELECT count(*) FROM label WHERE source = 'human'") == [(2,)]


def test_undo_goes_back_and_retracts(tui: Start, home: Path) -> None:
    terminal = open_tree(tui)
    terminal.press("down", "x")
    terminal.wait_for("✗ invalid*")
    terminal.press("end", "backspace")
    terminal.wait_for("is taken back")
    terminal.wait_for(lambda shown: "invalid*" not in shown and "2/5" in shown)
    assert rows(home, "SELECT count(*) FROM label WHERE retracts IS NOT NULL") == [(1,)]
    terminal.press("backspace")
    terminal.wait_for("nothing to undo")


def test_marked_steps_are_labelled_together_after_asking(tui: Start, home: Path) -> None:
    terminal = open_tree(tui)
    terminal.press("down", "space", "space", "x")
    terminal.wait_for("label 2 marked steps invalid?")
    terminal.press("y")
    terminal.wait_for("2 steps invalid")
    terminal.settle()
    batches = rows(home, "SELECT count(*), count(DISTINCT batch) FROM label WHERE source = 'human'")
    assert batches == [(2, 1)]


def test_twenty_labels_at_once_lose_none(tui: Start, home: Path) -> None:
    terminal = open_tree(tui)
    terminal.press("down", *("x", "a") * 10)
    terminal.wait_for(lambda shown: "5/5" in shown and "✓ valid*" in shown)
    terminal.settle(0.5)
    assert rows(home, "SELECT count(*) FROM label WHERE source = 'human'") == [(20,)]


def test_readonly_changes_nothing(tui: Start, home: Path) -> None:
    terminal = open_tree(tui, "--readonly")
    assert "read-only" in terminal.text()
    terminal.press("down", "x")
    terminal.wait_for("the lab is open read-only")
    terminal.press("R")
    terminal.wait_for("leave --readonly away to retrain")
    terminal.press("1")
    terminal.wait_for("○ queued")
    terminal.press("x")
    terminal.wait_for("leave --readonly away to cancel")
    assert rows(home, "SELECT count(*) FROM label WHERE source = 'human'") == [(0,)]


def test_what_others_write_appears(tui: Start, home: Path, made: Made) -> None:
    terminal = open_tree(tui)
    with sqlite3.connect(home / "lab.db") as connection:
        connection.execute(
            "INSERT INTO label (step_id, value, source, author, created_at) VALUES (?, 'unsure', 'human', 'other', '2026')",
            (made.steps["0"],),
        )
    connection.close()
    terminal.wait_for("≈ unsure*", timeout_s=5)


@pytest.mark.parametrize(("size", "key"), [((80, 24), "1"), ((40, 10), "3"), ((200, 60), "2")])
def test_every_size_draws_and_help_lists_every_key(tui: Start, size: tuple[int, int], key: str) -> None:
    terminal = tui(columns=size[0], rows=size[1])
    terminal.wait_for("1 Jobs")
    terminal.press(key, "?")
    terminal.wait_for("Keys")
    terminal.press("esc")
    terminal.wait_for(lambda shown: "esc closes" not in shown)
    terminal.press("q")
    assert terminal.wait() == 0


@pytest.mark.parametrize("environment", [{"LC_ALL": "C"}, {"NO_COLOR": "1"}, {"TERM": "xterm"}])
def test_plain_terminals(tui: Start, environment: dict[str, str]) -> None:
    terminal = open_tree(tui, environment=environment)
    shown = terminal.text()
    assert "valid" in shown
    assert "WA 0/3" in shown
    if "LC_ALL" in environment:
        assert shown.isascii()
    if "NO_COLOR" in environment:
        assert b"38;2;" not in terminal.raw


def test_no_lab_and_no_terminal_are_said_plainly(tui: Start, tmp_path: Path) -> None:
    terminal = tui("--home", str(tmp_path / "none"))
    assert terminal.wait() == 2
    assert "there is no lab at" in terminal.text()
    assert "o1coder init" in terminal.text()
    code = "import sys; sys.path.insert(0, '.'); from tui.__main__ import main; sys.exit(main([]))"
    piped = subprocess.run([sys.executable, "-P", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert piped.returncode == 2
    assert "o1coder jobs list" in piped.stderr


def test_nothing_heavy_is_imported_and_sqlmodel_only_later() -> None:
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "import tui.__main__, tui.app, tui.screens.jobs, tui.screens.problems, tui.screens.tree\n"
        "names = ('sqlmodel', 'sqlalchemy', 'alembic', 'torch', 'transformers', 'trl', 'vllm', 'peft', 'numpy')\n"
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_ends_with_its_terminal(tui: Start) -> None:
    terminal = tui()
    terminal.wait_for("○ queued")
    assert terminal.hang_up() != 0
