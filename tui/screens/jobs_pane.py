"""What the lower pane tells of a job beside its log: all that is known of it, what its processes use, the chain of its round.

Each is asked in a worker thread and comes back as lines. The strip above the table is here too: what this machine does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.highlight import plain
from tui.screens.jobs_source import took_s
from tui.text import GLYPHS, Cell, bar, duration, inert, state
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.jobs import AttemptView, JobView
    from o1coder.queries.usage import Meter, Usage

TABS = ("log", "about", "usage", "chain")
HOT = 85  # degrees


def told(lab: Lab, meter: Meter, job_id: int, tab: str) -> list[RichLine]:
    """Ask for a tab's lines."""
    from o1coder.queries import jobs

    view = jobs.job(lab, job_id)
    if tab == "about":
        return about(view, command_of(view), jobs.attempts(lab, job_id))
    if tab == "usage":
        return usage(meter.read(), view)
    return chain(lab, view)


def command_of(view: JobView) -> str:
    """The command line that launches the same job; empty where its stage or its config is of another version."""
    from o1coder.errors import LabError
    from o1coder.stage import find
    from tui.form import command, written

    try:
        stage = find(view.stage)
    except LabError:
        return ""
    entered = {name: written(value) for name, value in view.config.items() if name in stage.config.model_fields}
    return command(view.stage, stage.config, entered, view.run or "")


def about(view: JobView, command: str, attempts: Sequence[AttemptView]) -> list[RichLine]:
    """Everything that is known of a job."""
    lines: list[RichLine] = []
    if view.error:
        first, *more = plain(view.error, "yellow")
        lines += [[Cell(f"{inert(view.error_kind or 'error')}: ", "bold yellow"), *first], *more]
    if view.stuck_trees:
        lines.append([Cell(f"{view.stuck_trees} trees are silent for too long: stuck", "bold yellow")])
    if view.hint:
        lines.append([Cell("what to do: ", "bold"), Cell(inert(view.hint))])
    if view.stopped:
        lines.append([Cell("stopped: ", "bold"), Cell(inert(view.stopped))])
    if command:
        lines.append([Cell("$ ", "dim"), Cell(inert(command), "bold")])
    facts = [
        ("run", view.run and f"{view.run}{'' if view.round is None else f', round {view.round}'}"),
        ("created", f"{view.created_at} by {view.author}"),
        ("started", view.started_at),
        ("ended", view.ended_at),
        ("took", duration(took_s(view))),
        ("host", view.host and f"{view.host} pid {view.pid}"),
        ("gpus", " ".join(view.gpus)),
        ("exit", None if view.exit_status is None else str(view.exit_status)),
        ("inputs", ", ".join(f"{name} {value}" for name, value in view.inputs.items())),
        ("outputs", ", ".join(f"{name} {short(ids)}" for name, ids in view.outputs.items() if ids)),
        ("log", view.log),
    ]
    lines += [[Cell(f"{name:<10}", "dim"), Cell(inert(value))] for name, value in facts if value]
    if len(attempts) > 1:
        lines.append([Cell("attempts", "dim")])
    for one in attempts if len(attempts) > 1 else ():
        resumed = "" if one.resumed_from_iteration is None else f" resumed from iteration {one.resumed_from_iteration}"
        error = f" {one.error_kind}: {(one.error or '').split(chr(10))[0]}" if one.error_kind else ""
        said = f" {one.done}/{one.total} on {one.host} from {one.started_at}{resumed}{error}"
        lines.append([Cell(f"  {one.n} "), state(one.outcome or "running"), Cell(inert(said), "dim")])
    lines.append([Cell("config", "dim")])
    return lines + [[Cell(f"  {name:<22}"), Cell(inert(json.dumps(value)))] for name, value in view.config.items()]


def short(ids: Sequence[int]) -> str:
    """A list of ids that may be long."""
    return " ".join(map(str, ids)) if len(ids) <= 8 else f"{ids[0]} {GLYPHS.ellipsis} {ids[-1]} ({len(ids)})"


