"""The plot of the runs screen: its curves, asked for in a worker thread, and the choice of what is drawn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tui.screens.ask import Choose, Option
from tui.widgets.plot import Plot

if TYPE_CHECKING:
    from tui.screens.runs import RunsScreen
    from tui.screens.runs_source import Picture


def draw(screen: RunsScreen) -> None:
    """Ask for the curves of the compared jobs, and draw them."""
    jobs, curves, plot = screen.compared, screen.curves, screen.query_one(Plot)
    if not jobs or curves is None:
        plot.show([])
        return
    ask = screen.chart.ask(plot.size.width)
    screen.ask("curve", partial(curves.of, jobs, screen.chart.metric, ask), partial(_drawn, screen, jobs))


def _drawn(screen: RunsScreen, jobs: list[int], picture: Picture) -> None:
    if jobs != screen.compared or screen.detail.tab != "curve":
        return
    screen.picture = picture
    known = {} if screen.jobs is None else screen.jobs.jobs
    curves, unit = screen.chart.curves(picture, known), screen.chart.unit(picture)
    screen.query_one(Plot).show(curves, log=screen.chart.log, unit=unit)
    screen.detail.show(None, [], screen.chart.told(picture))


def choose_metric(screen: RunsScreen) -> None:
    """Ask which metric of those that the compared jobs report is drawn."""
    picture = screen.picture
    if screen.level or picture is None or not picture.offered:
        screen.say("choose a job first")
        return

    def chosen(index: int | None) -> None:
        if index is not None:
            screen.chart.metric = picture.offered[index]
            screen.detail.open("curve")
            screen.on_virtual_table_moved()

    options = [Option(name, "drawn now" if name == picture.metric else "") for name in picture.offered]
    screen.app.push_screen(Choose("which metric?", options), chosen)
