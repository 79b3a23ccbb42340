"""Canonical JSON and digests: the bytes under which configs, cases, trees and datasets are compared.

Keys sorted, no blanks, no NaN, UTF-8 with lone surrogates escaped, so that equal values have equal bytes on every machine.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def canonical(value: Any) -> str:
    """`value` as canonical JSON text. ValueError for NaN and infinity, TypeError for what JSON has no form for."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text


def digest(value: Any) -> str:
    """`sha256:…` of the canonical JSON of `value`."""
    return digest_bytes(canonical(value).encode())


def digest_bytes(data: bytes) -> str:
    """`sha256:…` of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """`sha256:…` of a file, read in pieces."""
    with path.open("rb") as handle:
        return "sha256:" + hashlib.file_digest(handle, "sha256").hexdigest()
