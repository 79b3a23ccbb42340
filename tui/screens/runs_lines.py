"""The lines of the Runs screen's pane: figures side by side, what differs between jobs, rewards over the iterations, one
iteration, one group, one rollout. Made in worker threads from what the queries say; every figure with its n.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tui.highlight import numbered, plain, python
from tui.screens.runs_source import figure, share
from tui.screens.runs_xray import Rewards
from tui.text import GLYPHS, Cell, bar, first_line, fit, inert, number, state
from tui.widgets.pane import RichLine
from tui.widgets.sparkline import sparkline

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.groups import GroupRollout
    from o1coder.queries.runs import Comparison
    from o1coder.queries.xray import IterationRow

NAME = 24
SPARK = 24


def figures(found: Comparison, width: int) -> list[RichLine]:
    """Final and best values of every metric, a column a job."""
    room = max(14, (width - NAME - 1) // max(1, len(found.jobs)) - 1)
    lines: list[RichLine] = [_heads(found, room)]
    for name, beside in found.figures.items():
        cells = [Cell(fit(inert(name), NAME) + " ", "bold" if name == found.metric else "")]
        for one in beside:
            if one is None:
                cells.append(Cell(" " * (room + 1)))
                continue
            best = "" if one.best is None else f" best {figure(one.best)} @{one.best_at}"
            cells.append(Cell(fit(figure(one.final) + best, room) + " "))
        lines.append(cells)
    counts = [one.n for one in found.series]
    lines.append([Cell(fit(f"n iterations, {inert(found.metric)}", NAME) + " ", "dim")])
    lines[-1] = [*lines[-1], *(Cell(fit(str(n), room) + " ", "dim") for n in counts)]
    return [*lines, *_passing(found, room)]


def _passing(found: Comparison, room: int) -> list[RichLine]:
    """pass@1 of what the jobs trained, a line a split and mode."""
    lines: list[RichLine] = []
    for split, mode in dict.fromkeys((one.split, one.mode) for one in found.passing):
        cells = [Cell(fit(inert(f"pass@1 {split} {mode}"), NAME) + " ", "bold")]
        for job in found.jobs:
            one = next((p for p in found.passing if (p.job, p.split, p.mode) == (job.id, split, mode)), None)
            bounds = "" if one is None or one.low is None else f" [{one.low:.2f}-{one.high:.2f}]"
            told = "" if one is None else f"{one.value:.2f}{bounds} n={one.problems}"
            cells.append(Cell(fit(told, room) + " "))
        lines.append(cells)
    return lines


def _heads(found: Comparison, room: int) -> RichLine:
    heads = [f"{n} job {job.id} {inert(job.stage)}" for n, job in enumerate(found.jobs, 1)]
    return [Cell(" " * (NAME + 1)), *(Cell(fit(head, room) + " ", "bold") for head in heads)]


def differing(found: Comparison, width: int) -> list[RichLine]:
    """Only the settings in which the jobs differ."""
    if len(found.jobs) < 2:
        return [[Cell("mark two to six jobs with space: what differs between them is listed here", "dim")]]
    if not found.differing:
        return [[Cell("nothing differs: config, seed, data, code and versions are the same", "dim")]]
    room = max(10, (width - NAME - 1) // len(found.jobs) - 1)
    lines: list[RichLine] = [_heads(found, room)]
    for one in found.differing:
        values = [Cell(fit(value(v), room) + " ", "dim" if v is None else "") for v in one.values]
        lines.append([Cell(fit(inert(one.field), NAME) + " "), *values])
    return lines


def value(found: Any) -> str:
    """A setting as one word of inert text; digests by their first digits, nothing for one that is not there."""
    if found is None:
        return "-"
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return inert(text.removeprefix("sha256:")[:12] if text.startswith("sha256:") else text)


def rewards(found: Rewards, width: int) -> list[RichLine]:
    """A job's reward and its terms over the iterations, what stands out, and how rewards are distributed."""
    from o1coder.queries import drift, xray

    rows = [found.iterations[n] for n in sorted(found.iterations)]
    changed = {one.name: one for one in drift.changes(found.taken)}
    lines: list[RichLine] = [
        [Cell(inert(line), "bold yellow" if "hacking" in line else "yellow")]
        for line in drift.findings(rows, list(changed.values()))
    ]
    if len(rows) > 1:
        room = max(8, min(SPARK, width - 56))
        head = f"{'':<14} {fit('over iterations', room)} {'first':>6} {'last':>6} {'change':>7}  over problems"
        lines.append([Cell(head, "dim")])
        for name, values in curves_of(rows).items():
            lines.append(_change(name, values, changed.get(name), room))
    lines += [[], [Cell(f"rewards of {sum(r.rollouts - r.masked for r in rows)} rollouts", "dim")]]
    return [*lines, *histogram(xray.histogram(one.reward for one in found.taken), width)]


