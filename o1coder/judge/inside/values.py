"""Python values as strict JSON text that keeps their types, and back.

Plain JSON is its own encoding: null, true, 1, 1.5, "text", [1, 2], {"key": 1}. What JSON cannot say is an object with
one key that starts with "~":

    {"~tuple": [...]}   {"~set": [...]}   {"~frozenset": [...]}   {"~dict": [[key, value], ...]}  (keys not all text)
    {"~float": "nan" | "inf" | "-inf"}    {"~int": "hex digits"}  (beyond 4000 decimal digits)
    {"~bytes": "hex digits"}   {"~complex": [real, imaginary]}   {"~object": "type name: why it cannot pass"}

Values of subclasses (Counter, defaultdict, named tuples, IntEnum) pass as the builtin they extend, read through the
builtin's own methods. Everything else, and what is nested deeper than DEPTH or cyclic, becomes `~object`, which
equals nothing. No pickle and no eval anywhere; `decode` is safe on hostile text.
"""

from __future__ import annotations

import json
import math
from typing import Any

DEPTH = 200
MAX_ITEMS = 2_000_000
HEX_BITS = 13_000  # below 4000 decimal digits, so that any json reader takes the plain form


class Unpassable(ValueError):
    """The text is not an encoding of a value, or the value cannot pass."""


class Opaque:
    """Stands for a value that could not pass by value; equals nothing, itself included."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<{self.reason}>"


def encode(value: object) -> str:
    """One line of strict ASCII JSON. Never raises for the value's sake: what cannot pass is `~object`."""
    return json.dumps(pack(value), allow_nan=False)


def pack(value: object) -> Any:
    """The encoding as data that json can write."""
    try:
        return _pack(value, 0, [MAX_ITEMS])
    except Unpassable as error:
        return {"~object": str(error)}


def _pack(value: Any, depth: int, left: list[int]) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -HEX_BITS < value.bit_length() < HEX_BITS else {"~int": format(value, "x")}
    if kind is float:
        return value if math.isfinite(value) else {"~float": repr(value)}
    if depth > DEPTH:
        raise Unpassable(f"nested deeper than {DEPTH} levels")
    left[0] -= 1
    if left[0] < 0:
        raise Unpassable(f"more than {MAX_ITEMS} containers")
    if kind is list:
        return [_pack(item, depth + 1, left) for item in value]
    if kind is tuple:
        return {"~tuple": [_pack(item, depth + 1, left) for item in value]}
    if kind is dict:
        return _pack_dict(value, depth, left)
    if kind is set or kind is frozenset:
        return {f"~{kind.__name__}": [_pack(item, depth + 1, left) for item in value]}
    if kind is bytes or kind is bytearray:
        return {"~bytes": bytes.hex(bytes(value))}
    if kind is complex:
        return {"~complex": [_pack(value.real, depth + 1, left), _pack(value.imag, depth + 1, left)]}
    return _pack(_as_builtin(value, kind), depth + 1, left)


def _pack_dict(value: dict[Any, Any], depth: int, left: list[int]) -> Any:
    if all(type(key) is str and not key.startswith("~") for key in value):
        return {key: _pack(item, depth + 1, left) for key, item in value.items()}
    pairs = [[_pack(key, depth + 1, left), _pack(item, depth + 1, left)] for key, item in value.items()]
    return {"~dict": pairs}


def _as_builtin(value: Any, kind: type) -> object:
    """The builtin that `kind` extends, through the builtin's own methods, so that overridden ones have no say."""
    bases = type.__dict__["__mro__"].__get__(kind)
    if int in bases:
        return int.__add__(value, 0)
    if float in bases:
        return float.__add__(value, 0.0)
    if str in bases:
        return str.__getitem__(value, slice(None)) if kind is str else "".join(str.__iter__(value))
    for base in (list, tuple, set, frozenset):
        if base in bases:
            return base(base.__iter__(value))
    if dict in bases:
        return dict(zip(dict.keys(value), dict.values(value), strict=True))
    raise Unpassable(f"a value of type {type.__dict__['__name__'].__get__(kind)[:60]} cannot pass")


def decode(text: str | bytes) -> Any:
    """The value; `~object` decodes to Opaque. Unpassable when the text is no encoding (hostile text included)."""
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise Unpassable("nested too deeply") from None
    except ValueError as error:
        raise Unpassable(f"not JSON: {str(error)[:120]}") from None
    return unpack(data)


def unpack(data: Any) -> Any:
    """The value of an encoding that json has read; as `decode`."""
    try:
        return _unpack(data, 0)
    except RecursionError:
        raise Unpassable("nested too deeply") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise Unpassable(f"not a typed value: {str(error)[:120]}") from None


def _no_constant(name: str) -> None:
    raise Unpassable(f"{name} is not JSON")


def _unpack(data: Any, depth: int) -> Any:
    if depth > 2 * DEPTH + 50:  # a tag adds a level, so a value of DEPTH levels has at most twice as many
        raise Unpassable("nested too deeply")
    if type(data) is list:
        return [_unpack(item, depth + 1) for item in data]
    if type(data) is not dict:
        return data
    if len(data) == 1:
        [(key, body)] = data.items()
        if key.startswith("~"):
            return _untag(key, body, depth)
    return {key: _unpack(item, depth + 1) for key, item in data.items()}


def _untag(tag: str, body: Any, depth: int) -> Any:
    if tag == "~int":
        return int(body, 16)
    if tag == "~float":
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[body]
    if tag == "~bytes":
        return bytes.fromhex(body)
    if tag == "~object":
        return Opaque(str(body)[:200])
    if type(body) is not list:
        raise Unpassable(f"{tag} wants a list")
    items = [_unpack(item, depth + 1) for item in body]
    if tag == "~tuple":
        return tuple(items)
    if tag == "~set":
        return set(items)
    if tag == "~frozenset":
        return frozenset(items)
    if tag == "~complex":
        real, imaginary = items
        return complex(real, imaginary)
    if tag == "~dict":
        return {key: value for key, value in items}  # noqa: C416 - dict(items) would take strings of length 2 as pairs
    raise Unpassable(f"unknown tag {tag[:20]}")
