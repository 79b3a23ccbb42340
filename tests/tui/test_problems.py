"""The problems screen: what is typed filters at once, an obsolete question ends, each tab tells what it should."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from o1coder.lab import Lab
from o1coder.queries.words import Term, terms
from tui.app import LabApp
from tui.screens.problems import ProblemsScreen
from tui.screens.problems_source import ProblemSource, SortedOrder, marked, titled, wanted
from tui.text import Cell
from tui.widgets.line import Line
from tui.widgets.pane import Pane


async def until(pilot: Pilot[Any], holds: Callable[[], bool]) -> None:
    for _ in range(300):
        if holds():
            return
        await pilot.pause(0.02)
    raise AssertionError("it never came to hold")


def run(home: Path, body: Callable[[Pilot[Any], ProblemsScreen], Awaitable[None]], **app: Any) -> None:
    async def ran() -> None:
        async with LabApp(home, **app).run_test(size=(100, 30)) as pilot:
            pilot.app.go("problems")  # type: ignore[attr-defined]
            await until(
                pilot, lambda: isinstance(pilot.app.screen, ProblemsScreen) and bool(pilot.app.screen.query(Pane))
            )
            await until(pilot, lambda: pilot.app.screen.query_one("#problems").loaded)  # type: ignore[attr-defined]
            screen = pilot.app.screen
            assert isinstance(screen, ProblemsScreen)
            await body(pilot, screen)

    asyncio.run(ran())


def title(screen: ProblemsScreen) -> str:
    return "".join(cell.text for cell in screen.query_one("#title", Line)._said[0])


def pane(screen: ProblemsScreen) -> str:
    return "\n".join("".join(cell.text for cell in line) for line in screen.query_one(Pane)._lines)


def message(screen: ProblemsScreen) -> str:
    return screen._message


def test_what_is_typed_filters_while_it_is_typed_and_esc_takes_one_step_back(home: Path) -> None:
    async def body(pilot: Pilot[Any], screen: ProblemsScreen) -> None:
        assert "42 problems" in title(screen)
        await pilot.press("space", "slash", *"split:test")
        await until(pilot, lambda: "20 of 42" in title(screen))
        assert isinstance(screen.focused, Input)
        await pilot.press("space", *"colour:red")
        await until(pilot, lambda: "no field 'colour'" in message(screen))
        assert "split, difficulty, kind" in message(screen)
        assert "20 of 42" in title(screen)  # what was there stays
        await pilot.press(*["backspace"] * 10)
        await until(pilot, lambda: screen.filter.value.strip() == "split:test")
        await pilot.press("escape")  # closes the input
        assert screen.focused is screen.table
        await until(pilot, lambda: "20 of 42" in title(screen))
        await pilot.press("plus")
        assert screen.has_class("zoomed")
        await pilot.press("escape")  # unzooms
        assert not screen.has_class("zoomed")
        await pilot.press("space")
        assert screen.table.marks
        await pilot.press("escape")  # clears the marks
        assert not screen.table.marks
        assert screen.filter.value
        assert screen.where() == "split:test"
        assert screen.twin() == "o1coder problems list --query split:test"
        await pilot.press("escape")  # takes the filter away
        await until(pilot, lambda: "42 problems" in title(screen))
        assert screen.twin().startswith("o1coder problems show ")

    run(home, body)


def test_every_tab_tells_of_the_problem_under_the_cursor(home: Path) -> None:
    async def body(pilot: Pilot[Any], screen: ProblemsScreen) -> None:
        screen.goto("1")
        wanted = {
            "statement": ["Count the numbers of `xs` above", "50.0% of 2 rollouts pass", "made/p0"],
            "tests": ["dataset: 3 tests", "[[1, 2], 1]", "1 programs pass, 1 fail: 43 WA"],
            "programs": [
                "✓ AC",
                "program 43",
                "fails tests 1 WA 2 WA 3 WA",
                "said to be correct: 3/3 verdicts AC at L4",
            ],
            "trees": ["outside of rounds", "tree 1", "1/2 pass", "simulations"],
            "used": [
                "dataset 1",
                "prm-point validity, 1 rows, job 2",
                "checkpoint 2",
                "prm by prm job 2, from dataset 1",
            ],
        }
        for tab, told in wanted.items():
            assert screen.detail.tab == tab
            await until(pilot, lambda told=told: told[0] in pane(screen))  # type: ignore[misc]
            for one in told:
                assert one in pane(screen), (tab, one)
            assert screen.outside() is not None
            await pilot.press("t")
        await pilot.press("T")
        assert screen.detail.tab == "used"
        kept = screen.keep()
        screen.recall({"tab": "tests"})
        assert screen.detail.tab == "tests"
        screen.recall(kept | {"zoomed": "?"})
        assert screen.detail.tab == "used"

    run(home, body)


def test_a_search_of_what_is_marked_is_offered_and_refused_where_nothing_may_be_written(home: Path) -> None:
    async def writable(pilot: Pilot[Any], screen: ProblemsScreen) -> None:
        from tui.screens.launch import LaunchScreen

        screen.table.marks = {1, 2}
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, LaunchScreen))
        form = pilot.app.screen
        assert isinstance(form, LaunchScreen)
        assert form.entered["problems"] == "1,2"
        assert form.read()["split"] == "train"

    async def readonly(pilot: Pilot[Any], screen: ProblemsScreen) -> None:
        await pilot.press("n")
        assert "read-only" in message(screen)

    run(home, writable)
    run(home, readonly, readonly=True)


def test_the_overlay_of_keys_tells_the_language_of_the_filter(home: Path) -> None:
    async def body(pilot: Pilot[Any], screen: ProblemsScreen) -> None:
        await pilot.press("question_mark")
        told = "\n".join("".join(c.text for c in line) for line in pilot.app.screen.query_one(Pane)._lines)
        for word in ('"shortest path"', "-word", "pass<0.3", "sort:-pass", "withdrawn"):
            assert word in told

    run(home, body)


def test_an_obsolete_filter_is_ended_and_an_unchanged_lab_is_not_asked_again(home: Path) -> None:
    lab = Lab(home)
    stopped = ProblemSource(lab, "split:test")
    stopped.stop()
    assert len(stopped.order()) == 0
    source = ProblemSource(lab, "split:test")
    first = source.order()
    assert len(first) == 20
    assert source.order() is first
    lab.close()


def test_an_ascending_order_finds_its_rows() -> None:
    order = SortedOrder(range(1, 1_000_001))
    assert (len(order), order.id_at(999_999), order.find(500), order.find(0)) == (1_000_000, 1_000_000, 499, None)
    assert SortedOrder([2, 4, 9]).find(4) == 1
    assert SortedOrder([2, 4, 9]).find(5) is None


def words(text: str) -> tuple[Term, ...]:
    return tuple(terms(text))


@pytest.mark.parametrize(
    ("text", "filter_text", "shown"),
    [
        ("sum of a list", "sum", "T"),  # matched in the title already: see below
        ("given a matrix of numbers, transpose it quickly please", "transp", "of numbers, transpose it quickly please"),
        ("x" * 500, "xxx", "x" * 3),
        ("no match here", "-match", ""),
    ],
)
def test_where_a_word_matched_is_shown(text: str, filter_text: str, shown: str) -> None:
    assert shown in titled("T" if shown == "T" else "", text, words(filter_text))


def test_matches_stand_out_and_hostile_text_stays_inert() -> None:
    line = [Cell("the Graph and the graph-tree", "dim")]
    cells = marked(line, wanted(words('graph "the graph"')))
    assert "".join(cell.text for cell in cells) == line[0].text
    assert [cell.text for cell in cells if cell.style == "reverse"] == ["the Graph", "the graph"]
    assert "\x1b" not in titled("\x1b[2J", "a \x1b]52;c;x\x07 word", words("word"))
