"""Servers that misbehave: what is tried again, what goes elsewhere, what ends with a clear word. Real connections on
loopback to a server in a process of its own; what a sampler promises besides is in test_contract.py."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from o1coder.errors import LabError
from o1coder.flow import listed
from o1coder.sampling import Request, open_sampler
from o1coder.sampling.fake import FakeSampler, FakeScorer
from o1coder.sampling.http import HttpSampler
from o1coder.sampling.http_scorer import HttpScorer
from o1coder.sampling.served import Served
from o1coder.sampling.spec import KEY, Endpoint
from o1coder.sampling.wire import model_hint
from tests.sampling.server import TestServer
from tests.tiny import make_tiny_model

REQUESTS = [Request(f"prompt {number}", max_tokens=9, seed=number) for number in range(40)]
EXPECTED = FakeSampler(7).sample(REQUESTS)


@pytest.fixture(scope="module")
def one() -> Iterator[TestServer]:
    server = TestServer()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def two() -> Iterator[TestServer]:
    server = TestServer()
    yield server
    server.kill()


def opened(*servers: TestServer, **settings: float) -> HttpSampler:
    """A sampler over these servers with short pauses; what they saw of its opening is forgotten."""
    for server in servers:
        server.faults()
    given = {"concurrency": 4, "timeout_s": 60.0, "patience_s": 60.0, "backoff_s": 0.01} | settings
    sampler = HttpSampler([Endpoint(server.url, "m") for server in servers], **given)  # type: ignore[arg-type]
    for server in servers:
        server.faults()
    return sampler


@pytest.mark.parametrize("fault", ["500", "502", "429", "429:0.01", "503:busy", "drop", "text", "empty", "null"])
def test_what_may_pass_is_tried_again(one: TestServer, fault: str) -> None:
    sampler = opened(one)
    one.faults(fault, fault, "", "", fault)
    assert sampler.sample(REQUESTS) == EXPECTED
    assert len(one.seen()["bodies"]) == len(REQUESTS) + 3
    sampler.close()


def test_each_server_has_its_share_and_no_more(one: TestServer, two: TestServer) -> None:
    sampler = opened(one, two, concurrency=3)
    one.faults(always="slow:0.05")
    two.faults(always="slow:0.05")
    assert sampler.sample(REQUESTS) == EXPECTED
    seen = [one.seen(), two.seen()]
    assert max(each["most_at_once"] for each in seen) <= 3
    assert min(len(each["bodies"]) for each in seen) >= 3
    sampler.close()


def test_a_server_that_says_later_gets_less_at_once_and_nothing_fails(one: TestServer) -> None:
    sampler = opened(one, concurrency=8)
    one.faults(*["429:0.02"] * 20)
    assert sampler.sample(REQUESTS[:3]) == EXPECTED[:3]
    assert sampler.servers.places[0].limit < 8
    assert sampler.sample(REQUESTS) == EXPECTED
    sampler.close()


def test_one_that_goes_away_is_set_aside_and_the_other_does_its_work(
    one: TestServer, caplog: pytest.LogCaptureFixture
) -> None:
    gone = TestServer()
    sampler = opened(one, gone)
    give = listed(REQUESTS)

    def pull(room: int, idle: bool) -> Sequence[Request] | None:
        return give(min(room, 2), idle)

    got = {}
    with caplog.at_level(logging.WARNING):
        for number, sample in sampler.stream(pull):
            got[number] = sample
            if len(got) == 10:
                gone.kill()
    assert [got[number] for number in range(len(REQUESTS))] == EXPECTED
    assert f"{gone.url} is set aside" in caplog.text
    sampler.close()


def test_one_that_comes_back_is_asked_again(one: TestServer, caplog: pytest.LogCaptureFixture) -> None:
    sampler = opened(one)
    one.faults(*["502"] * 6)
    with caplog.at_level(logging.WARNING):
        assert sampler.sample(REQUESTS) == EXPECTED
    assert "is set aside for" in caplog.text
    assert "answers again" in caplog.text
    sampler.close()


def test_when_all_are_down_each_is_named_with_its_error() -> None:
    servers = [TestServer(), TestServer()]
    sampler = opened(*servers, patience_s=0.2)
    for server in servers:
        server.kill()
    with pytest.raises(LabError, match="no server has answered") as caught:
        sampler.sample(REQUESTS)
    assert all(server.url in caught.value.message for server in servers)
    assert caught.value.message.count("connect") >= 2
    with pytest.raises(LabError, match="no server has answered"):
        sampler.sample(REQUESTS[:1])
    sampler.close()
    with pytest.raises(LabError, match="no server can be reached"):
        HttpSampler([Endpoint(server.url, "m") for server in servers])


def test_a_request_that_always_fails_ends_with_the_servers_words(one: TestServer) -> None:
    sampler = opened(one, patience_s=600.0, backoff_s=0.001)
    one.faults(always="500:the kernel is gone")
    with pytest.raises(LabError, match="failed 6 times.*the kernel is gone"):
        sampler.sample(REQUESTS[:1])
    one.faults()
    assert sampler.sample(REQUESTS) == EXPECTED
    sampler.close()


def test_one_that_only_says_later_is_given_up(one: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("o1coder.sampling.servers.LONGEST_S", 0.3)
    sampler = opened(one, patience_s=0.1)
    one.faults(always="429:0.2")
    with pytest.raises(LabError, match="no server has answered.*429"):
        sampler.sample(REQUESTS)
    sampler.close()


def test_the_log_says_who_asks_for_a_rest_and_that_nobody_answers(
    one: TestServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("o1coder.sampling.servers.LONGEST_S", 0.5)
    monkeypatch.setattr("o1coder.sampling.servers.SAID_EVERY_S", 0.1)
    sampler = opened(one, patience_s=0.1)
    one.faults(always="429:0.2")
    with caplog.at_level(logging.WARNING), pytest.raises(LabError, match="no server has answered"):
        sampler.sample(REQUESTS)
    said = [record.getMessage() for record in caplog.records]
    rests = [each for each in said if "left alone" in each]
    assert len(rests) == 1
    assert rests[0].startswith(f"{one.url} asks to be left alone for 0.2 s (429: too many requests)")
    silent = [each for each in said if each.startswith("no server has answered for")]
    assert 1 <= len(silent) <= 5
    assert f"{one.url}#m: 429: too many requests" in silent[-1]
    sampler.close()


class Enough(Exception):
    pass


@pytest.mark.parametrize("waits", ["room", "full", "no more"])
@pytest.mark.parametrize("kind", ["sampler", "scorer", "served"])
def test_a_server_that_hangs_does_not_keep_a_caller_that_stops(
    one: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, waits: str
) -> None:
    monkeypatch.setattr("o1coder.sampling.http.HEARTBEAT_S", 0.01)
    if kind == "scorer":
        one.faults()
        model = make_tiny_model(tmp_path / "tiny")
        server: HttpSampler | HttpScorer = HttpScorer([Endpoint(one.url, "m")], model=model, concurrency=4)
    else:
        server = opened(one)
    one.faults(always="hang")
    known = {(REQUESTS[0].prompt, 0): EXPECTED[0]}
    asked = 0

    def pull(room: int, idle: bool) -> Sequence[Any] | None:
        nonlocal asked
        asked += 1
        if asked == 1:
            begun = REQUESTS[1 : 4 if waits == "room" else 5]
            return [each.prompt for each in begun] if kind == "scorer" else begun
        if asked > 5 and len(one.seen()["bodies"]) >= 3:
            raise Enough
        return None if waits == "no more" else []

    stream = Served(server, known).stream if kind == "served" else server.stream  # type: ignore[arg-type]
    with pytest.raises(Enough):
        list(stream(pull))
    place = server.servers.places[0]
    assert server.servers.probe(place, "GET", server.servers.models_path)[0] == 200  # after what was dropped
    assert (place.under_way, server.servers._running, server.servers._pending) == (0, {}, [])
    one.faults()
    server.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("text", "answered HTML, where JSON was due"),
        ("null", "answered something that is no JSON object"),
        ("empty", "answered no choices"),
    ],
)
def test_what_is_no_completion_is_said_in_words(one: TestServer, fault: str, words: str) -> None:
    sampler = opened(one, patience_s=600.0, backoff_s=0.001)
    one.faults(always=fault)
    with pytest.raises(LabError, match=f"failed 6 times.*{words}$"):
        sampler.sample(REQUESTS[:1])
    sampler.close()
    with pytest.raises(LabError, match=f"no completion: it {words}$"):
        open_sampler(f"{one.url}#m")


def test_a_model_that_is_gone_is_told_with_those_that_are_there(one: TestServer) -> None:
    sampler = opened(one)
    one.faults("404:The model `m` does not exist.")
    with pytest.raises(LabError, match="does not exist") as caught:
        sampler.sample(REQUESTS[:1])
    assert "after the #" in caught.value.hint
    assert model_hint(Endpoint("http://a/v1", "x"), ["m", "n"]) == "it has m, n: name one after the #"
    sampler.close()


def test_silence_is_not_waited_for_for_ever(one: TestServer) -> None:
    sampler = opened(one, backoff_s=0.001)
    for client in sampler.servers._clients:
        client.timeout = 0.05
    one.faults(always="slow:0.5")
    with pytest.raises(LabError, match="failed 6 times.*no answer within"):
        sampler.sample(REQUESTS[:1])
    sampler.close()


def test_what_is_refused_comes_with_the_servers_words_and_no_second_try(one: TestServer) -> None:
    sampler = opened(one)
    one.faults("400:top_p must be positive")
    with pytest.raises(
        LabError, match="refuses a prompt of 8 characters and 9 tokens more: 400: top_p must be positive"
    ):
        sampler.sample(REQUESTS[:1])
    assert len(one.seen()["bodies"]) == 1
    one.faults("301")
    with pytest.raises(LabError, match="301"):
        sampler.sample(REQUESTS[:1])
    with pytest.raises(LabError, match="maximum context length is 4096"):
        sampler.sample([Request("word " * 5000, 9)])
    sampler.close()


def test_leaving_early_breaks_off_what_is_under_way(one: TestServer) -> None:
    sampler = opened(one)
    one.faults("", *["slow:0.2"] * 9)
    stream = sampler.stream(listed(REQUESTS))
    assert next(stream)[0] in range(4)
    stream.close()
    one.faults()
    assert sampler.sample(REQUESTS[:3]) == EXPECTED[:3]
    sampler.close()


def test_an_error_of_the_caller_is_the_callers(one: TestServer) -> None:
    sampler = opened(one)

    def pull(room: int, idle: bool) -> Sequence[Request] | None:
        if idle:
            return REQUESTS[:2]
        raise KeyError("mine")

    with pytest.raises(KeyError):
        list(sampler.stream(pull))
    assert sampler.sample(REQUESTS[:3]) == EXPECTED[:3]
    sampler.close()


def test_seeds_are_found_out() -> None:
    for options, honoured, word in (((), True, "honoured"), (("--no-seeds",), False, "ignored")):
        server = TestServer(*options)
        sampler = open_sampler(f"{server.url}#m")
        assert isinstance(sampler, HttpSampler)
        assert sampler.seeds_honoured is honoured
        assert (sampler.reproducible, sampler.spec) == (False, f"{server.url}#m (seeds {word})")
        sampler.close()
        server.kill()


def test_what_is_sent_is_what_was_asked(one: TestServer) -> None:
    sampler = opened(one)
    sampler.sample([Request("a b", 5, ("###", "x"), 0.5, 0.9, (1 << 40) + 3), Request("a b", 5, (), 0.0, 1.0, 3)])
    warm, greedy = sorted(one.seen()["bodies"], key=lambda body: -body["temperature"])
    assert warm == {
        "model": "m", "prompt": "a b", "max_tokens": 5, "stop": ["###", "x"], "temperature": 0.5, "top_p": 0.9,
        "seed": 3, "logprobs": 1, "n": 1,
    }  # fmt: skip
    assert "seed" not in greedy
    assert "stop" not in greedy
    sampler.close()


def test_a_key_is_sent_and_kept_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    server = TestServer("--key", "hunter2")
    with pytest.raises(LabError, match="lets nobody in") as caught:
        open_sampler(f"{server.url}#m")
    assert KEY in caught.value.hint
    monkeypatch.setenv(KEY, "hunter2")
    sampler = open_sampler(f"{server.url}#m")
    assert sampler.sample(REQUESTS[:2]) == EXPECTED[:2]
    assert "hunter2" not in sampler.spec
    sampler.close()
    server.kill()


def test_what_cannot_serve_is_said_at_opening(one: TestServer) -> None:
    one.faults()
    with pytest.raises(LabError, match="has no model 'other'") as caught:
        open_sampler(f"{one.url}#other")
    assert "it has m" in caught.value.hint
    chats = TestServer("--chat-only")
    with pytest.raises(LabError, match="completes no texts") as caught:
        open_sampler(f"{chats.url}#m")
    assert "only chats" in caught.value.hint
    chats.kill()


def test_one_of_several_may_be_down_at_opening(one: TestServer) -> None:
    one.faults()
    gone = TestServer()
    gone.kill()
    sampler = open_sampler(f"{gone.url},{one.url}#m")
    assert sampler.sample(REQUESTS) == EXPECTED
    sampler.close()


def test_a_scorer_sends_tokens_that_end_the_text(one: TestServer, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tiny = make_tiny_model(tmp_path / "tiny")
    scorer = HttpScorer([Endpoint(one.url, "m")], model=tiny, max_length=8)
    one.faults("500", "drop")
    texts = ["## Problem\nSum.", "a", "longer than the others by far " * 3]
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    rows = [[*tokenizer(text)["input_ids"][-7:], tokenizer.eos_token_id] for text in texts]
    assert scorer.score(texts) == FakeScorer(7).score([str(row) for row in rows])
    sent = [body["input"] for body in one.seen()["bodies"]]
    assert all([row] in sent for row in rows)
    assert scorer.spec == f"{one.url}#m"
    scorer.close()
