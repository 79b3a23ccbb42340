"""What is done to a checkpoint from its screen: decided, written out, trained again. Each runs in a worker thread by the verb
that the command line calls, and is told in the key bar."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from o1coder.errors import LabError
from tui.screens.frame import Frame

if TYPE_CHECKING:
    from o1coder.queries.remedy import Remedy
    from o1coder.releasing import Written
    from o1coder.stage import Stage

Outcome = Literal["accepted", "rejected"]


def decide(screen: Frame, checkpoint: int, outcome: Outcome, reason: str) -> None:
    """Append a person's decision; on disk before it is said."""
    lab = screen.lab
    if lab is None:
        return

    def append() -> int:
        from o1coder import checkpoints
        from o1coder.home import author

        return checkpoints.judge(lab, checkpoint, outcome, author(), reason)

    def done(_: int) -> None:
        screen.say(f"checkpoint {checkpoint} is {outcome}: it counts from the next round of its run on")
        screen.reload()

    screen.act(lambda: (append, done))


def write(screen: Frame, checkpoint: int, text: str) -> None:
    """Write a checkpoint into a folder: DIR, and after it how (own, with-base, merged)."""
    lab = screen.lab
    if lab is None:
        return
    words = text.split()
    how = words.pop() if words and words[-1] in ("own", "with-base", "merged") else "own"
    folder = " ".join(words)

    def begin() -> Written:
        from o1coder.releasing import KINDS, write_out

        if not folder:
            raise LabError("no folder was named", "as in /tmp/checkpoint-6 merged")
        return write_out(lab, checkpoint, Path(folder), next(kind for kind in KINDS if kind == how))

    def done(written: Written) -> None:
        screen.say(f"{written.out}: {len(written.files)} files, {written.bytes / 1e6:.1f} MB")

    screen.say(f"writing checkpoint {checkpoint} ({how}) into {folder}")
    screen.act(lambda: (begin, done))


def retrain(screen: Frame, checkpoint: int) -> None:
    """Open the launch form of the first job that would mend a stale checkpoint, filled as the job that made it was."""
    lab = screen.lab
    if lab is None:
        return

    def find() -> tuple[list[Remedy], Remedy | None, Stage | None]:
        from o1coder import stage
        from o1coder.queries import remedy

        with lab.reading() as connection:
            steps = remedy.remedies(connection, checkpoint)
        first = next((step for step in steps if step.mended_by is None), None)
        return steps, first, None if first is None else stage.find(first.stage)

    screen.ask("remedy", find, partial(_open, screen, checkpoint))


def _open(screen: Frame, checkpoint: int, answer: tuple[list[Any], Remedy | None, Stage | None]) -> None:
    from tui.form import written
    from tui.screens.launch import launch_form

    steps, first, stage = answer
    if not steps:
        screen.say(f"checkpoint {checkpoint} is not stale: there is nothing to train again")
    elif first is None or stage is None:
        screen.say(f"checkpoint {steps[-1].mended_by} has replaced {checkpoint}: nothing is left to train again")
    else:
        entered = {name: written(value) for name, value in first.config.items() if value is not None}
        launch_form(screen, stage, {**entered, "run": first.run or ""})
