"""Keys that a person has put elsewhere: a TOML file of binding id = keys, and the list of what can be remapped.

    [keys]
    "tree.invalid" = "i"
    "app.palette" = "f2,ctrl+p"

The file is `$XDG_CONFIG_HOME/o1coder/keys.toml`, or what O1CODER_KEYS names. A wrong entry is said and left out; the rest
holds, so that a slip locks nobody out.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from textual.binding import Binding


class Key(NamedTuple):
    """A binding that can be remapped: where it works, its default keys, the keys it has, what it does."""

    id: str
    default: str
    keys: str
    about: str


def file() -> Path:
    """Where the keys are read from."""
    named = os.environ.get("O1CODER_KEYS")
    if named:
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("o1coder", appauthor=False) / "keys.toml"


def read(source: Path) -> tuple[dict[str, str], list[str]]:
    """What the file says, and what is wrong with it; nothing where there is no file."""
    try:
        found = tomllib.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return {}, [f"{source} cannot be read: {error}"]
    wrong = [f"{source}: only [keys] is known, not {name!r}" for name in found if name != "keys"]
    table = found.get("keys", {})
    if not isinstance(table, dict):
        return {}, [*wrong, f"{source}: [keys] is a table of id = keys"]
    keys: dict[str, str] = {}
    for name, value in _flat(table):
        if isinstance(value, str) and value.strip():
            keys[name] = ",".join(part.strip() or part for part in value.split(","))
        else:
            wrong.append(f"{source}: {name} is no key but {value!r}")
    return keys, wrong


def _flat(table: Mapping[str, object], before: str = "") -> Iterable[tuple[str, object]]:
    """`tree.invalid = "d"` without quotation marks is a table in a table to TOML: the same is meant."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def keys_of(binding: Binding, keymap: Mapping[str, str]) -> str:
    """The keys that a binding has now, separated by commas."""
    return keymap.get(binding.id or "", binding.key)


def listed(groups: Mapping[str, Iterable[Binding]], keymap: Mapping[str, str]) -> list[Key]:
    """Every binding that has an id, by where it works."""
    out = []
    for bindings in groups.values():
        for one in bindings:
            if one.id is not None:
                out.append(Key(one.id, one.key, keys_of(one, keymap), one.tooltip or one.description))
    return out


def faults(groups: Mapping[str, Iterable[Binding]], keymap: Mapping[str, str]) -> list[str]:
    """Ids that nothing has, and keys that two bindings of one place would share because of the file."""
    known = {one.id for bindings in groups.values() for one in bindings if one.id is not None}
    out = [f"no key is called {name!r}: `o1coder keys` lists them" for name in keymap if name not in known]
    everywhere = list(groups.get("app", ()))
    for place, bindings in groups.items():
        own = {key for one in bindings for key in one.key.split(",")}
        table = [one for one in groups.get("table", ()) if not own & set(one.key.split(","))]  # the queue moves itself
        owner: dict[str, Binding] = {}
        for one in [*bindings, *([*table, *everywhere] if place not in ("app", "table") else ())]:
            for key in keys_of(one, keymap).split(","):
                other = owner.setdefault(key, one)
                if other is not one and other.id != one.id and {other.id, one.id} & set(keymap):
                    out.append(
                        f"{key!r} would be both {other.id or other.action} and {one.id or one.action} in {place}"
                    )
    return out
