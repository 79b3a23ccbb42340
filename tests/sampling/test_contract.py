"""What every Sampler and Scorer promises: one suite over the fake one, a simulated and a real server, and a random tiny
model through transformers, fast and exact, and through vLLM where it is installed."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from o1coder.errors import LabError
from o1coder.flow import listed
from o1coder.sampling import Request, Sample, Sampler, Scorer, open_sampler, open_scorer
from o1coder.task import Task
from o1coder.text import load_prompt
from tests.sampling.server import TestServer
from tests.tiny import make_classifier, make_tiny_model

TASK = Task("Write a Python function `total(xs)` that returns the sum of xs.", "call", "total", "total(xs)")
PLAIN = load_prompt("short").render(TASK, [], "structure")
REQUEST = Request(PLAIN, max_tokens=12, stop=("###",), temperature=1.0, seed=3)
PROMPTS = [PLAIN, PLAIN + " list", "## Problem\nAnother.\n### Structure\n", "x", PLAIN, "é√ x " * 30]
MIXED = [
    Request(
        PROMPTS[k % len(PROMPTS)], max_tokens=3 + 4 * (k % 4), temperature=0.0 if k == 7 else 0.9, top_p=0.95, seed=k
    )
    for k in range(13)
]


KINDS = [
    "fake",
    "simulated",
    "http",
    "fast",
    "exact",
    pytest.param(
        "vllm", marks=[pytest.mark.vllm, pytest.mark.skipif(find_spec("vllm") is None, reason="no vLLM here")]
    ),
]
SCORERS = ["fake", "http", "hf", KINDS[-1]]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", heads=2)


@pytest.fixture(scope="module")
def server() -> Iterator[TestServer]:
    started = TestServer("--context", "1024")
    yield started
    started.kill()


@pytest.fixture(scope="module", params=KINDS)
def sampler(request: pytest.FixtureRequest) -> Iterator[Sampler]:
    # The tiny model and the server are made only for those who need them.
    needed = {"http": "server", "fast": "tiny", "exact": "tiny", "vllm": "tiny"}.get(request.param)
    opened = make(request.param, request.getfixturevalue(needed) if needed else None)
    yield opened
    opened.close()
    opened.close()


def make(kind: str, needed: Any) -> Sampler:
    if kind == "fake":
        return open_sampler("fake:7")
    if kind == "simulated":
        return open_sampler("fake:7", simulate="latency=2ms,batch=4")
    if kind == "http":
        return open_sampler(f"{needed.url}#m", batch=4)
    if kind == "vllm":
        return open_sampler("vllm", model=needed, threads=1, batch=4, dtype="fp32", gpu_share=0.3)
    return open_sampler("hf", model=needed, threads=1, exact=kind == "exact", batch=4, dtype="fp32")


def test_answers_come_in_order_and_are_counted(sampler: Sampler) -> None:
    assert sampler.sample([]) == []
    samples = sampler.sample(MIXED)
    assert len(samples) == len(MIXED)
    for request, sample in zip(MIXED, samples, strict=True):
        assert sample.tokens_in > 0
        assert 0 < sample.tokens_out <= request.max_tokens + 1
        assert sample.logprob is not None
        assert sample.logprob <= 0
        assert math.isfinite(sample.logprob)
        assert sample.finish_reason == "stop" or sample.tokens_out == request.max_tokens
    assert [s.tokens_in for s in samples][:6] == [sampler.sample([r])[0].tokens_in for r in MIXED[:6]]


def test_same_seed_same_text_other_seed_other_text(sampler: Sampler) -> None:
    requests = [replace(REQUEST, seed=seed) for seed in range(8)]
    first, second = sampler.sample(requests), sampler.sample(requests)
    assert [s.text for s in first] == [s.text for s in second]
    assert len({s.text for s in first}) > 1


def test_greedy_knows_no_seed(sampler: Sampler) -> None:
    samples = sampler.sample([replace(REQUEST, temperature=0.0, seed=seed) for seed in range(4)])
    assert len({s.text for s in samples}) == 1


def test_a_text_ends_before_its_first_stop_string(sampler: Sampler) -> None:
    free = sampler.sample([replace(REQUEST, max_tokens=40, stop=(), temperature=0.0)])[0]
    middle = len(free.text) // 2
    stop = free.text[middle : middle + 2]
    [cut] = sampler.sample([replace(REQUEST, max_tokens=40, stop=(stop, "never there"), temperature=0.0)])
    assert cut.text == free.text[: free.text.index(stop)]
    assert cut.finish_reason == "stop"
    assert cut.tokens_out <= free.tokens_out


def test_the_cap_cuts(sampler: Sampler) -> None:
    [sample] = sampler.sample([replace(REQUEST, max_tokens=2, stop=())])
    assert (sample.tokens_out, sample.finish_reason) == (2, "length")


def test_what_a_stop_string_ends_is_counted_with_it(sampler: Sampler) -> None:
    free = sampler.sample([replace(REQUEST, max_tokens=30, stop=(), temperature=0.0)])[0]
    stop = free.text[len(free.text) // 2 :][:3]
    [cut] = sampler.sample([replace(REQUEST, max_tokens=30, stop=(stop,), temperature=0.0)])
    [shorter] = sampler.sample([replace(REQUEST, max_tokens=max(1, cut.tokens_out - 1), stop=(), temperature=0.0)])
    # One token less, and the stop string was not there yet: so its own tokens are among those counted.
    assert stop not in shorter.text[: len(cut.text) + len(stop) - 1]
    assert cut.tokens_out >= 1


def test_a_prompt_that_does_not_fit_says_so(sampler: Sampler) -> None:
    if sampler.spec.startswith("fake"):
        pytest.skip("the scripted one has no context")
    with pytest.raises(LabError, match=r"(?s)(1024.*context|context.*1024)"):
        sampler.sample([replace(REQUEST, max_tokens=5000)])
    assert sampler.sample([REQUEST])[0].tokens_out > 0


def test_a_stream_gives_each_answer_once_and_pulls_only_while_it_is_waited_for(sampler: Sampler) -> None:
    requests = [replace(request, temperature=0.0) for request in MIXED]
    expected = sampler.sample(requests)
    waiting = False
    begun, got = 0, {}

    def pull(room: int, idle: bool) -> Sequence[Request] | None:
        nonlocal begun
        assert waiting
        assert room > 0 or not idle
        assert not idle or begun == len(got)
        if begun == len(requests):
            return None
        taken = requests[begun : begun + min(room, len(got) % 3)] if begun else requests[:1]
        begun += len(taken)
        return taken or (requests[begun : (begun := begun + 1)] if idle else [])

    stream = sampler.stream(pull)
    while True:
        waiting = True
        answer = next(stream, None)
        waiting = False
        if answer is None:
            break
        assert answer[0] not in got
        got[answer[0]] = answer[1]
    assert [got[number].text for number in range(len(requests))] == [sample.text for sample in expected]
    assert [got[number].tokens_in for number in range(len(requests))] == [sample.tokens_in for sample in expected]


def test_a_stream_that_is_left_leaves_the_sampler_as_it_was(sampler: Sampler) -> None:
    requests = [replace(request, temperature=0.0) for request in MIXED]
    expected = [sample.text for sample in sampler.sample(requests[:3])]
    stream = sampler.stream(listed(requests))
    next(stream)
    stream.close()  # type: ignore[attr-defined]

    def pull(room: int, idle: bool) -> Sequence[Request] | None:
        raise KeyError("the caller's own")

    with pytest.raises(KeyError):
        list(sampler.stream(pull))
    assert list(sampler.stream(lambda room, idle: None)) == []
    assert [sample.text for sample in sampler.sample(requests[:3])] == expected


def test_only_what_ignores_the_batch_claims_to_be_reproducible(sampler: Sampler) -> None:
    assert sampler.reproducible == (sampler.spec.startswith("fake") or "exact" in sampler.spec)
    assert getattr(sampler, "seeds_honoured", True)


@pytest.mark.parametrize("kind", ["fake", "exact"])
def test_reproducible_means_alone_or_among_others(kind: str, tiny: Path) -> None:
    # Two samplers, so that what one keeps across calls cannot be what makes them agree.
    opened, again = make(kind, tiny), make(kind, tiny)
    assert opened.reproducible
    together = opened.sample(MIXED)
    assert [again.sample([request])[0] for request in reversed(MIXED)] == list(reversed(together))
    assert again.spec == opened.spec


def test_the_fast_way_does_not_claim_it(tiny: Path) -> None:
    fast = make("fast", tiny)
    assert not fast.reproducible
    alone = [fast.sample([request])[0] for request in MIXED[:4]]
    together = fast.sample(MIXED)[:4]
    # On one machine in fp32 the difference is in the last digits, so a random model's texts agree.
    assert [s.text for s in alone] == [s.text for s in together]


def test_greedy_agrees_with_transformers(tiny: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(tiny), AutoTokenizer.from_pretrained(tiny)
    requests = [Request(prompt, max_tokens=16, temperature=0.0) for prompt in PROMPTS]
    for opened in (make("fast", tiny), make("exact", tiny)):
        for request, sample in zip(requests, opened.sample(requests), strict=True):
            ids = tokenizer(request.prompt, return_tensors="pt").input_ids
            output = model.generate(ids, max_new_tokens=16, do_sample=False)[0, ids.shape[1] :]
            assert sample.text == tokenizer.decode(output, skip_special_tokens=True)
            assert sample.logprob == pytest.approx(reference_logprob(model, ids, output), abs=1e-3)


def reference_logprob(model: object, ids: object, output: object) -> float:
    import torch

    whole = torch.cat([ids[0], output])[None]  # type: ignore[index]
    with torch.no_grad():
        logs = torch.log_softmax(model(whole).logits[0, :-1].float(), dim=-1)  # type: ignore[operator]
    return float(logs[-len(output) :].gather(1, output[:, None]).sum())  # type: ignore[arg-type, index]


def test_an_adapter_is_merged(tiny: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny), LoraConfig(r=2, task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.5)
    model.save_pretrained(tmp_path / "adapter")
    request = replace(REQUEST, temperature=0.0)
    plain = make("fast", tiny).sample([request])
    merged = open_sampler("hf", model=tiny, adapter=tmp_path / "adapter", threads=1, dtype="fp32").sample([request])
    assert merged[0].text != plain[0].text


@pytest.mark.parametrize("kind", SCORERS)
def test_scores_are_probabilities_of_single_texts(kind: str, request: pytest.FixtureRequest) -> None:
    scorer = make_scorer(kind, request)
    texts = ["## Problem\nSum.", "a", "## Problem\nSum.", "longer than the others by far " * 3]
    scores = scorer.score(texts)
    assert scorer.score([]) == []
    assert all(0 <= score <= 1 for score in scores)
    assert scores[0] == pytest.approx(scores[2], abs=1e-6)
    assert len(set(scores)) > 1
    assert scores == pytest.approx([scorer.score([text])[0] for text in texts], abs=1e-5)
    streamed = dict(scorer.stream(listed(texts)))
    assert [streamed[number] for number in range(len(texts))] == pytest.approx(scores, abs=1e-5)
    scorer.close()
    scorer.close()


def make_scorer(kind: str, request: pytest.FixtureRequest) -> Scorer:
    if kind == "fake":
        return open_scorer("fake:7")
    tiny = request.getfixturevalue("tiny")
    if kind == "http":
        return open_scorer(f"{request.getfixturevalue('server').url}#m", model=tiny)
    if kind == "vllm":
        tiny = make_classifier(tiny, tiny.parent / "classifier")
        return open_scorer(kind, model=tiny, threads=1, batch=2, gpu_share=0.3)
    return open_scorer(kind, model=tiny, threads=1, batch=2)


def test_what_the_user_can_mend(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot load"):
        open_sampler("hf", model=tmp_path / "nothing")
    with pytest.raises(LabError, match="no adapter"):
        open_sampler("hf", model=tiny, adapter=tmp_path)


def test_the_fake_one_needs_no_heavy_import() -> None:
    program = (
        "import sys, json; from o1coder.sampling import open_sampler, Request;"
        "open_sampler('fake:1').sample([Request('x', 5)]);"
        "print(json.dumps([m for m in ('torch', 'transformers', 'numpy', 'peft') if m in sys.modules]))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(output.stdout) == []


def test_samples_are_values() -> None:
    assert Sample("a", 1, 1, None, "stop") == Sample("a", 1, 1, None, "stop")
