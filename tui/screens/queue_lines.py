"""The lines of the label queue: a step, what is above it, its tests and siblings, and the word on it. No widget, no lab."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from tui.highlight import numbered, plain, python
from tui.text import GLYPHS, Cell, duration, first_line, inert, number, state
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from o1coder.queries.agreement import Agreed, Confused, Share
    from o1coder.queries.around import Above, Around
    from o1coder.sitting import Answered, Held

SHORT = 200  # characters of an input or a sibling that are shown
IDLE_S = 600.0  # longer than this nobody was reading


class Ready(NamedTuple):
    """A step made ready to be drawn: what it is, and every line that a key may ask for."""

    held: Held
    around: Around
    above: list[list[RichLine]]  # by place on the path: the problem and what is above that step
    step: list[list[RichLine]]  # by place on the path: the step itself
    tests: list[RichLine]
    siblings: list[RichLine]  # without what is said of them
    siblings_told: list[RichLine]


def ready(held: Held, around: Around) -> Ready:
    """All lines of a step; in a thread, since programs are highlighted."""
    problem = _problem(around)
    bodies = [_body(one, around.code if one.id == around.step else None) for one in around.path]
    above: list[list[RichLine]] = []
    for place in range(len(bodies)):
        lines = list(problem)
        for one, body in zip(around.path[:place], bodies[:place], strict=True):
            lines += [[], [Cell(f"{one.path} {one.action}", "bold")], *body]
        above.append(lines)
    told = (_siblings(around, shown) for shown in (False, True))
    return Ready(held, around, above, bodies, _tests(around), *told)


def _problem(around: Around) -> list[RichLine]:
    head = [Cell(first_line(around.title), "bold")]
    if around.signature:
        head.append(Cell(inert(f"  {around.signature}"), "cyan"))
    return [head, *plain(around.statement.rstrip("\n"))]


def _body(step: Above, code: str | None) -> list[RichLine]:
    return numbered(python(code.rstrip("\n"))) if code is not None else plain(step.text.strip("\n"))


def _tests(around: Around) -> list[RichLine]:
    lines: list[RichLine] = []
    for one in around.tests:
        told = state(one.code) if one.code else Cell("  not judged", "dim")
        lines.append(
            [
                Cell(f"{told.text:<6} ", told.style),
                Cell(inert(one.input[:SHORT])),
                Cell(f" {GLYPHS.arrow} ", "dim"),
                Cell(inert(one.expected[:SHORT]), "cyan"),
            ]
        )
        if one.detail and one.code != "AC":
            lines += [[Cell("       "), *line] for line in plain(one.detail.rstrip()[:1000], "yellow")]
    nothing = "no tests: its tree has no test set" if around.code else "no program here: tests are run on code"
    return lines or [[Cell(nothing, "dim")]]


def _siblings(around: Around, shown: bool) -> list[RichLine]:
    lines: list[RichLine] = []
    for one in around.siblings:
        head = [Cell(f"{one.path} {one.action}  ", "bold")]
        if shown:
            told = state(one.label or "")
            head += [told, Cell(f"  {number(one.v)} k={one.k}" if one.k is not None else "", "dim")]
        lines += [head, *plain(one.text.strip("\n")), []]
    return lines[:-1] or [[Cell("it has no siblings", "dim")]]


def about(ready: Ready, place: int, walking: bool) -> list[Cell]:
    """The line over the problem: which step this is."""
    around = ready.around
    step = around.path[place]
    cells = [
        Cell(f" {around.tree}:{step.path} ", "bold"),
        Cell(f"{step.action} {GLYPHS.dot} problem {around.problem} "),
    ]
    if walking:
        cells.append(Cell(f"{GLYPHS.dot} first error? step {place + 1} of {len(around.path)} ", "bold"))
    return cells


def word(ready: Ready, shown: bool) -> list[Cell]:
    """What search and PRM say of a step, and why it was put into the queue; or that it is hidden."""
    if not shown:
        return [Cell("search and PRM hidden ", "dim")]
    found = ready.around.grounds
    said = state(ready.around.search or "")
    cells = [Cell("search "), Cell(said.text or "nothing", said.style)]
    if found.k is not None:
        cells.append(Cell(f" {found.c}/{found.k} passed"))
    return [*cells, Cell(f" {GLYPHS.dot} PRM {number(found.prm) or 'none'} ")]


def grounds(ready: Ready) -> list[RichLine]:
    """Why a step is in the queue, term by term; shown only where the model's word is."""
    found = ready.around.grounds
    terms = f"worth {found.worth:.2f}: doubt {found.doubt:.2f} gap {found.gap:.2f} tests {found.tests:.2f} "
    return [[], [Cell(inert(f"why: {found.why}"), "dim")], [Cell(f"{terms}siblings {found.siblings:.2f}", "dim")]]


class Decision(NamedTuple):
    """What was said of a step here, with what it was said of."""

    ready: Ready
    done: Answered
    taken_s: float
    reason: str | None
    category: str | None
    earlier: tuple[Answered, ...] = ()  # what was said before it was changed: taken back with it


