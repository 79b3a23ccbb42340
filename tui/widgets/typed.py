"""An input that takes keys strictly in the order in which they were typed, however fast.

Textual's own inserts letters at once while every other key goes up to the app first, so that of keys typed ahead a letter can
overtake a ctrl+u or a launch before it. Here a binding runs where the letters are taken.
"""

from __future__ import annotations

from textual import events
from textual.widgets import Input


class Typed(Input):
    """An Input; the same keys, in order."""

    async def _on_key(self, event: events.Key) -> None:
        if event.is_printable:
            await super()._on_key(event)
        elif self.has_focus and await self.app._check_bindings(event.key):
            event.stop()
            event.prevent_default()
