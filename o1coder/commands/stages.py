"""run, stages, and the stages that are commands of their own: import, export, evaluate, solve.

Flags come from the stage's config class: a field is a flag. `o1coder export …` is the same job as `run export …`, waited
for, and prints its own object.
"""

from __future__ import annotations

import json
import tomllib
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic.fields import FieldInfo

from o1coder import stage
from o1coder.cli import NO, OK, first_word
from o1coder.commands import show
from o1coder.errors import LabError

if TYPE_CHECKING:
    from o1coder.lab import Lab

OWN = ("import", "export", "evaluate", "solve", "anatomy")
POSITIONAL = {"import": "source", "export": "kind", "solve": "problem"}  # the field that needs no flag
PATHS = ("path", "out", "programs")  # fields that name files: a job runs in a folder of its own
PATH_MAX = 1024  # a longer word is no path


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    if name == "stages":
        return _stages(parser.parse_args(words))
    if name == "run":
        words, name = _stage_word(parser, words)
    declared = stage.find(name)
    parser.description = declared.about
    positional = POSITIONAL.get(name)
    if positional is not None:
        parser.add_argument("positional", nargs="?", metavar=positional.upper(), help=f"the same as --{positional}")
    job = parser.add_argument_group("the job")
    job.add_argument("--run", metavar="NAME", dest="run_name", help="the run (a named experiment) it belongs to")
    job.add_argument("--config", metavar="FILE", dest="config_file", help="TOML or JSON of fields; flags win over it")
    job.add_argument("--dry-run", action="store_true", help="print the config and enqueue nothing")
    job.add_argument("--show-prompt", action="store_true", help="print what a model would see, and enqueue nothing")
    job.add_argument("--wait", action="store_true", help="wait for it to end")
    add_flags(parser, declared.config)
    return _enqueue(declared, parser.parse_args(words), positional)


def _stages(options: Namespace) -> int:
    show.table(options, [describe(s) for s in stage.all_stages()], ("stage", "gpus", "slots", "about"))
    return OK


def _stage_word(parser: ArgumentParser, words: list[str]) -> tuple[list[str], str]:
    """(the other words, the stage's name). With --help and no stage it prints the stages and ends."""
    names = stage.stage_names()
    place = first_word(words, ("--home", "--run", "--config"))
    if place is None:
        parser.usage = (
            "o1coder run STAGE [--field VALUE]… [--run NAME] [--config FILE] [--dry-run] [--show-prompt] [--wait]"
        )
        parser.epilog = f"stages: {', '.join(names)}; `o1coder run STAGE --help` shows the fields of one"
        if {"-h", "--help"} & set(words):
            parser.parse_args(["--help"])
        raise LabError("run needs a stage", f"stages: {', '.join(names)}")
    if words[place] not in names:
        raise LabError(f"there is no stage {words[place]!r}", f"o1coder run STAGE …; stages: {', '.join(names)}")
    parser.prog = f"o1coder run {words[place]}"
    return words[:place] + words[place + 1 :], words[place]


def _enqueue(declared: stage.Stage, options: Namespace, positional: str | None) -> int:
    looks_only = options.dry_run or options.show_prompt
    lab = show.open_lab(options, write=not looks_only)
    config = config_of(lab, declared, options, positional)
    if options.dry_run:
        show.value(options, {"stage": declared.name, "config": config.model_dump(mode="json")})
        return OK
    if options.show_prompt:
        from o1coder.prompting import shown

        prompts = shown(lab, declared.name, config)
        show.value(options, prompts, [p["prompt"] for p in prompts])
        return OK
    from o1coder.jobs import verbs
    from o1coder.jobs.launch import ensure_worker

    job_id = verbs.enqueue(lab, declared.name, config, run=options.run_name)
    ensure_worker(lab)
    if options.wait or declared.foreground:
        return _waited(lab, declared, options, job_id)
    show.value(options, {"job": job_id, "stage": declared.name, "state": "queued"})
    return OK


def add_flags(parser: ArgumentParser, config: type[stage.StageConfig]) -> None:
    """One flag a field, spelt with dashes. Repeated for lists; --no-x for switches."""
    group = parser.add_argument_group("the stage's fields")
    for name, field in config.model_fields.items():
        flag, dest = "--" + name.replace("_", "-"), f"field_{name}"
        about = (field.description or "").replace("%", "%%") + _default(field)
        shape = _shape(field)
        if shape is bool:
            group.add_argument(flag, action=BooleanOptionalAction, default=None, dest=dest, help=about)
        elif shape is list:
            about += " (repeatable, or with commas)"
            group.add_argument(flag, action="append", default=None, dest=dest, metavar=_metavar(field), help=about)
        else:
            group.add_argument(flag, default=None, dest=dest, metavar=_metavar(field), help=about)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return " (required)"
    value = field.get_default(call_default_factory=True)
    if value is None or value is False or value in ((), {}):
        return ""
    shown = ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
    return f" (default: {shown})".replace("%", "%%")


