"""Wishes that were typed, and their previews: each asked in a process of its own, one at a time, the newest stopping the one
before. What a preview says is o1coder/previewing.py's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from o1coder.errors import LabError
from tui.screens.datasets_source import DRAFT, Wish
from tui.text import GLYPHS
from tui.widgets.entry import Entry

if TYPE_CHECKING:
    from o1coder.apart import Previewing
    from o1coder.previewing import Preview
    from tui.screens.datasets import DatasetsScreen

KEPT_ROWS = 200  # of a preview


class Previews:
    """See the head of this file; for one screen. `draft`: the wish that was typed; `failed`: what was wrong, by wish."""

    def __init__(self, screen: DatasetsScreen) -> None:
        self.screen = screen
        self.draft: Wish | None = None
        self.running: Previewing | None = None
        self.failed: dict[str, LabError] = {}

    def keep(self) -> list[str] | None:
        """The draft, as JSON."""
        return None if self.draft is None else list(self.draft[:2])

    def recall(self, draft: object) -> None:
        """Take what `keep` gave."""
        if isinstance(draft, list) and len(draft) == 2 and all(isinstance(word, str) for word in draft):
            self.draft = Wish(*draft)

    def write(self) -> None:
        """Open the line in which a wish is written, with the one under the cursor in it."""
        from o1coder.previewing import KINDS, OPTIONS
        from o1coder.treequery import Query

        wish = self.screen.wish()
        text = "stepwise split:train" if wish is None else wish.line
        words = [*KINDS, *(f"{name}:" for name in (*Query.__dataclass_fields__, *OPTIONS))]
        older = self.screen.lab_app.memory.lines("datasets")
        entry = self.screen.query_one(Entry)
        entry.begin("wish", text, "KIND split:train label:human target:value ...", before=older, words=words)

    def typed(self, text: str) -> None:
        """A line was typed, or asked for by a target: it is the wish on top, and is previewed."""
        screen, source = self.screen, self.screen.source
        kind, _, rest = text.partition(" ")
        kept = None if source is None else next((w for w in source.wishes.values() if w.name == text), None)
        self.draft = Wish(kind, rest.strip()) if kept is None else Wish(kept.kind, kept.text)
        screen.lab_app.memory.typed("datasets", self.draft.line)
        if source is not None:
            source.draft = self.draft
            screen.table.show(source)
            screen.table.reload()
        screen.table.go_to(DRAFT)
        self.ask(self.draft)

    def drop_draft(self) -> None:
        """Take the typed wish off the list."""
        self.draft = None
        if self.screen.source is not None:
            self.screen.source.draft = None
            self.screen.table.reload()

    def ask(self, wish: Wish) -> None:
        """Preview a wish; what is still being asked is stopped."""
        lab, source = self.screen.lab, self.screen.source
        if lab is None or source is None:
            return
        from o1coder.apart import Previewing

        self.cancel()
        running = self.running = Previewing(lab.home, wish.kind, wish.text, first=KEPT_ROWS)
        source.previews.pop(wish.line, None)
        self.failed.pop(wish.line, None)

        def question() -> Preview | LabError:
            try:
                return running.answer()
            except LabError as error:
                return error

        self.screen.draw_detail()
        self.screen.ask("preview", question, partial(self._previewed, wish, running))

    def _previewed(self, wish: Wish, running: Previewing, answer: Preview | LabError) -> None:
        screen = self.screen
        if running is self.running:
            self.running = None
        if isinstance(answer, LabError):
            if not running.cancelled:
                self.failed[wish.line] = answer
            screen.say(answer.message + (f" {GLYPHS.dot} {answer.hint}" if answer.hint else ""))
        elif screen.source is not None:
            screen.source.previews[wish.line] = answer
            screen.table.reload()
        screen.draw_detail()

    def cancel(self) -> None:
        """Stop what is being asked."""
        if self.running is not None:
            self.running.cancel()
