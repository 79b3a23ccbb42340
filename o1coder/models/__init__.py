"""Every table of the lab, a file per aggregate. Importing this package registers them all with SQLModel's metadata.

No behaviour: verbs live in labels.py, datasets.py, checkpoints.py and jobs/; questions in queries/.
"""

from __future__ import annotations

from o1coder.models.artifact import (
    Blob,
    Checkpoint,
    Dataset,
    DatasetItem,
    DatasetLabel,
    DatasetPath,
    Decision,
    Evaluation,
    EvaluationItem,
    Model,
)
from o1coder.models.job import Attempt, GpuLease, Ingest, Job, JobInput, Metric, Run
from o1coder.models.judge import Profile, Verdict
from o1coder.models.label import Gold, GoldAnswer, Label, LabelLease, Score
from o1coder.models.problem import (
    Problem,
    Program,
    ProgramOrigin,
    TestCase,
    TestSet,
    TestSetItem,
    TestWithdrawal,
)
from o1coder.models.saved import SavedQuery
from o1coder.models.tree import Completion, GeneratedCase, Rescore, Rollout, Step, Tree, TreeEnd, TreePulse

__all__ = [
    "Attempt",
    "Blob",
    "Checkpoint",
    "Completion",
    "Dataset",
    "DatasetItem",
    "DatasetLabel",
    "DatasetPath",
    "Decision",
    "Evaluation",
    "EvaluationItem",
    "GeneratedCase",
    "Gold",
    "GoldAnswer",
    "GpuLease",
    "Ingest",
    "Job",
    "JobInput",
    "Label",
    "LabelLease",
    "Metric",
    "Model",
    "Problem",
    "Profile",
    "Program",
    "ProgramOrigin",
    "Rescore",
    "Rollout",
    "Run",
    "SavedQuery",
    "Score",
    "Step",
    "TestCase",
    "TestSet",
    "TestSetItem",
    "TestWithdrawal",
    "Tree",
    "TreeEnd",
    "TreePulse",
    "Verdict",
]
