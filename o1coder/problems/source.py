"""What Python source says of itself, read from its syntax tree: its functions, their signatures, the names it uses.

Nothing is executed. Source that does not parse is Unfit, with the reason.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable

from o1coder.problems.lines import Unfit


def parsed(code: str, what: str) -> ast.Module:
    """The syntax tree; Unfit when `code` (called `what` in the reason) does not compile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
            compile(tree, f"<{what}>", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise Unfit(f"{what} does not compile: {error.msg}, line {error.lineno}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unfit(f"{what} does not compile: {error}") from error
    return tree


def functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """The functions defined at the top level, the last of a name."""
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def signature(tree: ast.Module, name: str) -> str | None:
    """`name(a, b=1)` without annotations, or None when there is no function of that name."""
    found = functions(tree).get(name)
    if found is None:
        return None
    plain = ast.arguments(
        posonlyargs=[_bare(a) for a in found.args.posonlyargs],
        args=[_bare(a) for a in found.args.args],
        vararg=_bare(found.args.vararg) if found.args.vararg else None,
        kwonlyargs=[_bare(a) for a in found.args.kwonlyargs],
        kw_defaults=found.args.kw_defaults,
        kwarg=_bare(found.args.kwarg) if found.args.kwarg else None,
        defaults=found.args.defaults,
    )
    return f"{name}({ast.unparse(plain)})"


def names_used(tree: ast.AST) -> set[str]:
    """Every name that is read."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def imports(tree: ast.Module) -> list[ast.stmt]:
    """The imports at the top level."""
    return [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]


def needed(tree: ast.Module, wanted: Iterable[str], without: str) -> list[ast.FunctionDef]:
    """The top-level functions that `wanted` names call, and those that they call in turn, in source order; never
    `without`."""
    known = {name: node for name, node in functions(tree).items() if name != without}
    found: set[str] = set()
    waiting = [name for name in wanted if name in known]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [n for n in names_used(known[name]) if n in known]
    return [node for name, node in known.items() if name in found]


def _bare(argument: ast.arg) -> ast.arg:
    return ast.arg(arg=argument.arg)
