"""Figures that do not fool us: rates, intervals by problem, the gate, rankings, agreement. Pure; standard library, numpy
only where resampling needs it, and then late.

`rates.py` pass@k, Wilson, validity of cases · `resample.py` bootstrap over problems · `gate.py` paired difference, three
outcomes, detectable gain · `ranking.py` AUC pooled and within problem, baselines, ceiling, shuffle control ·
`agreement.py` F1, thresholds, calibration, Krippendorff's α ·
`anatomy.py` which level of nested draws decides. What to measure, and on which split, is the caller's care.
"""

from __future__ import annotations

from o1coder.measure.agreement import (
    F1,
    FirstErrorF1,
    best_threshold,
    expected_calibration_error,
    f1_score,
    first_error_f1,
    krippendorff_alpha,
)
from o1coder.measure.anatomy import Anatomy, Nested, Share, Swap, anatomy, swap
from o1coder.measure.gate import Gate, detectable_gain, enough, gate, gate_level, paired_difference
from o1coder.measure.ranking import (
    Ceiling,
    Ranking,
    RankingChange,
    Row,
    ShuffleControl,
    auc,
    by_problem,
    ceiling,
    problem_mean_baseline,
    ranking,
    ranking_change,
    shuffle_control,
    shuffled_labels,
    step_length_baseline,
    within_problem_auc,
)
from o1coder.measure.rates import CaseValidity, Interval, PassAtK, case_validity, mean_pass_at_k, pass_at_k, wilson
from o1coder.measure.resample import bootstrap, bootstrap_mean, mean_bounds, mean_interval, student_quantile

__all__ = [
    "F1",
    "Anatomy",
    "CaseValidity",
    "Ceiling",
    "FirstErrorF1",
    "Gate",
    "Interval",
    "Nested",
    "PassAtK",
    "Ranking",
    "RankingChange",
    "Row",
    "Share",
    "ShuffleControl",
    "Swap",
    "anatomy",
    "auc",
    "best_threshold",
    "bootstrap",
    "bootstrap_mean",
    "by_problem",
    "case_validity",
    "ceiling",
    "detectable_gain",
    "enough",
    "expected_calibration_error",
    "f1_score",
    "first_error_f1",
    "gate",
    "gate_level",
    "krippendorff_alpha",
    "mean_bounds",
    "mean_interval",
    "mean_pass_at_k",
    "paired_difference",
    "pass_at_k",
    "problem_mean_baseline",
    "ranking",
    "ranking_change",
    "shuffle_control",
    "shuffled_labels",
    "step_length_baseline",
    "student_quantile",
    "swap",
    "wilson",
    "within_problem_auc",
]
