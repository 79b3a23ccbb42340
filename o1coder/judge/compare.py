"""Named comparators of an output with the expected one: pure functions of two texts, linear or n log n in their length.

`tokens` splits both at ASCII white space and wants the same tokens; `lines` keeps line structure but forgives spaces
at line ends and blank lines at the end; `float` compares tokens, with tolerance only where the expected token is a
decimal that is not an integer; `identical` wants every character; `casefold` is `tokens` without regard to case;
`unordered` is `tokens` as a multiset (never a set). For functions: `typed` and `typed-float` (see typed.py). `lines`
and `identical` answer PE where the tokens are right and only the layout is wrong; it is not accepted either.

`checker`, a program of the problem's own that decides, is run by the judge (checker.py). What published evaluators do
is in official.py, under names of its own: nothing falls back to it.

Deliberately absent: anything that tries several ways and takes the first that fits, and comparison as sets. A detail
names the first place that differs, so it holds a piece of the expected output: it is for people, never for a model.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping
from itertools import zip_longest

from ..errors import LabError
from ..task import Comparator, Kind
from . import checker
from .difference import ACCEPTED, Compared, at_token, first_token, quoted, split_tokens, unlike
from .inside.values import Unpassable
from .official import OFFICIAL, OFFICIAL_TYPED
from .typed import EXACT, Rules, check, close, difference, read

TOLERANCE = 1e-6
Args = Mapping[str, float | str]
Compare = Callable[[str, str, Args], Compared]
DECIMAL = re.compile(rb"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?")
NUMBER = re.compile(rb"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,5})?")
LONGEST_NUMBER = 400
UNREADABLE = ("~", "NaN", "Infinity")  # typed values with one of these may equal nothing, not even themselves


def tokens(expected: str, output: str, args: Args) -> Compared:
    """The same tokens in the same order."""
    want, found = split_tokens(expected), split_tokens(output)
    return ACCEPTED if want == found else Compared("WA", first_token(want, found))


def lines(expected: str, output: str, args: Args) -> Compared:
    """The same tokens on the same lines; blank lines at the end do not count."""
    sides = [io.BytesIO(text.encode("utf-8", "surrogatepass").rstrip()) for text in (expected, output)]
    rows = enumerate(zip_longest(*sides, fillvalue=b""), start=1)
    number = next((number for number, (want, found) in rows if want.split() != found.split()), None)
    if number is None:
        return ACCEPTED
    whole = tokens(expected, output, args)
    if whole:
        return Compared("PE", f"the right tokens on other lines, from line {number} on")
    return Compared("WA", f"{whole.detail}; line {number} is the first that differs")


def identical(expected: str, output: str, args: Args) -> Compared:
    """The same text, character for character."""
    if expected == output:
        return ACCEPTED
    words = unlike(expected, output)
    return Compared("PE", f"other white space: {words}") if tokens(expected, output, args) else Compared("WA", words)


def casefold(expected: str, output: str, args: Args) -> Compared:
    """`tokens`, with case folded: for answers like YES / yes."""
    return tokens(expected.casefold(), output.casefold(), args)


def unordered(expected: str, output: str, args: Args) -> Compared:
    """The same tokens as often, in any order; with `by = "lines"`, the same lines as often, in any order."""
    by_lines = args.get("by") == "lines"
    parts = _rows if by_lines else split_tokens
    want, found = (
        sorted(parts(expected)),
        sorted(parts(output)),
    )  # sorted, not counted: no hash for a program to collide
    if want == found:
        return ACCEPTED
    at = next((n for n, (w, f) in enumerate(zip(want, found, strict=False)) if w != f), min(len(want), len(found)))
    missing = at < len(want) and (at >= len(found) or want[at] < found[at])
    part, one = "line" if by_lines else "token", want[at] if missing else found[at]
    counts = [side.count(one) for side in (want, found)]
    return Compared("WA", f"the {part} {quoted(one)}: expected {counts[0]} times, found {counts[1]} times")


def _rows(text: str) -> list[bytes]:
    rows = (b" ".join(line.split()) for line in io.BytesIO(text.encode("utf-8", "surrogatepass")))
    return [row for row in rows if row]


def floats(expected: str, output: str, args: Args) -> Compared:
    """`tokens`, but where the expected token is a non-integer decimal, |a - b| <= max(abs, rel × |expected|)."""
    abs_tol, rel_tol = tolerances(args)
    want, found = split_tokens(expected), split_tokens(output)
    for number, (one, other) in enumerate(zip(want, found, strict=False), start=1):
        if one != other and not _token_close(one, other, abs_tol, rel_tol):
            how = f" (tolerance {abs_tol:g}, relative {rel_tol:g})" if DECIMAL.fullmatch(one[:LONGEST_NUMBER]) else ""
            return Compared("WA", at_token(number, one, other) + how)
    if len(want) == len(found):
        return ACCEPTED
    at = min(len(want), len(found))
    return Compared("WA", at_token(at + 1, *(side[at] if at < len(side) else None for side in (want, found))))


def _token_close(want: bytes, found: bytes, abs_tol: float, rel_tol: float) -> bool:
    if len(want) > LONGEST_NUMBER or len(found) > LONGEST_NUMBER:
        return False
    if DECIMAL.fullmatch(want):
        number = float(want)  # beyond all floats it is infinite, and then only the same token is right
        return math.isfinite(number) and bool(NUMBER.fullmatch(found)) and close(number, float(found), abs_tol, rel_tol)
    first, second = _integer(want), _integer(found)
    return first is not None and first == second


def _integer(token: bytes) -> tuple[bool, bytes] | None:
    """(negative, digits without leading zeros) of an integer's text; None for anything else."""
    digits = token[1:] if token[:1] in (b"+", b"-") else token
    if not digits.isdigit():
        return None
    bare = digits.lstrip(b"0")
    return (token[:1] == b"-" and bare != b"", bare)


