"""What the pane says of a checkpoint, a tab at a time: lineage in short, data, measures, staleness, config, comparison.

Each is asked in a worker thread and comes back as lines. A figure never stands without its size and, where there is one, its
interval; what another split, mode or temperature makes unlike is named beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tui.screens.checkpoints_gains import DIM, compare, gain_lines, head, prm_lines
from tui.screens.checkpoints_source import interval, size
from tui.screens.checkpoints_stale import stale
from tui.text import GLYPHS, Cell, duration, inert, state
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.nodes import Node

TABS = ("lineage", "data", "measured", "stale", "config", "compare")
WARNS = "bold yellow"


def lines_of(lab: Lab, tab: str, checkpoint_id: int, other: int | None) -> list[RichLine]:
    """In a thread: the lines of a tab. `other` is what `compare` compares with."""
    makers: dict[str, Callable[[Any], list[RichLine]]] = {
        "lineage": lambda connection: lineage(connection, checkpoint_id),
        "data": lambda connection: data(connection, checkpoint_id),
        "measured": lambda connection: measured(connection, checkpoint_id),
        "stale": lambda connection: stale(connection, checkpoint_id),
        "config": lambda connection: config(connection, checkpoint_id),
        "compare": lambda connection: compare(connection, other, checkpoint_id),
    }
    with lab.reading() as connection:
        return makers[tab](connection)


def lineage(connection: Any, checkpoint_id: int) -> list[RichLine]:
    """What it comes from, a line each, and what went on from it; enter opens the whole tree."""
    from o1coder.queries import lineage as questions

    top = questions.node(connection, "checkpoint", checkpoint_id)
    lines: list[RichLine] = []
    for node in questions.children(connection, top.key).nodes:
        lines.append(node_line(node))
        if node.kind == "reach":
            lines += [node_line(one, "  ") for one in questions.children(connection, node.key).nodes]
        if node.kind == "dataset":
            inside = questions.children(connection, node.key).nodes
            lines += [node_line(one, "  ") for one in inside if one.kind in ("query", "labels", "trees", "problems")]
    return [*lines, [], [Cell("enter opens the tree of it; b goes back from a problem, label, step, tree ...", DIM)]]


def node_line(node: Node, indent: str = "") -> RichLine:
    """A node as a line of a pane."""
    title = state(node.title) if node.kind == "decision" else Cell(inert(node.title), "bold")
    line = [Cell(f"{indent}{inert(node.relation)} ", DIM), title, Cell(f"  {inert(node.figures)}", DIM)]
    return [*line, Cell(f"  {node.stale} stale", WARNS)] if node.stale else line


def data(connection: Any, checkpoint_id: int) -> list[RichLine]:
    """The datasets of its training and what they are made of."""
    from o1coder.queries import checkpoints, datasets, ingredients
    from o1coder.queries.nodes import many

    lines: list[RichLine] = []
    for one in checkpoints.datasets(connection, checkpoint_id):
        row, made = datasets.show(connection, one), ingredients.ingredients(connection, one)
        target = f", target {row.target}" if row.target else ""
        lines.append(head(f"dataset {one} {row.kind}: {many(row.rows, 'row')}{target}"))
        asked = " ".join(f"{name}={value}" for name, value in sorted(row.query.items()) if value is not None)
        lines += [
            [Cell("asked    ", DIM), Cell(inert(asked))],
            [Cell("rows     ", DIM), Cell(inert(row.sha256))],
            [Cell("as of    ", DIM), Cell(inert(", ".join(f"{k} {v}" for k, v in sorted(row.as_of.items()))))],
        ]
        for group in made.labels:
            told: list[Cell] = [Cell("labels   ", DIM), Cell(f"{group.labels:>6} "), state(group.value)]
            told.append(Cell(inert(f" by {group.author or group.source}"), DIM))
            told += [Cell(f"  {group.overruled} overruled", WARNS)] if group.overruled else []
            lines.append(told)
        if made.rows_unsound:
            lines.append(
                [Cell("stale    ", DIM), Cell(f"{many(made.rows_unsound, 'row')} of {row.rows} no longer stand", WARNS)]
            )
        if made.trees:
            jobs = ", ".join(f"job {job} {stage} {count}" for job, stage, count in made.tree_jobs)
            lines.append([Cell("trees    ", DIM), Cell(f"{made.trees}"), Cell(inert(f"  {jobs}"), DIM)])
        splits = ", ".join(f"{count} {split}" for split, count in made.problems.items())
        sources = ", ".join(f"{count} {source}" for source, count in made.sources.items())
        lines.append([Cell("problems ", DIM), Cell(inert(splits)), Cell(inert(f"  {sources}"), DIM)])
        lines += [
            [Cell("left out ", DIM), Cell(inert(f"{count} {why}"))] for why, count in sorted(row.excluded.items())
        ]
        lines.append([])
    seen = checkpoints.problems_seen(connection, checkpoint_id)
    if seen:
        told_of = ", ".join(f"{count} {split}" for split, count in seen.items())
        lines.append([Cell("problems seen by it and by what its weights come from: ", DIM), Cell(inert(told_of))])
    return lines or [[Cell("trained on nothing of this lab", DIM)]]


def measured(connection: Any, checkpoint_id: int) -> list[RichLine]:
    """Evaluations with intervals, what it gained over parent, base and incumbent, a PRM's figures, decisions."""
    from o1coder.queries import gains, said

    lines: list[RichLine] = []
    for one in gains.measured(connection, checkpoint_id):
        what = "valid cases" if one.mode == "cases" else "pass@1"
        lines.append(
            [
                Cell(inert(f"{one.split:<10} {one.mode:<10} ")),
                Cell(f"{what} {interval(one.value, one.low, one.high)}", "bold"),
                Cell(" official" if one.official else "", "cyan"),
            ]
        )
        note = [f"n {one.n}", f"{one.problems} problems", *([one.slice] if one.slice else [])]
        if one.complete is not None and one.mode not in ("direct", "cases"):
            given = "n/a" if one.given_complete is None else f"{one.given_complete:.2f}"
            note += [f"complete chains {one.complete:.0%}, right given one {given}"]
        note += [f"{one.masked} masked"] if one.masked else []
        note += ["stopped by its budget"] if one.stopped else []
        lines.append([Cell(inert("    " + f" {GLYPHS.dot} ".join(note)), DIM)])
    found = gains.gains(connection, checkpoint_id)
    if found:
        lines += [[], head("paired differences over the problems of both, 95 % over problems"), *gain_lines(found)]
    for prm in said.prm_figures(connection, checkpoint_id, limit=3):
        lines += [[], head(f"evaluate-prm, job {prm.job}, draws of job {prm.draws}"), *prm_lines(prm.figures)]
    decided = said.decisions(connection, checkpoint_id)
    if decided:
        lines += [[], head("decisions, the newest counts")]
    for verdict in decided:
        who = f"by {verdict.author}" if verdict.author else f"by the gate of {verdict.run} round {verdict.round}"
        lines.append([state(verdict.outcome), Cell(inert(f"  {who}, {verdict.created_at[:16]}"), DIM)])
        lines.append([Cell("  " + inert(grounds(verdict.evidence)))])
    return lines or [[Cell("not measured, nothing decided", DIM)]]


