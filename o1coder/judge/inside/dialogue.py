"""Assertion-style tests in two processes: the checks in one, the program in the other, JSON lines between.

The checks hold the expected values and decide; the program only ever sees the arguments of one call at a time and
answers with a typed value (values.py) or an exception's name. So it cannot read what is expected, cannot patch or
leave the checks, and cannot return an object that lies about equality: what arrives is built from plain values. Names
that the checks use and do not define (helpers) are called in the program the same way. Arguments changed in place
are sent back and changed in the checks. An object of the program's own class reaches the checks as a handle, good for
being handed back and for reading and setting attributes. To compare or test it, or to pass a function of the checks, is a wrong
answer, and said so.

The checks' verdict is one JSON line on descriptor 3: {"outcome", "detail"}, outcome passed, failed, raised, died or
unpassable.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import sys
import types
from typing import Any, NoReturn

from . import values
from .harness import Stages, compile_source, find, guarded, new_module, read_all, write_all

LINE_BYTES = 16_000_000
MESSAGE_CHARACTERS = 300


class ProgramEnded(BaseException):
    """The program is gone, or what it sent is no answer."""


class CannotPass(BaseException):
    """A value that cannot pass by value was to be passed."""


def run_program(source: bytes, stages: Stages) -> NoReturn:
    """The program's side: execute it, then answer calls from descriptor 3 on descriptor 4 until there are no more."""
    stages.say("s")
    code = compile_source(source, "program.py", stages)
    program = Program(new_module("program"))

    def body() -> None:
        exec(code, program.space)
        with open(3, "rb", closefd=False) as calls:
            for line in calls:
                write_all(4, (json.dumps(program.answer(json.loads(line))) + "\n").encode())

    guarded(body)


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
            return {"raised": type(error).__name__, "message": describe_error(error)}
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
            return {"raised": type(error).__name__, "message": describe_error(error)}

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


def describe_error(error: BaseException) -> str:
    """The exception's text, cut; empty when it has none to give."""
    try:
        return str(error)[:MESSAGE_CHARACTERS]
    except Exception:  # noqa: BLE001 - a program's own __str__ may raise anything
        return ""


class Handle:
    """In the checks, an object of the program's. It can be handed back, and its attributes read and set; anything else
    ends the checks."""

    def __init__(self, link: Link, number: int) -> None:
        self.__dict__.update(link=link, number=number)

    def __getattr__(self, name: str) -> Any:
        return self.link.result({"handle": self.number, "attribute": name})

    def __setattr__(self, name: str, value: object) -> None:
        self.link.result({"handle": self.number, "attribute": name, "to": self.link.out([value])})

    def _refuse(self, *_: object) -> Any:
        raise self.link.stop("unpassable", "the checks use an object of the program's own class as a value")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __len__ = __iter__ = _refuse
    __contains__ = __getitem__ = __add__ = __sub__ = __float__ = __int__ = __str__ = __repr__ = _refuse
    __hash__ = None  # type: ignore[assignment]


