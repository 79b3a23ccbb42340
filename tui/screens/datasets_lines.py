"""What the datasets screen says of a dataset or a wish: about it, its counts, a row as it is written, its card, a comparison.

Everything is a line of inert cells made from answers of the lab; nothing is asked here but the files that an export wrote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.highlight import plain
from tui.text import GLYPHS, Cell, bar, first_line, inert, number, state
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from o1coder.previewing import Preview
    from o1coder.queries.datasetdiff import Diff, Difference
    from o1coder.queries.datasets import DatasetRow, Sampled
    from o1coder.queries.leaks import Leaks
    from o1coder.queries.membership import Spread

NAME = 11  # cells of the name before a fact
BAR = 12


def many(count: int, word: str) -> str:
    """A number of things: 1 row, 1,234 rows."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def fact(name: str, *values: Cell | str) -> RichLine:
    """A named fact on a line."""
    cells = [value if isinstance(value, Cell) else Cell(inert(value)) for value in values]
    return [Cell(f"{name:<{NAME}} ", "dim"), *cells]


def about_frozen(row: DatasetRow, stale: Sequence[int]) -> list[RichLine]:
    """A dataset: what it is, who made and who used it, which of its labels no longer hold, where it lies."""
    made = f"job {row.job}" if row.job is not None else row.author or ""
    lines: list[RichLine] = [
        [
            Cell(f"dataset {row.id} ", "bold"),
            Cell(inert(f"{row.kind}, {many(row.rows, 'row')}, target {row.target or 'none'}")),
        ],
        fact("asked", str(row.query.get("query", json.dumps(row.query))) or "(all)"),
        fact("sha256", row.sha256.removeprefix("sha256:")),
        fact("made", f"{row.created_at[:16].replace('T', ' ')} UTC by {made}"),
        fact("used by", ", ".join(f"checkpoint {one}" for one in row.used_by) or "no checkpoint"),
    ]
    if stale:
        shown = " ".join(map(str, stale[:12])) + (f" {GLYPHS.ellipsis}" if len(stale) > 12 else "")
        lines.append(
            fact(
                "stale",
                Cell(f"its rows rest on {many(len(stale), 'word')} overruled since: {shown}", "bold yellow"),
            )
        )
    else:
        lines.append(fact("stale", "every word that its rows rest on holds"))
    lines += [fact("as of", moment(row.as_of)), *excluded(row.excluded)]
    return [*lines, *written(row)]