def curves_of(rows: Sequence[IterationRow]) -> dict[str, list[float]]:
    """What is followed over the iterations, by name: reward, its terms, what its groups teach, tests."""
    names = dict.fromkeys(name for row in rows for name in row.terms)
    followed: dict[str, list[float | None]] = {"reward": [row.reward for row in rows]}
    followed |= {name: [row.terms.get(name) for row in rows] for name in names}
    followed |= {
        "spread": [row.spread for row in rows],
        "zero std": [row.zero_std for row in rows],
        "solved": [row.solved for row in rows],
        "audit": [row.audit for row in rows],
        "compiled": [row.compiled for row in rows],
        "complete": [row.complete for row in rows],
    }
    logged = dict.fromkeys(name for row in rows for name in row.logged)
    followed |= {name: [row.logged.get(name) for row in rows] for name in logged}
    found = {name: [v for v in values if v is not None] for name, values in followed.items()}
    return {name: values for name, values in found.items() if values}


def _change(name: str, values: Sequence[float], change: Any, room: int) -> RichLine:
    head = [Cell(f"{fit(inert(name), 14)} "), Cell(fit(sparkline(values, room), room) + " ", "bright_blue")]
    told = f"{figure3(values[0]):>6} {figure3(values[-1]):>6} "
    if change is None:
        return [*head, Cell(told)]
    bounds = "" if change.low is None else f" [{change.low:+.2f}, {change.high:+.2f}]"
    sure = change.low is not None and (change.low > 0 or change.high < 0)
    style = "" if not sure else "bold bright_blue" if change.difference > 0 else "bold yellow"
    return [*head, Cell(told), Cell(f"{change.difference:+7.2f}{bounds}", style), Cell(f" n={change.problems}", "dim")]


def figure3(found: float) -> str:
    """A value in at most six characters."""
    return f"{found:.2f}" if 0.005 <= abs(found) < 1000 or found == 0 else f"{found:.0e}"


def histogram(bins: Sequence[tuple[float, float, int]], width: int) -> list[RichLine]:
    """A bar a bin."""
    most = max((n for *_, n in bins), default=0)
    lines: list[RichLine] = []
    for low, high, n in bins:
        name = f"{low:.2f}" if low == high else f"{low:.2f}-{high:.2f}"
        drawn = bar(n, most, max(8, min(40, width - 24))).replace(GLYPHS.bar_empty, " ")
        lines.append([Cell(f"{name:>11} ", "dim"), Cell(drawn, "bright_blue"), Cell(f" {n}")])
    return lines


