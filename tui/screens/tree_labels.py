"""What a person says of steps on the tree screen: labels, what follows from them, undo and redo.

A single label is on disk before the next step is shown; several at once, and what a first error or a corrected program
brings with it, are counted first and written only after a yes. What is written is o1coder/labels.py's and corrections.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from o1coder.errors import LabError
from tui.text import GLYPHS, Cell, state

if TYPE_CHECKING:
    from o1coder.corrections import Applied, Change, Preview
    from o1coder.labels import Added
    from o1coder.queries.stepfacts import Given
    from tui.screens.tree import TreeScreen
    from tui.screens.tree_source import TreeSource

Value = Literal["valid", "invalid", "unsure"]
IN_VIEW: dict[str, Any] = {"hidden": False}  # the tree shows what search and PRM say
Begun = tuple[Callable[[], Any], Callable[[Any], None]]


def warm() -> None:
    """In a thread: load what writing a label needs."""
    import o1coder.corrections
    import o1coder.labels  # noqa: F401


class Undone(NamedTuple):
    """A label or a batch that was taken back: what it had said, so that it can be said again."""

    given: Given
    words: list[tuple[int, str, str | None]]
    stale: list[int]


class Corrections:
    """The verbs, for one screen. What was given here is undone newest first; before that, what its author gave earlier."""

    def __init__(self, screen: TreeScreen) -> None:
        self.screen = screen
        self.mine: list[Given] = []
        self.undone: list[list[tuple[int, str, str | None]]] = []

    def forget(self) -> None:
        """Another tree is shown."""
        self.mine.clear()
        self.undone.clear()

    # one step --------------------------------------------------------------------------------------------------------
    def label(self, value: Value) -> None:
        """Say this of the step under the cursor, or, after a yes, of every marked step."""
        source = self.screen.source
        if source is None or self.screen.refused("label steps"):
            return
        marked = sorted(row_id for row_id in self.screen.outline.marks if not source.is_root(row_id))
        if not marked:
            self.screen.act(partial(self._begin_one, value))
            return

        def counted(connection: Any) -> list[Change]:
            from o1coder.corrections import Change

            return [Change(step, value) for step in marked]

        self._preview(f"label {len(marked)} marked steps {value}", f"{len(marked)} steps {value}", counted)

    def _begin_one(self, value: Value) -> Begun | None:
        screen, source = self.screen, self.screen.source
        step_id = screen.outline.row_id
        if source is None or step_id is None:
            return None
        if source.is_root(step_id):
            screen.say("the root is the problem itself and takes no label")
            return None
        self._under_way(source, step_id, value)
        write = partial(self._write, source, step_id, value, screen.looked_ms())
        return write, partial(self._labelled, source, step_id)

    def _under_way(self, source: TreeSource, step_id: int, value: Value) -> None:
        """The key is answered at once: the word stands there dim until it is on disk."""
        line = source.lines.get(step_id)
        if line is not None:
            place = [column.title for column in source.columns()].index("label")
            row = list(source.row(line))
            row[place] = Cell(state(value).text + GLYPHS.ellipsis, "dim")
            self.screen.outline.put(step_id, tuple(row))

    @staticmethod
    def _write(source: TreeSource, step_id: int, value: Value, taken_ms: int | None) -> Added | LabError:
        """In a thread: the label is on disk when this returns; or why it is not."""
        from o1coder.home import author
        from o1coder.labels import add_human

        line = source.lines.get(step_id)
        step = None if line is None else line.step
        seen = IN_VIEW | ({} if step is None else {"prm": step.score, "label": step.label, "source": step.source})
        try:
            return add_human(source.lab, step_id, value, author(), seen=seen, taken_ms=taken_ms, picked="tree")
        except LabError as error:
            return error

    def _labelled(self, source: TreeSource, step_id: int, added: Added | LabError) -> None:
        if isinstance(added, LabError):
            if step_id in source.lines:
                self.screen.outline.put(step_id, source.row(source.lines[step_id]))
            self.screen.say(f"not written: {added.message} {GLYPHS.dot} {added.hint}")
            return
        from o1coder.queries.stepfacts import Given

        self.mine.append(Given(added.id, added.step, None))
        self.undone.clear()
        source.say_labelled(added.step, added.value or "", added.id, added.stale_checkpoints)
        if self.screen.outline.row_id == added.step:
            self.screen.outline.action_move(1)
            self.screen.draw_detail()
        self.screen.following.relabelled([added.step])
        self._tell(added.value or "", added.stale_checkpoints)

    def _tell(self, what: str, stale: Sequence[int]) -> None:
        told = (
            f"checkpoints now stale: {' '.join(map(str, stale))} (R retrains)"
            if stale
            else "no checkpoint is stale for it"
        )
        self.screen.say(f"{what} {GLYPHS.dot} {told}")

    # several, after a yes ----------------------------------------------------------------------------------------------
    def first_error(self) -> None:
        """The step under the cursor is the first that is wrong: before it valid, it and all below it invalid."""
        step_id = self._step()
        if step_id is None:
            return

        def changes(connection: Any) -> list[Change]:
            from o1coder.corrections import first_error

            return first_error(connection, step_id)

        path = self.screen.path_of(step_id)
        self._preview(f"call {path} the first error", f"{path} is the first error", changes)

    def follow(self) -> None:
        """Say the word that counts for this step again, with what follows from it: below a first error, above a program."""
        step_id, source = self._step(), self.screen.source
        if step_id is None or source is None:
            return
        line = source.lines.get(step_id)
        if line is None or line.step.label is None:
            self.screen.say("nothing is said of this step yet: a valid, x invalid, s unsure, then p")
            return
        value = line.step.label

        def changes(connection: Any) -> list[Change]:
            from o1coder.corrections import propagate

            return propagate(connection, step_id, value, after=True, ancestors=True)

        path = self.screen.path_of(step_id)
        self._preview(f"say {value} of {path} and of what follows", f"{value} with what follows", changes)

    def _step(self) -> int | None:
        source, step_id = self.screen.source, self.screen.outline.row_id
        if source is None or step_id is None or self.screen.refused("label steps"):
            return None
        if source.is_root(step_id):
            self.screen.say("the root is the problem itself and takes no label")
            return None
        return step_id

    def _preview(self, what: str, told: str, changes: Callable[[Any], list[Change]]) -> None:
        """Count what changes would do and ask."""
        lab = self.screen.lab
        assert lab is not None
        self.screen.say("counting what this would change")

        def count() -> tuple[list[Change], Preview]:
            from o1coder.corrections import preview
            from o1coder.home import author

            with lab.reading() as connection:
                found = changes(connection)
                return found, preview(connection, found, author())

        def ask(counted: tuple[list[Change], Preview]) -> None:
            from tui.screens.preview import PreviewCorrections

            found, preview = counted
            names = {step: self.screen.path_of(step) for step, _, _ in preview.values}

            def answered(yes: bool | None) -> None:
                if yes:
                    self.screen.say(f"writing {len(found)} labels")
                    self.screen.act(lambda: (partial(self._apply, found), partial(self._applied, told)))

            self.screen.app.push_screen(PreviewCorrections(what, found, preview, names), answered)

        self.screen.ask("preview", count, ask)

    def _apply(self, changes: Sequence[Change]) -> Applied:
        """In a thread: one transaction, on disk when this returns."""
        from o1coder.corrections import apply
        from o1coder.home import author

        assert self.screen.lab is not None
        return apply(self.screen.lab, changes, author(), picked="tree", seen=IN_VIEW)

    def _applied(self, told: str, applied: Applied) -> None:
        from o1coder.queries.stepfacts import Given

        self.mine.append(Given(*applied.labels[-1], applied.batch))
        self.undone.clear()
        self.screen.outline.clear_marks()
        self.screen.following.relabelled([step for _, step in applied.labels])
        self._tell(told, applied.stale_checkpoints)

    # back and again ------------------------------------------------------------------------------------------------------
    def undo(self, *, go: bool) -> None:
        """Take back the newest label, or the whole batch that it was given in; `go`: to the step as well."""
        if self.screen.source is not None and not self.screen.refused("take labels back"):
            self.screen.act(partial(self._begin_undo, go))

    def _begin_undo(self, go: bool) -> Begun | None:
        source = self.screen.source
        if source is None:
            return None
        given = self.mine.pop() if self.mine else None
        return partial(self._take_back, source, given), partial(self._taken_back, go)

    @staticmethod
    def _take_back(source: TreeSource, given: Given | None) -> Undone:
        from o1coder.corrections import undo_batch
        from o1coder.errors import LabError
        from o1coder.home import author
        from o1coder.labels import undo
        from o1coder.queries import stepfacts

        with source.lab.reading() as connection:
            given = given or stepfacts.newest_of(connection, source.tree_id, author())
            if given is None:
                raise LabError("nothing to undo: no label of yours stands in this tree", "")
            words = stepfacts.words_of(connection, given)
        if given.batch is None:
            return Undone(given, words, undo(source.lab, given.label, author()).stale_checkpoints)
        return Undone(given, words, undo_batch(source.lab, given.batch, author()).stale_checkpoints)

    def _taken_back(self, go: bool, undone: Undone) -> None:
        self.undone.append(undone.words)
        if go:
            self.screen.outline.reveal(undone.given.step)
        self.screen.following.relabelled([step for step, _, _ in undone.words])
        what = f"label {undone.given.label} is" if len(undone.words) == 1 else f"{len(undone.words)} labels are"
        self._tell(f"{what} taken back", undone.stale)

    def redo(self) -> None:
        """Say again what was taken back last."""
        if self.screen.source is None or self.screen.refused("label steps"):
            return
        if not self.undone:
            self.screen.say("nothing to redo: z takes a label back, Z gives it again")
            return

        def begin() -> Begun | None:
            from o1coder.corrections import Change

            if not self.undone:
                return None
            words = self.undone.pop()
            left = list(self.undone)

            def again(applied: Applied) -> None:
                self._applied(f"{len(words)} said again", applied)
                self.undone[:] = left

            return partial(self._apply, [Change(*word) for word in words]), again

        self.screen.act(begin)
