"""The starter loader refuses a file that is not as the format asks, and says which file and which field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from o1coder.errors import LabError
from o1coder.problems.starter import FOLDER, read_problem, starter_problems

SOURCE = (FOLDER / "sum-list.toml").read_text("utf-8")
STDIO = '''key = "echo"
family = "f"
split = "test"
difficulty = "medium"
kind = "stdio"
title = "Echo"
comparator = "tokens"
statement = """Print the line."""
reference = "print(input())"
wrong = ["print()", "print(1)"]
'''


def broken(tmp_path: Path, text: str, name: str = "sum-list") -> str:
    path = tmp_path / f"{name}.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(LabError) as caught:
        read_problem(path)
    assert caught.value.hint
    return caught.value.message


def test_a_file_becomes_a_value() -> None:
    problem = read_problem(FOLDER / "sum-list.toml")
    assert (problem.key, problem.split, problem.slice, problem.signature) == (
        "sum-list",
        "train",
        "demo",
        "sum_list(xs)",
    )
    assert problem.reference.startswith("def sum_list(xs):\n")
    assert problem.task.entry_point == "sum_list"
    assert "def " not in problem.task.statement


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("key", 'key = "sum-list"', 'key = "other"'),
        ("key", 'key = "sum-list"\n', ""),
        ("family", 'family = "list-sums"', "family = 3"),
        ("split", '"train"', '"dev"'),
        ("slice", '"demo"', '"demos"'),
        ("difficulty", '"easy"', '"trivial"'),
        ("kind", '"call"', '"function"'),
        ("title", '"Sum of a list"', '" "'),
        ("entry_point", 'entry_point = "sum_list"', 'entry_point = "sum list"'),
        ("signature", 'signature = "sum_list(xs)"', 'signature = "total(xs)"'),
        ("comparator", '"typed"', '"tokens"'),
        ("comparator_args", 'comparator = "typed"', 'comparator = "typed"\ncomparator_args = [1]'),
        ("surprise", 'split = "train"', 'split = "train"\nsurprise = 1'),
        ("tests[1].input", "'[[1, 2, 3]]'", "'[[1, 2, 3]'"),
        ("tests[1].input", "'[[1, 2, 3]]'", "'7'"),
        ("tests[1].input", "'[[1, 2, 3]]'", "7"),
        ("tests[2].input", "'[[10]]'", "'[[1, 2, 3]]'"),
        ("tests[1].expected", "expected = '6'", "expected = 'NaN'"),
        ("tests[1].expected", "expected = '6'", "expected = 'six'"),
        ("tests[1].purpose", 'purpose = "reward"', 'purpose = "held-out"'),
        ("tests[1]", 'purpose = "reward"', 'purpose = "reward"\nnote = "x"'),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, field: str, old: str, new: str) -> None:
    assert old in SOURCE
    assert broken(tmp_path, SOURCE.replace(old, new, 1)).startswith(f"sum-list.toml: {field}: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.replace('"audit"', '"reward"'), "at least 3 'audit' tests, not 0"),
        (lambda s: s.replace('"reward"', '"public"', 2), "at least 6 'reward' tests, not 5"),
        (lambda s: s.replace('"audit"', '"public"', 2), "at least 3 'audit' tests, not 2"),
        (lambda s: s[: s.index("[[tests]]")], "tests: is missing"),
        (lambda s: "[[tests]]".join(s.split("[[tests]]")[:-2]), "must be at least 10 tables"),
        (
            lambda s: s[: s.index("wrong = ")] + "wrong = ['x']\n" + s[s.index("[[tests]]") :],
            "wrong: must hold at least 2",
        ),
        (lambda s: s[: s.index("wrong = ")] + "wrong = ['x', 'x']\n" + s[s.index("[[tests]]") :], "all different"),
        (lambda s: s + "[[tests]\n", "not readable as TOML"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, change: Callable[[str], str], message: str) -> None:
    assert message in broken(tmp_path, change(SOURCE))


def test_public_tests_are_few(tmp_path: Path) -> None:
    rows = [f'[[tests]]\ninput = "{n}"\nexpected = "{n}"\npurpose = "PURPOSE"\n' for n in range(12)]
    ok = [row.replace("PURPOSE", "public" if n < 2 else "held-out") for n, row in enumerate(rows)]
    (tmp_path / "echo.toml").write_text(STDIO + "".join(ok), "utf-8")
    assert len(read_problem(tmp_path / "echo.toml").tests) == 12
    many = [row.replace("PURPOSE", "public" if n < 3 else "held-out") for n, row in enumerate(rows)]
    assert "at most 2 may be 'public', not 3" in broken(tmp_path, STDIO + "".join(many), "echo")


def test_a_family_lies_in_one_split(tmp_path: Path) -> None:
    (tmp_path / "sum-list.toml").write_text(SOURCE, "utf-8")
    other = (FOLDER / "reverse-text.toml").read_text("utf-8").replace('family = "reversal"', 'family = "list-sums"')
    (tmp_path / "reverse-text.toml").write_text(other, "utf-8")
    with pytest.raises(LabError, match="family: 'list-sums' is in split 'train' but reverse-text.toml"):
        starter_problems(tmp_path)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no starter problems"):
        starter_problems(tmp_path)
