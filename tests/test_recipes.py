"""The demo's settings: its budgets fit into 18 minutes and name moves of the round; its config is one selfplay takes."""

from __future__ import annotations

import pytest

from o1coder import loop, recipes, stage


def test_the_budgets_of_the_demo_fit_its_limit_and_cover_every_move() -> None:
    config = recipes.demo(1, 1)
    assert sum(config["budgets"].values()) <= recipes.DEMO_LIMIT_S
    settings = loop.Settings(base=1)
    assert set(config["budgets"]) == {name for name, _ in loop.moves(settings, 0)}


@pytest.mark.parametrize("full", [False, True])
def test_the_demo_is_a_config_that_every_stage_takes(full: bool) -> None:
    config = recipes.demo(1, 2, full=full)
    parsed = stage.parse(stage.find("selfplay").config, config).model_dump()
    moves = loop.moves(loop.Settings(base=1), 0)
    names = {name for name, _ in moves} | {declared for _, declared in moves}
    assert set(parsed["overrides"]) <= names
    for name, values in parsed["overrides"].items():
        for move, declared in moves:
            if name in (move, declared):
                assert set(values) <= set(stage.find(declared).config.model_fields)
