"""What the datasets screen says of where its cursor is: the command that says the same, what `y` copies, what `o` opens."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.screens.datasets import DatasetsScreen


def twin(screen: DatasetsScreen) -> str:
    """The command that says the same."""
    row, wish, tab = screen.frozen(), screen.wish(), screen.detail.tab
    if tab == "diff" and screen.compared is not None:
        return f"o1coder datasets diff {screen.compared.a} {screen.compared.b}"
    if row is not None:
        rows = f" --rows 1 --skip {screen.ordinal}" if tab == "rows" else ""
        return f"o1coder datasets show {row.id}{rows}"
    if wish is None:
        return "o1coder datasets list"
    return shlex.join(["o1coder", "datasets", "preview", wish.kind, "--query", wish.text])


def copied(screen: DatasetsScreen) -> str:
    """The row that is shown, else the hash of the dataset, else where the screen stands."""
    row, found = screen.frozen(), screen.preview()
    if screen.detail.tab == "rows" and screen.sample is not None:
        return json.dumps(screen.sample.row, ensure_ascii=False)
    return row.sha256 if row is not None else found.sha256 if found is not None else screen.where()


def outside(screen: DatasetsScreen) -> tuple[str, str] | None:
    """The row that is shown, else what the pane says."""
    if screen.detail.tab == "rows" and screen.sample is not None:
        return "row.json", json.dumps(screen.sample.row, ensure_ascii=False, indent=2)
    text = "\n".join("".join(cell.text for cell in line) for line in screen.shown)
    return ("dataset.txt", text) if text else None