def grounds(evidence: dict[str, Any]) -> str:
    """What a decision rested on, in words."""
    if "difference" in evidence:
        power = evidence.get("detectable")
        shows = "" if power is None else f"; shows gains above {100 * power:.0f} points"
        return (
            f"paired difference on {evidence.get('split', 'validation')} {evidence['difference']:+.2f}, one-sided bounds "
            f"[{evidence['lower']:+.2f}, {evidence['upper']:+.2f}] at level {evidence['level']:.3g}; {evidence['problems']} "
            f"problems, {evidence['differ']} differ{shows}"
        )
    return str(evidence.get("reason") or evidence.get("why") or "no reason was given")


def config(connection: Any, checkpoint_id: int) -> list[RichLine]:
    """The weights, and the job that made them: config (what differs from the defaults first), seed, code, versions, host."""
    from o1coder import stage
    from o1coder.queries import checkpoints
    from o1coder.queries.descent import job_of

    row = checkpoints.show(connection, checkpoint_id)
    facts = [
        ("format", row.format + (f" over {row.base}" if row.base is not None else "")),
        ("size", size(row.bytes)),
        ("prompt", row.prompt),
        ("iteration", row.iteration),
        ("note", row.note),
        ("made at", row.created_at),
    ]
    lines: list[RichLine] = [fact(name, value) for name, value in facts if value is not None]
    if row.job is None:
        return [*lines, [], [Cell("no job of this lab made it", DIM)]]
    job = job_of(connection, row.job)
    took = duration(job.seconds) + (" stopped by its budget" if job.stopped == "budget" else "")
    lines += [
        [],
        head(f"job {job.id} {job.stage}"),
        fact("took", took),
        fact("host", job.host),
        fact("author", job.author),
    ]
    defaults = {name: info.get_default(call_default_factory=True) for name, info in _fields(stage, job.stage).items()}

    def plain(value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else value

    changed = {
        name: value for name, value in job.config.items() if name not in defaults or plain(defaults[name]) != value
    }
    lines += [fact(name, value, "bold") for name, value in changed.items()]
    lines += [[], head("as the stage has it by default")]
    lines += [fact(name, value, DIM) for name, value in job.config.items() if name not in changed]
    lines += [[], fact("config", job.config_digest), fact("code", job.code_digest)]
    return lines + [fact(name, version) for name, version in sorted(job.versions.items())]


def _fields(stage: Any, name: str) -> dict[str, Any]:
    return dict(stage.find(name).config.model_fields) if name in stage.stage_names() else {}


def fact(name: str, value: Any, style: str = "") -> RichLine:
    """A name and a value."""
    return [Cell(inert(f"{name:<16} "), DIM), Cell(inert("-" if value is None else str(value)), style)]
