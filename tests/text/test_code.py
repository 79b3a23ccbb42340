"""Programs have one form and one digest; texts that differ only in looks are alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from o1coder.text import ast_digest, compiles, jaccard, ngrams, program_text, statement_tokens


def test_compiles_means_the_entry_point_exists() -> None:
    assert compiles("def f():\n    pass\n", "f")
    assert compiles("f = lambda: 1\n", "f")
    assert compiles("from math import gcd as f\n", "f")
    assert not compiles("def f():\n    pass\n", "g")
    assert not compiles("if True:\n    def f(): pass\nelse 1", "f")
    assert not compiles("", None)
    assert not compiles("x = 1\0", None)
    assert not compiles("(" * 100_000, None)
    assert not compiles("def f():\n    pass\nbreak", "f")


@given(st.text())
def test_normal_form_is_stable(text: str) -> None:
    once = program_text(text)
    assert program_text(once) == once
    assert ast_digest(text).startswith("sha256:")


def test_digest_sees_the_program_not_its_looks() -> None:
    assert ast_digest("x = 'a'  # why\n") == ast_digest('x   =   "a"\n\n')
    assert ast_digest("x = 1") != ast_digest("y = 1")
    assert ast_digest("x = (") != ast_digest("x = [")


def test_likeness_of_statements() -> None:
    left = statement_tokens("Return the sum of `xs_1`.")
    assert left == ["return", "the", "sum", "of", "xs", "1"]
    assert ngrams(left, 5) == {tuple(left[:5]), tuple(left[1:])}
    assert ngrams(["a"], 3) == {("a",)}
    assert ngrams([], 3) == set()
    assert jaccard({1, 2}, {2, 3}) == 1 / 3
    assert jaccard([], []) == 0.0
