"""What can be done to jobs from their screen, and where one can go from them. Each verb is the command line's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tui.screens.ask import Choose, Confirm, Option
from tui.screens.jobs_confirm import TypedConfirm
from tui.screens.jobs_source import JobSource, took_s
from tui.text import duration, inert

if TYPE_CHECKING:
    from o1coder.queries.jobs import JobView
    from o1coder.stage import Stage
    from tui.screens.frame import Frame
    from tui.widgets.virtual_table import VirtualTable

    Base = Frame
else:
    Base = object

LONG_S = 3600.0  # a job that has run for longer is cancelled only by typing its number


class JobVerbs(Base):
    """The verbs of the jobs' screen, beside what it draws (jobs.py)."""

    source: JobSource | None

    if TYPE_CHECKING:

        @property
        def table(self) -> VirtualTable: ...
        @property
        def view(self) -> JobView | None: ...
        def did(self, verb: Callable[[], object], message: str) -> None: ...

    def _chosen(self) -> list[JobView]:
        """What is marked, else what is under the cursor; only what has been fetched."""
        views = {} if self.source is None else self.source.views
        ids = sorted(self.table.marks) or [self.table.row_id or 0]
        return [views[one] for one in ids if one in views]

    def action_cancel(self) -> None:
        lab, asked = self.lab, self._chosen()
        if not asked or self.refused("cancel jobs") or lab is None:
            return
        live = [view for view in asked if view.state in ("queued", "running")]
        if not live:
            one = asked[0]
            told = (
                f"job {one.id} is {one.state}" if len(asked) == 1 else f"none of these {len(asked)} jobs runs or waits"
            )
            self.say(f"{told}: there is nothing to cancel")
            return

        def cancel_all() -> None:
            from o1coder.jobs.verbs import cancel

            for view in live:
                cancel(lab, view.id)

        ids = " ".join(str(view.id) for view in live)

        def answered(yes: bool | None) -> None:
            if yes:
                self.did(
                    cancel_all, f"job {ids} was asked to end" if len(live) == 1 else f"jobs {ids} were asked to end"
                )

        longest = max(live, key=lambda view: (took_s(view) or 0.0) if view.state == "running" else 0.0)
        ran = (took_s(longest) or 0.0) if longest.state == "running" else 0.0
        first = live[0]
        what = f"job {first.id} ({first.stage}, {first.state})" if len(live) == 1 else f"{len(live)} jobs: {ids}"
        if ran > LONG_S:
            question = f"cancel {what}? job {longest.id} has run for {duration(ran)}"
            self.app.push_screen(TypedConfirm(question, str(longest.id)), answered)
        else:
            self.app.push_screen(Confirm(f"cancel {what}?"), answered)

    def action_retry(self) -> None:
        lab, asked = self.lab, self._chosen()
        if not asked or self.refused("retry jobs") or lab is None:
            return
        ended = [view for view in asked if view.state in ("failed", "cancelled", "lost")] or asked[:1]

        def retry_all() -> None:
            from o1coder.jobs.verbs import retry

            for view in ended:
                retry(lab, view.id)

        ids = " ".join(str(view.id) for view in ended)
        said = f"job {ids} is queued again" if len(ended) == 1 else f"jobs {ids} are queued again"
        if len(ended) == 1:
            self.did(retry_all, said)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.did(retry_all, said)

        self.app.push_screen(Confirm(f"retry {len(ended)} jobs: {ids}?"), answered)

    def action_new(self) -> None:
        if self.refused("launch jobs"):
            return
        from o1coder.stage import all_stages

        self.ask("stages", all_stages, self._choose_stage)

    def _choose_stage(self, stages: list[Stage]) -> None:
        from tui.screens.launch import launch_form

        def chosen(index: int | None) -> None:
            if index is not None:
                launch_form(self, stages[index], {})

        self.app.push_screen(Choose("launch which stage?", [Option(s.name, s.about) for s in stages]), chosen)

    def action_again(self) -> None:
        view = self.view
        if view is None or self.refused("launch jobs"):
            return
        from o1coder.stage import find
        from tui.form import written
        from tui.screens.launch import RUN, launch_form

        entered = {name: written(value) for name, value in view.config.items()} | {RUN: view.run or ""}
        self.ask("stages", partial(find, view.stage), lambda stage: launch_form(self, stage, entered))

    # where one can go ----------------------------------------------------------------------------------------------
    def action_trees(self) -> None:
        self._go_made("trees", lambda view, _: self.lab_app.go("tree", f"job:{view.id}"))

    def action_checkpoints(self) -> None:
        def go(view: JobView, made: list[int]) -> None:
            self.lab_app.go("checkpoints", str(made[0]) if len(made) == 1 else f"job:{view.id}")

        self._go_made("checkpoints", go)

    def action_datasets(self) -> None:
        def go(view: JobView, made: list[int]) -> None:
            def chosen(index: int | None) -> None:
                if index is not None:
                    self.lab_app.go("datasets", str(made[index]))

            if len(made) == 1:
                chosen(0)
            else:
                self.app.push_screen(
                    Choose(f"datasets of job {view.id}", [Option(str(one), "") for one in made]), chosen
                )

        self._go_made("datasets", go)

    def _go_made(self, what: str, go: Callable[[JobView, list[int]], None]) -> None:
        """Go to what the job under the cursor has made."""
        view, lab = self.view, self.lab
        if view is None or lab is None:
            return

        def asked() -> JobView:
            from o1coder.queries.jobs import job

            return job(lab, view.id)

        def answered(found: JobView) -> None:
            made = found.outputs.get(what, [])
            if made:
                go(found, made)
            else:
                self.say(f"job {found.id} has made no {what}")

        self.ask("made", asked, answered)

    def action_metrics(self) -> None:
        views = self._chosen()
        if views:
            self.lab_app.go("runs", " ".join(str(view.id) for view in views))

    def action_round(self) -> None:
        view = self.view
        if view is None or view.run is None:
            self.say("this job belongs to no run")
        else:
            self.lab_app.go("rounds", view.run + ("" if view.round is None else f"/{view.round}"))


def language() -> list[tuple[str, str]]:
    """The filter's words with what they mean, for the overlay of keys."""
    from o1coder.queries.job_filter import ALLOWED, STATES

    return [
        ("state:failed,lost", inert(" ".join(STATES))),
        ("stage:prm run:x", "also error author host key; a* stands for any beginning"),
        ("age<1h silent>30s", "since it was asked for; since its last sign (s m h d w)"),
        ("round=2 attempts>1", "also id; < <= = != >= >"),
        ("memory -cuda", "words in stage, run, config or error; - or ! is not"),
        ("all fields", " ".join(ALLOWED)),
    ]
