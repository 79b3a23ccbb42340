"""The keys of the jobs' screen."""

from __future__ import annotations

from textual.binding import Binding, BindingType

KEYS: list[BindingType] = [
    Binding("n", "new", "new", id="jobs.new", tooltip="launch a stage: choose it, fill in its form"),
    Binding("x", "cancel", "cancel", id="jobs.cancel", tooltip="ask it, or what is marked, to end (it saves what it has)"),
    Binding("R", "retry", "retry", id="jobs.retry", tooltip="one more attempt of what failed, was cancelled or lost"),
    Binding("t", "tab(1)", "next tab", id="jobs.tab", tooltip="log, about, usage, chain of its round"),
    Binding("slash", "filter", "filter", id="jobs.filter", tooltip="filter jobs; in the zoomed log: search it"),
    Binding("ampersand", "keep_lines", "filter log", show=False, id="jobs.keep", tooltip="only log lines with a word"),
    Binding("N", "again", "again", show=False, id="jobs.again", tooltip="launch the same again: its form, filled in"),
    Binding("enter,plus", "zoom", "log", show=False, id="jobs.zoom", tooltip="the pane alone; esc goes back"),
    Binding("e", "error(1)", "next error", show=False, id="jobs.error", tooltip="the log's next line that tells of an error"),
    Binding("E", "error(-1)", "error before", show=False, id="jobs.error_back", tooltip="the one before"),
    Binding("F", "follow", "follow", show=False, id="jobs.follow", tooltip="the log's end, as it grows"),
    Binding("m", "metrics", "metrics", show=False, id="jobs.metrics", tooltip="its metrics, beside those of what is marked"),
    Binding("T", "trees", "trees", show=False, id="jobs.trees", tooltip="the trees that it made"),
    Binding("C", "checkpoints", "checkpoints", show=False, id="jobs.checkpoints", tooltip="the checkpoints that it made"),
    Binding("D", "datasets", "datasets", show=False, id="jobs.datasets", tooltip="a dataset that it made or read"),
    Binding("O", "round", "round", show=False, id="jobs.round", tooltip="the round that it belongs to"),
    Binding("J,shift+down", "pane(3)", "scroll", show=False, id="jobs.down", tooltip="scroll the lower pane"),
    Binding("K,shift+up", "pane(-3)", "scroll", show=False, id="jobs.up", tooltip="scroll the lower pane back"),
    Binding("r", "refresh", "refresh", show=False, id="jobs.refresh", tooltip="ask the lab and the machine again"),
    Binding("escape", "back", "back", show=False, id="jobs.back", tooltip="one step back"),
]  # fmt: skip
