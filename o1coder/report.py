"""What a round came to, as one value and as a table: the figures of `demo.json`, each derived from rows.

Figures are shown as they are. What is undefined is null, printed n/a. Nothing is decided here: the gate has decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from sqlalchemy.engine import Connection

from o1coder import loop, measure
from o1coder.lab import Lab
from o1coder.queries import jobs, rounds

CONDITIONS = (
    ("base direct", "base-direct"),
    ("base pseudocode", "base"),
    ("after SFT", "sft"),
    ("after RL", "rl-policy"),
)
GENERATORS = (("before", "tests-before"), ("after SFT", "tests-sft"), ("after DPO", "tests-dpo"))


def round_report(lab: Lab, run: str, number: int) -> dict[str, Any]:
    """Everything the round's table says."""
    with lab.reading() as connection:
        done = rounds.done(connection, run, number)
        standing = _standing(connection, run, number)
        costs = rounds.costs(connection, run, number)
        decision = rounds.decision(connection, run, number)
        found: dict[str, Any] = {
            "run": run,
            "round": number,
            "tcg": _validities(connection, standing),
            "data": _data(connection, done.get("synthesize")),
            "pass_at_1": _conditions(connection, standing, "test"),
            "pass_at_1_on_gate": _conditions(connection, standing, "validation"),
            "decision": None
            if decision is None
            else {"outcome": decision.outcome, "checkpoint": decision.checkpoint, **decision.evidence},
            "stages": [cost._asdict() for cost in costs],
            "seconds": sum(cost.seconds or 0.0 for cost in costs),
            "tokens_in": sum(cost.tokens_in for cost in costs),
            "tokens_out": sum(cost.tokens_out for cost in costs),
            "sandbox_runs": sum(cost.sandbox_runs for cost in costs),
        }
    found["prm"] = _metrics(lab, done.get("prm-figures"))
    found["training"] = {
        move: _iterations(lab, done.get(move)) for move in ("tcg-sft", "tcg-dpo", "policy-sft", "prm", "rl")
    }
    return found


def _standing(connection: Connection, run: str, number: int) -> dict[str, tuple[int, loop.Done]]:
    """The newest (round, job) of every measure, up to this round: the base is measured once a run, in its first round."""
    measures = {move for _, move in (*CONDITIONS, *GENERATORS)}
    found: dict[str, tuple[int, loop.Done]] = {}
    for earlier in range(number + 1):
        for move, done in rounds.done(connection, run, earlier).items():
            if move in measures:
                found[move] = (earlier, done)
    return found


def _metrics(lab: Lab, move: loop.Done | None) -> dict[str, float]:
    return {} if move is None else {point.name: point.value for point in jobs.metrics(lab, move.job)}


def _iterations(lab: Lab, move: loop.Done | None) -> int | None:
    if move is None:
        return None
    return max((point.iteration for point in jobs.metrics(lab, move.job)), default=0)


