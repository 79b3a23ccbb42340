"""What only a process of its own shows: signals, pipes, bytes, the locale, and that help loads no learning library."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import done, say

ROOT = Path(__file__).resolve().parents[2]
O1CODER = [sys.executable, "-P", "-c", "import sys; from o1coder.cli import main; sys.exit(main())"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """The variables of a script that works on `home`."""
    return {**os.environ, "O1CODER_HOME": str(home), "PYTHONPATH": str(ROOT), **more}


def run(words: list[str], home: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    """One command in a process of its own."""
    return subprocess.run(
        [*O1CODER, *words], env=environment(home, **more), capture_output=True, stdin=subprocess.DEVNULL, check=False
    )


def test_without_a_terminal_there_are_no_screens(lab: Path) -> None:
    ended = run(["--json"], lab)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert "terminal" in json.loads(ended.stderr)["error"]


def test_a_reader_that_leaves_is_no_error(lab: Path) -> None:
    for words in (["problems", "list", "--json"], ["trees", "export", "--job", "2"], ["trees", "show", "1"]):
        with subprocess.Popen(
            [*O1CODER, *words], env=environment(lab), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(60) == 0


def test_an_interrupt_ends_the_wait_and_not_the_job(copy: Path) -> None:
    words = ["run", "synthesize", "--sampler", "fake:7", "--limit", "40", "--simulations", "200", "--wait", "--json"]
    with subprocess.Popen(
        [*O1CODER, *words], env=environment(copy), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        for _ in range(600):
            running = done("jobs list --state running", copy)
            if running:
                break
            signal.sigtimedwait([], 0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert json.loads(err)["error"] == "interrupted"
    job = done(f"jobs show {running[0]['id']}", copy)
    assert job["state"] == "running"
    done(f"jobs cancel {job['id']}", copy)
    assert say(f"jobs wait {job['id']}", copy).code == 1
    assert done(f"jobs show {job['id']}", copy)["state"] == "cancelled"


def test_what_is_printed_does_not_depend_on_the_locale(lab: Path) -> None:
    usual = run(["problems", "show", "1", "--json"], lab)
    ascii_only = run(["problems", "show", "1", "--json"], lab, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert ascii_only.returncode == 0
    assert ascii_only.stdout == usual.stdout
    assert run(["problems", "show", "1"], lab, PYTHONIOENCODING="ascii").returncode == 0


def test_a_stage_s_help_loads_no_learning_library_and_no_database(tmp_path: Path) -> None:
    program = (
        "import sys; from o1coder.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(*[m for m in ('torch', 'transformers', 'trl', 'numpy', 'textual', 'sqlalchemy') if m in sys.modules],"
        " file=sys.stderr)"
    )
    for words in (["run", "synthesize", "--help"], ["solve", "--help"], ["judge", "--help"]):
        ended = subprocess.run(
            [sys.executable, "-P", "-c", program, *words], env=environment(tmp_path), capture_output=True, check=True
        )
        loaded = set(ended.stderr.decode().split())
        assert not loaded - {"sqlalchemy"} if words[0] == "judge" else not loaded
