"""The arms that run one trivial program: what each is, and one repeat of it. How repeats are interleaved is the caller's.

Each arm first runs once unmeasured, and every run's verdict or output is checked: a quick wrong answer is no figure.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from o1coder.errors import LabError
from o1coder.judge import LEVELS, Judge, Level, Question, worker
from o1coder.task import Case

from . import commands
from .figures import Sample
from .meter import Meter

START = "import sys; sys.path[:0] = sys.argv[1].split(':'); import serve_forks; serve_forks.main()"
DOUBLE = Question(commands.PROGRAM, "stdio", Case("", commands.INPUT, commands.OUTPUT))
CALL = Question("def f(n):\n    return n * 2", "call", Case("", "[21]", "42"), "f")
ASSERT = Question("def f(n):\n    return n * 2", "assert", Case("", "assert f(21) == 42", ""), "f")
NUMPY = Question("import numpy\nprint(int(numpy.int64(input()) * 2))", "stdio", DOUBLE.case)
CASES = [Question(DOUBLE.code, "stdio", Case(str(n), f"{n}\n", f"{n * 2}\n")) for n in range(16)]
BATCH = 400  # questions that all cores get at a time

BARE, BARE_NUMPY, LIBC = "bare fork", "bare fork, NumPy", ", libc's"
Repeat = Callable[[float], list[float]]  # for so many seconds: the milliseconds of each ask


@dataclass(frozen=True)
class Arm:
    """One line of the table. `runs`: how many runs one ask is; latencies are shown where it is one. `fork`: the arm
    whose interpreter is as warm as this one's worker; that name + LIBC is its twin."""

    group: str
    name: str
    repeat: Repeat
    runs: int = 1
    fork: str = BARE


class Arms:
    """What is to be measured here, opened once; and what is not, with the reason. A context manager."""

    def __init__(self, wanted: set[str], tools: Path | None, scratch: Path) -> None:
        self.missing: dict[str, str] = {}
        self.arms: list[Arm] = []
        self.judges: dict[tuple[int, Level | None], Judge] = {}
        self._open = ExitStack()
        try:
            for group, opened in self._groups(tools, scratch).items():
                if group in wanted:
                    self.arms += opened()
            for arm in self.arms:
                arm.repeat(0)
        except BaseException:
            self._open.close()
            raise

    def _groups(self, tools: Path | None, scratch: Path) -> dict[str, Callable[[], Iterator[Arm]]]:
        return {
            "fork": self._forks,
            "judge": lambda: self._judge("judge", "judge, {layer}", [DOUBLE]),
            "levels": self._levels,
            "kinds": self._kinds,
            "cases": lambda: self._judge("cases", "judge, 16 cases of a program", CASES),
            "numpy": self._numpy,
            "cores": lambda: self._judge("cores", "judge, all {cores} cores", [DOUBLE] * BATCH, cores()),
            "nsjail": lambda: self._sandbox("nsjail", commands.nsjail, tools, scratch),
            "bwrap": lambda: self._sandbox("bwrap", commands.bwrap, tools, scratch),
            "python": lambda: self._interpreters(scratch),
        }

    def _forks(self) -> Iterator[Arm]:
        yield from self._bare("fork", BARE, "-")

    def _bare(self, group: str, name: str, numpy: str) -> Iterator[Arm]:
        server = self._open.enter_context(BareFork(numpy))
        yield Arm(group, name, partial(server.repeat, "os"), fork=name)
        yield Arm(group, name + LIBC, partial(server.repeat, "libc"), fork=name)

    def _judge(self, group: str, name: str, questions: list[Question], workers: int = 1) -> Iterator[Arm]:
        judge = self._open_judge(workers, None)
        name = name.format(layer=judge.layer, cores=workers)
        yield Arm(group, name, partial(one_by_one, partial(ask, judge, questions)), len(questions))

    def _levels(self) -> Iterator[Arm]:
        for level in LEVELS:
            try:
                judge = self._open_judge(1, level)
            except LabError as error:
                self.missing[f"judge, only {level}"] = f"not here: {error.message}"
                continue
            yield Arm("levels", f"judge, only {level}", partial(one_by_one, partial(ask, judge, [DOUBLE])))

    def _kinds(self) -> Iterator[Arm]:
        yield from self._judge("kinds", "judge, call", [CALL])
        yield from self._judge("kinds", "judge, assert (two processes)", [ASSERT])

    def _numpy(self) -> Iterator[Arm]:
        [verdict] = self._open_judge(1, None).judge([NUMPY])
        folder = worker.numpy_folder()
        if verdict.code != "AC" or folder is None:
            self.missing["judge, NumPy"] = f"not here: {verdict.code} {verdict.detail}"
            return
        yield from self._bare("numpy", BARE_NUMPY, folder)
        for arm in self._judge("numpy", "judge, NumPy", [NUMPY]):
            yield replace(arm, fork=BARE_NUMPY)

    def _sandbox(
        self, name: str, policy: Callable[[str, str], list[str]], tools: Path | None, scratch: Path
    ) -> Iterator[Arm]:
        tool = commands.find_tool(name, tools)
        for title, source in (("", commands.PROGRAM), (" + usual imports", commands.USUAL)):
            if tool is None:
                self.missing[f"{name}{title}"] = f"not installed: {commands.HINTS[name]}"
                continue
            command = policy(tool, written(scratch, source))
            yield Arm(name, f"{name}{title}", partial(one_by_one, partial(commands.run, command)))

    def _interpreters(self, scratch: Path) -> Iterator[Arm]:
        bare, _ = commands.interpreter()
        plain, usual = written(scratch, commands.PROGRAM), written(scratch, commands.USUAL)
        for name, run, command in (
            ("fresh python -I -S", commands.run, [bare, "-I", "-S", plain]),
            ("fresh python -I -S + usual imports", commands.run, [bare, "-I", "-S", usual]),
            ("subprocess.run([python, file])", commands.run_by_subprocess, [sys.executable, plain]),
            ("subprocess.run([python, file]) + usual imports", commands.run_by_subprocess, [sys.executable, usual]),
        ):
            yield Arm("python", name, partial(one_by_one, partial(run, command)))

    def _open_judge(self, workers: int, level: Level | None) -> Judge:
        """One judge for all arms that ask the same of it: an idle one costs nothing."""
        if (workers, level) not in self.judges:
            self.judges[workers, level] = self._open.enter_context(Judge(workers=workers, level=level))
        return self.judges[workers, level]

    def __enter__(self) -> Arms:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


