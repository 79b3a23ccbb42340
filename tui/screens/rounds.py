"""Rounds: one row a round of self-play, with what it searched, learned, measured and what the gate said; enter goes into a
round's moves, and from a move to what it left. Nothing is changed from here: the gate decides, and people on screen 5.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.screens.frame import Frame, position
from tui.screens.rounds_lines import figures, move_lines, report_lines
from tui.screens.rounds_source import COLUMNS, MOVE_COLUMNS, MoveSource, RoundName, RoundSource, place_of
from tui.text import GLYPHS, Cell, inert
from tui.widgets.detail import Detail
from tui.widgets.pane import RichLine
from tui.widgets.virtual_table import VirtualTable

TABS = ("figures", "report")
LIVE_S = 2.0
SLOW_S = 10.0


class RoundsScreen(Frame):
    """The eighth screen: a table of rounds, or of one round's moves, over a pane."""

    TITLE = "Rounds"
    CSS = """
    RoundsScreen.-wide #body { layout: vertical; }
    RoundsScreen #rounds, RoundsScreen #moves { height: 2fr; }
    RoundsScreen Detail { height: 3fr; }
    RoundsScreen #moves { display: none; }
    RoundsScreen.inside #rounds { display: none; }
    RoundsScreen.inside #moves { display: block; height: 3fr; }
    RoundsScreen.inside Detail { height: 2fr; }
    RoundsScreen.-short Detail { display: none; }
    RoundsScreen.zoomed #rounds, RoundsScreen.zoomed #moves { display: none; }
    RoundsScreen.zoomed Detail { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "down", "open", id="rounds.down", tooltip="a round's moves; a move's checkpoint, trees or job"
        ),
        Binding("t", "tab(1)", "tab", id="rounds.tab", tooltip="the figures, or the whole report"),
        Binding("L", "job", "job, log", id="rounds.job", tooltip="the move's job and its log"),
        Binding(
            "f", "trees", "trees", id="rounds.trees", tooltip="the trees that the move (or the round's search) grew"
        ),
        Binding(
            "c", "checkpoint", "checkpoint", id="rounds.checkpoint", tooltip="what the move trained, or the gate saw"
        ),
        Binding("T", "tab(-1)", "tab back", show=False, id="rounds.tab_back", tooltip="the side of the pane before"),
        Binding("u", "runs", "curves", show=False, id="rounds.runs", tooltip="the metrics of the move's job"),
        Binding("plus", "zoom", "zoom", show=False, id="rounds.zoom", tooltip="the pane alone; esc goes back"),
        Binding("J,shift+down", "pane(3)", "scroll", show=False, id="rounds.pane_down", tooltip="scroll the pane"),
        Binding(
            "K,shift+up", "pane(-3)", "scroll back", show=False, id="rounds.pane_up", tooltip="scroll the pane back"
        ),
        Binding("r", "refresh", "refresh", show=False, id="rounds.refresh", tooltip="ask the lab again"),
        Binding("escape", "back", "back", show=False, id="rounds.back", tooltip="one step back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.source: RoundSource | None = None
        self.inside: MoveSource | None = None
        self._wanted = ""
        self._due = False

    def body(self) -> ComposeResult:
        yield VirtualTable(COLUMNS, empty="no rounds yet: `o1coder run selfplay --run NAME` makes them", id="rounds")
        yield VirtualTable(MOVE_COLUMNS, empty="no moves", id="moves")
        yield Detail(TABS)

    def on_mount(self) -> None:
        super().on_mount()
        self.rounds.focus()
        self.set_interval(SLOW_S if self.lab_app.slow else LIVE_S, self._tick)

    @property
    def rounds(self) -> VirtualTable:
        return self.query_one("#rounds", VirtualTable)

    @property
    def moves(self) -> VirtualTable:
        return self.query_one("#moves", VirtualTable)

    @property
    def detail(self) -> Detail:
        return self.query_one(Detail)

    @property
    def round_target(self) -> str | None:
        """The round that is looked at, as a target."""
        found = self._round()
        return None if found is None else found.target

    def _round(self) -> RoundName | None:
        if self.inside is not None:
            return self.inside.name
        row = self.rounds.row_id
        return None if self.source is None or row is None else self.source.names.get(row)

    # what is shown -------------------------------------------------------------------------------------------------
    def reload(self) -> None:
        """At once where nothing is shown yet; else by the clock, since a round's figures are resampled."""
        if self.source is None:
            self._fetch()
        else:
            self._due = True

    def _tick(self) -> None:
        if self._due and self.is_current and self.lab is not None:
            self._fetch()

    def _fetch(self) -> None:
        if self.lab is None:
            return
        self._due = False
        if self.source is None:
            self.source = RoundSource(self.lab)
        run, slash, number = self._wanted.rpartition("/")
        self._wanted = "" if slash else self._wanted
        if slash and number.isdecimal():
            self._enter(RoundName(run, int(number)))
            return
        if self.inside is None:
            if self._wanted:
                self.source.run, self._wanted = self._wanted, ""
            self.rounds.show(self.source)
        else:
            self.moves.show(self.inside)

    def on_virtual_table_moved(self, message: VirtualTable.Moved) -> None:
        if message.table is (self.rounds if self.inside is None else self.moves):
            self._show()

    def _show(self) -> None:
        found, tab = self._round(), self.detail.tab
        self.draw_title(Cell(f" {GLYPHS.closed} {inert(found.target)}" if found is not None and self.inside else ""))
        if found is None or self.source is None:
            self.detail.show(None, [])
            return
        table = self.rounds if self.inside is None else self.moves
        about = (found, tab, table.row_id if self.inside else None)
        self.ask("pane", partial(self._lines, self.source, found, tab, table.row_id), partial(self._answered, about))

    def _lines(self, source: RoundSource, name: RoundName, tab: str, row: int | None) -> list[RichLine]:
        """In a thread: the pane's lines."""
        if tab == "figures" and self.inside is not None:
            move = None if row is None else self.inside.moves.get(row)
            return [] if move is None else move_lines(move)
        if not source.names:
            source.order()
        found = next((one for one, known in source.names.items() if known == name), None)
        if found is None:
            return [[Cell("this round has no jobs", "dim")]]
        row_ = source.read(found)
        return figures(row_) if tab == "figures" else report_lines(source.reports[found])

    def _answered(self, about: tuple[RoundName, str, int | None], lines: list[RichLine]) -> None:
        if about[:2] == (self._round(), self.detail.tab):
            table = self.rounds if self.inside is None else self.moves
            self.detail.show(about, lines, [Cell(position(table) + " ")])

    def on_detail_turned(self) -> None:
        self._show()

    def on_virtual_table_chosen(self) -> None:
        self.action_down()

    # keys ----------------------------------------------------------------------------------------------------------
    def _enter(self, name: RoundName) -> None:
        assert self.lab is not None
        self.inside = MoveSource(self.lab, name)
        self.add_class("inside")
        self.moves.show(self.inside)
        self.moves.focus()
        self._show()

    def action_down(self) -> None:
        found = self._round()
        if self.inside is not None:
            self._go(None)
        elif found is not None:
            self._enter(found)

    def _go(self, wanted: str | None) -> None:
        """To a screen that shows what the move left: `wanted`, or the one that says most."""
        row = self.moves.row_id
        move = None if self.inside is None or row is None else self.inside.moves.get(row)
        if move is None or move.job is None:
            self.say("nobody has asked for this move yet" if move is not None else "go into a round first: enter")
            return
        mode, target = place_of(move) if wanted is None else (wanted, f"job:{move.job}")
        if (wanted, move.trees) == ("tree", 0) or (wanted == "checkpoints" and move.checkpoint is None):
            self.say(f"{move.move} left no {'trees' if wanted == 'tree' else 'checkpoint'}")
            return
        self.lab_app.go(mode, str(move.job) if mode in ("jobs", "runs") else target)

    def action_job(self) -> None:
        self._go("jobs")

    def action_trees(self) -> None:
        self._go("tree")

    def action_checkpoint(self) -> None:
        row, source = self.rounds.row_id, self.source
        if self.inside is None and source is not None and row in source.known:
            checkpoint = source.known[row].checkpoint
            if checkpoint is None:
                self.say("the gate has not spoken yet")
            else:
                self.lab_app.go("checkpoints", str(checkpoint))
        else:
            self._go("checkpoints")

    def action_runs(self) -> None:
        self._go("runs")

    def action_tab(self, by: int) -> None:
        detail = self.detail
        detail.turn(by)
        detail.show(None, detail.pane.lines)  # the tab at once, its lines as soon as they are there
        self._show()

    def action_zoom(self) -> None:
        self.toggle_class("zoomed")

    def action_pane(self, delta: int) -> None:
        self.detail.scroll_lines(delta)

    def action_refresh(self) -> None:
        self._fetch()

    def action_back(self) -> None:
        if self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif (self.moves if self.inside else self.rounds).clear_marks():
            return
        elif self.inside is not None:
            self.inside = None
            self.remove_class("inside")
            self.rounds.focus()
            self._fetch()
            self._show()
        elif self.source is not None and self.source.run:
            self.source.run = ""
            self._fetch()

    # where it stands -----------------------------------------------------------------------------------------------
    def goto(self, target: str) -> None:
        """RUN: only its rounds; RUN/N: the moves of a round."""
        self._wanted = target
        if "/" not in target and self.inside is not None:
            self.inside = None
            self.remove_class("inside")
            self.rounds.focus()
        if self.source is not None:
            self._fetch()

    def where(self) -> str:
        if self.inside is not None:
            return self.inside.name.target
        return "" if self.source is None else self.source.run

    def copied(self) -> str:
        row = self.moves.row_id
        move = None if self.inside is None or row is None else self.inside.moves.get(row)
        return str(move.job) if move is not None and move.job is not None else self.round_target or ""

    def twin(self) -> str:
        if self.inside is not None:
            return f"o1coder rounds show {self.inside.name.run} {self.inside.name.round}"
        run = "" if self.source is None or not self.source.run else f" --run {self.source.run}"
        return f"o1coder rounds{run}"

    def outside(self) -> tuple[str, str] | None:
        found, source = self._round(), self.source
        if found is None or source is None:
            return None
        text = next(
            (source.reports[one] for one, name in source.names.items() if name == found and one in source.reports), None
        )
        return None if text is None else (f"{found.run}-{found.round}.txt", "\n".join(map(inert, text)))
