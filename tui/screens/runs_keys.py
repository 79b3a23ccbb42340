"""The keys of the runs screen and how its parts are laid out."""

from __future__ import annotations

from textual.binding import Binding

CSS = """
RunsScreen #table { height: 2fr; }
RunsScreen #right { height: 3fr; }
RunsScreen.-wide #table { width: 1fr; height: 1fr; }
RunsScreen.-wide #right { width: 1fr; height: 1fr; }
RunsScreen.-short #right { display: none; }
RunsScreen.zoomed #table { display: none; }
RunsScreen.zoomed #right { display: block; }
RunsScreen #plot { display: none; }
RunsScreen.plotted #plot { display: block; }
RunsScreen.plotted #detail { height: 1; }
RunsScreen #filter { display: none; }
"""

KEYS: list[Binding] = [
    Binding("enter", "down", "inside", id="runs.down", tooltip="take its reward apart: iterations, groups, rollouts"),
    Binding("m", "metric", "metric", id="runs.metric", tooltip="choose the metric that is drawn"),
    Binding("t", "tab(1)", "tab", id="runs.tab", tooltip="next side of the pane: curve, figures, config, rewards"),
    Binding("s", "smooth", "smooth", id="runs.smooth", tooltip="moving average: 0, .6, .9, .97, .99 of the past"),
    Binding("x", "axis", "axis", id="runs.axis", tooltip="over iterations, or over seconds of training"),
    Binding("T", "tab(-1)", "tab back", show=False, id="runs.tab_back", tooltip="the side of the pane before"),
    Binding("e", "log", "log y", show=False, id="runs.log", tooltip="a logarithmic y axis, or a plain one"),
    Binding("F", "follow", "follow", show=False, id="runs.follow", tooltip="stop or go on following what runs"),
    Binding("slash", "filter", "filter", show=False, id="runs.filter", tooltip="words, stage:rl, run:NAME"),
    Binding("f", "trees", "trees", show=False, id="runs.trees", tooltip="its trees on the tree screen"),
    Binding("c", "checkpoints", "checkpoint", show=False, id="runs.checkpoints", tooltip="the checkpoint it left"),
    Binding("L", "job", "job, log", show=False, id="runs.job", tooltip="the job and its log"),
    Binding("plus", "zoom", "zoom", show=False, id="runs.zoom", tooltip="the pane alone; esc goes back"),
    Binding("J,shift+down", "pane(3)", "scroll", show=False, id="runs.pane_down", tooltip="scroll the pane"),
    Binding("K,shift+up", "pane(-3)", "scroll back", show=False, id="runs.pane_up", tooltip="scroll the pane back"),
    Binding("r", "refresh", "refresh", show=False, id="runs.refresh", tooltip="ask the lab again"),
    Binding("escape", "back", "back", show=False, id="runs.back", tooltip="one step back"),
]
