"""Assertion-style tests in two processes: the checks in one, the program in the other, JSON lines between.

The checks hold the expected values and decide; the program only ever sees the arguments of one call at a time and
answers with a typed value (values.py) or an exception's name. So it cannot read what is expected, cannot patch or
leave the checks, and cannot return an object that lies about equality: what arrives is built from plain values. Names
that the checks use and do not define are called in the program the same way. Arguments changed in place
are sent back and changed in the checks. An object of the program's own class reaches the checks as a handle, good for
being handed back and for reading and setting attributes. To compare or test it, or to pass a function of the checks,
is a wrong answer, and said so.

This file is the program's side; `checks.py` is the other. The checks' verdict is one JSON line on descriptor 3:
{"outcome", "detail"}, outcome passed, failed, raised, died or unpassable.
"""

from __future__ import annotations

import builtins
import json
import types
from typing import Any

from . import values
from .harness import compile_source, execute, find, new_module, write_all

MESSAGE_CHARACTERS = 300
BUILTIN = frozenset(
    kind for kind in vars(builtins).values() if isinstance(kind, type) and issubclass(kind, BaseException)
)


def run_program(source: bytes, stages: int) -> int:
    """The program's side: execute it, then answer calls from descriptor 3 on descriptor 4 until there are no more."""
    code = compile_source(source, "program.py", stages)
    program = Program(new_module("program"))

    def body() -> None:
        exec(code, program.space)
        with open(3, "rb", closefd=False) as calls:
            for line in calls:
                write_all(4, (json.dumps(program.answer(json.loads(line))) + "\n").encode())

    return execute(body)


class Program:
    """The executed program, and the objects that the checks hold handles of."""

    def __init__(self, space: dict[str, Any]) -> None:
        self.space = space
        self.objects: list[object] = []

    def refer(self, value: object) -> int:
        """The handle of an object. Generators and functions get none: the checks could only misjudge them."""
        if type(value).__module__ != "program":
            raise values.Unpassable(f"a value of type {type(value).__name__[:60]} cannot pass")
        self.objects.append(value)
        return len(self.objects) - 1

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """What of `names` the program has, or what a call returned or raised."""
        if "names" in question:
            return self.describe(question["names"], question["entry"])
        resolve = self.objects.__getitem__
        if "handle" in question:
            return self.attribute(resolve(question["handle"]), question["attribute"], question.get("to"))
        arguments, options = values.unpack(question["args"], resolve), values.unpack(question["options"], resolve)
        before = values.pack(arguments, id)
        try:
            result = find(self.space, question["call"])(*arguments, **options)
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - what the program raised is its answer
            return raised(error)
        reply = {"returned": values.pack(result, self.refer)}
        if values.pack(arguments, id) != before:
            reply["changed"] = values.pack(arguments, self.refer)
        return reply

    def attribute(self, value: object, name: str, to: Any) -> dict[str, Any]:
        """Read an attribute of an object, or set it to the one value in `to`."""
        try:
            if to is not None:
                setattr(value, name, values.unpack(to, self.objects.__getitem__)[0])
                return {"returned": None}
            return {"returned": values.pack(getattr(value, name), self.refer)}
        except Exception as error:  # noqa: BLE001 - as for a call
            return raised(error)

    def describe(self, names: list[str], entry: str) -> dict[str, Any]:
        """Which names are functions, which modules of the standard library, and the values of the others."""
        functions, modules, plain = [], [], {}
        for name in names:
            try:
                value = find(self.space, name) if name == entry else self.space[name]
            except (KeyError, NameError):
                continue
            if isinstance(value, types.ModuleType):
                modules.append(name)
            elif callable(value):
                functions.append(name)
            else:
                plain[name] = values.pack(value, self.refer)
        return {"functions": functions, "modules": modules, "values": plain}


def raised(error: BaseException) -> dict[str, Any]:
    """An exception as an answer: its name, the nearest builtin class that it is one of, its arguments, its text."""
    base = next(kind for kind in type(error).__mro__ if kind in BUILTIN)
    arguments = values.pack(list(error.args))
    return {"raised": type(error).__name__, "base": base.__name__, "args": arguments, "message": describe_error(error)}


def describe_error(error: BaseException) -> str:
    """The exception's text, cut; empty when it has none to give."""
    try:
        return str(error)[:MESSAGE_CHARACTERS]
    except Exception:  # noqa: BLE001 - a program's own __str__ may raise anything
        return ""
