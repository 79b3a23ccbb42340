"""Named comparators of an output with the expected one: pure functions of two texts.

`tokens` splits both at ASCII white space and wants the same tokens; `lines` keeps line structure but forgives spaces
at line ends and blank lines at the end; `float` compares tokens, with tolerance only where the expected token is a
decimal that is not an integer; `identical` wants every character; `casefold` is `tokens` without regard to case;
`unordered` is `tokens` as a multiset (never a set). For functions: `typed` and `typed-float` (see typed.py).

Deliberately absent: anything that tries several ways and takes the first that fits, and comparison as sets.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping

from ..errors import LabError
from ..task import Comparator
from .inside.values import Unpassable, decode
from .typed import close, equal

TOLERANCE = 1e-6
Args = Mapping[str, float | str]
SPACE = re.compile(r"[ \t\n\r\v\f]+")
DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,5})?", re.ASCII)
INTEGER = re.compile(r"([+-]?)0*(\d+)", re.ASCII)
LONGEST_NUMBER = 400


def split_tokens(text: str) -> list[str]:
    """Tokens between runs of ASCII white space; other Unicode spaces belong to tokens."""
    return [token for token in SPACE.split(text) if token]


def tokens(expected: str, output: str, args: Args) -> bool:
    """The same tokens in the same order."""
    return split_tokens(expected) == split_tokens(output)


def lines(expected: str, output: str, args: Args) -> bool:
    """The same tokens on the same lines; blank lines at the end do not count."""

    def shape(text: str) -> list[list[str]]:
        rows = [split_tokens(line) for line in text.replace("\r\n", "\n").split("\n")]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    return shape(expected) == shape(output)


def identical(expected: str, output: str, args: Args) -> bool:
    """The same text, character for character."""
    return expected == output


def casefold(expected: str, output: str, args: Args) -> bool:
    """`tokens`, with case folded: for answers like YES / yes."""
    return split_tokens(expected.casefold()) == split_tokens(output.casefold())


def unordered(expected: str, output: str, args: Args) -> bool:
    """The same tokens as often, in any order; with `by = "lines"`, the same lines as often, in any order."""
    if args.get("by") == "lines":
        return Counter(_rows(expected)) == Counter(_rows(output))
    return Counter(split_tokens(expected)) == Counter(split_tokens(output))


def _rows(text: str) -> list[tuple[str, ...]]:
    return [row for line in text.split("\n") if (row := tuple(split_tokens(line)))]


def floats(expected: str, output: str, args: Args) -> bool:
    """`tokens`, but where the expected token is a non-integer decimal, |a - b| <= max(abs, rel × |expected|)."""
    want, found = split_tokens(expected), split_tokens(output)
    return len(want) == len(found) and all(
        _token_close(w, f, *tolerances(args)) for w, f in zip(want, found, strict=True)
    )


def _token_close(want: str, found: str, abs_tol: float, rel_tol: float) -> bool:
    if want == found:
        return True
    if len(want) > LONGEST_NUMBER or len(found) > LONGEST_NUMBER:
        return False
    if DECIMAL.fullmatch(want):
        return NUMBER.fullmatch(found) is not None and close(float(want), float(found), abs_tol, rel_tol)
    first, second = INTEGER.fullmatch(want), INTEGER.fullmatch(found)
    return first is not None and second is not None and _signed(first) == _signed(second)


def _signed(match: re.Match[str]) -> tuple[bool, str]:
    sign, digits = match.groups()
    return (sign == "-" and digits != "0", digits)


def tolerances(args: Args) -> tuple[float, float]:
    """(absolute, relative), from a comparator's `abs` and `rel`; TOLERANCE where not given."""
    return float(args.get("abs", TOLERANCE)), float(args.get("rel", TOLERANCE))


def typed(expected: str, output: str, args: Args) -> bool:
    """Typed JSON values that are equal exactly."""
    return _typed(expected, output, 0.0, 0.0)


def typed_float(expected: str, output: str, args: Args) -> bool:
    """Typed JSON values that are equal, floats within tolerance."""
    return _typed(expected, output, *tolerances(args))


def _typed(expected: str, output: str, abs_tol: float, rel_tol: float) -> bool:
    try:
        want = decode(expected)
    except Unpassable as error:
        raise LabError(f"an expected value is not typed JSON: {error}", "see o1coder/judge/inside/values.py") from None
    try:
        return equal(want, decode(output), abs_tol, rel_tol)
    except Unpassable:
        return False


TEXT: dict[str, Callable[[str, str, Args], bool]] = {
    "tokens": tokens,
    "lines": lines,
    "float": floats,
    "identical": identical,
    "casefold": casefold,
    "unordered": unordered,
}
TYPED: dict[str, Callable[[str, str, Args], bool]] = {"typed": typed, "typed-float": typed_float}


def compare(expected: str, output: str, comparator: Comparator) -> bool:
    """Whether `output` is accepted. LabError for an unknown comparator or, in the typed ones, a broken `expected`."""
    function = TEXT.get(comparator.name) or TYPED.get(comparator.name)
    if function is None:
        raise LabError(f"no comparator is called {comparator.name!r}", f"there are {', '.join([*TEXT, *TYPED])}")
    return function(expected, output, comparator.args)
