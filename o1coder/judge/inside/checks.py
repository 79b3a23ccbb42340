"""The checks' side of an assertion-style test: executes them, and asks the program through the pipe (dialogue.py).

What comes from the program is only ever decoded into plain values or handles. The first thing that goes wrong is kept,
so that checks which swallow exceptions cannot hide it.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import json
import sys
import types
from collections.abc import Callable
from typing import Any

from . import values
from .dialogue import describe_error
from .harness import compile_source, new_module, read_all, write_all

LINE_BYTES = 16_000_000
NOT_RAISED = (StopIteration, StopAsyncIteration, ExceptionGroup)


class ProgramEnded(BaseException):
    """The program is gone, or what it sent is no answer."""


class CannotPass(BaseException):
    """A value that cannot pass by value was to be passed."""


class Handle:
    """In the checks, an object of the program's. It can be handed back, and its attributes read and set, all of them the
    program's own; anything else ends the checks, and so does asking what it is."""

    __slots__ = ("link", "number")

    def __init__(self, link: Link, number: int) -> None:
        object.__setattr__(self, "link", link)
        object.__setattr__(self, "number", number)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":  # isinstance would believe it
            raise link_of(self).stop("unpassable", "the checks ask what an object of the program's own class is")
        return link_of(self).result({"handle": number_of(self), "attribute": name})

    def __setattr__(self, name: str, value: object) -> None:
        link = link_of(self)
        link.result({"handle": number_of(self), "attribute": name, "to": link.out([value])})

    def _refuse(self, *_: object) -> Any:
        raise link_of(self).stop("unpassable", "the checks use an object of the program's own class as a value")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __len__ = __iter__ = _refuse
    __contains__ = __getitem__ = __add__ = __sub__ = __float__ = __int__ = __str__ = __repr__ = _refuse
    __hash__ = None  # type: ignore[assignment]


# Past `__getattribute__`, which has no names of its own.
link_of: Callable[[Handle], Link] = vars(Handle)["link"].__get__
number_of: Callable[[Handle], int] = vars(Handle)["number"].__get__


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
        """Remember what first went wrong, so that no check can swallow it, and give the exception to raise."""
        self.trouble = self.trouble or (outcome, detail)
        return ProgramEnded() if outcome == "died" else CannotPass()

    def call(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The value that the program's function returns; arguments that it changed are changed here."""
        question = {"call": name, "args": self.out(list(arguments)), "options": self.out(dict(options))}
        return self.result(question, arguments)

    def result(self, question: dict[str, Any], arguments: tuple[Any, ...] = ()) -> Any:
        """The value answered; the program's exception, of the same builtin class, is raised."""
        reply = self.ask(question)
        if "raised" in reply:
            raise self.error(reply)
        if "changed" in reply:
            change_in_place(arguments, self.back(reply["changed"]))
        return self.back(reply.get("returned"))

    def error(self, reply: dict[str, Any]) -> Exception:
        """The exception that the program answered with."""
        try:
            arguments = values.unpack(reply.get("args"))
        except values.Unpassable:
            arguments = None
        message = str(reply.get("message", ""))
        if type(arguments) is not list or any(type(one) is values.Opaque for one in arguments):
            arguments = [message]
        return program_error(str(reply["raised"]), str(reply.get("base")), arguments, message)

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
        return number_of(value)
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


def program_error(name: str, base: str, arguments: list[Any], message: str) -> Exception:
    """An exception of the builtin class called `base`, marked as the program's; a RuntimeError where that would not be an
    ordinary one: a StopIteration would end the checks' own loops without a word."""
    kind = getattr(builtins, base, None)
    error: Exception
    try:
        if not isinstance(kind, type) or not issubclass(kind, Exception) or issubclass(kind, NOT_RAISED):
            raise TypeError
        error = kind(*arguments)
    except Exception:  # noqa: BLE001 - the arguments are not those of this class
        error = RuntimeError(f"{name}: {message}")
    error.o1coder_program = name  # type: ignore[attr-defined]
    return error


def run_checks(stages: int) -> int:
    """The checks' side: descriptor 0 holds {"entry", "source"}, 4 and 5 lead to the program, the verdict goes to 3."""
    question = json.loads(read_all(0))
    code = compile_source(question["source"].encode("utf-8", "surrogatepass"), "checks.py", stages)
    link = Link(4, 5)
    outcome = link.trouble or decide(link, code, question["entry"], question["source"])
    write_all(3, json.dumps({"outcome": outcome[0], "detail": outcome[1]}).encode())
    return 0


def decide(link: Link, code: types.CodeType, entry: str, source: str) -> tuple[str, str]:
    """(outcome, detail) of executing the checks, and of their `check(candidate)` when they define one."""
    outcome = ("passed", "")
    try:
        names = sorted((names_in(code) - set(dir(builtins))) | {entry})
        known = link.ask({"names": names, "entry": entry})
        space = new_module("checks")
        offer(space, link, known, names, source)
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


def looked_into(source: str, name: str) -> bool:
    """Whether the checks read an attribute of what has this name."""
    nodes = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute))
    return any(isinstance(node, ast.Name) and node.id == name for node in nodes)


def offer(space: dict[str, Any], link: Link, known: dict[str, Any], names: list[str], source: str) -> None:
    """Put what the program has into the checks' globals: only what was asked for, lest it replace a builtin there. What
    has a standard module's name, and is not called but looked into, is that module, whatever the program made of it."""
    functions, modules, plain = known.get("functions"), known.get("modules"), known.get("values")
    for name in names:
        standard = name in sys.stdlib_module_names
        if standard and (type(modules) is list and name in modules or looked_into(source, name)):
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
