"""The judge's numbers of system calls are those of the kernel headers, where this machine has them."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from o1coder.judge.inside import kernel, seccomp

from .headers import call_numbers, tables

TRIPLETS = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}


@pytest.mark.parametrize("machine", list(TRIPLETS))
def test_every_number_is_the_headers(machine: str) -> None:
    try:
        numbers = call_numbers(Path("/"), TRIPLETS[machine])
    except FileNotFoundError:
        pytest.skip(f"no kernel headers for {machine} here")
    asked = tables(machine)
    assert len(asked) > 60
    assert {name: numbers.get(name) for name in asked} == asked


def test_a_wrong_number_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = platform.machine()
    right = tables(machine)
    monkeypatch.setitem(seccomp.PLAIN, "read", (7000, 7000))
    monkeypatch.setitem(kernel.NUMBERS[machine], "capset", 7001)
    assert {name for name, number in tables(machine).items() if number != right[name]} == {"read", "capset"}