def strip(decisions: Sequence[Decision]) -> list[Cell]:
    """The last decisions on one line, the newest first, that one beside what search and PRM had said."""
    if not decisions:
        return [Cell(" no decision yet", "dim")]
    cells: list[Cell] = [Cell(" last ", "dim")]
    for place, one in enumerate(reversed(decisions)):
        said = state(one.done.value)
        if place:
            cells.append(Cell(f"{one.ready.around.name} "))
            cells.append(Cell(f"{said.text[:1]}  ", said.style))
            continue
        around = one.ready.around
        cells += [Cell(f"{around.name} "), Cell(said.text, said.style)]
        search = state(around.search or "")
        cells += [Cell(" (search "), Cell(search.text[:1] or "-", search.style)]
        cells.append(Cell(f" PRM {number(around.grounds.prm) or '-'}) {GLYPHS.pipe} "))
    return cells


class Pace(NamedTuple):
    """How far and how fast: of this sitting, and what is left of what was asked for."""

    done: int
    skipped: int
    left: int | None
    taken_s: tuple[float, ...]
    gold: Share | None


def pace(found: Pace) -> list[Cell]:
    """One line: done here, left, labels an hour, median seconds, agreement with known answers."""
    cells = [Cell(f" {found.done} done", "bold")]
    if found.skipped:
        cells.append(Cell(f" {GLYPHS.dot} {found.skipped} skipped"))
    if found.left is not None:
        cells.append(Cell(f" {GLYPHS.dot} {found.left} left"))
    read = [seconds for seconds in found.taken_s if seconds < IDLE_S]
    if read:
        hourly = 3600 * len(read) / max(0.001, sum(read))
        cells.append(Cell(f" {GLYPHS.dot} {hourly:.0f}/h {GLYPHS.dot} median {median(read):.1f} s"))
    gold = found.gold
    if gold is not None and gold.value is not None and gold.low is not None and gold.high is not None:
        bounds = f"[{gold.low:.0%} to {gold.high:.0%}]"
        cells.append(Cell(f" {GLYPHS.dot} gold {gold.right}/{gold.n} {bounds}"))
    if found.left and read:
        cells.append(Cell(f" {GLYPHS.dot} {duration(found.left * median(read))} to go", "dim"))
    return cells


def share_told(found: Share) -> str:
    """A share as people read it: 7/9 78 % [45 to 94 %]."""
    if found.value is None or found.low is None or found.high is None:
        return "none yet"
    return f"{found.right}/{found.n} {found.value:.0%} [{100 * found.low:.0f} to {found.high:.0%}]"


def agreement_lines(found: Agreed, blind: str = "", gold: Share | None = None) -> list[RichLine]:
    """How people agree: with each other, with known answers, with search and PRM. `blind` is who labels now: of known
    answers they are told no more than `gold`, what the line of the pace says, since a figure that moves with an answer
    gives the question away."""
    alpha = "no step has two readings"
    if found.alpha is not None:
        bounds = "" if found.alpha_low is None else f" [{found.alpha_low:.2f} to {found.alpha_high:.2f}]"
        alpha = f"{found.alpha:.2f}{bounds} over {found.read_twice} steps read by two or more"
    wrong = share_told(found.search_wrong)
    facts = [
        ("Krippendorff's alpha", alpha),
        *([] if blind else [("known answers found", share_told(found.gold))]),
        ("search wrong", f"{wrong} of random picks where both are sure ({found.random} read)"),
        *((f"  {action}", share_told(one)) for action, one in found.wrong_by_action.items()),
        ("readings", f"{found.readings} of {found.steps} steps, {found.shown} with search and PRM in view"),
    ]
    lines: list[RichLine] = [[Cell(f"{name:<21}", "dim"), Cell(told)] for name, told in facts]
    for one in found.people:
        pace = "" if one.median_s is None else f" {GLYPHS.dot} median {one.median_s:g} s"
        lines += [[], [Cell(inert(one.author), "bold"), Cell(f"  {one.readings} read, {one.unsure} unsure{pace}")]]
        known = one.gold if one.author != blind else gold
        told = share_told(known) if known is not None else "none yet"
        lines.append([Cell(f"  {'gold':<15}", "dim"), Cell(told)])
        shares = (("as the search", one.with_search), ("as the PRM", one.with_prm))
        lines += [[Cell(f"  {name:<15}", "dim"), Cell(share_told(one))] for name, one in shares]
    for name, pairs in (("search", found.search), (f"PRM at {found.threshold:g}", found.prm)):
        lines += [[], *_confusion(name, pairs)] if pairs else []
    return lines


def _confusion(name: str, pairs: Sequence[Confused]) -> list[RichLine]:
    times = {(one.people, one.said): one.times for one in pairs}
    said = ["valid", "invalid", *(["unsure"] if any(pair[1] == "unsure" for pair in times) else [])]
    lines: list[RichLine] = [
        [Cell(f"{'people ' + GLYPHS.arrow + ' ' + name:<18}" + "".join(f"{one:>9}" for one in said), "dim")]
    ]
    for people in ("valid", "invalid", "unsure"):
        told = state(people)
        row = "".join(f"{times.get((people, one), 0):>9}" for one in said)
        lines.append([Cell(f"  {told.text:<16}", told.style), Cell(row)])
    return lines