class BareFork:
    """The caller's side of `serve_forks`, started with the worker's own command line options and environment."""

    def __init__(self, numpy: str = "-", level: Level = "L4") -> None:
        folders = f"{Path(worker.__file__).parent}:{Path(__file__).parent}"
        ours, theirs = socket.socketpair()
        empty = os.memfd_create("empty")
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-s", "-S", "-P", "-c", START, folders, level, str(theirs.fileno()), numpy],
                stdin=empty,
                stdout=empty,
                env={**worker.ENVIRONMENT, **{k: v for k, v in os.environ.items() if k == "LD_LIBRARY_PATH"}},
                pass_fds=[theirs.fileno()],
                cwd="/",
            )
        finally:
            theirs.close()
            os.close(empty)
        with ours:
            self.channel = ours.makefile("rw")
        self.rusage_s: dict[str, list[float]] = {"os": [], "libc": []}

    def repeat(self, fork: str, seconds: float) -> list[float]:
        """Milliseconds of each fork + exit + wait. RuntimeError when the interpreter has died."""
        self.channel.write(f"{fork} {seconds or 1e-3}\n")
        self.channel.flush()
        line = self.channel.readline()
        if not line:
            raise RuntimeError("the bare interpreter ended")
        answer = json.loads(line)
        self.rusage_s[fork].append(answer["rusage_s"])
        return [float(value) for value in answer["latencies_ms"]]

    def __enter__(self) -> BareFork:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        with suppress(BrokenPipeError):  # it died before it was asked
            self.channel.close()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def ask(judge: Judge, questions: list[Question]) -> None:
    """One call of the judge; RuntimeError unless everything is accepted."""
    for verdict in judge.judge(questions):
        if verdict.code != "AC":
            raise RuntimeError(f"the judge says {verdict.code} {verdict.detail}")


def one_by_one(once: Callable[[], None], seconds: float) -> list[float]:
    """Milliseconds of each call, one after another for so long; at least one."""
    latencies: list[float] = []
    began = last = time.perf_counter()
    while not latencies or last < began + seconds:
        once()
        now = time.perf_counter()
        latencies.append((now - last) * 1000)
        last = now
    return latencies


def written(folder: Path, source: str) -> str:
    """A program's file, once."""
    path = folder / ("usual.py" if source == commands.USUAL else "plain.py")
    path.write_text(source, encoding="utf-8")
    return str(path)


def measure(arm: Arm, seconds: float, meter: Meter) -> Sample:
    """One repeat of one arm."""
    cpu, wall = meter.cpu_s(), time.perf_counter()
    latencies = arm.repeat(seconds)
    wall, cpu = time.perf_counter() - wall, meter.cpu_s() - cpu
    return Sample(len(latencies) * arm.runs, wall, cpu, tuple(latencies) if arm.runs == 1 else ())


def measure_all(arms: list[Arm], repeats: int, seconds: float, meter: Meter) -> dict[str, list[Sample]]:
    """Interleaved: every arm once, then every arm once more. The order turns round each time, so that what drifts
    within a repeat favours nobody."""
    samples: dict[str, list[Sample]] = {arm.name: [] for arm in arms}
    for number in range(repeats):
        for arm in arms if number % 2 == 0 else reversed(arms):
            samples[arm.name].append(measure(arm, seconds, meter))
    return samples
