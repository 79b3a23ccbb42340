"""No literal of the screens holds a character that a terminal without UTF-8 cannot show: glyphs come from tui/text.py."""

from __future__ import annotations

import ast
from pathlib import Path

import tui

HAVE_BOTH = {"text.py", "plot.py", "sparkline.py", "highlight.py"}  # they hold two sets, or read text, and choose
NAMED = {"↑", "↓", "←", "→", "PRM was→is"}  # beside each stands what is shown where only ASCII can be


def literals(file: Path) -> set[str]:
    """The string constants of a file that are no docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    }


def test_literals_are_ascii() -> None:
    files = [file for file in Path(tui.__file__).parent.rglob("*.py") if file.name not in HAVE_BOTH]
    assert len(files) > 20
    found = {(file.name, text) for file in files for text in literals(file) if not text.isascii() and text not in NAMED}
    assert not found
