"""What published evaluators accept, rule by rule, for figures that must match published ones. For nothing else.

One comparator an evaluator, named `official-…`; `-call` is its rule for functions. The rules, and what each gets wrong,
are in official_text.py and official_call.py. They are looser or stricter than what is right: a reward, a label or a
filter judged by one of them learns the evaluator's faults. So no importer gives them to a problem, nothing falls back to
them, and `evaluate --official` alone uses them. Where one accepts what `tokens` (or `typed`) rejects, the detail names
it and the rule; where it rejects what that accepts, the detail says so.

HumanEval and MBPP have no entry here: their official comparison is their asserts, and those are judged as they are.

Only the comparison is that of the evaluators. Isolation, limits, and what a program may use are this judge's: theirs
fail correct programs for reading sys.stdin.buffer, and pass programs that cheat. Written from their described behaviour
and their published sources: APPS (eval/testing_util.py; TACO's and O1-CODER's descend from it), LiveCodeBench
(lcb_runner/evaluation/testing_util.py), CodeContests (execution/tester_sandboxer.cc), SandboxFusion (stdio cases of its
submit interface) and EvalPlus 0.3.1 (evalplus/eval). Their costs are not: hostile output takes linear or n log n time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import LabError
from ..task import Comparator, Kind
from . import official_call, official_text
from .difference import Compared, first_token, split_tokens
from .inside.values import Unpassable
from .typed import check, difference, read

Args = Mapping[str, float | str]
Compare = Callable[[str, str, Args], Compared]


def _text(name: str, rule: Callable[[str, str], str | None]) -> Compare:
    def official(expected: str, output: str, args: Args) -> Compared:
        want, found = split_tokens(expected), split_tokens(output)
        where = None if want == found else first_token(want, found)
        return _said(name, rule(expected, output), where)

    return official


def _call(name: str, rule: Callable[[Any, Any, Args], str | None]) -> Compare:
    def official(expected: str, output: str, args: Args) -> Compared:
        try:
            want = read(expected)
            check(want)
        except Unpassable as error:
            raise LabError(f"an expected value is not typed JSON: {error}", "see judge/inside/values.py") from None
        try:
            found = read(output)
            return _said(name, rule(want, found, args), difference(want, found))
        except (Unpassable, RecursionError, OverflowError) as error:
            return Compared("WA", f"the result is no value that can be compared: {error}")

    return official


def _said(name: str, rule: str | None, where: str | None) -> Compared:
    """`where` is where the strict comparison sees the first difference, None for nowhere."""
    if rule is None:
        return Compared("WA", where or f"rejected by {name} only: its rules for layout or numbers are stricter")
    return Compared("AC", "" if where is None else f"accepted by {name} only, {rule}")


OFFICIAL: dict[str, Compare] = {
    name: _text(name, rule)
    for name, rule in (
        ("official-apps", official_text.apps),
        ("official-livecodebench", official_text.livecodebench),
        ("official-codecontests", official_text.codecontests),
        ("official-sandboxfusion", official_text.sandboxfusion),
    )
}
OFFICIAL_TYPED: dict[str, Compare] = {
    name: _call(name, rule)
    for name, rule in (
        ("official-apps-call", official_call.apps),
        ("official-livecodebench-call", official_call.livecodebench),
        ("official-evalplus", official_call.evalplus),
    )
}
OFFICIAL_OF: Mapping[tuple[str, Kind], str] = {
    **{(source, "stdio"): "official-apps" for source in ("apps", "taco", "o1coder")},
    **{(source, "call"): "official-apps-call" for source in ("apps", "taco", "o1coder")},
    ("livecodebench", "stdio"): "official-livecodebench",
    ("livecodebench", "call"): "official-livecodebench-call",
    ("codecontests", "stdio"): "official-codecontests",
    ("sandboxfusion", "stdio"): "official-sandboxfusion",
    ("humaneval+", "call"): "official-evalplus",
    ("mbpp+", "call"): "official-evalplus",
}
BY_ASSERTS = frozenset({"humaneval", "mbpp", "mbppsanitized"})


def official_for(source: str, kind: Kind, own: Comparator) -> Comparator:
    """The official comparator of the dataset that a problem comes from; `own`, the problem's, where its asserts are
    official. LabError when the dataset has none."""
    name = re.sub(r"[-_ ]", "", source.casefold())
    if kind == "assert" and name in BY_ASSERTS:
        return own
    if (name, kind) in OFFICIAL_OF:
        return Comparator(OFFICIAL_OF[name, kind], own.args if name.endswith("+") else {})
    known = sorted({one for one, _ in OFFICIAL_OF} | {"humaneval", "mbpp"})
    raise LabError(
        f"there is no official comparison for {kind} problems of the source {source!r}",
        f"there is one for {', '.join(known)}; evaluate without --official",
    )
