"""From corrected labels to a PRM that learned them: the prm form filled in, then this tree scored by the new one and by the
one before it, so that both stand beside each other. Each job is a job like any other; leaving the screen stops none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.stage import Stage
    from tui.screens.tree import TreeScreen
    from tui.screens.tree_source import TreeSource


class Stands(NamedTuple):
    """How far it is: what to say, and the jobs that are still awaited."""

    told: str
    training: int | None
    scoring: int | None


class Retraining:
    """The job that trains, then the job that scores, for one screen."""

    def __init__(self, screen: TreeScreen) -> None:
        self.screen = screen
        self.training: int | None = None
        self.scoring: int | None = None
        self.note = ""

    @property
    def going_on(self) -> bool:
        """Is a job awaited?"""
        return self.training is not None or self.scoring is not None

    def begin(self) -> None:
        """Open the form of the prm stage."""
        lab = self.screen.lab
        if self.screen.source is None or lab is None or self.screen.refused("retrain"):
            return
        self.screen.ask("stages", lambda: prm_form(lab), self._open)

    def _open(self, filled: tuple[Stage, dict[str, str]]) -> None:
        from tui.screens.launch import launch_form

        launch_form(self.screen, *filled)

    def launched(self, job_id: int) -> None:
        """The form was sent off."""
        self.training, self.scoring = job_id, None
        self.look()

    def look(self) -> None:
        """Ask how far the jobs are, where any is awaited."""
        source = self.screen.source
        if source is not None and self.going_on:
            training, scoring = self.training, self.scoring
            self.screen.ask("retraining", lambda: _stands(source, training, scoring), self._stands)

    def _stands(self, now: Stands) -> None:
        self.training, self.scoring = now.training, now.scoring
        self.note = now.told if self.going_on else ""
        if not self.going_on:
            self.screen.say(now.told)
        self.screen.draw_head()


def prm_form(lab: Lab) -> tuple[Stage, dict[str, str]]:
    """In a thread: the prm stage, filled in as it was launched last, replacing the newest PRM. Controls, trained on
    shuffled labels, are passed over."""
    from o1coder.queries import checkpoints
    from o1coder.queries.candidates import candidates
    from o1coder.queries.jobs import job
    from o1coder.stage import Pick, find
    from tui.form import written

    stage, entered = find("prm"), {}
    asked = {one.id: job(lab, one.id).config for one in candidates(lab, Pick("job", stage="prm"))}
    controls = {job_id for job_id, config in asked.items() if config.get("shuffle") is not None}
    known = [config for job_id, config in asked.items() if job_id not in controls]
    if known:
        entered = {name: written(value) for name, value in known[0].items()}
    else:
        models = candidates(lab, Pick("checkpoint", role="policy"))
        entered = {"base": str(models[-1].id)} if models else {}
    made = candidates(lab, Pick("checkpoint", role="prm"))
    with lab.reading() as connection:
        newest = (one.id for one in made if checkpoints.show(connection, one.id).job not in controls)
        replaced = next(newest, None)
    return stage, entered | ({} if replaced is None else {"refreshes": str(replaced)})


def _stands(source: TreeSource, training: int | None, scoring: int | None) -> Stands:
    """In a thread: move from training to scoring to done."""
    from o1coder.queries.jobs import job

    if scoring is not None:
        view = job(source.lab, scoring)
        if view.state == "done":
            return Stands(_compared(source), None, None)
        keep = view.state in ("queued", "running")
        return Stands(f"score job {view.id} {view.state}", None, scoring if keep else None)
    assert training is not None
    view = job(source.lab, training)
    if view.state in ("queued", "running"):
        part = f" {view.done}/{view.total}" if view.total else ""
        return Stands(f"prm job {view.id} {view.state}{part}", training, None)
    made = view.outputs.get("checkpoints", [])
    if view.state != "done" or not made:
        return Stands(f"job {view.id} {view.state}: {view.error or 'it left no checkpoint'}", None, None)
    return Stands(f"PRM checkpoint {made[-1]} is trained", None, _score_beside(source, made[-1]))


def _compared(source: TreeSource) -> str:
    """Both PRMs on the steps of which people spoke: on which side of a half each is right."""
    from o1coder.queries import scores, steprows

    told = "scored by the new PRM: was and is stand side by side"
    with source.lab.reading() as connection:
        prms = scores.scorers(connection, source.tree_id)
        if source.tree is None or len(prms) < 2:
            return told
        found = [one.step for one in steprows.page(connection, source.tree, sorted(source.stated), prms[0])]
        before = [one.step for one in steprows.page(connection, source.tree, sorted(source.stated), prms[1])]
    both = [
        (old.score, new.score, new.label == "valid")
        for old, new in zip(before, found, strict=True)
        if old.score is not None and new.score is not None and new.label in ("valid", "invalid")
    ]
    if not both:
        return told
    was, now = (sum((pair[side] > 0.5) == pair[2] for pair in both) for side in (0, 1))
    return f"on the {len(both)} steps people spoke of, PRM {prms[0]} is right on {now}, PRM {prms[1]} was on {was}"


def _score_beside(source: TreeSource, checkpoint: int) -> int:
    """Enqueue the scoring of this tree by a new PRM, and by the one before it where it has not scored it yet."""
    from o1coder.queries.candidates import candidates
    from o1coder.stage import Pick

    older = [one.id for one in candidates(source.lab, Pick("checkpoint", role="prm")) if one.id < checkpoint]
    if older and older[0] not in source.prms:
        _score(source, older[0])
    return _score(source, checkpoint)


def _score(source: TreeSource, checkpoint: int) -> int:
    from o1coder.jobs.launch import ensure_worker
    from o1coder.jobs.verbs import enqueue

    assert source.head is not None
    query = f"job:{source.head.job} problem:{source.head.problem}"
    job_id = enqueue(source.lab, "score", {"prm": checkpoint, "query": query})
    ensure_worker(source.lab)
    return job_id
