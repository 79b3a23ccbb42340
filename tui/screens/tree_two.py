"""Which two trees of a problem are put beside each other: those marked in the list, this one and one that is chosen, or the
two that are shown the other way round. What is drawn of them is tree_beside.py's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from o1coder.queries.trees import TreeRow
    from tui.screens.tree import TreeScreen

MOST_OTHERS = 200


def beside(screen: TreeScreen) -> None:
    """Put two trees beside each other, or change their places."""
    if screen.pair is not None:
        screen.lab_app.go("tree", f"{screen.pair[1]} {screen.pair[0]}")
    elif screen.tree_id is None:
        table = screen.table
        marked = table.marks if len(table.marks) == 2 else table.marks | {table.row_id or 0}
        if len(marked) == 2:
            one, other = sorted(marked)
            screen.lab_app.go("tree", f"{one} {other}")
        else:
            screen.say("mark two trees of one problem (space), then = or enter")
    elif screen.source is not None and screen.source.head is not None:
        _choose_other(screen, screen.source.head)


def _choose_other(screen: TreeScreen, tree: TreeRow) -> None:
    """Ask beside which other tree of its problem a tree is to stand, and go there."""
    lab = screen.lab
    if lab is None:
        return

    def others() -> list[TreeRow]:
        from o1coder.queries import treelist, trees

        with lab.reading() as connection:
            ids = [one for one in treelist.ids(connection, f"problem:{tree.problem}") if one != tree.id]
            return trees.rows(connection, ids[:MOST_OTHERS])

    def choose(found: list[TreeRow]) -> None:
        from tui.screens.ask import Choose, Option

        def chosen(index: int | None) -> None:
            if index is not None:
                one, other = sorted((tree.id, found[index].id))
                screen.lab_app.go("tree", f"{one} {other}")

        options = []
        for row in found:
            where = f"job {row.job}" + ("" if row.round is None else f" round {row.round}")
            told = f"{where} {row.preset} {row.solved}/{row.rollouts} solved, {row.ended or 'growing'}"
            options.append(Option(str(row.id), told))
        if options:
            screen.app.push_screen(Choose(f"tree {tree.id} beside which tree of its problem?", options), chosen)
        else:
            screen.say("there is no other tree of this problem")

    screen.ask("others", others, choose)