def tolerances(args: Args) -> tuple[float, float]:
    """(absolute, relative), from a comparator's `abs` and `rel`; TOLERANCE where not given. LabError for what is none."""
    found = []
    for name in ("abs", "rel"):
        value = args.get(name, TOLERANCE)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise LabError(f"a tolerance of {value!r} ({name})", "give numbers from 0 up")
        found.append(float(value))
    return found[0], found[1]


def typed(expected: str, output: str, args: Args) -> Compared:
    """Typed JSON values that are equal exactly."""
    return _typed(expected, output, EXACT)


def typed_float(expected: str, output: str, args: Args) -> Compared:
    """Typed JSON values that are equal, floats within tolerance."""
    return _typed(expected, output, Rules(*tolerances(args)))


def _typed(expected: str, output: str, rules: Rules) -> Compared:
    try:
        want = read(expected)
        if "~" in expected:
            check(want)  # JSON without tags always is one
    except Unpassable as error:
        raise LabError(f"an expected value is not typed JSON: {error}", "see o1coder/judge/inside/values.py") from None
    if expected == output and not any(mark in expected for mark in UNREADABLE):
        return ACCEPTED
    try:
        where = difference(want, read(output), rules)
    except Unpassable as error:
        where = f"the result is no value: {error}"
    return ACCEPTED if where is None else Compared("WA", where)


TEXT: dict[str, Compare] = {
    "tokens": tokens,
    "lines": lines,
    "float": floats,
    "identical": identical,
    "casefold": casefold,
    "unordered": unordered,
}
FOR_CALL = {"tokens": "typed", "float": "typed-float"}
ARGUMENTS: Mapping[str, frozenset[str]] = {
    "float": frozenset({"abs", "rel"}),
    "typed-float": frozenset({"abs", "rel"}),
    "unordered": frozenset({"by"}),
    "official-evalplus": frozenset({"atol", "oracle"}),
}
TYPED: dict[str, Compare] = {"typed": typed, "typed-float": typed_float}
OF_KIND: Mapping[Kind, Mapping[str, Compare]] = {
    "stdio": {**TEXT, **OFFICIAL},
    "call": {**TYPED, **OFFICIAL_TYPED},
}


def compare(expected: str, output: str, comparator: Comparator) -> Compared:
    """AC, WA or PE, and where the output first differs. LabError for an unknown comparator, for a `checker` (the judge
    runs it) or, in the typed ones, for a broken `expected`."""
    name, args = comparator.name, comparator.args
    if name in TEXT:
        return ACCEPTED if expected == output else TEXT[name](expected, output, args)
    function = OF_KIND["call"].get(name) or OF_KIND["stdio"].get(name)
    if function is None:
        hint = f"there are {', '.join([*TEXT, *TYPED])}; a checker is run by the judge"
        raise LabError(f"no comparator is called {name!r}", hint)
    return function(expected, output, args)


def comparator_for(kind: Kind, comparator: Comparator) -> Comparator:
    """The comparator by which answers of this kind are compared; LabError where it cannot or its arguments are wrong.

    For `call`, `tokens` (it is the default) means `typed`, and `float` means `typed-float`. An `assert` compares by its
    own asserts: what is named does not matter."""
    if kind == "assert":
        return comparator
    if comparator.name == checker.NAME:
        checker.check_source(comparator.args)
        return comparator
    if kind == "call":
        comparator = Comparator(FOR_CALL.get(comparator.name, comparator.name), comparator.args)
    name, args = comparator.name, comparator.args
    allowed = {**TEXT, **OFFICIAL} if kind == "stdio" else {**TYPED, **OFFICIAL_TYPED}
    if name not in allowed:
        raise LabError(
            f"no comparator for {kind} is called {name!r}", f"there are {', '.join([*allowed, checker.NAME])}"
        )
    unknown = sorted(set(args) - ARGUMENTS.get(name, frozenset()))
    if unknown:
        raise LabError(f"the comparator {name} knows no argument {unknown[0]!r}", "leave it out")
    if name in ("float", "typed-float"):
        tolerances(args)
    if name == "unordered" and args.get("by", "tokens") not in ("tokens", "lines"):
        raise LabError(f"unordered by {args['by']!r}", "it is by tokens or by lines")
    return comparator
