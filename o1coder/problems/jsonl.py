"""Problems of your own: one JSON object a line (or one array of them), plain or gzip.

    {"key": "sum-1", "statement": "Write a function …", "entry_point": "add", "split": "train",
     "tests": [{"input": [1, 2], "expected": 3}, {"input": [0, 0], "expected": 0, "purpose": "public"}],
     "reference": "def add(a, b):\\n    return a + b\\n"}

Needed: `key` (once a file), `statement`, `tests` or `inputs` and `outputs` of one length. `kind` is `call` where there is
an `entry_point`, `assert` where the tests are {"check": source}, else `stdio`.

    call    input: array of arguments, expected: a JSON value; or both as JSON text. `entry_point` needed
    stdio   input and expected: text, or a list of lines
    assert  check: Python source with asserts or a `check(candidate)`. `entry_point` needed

Optional: `split` (train), `title`, `family` (the key), `slice`, `difficulty`, `signature` (read from the reference),
`comparator` (a name, or {"name", "args"}; see judge/compare.py), `cpu_s`, `memory_mb`, `reference`, `programs`
([{"code", "claim": "correct" | "wrong" | null}]), `source` (jsonl), and per test `purpose`: one or a list of reward, audit
(train), held-out (other splits), public. Tests without a purpose get those of their split. Unknown fields are refused: a
misspelt one would be lost without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from o1coder.judge.compare import TEXT, TYPED
from o1coder.problems.lines import Unfit, problems
from o1coder.problems.purposes import Split, purposed
from o1coder.problems.record import NewCase, NewProblem, NewProgram, Purpose, Rejected
from o1coder.problems.source import parsed, signature
from o1coder.task import Kind

FIELDS = frozenset(
    "key statement kind split title family slice difficulty entry_point signature comparator cpu_s memory_mb tests "
    "inputs outputs reference programs source".split()
)
TAKEN = frozenset({"starter", "humaneval", "mbpp", "mbpp-sanitized"})
PURPOSES: Mapping[Split, frozenset[str]] = {
    "train": frozenset({"reward", "audit", "public"}),
    "validation": frozenset({"held-out", "public"}),
    "test": frozenset({"held-out", "public"}),
}


def read(path: Path) -> Iterator[NewProblem | Rejected]:
    """The problems of a file, in its order. LabError when it cannot be read."""
    return problems(path, "key", new_problem)


def new_problem(row: dict[str, Any]) -> NewProblem:
    """The problem of one row; Unfit says which field is wrong and why."""
    unknown = sorted(set(row) - FIELDS)
    if unknown:
        raise Unfit(f"unknown field {unknown[0]!r}")
    key, statement = _text(row, "key"), _text(row, "statement")
    entry, tests = _optional(row, "entry_point"), _tests(row)
    usual: Kind = "assert" if any("check" in test for test in tests) else "call" if entry else "stdio"
    kind: Kind = _choice(row, "kind", get_args(Kind), usual)
    if (entry is None) != (kind == "stdio"):
        raise Unfit(f"a {kind} problem {'needs an' if entry is None else 'has no'} entry_point")
    if entry is not None and not entry.isidentifier():
        raise Unfit(f"{entry!r} is no function's name")
    split: Split = _choice(row, "split", get_args(Split), "train")
    reference = _optional(row, "reference")
    found = signature(parsed(reference, "reference"), entry) if reference and entry else None
    name, args = _comparator(row, kind)
    source = _optional(row, "source") or "jsonl"
    if source in TAKEN:
        raise Unfit(f"the source {source!r} is another importer's")
    return NewProblem(
        source=source,
        source_key=key,
        split=split,
        family=_optional(row, "family") or key,
        kind=kind,
        title=_optional(row, "title") or entry or key,
        statement=statement,
        cases=_cases(tests, kind, split),
        programs=_programs(row, reference),
        entry_point=entry,
        signature=_optional(row, "signature") or found,
        slice=_optional(row, "slice"),
        difficulty=_optional(row, "difficulty"),
        comparator=name,
        comparator_args=args,
        cpu_s=float(_number(row, "cpu_s", 2.0, 0.01, 3600.0)),
        memory_mb=int(_number(row, "memory_mb", 512, 16, 1 << 20)),
    )


def _tests(row: dict[str, Any]) -> list[dict[str, Any]]:
    if "tests" in row and ("inputs" in row or "outputs" in row):
        raise Unfit("tests as well as inputs and outputs: give one of them")
    if "tests" not in row:
        inputs, outputs = row.get("inputs", []), row.get("outputs", [])
        if not isinstance(inputs, list) or not isinstance(outputs, list):
            raise Unfit("inputs and outputs must be lists")
        if len(inputs) != len(outputs):
            raise Unfit(f"{len(inputs)} inputs but {len(outputs)} outputs")
        tests: Any = [{"input": given, "expected": said} for given, said in zip(inputs, outputs, strict=True)]
    else:
        tests = row["tests"]
    if not isinstance(tests, list) or not all(isinstance(test, dict) for test in tests):
        raise Unfit("tests must be a list of objects")
    if not tests:
        raise Unfit("no tests")
    return tests


def _cases(tests: list[dict[str, Any]], kind: Kind, split: Split) -> tuple[NewCase, ...]:
    pairs: dict[tuple[str, str], tuple[Purpose, ...] | None] = {}
    for number, test in enumerate(tests, start=1):
        try:
            pair = _pair(test, kind)
            purposes = _purposes(test, split)
        except Unfit as error:
            raise Unfit(f"test {number}: {error}") from error
        if pairs.get(pair) is None:
            pairs[pair] = purposes
    fresh = {(c.input, c.expected): c for c in purposed(split, [pair for pair, given in pairs.items() if not given])}
    cases = tuple(NewCase(*pair, given) if given else fresh[pair] for pair, given in pairs.items())
    needed = "reward" if split == "train" else "held-out"
    if not any(needed in case.purposes for case in cases):
        raise Unfit(f"no {needed} test, which a {split} problem needs")
    return cases


def _pair(test: dict[str, Any], kind: Kind) -> tuple[str, str]:
    fields = {"check"} if kind == "assert" else {"input", "expected"}
    if set(test) - {"purpose"} != fields:
        raise Unfit(f"it must have {' and '.join(sorted(fields, reverse=True))}, beside a purpose nothing else")
    if kind == "assert":
        source = _text(test, "check")
        parsed(source, "check")
        return source, ""
    if kind == "stdio":
        return _lines(test["input"]), _lines(test["expected"])
    given, expected = test["input"], test["expected"]
    if isinstance(given, str):
        if not isinstance(expected, str):
            raise Unfit("input is JSON text, so expected must be JSON text too")
        given, expected = _json(given), _json(expected)
    if not isinstance(given, list):
        raise Unfit("input must be an array of arguments")
    return json.dumps(given), json.dumps(expected)


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"not JSON: {str(error)[:100]}") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _lines(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(line.rstrip("\n") + "\n" for line in value)
    if not isinstance(value, str):
        raise Unfit("input and expected must be text, or lists of lines")
    return value


def _purposes(test: dict[str, Any], split: Split) -> tuple[Purpose, ...] | None:
    if "purpose" not in test:
        return None
    given = test["purpose"] if isinstance(test["purpose"], list) else [test["purpose"]]
    if not given or not all(isinstance(one, str) and one in PURPOSES[split] for one in given):
        raise Unfit(f"purpose {test['purpose']!r}; a {split} test's is one of {', '.join(sorted(PURPOSES[split]))}")
    if "reward" in given and "audit" in given:
        raise Unfit("an audit test is never a reward")
    return tuple(dict.fromkeys(given))


def _comparator(row: dict[str, Any], kind: Kind) -> tuple[str, dict[str, float | str]]:
    allowed = list(TEXT if kind == "stdio" else TYPED)
    value = row.get("comparator") or ("tokens" if kind == "stdio" else "typed")
    name, args = (value.get("name"), value.get("args") or {}) if isinstance(value, dict) else (value, {})
    if name not in allowed:
        raise Unfit(f"comparator {name!r}; for {kind} there are {', '.join(allowed)}")
    if not isinstance(args, dict) or not all(isinstance(one, int | float | str) for one in args.values()):
        raise Unfit("the comparator's args must be an object of numbers or texts")
    return name, args


def _programs(row: dict[str, Any], reference: str | None) -> tuple[NewProgram, ...]:
    given = row.get("programs") or []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Unfit("programs must be a list of objects")
    found = [] if reference is None else [NewProgram(reference, "correct", "reference")]
    for number, one in enumerate(given, start=1):
        if set(one) - {"code", "claim"} or one.get("claim") not in ("correct", "wrong", None):
            raise Unfit(f"program {number}: it has code and claim (correct, wrong or null), nothing else")
        found.append(NewProgram(_text(one, "code"), one.get("claim")))
    return tuple(found)


def _text(row: dict[str, Any], field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise Unfit(f"no {field}" if field not in row else f"{field} must be text that is not empty")
    return value.replace("\r\n", "\n")


def _optional(row: dict[str, Any], field: str) -> str | None:
    return None if row.get(field) is None else _text(row, field)


def _choice(row: dict[str, Any], field: str, allowed: tuple[str, ...], usual: str) -> Any:
    value = row.get(field) or usual
    if value not in allowed:
        raise Unfit(f"{field} {value!r} is none of {', '.join(allowed)}")
    return value


def _number(row: dict[str, Any], field: str, usual: float, least: float, most: float) -> float:
    value = usual if row.get(field) is None else row[field]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Unfit(f"{field} must be a number from {least} to {most}")
    return value
