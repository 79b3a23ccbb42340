"""init, doctor, verify, backup, upgrade."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from o1coder.cli import NO, OK, home_of
from o1coder.commands import plain, show
from o1coder.errors import LabError


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    if name == "init":
        parser.add_argument("--group", help="an OS group whose members may read, label and ask to cancel")
    elif name == "verify":
        parser.add_argument("--quick", action="store_true", help="leave out what reads every byte of every file")
    elif name == "backup":
        parser.add_argument("file", type=Path)
    options = parser.parse_args(words)
    if name in ("init", "upgrade") and getattr(options, "readonly", False):
        raise LabError(f"{name} writes", "leave --readonly away")
    if name == "init":
        from o1coder.lab import Lab

        lab = Lab.create(home_of(options), group=options.group)
        show.value(options, {"home": str(lab.home), "schema": _head(), "group": options.group})
        return OK
    if name == "upgrade":
        from o1coder.upgrading import upgrade

        show.value(options, upgrade(home_of(options)))
        return OK
    if name == "doctor":
        from o1coder.doctor import examine, judge_lines

        found = examine(home_of(options))
        lines = [
            line for name in found if name not in ("judge", "advice") for line in plain.fields({name: found[name]})
        ]
        show.value(
            options, found, [*lines, *judge_lines(found["judge"]), "advice:", *(f"  {a}" for a in found["advice"])]
        )
        return OK
    lab = show.open_lab(options)
    if name == "backup":
        from o1coder import db

        target: Path = options.file
        if target.exists():
            raise LabError(f"{target} is there already", "name another file; nothing is overwritten")
        if not target.resolve().parent.is_dir():
            raise LabError(f"the folder {target.parent} is not there", "make it first")
        db.backup(lab.engine, target.resolve())
        show.value(options, {"file": str(target), "bytes": target.stat().st_size})
        return OK
    from o1coder.verify import examine as look

    seen = look(lab, quick=options.quick)
    wrong = seen.wrong
    value = {
        "ok": not wrong,
        "checked": seen.checked,
        "disagreements": [d._asdict() for d in wrong],
        "remarks": seen.remarks,
    }
    lines = [f"{sum(seen.checked.values())} facts checked: " + ", ".join(f"{k} {v}" for k, v in seen.checked.items())]
    lines += [f"{d.kind}: {d.table} {d.id}: expected {d.expected}, found {d.found}" for d in wrong]
    lines += [f"remark: {text}" for text in seen.remarks]
    lines.append("ok" if not wrong else f"{len(wrong)} disagreements")
    show.value(options, value, lines)
    return OK if not wrong else NO


def _head() -> str:
    from o1coder.db import HEAD

    return HEAD
