"""The worker as it is, watched, with children that are; and how a test or a coordinator starts one."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from o1coder.jobs import launch, worker
from o1coder.lab import Lab
from tests.crash.boundary import watch

HERE = Path(__file__).parent
CHILD = shlex.join([sys.executable, "-P", str(HERE / "child.py")])
_started: dict[Path, subprocess.Popen[bytes]] = {}


def ensure_worker(lab: Lab) -> None:
    """Start a watched worker unless one is there or on its way."""
    before = _started.get(lab.home)
    if launch.worker(lab.home) is not None or (before is not None and before.poll() is None):
        return
    command = [sys.executable, "-P", str(HERE / "worker.py"), "--home", str(lab.home), "--idle-s", "5"]
    with (lab.home / "worker.log").open("ab") as log:
        _started[lab.home] = subprocess.Popen(
            [*command, "--child", CHILD], stdout=log, stderr=log, start_new_session=True, env=launch.environment()
        )


def stop_worker(lab: Lab) -> None:
    """Kill what `ensure_worker` started here."""
    process = _started.pop(lab.home, None)
    if process is not None:
        process.kill()
        process.wait()


if __name__ == "__main__":
    watch(Path(sys.argv[sys.argv.index("--home") + 1]))
    raise SystemExit(worker.main())
