"""The keys of the tree screen and how its parts are laid out; which keys the bar names in the list, a tree, two trees."""

from __future__ import annotations

from dataclasses import replace

from textual.binding import Binding

CSS = """
TreeScreen #main { height: 1fr; layout: vertical; }
TreeScreen.-wide #main { layout: horizontal; }
TreeScreen #trees, TreeScreen #beside { display: none; }
TreeScreen.listing #trees { display: block; }
TreeScreen.listing #tree, TreeScreen.listing #right, TreeScreen.listing #crumb { display: none; }
TreeScreen.comparing #beside { display: block; }
TreeScreen.comparing #tree, TreeScreen.comparing #crumb { display: none; }
TreeScreen #tree, TreeScreen #beside { height: 1fr; }
TreeScreen #right { height: 1fr; }
TreeScreen.-wide #tree, TreeScreen.-wide #beside { width: 3fr; height: 1fr; }
TreeScreen.-wide #right { width: 2fr; height: 1fr; }
TreeScreen.-short #right, TreeScreen.-short #crumb { display: none; }
TreeScreen.zoomed #tree, TreeScreen.zoomed #beside { display: none; }
TreeScreen.zoomed #right { display: block; height: 1fr; width: 1fr; }
"""


def _key(keys: str, action: str, name: str, about: str, *, show: bool = False, label: str = "") -> Binding:
    return Binding(keys, action, label or name, show=show, id=f"tree.{name.replace(' ', '_')}", tooltip=about)


KEYS: list[Binding] = [
    _key("a", "label('valid')", "valid", "the step (or every marked step) is valid", show=True),
    _key("x", "label('invalid')", "invalid", "the step (or every marked step) is invalid", show=True),
    _key("s", "unsure", "unsure", "nobody can tell: keeps the step out of training. In the list: sort", show=True),
    _key("X", "first_error", "first error", "first error: before it valid, it and all below invalid", show=True),
    _key("p", "follow", "propagate", "say this step's word again with what follows from it"),
    _key("z", "undo(False)", "undo", "take your last label (or batch) back", show=True),
    _key("Z", "redo", "redo", "give again what was taken back last"),
    _key("backspace", "undo(True)", "undo and go", "take your last label back and go there"),
    _key("R", "retrain", "retrain", "train a PRM on the labels as they are now, score this tree"),
    _key("b", "jump('best')", "best child", "go to the child with the highest value"),
    _key("asterisk", "jump('principal')", "principal path", "go down the best children to the leaf"),
    _key("e", "failing(1)", "next failing", "go to the next program that fails"),
    _key("E", "failing(-1)", "previous failing", "go to the program before that fails"),
    _key("d", "jump('gap')", "gap", "go where PRM and search differ most; again: the next"),
    _key("L", "jump('people')", "next label", "go to the next step that a person has labelled"),
    _key("slash", "find", "find", "search steps: words label:invalid verdict:WA gap>0.5; the list: filter"),
    _key("n", "match(1)", "next", "next match; beside: next step that differs"),
    _key("N", "match(-1)", "previous", "the match before; beside: the differing step before"),
    _key("f", "only", "only differing", "beside: only what differs, or all"),
    _key("equals_sign", "beside", "beside", "this tree beside another of its problem; the list: two marked trees"),
    _key("t", "tab(1)", "tab", "step, tests, context, drawn, rollouts, labels, scores"),
    _key("T", "tab(-1)", "previous tab", "the tab before"),
    _key("plus", "zoom", "zoom", "the pane alone; esc goes back"),
    _key("J,shift+down", "pane(3)", "scroll", "scroll the pane"),
    _key("K,shift+up", "pane(-3)", "scroll back", "scroll the pane back"),
    _key("F", "follow_growth", "follow", "go along with the newest step while the tree grows"),
    _key("r", "refresh", "refresh", "ask everything again"),
    _key("escape", "back", "back", "one step back, at last to the list of trees"),
]

_IN_LIST = {"find": "filter", "unsure": "sort", "beside": "beside", "refresh": "refresh"}
_OF_TWO = {"next": "next differing", "only_differing": "only differing", "tab": "tab", "zoom": "zoom", "beside": "swap"}


def in_bar(view: str) -> list[Binding]:
    """What the key bar names: `list`, `tree` or `two`."""
    if view == "tree":
        return [key for key in KEYS if key.show]
    names = _IN_LIST if view == "list" else _OF_TWO
    by_id = {key.id: key for key in KEYS}
    return [replace(by_id[f"tree.{name}"], description=told) for name, told in names.items()]
