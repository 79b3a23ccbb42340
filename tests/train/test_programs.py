"""The trainer programs on a tiny random model: what they leave, how they stop, and that a resumed run is the same run.

All but the kill run inside this process, because importing torch and trl costs more than all the training here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from o1coder.errors import LabError
from o1coder.train import dpo, prm, sft
from o1coder.train.folder import Folder, read_lines
from o1coder.train.loading import cpu_multiplies_bf16
from o1coder.train.program import Build, run
from tests.tiny import make_tiny_model

ROOT = Path(__file__).parents[2]
PROBLEM = "## Problem\nAdd numbers.\n"
CHAINS = [{"prompt": PROBLEM, "completion": f"### Code\nreturn a + {i}\n", "weight": 1 / (1 + i % 3)} for i in range(9)]
PAIRS = [{"prompt": PROBLEM, "chosen": f"return {i}", "rejected": f"fail {i}"} for i in range(6)]
POINTS = [{"text": PROBLEM + f"return {i}", "value": i / 8, "weight": 1.0} for i in range(8)]


class Crash(Exception):
    pass


class Recorder:
    """Stands for standard output; raises Crash after a given iteration, as a kill at that moment would."""

    def __init__(self, crash_after: int | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.crash_after = crash_after

    def emit(self, event: str, fields: Mapping[str, Any] | None = None) -> None:
        self.events.append({"event": event, **(fields or {})})
        if event == "iteration" and self.events[-1]["iteration"] == self.crash_after:
            raise Crash


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def make(path: Path, model: Path, rows: list[dict[str, Any]], **spec: Any) -> Folder:
    path.mkdir(parents=True)
    base = {"model": str(model), "iterations": 3, "batch": 4, "save_every": 2, "threads": 1}
    (path / "spec.json").write_text(json.dumps({**base, "device": "cpu", "precision": "fp32", **spec}))
    (path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Folder(path)


def train(folder: Folder, build: Build, crash_after: int | None = None, stopped: bool = False) -> Recorder:
    recorder = Recorder(crash_after)
    stop = SimpleNamespace(received=stopped)
    run(folder.spec().kind, folder.path, build, recorder, stop, time.monotonic())  # type: ignore[arg-type]
    return recorder


def losses(folder: Folder, attempt: int | None = None) -> dict[int, float]:
    lines = [line for line in read_lines(folder.metrics) if "iteration" in line]
    return {line["iteration"]: line["loss"] for line in lines if attempt in (None, line["attempt"])}


def weights(folder: Folder) -> dict[str, str]:
    files = json.loads(folder.done.read_text())["files"]
    return {item["name"]: item["sha256"] for item in files if item["name"].endswith(".safetensors")}


CASES = [
    pytest.param("sft", {}, CHAINS, sft.build, id="sft"),
    pytest.param("dpo", {"batch": 2}, PAIRS, dpo.build, id="dpo"),
    pytest.param("prm", {"mode": "point"}, POINTS, prm.build, id="prm-point"),
    pytest.param("prm", {"mode": "pair"}, PAIRS, prm.build, id="prm-pair"),
]


@pytest.mark.parametrize(("kind", "options", "rows", "build"), CASES)
def test_a_crashed_run_resumes_into_the_run_left_alone(
    kind: str, options: dict[str, Any], rows: list[dict[str, Any]], build: Build, tiny: Path, tmp_path: Path
) -> None:
    spec = {"kind": kind, "iterations": 6, **options}
    alone = make(tmp_path / "alone", tiny, rows, **spec)
    events = train(alone, build).events
    assert [event["event"] for event in events] == ["start", *["iteration"] * 6, "done"]
    assert events[0]["total"] == 6
    done = json.loads(alone.done.read_text())
    assert (done["iterations"], done["stopped"], done["format"]) == (6, "done", "peft")
    assert done["base_digest"].startswith("sha256:")

    crashed = make(tmp_path / "crashed", tiny, rows, **spec)
    with pytest.raises(Crash):
        train(crashed, build, crash_after=5)
    assert not crashed.done.exists()
    start = train(crashed, build).events[0]
    assert (start["attempt"], start["resumed_from_iteration"]) == (2, 4)
    assert losses(crashed, attempt=2) == {i: loss for i, loss in losses(alone).items() if i > 4}
    assert losses(crashed, attempt=1)[5] == losses(alone)[5]
    assert weights(crashed) == weights(alone)
    assert len(list(crashed.checkpoints.glob("checkpoint-*"))) == 2


def test_an_adapter_is_continued_and_the_reference_is_not_kept(tiny: Path, tmp_path: Path) -> None:
    first = make(tmp_path / "first", tiny, CHAINS, kind="sft")
    train(first, sft.build)
    second = make(tmp_path / "second", tiny, PAIRS, kind="dpo", batch=2, adapter=str(first.model))
    train(second, dpo.build)
    assert sorted(weights(second)) == ["adapter_model.safetensors"]
    assert not (second.model / "ref").exists()
    from safetensors.torch import load_file

    before, after = (load_file(item.model / "adapter_model.safetensors") for item in (first, second))
    assert before.keys() == after.keys()
    assert any((before[name] != after[name]).any() for name in before)
    # A zero-reward start shows that the reference is the given adapter, not the bare base.
    line = next(line for line in read_lines(second.metrics) if line.get("iteration") == 1)
    assert line["rewards/chosen"] == pytest.approx(0, abs=1e-5)


def test_a_budget_stops_after_at_least_one_iteration_and_a_later_attempt_adds_none(tiny: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "a", tiny, CHAINS, kind="sft", iterations=50, budget_s=0.001, save_every=1)
    train(folder, sft.build)
    done = json.loads(folder.done.read_text())
    assert (done["iterations"], done["stopped"]) == (1, "budget")
    kept = weights(folder)
    folder.done.unlink()  # as a kill between the last checkpoint and done.json would leave it
    train(folder, sft.build)
    done = json.loads(folder.done.read_text())
    assert (done["iterations"], done["stopped"], done["attempts"]) == (1, "budget", 2)
    assert weights(folder) == kept
    assert [event["event"] for event in train(folder, sft.build).events] == ["done"]


def test_a_termination_request_keeps_what_there_is(tiny: Path, tmp_path: Path) -> None:
    alone = make(tmp_path / "alone", tiny, CHAINS, kind="sft", iterations=6)
    train(alone, sft.build)
    folder = make(tmp_path / "a", tiny, CHAINS, kind="sft", iterations=6)
    with pytest.raises(SystemExit) as end:
        train(folder, sft.build, stopped=True)
    assert end.value.code == 143
    assert not folder.done.exists()
    assert not folder.model.exists()
    start = train(folder, sft.build).events[0]
    assert (start["attempt"], start["resumed_from_iteration"]) == (2, 1)
    done = json.loads(folder.done.read_text())
    assert (done["iterations"], done["stopped"]) == (6, "done")
    assert weights(folder) == weights(alone)


def test_bf16_computes_nearly_the_same_and_saves_an_fp32_adapter(tiny: Path, tmp_path: Path) -> None:
    exact = make(tmp_path / "a", tiny, CHAINS, kind="sft", iterations=2)
    rounded = make(tmp_path / "b", tiny, CHAINS, kind="sft", iterations=2, precision="bf16")
    for folder in (exact, rounded):
        train(folder, sft.build)
    assert losses(rounded) == pytest.approx(losses(exact), rel=0.01)
    assert losses(rounded) != losses(exact)
    from safetensors.torch import load_file

    dtypes = {str(tensor.dtype) for tensor in load_file(rounded.model / "adapter_model.safetensors").values()}
    assert dtypes == {"torch.float32"}
    assert json.loads(rounded.done.read_text())["precision"] == "bf16"


def test_a_processor_without_bf16_instructions_is_known(tmp_path: Path) -> None:
    (tmp_path / "with").write_text("flags : fpu avx512f avx512_bf16 x\n")
    (tmp_path / "without").write_text("flags : fpu avx2\n")
    assert cpu_multiplies_bf16(tmp_path / "with")
    assert not cpu_multiplies_bf16(tmp_path / "without")
    assert not cpu_multiplies_bf16(tmp_path / "absent")


def test_a_trained_prm_scores_as_it_was_trained(tiny: Path, tmp_path: Path) -> None:
    rows = [{"text": PROBLEM + "return 1", "value": 0.9}, {"text": "fail 2 and go on", "value": 0.1}]
    folder = make(tmp_path / "a", tiny, rows, kind="prm", iterations=60, batch=2, lr=5e-3, save_every=100)
    train(folder, prm.build)
    assert losses(folder)[60] == pytest.approx(0.3251, abs=0.01)  # the entropy of the soft targets
    from o1coder.sampling import open_scorer

    scorer = open_scorer("hf", model=tiny, adapter=folder.model, threads=1, device="cpu")
    assert scorer.score([row["text"] for row in rows]) == pytest.approx([0.9, 0.1], abs=0.06)


def test_full_weights_are_trained_when_there_is_no_lora(tiny: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "a", tiny, CHAINS, kind="sft", lora=None, iterations=1)
    train(folder, sft.build)
    assert json.loads(folder.done.read_text())["format"] == "full"
    assert (folder.model / "model.safetensors").exists()
    assert (folder.model / "tokenizer.json").exists()


def test_weights_are_honoured(tiny: Path, tmp_path: Path) -> None:
    def first_loss(name: str, rows: list[dict[str, Any]]) -> float:
        folder = make(tmp_path / name, tiny, rows, kind="sft", iterations=1, batch=2)
        train(folder, sft.build)
        return losses(folder)[1]

    easy = {"prompt": PROBLEM, "completion": "return a\n"}
    hard = {"prompt": PROBLEM, "completion": "for x in xs: if x > limit\n"}
    only_easy = first_loss("easy", [easy, easy])
    only_hard = first_loss("hard", [hard, hard])
    weighted = first_loss("weighted", [{**easy, "weight": 1.0}, {**hard, "weight": 0.0}])
    tokens = first_loss("plain", [easy, hard])
    assert tokens == pytest.approx(first_loss("ones", [{**easy, "weight": 3.0}, {**hard, "weight": 3.0}]), rel=1e-6)
    assert only_easy != pytest.approx(only_hard, rel=1e-3)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    count = [len(tokenizer(row["completion"] + "<eos>")["input_ids"]) for row in (easy, hard)]
    assert weighted == pytest.approx(2 * only_easy * count[0] / sum(count), rel=1e-4)


def test_rows_that_do_not_fit_are_counted_and_none_at_all_is_an_error(tiny: Path, tmp_path: Path) -> None:
    long = {"prompt": PROBLEM, "completion": "x " * 200}
    folder = make(tmp_path / "a", tiny, [*CHAINS, long], kind="sft", iterations=1, max_length=60)
    train(folder, sft.build)
    done = json.loads(folder.done.read_text())
    assert (done["rows"], done["rows_too_long"]) == (9, 1)
    with pytest.raises(LabError, match="exceed"):
        train(make(tmp_path / "b", tiny, [long], kind="sft", max_length=60), sft.build)
    with pytest.raises(LabError, match="no adapter"):
        train(make(tmp_path / "c", tiny, CHAINS, kind="sft", adapter=str(tmp_path)), sft.build)


def test_the_score_head_is_saved_and_a_text_ends_in_one_eos(tiny: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "a", tiny, POINTS, kind="prm", iterations=1)
    train(folder, prm.build)
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    assert any("score" in name for name in load_file(folder.model / "adapter_model.safetensors"))
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    ids = prm.text_ids(tokenizer, "return 1", 100)
    assert ids[-1] == tokenizer.eos_token_id
    assert prm.text_ids(tokenizer, "return 1<eos>", 100) == ids
    cut = prm.text_ids(tokenizer, "x = 2; return 1", 3)
    assert len(cut) == 3
    assert cut[-2:] == ids[-2:]


def test_killed_by_signal_nine_the_program_resumes_exactly(tiny: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "a", tiny, CHAINS, kind="sft", iterations=45, save_every=20)
    line = [sys.executable, "-P", "-m", "o1coder.train.sft", str(folder.path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        for text in child.stdout:
            if json.loads(text).get("iteration", 0) >= 24:
                child.send_signal(signal.SIGKILL)
                break
    assert not folder.done.exists()
    start = train(folder, sft.build).events[0]
    assert start["resumed_from_iteration"] in (20, 40)
    first, second = losses(folder, 1), losses(folder, 2)
    assert first.keys() & second.keys()
    assert all(first[i] == second[i] for i in first.keys() & second.keys())
    assert max(second) == 45
