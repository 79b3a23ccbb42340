"""run, stages, and the stages that are commands of their own: import, export, evaluate, solve.

Flags come from the stage's config class: a field is a flag. `o1coder export …` is the same job as `run export …`, waited
for, and prints its own object.
"""

from __future__ import annotations

import json
import sys
import tomllib
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from o1coder import stage
from o1coder.cli import NO, OK
from o1coder.commands import show
from o1coder.errors import LabError
from o1coder.lab import Lab

OWN = ("import", "export", "evaluate", "solve")


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    if name == "stages":
        options = parser.parse_args(words)
        found = [describe(s) for s in stage.all_stages()]
        show.table(options, found, ("stage", "gpus", "slots", "about"))
        return OK
    if name == "run":
        words, name = _stage_word(parser, words)
    declared = stage.find(name)
    add_flags(parser, declared.config)
    positional = _positional(name)
    if positional is not None:
        parser.add_argument("positional", nargs="?", help=positional)
    parser.add_argument("--run", dest="run_name", help="the run (a named experiment) the job belongs to")
    parser.add_argument(
        "--config", dest="config_file", type=Path, help="a TOML or JSON file of fields; flags win over it"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the config and enqueue nothing")
    parser.add_argument("--show-prompt", action="store_true", help="print what a model would see, and enqueue nothing")
    parser.add_argument("--wait", action="store_true", help="wait for the job to end")
    options = parser.parse_args(words)
    lab = show.open_lab(options, write=not (options.dry_run or options.show_prompt))
    config = config_of(lab, declared, options, positional)
    if options.dry_run:
        show.value(options, {"stage": name, "config": config.model_dump(mode="json")})
        return OK
    if options.show_prompt:
        from o1coder.prompting import shown

        found_prompts = shown(lab, name, config)
        show.value(options, found_prompts, [p["prompt"] for p in found_prompts])
        return OK
    from o1coder.jobs import verbs
    from o1coder.jobs.launch import ensure_worker

    job_id = verbs.enqueue(lab, name, config, run=options.run_name)
    ensure_worker(lab)
    if not (options.wait or declared.foreground):
        show.value(options, {"job": job_id, "stage": name, "state": "queued"})
        return OK
    return _waited(lab, declared, options, job_id)


def _stage_word(parser: ArgumentParser, words: list[str]) -> tuple[list[str], str]:
    names = stage.stage_names()
    if words and words[0] in ("-h", "--help") or not words:
        parser.usage = (
            "o1coder run STAGE [--field value]… [--run NAME] [--config F] [--dry-run] [--show-prompt] [--wait]"
        )
        if not words:
            raise LabError("run needs a stage", f"stages: {', '.join(names)}")
        parser.epilog = f"stages: {', '.join(names)}"
        parser.parse_args(words)
    place = next((n for n, w in enumerate(words) if w in names), None)
    if place is None:
        word = next((w for w in words if not w.startswith("-")), words[0])
        raise LabError(f"there is no stage {word!r}", f"stages: {', '.join(names)}")
    parser.prog = f"o1coder run {words[place]}"
    return words[:place] + words[place + 1 :], words[place]


def _positional(name: str) -> str | None:
    return {"import": "source", "export": "kind", "solve": "problem"}.get(name)


def add_flags(parser: ArgumentParser, config: type[stage.StageConfig]) -> None:
    """One flag a field, spelt with dashes. Repeated for lists; --no-x for switches."""
    for name, field in config.model_fields.items():
        flag = "--" + name.replace("_", "-")
        about = (field.description or "").replace("%", "%%")
        shape = _shape(field)
        if shape is bool:
            parser.add_argument(flag, action=BooleanOptionalAction, default=None, dest=f"field_{name}", help=about)
        elif shape is list:
            parser.add_argument(flag, action="append", default=None, dest=f"field_{name}", help=about + " (repeatable)")
        else:
            parser.add_argument(flag, default=None, dest=f"field_{name}", help=about)


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
    from o1coder import checkpoints

    values: dict[str, Any] = {} if options.config_file is None else _read(options.config_file)
    if positional is not None and options.positional is not None:
        values |= _to_solve(lab, options.positional) if declared.name == "solve" else {positional: options.positional}
    for name in declared.config.model_fields:
        given = getattr(options, f"field_{name}")
        if given is not None:
            values[name] = [v for item in given for v in item.split(",")] if isinstance(given, list) else given
    for name, field in declared.config.model_fields.items():
        if name in values and _shape(field) is dict and isinstance(values[name], str):
            try:
                values[name] = json.loads(values[name])
            except ValueError as error:
                raise LabError(f"--{name} is no JSON object: {error}", "e.g. '{\"prm\": 60}'") from error
    for name, pick in stage.picks(declared.config):
        if pick.source == "checkpoint" and isinstance(values.get(name), str):
            values[name] = checkpoints.resolve(lab, values[name], pick.role)
    for name in ("path", "out", "programs"):
        if isinstance(values.get(name), str):
            values[name] = str(Path(values[name]).resolve())
    return stage.parse(declared.config, values)


def _to_solve(lab: Lab, word: str) -> dict[str, Any]:
    """What `solve FILE|PROBLEM|-` names: a statement from standard input or a file, or a problem of the lab."""
    from o1coder.queries import problems

    if word == "-":
        return {"statement": sys.stdin.read()}
    if Path(word).is_file():
        try:
            return {"statement": Path(word).read_text(encoding="utf-8")}
        except (OSError, UnicodeDecodeError) as error:
            raise LabError(f"{word} cannot be read: {error}", "name a text file in UTF-8") from error
    with lab.reading() as connection:
        return {"problem": problems.find(connection, word)}


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise LabError(f"{file} cannot be read: {error.strerror}", "name a TOML or JSON file of fields") from error
    try:
        found = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
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
    if job.state != "done" and declared.name in OWN and job.error_kind == "lab-error":
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
