"""Stage 4: train the process reward model, point-wise on step labels or pair-wise on siblings.

It starts from the base model every time (a refresh does not continue the old one), so that what it learns is the labels
as they count now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from o1coder.stage import Pick, Reporter, Selects, Trains, stage

if TYPE_CHECKING:
    from o1coder.datasets import Row
    from o1coder.lab import Lab


class Prm(Trains):
    """Train the process reward model on step labels: point-wise (hard or soft targets) or pair-wise."""

    base: Annotated[int, Pick("checkpoint", role="policy", full=True)] = Field(
        description="the model whose weights it starts from (a whole one, no adapter)"
    )
    refreshes: Annotated[int | None, Pick("checkpoint", role="prm")] = Field(
        None, description="the PRM that this one replaces (lineage; and continued from where `continue_from` is set)"
    )
    continue_from: bool = Field(False, description="go on from `refreshes` instead of the base")
    mode: Literal["point", "pair"] = Field("point", description="point-wise (eq. 3) or pair-wise (eq. 4)")
    target: Literal["validity", "value"] = Field("validity", description="hard labels, or the search's soft values")
    query: Selects = Field("split:train", description="which trees: field:value words")
    pairs: Literal["siblings", "strict"] = Field(
        "siblings", description="pair-wise: any siblings, or only under rStar-Math's and confidence conditions"
    )
    margin: float | None = Field(
        None, ge=0, le=1, description="pair-wise: least difference of the siblings' values; strict: 0.5 unless named"
    )
    edit: int | None = Field(
        None, ge=0, description="pair-wise: least edit distance of the texts in characters; strict: 20 unless named"
    )
    shuffle: int | None = Field(
        None, description="control: labels shuffled within problem and kind of step by this seed (point-wise, validity)"
    )
    iterations: int = Field(16, ge=1, description="optimizer iterations")
    batch: int = Field(8, ge=1, description="rows an iteration")
    lr: float = Field(5e-4, gt=0, description="learning rate")


@stage("prm", Prm, gpus=1)
def prm(lab: Lab, config: Prm, report: Reporter) -> None:
    """Freeze labelled steps, train, record the checkpoint."""
    from o1coder import checkpoints, consensus, datasets, mining, selection
    from o1coder.errors import LabError
    from o1coder.rows import By
    from o1coder.text import FORMAT_DIGEST
    from o1coder.training import train

    if config.shuffle is not None and (config.mode, config.target) != ("point", "validity"):
        raise LabError("only point-wise validity labels can be shuffled", "leave --mode and --target away")
    by = By(job_id=report.job_id)
    excluded = selection.Excluded()
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        query, said = consensus.settled(connection, selection.Query.parse(config.query).training(), as_of)
        rule = mining.rule(config.pairs, config.margin, config.edit)
        if config.mode == "point":
            found = selection.labelled_steps(connection, query, as_of, excluded, target=config.target)
            rows = point_rows(found, config.shuffle)
        else:
            rows = pair_rows(mining.pairs(connection, query, as_of, excluded, rule), rule)
    frozen = datasets.freeze(
        lab,
        f"prm-{config.mode}",
        rows,
        query={"query": query.text(), **said, **rule.said, "format": FORMAT_DIGEST, "shuffle": config.shuffle},
        as_of=as_of,
        by=by,
        target=config.target,
        excluded=excluded.counts,
    )
    report.log(f"{frozen.rows} rows; left out: {excluded.counts}")
    filtered = filter_note(said)
    if filtered:
        report.log(filtered)
    if config.continue_from and config.refreshes is None:
        raise LabError("continue_from is set but refreshes names no PRM", "name the PRM to go on from")
    start = checkpoints.weights(lab, config.refreshes if config.continue_from and config.refreshes else config.base)
    spec = config.spec("prm", start, mode=config.mode, max_length=config.max_length)
    if not config.continue_from:
        spec["adapter"] = None
    trained = train(lab, report, spec, datasets.rows_of(frozen))
    checkpoints.record(
        lab,
        trained.model,
        trained.done,
        role="prm",
        start=start,
        parent_id=config.refreshes,
        prompt=None,
        by=by,
        note=f"{config.mode}-wise, {config.target}"
        + ("" if config.shuffle is None else ", labels shuffled: a control")
        + (f"; {filtered}" if filtered else ""),
    )


def filter_note(said: dict[str, Any]) -> str:
    """What a PRM's card must say when another PRM's opinion chose its rows; empty where none did."""
    found = said.get("filter", {})
    if "prm" not in found:
        return ""
    return f"rows chosen by PRM {found['prm']} at {found['threshold']:.3g} ({found['tuned_on']})"


def point_rows(found: Any, shuffle: int | None = None) -> list[Row]:
    """Rows {"text", "value", "weight"} with weight 1 / rows of the problem; `shuffle` makes the control of
    measurement.md §3, whose within-problem AUC must be no better than chance."""
    from collections import Counter

    from o1coder import measure, selection
    from o1coder.datasets import Row
    from o1coder.text import prefix_text

    items = list(found)
    count = Counter(item.problem_id for item in items)
    targets = [item.target for item in items]
    if shuffle is not None:
        problems, kinds = [item.problem_id for item in items], [item.prefix[-1].action for item in items]
        targets = [float(t) for t in measure.shuffled_labels(problems, kinds, [t == 1.0 for t in targets], shuffle)]
    return [
        Row(
            {
                "text": prefix_text(item.task, selection.parts(item.prefix)),
                "value": target,
                "weight": 1 / count[item.problem_id],
            },
            step_id=item.prefix[-1].id,
            label_ids=item.label_ids,
            path_ids=item.path_ids,
        )
        for item, target in zip(items, targets, strict=True)
    ]


def pair_rows(found: Any, rule: Any) -> list[Row]:
    """Rows {"prompt", "chosen", "rejected", "weight"}: the exported preference rows, a problem's weights summing to 1."""
    from o1coder import mining
    from o1coder.export import preference

    items = list(found)
    return [preference.row(item, weight) for item, weight in zip(items, mining.weights(items, rule), strict=True)]