class Link:
    """The checks' end of the conversation. After the first thing that went wrong, `trouble` stays set."""

    def __init__(self, asking: int, hearing: int) -> None:
        self.asking = asking
        self.hearing = open(hearing, "rb", closefd=False)
        self.trouble: tuple[str, str] | None = None

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The program's answer to one line. ProgramEnded when there is none."""
        try:
            write_all(self.asking, (json.dumps(question) + "\n").encode())
            line = self.hearing.readline(LINE_BYTES)
        except OSError:
            line = b""
        if line.endswith(b"\n"):
            try:
                reply = json.loads(line)
            except (ValueError, RecursionError):
                reply = None
            if type(reply) is dict:
                return reply
            raise self.stop("died", "the program answered with something that is no value")
        if len(line) >= LINE_BYTES:
            raise self.stop("unpassable", f"an answer longer than {LINE_BYTES} bytes")
        raise self.stop("died", "the program ended before it answered")

    def stop(self, outcome: str, detail: str) -> BaseException:
        """Remember what went wrong, so that no check can swallow it, and give the exception to raise."""
        self.trouble = (outcome, detail)
        return ProgramEnded() if outcome == "died" else CannotPass()

    def call(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The value that the program's function returns; arguments that it changed are changed here."""
        question = {"call": name, "args": self.out(list(arguments)), "options": self.out(dict(options))}
        return self.result(question, arguments)

    def result(self, question: dict[str, Any], arguments: tuple[Any, ...] = ()) -> Any:
        """The value answered; the program's exception, of the same builtin class, is raised."""
        reply = self.ask(question)
        if "raised" in reply:
            raise program_error(str(reply["raised"]), str(reply.get("message", "")))
        if "changed" in reply:
            change_in_place(arguments, self.back(reply["changed"]))
        return self.back(reply.get("returned"))

    def out(self, value: object) -> Any:
        """A value in its encoding. CannotPass where it has none."""
        packed = values.pack(value, refer_back)
        if type(packed) is dict and "~object" in packed:
            raise self.stop("unpassable", f"an argument of the checks: {packed['~object']}")
        return packed

    def back(self, data: Any) -> Any:
        """A value from its encoding. CannotPass where there is an object in it."""
        try:
            value = values.unpack(data, lambda number: Handle(self, number))
        except values.Unpassable as error:
            raise self.stop("unpassable", str(error)) from None
        if type(value) is values.Opaque:
            raise self.stop("unpassable", value.reason)
        return value


def refer_back(value: object) -> int:
    """The number of a handle that the checks hand back."""
    if type(value) is Handle:
        return int(value.__dict__["number"])
    raise values.Unpassable(f"a value of type {type(value).__name__[:60]} cannot pass")


def change_in_place(arguments: tuple[Any, ...], changed: Any) -> None:
    """Give the checks' own argument objects the contents that the program left in its copies."""
    if type(changed) is not list or len(changed) != len(arguments):
        return
    for argument, new in zip(arguments, changed, strict=True):
        if type(argument) is not type(new):
            continue
        if type(argument) is list:
            argument[:] = new
        elif type(argument) in (dict, set):
            argument.clear()
            argument.update(new)


def program_error(name: str, message: str) -> Exception:
    """An exception of the builtin class called `name`, or a plain one, marked as the program's."""
    kind = getattr(builtins, name, None)
    error: Exception
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError | ExceptionGroup):
        error = kind(message)
    else:
        error = RuntimeError(f"{name}: {message}")
    error.o1coder_program = name  # type: ignore[attr-defined]
    return error


def run_checks(stages: Stages) -> NoReturn:
    """The checks' side: descriptor 0 holds {"entry", "source"}, 4 and 5 lead to the program, the verdict goes to 3."""
    stages.say("s")
    question = json.loads(read_all(0))
    code = compile_source(question["source"].encode(), "checks.py", stages)
    link = Link(4, 5)
    outcome = link.trouble or decide(link, code, question["entry"])
    write_all(3, json.dumps({"outcome": outcome[0], "detail": outcome[1]}).encode())
    os._exit(0)


def decide(link: Link, code: types.CodeType, entry: str) -> tuple[str, str]:
    """(outcome, detail) of executing the checks, and of their `check(candidate)` when they define one."""
    outcome = ("passed", "")
    try:
        names = sorted((names_in(code) - set(dir(builtins))) | {entry})
        known = link.ask({"names": names, "entry": entry})
        space = new_module("checks")
        offer(space, link, known, names)
        candidate = space.get(entry)
        if candidate is None:
            return "raised", f"NameError: the program defines no function called {entry!r}"
        offered = space.get("check")
        exec(code, space)
        if callable(space.get("check")) and space["check"] is not offered:
            space["check"](candidate)
    except (ProgramEnded, CannotPass):
        pass  # link.trouble says which
    except MemoryError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever ends the checks early is their answer
        text = describe_error(error)
        name = getattr(error, "o1coder_program", None)
        outcome = ("raised", f"{name}: {text}") if name else ("failed", f"{type(error).__name__}: {text}".rstrip(": "))
    return link.trouble or outcome


def offer(space: dict[str, Any], link: Link, known: dict[str, Any], names: list[str]) -> None:
    """Put what the program has into the checks' globals: only what was asked for, lest it replace a builtin there."""
    functions, modules, plain = known.get("functions"), known.get("modules"), known.get("values")
    for name in names:
        if type(modules) is list and name in modules and name in sys.stdlib_module_names:
            space[name] = importlib.import_module(name)
        elif type(functions) is list and name in functions:
            space[name] = caller(link, name)
        elif type(plain) is dict and name in plain:
            space[name] = link.back(plain[name])


def names_in(code: types.CodeType) -> set[str]:
    """Every name that the checks look up anywhere."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= names_in(constant)
    return found


def caller(link: Link, name: str) -> Any:
    """A function that is called in the program."""

    def call(*arguments: Any, **options: Any) -> Any:
        return link.call(name, arguments, options)

    call.__name__ = call.__qualname__ = name
    return call