def _metavar(field: FieldInfo) -> str:
    """What a value looks like: the words to choose from, N, X (a fraction), ID, or TEXT."""
    if any(isinstance(meta, stage.Pick) for meta in field.metadata):
        return "ID"
    leaves = _leaves(field.annotation)
    words = [leaf for leaf in leaves if isinstance(leaf, str)]
    if words:
        return "|".join(words)
    return "JSON" if dict in leaves else "X" if float in leaves else "N" if int in leaves else "TEXT"


def _leaves(annotation: Any) -> list[Any]:
    """The types, and the words of Literals, of which an annotation is made."""
    if get_origin(annotation) is dict:
        return [dict]
    parts = get_args(annotation)
    return [leaf for part in parts for leaf in _leaves(part)] if parts else [annotation]


def _shape(field: FieldInfo) -> type:
    annotation: Any = field.annotation
    if annotation is bool:
        return bool
    parts = [annotation, *get_args(annotation)]
    if any(get_origin(p) in (tuple, list) for p in parts):
        return list
    if any(get_origin(p) is dict for p in parts):
        return dict
    return str


def config_of(lab: Lab, declared: stage.Stage, options: Namespace, positional: str | None) -> stage.StageConfig:
    """The config from file and flags: model names become checkpoint ids, JSON objects are read, paths made absolute."""
    values: dict[str, Any] = {} if options.config_file is None else _read(options.config_file)
    if positional is not None and options.positional is not None:
        values |= _to_solve(lab, options.positional) if declared.name == "solve" else {positional: options.positional}
    for name, field in declared.config.model_fields.items():
        given = getattr(options, f"field_{name}")
        if given is not None:
            values[name] = _given(name, given, _shape(field))
    for name, pick in stage.picks(declared.config):
        values |= {name: _row_of(lab, name, values[name], pick)} if name in values else {}
    for name in PATHS:
        if isinstance(values.get(name), str):
            values[name] = str(Path(values[name]).resolve())
    return stage.parse(declared.config, values)


def _given(name: str, given: Any, shape: type) -> Any:
    """What a flag was given, as its field takes it."""
    if shape is list:
        return [word for item in given for word in item.split(",")]
    if shape is not dict:
        return given
    try:
        return json.loads(given)
    except ValueError as error:
        raise LabError(f"--{name} is no JSON object: {error}", "e.g. '{\"prm\": 60}'") from error


def _row_of(lab: Lab, name: str, value: Any, pick: stage.Pick) -> Any:
    """The id of a row that a field names; checkpoints have names too, and a field may take several."""
    from o1coder import checkpoints
    from o1coder.rows import names_row

    if isinstance(value, list):
        return [_row_of(lab, name, one, pick) for one in value]
    if not isinstance(value, str):
        return value
    if pick.source == "checkpoint":
        return checkpoints.resolve(lab, value, *pick.wanted)
    if not names_row(value):
        raise LabError(f"{name}: {value!r} is no id of a {pick.source.replace('_', ' ')}", "name it by its number")
    return int(value)


def _to_solve(lab: Lab, word: str) -> dict[str, Any]:
    """What `solve FILE|PROBLEM|-` names: a statement from standard input or a file, or a problem of the lab."""
    from o1coder.queries import problems

    if word == "-" or (len(word) < PATH_MAX and Path(word).is_file()):
        statement = show.text_of(word)
        if not statement.strip():
            raise LabError("the statement is empty", "write what the program must do")
        return {"statement": statement}
    try:
        with lab.reading() as connection:
            return {"problem": problems.find(connection, word)}
    except LabError as error:
        raise LabError(
            f"{error.message}, and no such file", f"a file, - for standard input, or a problem: {error.hint}"
        ) from error


def _read(file: str) -> dict[str, Any]:
    text = show.text_of(file)
    try:
        found = json.loads(text) if file.endswith(".json") else tomllib.loads(text)
    except ValueError as error:
        raise LabError(f"{file} cannot be read: {error}", "it must be TOML, or JSON with the suffix .json") from error
    if not isinstance(found, dict):
        raise LabError(f"{file} is no table of fields", "e.g. simulations = 6")
    return found


def _waited(lab: Lab, declared: stage.Stage, options: Namespace, job_id: int) -> int:
    from o1coder.jobs import verbs

    job = verbs.wait(lab, job_id)
    if job.state == "done" and declared.name in OWN:
        from o1coder import answers

        found, yes = answers.of(lab, declared.name, job_id)
        show.value(options, found, answers.lines(declared.name, found))
        return OK if yes else NO
    if job.state != "done" and job.error_kind == "lab-error":
        raise LabError(job.error or "the job failed", job.hint or f"`o1coder jobs log {job_id}` has the whole of it")
    show.value(options, job.as_json())
    return OK if job.state == "done" else NO


def describe(declared: stage.Stage) -> dict[str, Any]:
    """A stage as `o1coder stages` shows it."""
    fields = {
        name: {"default": None if f.is_required() else f.get_default(call_default_factory=True), "about": f.description}
        for name, f in declared.config.model_fields.items()
    }
    return {
        "stage": declared.name,
        "about": declared.about,
        "gpus": declared.gpus,
        "slots": declared.slots,
        "foreground": declared.foreground,
        "fields": fields,
    }
