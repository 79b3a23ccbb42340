"""What a spec may say, what is refused before a job is made of it, and that no key or password gets into one."""

from __future__ import annotations

import pytest

from o1coder.errors import LabError
from o1coder.sampling import open_sampler, open_scorer
from o1coder.sampling.spec import parse_spec
from o1coder.stages.synthesize import Synthesize


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("hf", "hf"),
        ("hf:", "hf"),
        ("vllm:", "vllm"),
        (" fake:07 ", "fake:7"),
        ("http://one:8000/v1/#m", "http://one:8000/v1#m"),
        ("https://Host/v1#org/model-7B", "https://host/v1#org/model-7B"),
        ("http://a/v1,http://b:1/v1#m", "http://a/v1#m,http://b:1/v1#m"),
        ("http://a/v1#x, http://b/v1#y", "http://a/v1#x,http://b/v1#y"),
        ("http://[::1]:8000/v1#m", "http://[::1]:8000/v1#m"),
    ],
)
def test_one_spelling_for_what_is_meant(text: str, meant: str) -> None:
    assert parse_spec(text).text == meant
    assert parse_spec(meant).text == meant
    assert Synthesize(sampler=text).sampler == meant


BAD = [
    "",
    "gpt",
    "fake",
    "fake:",
    "fake:x",
    "fake:-1",
    "hf:somewhere",
    "vllm:some/model",
    "http://",
    "http://host:8000/v1",
    "http://host:99999/v1#m",
    "http://host/v1?key=1#m",
    "http://a/v1#m,ftp://b/v1#m",
    "http://a/v1#m,http://b/v1",
    "http://user:hunter2@host/v1#m",
]


@pytest.mark.parametrize("text", BAD)
def test_what_opens_nothing_is_said_before_a_job_is_made(text: str) -> None:
    for ask in (parse_spec, open_sampler, open_scorer, lambda spec: Synthesize(sampler=spec)):
        with pytest.raises(LabError) as caught:
            ask(text)
        assert caught.value.hint
        assert "hunter2" not in caught.value.message + caught.value.hint


def test_what_needs_a_model_or_cannot_be_exact_says_so() -> None:
    for spec in ("hf", "vllm"):
        for opener in (open_sampler, open_scorer):
            with pytest.raises(LabError, match=f"{spec} needs a model"):
                opener(spec)
    for spec in ("vllm", "http://host/v1#m"):
        with pytest.raises(LabError, match="cannot be exact"):
            open_sampler(spec, model="m", exact=True)