def _items(connection: Connection, move: loop.Done | None, split: str | None) -> list[tuple[int, int, int, int]]:
    """(problem, n, c, complete) of a move's evaluation of one split."""
    if move is None:
        return []
    rows = connection.exec_driver_sql(
        "SELECT i.problem_id, i.n, i.c, i.complete FROM evaluation e JOIN evaluation_item i ON i.evaluation_id = e.id "
        "WHERE e.job_id = ? AND (?2 IS NULL OR e.split = ?2) ORDER BY i.problem_id".replace("= ? ", "= ?1 "),
        (move.job, split),
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def _validities(connection: Connection, standing: Mapping[str, tuple[int, loop.Done]]) -> dict[str, Any]:
    """Raw validity of the generators, over the problems that all of them were asked for: one that a budget stopped early
    would else be compared on other problems."""
    items = {
        label: _items(connection, standing[move][1] if move in standing else None, None) for label, move in GENERATORS
    }
    asked = [{item[0] for item in found} for found in items.values() if found]
    shared = set.intersection(*asked) if asked else set()
    return {label: _validity([item for item in found if item[0] in shared]) for label, found in items.items()}


def _validity(items: list[tuple[int, int, int, int]]) -> dict[str, Any] | None:
    if not items:
        return None
    asked, parsed = sum(i[1] for i in items), sum(i[3] for i in items)
    found = measure.case_validity([(i[2], i[1]) for i in items])
    pooled = found.pooled
    return {
        "problems": len(items),
        "asked": asked,
        "parsed": parsed,
        "valid": sum(i[2] for i in items),
        "validity": None if pooled is None else pooled.value,
        "low": None if pooled is None else pooled.low,
        "high": None if pooled is None else pooled.high,
    }


def _data(connection: Connection, move: loop.Done | None) -> dict[str, Any]:
    if move is None:
        return {}
    one = "SELECT COUNT(*) FROM {} WHERE x.job_id = ?"
    tables = {
        "trees": "tree x",
        "steps": "tree x JOIN step s ON s.tree_id = x.id AND s.parent_id IS NOT NULL",
        "completions": "tree x JOIN completion c ON c.tree_id = x.id",
        "unparsed": "tree x JOIN completion c ON c.tree_id = x.id AND c.step_id IS NULL",
        "rollouts": "tree x JOIN rollout r ON r.tree_id = x.id",
        "solved": "tree x JOIN rollout r ON r.tree_id = x.id AND r.total > 0 AND r.passed = r.total",
    }
    counts: dict[str, Any] = {
        name: connection.exec_driver_sql(one.format(source), (move.job,)).scalar() for name, source in tables.items()
    }
    counts["labels"] = dict(
        connection.exec_driver_sql(
            "SELECT l.value, COUNT(*) FROM label l WHERE l.job_id = ? GROUP BY l.value ORDER BY l.value", (move.job,)
        ).all()
    )
    return counts


def _conditions(connection: Connection, standing: Mapping[str, tuple[int, loop.Done]], split: str) -> dict[str, Any]:
    items = {
        label: _items(connection, standing[move][1] if move in standing else None, split) for label, move in CONDITIONS
    }
    rounds_of = {label: standing[move][0] for label, move in CONDITIONS if move in standing}
    out: dict[str, Any] = {}
    base = [(p, n, c) for p, n, c, _ in items["base pseudocode"]]
    for label, found in items.items():
        if not found:
            out[label] = None
            continue
        estimate = measure.mean_pass_at_k([(n, c) for _, n, c, _ in found], 1)
        interval = measure.bootstrap_mean(estimate.per_problem) if estimate.per_problem else None
        samples, complete = sum(n for _, n, _, _ in found), sum(k for *_, k in found)
        right = sum(c for _, _, c, _ in found)
        out[label] = {
            "round": rounds_of[label],
            "problems": len(found),
            "samples": samples,
            "value": estimate.value,
            "low": None if interval is None else interval.low,
            "high": None if interval is None else interval.high,
            "complete": complete / samples if samples else None,
            "pass_given_complete": right / complete if complete else None,
            "against_base": _against(found, base) if label != "base pseudocode" else None,
        }
    return out


def _against(found: list[tuple[int, int, int, int]], base: list[tuple[int, int, int]]) -> dict[str, Any] | None:
    pair = loop.paired([(p, n, c) for p, n, c, _ in found], base)
    if not pair.problems:
        return None
    interval = measure.paired_difference(pair.new, pair.old)
    differences = [new - old for new, old in zip(pair.new, pair.old, strict=True)]
    return {
        "problems": len(pair.problems),
        "difference": fmean(differences),
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "detectable_gain": measure.detectable_gain(differences),
    }


def lines(found: Mapping[str, Any]) -> list[str]:
    """The table, at most 100 columns wide."""
    out = [f"run {found['run']}, round {found['round']}", ""]
    out.append("test case generator: raw validity on problems it never saw (before any filter)")
    for label, one in found["tcg"].items():
        if one is not None:
            share = _share(one["validity"], one["low"], one["high"])
            out.append(
                f"  {label:<18}{share}  {one['valid']} of {one['asked']} asked for, {one['parsed']} could be read"
            )
    data = found["data"]
    if data:
        labels = ", ".join(f"{n} {value}" for value, n in data["labels"].items())
        out += ["", f"search: {data['trees']} trees, {data['steps']} steps, {data['completions']} completions"]
        out.append(
            f"  {data['unparsed']} of them unparsed; {data['solved']} of {data['rollouts']} rollouts pass every test"
        )
        out.append(f"  labels: {labels}")
    out += ["", "process reward model on unseen families, steps drawn afresh (AUC, interval over problems)"]
    out += [line for kind in ("prefix", "code") for line in _prm_lines(kind, found["prm"])]
    out += ["", "pass@1 on test", f"  {'':<18}{'pass@1':<22}{'complete':<10}{'against base pseudocode'}"]
    for label, one in found["pass_at_1"].items():
        if one is None:
            out.append(f"  {label:<18}n/a")
            continue
        against = one["against_base"]
        gain = "" if against is None else _share(against["difference"], against["low"], against["high"], sign=True)
        complete = "n/a" if one["complete"] is None else f"{one['complete']:.0%}"
        earlier = "" if one["round"] == found["round"] else f"  (round {one['round']})"
        out.append(f"  {label:<18}{_share(one['value'], one['low'], one['high']):<22}{complete:<10}{gain}{earlier}")
    out += _power_lines(found)
    out += _decision_lines(found["decision"])
    out += ["", f"{'stage':<14}{'s':>7} {'tokens':>8} {'verdicts':>8}  note"]
    for cost in found["stages"]:
        note = "stopped at its budget, kept what it had" if cost["stopped"] == "budget" else ""
        seconds = "-" if cost["seconds"] is None else f"{cost['seconds']:.0f}"
        out.append(f"{cost['move']:<14}{seconds:>7} {cost['tokens_out']:>8} {cost['sandbox_runs']:>8}  {note}".rstrip())
    out.append(f"{'in all':<14}{found['seconds']:>7.0f} {found['tokens_out']:>8} {found['sandbox_runs']:>8}")
    return out


def _share(value: float | None, low: float | None, high: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "n/a"
    form = "+.2f" if sign else ".2f"
    bounds = "" if low is None or high is None or low == high else f" [{low:{form}}, {high:{form}}]"
    return f"{value:{form}}{bounds}"


def _prm_lines(kind: str, prm: Mapping[str, float]) -> list[str]:
    steps = prm.get(f"{kind}_steps", 0)
    if not steps:
        return [f"  {kind:<8} n/a: no steps were drawn"]

    def one(name: str) -> str:
        return _share(prm.get(name), prm.get(f"{name}_low"), prm.get(f"{name}_high"))

    head = (
        f"  {kind:<8} pooled {one(f'{kind}_pooled')}, within problem {one(f'{kind}_within')}; {steps:.0f} steps of "
        f"{prm.get(f'{kind}_problems', 0):.0f} problems, {prm.get(f'{kind}_problems_with_both', 0):.0f} with both classes"
    )
    baselines = (
        f"  {'':<8} baselines: problem mean {one(f'{kind}_mean_baseline')}, step length "
        f"{one(f'{kind}_length_baseline')} pooled, {one(f'{kind}_length_baseline_within')} within"
    )
    if f"{kind}_ceiling_pooled" in prm:
        baselines += f"; ceiling {one(f'{kind}_ceiling_pooled')} / {one(f'{kind}_ceiling_within')}"
    return [head, baselines]


def _power_lines(found: Mapping[str, Any]) -> list[str]:
    one = found["pass_at_1"].get("after RL")
    iterations = found["training"].get("rl")
    gain = None if not one or not one["against_base"] else one["against_base"]["detectable_gain"]
    shown = "n/a (too few problems differ)" if gain is None else f"{100 * gain:.0f} points"
    out = [f"  the smallest gain over base pseudocode that this size shows with 80 % power: {shown}"]
    if iterations is not None:
        word = "iteration" if iterations == 1 else "iterations"
        out.append(
            f"  RL ran {iterations} {word}: " + ("shown to work, too few to learn" if iterations < 50 else "done")
        )
    return out


def _decision_lines(decision: Mapping[str, Any] | None) -> list[str]:
    if decision is None:
        return ["", "gate: not yet"]
    if "difference" not in decision:
        return ["", f"gate: {decision['outcome']} ({decision.get('why', 'no evidence')})"]
    size = decision["detectable"]
    power = "" if size is None else f"; this size shows gains above {100 * size:.0f} points"
    return [
        "",
        f"gate: {decision['outcome']}: paired difference on validation {decision['difference']:+.2f}, one-sided bounds "
        f"[{decision['lower']:+.2f}, {decision['upper']:+.2f}] at level {decision['level']:.3g}",
        f"  {decision['problems']} problems, {decision['differ']} differ{power}",
    ]
