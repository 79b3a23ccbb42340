"""A real vLLM: in this process, and behind `vllm serve` on loopback, on a random tiny model. What every sampler promises is
in test_contract.py; here is what is vLLM's own: the same numbers as `hf`, adapters, cached prefixes, and a server that is
killed in mid-stream. `make test-vllm` runs it; where vLLM cannot be imported it is skipped, but for its word about that.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from o1coder.errors import LabError
from o1coder.flow import listed
from o1coder.sampling import Request, Sampler, open_sampler, open_scorer
from tests.tiny import make_classifier, make_tiny_model

HERE = find_spec("vllm") is not None
needs_vllm = [pytest.mark.vllm, pytest.mark.skipif(not HERE, reason="no vLLM here")]
LONG = "## Problem\nWrite a Python function that returns the sum of a and b, or the product. " * 12
GREEDY = [Request(text, 12, (), 0.0) for text in (LONG, LONG + "More.", "### Code\n", "é√ x ")]
STARTS_WITHIN_S = 600


@pytest.mark.skipif(HERE, reason="vLLM is here")
def test_where_it_is_missing_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="vLLM cannot be loaded") as caught:
        open_sampler("vllm", model=tmp_path)
    assert "o1coder[vllm]" in caught.value.hint


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("vllm") / "tiny", heads=2)


@pytest.fixture(scope="module")
def adapters(tiny: Path) -> list[Path]:
    """Two adapters that say something else than the base and than each other."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    made = []
    for number, value in enumerate((0.5, -0.5)):
        torch.manual_seed(number)
        config = LoraConfig(r=4, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM")
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny), config)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    weight.fill_(value)
        made.append(tiny.parent / f"adapter-{number}")
        model.save_pretrained(made[-1])
    return made


def texts(sampler: Sampler) -> list[str]:
    """What it says greedily, without half characters: at the end of a text vLLM leaves them out, `hf` shows a mark."""
    return [sample.text.replace("\ufffd", "") for sample in sampler.sample(GREEDY)]


def texts_by_hf(model: Path, adapter: Path | None) -> list[str]:
    return texts(open_sampler("hf", model=model, adapter=adapter, threads=1, dtype="fp32"))


class TestInProcess:
    pytestmark = needs_vllm

    def test_texts_and_adapters_are_those_of_transformers(self, tiny: Path, adapters: list[Path]) -> None:
        from o1coder.sampling.vllm import VllmSampler

        sampler = VllmSampler(
            tiny, adapter=adapters[0], threads=1, batch=4, dtype="fp32", max_length=1024, gpu_share=0.3
        )
        expected = {adapter: texts_by_hf(tiny, adapter) for adapter in (None, *adapters)}
        assert len({tuple(texts) for texts in expected.values()}) == 3
        for adapter in (adapters[0], None, adapters[1], adapters[0], adapters[0]):
            if adapter != adapters[0] or sampler._swaps > 1:
                sampler.swap(adapter)
            assert texts(sampler) == expected[adapter]
        with pytest.raises(LabError, match="holds no adapter"):
            sampler.swap(tiny)
        sampler.close()

    def test_logprobs_and_counts_are_those_of_transformers_and_prefixes_are_reused(self, tiny: Path) -> None:
        from o1coder.sampling.vllm import VllmSampler

        sampler = VllmSampler(tiny, threads=1, batch=4, dtype="fp32", max_length=1024, gpu_share=0.3)
        ours = open_sampler("hf", model=tiny, threads=1, dtype="fp32").sample(GREEDY)
        for mine, theirs in zip(ours, sampler.sample(GREEDY), strict=True):
            assert (theirs.tokens_in, theirs.tokens_out) == (mine.tokens_in, mine.tokens_out)
            assert theirs.finish_reason == mine.finish_reason
            assert theirs.logprob == pytest.approx(mine.logprob, abs=1e-3)
        before = sampler.reused
        sampler.sample(GREEDY[:2])
        assert sampler.reused - before >= 256
        with pytest.raises(LabError, match="was opened for 0"):
            sampler.swap(_adapter_of_rank(tiny.parent / "rank", 4))
        sampler.close()

    def test_scores_are_those_of_transformers_with_and_without_an_adapter(self, tiny: Path, tmp_path: Path) -> None:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        classifier = make_classifier(tiny, tmp_path / "classifier")
        base = AutoModelForSequenceClassification.from_pretrained(
            tiny, num_labels=1, problem_type="multi_label_classification"
        )
        config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="SEQ_CLS", modules_to_save=["score"])
        model = get_peft_model(base, config)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    weight.fill_(0.1)
                if "score" in name:
                    weight.mul_(20)
        model.save_pretrained(tmp_path / "adapter")
        AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "adapter")
        prompts = [request.prompt for request in GREEDY]
        for folder, adapter in ((classifier, None), (tiny, tmp_path / "adapter")):
            expected = open_scorer("hf", model=folder, adapter=adapter, threads=1, max_length=64).score(prompts)
            scorer = open_scorer("vllm", model=folder, adapter=adapter, threads=1, max_length=64, gpu_share=0.3)
            assert scorer.score(prompts) == pytest.approx(expected, abs=1e-4)
            assert max(expected) - min(expected) > 1e-2
            scorer.close()

    def test_what_it_cannot_serve_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(LabError, match="vLLM cannot serve"):
            open_sampler("vllm", model=tmp_path / "nothing")


