"""A lab made once through the command line itself, with jobs in processes of their own; and `say`, one command line in
this process. The sampler is the scripted one: no model is loaded."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from o1coder import cli


class Said(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """Standard output as the one JSON value that it must be; NaN and Infinity are none."""
        return json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))

    @property
    def error(self) -> dict[str, str]:
        """The last line of standard error as the contract's error."""
        found: dict[str, str] = json.loads(self.err.splitlines()[-1])
        return found


Say = Callable[..., Said]


def say(line: str | Sequence[str], home: Path | None = None, stdin: bytes = b"") -> Said:
    """Run a command line in this process. `home` goes into the environment, as a script would set it."""
    words = shlex.split(line) if isinstance(line, str) else list(line)
    out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    before, given = os.environ.get("O1CODER_HOME"), sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
    os.environ["O1CODER_HOME"] = str(home or "/nonexistent")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = cli.main(words)
            except SystemExit as ended:  # --help
                code = int(ended.code or 0)
    finally:
        sys.stdin = given
        os.environ.pop("O1CODER_HOME")
        if before is not None:
            os.environ["O1CODER_HOME"] = before
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return Said(code, *texts)


def done(line: str | Sequence[str], home: Path | None = None) -> Any:
    """The value of a line that must succeed."""
    said = say([*(shlex.split(line) if isinstance(line, str) else line), "--json"], home)
    assert said.code == 0, said
    return said.value


def stop_worker(home: Path) -> None:
    """End the worker that a command started for this lab."""
    from o1coder.jobs.launch import worker

    post = worker(home)
    if post is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(post.pid, signal.SIGTERM)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Job 1 import, 2 synthesize (in the run `first`), 3 evaluate, 4 solve, 5 export; a model; a person's label."""
    home = tmp_path_factory.mktemp("cli") / "lab"
    done("init", home)
    done("import starter", home)
    done("run synthesize --sampler fake:7 --limit 3 --simulations 12 --run first --wait", home)
    done("evaluate --sampler fake:7 --limit 2 --n 2 --k 1,2", home)
    assert say("solve 1 --sampler fake:7 --json", home).code in (0, 1)
    done(["export", "stepwise", "--out", str(home.parent / "rows")], home)
    model = home.parent / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"weights")
    done(["models", "add", "small", str(model)], home)
    done("labels add 1:0 valid --author ann", home)
    yield home
    stop_worker(home)


@pytest.fixture
def copy(lab: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the lab that a test may change."""
    home = Path(shutil.copytree(lab, tmp_path / "lab", ignore=shutil.ignore_patterns("worker*", "*-shm")))
    yield home
    stop_worker(home)
