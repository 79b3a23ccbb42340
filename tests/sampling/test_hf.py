"""The hf sampler and scorer as streams: continuous refilling, exact texts, reuse of what was computed, and edge cases.

On a random tiny model in fp32, so that fast texts agree too; the embedded model has test_embedded.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from o1coder.errors import LabError
from o1coder.flow import Pull, answers
from o1coder.sampling import Request, Sample
from tests.tiny import make_tiny_model

LONG = "## Problem\nWrite a Python function `add(a, b)` that returns the sum of a and b. √√√√√√√√\n" * 8
PROBLEMS = [LONG + f"## Problem\n{word} of xs.\n### Structure\n" for word in ("sum", "count", "limit", "max")]
OTHER = "for x in xs: if x > limit, add 1 to count; return count, is_even, len, range, while, True\n" * 3
MIXED = [
    Request(prompt, max_tokens=2 + 5 * (n % 5), temperature=0.9, top_p=1.0 if n % 3 else 0.9, seed=n)
    for n, prompt in enumerate([*PROBLEMS, "x", *PROBLEMS, OTHER + "a", PROBLEMS[0], OTHER + "b", "count", OTHER])
]
KINDS = ["fast", "exact"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module", params=KINDS)
def sampler(request: pytest.FixtureRequest, tiny: Path) -> Iterator[object]:
    opened = make(request.param, tiny)
    yield opened
    opened.close()


def make(kind: str, tiny: Path, **options: object):  # type: ignore[no-untyped-def]
    from o1coder.sampling.hf import HfSampler

    return HfSampler(tiny, threads=1, exact=kind == "exact", **{"batch": 4, "dtype": "fp32", **options})  # type: ignore[arg-type]


def feed(requests: Sequence[Request], sizes: Sequence[int]) -> Pull[Request]:
    """A pull that gives sizes[0], sizes[1], … requests, as far as there is room, 0 meaning none for now."""
    left, turns = list(requests), iter(sizes)

    def pull(room: int, idle: bool) -> Sequence[Request] | None:
        if not left:
            return None
        taken = left[: min(room, next(turns, 1))]
        del left[: len(taken)]
        return taken

    return pull


def texts(samples: Sequence[Sample]) -> list[tuple[str, int, str]]:
    return [(sample.text, sample.tokens_out, sample.finish_reason) for sample in samples]


def test_a_freed_place_is_filled_while_others_go_on(sampler) -> None:  # type: ignore[no-untyped-def]
    asked: list[tuple[int, int, bool]] = []
    answered: list[int] = []
    caps = [40, 2, 2, 2, 2, 2, 2, 2]
    left = [Request("x", cap, (), 1.0, seed=n) for n, cap in enumerate(caps)]

    def pull(room: int, idle: bool) -> Sequence[Request] | None:
        asked.append((len(answered), room, idle))
        if not left:
            return None
        taken = left[:room]
        del left[:room]
        return taken

    for number, sample in sampler.stream(pull):
        assert sample.tokens_out <= caps[number]
        answered.append(number)
    assert sorted(answered) == list(range(len(caps)))
    assert asked[0] == (0, 4, True)
    assert any(done and not idle for done, _, idle in asked)
    assert answered[-1] == 0, "the long row must not hold the short ones"


def test_nothing_for_now_is_not_the_end(sampler) -> None:  # type: ignore[no-untyped-def]
    whole = answers(sampler.stream, MIXED)
    found = dict(sampler.stream(feed(MIXED, [0, 1, 0, 0, 2, 0, 3, 0, 0, 0, 1])))
    assert texts([found[n] for n in range(len(MIXED))]) == texts(whole)
    assert list(sampler.stream(lambda room, idle: None)) == []


def test_leaving_early_drops_what_is_under_way(sampler) -> None:  # type: ignore[no-untyped-def]
    import torch

    before = texts(sampler.sample(MIXED))
    stream = sampler.stream(feed(MIXED, [4, 4, 4]))
    next(stream)
    assert not torch.is_inference_mode_enabled(), "the caller's code runs between two answers"
    stream.close()
    assert texts(sampler.sample(MIXED)) == before


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_exact_texts_are_the_same_whatever_arrives_when(tiny: Path, batch: int) -> None:
    alone = make("exact", tiny, batch=batch)
    expected = [alone.sample([request])[0] for request in MIXED]
    # Several capacities, so that rows of two kinds take turns.
    assert len({-(-(s.tokens_in + r.max_tokens) // 256) for s, r in zip(expected, MIXED, strict=True)}) > 1
    for shuffle in range(4):
        rng = random.Random(shuffle)
        order = rng.sample(range(len(MIXED)), len(MIXED))
        sizes = [rng.choice([0, 1, 1, 2, 5]) for _ in range(99)]
        fresh = make("exact", tiny, batch=batch, reuse_bytes=0 if shuffle == 3 else 1 << 20)
        for number, sample in fresh.stream(feed([MIXED[n] for n in order], sizes)):
            assert sample == expected[order[number]]


def test_reuse_changes_no_text_and_is_counted(tiny: Path) -> None:
    bare, ours = make("fast", tiny, reuse_bytes=0), make("fast", tiny)
    assert texts(bare.sample(MIXED)) == texts(ours.sample(MIXED)) == texts(ours.sample(MIXED))
    asked = sum(sample.tokens_in - 1 for sample in bare.sample(MIXED))
    assert (bare.prefilled, bare.reused, bare.kept_bytes) == (2 * asked, 0, 0)
    assert ours.prefilled + ours.reused == 2 * asked
    assert ours.prefilled < 0.6 * asked


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_step_is_prefilled_from_where_it_differs(tiny: Path, kind: str) -> None:
    opened = make(kind, tiny)
    first = Request(PROBLEMS[0], 24, (), 1.0, seed=5)
    [sample] = opened.sample([first])
    step = opened.prefilled
    assert step == sample.tokens_in - 1
    [again] = opened.sample([replace(first, prompt=first.prompt + sample.text + "\n### Refine\n1.")])
    assert again.tokens_in > sample.tokens_in
    known = sample.tokens_in - 1 if kind == "fast" else (sample.tokens_in - 1) // 64 * 64
    assert opened.prefilled - step <= again.tokens_in - 1 - known // 8 * 8
    if kind == "fast":
        # What was drawn is not computed again either, as far as its text is read as the same tokens.
        assert opened.prefilled - step < again.tokens_in - sample.tokens_in


def test_what_is_kept_is_bounded_and_counted(tiny: Path) -> None:
    limit = 200_000
    opened = make("fast", tiny, reuse_bytes=limit)
    for seed in range(6):
        opened.sample([Request(f"{seed} {OTHER} {seed}", 4, (), 1.0, seed=seed)])
        assert opened.kept_bytes <= limit
    blocks = opened._memory.kept._blocks.values()
    assert opened.kept_bytes == sum(block.kv.untyped_storage().nbytes() for block in blocks) > limit / 2


def test_another_prompt_does_not_starve(tiny: Path) -> None:
    opened = make("fast", tiny)
    endless = iter(range(10**6))
    begun: list[str] = []

    def pull(room: int, idle: bool) -> list[Request]:
        taken = []
        for _ in range(room):
            n = next(endless)
            begun.append(OTHER if n == 9 else PROBLEMS[n % 4])
            taken.append(Request(begun[-1], 6, (), 1.0, seed=n))
        return taken

    for count, (number, _) in enumerate(opened.stream(pull)):
        if begun[number] == OTHER:
            break
        assert count < 40
    assert len(opened._memory.beginnings.known) >= 1


def test_a_long_prompt_is_prefilled_in_parts(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from o1coder.sampling import together

    whole = make("fast", tiny).sample(MIXED)
    monkeypatch.setattr(together, "WIDEST", 17)
    monkeypatch.setattr(together, "PREFILL_TOKENS", 40)
    assert texts(make("fast", tiny).sample(MIXED)) == texts(whole)
    assert texts(make("fast", tiny, reuse_bytes=0).sample(MIXED)) == texts(whole)


def test_edges(sampler) -> None:  # type: ignore[no-untyped-def]
    one = Request("count", 1, (), 0.0)
    assert sampler.sample([one])[0].tokens_out == 1
    [empty] = sampler.sample([replace(one, prompt="", max_tokens=3)])
    assert empty.tokens_out <= 3
    with pytest.raises(LabError, match="context is 1024"):
        sampler.sample([one, replace(one, prompt=LONG * 10)])
    with pytest.raises(LabError, match="0 tokens"):
        sampler.sample([replace(one, max_tokens=0)])
    sure = sampler.sample([replace(one, max_tokens=8, temperature=1.0, top_p=1e-9, seed=s) for s in range(3)])
    assert {s.text for s in sure} == {sampler.sample([replace(one, max_tokens=8)])[0].text}
    assert sampler.sample([one])[0].finish_reason == "length"


@pytest.mark.parametrize("cap", [40, 12])
def test_stop_strings_across_tokens(sampler, cap: int) -> None:  # type: ignore[no-untyped-def]
    free = sampler.sample([Request("add", cap, (), 1.0, seed=s) for s in range(6)])
    for seed, sample in enumerate(free):
        for width in (1, 2, 5):
            for begin in range(0, max(1, len(sample.text) - width), 3):
                stop = sample.text[begin : begin + width]
                if not stop or "\ufffd" in sample.text[: begin + width]:
                    continue
                [cut] = sampler.sample([Request("add", cap, ("no such text here", stop), 1.0, seed=seed)])
                assert (cut.text, cut.finish_reason) == (sample.text[: sample.text.index(stop)], "stop")
                break


def test_text_is_unicode_split_over_tokens(tiny: Path) -> None:
    from transformers import AutoTokenizer

    from o1coder.sampling.rows import Row

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    text = "a 🙂√ b ⟂stop🙂🙂 c"
    ids = tokenizer(text)["input_ids"]
    assert len(ids) > len(text), "its characters span tokens"
    for stop, expected in (("🙂🙂", "a 🙂√ b ⟂stop"), ("√ b", "a 🙂"), ("⟂stop🙂", "a 🙂√ b "), ("never", text)):
        row = Row(Request("x", len(ids), (stop,)), (1,))
        row.start(0)
        for token in ids:
            if row.finish_reason is None:
                row.take(token, -1.0, frozenset(), tokenizer)
        assert row.text == expected
        assert row.logprob == -len(row.drawn)


def make_adapter(tiny: Path, folder: Path, seed: int, head: bool = False) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    torch.manual_seed(seed)
    if head:
        model = AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=1)
        model = get_peft_model(model, LoraConfig(r=2, task_type="SEQ_CLS", modules_to_save=["score"]))
    else:
        targets = ["q_proj", "v_proj", "down_proj"][seed % 2 :]
        base = AutoModelForCausalLM.from_pretrained(tiny)
        model = get_peft_model(base, LoraConfig(r=2 + seed, target_modules=targets, task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name or "score" in name:
                weight.copy_(torch.randn_like(weight) * 0.3)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("stored", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_swapped_adapter_is_that_of_a_fresh_load(tiny: Path, tmp_path: Path, kind: str, stored: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = tmp_path / "base"
    AutoModelForCausalLM.from_pretrained(tiny, dtype=getattr(torch, stored)).save_pretrained(base)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(base)
    adapters = [make_adapter(tiny, tmp_path / str(seed), seed) for seed in range(2)]
    dtype = "bf16" if kind == "fast" else "fp32"
    opened = make(kind, base, dtype=dtype)
    first = opened.sample(MIXED)
    fresh = {n: make(kind, base, dtype=dtype, adapter=adapter) for n, adapter in enumerate(adapters)}
    expected = {n: one.sample(MIXED) for n, one in fresh.items()}
    assert texts(expected[0]) != texts(expected[1]) != texts(first)
    for n in (0, 1, 0):
        opened.swap(adapters[n])
        assert opened.sample(MIXED) == expected[n]
        same_weights(opened, fresh[n])
    with pytest.raises(LabError, match="no adapter"):
        opened.swap(tmp_path)
    same_weights(opened, fresh[0])
    opened.swap(None)
    assert opened.sample(MIXED) == first


def same_weights(one, other) -> None:  # type: ignore[no-untyped-def]
    import torch

    from o1coder.sampling.packed import pack, unpack

    for sampler in (one, other):
        unpack(sampler._loaded.model)
    theirs = other._loaded.model.state_dict()
    for name, mine in one._loaded.model.state_dict().items():
        assert torch.equal(mine, theirs[name]), name
    for sampler in (one, other):
        pack(sampler._loaded.model, sampler.batch)


def test_a_scorer_swaps_its_head_too(tiny: Path, tmp_path: Path) -> None:
    from o1coder.sampling.hf_scorer import HfScorer

    adapters = [make_adapter(tiny, tmp_path / str(seed), seed, head=True) for seed in range(2)]
    scorer = HfScorer(tiny, adapter=adapters[0], threads=1)
    fresh = [HfScorer(tiny, adapter=adapter, threads=1).score(PROBLEMS) for adapter in adapters]
    assert fresh[0] != fresh[1]
    for n in (0, 1, 0, 1):
        scorer.swap(adapters[n])
        assert scorer.score(PROBLEMS) == fresh[n]


def test_scores_stream_and_do_not_depend_on_their_batch(tiny: Path, tmp_path: Path) -> None:
    from o1coder.sampling.hf_scorer import HfScorer

    scorer = HfScorer(tiny, adapter=make_adapter(tiny, tmp_path / "a", 0, head=True), threads=1, batch=3)
    told = ["a", *(f"{OTHER[: 7 * n]} {n}" for n in range(25)), "a"]
    alone = [scorer.score([text])[0] for text in told]
    assert len(set(alone)) > 20
    assert scorer.score(told) == pytest.approx(alone, abs=1e-5)
    left, sizes = list(told), iter([1, 0, 4, 0, 2, 9])

    def pull(room: int, idle: bool) -> list[str] | None:
        taken = left[: min(room, next(sizes, 5))]
        del left[: len(taken)]
        return taken if taken or left else None

    found = dict(scorer.stream(pull))
    assert [found[n] for n in range(len(told))] == pytest.approx(alone, abs=1e-5)


def test_a_text_that_is_unlike_the_others_is_scored_in_its_turn(tiny: Path) -> None:
    from o1coder.sampling.hf_scorer import HfScorer

    scorer = HfScorer(tiny, threads=1, batch=2)
    begun = 0

    def pull(room: int, idle: bool) -> list[str]:
        nonlocal begun
        begun += room
        return [LONG if n == 3 else "x" for n in range(begun - room, begun)]

    for count, (number, _) in enumerate(scorer.stream(pull)):
        if number == 3:
            break
        assert count < 30
