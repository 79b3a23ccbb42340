"""The command that starts a trainer program: a pure function of the spec's kind and the placement.

One process runs the program itself; more, on one machine or several, run the same program under `accelerate launch`
(under torchrun where there is no GPU), behind a shim that makes the launcher die with whoever started it. Starts
nothing and looks at no machine: GPUs, hosts and ports are data in the placement. Two CPU processes are tested (torch
2.13 cannot load an optimizer's state back into the second of them, so they do not resume); GPUs and several machines
were read in the libraries' source, not run here.
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
    shim = [*python, "o1coder.train.process", *python]
    if not place.gpus:
        # accelerate starts several CPU processes only through MPI; torchrun, which it wraps for GPUs, needs none.
        line = [*shim, "torch.distributed.run", "--nproc_per_node", str(place.processes // place.machines)]
        line += ["--nnodes", str(place.machines), "--node_rank", str(place.machine_rank)]
        line += ["--rdzv_backend", "static", "--master_addr", place.main_host, "--master_port", str(place.main_port)]
        return [*line, "--module", program, str(folder)]
    line = [*shim, "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(place.processes)]
    line += ["--num_machines", str(place.machines), "--machine_rank", str(place.machine_rank)]
    line += ["--main_process_ip", place.main_host, "--main_process_port", str(place.main_port)]
    line += ["--dynamo_backend", "no", "--mixed_precision", "no"]
    if place.machines > 1:
        # Rendezvous by c10d fails where machines see each other under other names; static needs only the address.
        line += ["--rdzv_backend", "static", "--same_network"]
    return [*line, "--module", program, str(folder)]
