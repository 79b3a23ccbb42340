"""The lab that the screens are measured on, made once and kept: it lies in the temporary folder under the digest of what
made it, and is handed out as a copy, since labels change it. Nothing here knows what is in it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.benchmarks.tui_tree import make_lab

ROOT = Path(__file__).resolve().parents[2]
MADE_OF = (
    "tests/benchmarks/tui_tree.py",
    "tests/benchmarks/tui_lab.py",
    "migrations/versions",
    "o1coder/models",
    "o1coder/db.py",
)


def kept(problems: int, nodes: int, folder: Path | None = None) -> Path:
    """Such a lab, made now or found as it was made before; nobody may write to it (`copied`)."""
    told = hashlib.sha256(f"{problems} {nodes}".encode())
    for name in MADE_OF:
        path = ROOT / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            told.update(file.read_bytes())
    folder = folder or Path(tempfile.gettempdir()) / f"o1coder-benchmark-{os.getuid()}"
    home = folder / told.hexdigest()[:16]
    if not home.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=folder, prefix="making-"))
        make_lab(making / "lab", problems, nodes)
        (making / "lab").rename(home)
        making.rmdir()
    return home


def copied(home: Path, target: Path) -> Path:
    """A copy that may be written to; where the file system can, it shares the blocks."""
    try:
        subprocess.run(["cp", "-a", "--reflink=auto", str(home), str(target)], check=True)
    except (OSError, subprocess.CalledProcessError):
        shutil.copytree(home, target, dirs_exist_ok=True)
    return target
