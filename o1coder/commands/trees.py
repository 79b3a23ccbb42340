"""trees list|show|find|export|replay|relabel|diff: what there is, and what can be asked of a tree that has been grown."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from o1coder.cli import NO, OK
from o1coder.commands import plain, show
from o1coder.commands.verbs import Verbs, count, paging, row_id, share
from o1coder.errors import LabError
from o1coder.queries import jobs, problems, skeletons, stepfind, steprows, treelist
from o1coder.queries import trees as questions

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from o1coder.lab import Lab

COLUMNS = (
    "id",
    "problem",
    "problem_key",
    "job",
    "kind",
    "steps",
    "rollouts",
    "solved",
    "solved_rescored",
    "reproducible",
    "ended",
)


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser)
    listing = noun.add("list", _list, "trees by id")
    listing.add_argument("--problem", metavar="P", help="only this problem's (an id or a key)")
    listing.add_argument("--job", type=row_id, metavar="J", help="only this job's")
    listing.add_argument(
        "--query", metavar="Q", help="words of the title, kind:search ended:growing solved>0.5 human:yes"
    )
    listing.add_argument("--sort", choices=tuple(treelist.SORTS), help="the largest first (default: by id, upwards)")
    paging(listing)
    noun.add("show", _show, "one tree with its steps").add_argument("id", type=row_id, metavar="ID")
    finding = noun.add("find", _find, "steps of a tree that match: words, label:invalid verdict:WA human:yes gap>0.5")
    finding.add_argument("id", type=row_id, metavar="ID")
    finding.add_argument("query", metavar="QUERY")
    finding.add_argument("--limit", type=count, default=100, metavar="N", help="at most N (default: 100)")
    export = noun.add("export", _export, "canonical JSON: its sha256 is the tree's digest")
    export.add_argument("id", type=row_id, metavar="ID", nargs="?")
    export.add_argument("--job", type=row_id, metavar="J", help="every tree of this job, a line each")
    noun.add("replay", _replay, "grow a tree again from what was sampled, without a model").add_argument(
        "id", type=row_id, metavar="ID"
    )
    relabel = noun.add("relabel", _relabel, "what the labels would be under another rule; nothing is written")
    relabel.add_argument("id", type=row_id, metavar="ID")
    relabel.add_argument("--alpha", type=share, metavar="A", help="another α of the terminal reward")
    relabel.add_argument(
        "--threshold", type=count, metavar="T", default=8, help="draws below which c = 0 stays unsure (default: 8)"
    )
    relabel.add_argument(
        "--test-set",
        type=row_id,
        metavar="T",
        help="another test set of the problem (default: its own, as it is today)",
    )
    counter = noun.add("counterfactual", _counterfactual, "what other settings would have made of the same draws")
    counter.add_argument("id", type=row_id, metavar="ID")
    counter.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="c=1.0, width=4, preset=…; repeatable"
    )
    counter.add_argument(
        "--continue",
        dest="go_on",
        action="store_true",
        help="sample the rest, with the tree's own policy, as a new tree",
    )
    differing = noun.add("diff", _diff, "two trees of one problem side by side: steps, values, ways to fail")
    for name in ("a", "b"):
        differing.add_argument(name, type=row_id, metavar=name.upper(), help="a tree's id")
    return noun.run(words)


def _list(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        if options.job is not None:
            jobs.state_of(connection, options.job)
        problem = None if options.problem is None else problems.find(connection, options.problem)
        if options.query is not None or options.sort is not None:
            rows = _chosen(connection, options, problem)
            show.table(options, [row._asdict() for row in rows], COLUMNS, empty="no trees")
            return OK
        rows = questions.page(connection, problem=problem, job=options.job, after=options.after, limit=options.limit)
    show.table(options, [row._asdict() for row in rows], COLUMNS, empty="no trees")
    return OK


def _chosen(connection: Connection, options: Namespace, problem: int | None) -> list[questions.TreeRow]:
    """Those that a query names, in its order; `--after` is an id where they come by id."""
    if options.sort not in (None, "id") and options.after:
        raise LabError("--after goes on by id, and --sort is another order", "leave one of them away")
    query = f"{options.query or ''} sort:{options.sort or '-id'}"
    query += "" if problem is None else f" problem:{problem}"
    query += "" if options.job is None else f" job:{options.job}"
    ids = treelist.ids(connection, query)
    return questions.rows(connection, [tree for tree in ids if tree > options.after][: options.limit])


def _find(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        tree, prm = skeletons.read(connection, options.id), questions.newest_prm(connection, options.id)
        found = stepfind.matching(connection, tree, options.query, prm)
        ids = [tree.shape.ids[at] for at in found[: options.limit]]
        steps = [line.step for line in steprows.page(connection, tree, ids, prm)]
    if len(found) > len(steps):
        show.note(f"{len(steps)} of {len(found)} matches; --limit shows more")
    show.value(options, [step._asdict() for step in steps], [*map(_line, steps)] or ["no step matches"])
    return OK


def _show(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        row, steps = questions.show(connection, options.id), questions.steps(connection, options.id)
    found = row._asdict() | {"step_list": [step._asdict() for step in steps]}
    show.value(options, found, [*plain.fields(row._asdict()), *map(_line, steps)])
    return OK


def _line(step: questions.StepRow) -> str:
    value = "" if step.v is None else f" v={step.v:.2f} k={step.k} c={step.c}"
    score = "" if step.score is None else f" prm={step.score:.2f}"
    mark = f" [{step.label}, {step.source}]" if step.label else ""
    text = step.text.replace("\n", " ⏎ ")[:70]
    name = f"{'  ' * step.depth}{step.path or 'root'} {step.action}"
    verdict, again = step.verdict or "", step.verdict_rescored
    if again not in (None, step.verdict):
        verdict = f"{verdict or '-'} → {again}"
    return f"{name}{value}{score}{mark} {verdict} {text}".rstrip()


def _export(options: Namespace) -> int:
    """Bytes as they were digested: a tree has no line end; the trees of a job are a line each, or an array with --json."""
    if (options.id is None) == (options.job is None):
        raise LabError("trees export needs a tree's id or --job", "`o1coder trees list` shows both")
    from o1coder.trees import canonical_json, export_rows

    with show.open_lab(options).reading() as connection:
        ids = [options.id] if options.job is None else questions.of_job(connection, options.job)
        if not ids:
            raise LabError(f"job {options.job} made no trees", "`o1coder trees list` shows where trees are")
        before, between, after = (b"", b"", b"")
        if options.job is not None:
            before, between, after = (b"[", b",", b"]\n") if show.as_json(options) else (b"", b"\n", b"\n")
        for number, tree_id in enumerate(ids):
            sys.stdout.buffer.write(between if number else before)
            sys.stdout.buffer.write(canonical_json(export_rows(connection, tree_id)))
        sys.stdout.buffer.write(after)
    return OK


def _replay(options: Namespace) -> int:
    from o1coder import replaying

    with show.open_lab(options).reading() as connection:
        return _compared(options, replaying.replay(connection, options.id))


def _relabel(options: Namespace) -> int:
    from o1coder import replaying

    lab = show.open_lab(options)
    found = replaying.relabel(
        lab, options.id, alpha=options.alpha, threshold=options.threshold, test_set=options.test_set
    )
    if found["tests"]["judged"]:
        show.note(f"{found['tests']['judged']} verdicts were missing and have been judged; none is kept")
    return _compared(options, found)


def _counterfactual(options: Namespace) -> int:
    from o1coder import counterfactuals

    settings = counterfactuals.settings_of(options.set)
    lab = show.open_lab(options, write=options.go_on)
    with lab.reading() as connection:
        found = counterfactuals.counter(connection, options.id, settings)
    if options.go_on:
        job = _grown_on(lab, options.id, options.set)
        with lab.reading() as connection:
            found = counterfactuals.beside(connection, options.id, job.outputs["trees"][0], settings)
        found["job"] = job.id
    return _compared(options, found)


def _grown_on(lab: Lab, tree: int, changes: list[str]) -> jobs.JobView:
    """The job that samples the rest, waited for: with the policy and the sampler of the job that made the tree."""
    from o1coder import stage
    from o1coder.jobs import verbs
    from o1coder.jobs.launch import ensure_worker

    with lab.reading() as connection:
        made_by = questions.show(connection, tree).job
    fields = stage.find("counterfactual").config.model_fields
    asked = {k: v for k, v in jobs.job(lab, made_by).config.items() if k in fields and k not in ("seed", "budget_s")}
    number = verbs.enqueue(lab, "counterfactual", asked | {"tree": tree, "changes": changes})
    ensure_worker(lab)
    job = verbs.wait(lab, number)
    if job.state != "done":
        raise LabError(
            job.error or f"job {number} is {job.state}", job.hint or f"`o1coder jobs log {number}` has the whole of it"
        )
    return job


def _diff(options: Namespace) -> int:
    from o1coder.commands import sidebyside
    from o1coder.queries import treediff

    with show.open_lab(options).reading() as connection:
        found = treediff.diff(connection, options.a, options.b)
    show.value(options, _named(found), sidebyside.lines(found))
    return OK


def _named(item: Any) -> Any:
    """A named tuple and all within it as JSON objects."""
    if isinstance(item, tuple) and hasattr(item, "_asdict"):
        return {name: _named(value) for name, value in item._asdict().items()}
    if isinstance(item, dict):
        return {name: _named(value) for name, value in item.items()}
    return [_named(one) for one in item] if isinstance(item, (list, tuple)) else item


def _change(label: dict[str, Any]) -> str:
    """A label that would be another: its word, or its value alone."""
    words = label["from"] if label["from"] == label["to"] else f"{label['from']} → {label['to']}"
    before, after = (("none" if v is None else f"{v:.3f}") for v in (label["value_before"], label["value"]))
    return f"  {label['path'] or 'root'}: {words}, value {before} → {after}"


def _compared(options: Namespace, found: dict[str, Any]) -> int:
    changes = [_change(each) for each in found["labels_changed"]]
    head = {name: item for name, item in found.items() if name != "labels_changed"}
    show.value(options, found, [*plain.fields(head), f"labels_changed: {len(changes)}", *changes])
    return OK if found["identical"] else NO
