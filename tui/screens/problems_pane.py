"""What the pane tells of one problem: statement, tests by origin, programs by verdict, trees by round, what it was used for.

Rows come from the queries in a worker thread; here they become lines. Nothing is asked and nothing changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tui.highlight import numbered, plain, python
from tui.screens.problems_source import marked, titled, wanted
from tui.text import GLYPHS, Cell, inert, state
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.problem_parts import CaseVerdicts, ProgramGroup, ProgramVerdicts, Use
    from o1coder.queries.problems import ProblemDetail
    from o1coder.queries.trees import TreeRow
    from o1coder.queries.words import Term

TABS = ("statement", "tests", "programs", "trees", "used")
MOST_PROGRAMS = 40
MOST_TREES = 200
MOST_FAILS = 8
LONGEST = 300  # characters shown of an input or an output


class Told(NamedTuple):
    """The pane of a tab: its lines, and the text that is copied and opened outside."""

    lines: list[RichLine]
    name: str
    text: str


def told(lab: Lab, problem_id: int, tab: str, words: Sequence[Term]) -> Told:
    """Ask for what a tab shows of a problem."""
    from o1coder.queries import problem_parts, problems, trees

    with lab.reading() as connection:
        if tab == "statement":
            found = problems.show(connection, problem_id)
            return Told(statement(found, words), f"problem-{problem_id}.txt", found.statement)
        if tab == "tests":
            lines = tests(problem_parts.cases(connection, problem_id))
        elif tab == "programs":
            groups = problem_parts.program_groups(connection, problem_id)
            sources = problem_parts.programs(connection, problem_id, MOST_PROGRAMS)
            text = "\n\n".join(f"# program {one.id}: {one.verdict or 'not judged'}\n{one.code}" for one in sources)
            return Told(programs(groups, sources), f"problem-{problem_id}.py", text)
        elif tab == "trees":
            found_trees = trees.page(connection, problem=problem_id, newest=True, limit=MOST_TREES)
            lines = tree_list(found_trees)
        else:
            lines = used(problem_parts.uses(connection, problem_id))
    return Told(lines, f"problem-{problem_id}-{tab}.txt", "\n".join("".join(c.text for c in line) for line in lines))


def statement(problem: ProblemDetail, words: Sequence[Term]) -> list[RichLine]:
    """The statement and what the judge is told; where words were looked for, the first place of one before it."""
    row, pattern = problem.row, wanted(words)
    facts = [f"{problem.cpu_s:g} s", f"{problem.memory_mb} MB", f"compared by {problem.comparator}", row.kind]
    facts += [problem.signature or problem.entry_point or "", f"family {problem.family}"]
    facts += [f"slice {problem.slice}" if problem.slice else "", f"{row.source}/{row.key}"]
    lines: list[RichLine] = [marked([Cell(inert(row.title.replace("\n", " ")), "bold")], pattern)]
    lines += [[Cell(inert(f" {GLYPHS.dot} ".join(fact for fact in facts if fact)), "dim")]]
    if row.pass_rate is not None:
        rate = f"{row.pass_rate:.1%} of {row.judged} rollouts pass (chosen by searches: no interval)"
        lines.append([Cell(rate, "dim")])
    near = titled("", problem.statement, words)
    if near:
        lines.append([Cell("match", "dim"), *marked([Cell(near)], pattern)])
    return [*lines, [], *(marked(line, pattern) for line in plain(problem.statement))]


def tests(cases: Sequence[CaseVerdicts]) -> list[RichLine]:
    """Tests under their origins with counts; of each how many programs fail it, and which."""
    from o1coder.queries.problem_parts import origins

    if not cases:
        return [[Cell("no tests", "dim")]]
    lines: list[RichLine] = []
    for origin in origins(cases):
        gone = f", {origin.withdrawn} withdrawn" if origin.withdrawn else ""
        lines += [[], [Cell(inert(f"{origin.origin}: {origin.tests} tests{gone}"), "bold")]]
        for case in (one for one in cases if one.origin == origin.origin):
            lines += test(case)
    return lines[1:]


def test(case: CaseVerdicts) -> list[RichLine]:
    """One test: input and output, the sets it is in, what became of programs on it."""
    style = "dim strike" if case.withdrawn else ""
    head = [
        Cell(f"{case.id:>6} ", "dim"),
        Cell(inert(case.input[:LONGEST]), style),
        Cell(f" {GLYPHS.arrow} ", "dim"),
        Cell(inert(case.expected[:LONGEST]), style or "cyan"),
        Cell(f"   {inert(case.purposes)}", "dim"),
    ]
    out: list[RichLine] = [head]
    if case.withdrawn:
        out.append([Cell("       withdrawn: ", "yellow"), Cell(inert(case.reason or ""), "dim")])
    if case.passed or case.failed:
        judged = [Cell(f"       {case.passed} programs pass", "dim")]
        if case.failed:
            named = " ".join(f"{program} {code}" for program, code in case.failed_by)
            more = f" {GLYPHS.ellipsis}" if case.failed > len(case.failed_by) else ""
            judged.append(Cell(inert(f", {case.failed} fail: {named}{more}"), "yellow"))
        out.append(judged)
    return out


def programs(groups: Sequence[ProgramGroup], sources: Sequence[ProgramVerdicts]) -> list[RichLine]:
    """How many programs came to each verdict, then each with what it fails and its code."""
    if not sources:
        return [[Cell("no programs", "dim")]]
    head: list[Cell] = []
    for group in groups:
        head += [
            Cell(f"{group.programs} "),
            state(group.verdict) if group.verdict else Cell("not judged", "dim"),
            Cell("   "),
        ]
    lines: list[RichLine] = [head]
    for one in sources:
        about = inert(one.origins.replace(",", ", ") + (f", said to be {one.claim}" if one.claim else ""))
        judged = f": {one.passed}/{one.judged} verdicts AC at {one.layers}" if one.judged else ": not judged"
        drawn = f", {one.rollouts} rollouts" if one.rollouts else ""
        lines += [
            [],
            [
                state(one.verdict) if one.verdict else Cell(f"{GLYPHS.dot} not judged", "dim"),
                Cell(f"  program {one.id}  ", "bold"),
                Cell(inert(about + judged + drawn), "dim"),
            ],
        ]
        if one.fails:
            named = " ".join(f"{case} {code}" for case, code, _ in one.fails[:MOST_FAILS])
            more = f" {GLYPHS.ellipsis} {len(one.fails)} in all" if len(one.fails) > MOST_FAILS else ""
            lines.append([Cell("fails tests ", "dim"), Cell(inert(named + more), "yellow")])
        lines += numbered(python(one.code.rstrip("\n")))
    shown, there = len(sources), sum(group.programs for group in groups)
    if there > shown:
        lines += [[], [Cell(f"the first {shown} of {there}; `o1coder problems show` lists all", "dim")]]
    return lines


def tree_list(trees: Sequence[TreeRow]) -> list[RichLine]:
    """Trees by round, newest first; what passed, and by the re-score where there is one."""
    if not trees:
        return [[Cell("no trees: n launches a search of this problem", "dim")]]
    lines: list[RichLine] = []
    last: object = ()
    for tree in trees:
        if tree.round != last:
            last = tree.round
            lines.append([Cell("outside of rounds" if tree.round is None else f"round {tree.round}", "bold")])
        solved = f"{tree.solved}/{tree.rollouts} pass"
        again = None if tree.solved_rescored is None else f" {GLYPHS.arrow} {tree.solved_rescored} by the re-score"
        lines.append(
            [
                Cell(f"  tree {tree.id:<7}", "bold bright_blue"),
                Cell(solved, "bright_blue" if tree.solved else "yellow"),
                Cell(again or "", "bold"),
                Cell(inert(f"  {tree.kind} {tree.preset} job {tree.job} {GLYPHS.dot} {tree.steps} steps "), "dim"),
                Cell(inert(tree.ended or tree.doing or "open"), "dim" if tree.ended else "bold bright_blue"),
                Cell(" stuck" if tree.stuck else "", "bold yellow"),
            ]
        )
    if len(trees) == MOST_TREES:
        lines.append([Cell(f"the newest {MOST_TREES}", "dim")])
    return [*lines, [], [Cell("enter opens the trees of this problem", "dim")]]


def used(uses: Sequence[Use]) -> list[RichLine]:
    """Datasets that hold rows of it, checkpoints trained on those, evaluations that drew samples for it."""
    if not uses:
        return [[Cell("in no dataset and no evaluation yet", "dim")]]
    lines: list[RichLine] = []
    heads = {"dataset": "datasets that hold rows of it", "checkpoint": "checkpoints trained on those"}
    heads["evaluation"] = "evaluations with samples for it"
    last = ""
    for use in uses:
        if use.kind != last:
            last = use.kind
            lines += [[], [Cell(heads[use.kind], "bold")]]
        of = {"dataset": "job", "checkpoint": "from dataset", "evaluation": "of checkpoint"}[use.kind]
        number = "" if use.kind != "dataset" else f", {use.rows} rows"
        behind = "" if use.of is None else f", {of} {use.of}"
        lines.append([Cell(f"  {use.kind} {use.id:<6}", "bold bright_blue"), Cell(inert(use.about + number + behind))])
    return [*lines[1:], [], [Cell("C goes to the checkpoints, D to a dataset", "dim")]]