def _adapter_of_rank(folder: Path, rank: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(f'{{"r": {rank}}}')
    return folder


@contextmanager
def served(model: Path, name: str, *options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`vllm serve` on loopback, by its module, since the CPU build's command does not start: its address, and its process,
    which is killed with all it started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_CPU_KVCACHE_SPACE": "1"}
    common = (
        "--dtype",
        "float32",
        "--max-model-len",
        "1024",
        "--max-num-seqs",
        "8",
        "--enforce-eager",
        "--gpu-memory-utilization",
        "0.3",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--host", "127.0.0.1",
         "--port", str(port), "--served-model-name", name, *common, *options],
        env=os.environ | environment,
        start_new_session=True,
        stdout=sys.stderr,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(STARTS_WITHIN_S * 2):
            assert process.poll() is None, "vllm serve has ended"
            try:
                with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/health"):
                    break
            except OSError:
                time.sleep(0.5)
        else:
            raise AssertionError(f"vllm serve did not answer within {STARTS_WITHIN_S} s")
        yield f"{url}/v1", process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9 to the server and every process it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class TestServed:
    pytestmark = needs_vllm

    def test_a_server_with_an_adapter_by_name_and_one_that_is_killed(
        self, tiny: Path, adapters: list[Path], caplog: pytest.LogCaptureFixture
    ) -> None:
        from o1coder.sampling.http import HttpSampler
        from o1coder.sampling.spec import parse_spec

        lora = ("--enable-lora", "--max-lora-rank", "8", "--lora-modules", f"tuned={adapters[0]}")
        with served(tiny, "base", *lora) as (first, process), served(tiny, "base") as (second, other):
            for model, adapter in (("base", None), ("tuned", adapters[0])):
                sampler = open_sampler(f"{first}#{model}")
                assert sampler.spec == f"{first}#{model} (seeds honoured)"
                assert texts(sampler) == texts_by_hf(tiny, adapter)
                sampler.close()
            with pytest.raises(LabError, match="has no model 'tuned'"):
                open_sampler(f"{second}#tuned")
            ours = open_sampler("hf", model=tiny, threads=1, dtype="fp32").sample(GREEDY)
            sampler = HttpSampler(
                parse_spec(f"{first},{second}#base").endpoints, concurrency=4, patience_s=2.0, backoff_s=0.05
            )
            for mine, theirs in zip(ours, sampler.sample(GREEDY), strict=True):
                assert (theirs.tokens_in, theirs.tokens_out) == (
                    mine.tokens_in,
                    mine.tokens_out,
                )
                assert theirs.finish_reason == mine.finish_reason
                assert theirs.logprob == pytest.approx(mine.logprob, abs=1e-3)
            with pytest.raises(LabError, match="1024"):
                sampler.sample([Request(LONG, 5000)])
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                first.removesuffix("/v1") + "/metrics"
            ) as metrics:
                hits = [line for line in metrics.read().decode().splitlines() if "prefix_cache_hits_total{" in line]
            assert float(hits[0].split()[-1]) > 0
            self._killed_in_mid_stream(sampler, process, first, caplog)
            kill(other)
            with pytest.raises(LabError, match="no server has answered") as caught:
                sampler.sample(GREEDY)
            assert first in caught.value.message
            assert second in caught.value.message
            sampler.close()

    def _killed_in_mid_stream(
        self, sampler: object, process: subprocess.Popen[bytes], url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        from o1coder.sampling.http import HttpSampler

        assert isinstance(sampler, HttpSampler)
        requests = [Request(f"{LONG} {number}", 60, (), 0.0) for number in range(24)]
        give = listed(requests)

        def pull(room: int, idle: bool) -> Sequence[Request] | None:
            return give(room, idle)

        got = set()
        with caplog.at_level(logging.WARNING):
            for number, sample in sampler.stream(pull):
                got.add(number)
                assert sample.tokens_out > 0
                if len(got) == 4:
                    kill(process)
        assert got == set(range(24))
        assert f"{url} is set aside" in caplog.text

    def test_a_served_classifier_gives_the_number_of_transformers(self, tiny: Path, tmp_path: Path) -> None:
        classifier = make_classifier(tiny, tmp_path / "classifier")
        prompts = [request.prompt for request in GREEDY]
        expected = open_scorer("hf", model=classifier, threads=1, max_length=64).score(prompts)
        with served(classifier, "prm", "--runner", "pooling") as (url, _):
            scorer = open_scorer(f"{url}#prm", model=classifier, max_length=64)
            assert scorer.score(prompts) == pytest.approx(expected, abs=1e-4)
            scorer.close()
            with pytest.raises(LabError, match="completes no texts"):
                open_sampler(f"{url}#prm")
