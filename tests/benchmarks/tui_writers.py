"""A process that writes to a lab as a job does: a transaction of 50 rows every 250 ms, until it is ended.

Run: `python -P -m tests.benchmarks.tui_writers HOME JOB`. The rows are metrics of that job: the screens see that something
was committed and ask anew, which is what a running job costs them.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROWS, EVERY_S = 50, 0.25
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def writing(home: Path, jobs: int) -> Iterator[list[int]]:
    """That many such processes, all of them at work; their pids."""
    command = [sys.executable, "-P", "-m", "tests.benchmarks.tui_writers", str(home)]
    writers = [
        subprocess.Popen([*command, str(job)], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
        for job in range(1, jobs + 1)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"writing\n"
        yield [writer.pid for writer in writers]
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            if writer.stdout is not None:
                writer.stdout.close()


def main(home: Path, job: int) -> None:
    """Write until killed."""
    from o1coder.clock import now
    from o1coder.lab import Lab
    from o1coder.models import Metric
    from o1coder.rows import add_many

    lab = Lab(home)
    iteration, due = 0, time.monotonic()
    while True:
        rows = [
            {"job_id": job, "attempt": 1, "iteration": iteration + n, "name": "loss", "value": 1.0, "created_at": now()}
            for n in range(ROWS)
        ]
        with lab.writing() as connection:
            add_many(connection, Metric, rows)
        if iteration == 0:
            print("writing", flush=True)
        iteration += ROWS
        due += EVERY_S
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
