"""Keys typed ahead of a busy program are taken in their order: letters, corrections, and the key that sends a form off."""

from __future__ import annotations

import asyncio

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input

from tui.widgets.typed import Typed


class Form(App[None]):
    """An input two containers deep, and a key of the app that reads it."""

    BINDINGS = [Binding("ctrl+r", "launch", "launch")]  # noqa: RUF012 - as Textual has it

    def __init__(self) -> None:
        super().__init__()
        self.launched: list[str] = []
        self.submitted: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(), Vertical():
            yield Typed("none", select_on_focus=False)

    def action_launch(self) -> None:
        self.launched.append(self.query_one(Input).value)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        self.submitted.append(message.value)


def typed(keys: str) -> tuple[str, Form]:
    """What stands in the input when all these keys have come at once, nothing awaited between them."""
    app = Form()

    async def go() -> str:
        async with app.run_test() as pilot:
            for key in keys.split():
                app.post_message(events.Key(key, key if len(key) == 1 else None))
            await pilot.pause()
            return app.query_one(Input).value

    return asyncio.run(go()), app


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ("end ctrl+u f a k e", "fake"),
        ("ctrl+u a b backspace c left d", "adc"),
        ("end 1 2 home 3", "3none12"),
    ],
)
def test_no_letter_overtakes_a_key_before_it(keys: str, value: str) -> None:
    assert typed(keys)[0] == value


def test_what_is_typed_after_a_launch_is_not_launched() -> None:
    value, app = typed("ctrl+u 7 ctrl+r 1 enter 2")
    assert app.launched == ["7"]
    assert app.submitted == ["71"]
    assert value == "712"
