"""The overlay that shows what corrections would do, and what its keys answer."""

from __future__ import annotations

import asyncio

import pytest
from textual.app import App

from o1coder.corrections import Change, Preview
from tui.screens.preview import PreviewCorrections, rows

CHANGES = [Change(7, "invalid"), Change(8, "invalid", "tainted"), Change(3, "unsure", "revalued")]
FOUND = Preview(3, 2, [(3, 0.5, 0.0), (7, 1.0, 0.0), (8, None, 0.0)], 1200, [2, 5], [4])


def test_every_figure_of_the_preview_is_told() -> None:
    said = ["".join(cell.text for cell in line).strip() for line in rows(CHANGES, FOUND, {7: "0.1\x1b[2J"})]
    assert said[0] == "3 labels: 2 invalid, 1 unsure"
    assert said[1:3] == [
        "1 of them tainted: after the first error",
        "1 of them re-valued: the word of a step above turns with its programs",
    ]
    assert said[3] == "2 of 3 turn the word that counts"
    assert "0.50" in said[5]
    assert "\x1b" not in "".join(said)
    assert "none" in said[7]
    assert said[-2] == "1200 rows of datasets 2 5 would rest on a word that no longer counts"
    assert said[-1] == "stale would be checkpoint 4"
    overruling = rows(CHANGES, FOUND._replace(overruled=2, people=("bob", "a\x1b[2Jb")), {})
    [line] = [text for row in overruling if "somebody else" in (text := row[0].text)]
    assert line.startswith("   2 of them turn what somebody else said: bob, a")
    assert "\x1b" not in line
    calm = rows(CHANGES[:1], Preview(1, 0, [], 0, [], []), {})
    assert ["".join(cell.text for cell in line).strip() for line in calm] == [
        "1 label: 1 invalid",
        "0 of 1 turn the word that counts",
        "0 values of steps change: derived, never written",
        "no dataset row would rest on a word that no longer counts",
        "no checkpoint would be stale",
    ]


@pytest.mark.parametrize(("key", "answer"), [("y", True), ("enter", True), ("n", False), ("escape", False)])
def test_its_keys_answer(key: str, answer: bool) -> None:
    async def run() -> bool | None:
        app: App[None] = App()
        said: list[bool | None] = []
        async with app.run_test(size=(40, 12)) as pilot:
            app.push_screen(PreviewCorrections("label 3 steps", CHANGES, FOUND), said.append)
            await pilot.pause()
            await pilot.press(key)
            await pilot.pause()
        return said[0]

    assert asyncio.run(run()) is answer