def iteration(row: IterationRow, found: Rewards, width: int) -> list[RichLine]:
    """Everything known of one iteration."""
    from o1coder.queries import xray

    head = "the search" if row.iteration is None else f"iteration {row.iteration}"
    facts = [
        f"{row.rollouts} rollouts in {row.groups} groups, {row.masked} masked",
        f"groups: {row.all} solved by all, {row.mixed} mixed, {row.none} by none",
        f"reward {number(row.reward)}, from {number(row.low)} to {number(row.high)}",
        f"standard deviation within a group {number(row.spread)}; {share(row.zero_std)} of groups have none",
        f"pass the reward tests {share(row.solved)}, compile {share(row.compiled)}, complete {share(row.complete)}",
        f"audit tests: {share(row.audit)} of {row.audited} pass; the same pass the reward tests {share(row.audited_solved)}"
        if row.audited
        else "audit tests: none of these programs was judged on them",
    ]
    lines: list[RichLine] = [[Cell(head, "bold")], *([Cell(fact)] for fact in facts), []]
    lines += _pairs("terms, mean", row.terms) + _pairs("logged", row.logged)
    lines.append([Cell("rewards", "dim")])
    mine = [one.reward for one in found.taken if one.iteration == row.iteration]
    return [*lines, *histogram(xray.histogram(mine), width)]


def _pairs(name: str, values: Mapping[str, float]) -> list[RichLine]:
    if not values:
        return []
    return [[Cell(name + " ", "dim"), Cell(inert(", ".join(f"{k} {figure(v)}" for k, v in values.items())))]]


def statement(lab: Lab, problem: int) -> list[RichLine]:
    """A problem's title and statement."""
    from o1coder.queries import problems

    with lab.reading() as connection:
        found = problems.show(connection, problem)
    return [
        [Cell(f"problem {problem} ", "dim"), Cell(first_line(found.row.title), "bold")],
        [],
        *plain(found.statement),
    ]


def rollout(row: GroupRollout) -> list[RichLine]:
    """A rollout's reward, term by term and step by step."""
    gained = "" if row.advantage is None else f"{row.advantage:+.3f} against its group"
    audit = {None: "not judged on audit tests", True: "passes the audit tests", False: "fails an audit test"}[row.audit]
    tests = f"{row.passed}/{row.total} reward tests, {audit}, {'compiles' if row.compiled else 'does not compile'}"
    reward = "masked: the judge or the PRM failed" if row.reward is None else f"reward {row.reward:.3f} {gained}"
    lines: list[RichLine] = [
        [Cell(f"rollout {row.ordinal} ", "bold"), Cell(inert(f"{GLYPHS.dot} {reward}"))],
        [Cell(tests)],
        *_pairs("terms", row.terms),
    ]
    if row.error:
        lines.append([Cell(f"discarded: {inert(row.error)}", "yellow")])
    if row.tokens_out is not None:
        lines.append([Cell(f"{row.tokens_out} tokens, {inert(row.finish_reason or '')}", "dim")])
    lines.append([])
    for step in row.steps:
        score = "" if step.score is None else f"{bar(step.score, 1.0, 10)} {step.score:.2f}"
        lines.append([Cell(f"{step.path:<8}", "dim"), Cell(f"{step.action:<10}"), Cell(score, "bright_blue")])
    return lines


def program(lab: Lab, leaf: int) -> list[RichLine]:
    """The program of a rollout's leaf."""
    from o1coder.queries import trees

    with lab.reading() as connection:
        code = trees.step_code(connection, leaf)
    return [[Cell("no program", "dim")]] if code is None else numbered(python(code.rstrip("\n")))


def tests(lab: Lab, leaf: int) -> list[RichLine]:
    """The verdicts on a rollout's program."""
    from o1coder.queries import trees

    with lab.reading() as connection:
        found = trees.verdicts(connection, leaf)
    lines: list[RichLine] = []
    for one in found:
        told = state(one.code) if one.code else Cell("  not judged", "dim")
        asked = [
            Cell(inert(one.input[:200])),
            Cell(f" {GLYPHS.arrow} ", "dim"),
            Cell(inert(one.expected[:200]), "cyan"),
        ]
        lines.append([Cell(f"{told.text:<6} ", told.style), *asked])
        if one.detail and one.code != "AC":
            lines += [[Cell("        "), *line] for line in plain(one.detail.rstrip()[:1000], "yellow")]
    return lines or [[Cell("no program here", "dim")]]
