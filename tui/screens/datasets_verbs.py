"""What is done with a wish or a dataset: exported through the stage's own form, kept, forgotten; which two are compared."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tui.screens.ask import Confirm
from tui.screens.datasets_source import DatasetSource, Wish

if TYPE_CHECKING:
    from o1coder.queries.datasetdiff import Diff
    from o1coder.stage import Stage
    from tui.screens.datasets import DatasetsScreen
    from tui.screens.frame import Frame


def kinds() -> tuple[str, ...]:
    """The formats of an export."""
    from o1coder.previewing import KINDS

    return KINDS


def to_compare(source: DatasetSource, marks: Collection[int], row_id: int | None) -> tuple[int, int] | str:
    """The older and the newer of two datasets: those that are marked, the marked one and that under the cursor, or that and
    the one of its kind before it. A text says why there are no two."""
    chosen = sorted(one for one in marks if one in source.frozen)
    if len(chosen) == 1 and row_id in source.frozen and row_id not in chosen:
        chosen = sorted([*chosen, row_id])
    if len(chosen) == 2:
        return chosen[0], chosen[1]
    if len(chosen) > 2:
        return f"{len(chosen)} are marked: two can be compared"
    row = source.frozen.get(row_id) if row_id is not None else None
    if row is None:
        return "only datasets can be compared: export the wish first"
    before = [one.id for one in source.frozen.values() if one.kind == row.kind and one.id < row.id]
    return (max(before), row.id) if before else f"there is no {row.kind} before this one: mark another with space"


def compare(screen: DatasetsScreen, then: Callable[[Diff], None]) -> None:
    """Ask what differs between two datasets."""
    lab, source = screen.lab, screen.source
    if lab is None or source is None:
        return
    pair = to_compare(source, screen.table.marks, screen.table.row_id)
    if isinstance(pair, str):
        screen.say(pair)
        return

    def question() -> Diff:
        from o1coder.queries.datasetdiff import diff

        return diff(lab, *pair)

    screen.ask("diff", question, then)


def export(screen: Frame, wish: Wish, dataset: int | None) -> None:
    """Open the form of an export with a wish in it; of a dataset, with the moment that it was asked of."""
    from tui.screens.launch import launch_form

    if wish.kind not in kinds():
        screen.say(f"{wish.kind} rows are frozen by a training: only {', '.join(kinds())} are exported")
        return

    def entered() -> tuple[Stage, dict[str, str]]:
        from o1coder import stage
        from o1coder.previewing import OPTIONS
        from o1coder.previewing import wish as read
        from tui.form import written

        asked = read(wish.kind, wish.text)
        values = {name: written(getattr(asked, name)) for name in ("kind", "query", *OPTIONS)}
        if dataset is not None:
            values["as_of"] = str(dataset)
        return stage.find("export"), values | {"out": str(free_folder(Path.cwd(), wish.kind))}

    screen.ask("export", entered, lambda found: launch_form(screen, *found))


def free_folder(where: Path, kind: str) -> Path:
    """A folder that does not exist yet."""
    number = 1
    while (where / f"{kind}-{number}").exists():
        number += 1
    return where / f"{kind}-{number}"


def keep(screen: Frame, wish: Wish, name: str) -> None:
    """Keep a wish under a name."""
    from o1coder.home import author
    from o1coder.saved import save

    lab = screen.lab
    if lab is None:
        return

    def kept() -> bool:
        from o1coder.previewing import line
        from o1coder.previewing import wish as read

        return save(lab, wish.kind, name, line(read(wish.kind, wish.text)), author(), kinds=kinds())

    screen.act(lambda: (kept, lambda replaced: screen.say(f"{'replaced' if replaced else 'kept as'} {name}")))


def forget(screen: Frame, wish: Wish) -> None:
    """Let the name of a wish go, after a question."""
    from o1coder.saved import forget

    lab = screen.lab

    def asked(yes: bool | None) -> None:
        if yes and lab is not None:
            gone = partial(forget, lab, wish.name, kinds())
            screen.act(lambda: (gone, lambda _: screen.say(f"forgotten: {wish.name}")))

    screen.app.push_screen(Confirm(f"forget the wish {wish.name}?"), asked)