def written(row: DatasetRow) -> list[RichLine]:
    """The folder of an export: its files with their digests, or that it is gone."""
    if row.out is None:
        return [fact("lies in", row.path)]
    try:
        found = json.loads((Path(row.out) / "manifest.json").read_text(encoding="utf-8"))
        files = [(str(one["name"]), str(one["sha256"])) for one in found["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return [fact("written to", row.out), fact("", Cell("it is not there any more, or was changed", "yellow"))]
    lines = [fact("written to", row.out)]
    same = "the rows of this dataset" if found.get("sha256") == row.sha256 else "other rows: it was written anew"
    lines += [fact("", f"{name}  {digest.removeprefix('sha256:')[:16]}") for name, digest in files]
    return [*lines, fact("", Cell(same, "" if found.get("sha256") == row.sha256 else "yellow"))]


def card_lines(text: str) -> list[RichLine]:
    """A card as it is written."""
    return plain(text)


def card_of(row: DatasetRow) -> list[RichLine]:
    """The card that an export wrote."""
    if row.out is None:
        return [[Cell("only exports have a card; this was frozen by a training", "dim")]]
    try:
        return card_lines((Path(row.out) / "README.md").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return [[Cell(inert(f"{row.out}/README.md cannot be read"), "yellow")]]


def about_wish(line: str) -> list[RichLine]:
    """A wish that was not previewed yet."""
    return [
        [Cell(inert(line), "bold")],
        [],
        [Cell("enter previews it: rows, what is left out and why, the first rows as they would be written", "dim")],
        [Cell("w exports it to a folder, S keeps it under a name, / writes another", "dim")],
    ]


def about_preview(found: Preview) -> list[RichLine]:
    """What an export would hold."""
    known = ", ".join(f"dataset {one}" for one in found.known)
    lines: list[RichLine] = [
        [
            Cell(many(found.rows, "row") + " ", "bold"),
            Cell(inert(f"of {found.kind}, target {found.target}; nothing is written")),
        ],
        fact("asked", str(found.query.get("query", "")) or "(all)"),
        fact("sha256", found.sha256.removeprefix("sha256:")),
        fact("known", f"these very rows are {known}" if known else "no dataset holds these rows"),
        fact("equal", f"{many(found.equal, 'row')} that an earlier row says word for word"),
        fact(
            "contradict",
            Cell(
                f"{many(found.contradicting, 'text')} of which rows say different things", _warns(found.contradicting)
            ),
        ),
        *leaked(found.leaks),
        fact("as of", moment(found.as_of)),
        *excluded(found.excluded),
    ]
    return lines


def _warns(count: int) -> str:
    return "bold yellow" if count else ""


def leaked(leaks: Leaks) -> list[RichLine]:
    """Whether problems of the rows are in other splits, too."""
    if not leaks.checked:
        return [fact("leaks", Cell("not looked at: `datasets preview ... --leaks` does", "dim"))]
    told = (
        f"{len(leaks.found)} of {leaks.checked} problems are in another split or a prompt ({leaks.against:,} compared)"
    )
    lines = [fact("leaks", Cell(told, _warns(len(leaks.found))))]
    return lines + [fact("", f"problem {leak.problem}: {first_line(leak.reason)}") for leak in leaks.found[:8]]


def moment(as_of: Mapping[str, int]) -> str:
    """The largest ids that were seen."""
    return f" {GLYPHS.dot} ".join(
        f"{name} {as_of[name]:,}" for name in ("label", "step", "rollout", "tree") if name in as_of
    )


def excluded(counts: Mapping[str, int]) -> list[RichLine]:
    """What was left out, by reason, most first."""
    if not counts:
        return [fact("left out", "nothing")]
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return [fact("left out" if n == 0 else "", f"{count:>8,}  {why}") for n, (why, count) in enumerate(ordered)]


def count_lines(rows: int, by: Spread, words: Mapping[str, int]) -> list[RichLine]:
    """The rows by everything that is counted, each with a bar."""
    lines: list[RichLine] = [[Cell(many(rows, "row"), "bold"), Cell(" of " + many(by.problems, "problem"))]]
    parts: list[tuple[str, Mapping[str, int]]] = [
        ("labels say", words),
        ("labels of", by.label_sources),
        ("people", by.people),
        ("ends with", by.ends_with),
        ("split", by.split),
        ("source", by.source),
        ("difficulty", by.difficulty),
    ]
    for name, counts in parts:
        whole = sum(counts.values())
        for n, (word, count) in enumerate(counts.items()):
            share = f"{bar(count, whole, BAR)} {count:>8,} {count / whole:>4.0%} "
            lines.append(fact(name if n == 0 else "", Cell(share, "bright_blue"), word))
    for n, share_of in enumerate(by.largest):
        told = f"{share_of.rows:>8,}  problem {share_of.problem} {first_line(share_of.title)}"
        lines.append(fact("most rows" if n == 0 else "", told))
    return lines


def row_lines(one: Sampled, rows: int) -> list[RichLine]:
    """A row as it is written: what it rests on, then each field; steps with their labels before them."""
    ids = [("step", one.step), ("rollout", one.rollout), ("program", one.program), ("problem", one.problem)]
    rests = " ".join(f"{name} {value}" for name, value in ids if value is not None)
    head: RichLine = [
        Cell(f"row {one.ordinal + 1:,}/{rows:,} ", "bold"),
        Cell(f"{rests} {GLYPHS.dot} labels {' '.join(map(str, one.labels)) or 'none'}", "dim"),
        Cell("" if one.sound else "  it is not what was written down", "bold yellow"),
    ]
    lines: list[RichLine] = [head]
    completions: Any = one.row.get("completions")
    labels: Any = one.row.get("labels")
    stepwise = isinstance(completions, list) and isinstance(labels, list)
    for name, value in _ordered(one.row):
        if stepwise and name in ("completions", "labels"):
            continue
        lines += _field(name, value)
    if stepwise:
        for n, (text, label) in enumerate(zip(completions, labels, strict=False), 1):
            lines += [[Cell(f"completions[{n}] ", "dim"), _label(label)], *plain(str(text))]
    return lines


FIRST = ("prompt", "text", "completion", "completions", "response", "chosen", "rejected")


def _ordered(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(row.items(), key=lambda item: (FIRST.index(item[0]) if item[0] in FIRST else len(FIRST), item[0]))


def _field(name: str, value: Any) -> list[RichLine]:
    if name in ("label", "value") and not isinstance(value, str):
        labels = value if isinstance(value, list) else [value]
        return [[Cell(f"{name} ", "dim"), *map(_label, labels)]]
    if isinstance(value, str):
        mark = {"chosen": state("valid"), "rejected": state("invalid")}.get(name, Cell(""))
        return [[Cell(f"{name} ", "dim"), mark], *plain(value)]
    return [[Cell(f"{name} ", "dim"), Cell(inert(json.dumps(value, ensure_ascii=False)))]]


def _label(label: Any) -> Cell:
    if isinstance(label, float) and label not in (0.0, 1.0):
        return Cell(number(label), "cyan")
    return state("valid" if label in (True, 1.0, "positive") else "invalid")


def diff_lines(found: Diff) -> list[RichLine]:
    """What became of the rows of one dataset in another."""
    lines: list[RichLine] = [
        [
            Cell(f"dataset {found.a} {GLYPHS.arrow} {found.b} ", "bold"),
            Cell(
                inert(f"{found.kinds[0]} {many(found.rows[0], 'row')}, {found.kinds[1]} {many(found.rows[1], 'row')}"),
                "dim",
            ),
        ],
        [
            Cell(f"{found.same:,} the same  "),
            Cell(f"{found.relabelled:,} relabelled  ", _warns(found.relabelled)),
            Cell(f"{found.changed:,} changed  {found.removed:,} removed  {found.added:,} added"),
        ],
        [],
    ]
    if found.kinds[0] != found.kinds[1]:
        lines.insert(2, [Cell("they are of different kinds: no row can be the same", "yellow")])
    for one in found.differences:
        lines.append(_difference(one))
    listed = len(found.differences)
    every = found.relabelled + found.changed + found.removed + found.added
    if listed < every:
        lines.append([Cell(f"{every - listed:,} more: `o1coder datasets diff {found.a} {found.b} --rows N`", "dim")])
    return lines


def _difference(one: Difference) -> RichLine:
    signs = {"added": "+", "removed": "-", "relabelled": "~", "changed": "~"}
    step = f"step {one.step}" if one.step is not None else f"problem {one.problem}"

    def side(words: Sequence[str] | None) -> list[Cell]:
        if words is None:
            return [Cell("none", "dim")]
        return [
            cell for word in words for cell in (state(word) if word in ("valid", "invalid") else Cell(word), Cell(" "))
        ]

    text = " ".join(one.text.split())
    return [
        Cell(f"{signs[one.sort]} {one.sort:<11}", "bold"),
        Cell(f"{step:<12} "),
        *side(one.before),
        Cell(f" {GLYPHS.arrow} ", "dim"),
        *side(one.after),
        Cell("  " + inert(text[-120:]), "dim"),
    ]
