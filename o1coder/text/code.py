"""Programs as text: their normal form, their digest, whether they compile. Nothing here runs a program."""

from __future__ import annotations

import ast
import hashlib
import warnings
from functools import lru_cache


def program_text(code: str) -> str:
    """A program in the form it is stored in: newlines as \\n, no blanks at line ends, no blank lines around it."""
    lines = [line.rstrip() for line in code.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    text = "\n".join(lines).strip("\n")
    return text + "\n" if text else ""


@lru_cache(maxsize=1024)  # a search asks when it reads a program, and again when it rewards it
def compiles(code: str, entry_point: str | None) -> bool:
    """Whether the source compiles and defines `entry_point` at its top level (any name will do when it is None).

    A call-based program without its function fails every test, so it counts as not compiling.
    """
    tree = _parse(code)
    if tree is None or not tree.body:
        return False
    return entry_point is None or entry_point in _top_level_names(tree)


def ast_digest(code: str) -> str:
    """`sha256:…` of the syntax tree: comments, blanks and quotes do not matter, names and order do.

    Source that does not parse is digested as text, so that the function is total.
    """
    tree = _parse(code)
    content = "text:" + program_text(code) if tree is None else "ast:" + ast.dump(tree)
    return "sha256:" + hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def ast_shape(code: str) -> str:
    """`sha256:…` of the syntax tree with docstrings left out and the names it binds replaced by their order.

    A copy under other names has the same shape. Source that does not parse is digested as text.
    """
    tree = _parse(code)
    if tree is None:
        return ast_digest(code)
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            bound.setdefault(node.name, f"v{len(bound)}")
            if ast.get_docstring(node) is not None and len(node.body) > 1:
                del node.body[0]
        elif isinstance(node, ast.arg):
            bound.setdefault(node.arg, f"v{len(bound)}")
            node.annotation = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.setdefault(node.id, f"v{len(bound)}")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.name, node.returns = bound[node.name], None
        elif isinstance(node, ast.arg):
            node.arg = bound[node.arg]
        elif isinstance(node, ast.Name):
            node.id = bound.get(node.id, node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [bound.get(name, name) for name in node.names]
    return "sha256:" + hashlib.sha256(ast.dump(tree).encode("utf-8", "surrogatepass")).hexdigest()


def _parse(code: str) -> ast.Module | None:
    """The syntax tree, or None. `compile` also rejects what only parses, such as `return` outside a function."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
            compile(tree, "<program>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree


def _top_level_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
    return names
