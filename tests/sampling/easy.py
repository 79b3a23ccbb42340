"""Twenty easy function problems with a few cases each, for measuring what the embedded model can do. In no split."""

from __future__ import annotations

from o1coder.task import Case, Task

_EASY: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    ("total(xs)", "returns the sum of the numbers in xs", "total", (("[[1, 2, 3]]", "6"), ("[[]]", "0"))),
    ("biggest(xs)", "returns the largest number in xs", "biggest", (("[[3, 9, 2]]", "9"), ("[[-4, -7]]", "-4"))),
    ("lowest(xs)", "returns the smallest number in xs", "lowest", (("[[3, 9, 2]]", "2"), ("[[-4, -7]]", "-7"))),
    ("how_long(text)", "returns the length of the string text", "how_long", (('["abcd"]', "4"), ('[""]', "0"))),
    ("flip(text)", "returns the string text reversed", "flip", (('["abc"]', '"cba"'), ('[""]', '""'))),
    ("twice(n)", "returns n multiplied by 2", "twice", (("[4]", "8"), ("[-3]", "-6"))),
    ("squared(n)", "returns the square of n", "squared", (("[4]", "16"), ("[-3]", "9"))),
    ("is_odd(n)", "returns True if n is odd", "is_odd", (("[3]", "true"), ("[8]", "false"))),
    ("loud(text)", "returns the string text in upper case", "loud", (('["aBc"]', '"ABC"'), ('[""]', '""'))),
    ("in_order(xs)", "returns a sorted copy of xs", "in_order", (("[[3, 1, 2]]", "[1, 2, 3]"), ("[[]]", "[]"))),
    ("evens(xs)", "returns a list of the even numbers in xs", "evens", (("[[1, 2, 4]]", "[2, 4]"), ("[[3]]", "[]"))),
    ("product(xs)", "returns the product of the numbers in xs", "product", (("[[2, 3]]", "6"), ("[[5]]", "5"))),
    ("mean(xs)", "returns the average of the numbers in xs", "mean", (("[[2, 4]]", "3.0"), ("[[5]]", "5.0"))),
    ("factorial(n)", "returns the factorial of n", "factorial", (("[4]", "24"), ("[0]", "1"))),
    (
        "same_ends(xs)",
        "returns True if the first and last items of xs are equal",
        "same_ends",
        (("[[1, 2, 1]]", "true"), ("[[1, 2]]", "false")),
    ),
    (
        "vowels(text)",
        "returns the number of vowels in the string text",
        "vowels",
        (('["banana"]', "3"), ('["xyz"]', "0")),
    ),
    (
        "positives(xs)",
        "returns how many numbers in xs are greater than zero",
        "positives",
        (("[[1, -2, 3]]", "2"), ("[[-1]]", "0")),
    ),
    (
        "glue(words)",
        "returns the strings in words joined with a space",
        "glue",
        (('[["a", "b"]]', '"a b"'), ("[[]]", '""')),
    ),
    ("larger(a, b)", "returns the larger of the numbers a and b", "larger", (("[2, 7]", "7"), ("[5, -5]", "5"))),
    (
        "mirrored(text)",
        "returns True if the string text is a palindrome",
        "mirrored",
        (('["noon"]', "true"), ('["moon"]', "false")),
    ),
)

TASKS: tuple[Task, ...] = tuple(
    Task(f"Write a Python function `{signature}` that {what}.", "call", name, signature)
    for signature, what, name, _ in _EASY
)
CASES: tuple[tuple[Case, ...], ...] = tuple(
    tuple(Case(f"{name}-{number}", given, expected) for number, (given, expected) in enumerate(cases))
    for _, _, name, cases in _EASY
)
