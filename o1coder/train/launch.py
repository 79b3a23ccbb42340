"""The command that starts a trainer program: a pure function of the spec's kind and the placement.

One process runs the program itself; more processes, or more machines, run the same program under `accelerate launch`,
behind a shim that makes the launcher die with whoever started it. Starts nothing and looks at no machine: GPUs, hosts
and ports are data in the placement. Several machines were read in the libraries' source, not run here.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from o1coder.train.spec import TrainKind


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a trainer runs. `processes` is the number on all machines together; `gpus` 0 means CPU processes."""

    processes: int = 1
    machines: int = 1
    machine_rank: int = 0
    main_host: str = "127.0.0.1"
    main_port: int = 29500
    gpus: int = 0
    python: str = sys.executable


def launch_line(kind: TrainKind, folder: Path, placement: Placement | None = None) -> list[str]:
    """The argument vector that trains `folder`; run it in a process group of its own."""
    place = placement or Placement()
    python = [place.python, "-P", "-m"]
    program = f"o1coder.train.{kind}"
    if place.processes == 1 and place.machines == 1:
        return [*python, program, str(folder)]
    line = [*python, "o1coder.train.process", *python, "accelerate.commands.launch"]
    line += ["--num_processes", str(place.processes), "--num_machines", str(place.machines)]
    line += ["--machine_rank", str(place.machine_rank), "--dynamo_backend", "no", "--mixed_precision", "no"]
    line += ["--main_process_ip", place.main_host, "--main_process_port", str(place.main_port)]
    if place.processes > 1:
        line += ["--multi_gpu"] if place.gpus else ["--cpu"]
    if place.machines > 1:
        # Rendezvous by c10d fails where machines see each other under other names; static needs only the address.
        line += ["--rdzv_backend", "static", "--same_network"]
    return [*line, "--module", program, str(folder)]
