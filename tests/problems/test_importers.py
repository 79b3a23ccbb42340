"""One contract over every importer: sound rows become problems that judge, everything else is rejected with its reason."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from o1coder.errors import LabError
from o1coder.judge import Judge, Question
from o1coder.problems import humaneval, jsonl, mbpp, shipped
from o1coder.problems.purposes import in_split, purposed
from o1coder.problems.record import NewProblem, Rejected
from o1coder.task import Case, Comparator, Limits

SHARED = Path(__file__).parents[3] / "shared" / "data"

HUMANEVAL = {
    "task_id": "Made/0",
    "prompt": 'from typing import List\n\n\ndef half(x: int) -> int:\n    """Half of x."""\n    return x // 2\n\n\n'
    'def halves(xs: List[int], k: int = 1) -> List[int]:\n    """The half of each of xs."""\n',
    "canonical_solution": "    return [half(x) for x in xs]\n",
    "test": "METADATA = {}\n\n\ndef check(candidate):\n    assert candidate([2, 5]) == [half(2), half(5)]\n",
    "entry_point": "halves",
}
MBPP = {
    "task_id": 650,
    "text": "Write a function to add two numbers.\r\n",
    "code": "def add(a, b):\r\n\treturn a + b\r\n",
    "test_setup_code": "",
    "test_list": ["assert add(1, 2) == 3", "assert add(-1, 0) == -1", "assert add(0, 0) == 0", "assert add(9, 9)==18"],
    "challenge_test_list": [],
}
OWN = {
    "key": "sum-1",
    "statement": "Write a function that adds two numbers.",
    "entry_point": "add",
    "tests": [{"input": [n, 1], "expected": n + 1} for n in range(8)],
    "reference": "def add(a, b):\n    return a + b\n",
}
FORMATS: list[tuple[ModuleType, str, dict[str, Any]]] = [
    (humaneval, "task_id", HUMANEVAL),
    (mbpp, "task_id", MBPP),
    (jsonl, "key", OWN),
]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(workers=2) as one:
        yield one


def questions(problem: NewProblem, code: str | None = None) -> list[Question]:
    """The reference (or `code`) on every case."""
    comparator = Comparator(problem.comparator, problem.comparator_args)
    return [
        Question(
            code or problem.programs[0].code,
            problem.kind,
            Case("", case.input, case.expected),
            problem.entry_point,
            comparator,
            Limits(problem.cpu_s, problem.memory_mb),
        )
        for case in problem.cases
    ]


def write(tmp_path: Path, *rows: Any) -> Path:
    """Rows (objects, or lines as they are) in a file."""
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows))
    return file


def one(module: ModuleType, tmp_path: Path, row: dict[str, Any]) -> Any:
    """What an importer says of one row."""
    [found] = list(module.read(write(tmp_path, row)))
    return found


@pytest.mark.parametrize(("module", "key", "row"), FORMATS)
class TestContract:
    """Every importer of a file."""

    def test_a_sound_row_is_a_problem_whose_reference_passes(
        self, module: ModuleType, key: str, row: dict[str, Any], tmp_path: Path, judge: Judge
    ) -> None:
        problem = one(module, tmp_path, row)
        assert isinstance(problem, NewProblem)
        assert problem.source_key == str(row[key])
        assert problem.programs[0].claim == "correct"
        assert problem.programs[0].origin == "reference"
        assert {v.code for v in judge.judge(questions(problem))} == {"AC"}
        wrong = f"def {problem.entry_point}(*args):\n    return None\n"
        assert "AC" not in {v.code for v in judge.judge(questions(problem, wrong))}

    def test_the_ways_a_file_may_be_packed(
        self, module: ModuleType, key: str, row: dict[str, Any], tmp_path: Path
    ) -> None:
        expected = one(module, tmp_path, row)
        text = json.dumps(row)
        for data in (
            text.encode(),
            b"\xef\xbb\xbf" + text.encode() + b"\r\n\r\n",
            gzip.compress(text.encode() + b"\n"),
            f"[\n{text}\n]".encode(),
            b"\xef\xbb\xbf [" + text.encode() + b"]",
        ):
            file = tmp_path / "packed"
            file.write_bytes(data)
            assert list(module.read(file)) == [expected], data[:20]

    def test_rows_that_are_none(self, module: ModuleType, key: str, row: dict[str, Any], tmp_path: Path) -> None:
        text = json.dumps(row)
        lone = {**row, "statement": "\ud83d", "text": "\ud83d", "prompt": "\ud83d"}
        file = write(
            tmp_path,
            row,
            b"[1]\n",
            b'{"a": NaN}\n',
            b'{"a": 1, "a": 2}\n',
            b'{"a": ' + b"7" * 5000 + b"}\n",
            b'{"a": "\xff"}\n',
            b"[" * 100_000 + b"\n",
            {**lone, key: "lone"},
            row,
            text[:-5].encode(),
        )
        first, *rejected = list(module.read(file))
        assert isinstance(first, NewProblem)
        assert all(isinstance(item, Rejected) for item in rejected)
        assert [item.row for item in rejected] == list(range(2, 11))
        reasons = [item.reason for item in rejected]
        for reason, part in zip(
            reasons,
            [
                "not a JSON object",
                "NaN",
                "twice",
                "5000 digits",
                "UTF-8",
                "deep",
                "surrogate",
                "row 1 again",
                "ends within",
            ],
            strict=True,
        ):
            assert part in reason
        assert [item.key for item in rejected][-3:] == ["lone", str(row[key]), ""]
        json.dumps(reasons, ensure_ascii=False).encode()

    def test_missing_and_empty_fields(self, module: ModuleType, key: str, row: dict[str, Any], tmp_path: Path) -> None:
        for name in row:
            if (
                name in ("test_setup_code", "challenge_test_list", "entry_point", "reference")
                and module is not humaneval
            ):
                continue
            for changed in ({k: v for k, v in row.items() if k != name}, {**row, name: ""}, {**row, name: []}):
                found = one(module, tmp_path, changed)
                assert isinstance(found, Rejected), (name, changed.get(name))
                assert found.reason

    def test_a_damaged_archive_gives_what_it_holds(
        self, module: ModuleType, key: str, row: dict[str, Any], tmp_path: Path
    ) -> None:
        rows = [json.dumps({**row, key: n, "noise": ""}) for n in range(300)] if module is not jsonl else []
        rows = rows or [json.dumps({**row, key: str(n)}) for n in range(300)]
        packed = gzip.compress("\n".join(rows).encode(), 0)
        file = tmp_path / "cut.gz"
        file.write_bytes(packed[: len(packed) // 2])
        *_, last = list(module.read(file))
        assert isinstance(last, Rejected)
        assert "cut off" in last.reason

    def test_files_that_cannot_be_read(self, module: ModuleType, key: str, row: dict[str, Any], tmp_path: Path) -> None:
        broken = tmp_path / "array.json"
        broken.write_text("[{]")
        cut = tmp_path / "empty.gz"
        cut.write_bytes(b"\x1f\x8b\x08")
        for path in (tmp_path / "none.jsonl", tmp_path, broken, cut):
            with pytest.raises(LabError):
                list(module.read(path))


def test_shipped_problems_are_all_there() -> None:
    found = list(shipped.read())
    assert all(isinstance(item, NewProblem) for item in found)
    problems = [item for item in found if isinstance(item, NewProblem)]
    assert Counter(p.slice for p in problems)["demo"] >= 44
    assert all(len(p.programs) == 1 and p.programs[0].origin == "reference" for p in problems)
    for problem in problems:
        purposes = {purpose for case in problem.cases for purpose in case.purposes}
        assert purposes - {"public"} == ({"reward", "audit"} if problem.split == "train" else {"held-out"})


def test_purposes_are_a_function_of_the_tests() -> None:
    tests = [(f"[{n}]", str(n)) for n in range(9)]
    cases = purposed("train", tests)
    assert Counter(case.purposes for case in cases) == {("reward",): 7, ("audit",): 2}
    assert {c for c in purposed("train", tests[::-1])} == set(cases)
    assert [case.purposes for case in purposed("train", tests[:3])] == [("reward",)] * 3
    assert Counter(case.purposes for case in purposed("train", tests[:4]))[("audit",)] == 1
    assert {case.purposes for case in purposed("validation", tests)} == {("held-out",)}
    assert len(purposed("test", tests + tests)) == 9


def test_another_split_gives_its_purposes(tmp_path: Path) -> None:
    problem = one(jsonl, tmp_path, OWN)
    moved = in_split(problem, "test")
    assert {case.purposes for case in moved.cases} == {("held-out",)}
    assert in_split(moved, "train") == problem
    assert in_split(problem, None) is problem


class TestHumanEval:
    def test_the_checks_bring_the_helpers_they_call(self, tmp_path: Path, judge: Judge) -> None:
        problem = one(humaneval, tmp_path, HUMANEVAL)
        assert problem.signature == "halves(xs, k=1)"
        assert "def half(" in problem.cases[0].input
        assert "def halves(" not in problem.cases[0].input
        alone = "def halves(xs):\n    return [x // 2 for x in xs]\n"
        assert [v.code for v in judge.judge(questions(problem, alone))] == ["AC"]

    @pytest.mark.parametrize(
        ("change", "part"),
        [
            ({"canonical_solution": "    return (\n"}, "does not compile"),
            ({"entry_point": "other"}, "no function other"),
            ({"test": "assert True\n"}, "no check"),
            ({"test": 3}, "no text"),
        ],
    )
    def test_rejected(self, change: dict[str, Any], part: str, tmp_path: Path) -> None:
        assert part in one(humaneval, tmp_path, {**HUMANEVAL, **change}).reason


class TestMbpp:
    def test_literal_asserts_become_calls(self, tmp_path: Path) -> None:
        problem = one(mbpp, tmp_path, MBPP)
        assert (problem.kind, problem.split, problem.entry_point, problem.signature) == (
            "call",
            "train",
            "add",
            "add(a, b)",
        )
        assert [(c.input, c.expected) for c in problem.cases][1] == ("[-1, 0]", "-1")
        assert problem.programs[0].code == "def add(a, b):\n\treturn a + b\n"
        assert Counter(c.purposes for c in problem.cases) == {("reward",): 3, ("audit",): 1}

    @pytest.mark.parametrize(
        "change",
        [
            {"test_list": ["assert add((1,), (2,)) == (1, 2)"]},
            {"test_list": ["assert add(1, 2) == 3", "assert add(1.5, 2) == 3.5"]},
            {"test_list": ["assert add(1, 2) == 3", "assert set(add([1], [2])) == {1, 2}"]},
            {"test_list": ["assert add(*[1, 2]) == 3"]},
            {"test_list": ["assert add(a=1, b=2) == 3"]},
            {"test_setup_code": "k = 2", "test_list": ["assert add(1, 2) == 3"]},
            {"code": "def add(a, b):\n    return (a + b) / 1", "test_list": ["assert add(1, 2) == 3"]},
            {"code": "def add(a, b):\n    return 1", "test_list": ["assert add(1, 2) == True"]},
        ],
    )
    def test_others_stay_assertions_and_pass(self, change: dict[str, Any], tmp_path: Path, judge: Judge) -> None:
        problem = one(mbpp, tmp_path, {**MBPP, **change})
        assert problem.kind == "assert"
        assert {v.code for v in judge.judge(questions(problem))} == {"AC"}

    def test_splits(self, tmp_path: Path) -> None:
        rows = [{**MBPP, "task_id": n} for n in (1, 10, 11, 510, 511, 600, 601, 974, 975)]
        found = [item.split if isinstance(item, NewProblem) else None for item in mbpp.read(write(tmp_path, *rows))]
        assert found == [None, None, "test", "test", "validation", "validation", "train", "train", None]

    def test_the_sanitized_set_is_another_source(self, tmp_path: Path, judge: Judge) -> None:
        row = {
            "source_file": "x",
            "task_id": 602,
            "prompt": "Write a function to take a root.",
            "code": "import math\ndef root(x):\n  return math.sqrt(x)",
            "test_imports": ["import math"],
            "test_list": ["assert math.isclose(root(4), 2)"],
        }
        problem = one(mbpp, tmp_path, row)
        assert (problem.source, problem.family) == ("mbpp-sanitized", "mbpp/602")
        assert problem.cases[0].input.startswith("import math\n")
        assert [v.code for v in judge.judge(questions(problem))] == ["AC"]


class TestOwn:
    @pytest.mark.parametrize(
        ("change", "part"),
        [
            ({"tests": []}, "no tests"),
            ({"tests": None, "inputs": [[1]], "outputs": []}, "as well as"),
            ({"source": "starter"}, "another importer's"),
            ({"colour": 1}, "unknown field 'colour'"),
            ({"entry_point": None}, "test 1"),
            ({"kind": "stdio"}, "has no entry_point"),
            ({"kind": "maze"}, "none of"),
            ({"tests": [{"input": 1, "expected": 2}]}, "array of arguments"),
            ({"tests": [{"input": "[1]", "expected": 2}]}, "JSON text too"),
            ({"tests": [{"input": "[NaN]", "expected": "2"}]}, "not JSON"),
            ({"tests": [{"input": [1]}]}, "must have input and expected"),
            ({"tests": [{"input": [1], "expected": 1, "purpose": "held-out"}]}, "a train test's is one of"),
            ({"tests": [{"input": [1], "expected": 1, "purpose": ["reward", "audit"]}]}, "never a reward"),
            ({"tests": [{"input": [1], "expected": 1, "purpose": "public"}]}, "no reward test"),
            ({"comparator": "tokens"}, "for call there are"),
            ({"reference": "def add(a, b) return"}, "does not compile"),
            ({"cpu_s": "2"}, "cpu_s must be a number"),
            ({"programs": [{"code": "x", "claim": "maybe"}]}, "program 1"),
        ],
    )
    def test_rejected(self, change: dict[str, Any], part: str, tmp_path: Path) -> None:
        found = one(jsonl, tmp_path, {**OWN, **change})
        assert isinstance(found, Rejected)
        assert part in found.reason
        assert found.key == "sum-1"

    def test_inputs_and_outputs_of_different_length(self, tmp_path: Path) -> None:
        row = {k: v for k, v in OWN.items() if k != "tests"}
        assert (
            "2 inputs but 1 outputs" in one(jsonl, tmp_path, {**row, "inputs": [[1, 2], [3, 4]], "outputs": [3]}).reason
        )
        same = one(jsonl, tmp_path, {**row, "inputs": [[1, 2], [3, 4]], "outputs": [3, 7]})
        assert [(c.input, c.expected) for c in same.cases] == [("[1, 2]", "3"), ("[3, 4]", "7")]

    def test_stdio_with_lines_and_assert_with_checks(self, tmp_path: Path, judge: Judge) -> None:
        program = {
            "key": "a",
            "statement": "Double each number.",
            "split": "test",
            "tests": [
                {"input": ["1", "2"], "expected": "2\n4"},
                {"input": "3\n", "expected": ["6"], "purpose": "held-out"},
            ],
            "reference": "import sys\nfor x in sys.stdin:\n    print(2 * int(x))\n",
        }
        check = {
            "key": "b",
            "statement": "Double it.",
            "entry_point": "twice",
            "tests": [
                {"check": "assert twice(2) == 4"},
                {"check": "def check(candidate):\n    assert candidate(1) == 2"},
            ],
            "reference": "def twice(x):\n    return 2 * x\n",
        }
        first, second = list(jsonl.read(write(tmp_path, program, check)))
        assert (first.kind, second.kind) == ("stdio", "assert")
        assert first.cases[0].input == "1\n2\n"
        assert {v.code for v in judge.judge(questions(first) + questions(second))} == {"AC"}

    def test_json_text_says_the_same_as_values(self, tmp_path: Path) -> None:
        tests = [{"input": json.dumps(t["input"]), "expected": json.dumps(t["expected"])} for t in OWN["tests"]]  # type: ignore[index]
        assert one(jsonl, tmp_path, {**OWN, "tests": tests}) == one(jsonl, tmp_path, OWN)


Read = Callable[[Path], Iterator[NewProblem | Rejected]]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("read", "file", "problems", "rejected", "every"),
    [
        (humaneval.read, "humaneval/HumanEval.jsonl.gz", 164, 0, 1),
        (mbpp.read, "mbpp/mbpp.jsonl", 964, 10, 12),
    ],
)
def test_published_sets(read: Read, file: str, problems: int, rejected: int, every: int, judge: Judge) -> None:
    path = SHARED / file
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    found = list(read(path))
    good = [item for item in found if isinstance(item, NewProblem)]
    assert (len(good), len(found) - len(good)) == (problems, rejected)
    asked = [(problem, question) for problem in good[::every] for question in questions(problem)]
    said = judge.judge([question for _, question in asked])
    assert [(p.source_key, v) for (p, _), v in zip(asked, said, strict=True) if v.code != "AC"] == []
