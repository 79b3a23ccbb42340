"""A launch form made from a stage's config class: fields, validation, and the command that would do the same.

Pure values: it draws nothing (screens/launch.py does) and starts nothing. What can be entered, its default and its
description come from the config alone, so a stage declared once is launched from here and from the command line alike.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from o1coder.errors import LabError
from o1coder.stage import Pick, StageConfig, choices

FieldKind = Literal["number", "flag", "choice", "pick", "list", "json", "text"]
PATHS = ("path", "out", "programs")  # fields that name files: made absolute, since a job runs in its own folder


class FormField(NamedTuple):
    """One line of the form. `default` is the text shown when nothing was entered; `options` are a choice's words."""

    name: str
    kind: FieldKind
    default: str
    required: bool
    description: str
    options: tuple[str, ...]
    pick: Pick | None


def _bare(annotation: Any) -> Any:
    """An annotation without its `| None`."""
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not NoneType]
        return parts[0] if len(parts) == 1 else annotation
    return annotation


def written(value: Any) -> str:
    """A config's value as the form writes it."""
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return json.dumps(value) if value else ""
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    return str(value)


def fields(config: type[StageConfig]) -> list[FormField]:
    """The fields of a config: its own in their order, then what it inherits, then what every stage has (seed, budget)."""
    found: list[FormField] = []
    own, shared = config.__dict__.get("__annotations__", {}), StageConfig.model_fields
    for name, info in sorted(config.model_fields.items(), key=lambda item: (item[0] in shared, item[0] not in own)):
        annotation = _bare(info.annotation)
        pick = next((meta for meta in info.metadata if isinstance(meta, Pick)), None)
        options = choices(annotation) if get_origin(annotation) is Literal else None
        kind: FieldKind = "text"
        if pick is not None and get_origin(annotation) not in (list, tuple):
            kind = "pick"
        elif get_origin(annotation) in (list, tuple):
            kind = "list"
        elif get_origin(annotation) is dict or annotation is dict:
            kind = "json"
        elif options:
            kind = "choice"
        elif annotation is bool:
            kind = "flag"
        elif annotation in (int, float):
            kind = "number"
        default = info.get_default(call_default_factory=True)
        found.append(
            FormField(
                name, kind, written(default), info.is_required(), info.description or "", tuple(options or ()), pick
            )
        )
    return found


def values(config: type[StageConfig], entered: Mapping[str, str]) -> dict[str, Any]:
    """What was entered, as values for the config: blanks and defaults left out, lists split, JSON read, paths absolute."""
    out: dict[str, Any] = {}
    for field in fields(config):
        text = entered.get(field.name, "").strip()
        if text == field.default or (not text and not field.required):
            continue
        if not text:
            continue
        if field.kind == "flag":
            out[field.name] = text == "yes"
        elif field.kind == "list":
            out[field.name] = [part.strip() for part in text.split(",") if part.strip()]
        elif field.kind == "json":
            out[field.name] = _json(text)
        else:
            out[field.name] = str(Path(text).expanduser().resolve()) if field.name in PATHS else text
    return out


def _json(text: str) -> Any:
    """The value that JSON text says; text that is no JSON stays text, which the config then refuses by name."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def validate(config: type[StageConfig], entered: Mapping[str, str]) -> tuple[StageConfig | None, dict[str, str]]:
    """The config that was entered, or None and what is wrong by field (`""` for the form as a whole)."""
    try:
        return config.model_validate(values(config, entered)), {}
    except ValidationError as error:
        wrong: dict[str, str] = {}
        for item in error.errors():
            name = str(item["loc"][0]) if item["loc"] else ""
            wrong.setdefault(name, "needed" if item["type"] == "missing" else item["msg"].removeprefix("Value error, "))
        return None, wrong
    except LabError as error:  # a field's own check, such as a sampler's name half typed; it does not name its field
        return None, {"": error.message}


def command(stage: str, config: type[StageConfig], entered: Mapping[str, str], run: str = "") -> str:
    """The exact command line that launches the same job; only what differs from the defaults is named."""
    words = ["o1coder", "run", stage]
    given = values(config, entered)
    for field in fields(config):
        if field.name not in given:
            continue
        flag = "--" + field.name.replace("_", "-")
        value = given[field.name]
        if field.kind == "flag":
            words.append(flag if value else "--no-" + flag[2:])
        elif field.kind == "list":
            words += [flag, ",".join(value)]
        elif field.kind == "json":
            words += [flag, value if isinstance(value, str) else json.dumps(value)]
        else:
            words += [flag, str(value)]
    if run:
        words += ["--run", run]
    return shlex.join(words)
