"""Grows a job's trees in a process that kills itself where it is told to; one fork a line of standard input.

Each line is a JSON object: `home`, `job`, `trees` (problem ids), `config` (a preset and its changes), `model` (a folder, for
`hf` in its exact mode; null for `fake:7`), `flush_s`, `kill` ([event, nth] or null). The events: `sample` a completion is
drawn; `before` and `after` a commit that holds facts of trees; `opened` any other commit; `call` any Python call in any
thread. For each line the exit status is answered, below 0 for a signal; a run that nobody killed leaves `events.json` in the
home, with how often each event came. The judge is real. Only this process, which has one thread, forks; what it imported is
warm in every child.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

import o1coder.judge
import o1coder.search.driver
import o1coder.stages.synthesize  # noqa: F401 (imported to be warm)
from o1coder import growing
from o1coder.flow import Pull
from o1coder.lab import Lab
from o1coder.queries import problems
from o1coder.sampling import Request, Sample, Sampler, open_sampler, open_scorer
from o1coder.search import preset
from o1coder.trees import TreeWriter

EVENTS = "events.json"
PRM = 1  # the checkpoint in whose name `fake:7` scores


class Note:
    """A Reporter that says nothing."""

    attempt = 1
    cancelled = False
    remaining_s = None

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id

    def metric(self, iteration: int, **values: float) -> None: ...
    def progress(self, done: int, total: int) -> None: ...
    def log(self, text: str) -> None: ...
    def stopped(self, reason: str) -> None: ...


class Fuse:
    """Counts events, and ends the process at the one it is set to."""

    def __init__(self, event: str | None, nth: int) -> None:
        self.event, self.nth = event, nth
        self.seen: Counter[str] = Counter()

    def tick(self, event: str) -> None:
        self.seen[event] += 1
        if event == self.event and self.seen[event] == self.nth:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, calls: bool) -> None:
        """Tick from here on; `calls` too, which makes everything slower."""
        writing, write = Lab.writing, TreeWriter.write
        facts: list[object] = []
        fuse = self

        @contextmanager
        def noted(lab: Lab, *, durable: bool = False) -> Iterator[Connection]:
            with writing(lab, durable=durable) as connection:
                yield connection
                held = bool(facts)
                if held:
                    fuse.tick("before")
            fuse.tick("after" if held else "opened")
            facts.clear()

        def told(writer: TreeWriter, connection: Connection, found: Sequence[Any], **more: Any) -> None:
            facts.extend(found)
            write(writer, connection, found, **more)

        def called(frame: object, event: str, argument: object) -> None:
            if event == "call":
                fuse.tick("call")

        Lab.writing, TreeWriter.write = noted, told  # type: ignore[method-assign]
        if calls:
            threading.setprofile(called)
            sys.setprofile(called)


class Fused:
    """A sampler whose every answer is an event."""

    def __init__(self, inner: Sampler, fuse: Fuse) -> None:
        self.inner, self.fuse = inner, fuse
        self.spec, self.reproducible = inner.spec, inner.reproducible

    def sample(self, requests: Sequence[Request]) -> list[Sample]:
        samples = self.inner.sample(requests)
        for _ in samples:
            self.fuse.tick("sample")
        return samples

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]:
        for answer in self.inner.stream(pull):
            self.fuse.tick("sample")
            yield answer

    def close(self) -> None:
        self.inner.close()


def run(asked: dict[str, Any]) -> None:
    """One process's part of the job."""
    event, nth = asked["kill"] or (None, 0)
    fuse = Fuse(event, nth)
    growing.FLUSH_S = asked["flush_s"]
    lab = Lab(Path(asked["home"]))
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in asked["config"].items()}
    config = preset(values.pop("preset", "lab"), **values)
    prompt = growing.prompt_of("plain", None)
    with lab.reading() as connection:
        digests = {i: problems.show(connection, i).digest for i in asked["trees"]}
    plans = [growing.Plan(i, 0, config, prompt, growing.seed_of(7, digest)) for i, digest in digests.items()]
    fuse.watch(calls=asked["model"] is None and event in (None, "call"))  # a model makes millions of them
    sampler = Fused(opened(asked["model"]), fuse)
    steered = {"scorer": open_scorer("fake:7"), "prm": PRM} if config.guided else {}
    growing.grow(lab, Note(asked["job"]), plans, sampler, None, kind="search", origin="search", workers=1, **steered)
    sys.setprofile(None)
    (lab.home / EVENTS).write_text(json.dumps(fuse.seen))
    lab.close()


def opened(model: str | None) -> Sampler:
    """The sampler; torch is imported by the child, after the fork."""
    if model is None:
        return open_sampler("fake:7")
    return open_sampler("hf", model=model, exact=True, threads=1, batch=4)


def main() -> None:
    """Answer line by line."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                run(json.loads(line))
                status = 0
            except BaseException:  # noqa: BLE001 (a child of a fork must not run its parent's loop)
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
