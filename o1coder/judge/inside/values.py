"""Python values as strict JSON text that keeps their types, and back.

Plain JSON is its own encoding: null, true, 1, 1.5, "text", [1, 2], {"key": 1}. What JSON cannot say is an object with
one key that starts with "~":

    {"~tuple": [...]}   {"~set": [...]}   {"~frozenset": [...]}   {"~dict": [[key, value], ...]}  (keys not all text)
    {"~float": "nan" | "inf" | "-inf"}    {"~int": "hex digits"}  (beyond 4000 decimal digits)
    {"~bytes": "hex digits"}   {"~complex": [real, imaginary]}   {"~type": "int"}  (a builtin type's name)
    {"~object": "why it cannot pass"}     {"~handle": 3}  (where the two sides agreed on handles: dialogue.py)

Values of subclasses (Counter, defaultdict, named tuples, IntEnum) pass as the builtin they extend, read through the
builtin's own methods; NumPy's scalars and arrays as numbers and lists. Everything else, and what is nested deeper than
DEPTH or cyclic, becomes `~object`, which equals nothing. No pickle and no eval anywhere; `decode` is safe on hostile text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

DEPTH = 200
MAX_ITEMS = 2_000_000
HEX_BITS = 13_000  # below 4000 decimal digits, so that any json reader takes the plain form


TYPES: dict[str, type] = {
    one.__name__: one for one in (int, float, complex, bool, str, bytes, list, tuple, dict, set, frozenset)
}
Refer = Callable[[object], int]
Resolve = Callable[[int], object]


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


def pack(value: object, refer: Refer | None = None) -> Any:
    """The encoding as data that json can write. `refer` gives a handle to what cannot pass by value."""
    try:
        return _Packer(refer).pack(value, 0)
    except Unpassable as error:
        return {"~object": str(error)}


class _Packer:
    """One encoding under way: how many containers may still come."""

    def __init__(self, refer: Refer | None) -> None:
        self.refer = refer
        self.left = MAX_ITEMS

    def pack(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if value.bit_length() < HEX_BITS else {"~int": format(value, "x")}
        if kind is float:
            return value if math.isfinite(value) else {"~float": repr(value)}
        if depth > DEPTH:
            raise Unpassable(f"nested deeper than {DEPTH} levels")
        self.left -= 1
        if self.left < 0:
            raise Unpassable(f"more than {MAX_ITEMS} containers")
        if kind is list:
            return self.each(value, depth)
        if kind is dict:
            return self.mapping(value, depth)
        if kind is tuple or kind is set or kind is frozenset:
            return {f"~{kind.__name__}": self.each(value, depth)}
        if kind is bytes or kind is bytearray:
            return {"~bytes": bytes.hex(bytes(value))}
        if kind is complex:
            return {"~complex": self.each((value.real, value.imag), depth)}
        if kind is type and value in TYPES.values():
            return {"~type": str(value.__name__)}
        return self.other(value, kind, depth)

    def each(self, items: Any, depth: int) -> list[Any]:
        return [self.pack(item, depth + 1) for item in items]

    def mapping(self, value: dict[Any, Any], depth: int) -> Any:
        if all(type(key) is str and not key.startswith("~") for key in value):
            return {key: self.pack(item, depth + 1) for key, item in value.items()}
        return {"~dict": [self.each(pair, depth) for pair in value.items()]}

    def other(self, value: Any, kind: type, depth: int) -> Any:
        try:
            plain = _as_builtin(value, kind)
        except Unpassable:
            if self.refer is None:
                raise
            return {"~handle": self.refer(value)}
        return self.pack(plain, depth + 1)


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
    if kind.__module__ == "numpy" and kind.__name__ != "dtype":  # scalars and arrays; who lies here lies about a list
        return value.tolist()
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


def unpack(data: Any, resolve: Resolve | None = None) -> Any:
    """The value of an encoding that json has read; as `decode`. `resolve` gives what a handle stands for."""
    try:
        return _Unpacker(resolve).unpack(data, 0)
    except RecursionError:
        raise Unpassable("nested too deeply") from None
    except (ValueError, KeyError, TypeError, AttributeError, LookupError, OverflowError) as error:
        raise Unpassable(f"not a typed value: {str(error)[:120]}") from None


def _no_constant(name: str) -> None:
    raise Unpassable(f"{name} is not JSON")


class _Unpacker:
    """One decoding under way."""

    def __init__(self, resolve: Resolve | None) -> None:
        self.resolve = resolve

    def unpack(self, data: Any, depth: int) -> Any:
        if depth > 2 * DEPTH + 50:  # a tag adds a level, so a value of DEPTH levels has at most twice as many
            raise Unpassable("nested too deeply")
        if type(data) is list:
            return [self.unpack(item, depth + 1) for item in data]
        if type(data) is not dict:
            return data
        if len(data) == 1:
            [(key, body)] = data.items()
            if key.startswith("~"):
                return self.untag(key, body, depth)
        return {key: self.unpack(item, depth + 1) for key, item in data.items()}

    def untag(self, tag: str, body: Any, depth: int) -> Any:
        if tag == "~int":
            return int(body, 16)
        if tag == "~float":
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[body]
        if tag == "~bytes":
            return bytes.fromhex(body)
        if tag == "~type":
            return TYPES[body]
        if tag == "~object":
            return Opaque(str(body)[:200])
        if tag == "~handle" and self.resolve is not None:
            return self.resolve(body)
        if type(body) is not list:
            raise Unpassable(f"{tag[:20]} has no such content")
        return collect(tag, [self.unpack(item, depth + 1) for item in body])


def collect(tag: str, items: list[Any]) -> Any:
    """The collection that a tag names, of decoded items."""
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