def usage(found: Usage, view: JobView) -> list[RichLine]:
    """The processes of a job, each with what it uses; every GPU."""
    own = found.of_job(view.id)
    lines: list[RichLine] = []
    if own:
        cpu = [one.cpu_percent for one in own if one.cpu_percent is not None]
        total = f"{len(own)} processes, CPU {sum(cpu):.0f} % of one core, memory {sum(one.rss_mb for one in own):,} MB"
        on_gpus = [one.gpu_mb for one in own if one.gpu_mb is not None]
        lines.append([Cell(total + (f", GPU memory {sum(on_gpus):,} MB" if on_gpus else ""), "bold")])
        lines.append(
            [Cell(f"{'pid':>8} {'cpu %':>7} {'rss MB':>8} {'gpu MB':>8} {'threads':>8} {'age':>7}  name", "dim")]
        )
        for one in own:
            on_gpu = "" if one.gpu_mb is None else f"{one.gpu_mb:,}"
            share = "" if one.cpu_percent is None else f"{one.cpu_percent:.0f}"
            told = f"{one.pid:>8} {share:>7} {one.rss_mb:>8,} {on_gpu:>8} {one.threads:>8} {duration(one.age_s):>7}  "
            lines.append([Cell(told), Cell(inert(one.name))])
    elif view.state == "running" and view.host not in (None, found.machine.host):
        lines.append([Cell(inert(f"it runs on {view.host}: what it uses there cannot be seen from here"), "dim")])
    else:
        lines.append([Cell("no process of this job is alive on this machine", "dim")])
    lines.append([])
    for gpu in found.gpus:
        held = "free" if gpu.job is None else f"job {gpu.job}"
        foreign = f", {gpu.foreign_mb:,} MB by others" if gpu.foreign_mb else ""
        limit = "" if gpu.watts_limit is None else f" of {gpu.watts_limit:.0f}"
        power = "" if gpu.watts is None else f", {gpu.watts:.0f}{limit} W"
        heat = "" if gpu.celsius is None else f", {gpu.celsius} C"
        memory = "" if gpu.memory_total_mb is None else f"{gpu.memory_used_mb or 0:,} of {gpu.memory_total_mb:,} MB"
        lines.append(
            [
                Cell(f"GPU {gpu.number} ", "bold"),
                Cell("" if gpu.percent is None else f"{bar(gpu.percent, 100, 10)} {gpu.percent:>3} %  ", "bright_blue"),
                Cell(f"{memory}{heat}{power}  "),
                Cell(inert(f"{held}{foreign}  {gpu.name} {gpu.uuid[:12]}"), "dim"),
            ]
        )
    return lines if found.gpus else [*lines, [Cell("no NVIDIA GPU that can be asked on this machine", "dim")]]


def strip(found: Usage, live: bool, at: str) -> list[Cell]:
    """The machine in one line; when it was read, where it is not read on."""
    machine = found.machine
    percent = machine.cpu_percent
    cells = [
        Cell(" CPU ", "dim"),
        Cell("" if percent is None else f"{percent:3.0f} % of {machine.cores}"),
        Cell("  mem ", "dim"),
        Cell(f"{machine.memory_used_mb / 1024:.1f}/{machine.memory_total_mb / 1024:.0f} GB"),
        Cell("  disk ", "dim"),
        Cell(f"{machine.disk_free_mb / 1024:.0f} GB free", "bold yellow" if machine.disk_free_mb < 2048 else ""),
    ]
    for gpu in found.gpus:
        memory = (
            ""
            if gpu.memory_total_mb is None
            else f" {(gpu.memory_used_mb or 0) / 1024:.0f}/{gpu.memory_total_mb / 1024:.0f} GB"
        )
        heat = "" if gpu.celsius is None else f" {gpu.celsius} C"
        power = "" if gpu.watts is None else f" {gpu.watts:.0f} W"
        cells += [
            Cell(f"  GPU{gpu.number} ", "dim"),
            Cell("" if gpu.percent is None else f"{gpu.percent} %", "bright_blue"),
            Cell(memory),
            Cell(heat, "bold yellow" if (gpu.celsius or 0) >= HOT else ""),
            Cell(power),
            Cell("" if gpu.job is None else f" job {gpu.job}", "dim"),
        ]
    if not found.gpus:
        cells.append(Cell("  no GPU", "dim"))
    return cells if live else [*cells, Cell(f"  at {at}", "dim")]


def chain(lab: Lab, view: JobView) -> list[RichLine]:
    """The moves of a job's round in order, each with its job and state, or what it waits for."""
    from o1coder.roundrows import moves

    if view.run is None or view.round is None:
        if view.stage != "selfplay" or view.run is None:
            return [[Cell("it belongs to no round", "dim")]]
        return coordinated(lab, view)
    lines: list[RichLine] = [[Cell(inert(f"round {view.round} of {view.run}"), "bold")]]
    before = ""
    for move in moves(lab, view.run, view.round):
        here = GLYPHS.closed if move.job == view.id else " "
        if move.job is None:
            waits = f"waits for {before}" if before else "waits for its coordinator"
            lines.append(
                [Cell(f"{here} "), Cell(f"{'':<12}"), Cell(f"{inert(move.move):<14}"), Cell(inert(waits), "dim")]
            )
        else:
            counts = f"{move.done}/{move.total}" if move.total else ""
            took = duration(move.seconds)
            made = f"checkpoint {move.checkpoint}" if move.checkpoint else f"{move.trees} trees" if move.trees else ""
            word = state(move.state)
            lines.append(
                [
                    Cell(f"{here} "),
                    Cell(f"{word.text:<12}", word.style),
                    Cell(f"{inert(move.move):<14}", "bold" if move.job == view.id else ""),
                    Cell(f"job {move.job:<6} {counts:>9} {took:>7}  "),
                    Cell(inert(made or (move.error or "").split("\n")[0]), "dim" if made else "yellow"),
                ]
            )
        if move.state != "done":
            before = before or move.move
    return lines


def coordinated(lab: Lab, view: JobView) -> list[RichLine]:
    """The newest round of a coordinator's run."""
    from o1coder.queries import jobs, rounds

    assert view.run is not None
    with lab.reading() as connection:
        known = rounds.numbers(connection, view.run)
    found = [one for one in jobs.jobs(lab, run=view.run, brief=True) if known and one.round == known[-1]]
    return chain(lab, found[0]) if found else [[Cell("no round has begun", "dim")]]
