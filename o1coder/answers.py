"""What the stages that are commands of their own print, derived from their rows where these hold it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.queries import jobs


def of(lab: Lab, stage: str, job_id: int) -> tuple[dict[str, Any], bool]:
    """(the command's object, whether the answer is yes) of a finished job."""
    if stage == "evaluate":
        return _evaluate(lab, job_id), True
    if stage == "solve":
        return _solve(lab, job_id)
    if stage == "anatomy":
        from o1coder import anatomizing

        return anatomizing.answer(lab, job_id), True
    file = lab.job_folder(job_id) / "answer.json"
    if not file.is_file():
        raise LabError(f"job {job_id} left no answer", f"`o1coder jobs log {job_id}`")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found, True


def leave(lab: Lab, job_id: int, answer: Mapping[str, Any]) -> None:
    """Keep a stage's own object in the job's folder, for the command that waits for it (import, export)."""
    partial = lab.job_folder(job_id) / "answer.json.part"
    partial.write_text(json.dumps(dict(answer), ensure_ascii=False), encoding="utf-8")
    partial.rename(lab.job_folder(job_id) / "answer.json")


def _evaluate(lab: Lab, job_id: int) -> dict[str, Any]:
    from o1coder import measure
    from o1coder.evaluating import official_comparators
    from o1coder.queries import checkpoints

    config = jobs.job(lab, job_id).config
    beside: dict[int, dict[str, float]] = {}  # best-of-n at equal tokens, split by split (searchfigures.py)
    for point in jobs.metrics(lab, job_id):
        if point.name.startswith(("best_of_n_", "search_", "gain")):
            beside.setdefault(point.iteration, {})[point.name] = point.value
    found = []
    with lab.reading() as connection:
        for row in reversed(checkpoints.evaluations(connection, job=job_id)):
            items = checkpoints.evaluation_items(connection, row.id)
            counts = [(n, c) for _, n, c, _, _ in items]
            pass_at: dict[str, Any] = {}
            for k in config.get("k", [1]):
                estimate = measure.mean_pass_at_k(counts, int(k))
                interval = measure.bootstrap_mean(estimate.per_problem)
                pass_at[str(k)] = None
                if estimate.value is not None:
                    low, high = (None, None) if interval is None else (interval.low, interval.high)
                    pass_at[str(k)] = {"value": estimate.value, "low": low, "high": high}
            official = official_comparators(connection, [i[0] for i in items]) if config.get("official") else {}
            sandbox = connection.exec_driver_sql("SELECT sandbox_s FROM evaluation WHERE id = ?", (row.id,)).scalar()
            found.append(
                {
                    "evaluation": row.id,
                    "split": row.split,
                    "mode": row.mode,
                    "official": sorted({one.name for one in official.values()}) if config.get("official") else None,
                    "problems": row.problems,
                    "n": row.n,
                    "pass_at": pass_at,
                    "masked": row.masked,
                    "complete": row.complete,
                    "tokens": row.tokens_out,
                    "sandbox_s": sandbox,
                    "stopped": row.stopped,
                    "baseline": beside.get(list(dict.fromkeys(config.get("split", [row.split]))).index(row.split))
                    if row.mode == "search"
                    else None,
                    "per_problem": [{"problem": p, "n": n, "c": c, "masked": m} for p, n, c, m, _ in items],
                }
            )
    if not found:
        raise LabError(f"job {job_id} left no evaluation", f"`o1coder jobs log {job_id}`")
    return found[0] if len(found) == 1 else {"evaluations": found}


def _solve(lab: Lab, job_id: int) -> tuple[dict[str, Any], bool]:
    from o1coder.solving import chosen_by, settled

    job = jobs.job(lab, job_id)
    with lab.reading() as connection:
        tree = connection.exec_driver_sql(
            "SELECT id, test_set_id, profile_id FROM tree WHERE job_id = ? AND kind = 'search' ORDER BY id LIMIT 1",
            (job_id,),
        ).first()
        chosen = None if tree is None else chosen_by(connection, tree[0], job.config)
        tests = []
        if tree is not None:
            rows = connection.exec_driver_sql(
                "SELECT t.input, t.expected, t.origin, v.code FROM test_set_item i JOIN test_case t ON t.id = i.test_case_id "
                "LEFT JOIN verdict v ON v.test_case_id = t.id AND v.program_id = ? AND v.profile_id = ? "
                "WHERE i.test_set_id = ? ORDER BY i.ordinal",
                (None if chosen is None else chosen.program_id, tree[2], tree[1]),
            )
            tests = [{"input": r[0], "expected": r[1], "origin": r[2], "verdict": r[3]} for r in rows]
        tokens = connection.exec_driver_sql(
            "SELECT COALESCE(SUM(c.tokens_out), 0) FROM completion c JOIN tree x ON x.id = c.tree_id WHERE x.job_id = ?",
            (job_id,),
        ).scalar()
        runs = connection.exec_driver_sql("SELECT COUNT(*) FROM verdict WHERE job_id = ?", (job_id,)).scalar()
        wall = connection.exec_driver_sql(
            "SELECT SUM((julianday(ended_at) - julianday(started_at)) * 86400.0) FROM attempt WHERE job_id = ?",
            (job_id,),
        ).scalar()
    yes = settled(chosen)
    answer = {
        "accepted": yes,
        "code": None if chosen is None else chosen.code,
        "tests": tests,
        "mode": "search",
        "tree": None if tree is None else tree[0],
        "leaf": None if chosen is None else chosen.leaf_id,
        "agree": None if chosen is None else chosen.choice.agree,
        "telling": None if chosen is None else chosen.choice.telling,
        "search": job.config.get("search", "uct"),
        "choose": job.config.get("choose", "agreement"),
        "tokens": tokens,
        "sandbox_runs": runs,
        "wall_s": wall,
        "job": job.id,
    }
    return answer, yes


def lines(stage: str, found: Mapping[str, Any]) -> list[str]:
    """The object for people."""
    if stage == "evaluate":
        return [line for one in found.get("evaluations", [found]) for line in _evaluation_lines(one)]
    if stage == "anatomy":
        from o1coder import anatomizing

        return anatomizing.lines(found)
    if stage == "solve":
        verdicts = [f"  {t['input']} → {t['expected']}: {t['verdict'] or '-'} ({t['origin']})" for t in found["tests"]]
        head = "accepted" if found["accepted"] else "not solved: the generated tests do not stand behind a program"
        code = [] if found["code"] is None else ["", found["code"]]
        return [
            *code,
            "",
            head,
            *verdicts,
            f"tree {found['tree']}, {found['tokens']} tokens, {found['wall_s'] or 0:.1f} s",
        ]
    return [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in found.items()]


def _evaluation_lines(one: Mapping[str, Any]) -> list[str]:
    out = [f"{one['split']} {one['mode']}: {one['problems']} problems × {one['n']} samples, {one['masked']} masked"]
    if one["official"] is not None:
        names = ", ".join(name if name.startswith("official-") else "its asserts" for name in one["official"])
        out.append(
            f"  compared as the dataset's own evaluator does ({names}): for published figures, not a measure of ours"
        )
    if one["baseline"] is not None:
        two = one["baseline"]
        bounds = f"[{two['gain_low']:+.3f}, {two['gain_high']:+.3f}]" if "gain_low" in two else "no interval"
        out.append(
            f"  search {two['search_pass']:.3f} with {two['search_tokens_out']:.0f} sampled tokens; best-of-n "
            f"{two['best_of_n_pass']:.3f} with {two['best_of_n_tokens_out']:.0f}; difference {two['gain']:+.3f} {bounds}"
        )
    for k, found in one["pass_at"].items():
        value = "n/a" if found is None else f"{found['value']:.3f}"
        if found is not None and found["low"] is not None:
            value += f" [{found['low']:.3f}, {found['high']:.3f}]"
        out.append(f"  pass@{k} {value}")
    return out
