"""What is done with a query and its rows besides reading them: kept, forgotten, written to a file. Each asks a thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tui.screens.ask import Confirm
from tui.screens.sql_source import KIND, Query

if TYPE_CHECKING:
    from o1coder.queries.sqltext import Result
    from tui.screens.frame import Frame


def write_file(screen: Frame, result: Result, name: str) -> None:
    """Write the rows to a new file, and say where it is."""
    from o1coder.queries.sqlresult import write

    file = Path(name).expanduser()
    done = partial(write, result, file)
    rows = "1 row" if len(result.rows) == 1 else f"{len(result.rows):,} rows"
    screen.act(lambda: (done, lambda _: screen.say(f"{rows} in {file.absolute()}")))


def keep(screen: Frame, query: Query, name: str, then: Callable[[Query], None]) -> None:
    """Keep a query under a name."""
    from o1coder.home import author
    from o1coder.saved import save

    lab = screen.lab
    if lab is None:
        return

    def saved(replaced: bool) -> None:
        screen.say(f"{'replaced' if replaced else 'kept as'} {name}")
        then(Query(name, query.text, "", author()))

    done = partial(save, lab, KIND, name, query.text, author())
    screen.act(lambda: (done, saved))


def forget(screen: Frame, query: Query) -> None:
    """Let a name go, after a question."""
    lab = screen.lab
    if not query.author:
        screen.say("an example cannot be forgotten" if query.name else "this query has no name")
        return
    if screen.refused("forget a query") or lab is None:
        return
    from o1coder.saved import forget

    def asked(yes: bool | None) -> None:
        if yes:
            gone = partial(forget, lab, query.name, [KIND])
            screen.act(lambda: (gone, lambda _: screen.say(f"forgotten: {query.name}")))

    screen.app.push_screen(Confirm(f"forget the query {query.name}?"), asked)
