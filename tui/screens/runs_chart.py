"""How curves are drawn on the Runs screen: which metric, over what, how smooth, on which scale; remembered over a restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tui.screens.runs_source import Ask, Picture, figure
from tui.text import Cell, inert
from tui.widgets.plot import Drawn

if TYPE_CHECKING:
    from o1coder.queries.runs import RunJob

SMOOTHING = (0.0, 0.6, 0.9, 0.97, 0.99)
AXIS = 10  # cells of the plot that are not drawing


class Chart:
    """The choices; `following`: curves of running jobs grow on the screen."""

    def __init__(self) -> None:
        self.metric: str | None = None
        self.smoothing = 0
        self.time = False
        self.log = False
        self.following = True

    def ask(self, width: int) -> Ask:
        """What is to be drawn in a plot of `width` cells."""
        return Ask(self.time, SMOOTHING[self.smoothing], max(20, width - AXIS))

    def smoother(self) -> None:
        """The next smoothing, round the end."""
        self.smoothing = (self.smoothing + 1) % len(SMOOTHING)

    def curves(self, picture: Picture, jobs: Mapping[int, RunJob]) -> list[Drawn]:
        """The curves with the words of the legend: job, stage, last value."""
        out: list[Drawn] = []
        for number, one in enumerate(picture.curves, 1):
            stage = f" {inert(jobs[one.job].job.stage)}" if one.job in jobs else ""
            last = f" {figure(one.ys[-1])}" if one.ys else ""
            out.append(Drawn(str(number), f"job {one.job}{stage}{last}", one.xs, one.ys))
        return out

    def unit(self, picture: Picture) -> str:
        """What the x axis counts."""
        return "s" if self.time and not picture.notes else "iterations"

    def told(self, picture: Picture) -> list[Cell]:
        """The metric, how many points there are, and what was done to them."""
        if not picture.metric:
            return [Cell("reports no metrics ", "dim")]
        words = [f"n={'/'.join(str(one.n) for one in picture.curves)}", *picture.notes]
        words += [f"smooth {SMOOTHING[self.smoothing]:g}"] if self.smoothing else []
        words += ["log"] if self.log else []
        words += [] if self.following else ["not following"]
        return [Cell(f"{inert(picture.metric)}  ", "bold"), Cell(" ".join(words) + " ")]

    def keep(self) -> dict[str, Any]:
        """As JSON."""
        return {"metric": self.metric, "smoothing": self.smoothing, "time": self.time, "log": self.log}

    def recall(self, kept: Mapping[str, Any]) -> None:
        """Take what `keep` gave; what is not understood is left alone."""
        self.metric = kept["metric"] if isinstance(kept.get("metric"), str) else None
        self.smoothing = kept["smoothing"] if kept.get("smoothing") in range(len(SMOOTHING)) else 0
        self.time, self.log = kept.get("time") is True, kept.get("log") is True
