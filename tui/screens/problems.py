"""Problems: a filter, a list of any length, and of the one under the cursor its statement, tests, programs, trees.

The filter's language is that of the command line (o1coder/queries/problems.py). Nothing is changed from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.highlight import numbered, plain, python
from tui.screens.frame import Frame, position, tab_cells
from tui.text import GLYPHS, Cell, bar, first_line, inert
from tui.widgets.line import Line
from tui.widgets.pane import Pane, RichLine
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row, VirtualTable

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.problems import CaseRow, ProblemDetail, ProgramRow
    from o1coder.queries.trees import TreeRow

COLUMNS = (
    Column("id", 5, right=True),
    Column("title", 0),
    Column("split", 10),
    Column("difficulty", 10, at=80),
    Column("kind", 6, at=92),
    Column("tests", 5, right=True),
    Column("progs", 5, right=True, at=86),
    Column("trees", 5, right=True),
    Column("passing", 11),
    Column("source", 12, at=100),
)
TABS = ("statement", "tests", "programs", "trees")
MOST_PROGRAMS = 40


class ProblemSource:
    """Problems that match a filter, in id order."""

    def __init__(self, lab: Lab, query: str) -> None:
        self.lab = lab
        self.query = query

    def order(self) -> Order:
        from o1coder.queries import problems

        with self.lab.reading() as connection:
            return FlatOrder(problems.ids(connection, self.query))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        from o1coder.queries import problems

        with self.lab.reading() as connection:
            found = problems.rows(connection, list(ids))
        return {
            row.id: (
                Cell(str(row.id)),
                Cell(inert(row.title), "bold"),
                Cell(inert(row.split)),
                Cell(inert(row.difficulty or "")),
                Cell(inert(row.kind)),
                Cell(str(row.tests)),
                Cell(str(row.programs)),
                Cell(str(row.trees or "")),
                passing(row.pass_rate),
                Cell(inert(row.source), "dim"),
            )
            for row in found
        }


def passing(rate: float | None) -> Cell:
    """A pass rate as a bar and a figure; nothing where nothing was judged."""
    return (
        Cell("") if rate is None else Cell(f"{bar(rate, 1.0, 6)} {rate:4.0%}", "bright_blue" if rate > 0 else "yellow")
    )


class Details(NamedTuple):
    """What the pane shows of a problem."""

    problem: ProblemDetail
    cases: list[CaseRow]
    programs: list[ProgramRow]
    trees: list[TreeRow]


def details(lab: Lab, problem_id: int, tab: str) -> Details:
    """Ask for what a tab needs of a problem."""
    from o1coder.queries import problems, trees

    with lab.reading() as connection:
        return Details(
            problems.show(connection, problem_id),
            problems.cases(connection, problem_id) if tab == "tests" else [],
            problems.programs(connection, problem_id, MOST_PROGRAMS) if tab == "programs" else [],
            trees.page(connection, problem=problem_id, newest=True, limit=50) if tab == "trees" else [],
        )


def statement(problem: ProblemDetail) -> list[RichLine]:
    """The statement and what the judge is told."""
    facts = [f"{problem.cpu_s:g} s", f"{problem.memory_mb} MB", f"compared by {problem.comparator}", problem.row.kind]
    facts += [problem.signature or problem.entry_point or "", f"family {problem.family}"]
    head: list[RichLine] = [[Cell(inert(f" {GLYPHS.dot} ".join(fact for fact in facts if fact)), "dim")], []]
    return head + plain(problem.statement)


def tests(cases: Sequence[CaseRow]) -> list[RichLine]:
    """A line a test: number, origin, sets, input, expected."""
    lines: list[RichLine] = []
    for count, case in enumerate(cases, 1):
        told = f"{case.origin}{' ' + case.purposes if case.purposes else ''}"
        lines.append(
            [
                Cell(f"{count:>3} ", "dim"),
                Cell(inert(case.input[:300]), "dim strike" if case.withdrawn else ""),
                Cell(f" {GLYPHS.arrow} ", "dim"),
                Cell(inert(case.expected[:300]), "cyan"),
                Cell(f"   {inert(told)}" + (" withdrawn" if case.withdrawn else ""), "dim"),
            ]
        )
    return lines or [[Cell("no tests", "dim")]]


def sources(programs: Sequence[ProgramRow]) -> list[RichLine]:
    """Each program with where it came from and how it was judged."""
    lines: list[RichLine] = []
    for program in programs:
        judged = (
            f"{program.accepted}/{program.judged} verdicts AC at {program.layers}" if program.judged else "not judged"
        )
        claim = f", said to be {program.claim}" if program.claim else ""
        lines.append(
            [Cell(f"program {program.id} ", "bold"), Cell(inert(f"{program.origins}{claim}: {judged}"), "dim")]
        )
        lines += [*numbered(python(program.code.rstrip("\n"))), []]
    if len(programs) == MOST_PROGRAMS:
        lines.append([Cell(f"the first {MOST_PROGRAMS} programs; `o1coder problems show` lists all", "dim")])
    return lines or [[Cell("no programs", "dim")]]


def tree_list(trees: Sequence[TreeRow]) -> list[RichLine]:
    """A line a tree; enter opens them."""
    lines: list[RichLine] = []
    for tree in trees:
        told = f"{tree.kind} {tree.preset} job {tree.job}: {tree.steps} steps, {tree.solved}/{tree.rollouts} solved"
        lines.append([Cell(f"tree {tree.id:<6}", "bold bright_blue"), Cell(inert(told))])
    return (
        [*lines, [], [Cell("enter opens the trees of this problem", "dim")]] if lines else [[Cell("no trees", "dim")]]
    )


class ProblemsScreen(Frame):
    """The second screen."""

    TITLE = "Problems"
    CSS = """
    ProblemsScreen #problems { height: 1fr; }
    ProblemsScreen #right { height: 1fr; }
    ProblemsScreen.-wide #problems { width: 3fr; }
    ProblemsScreen.-wide #right { width: 2fr; }
    ProblemsScreen.-short #right { display: none; }
    ProblemsScreen.zoomed #problems { display: none; }
    ProblemsScreen.zoomed #right { display: block; }
    ProblemsScreen #filter { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", tooltip="words, split:train, difficulty:hard, pass<0.3, tests>5"),
        Binding("t", "tab", "next tab", tooltip="statement, tests, programs, trees"),
        Binding("enter", "trees", "its trees", tooltip="open the trees of the problem"),
        Binding("z", "zoom", "zoom", tooltip="the lower pane alone; esc goes back"),
        Binding("J,shift+down", "pane(3)", "scroll", tooltip="scroll the pane"),
        Binding("K,shift+up", "pane(-3)", "scroll", show=False, tooltip="scroll the pane back"),
        Binding("escape", "back", "back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.source: ProblemSource | None = None
        self.tab = 0

    def body(self) -> ComposeResult:
        from textual.containers import Vertical

        yield VirtualTable(COLUMNS, empty="no problems match; `o1coder import starter` brings some", id="problems")
        with Vertical(id="right"):
            yield Line(style="reverse dim", id="tab-title")
            yield Pane(id="pane")

    def below(self) -> ComposeResult:
        yield Input(placeholder="words split:train difficulty:hard pass<0.3 tests>5", compact=True, id="filter")

    def on_mount(self) -> None:
        super().on_mount()
        self.table.focus()
        if self.lab is not None:
            self.reload()

    @property
    def table(self) -> VirtualTable:
        return self.query_one("#problems", VirtualTable)

    def reload(self) -> None:
        if self.lab is None:
            return
        query = self.query_one("#filter", Input).value.strip()
        if self.source is None or self.source.query != query:
            self.source = ProblemSource(self.lab, query)
        self.table.show(self.source)

    def on_virtual_table_moved(self) -> None:
        row_id, lab, tab = self.table.row_id, self.lab, TABS[self.tab]
        if row_id is None or lab is None:
            self.query_one("#tab-title", Line).say([], [Cell("0/0 ")])
            self.query_one("#pane", Pane).show([])
        else:
            self.ask("details", partial(self._lines, lab, row_id, tab), partial(self._show, row_id))

    @staticmethod
    def _lines(lab: Lab, row_id: int, tab: str) -> tuple[str, list[RichLine]]:
        """In a thread: the pane's title and lines."""
        found = details(lab, row_id, tab)
        make = {
            "statement": lambda: statement(found.problem),
            "tests": lambda: tests(found.cases),
            "programs": lambda: sources(found.programs),
            "trees": lambda: tree_list(found.trees),
        }
        return first_line(found.problem.row.title), make[tab]()

    def _show(self, row_id: int, answer: tuple[str, list[RichLine]]) -> None:
        title, lines = answer
        if row_id != self.table.row_id:
            return
        tabs = tab_cells(TABS, self.tab)
        self.query_one("#tab-title", Line).say(
            [Cell(f" {title} {GLYPHS.dot}", "bold"), *tabs], [Cell(position(self.table) + " ")]
        )
        self.query_one("#pane", Pane).show(lines)

    def on_virtual_table_chosen(self) -> None:
        self.action_trees()

    # keys ----------------------------------------------------------------------------------------------------------
    def action_trees(self) -> None:
        row_id = self.table.row_id
        if row_id is not None:
            self.lab_app.open_trees(problem=row_id)

    def action_tab(self) -> None:
        self.tab = (self.tab + 1) % len(TABS)
        self.on_virtual_table_moved()

    def action_zoom(self) -> None:
        self.toggle_class("zoomed")

    def action_pane(self, delta: int) -> None:
        self.query_one("#pane", Pane).scroll_lines(delta)

    def action_filter(self) -> None:
        box = self.query_one("#filter", Input)
        box.display = True
        self.set_focus(box)

    def on_input_submitted(self) -> None:
        box = self.query_one("#filter", Input)
        box.display = bool(box.value.strip())
        self.table.focus()
        self.reload()

    def action_back(self) -> None:
        box = self.query_one("#filter", Input)
        if self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif box.display:
            box.value, box.display = "", False
            self.reload()
        self.table.focus()
