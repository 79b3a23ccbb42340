"""A checkpoint written out as a folder: weights, a card, all that it comes from, and a manifest written last.

`own` copies what the checkpoint is (an adapter stays an adapter), `with-base` adds the model that the adapter lies over,
`merged` makes one model of both in a process of its own. What is copied is checked against the lab's digests on the way.
Files are copied, not linked, unless `link` asks for it: a linked file that somebody edits is edited in the lab too. Nothing
is uploaded, and what licences allow is the reader's to find out: the card names where everything comes from.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from o1coder import __version__, checkpoints
from o1coder.blobs import MANIFEST, manifest_of
from o1coder.canonical import canonical, digest_bytes
from o1coder.checkpoints import Weights
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.queries import descent
from o1coder.releasecard import card

Kind = Literal["own", "with-base", "merged"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FORMAT = "o1coder-checkpoint-1"
LINEAGE = "lineage.json"
ADAPTER = "adapter_config.json"
KEPT_BY_LAB = (MANIFEST, "o1coder-model.json")  # the manifest is written anew; where a model comes from is on the card


class Written(NamedTuple):
    """What was written: `sha256` is that of the manifest's list of files."""

    checkpoint: int
    out: str
    weights: Kind
    bytes: int
    sha256: str
    files: list[dict[str, Any]]


def write_out(lab: Lab, checkpoint_id: int, out: Path, weights: Kind = "own", *, link: bool = False) -> Written:
    """Make the folder `out`. LabError when it exists, cannot be made, or the lab's files are gone or have changed; then
    nothing is left of it."""
    if weights not in KINDS:
        raise LabError(f"there is no way {weights!r} to write weights", f"one of {', '.join(KINDS)}")
    out = out.expanduser().absolute()
    if out.exists():
        raise LabError(f"{out} exists already", "name a folder that does not exist yet")
    if not out.parent.is_dir():
        raise LabError(f"there is no folder {out.parent}", "make it first")
    found = checkpoints.weights(lab, checkpoint_id)
    with lab.reading() as connection:
        about = descent.whole(connection, checkpoint_id)
    partial = out.parent / f".{out.name}.{uuid.uuid4().hex}.part"
    try:
        try:
            partial.mkdir()
            _weights(lab, found, partial, weights, link)
            (partial / LINEAGE).write_text(_text(about), encoding="utf-8")
            (partial / "README.md").write_text(card(about, weights), encoding="utf-8")
            files = manifest_of(partial)
            listed = [{"name": name, **entry} for name, entry in files.items()]
            sha256 = digest_bytes(canonical(files).encode())
            (partial / MANIFEST).write_text(_text(_manifest(about, found, weights, listed)), encoding="utf-8")
            partial.rename(out)
        finally:
            if partial.exists():
                shutil.rmtree(partial)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        hint = "free some space" if full else "name a new folder in one that you may write"
        kind: Literal["disk-full", "lab-error"] = "disk-full" if full else "lab-error"
        raise LabError(f"{out} cannot be written: {error.strerror}", hint, kind) from error
    return Written(
        checkpoint_id, str(out), weights, sum(int(str(entry["bytes"])) for entry in files.values()), sha256, listed
    )


def _weights(lab: Lab, found: Weights, folder: Path, weights: Kind, link: bool) -> None:
    if found.adapter is None:
        _copy(found.model, folder, link)
        return
    if weights == "merged":
        _merge(found, folder)
        return
    _copy(found.adapter, folder, link)
    if weights == "with-base":
        (folder / "base").mkdir()
        _copy(found.model, folder / "base", link)
    config = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))
    # the trainer wrote where the base lay on its machine
    config["base_model_name_or_path"] = "base" if weights == "with-base" else found.base_digest
    (folder / ADAPTER).unlink()  # it may be the lab's own file
    (folder / ADAPTER).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _copy(source: Path, target: Path, link: bool) -> None:
    """Copy or link a stored folder, file by file, and hold it against the manifest that it was stored with."""
    known: Mapping[str, Any] = {}
    if (source / MANIFEST).is_file():
        known = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
    for path in sorted(source.rglob("*")):
        name = str(path.relative_to(source))
        if path.is_dir() or name in KEPT_BY_LAB:
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if not (link and _linked(path, target / name)):
            shutil.copyfile(path, target / name)
    here = manifest_of(target)
    wrong = [name for name, entry in known.items() if name not in KEPT_BY_LAB and here.get(name) != entry]
    if wrong:
        raise LabError(
            f"{source / wrong[0]} is not what was stored", "`o1coder verify` says what else has changed", "bug"
        )


def _linked(path: Path, target: Path) -> bool:
    """Was the file linked? Not across disks, nor where the system forbids it: then it is copied."""
    try:
        os.link(path, target)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES, errno.ENOTSUP):
            return False
        raise
    return True


def _merge(found: Weights, folder: Path) -> None:
    line = [
        sys.executable,
        "-P",
        "-m",
        "o1coder.train.merge",
        str(found.model),
        str(found.adapter),
        str(folder),
        found.role,
    ]
    done = subprocess.run(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
        try:
            told = json.loads(said[0])
        except ValueError:
            told = {
                "error": f"the weights could not be merged: {said[0]}",
                "hint": "`--weights own` writes the adapter",
            }
        raise LabError(told["error"], told["hint"])
    for path in folder.iterdir():  # safetensors writes files for their owner alone
        path.chmod((folder / "config.json").stat().st_mode)


def _manifest(about: Mapping[str, Any], found: Weights, weights: Kind, files: list[dict[str, Any]]) -> dict[str, Any]:
    job = about["job"]
    return {
        "format": FORMAT,
        "o1coder": __version__,
        "role": found.role,
        "weights": weights if found.adapter is not None else "own",
        "digest": found.digest,
        "base_digest": found.base_digest,
        "prompt": found.prompt,
        "stage": None if job is None else job["stage"],
        "config": None if job is None else job["config"],
        "config_digest": None if job is None else job["config_digest"],
        "code_digest": None if job is None else job["code_digest"],
        "datasets": [
            {name: one[name] for name in ("kind", "target", "rows", "sha256", "query", "as_of")}
            for one in about["datasets"]
        ],
        "stale": about["stale"],
        "files": files,
    }


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
