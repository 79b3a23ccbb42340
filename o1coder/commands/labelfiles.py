"""labels import|export: files of other tools, read back with whose labels they are."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.verbs import Verbs, count
from o1coder.corrections import Applied
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.labelfiles import chains, store
from o1coder.treequery import Query

FORMATS = ("prm800k", "potato", "jsonl", "csv")


def declare(noun: Verbs) -> None:
    """The verbs and their options."""
    importing = noun.add("import", _import, "read labels from a file; the same file twice adds nothing")
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.add_argument("--format", choices=FORMATS, help="the file's format (default: told by the file)")
    importing.add_argument("--author", metavar="A", help="whose the rows are that name nobody")
    importing.add_argument(
        "--query", default="", metavar="Q", help="look for rows without a step's name in these trees"
    )
    importing.add_argument(
        "--dry-run", action="store_true", help="say what it would add and turn down, and write nothing"
    )
    exporting = noun.add("export", _export, "write people's labels, or steps to label, to a file")
    exporting.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to make")
    exporting.add_argument("--format", choices=FORMATS, default="jsonl")
    exporting.add_argument(
        "--query", default="", metavar="Q", help="which trees: field:value words, e.g. job:3 split:train"
    )
    exporting.add_argument("--author", metavar="A", help="only this person's labels")
    exporting.add_argument(
        "--tasks", action="store_true", help="every path of these trees, without labels, to be labelled"
    )
    exporting.add_argument("--unlabelled", action="store_true", help="tasks: only paths that nobody has labelled whole")
    exporting.add_argument("--limit", type=count, metavar="N", help="paths at most")


def _import(options: Namespace) -> int:
    lab = show.open_lab(options, write=not options.dry_run)
    form = options.format or store.guess(options.file)
    with lab.reading() as connection:
        found = store.plan(connection, options.file, form, query=options.query, author=options.author)
    if options.dry_run:
        planned = store.answer(found, Applied(found.batch, [], []))
        counts = {"added": 0, "named": len(found.named), "unnamed": len(found.unnamed)}
        _say(options, planned | counts, f"{len(found.named) + len(found.unnamed)} labels would be added")
        return OK
    if found.unnamed:
        return _by_job(lab, options, form)
    done = store.answer(found, store.write(lab, found))
    _say(options, done, f"{done['added']} labels added as batch {found.batch}")
    return OK


def _by_job(lab: Lab, options: Namespace, form: str) -> int:
    """Rows that name nobody need somebody who answers for them: a job."""
    from o1coder import answers
    from o1coder.jobs import verbs
    from o1coder.jobs.launch import ensure_worker

    config = {"path": str(options.file.resolve()), "format": form, "query": options.query}
    job_id = verbs.enqueue(lab, "import-labels", config)
    ensure_worker(lab)
    job = verbs.wait(lab, job_id)
    if job.state != "done":
        raise LabError(job.error or "the job failed", job.hint or f"`o1coder jobs log {job_id}` has the whole of it")
    done, _ = answers.of(lab, "import-labels", job_id)
    _say(options, done | {"job": job_id}, f"{done['added']} labels added by job {job_id}, {done['unnamed']} of nobody")
    return OK


def _say(options: Namespace, done: dict[str, Any], first: str) -> None:
    lines = [first, f"{done['known']} were there already, {len(done['rejected'])} rows turned down"]
    lines += [f"  row {row['row']} {row['key']}: {row['reason']}" for row in done["rejected"]]
    if done["stale_checkpoints"]:
        lines.append(f"checkpoints now stale: {' '.join(map(str, done['stale_checkpoints']))}")
    show.value(options, done, lines)


def _export(options: Namespace) -> int:
    tasks = options.tasks or options.unlabelled
    if tasks and options.author:
        raise LabError("tasks are nobody's yet", "leave --author away")
    query = Query.parse(options.query)
    with show.open_lab(options).reading() as connection:
        found = (
            chains.tasks(connection, query, unlabelled=options.unlabelled, limit=options.limit)
            if tasks
            else chains.labelled(connection, query, author=options.author, limit=options.limit)
        )
        rows = store.write_file(options.out, options.format, found)
    told = {"file": str(options.out), "format": options.format, "tasks": tasks, "rows": rows}
    show.value(options, told, [f"{rows} rows in {options.out}"])
    return OK
