"""trees list|show|export|replay|relabel."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from o1coder.cli import NO, OK
from o1coder.commands import show
from o1coder.errors import LabError
from o1coder.queries import trees as questions


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    parser.add_argument("verb", choices=("list", "show", "export", "replay", "relabel"))
    parser.add_argument("id", nargs="?", type=int)
    parser.add_argument("--problem", type=int)
    parser.add_argument("--job", type=int)
    parser.add_argument("--alpha", type=float, help="relabel: another α of the terminal reward")
    parser.add_argument("--threshold", type=int, default=8, help="relabel: draws below which c = 0 stays unsure")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--after", type=int, default=0)
    options = parser.parse_args(words)
    lab = show.open_lab(options)
    if options.verb == "list":
        with lab.reading() as connection:
            rows = questions.page(
                connection, problem=options.problem, job=options.job, after=options.after, limit=options.limit
            )
        columns = (
            "id",
            "problem",
            "problem_key",
            "job",
            "kind",
            "steps",
            "rollouts",
            "solved",
            "reproducible",
            "ended",
        )
        show.table(options, [row._asdict() for row in rows], columns, empty="no trees")
        return OK
    if options.verb == "export" and options.job is not None:
        from o1coder.trees import canonical_json, export_rows

        with lab.reading() as connection:
            ids = questions.of_job(connection, options.job)
            if not ids:
                raise LabError(f"job {options.job} made no trees", "`o1coder trees list` shows where trees are")
            for tree_id in ids:
                sys.stdout.buffer.write(canonical_json(export_rows(connection, tree_id)) + b"\n")
        sys.stdout.flush()
        return OK
    if options.id is None:
        raise LabError(f"trees {options.verb} needs a tree's id", "`o1coder trees list` shows them")
    if options.verb == "show":
        with lab.reading() as connection:
            row, steps = questions.show(connection, options.id), questions.steps(connection, options.id)
        found = {**row._asdict(), "step_list": [step._asdict() for step in steps]}
        lines = [f"{k}: {show.cell(v)}" for k, v in row._asdict().items()]
        for step in steps:
            value = "" if step.v is None else f" v={step.v:.2f} k={step.k} c={step.c}"
            score = "" if step.score is None else f" prm={step.score:.2f}"
            text = step.text.replace("\n", " ⏎ ")[:70]
            mark = f" [{step.label}, {step.source}]" if step.label else ""
            lines.append(
                f"{'  ' * step.depth}{step.path or 'root'} {step.action}{value}{score}{mark} {step.verdict or ''} {text}"
            )
        show.value(options, found, lines)
        return OK
    if options.verb == "export":
        from o1coder.trees import canonical_json, export_rows

        with lab.reading() as connection:
            sys.stdout.buffer.write(canonical_json(export_rows(connection, options.id)))
        sys.stdout.flush()
        return OK
    from o1coder import replaying

    with lab.reading() as connection:
        found = (
            replaying.replay(connection, options.id)
            if options.verb == "replay"
            else replaying.relabel(connection, options.id, alpha=options.alpha, threshold=options.threshold)
        )
    show.value(options, found)
    return OK if found["identical"] else NO
