"""Completions from servers that speak OpenAI's /completions: vllm serve and others, any number of them (`servers.py`).

Every request is one completion with its own seed, sent to whichever server has room. At opening each server is asked
which models it has, and whether it honours seeds: the same seed twice must give the same text, another seed another. What
was found stands in `spec`. Texts of a server depend on what shares its batch, so `reproducible` is False either way.

`logprob` is what the server says of its untempered model (vLLM does by default); None where it says nothing. A key comes
from the environment (`spec.KEY`). Not covered: chat endpoints, which cannot go on with a half-written text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from o1coder.errors import LabError
from o1coder.flow import Pull, answers
from o1coder.sampling import Request, Sample
from o1coder.sampling.servers import Done, Place, Servers
from o1coder.sampling.spec import Endpoint
from o1coder.sampling.wire import (
    Asking,
    BadAnswer,
    hint_for,
    listed_models,
    message,
    model_hint,
    no_such_model,
    object_in,
)

T = TypeVar("T")
PATH = "/completions"
SEED_BITS = 31  # some servers keep no more
ASK_AGAIN_S = 0.005  # while there is room and the caller has nothing to ask
HEARTBEAT_S = 1.0  # while there is nothing to do but wait: how often the caller may say that it wants no more


class HttpSampler:
    """OpenAI-compatible servers as a Sampler. `seeds_honoured`: True, False, or None where it could not be found out."""

    reproducible = False

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        concurrency: int = 64,
        timeout_s: float = 300.0,
        patience_s: float = 60.0,
        backoff_s: float = 0.5,
    ) -> None:
        self.servers = Servers(
            endpoints, concurrency=concurrency, timeout_s=timeout_s, patience_s=patience_s, backoff_s=backoff_s
        )
        try:
            present = present_servers(self.servers)
            self.seeds_honoured = _all([self._seeds_at(place) for place in present])
        except BaseException:
            self.servers.close()
            raise
        word = {True: "honoured", False: "ignored", None: "unknown"}[self.seeds_honoured]
        self.spec = f"{','.join(endpoint.text for endpoint in endpoints)} (seeds {word})"

    def sample(self, requests: Sequence[Request]) -> list[Sample]:
        """Complete every request, in order. LabError when a server refuses one or none answers."""
        return answers(self.stream, requests)

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]:
        """Complete requests as they are pulled, each as soon as its server has answered."""
        return served(self.servers, pull, _asking)

    def close(self) -> None:
        """Break off what is under way and close the connections."""
        self.servers.close()

    def _seeds_at(self, place: Place) -> bool | None:
        """Whether this server honours seeds; LabError where it completes no texts."""
        texts = []
        for seed in (1, 1, 2, 3):
            body = _body(Request("The", max_tokens=16, temperature=1.0, seed=seed)) | {"model": place.endpoint.model}
            status, _, text = self.servers.probe(place, "POST", PATH, body)
            if status in (400, 404) and no_such_model(text):
                raise LabError(
                    f"{place.endpoint.url} has no model {place.endpoint.model!r}: {status}: {message(text)}",
                    model_hint(
                        place.endpoint, listed_models(self.servers.probe(place, "GET", self.servers.models_path)[1])
                    ),
                )
            if 400 <= status < 500 and status != 429:
                what = "completes no texts" if status in (404, 405) else "refuses a first request"
                raise LabError(f"{place.endpoint.text} {what}: {status}: {message(text)}", hint_for(status))
            if status != 200:
                return None
            try:
                texts.append(_read(Request("The", 16), object_in(text)).text)
            except BadAnswer as error:
                raise LabError(
                    f"{place.endpoint.text} answers what is no completion: it answered {error}",
                    "check the address (most end in /v1): it must be a server of completions",
                ) from error
        if texts[0] != texts[1]:
            return False
        return True if len(set(texts)) > 1 else None


def present_servers(servers: Servers) -> list[Place]:
    """The servers that answer now. LabError where none does, where one wants a key, or has no such model."""
    present = []
    for place in servers.places:
        status, said, text = servers.probe(place, "GET", servers.models_path)
        if status in (401, 403):
            raise LabError(f"{place.endpoint.url} lets nobody in: {status}: {message(text)}", hint_for(status))
        models = listed_models(said)
        if status == 200 and models and place.endpoint.model not in models:
            hint = model_hint(place.endpoint, models)
            raise LabError(f"{place.endpoint.url} has no model {place.endpoint.model!r}", hint)
        if status:
            present.append(place)
    if not present:
        each = "; ".join(f"{place.endpoint.url}: {place.error}" for place in servers.places)
        raise LabError(f"no server can be reached: {each}", "start it, or check the address")
    return present


def served(servers: Servers, pull: Pull[T], asking: Callable[[T], Asking]) -> Iterator[tuple[int, Any]]:
    """A stream (flow.py) over servers: `asking` makes a request's Asking. What a request comes to is raised."""
    done: Done = SimpleQueue()
    begun = answered = 0
    more = True
    try:
        while more or answered < begun:
            room = servers.room - (begun - answered)
            if more and room > 0:
                asked = pull(room, begun == answered)
                more = asked is not None
                servers.ask([(begun + place, asking(one)) for place, one in enumerate(asked or ())], done)
                begun += len(asked or ())
                if begun == answered:
                    continue  # the caller has waited inside pull
            elif pull(0, False) is None:
                more = False
            for number, got in _ready(done, ASK_AGAIN_S if more and room > 0 else HEARTBEAT_S):
                if isinstance(got, BaseException):
                    raise got
                answered += 1
                yield number, got
    finally:
        if answered < begun:
            servers.drop(done)


def _ready(done: Done, timeout_s: float) -> Iterator[tuple[int, Any]]:
    """Everything that has been answered, after waiting a while for the first."""
    try:
        yield done.get(timeout=timeout_s)
        while True:
            yield done.get_nowait()
    except Empty:
        return


def _asking(request: Request) -> Asking:
    words = f"a prompt of {len(request.prompt)} characters and {request.max_tokens} tokens more"
    return Asking(PATH, _body(request), partial(_read, request), words)


def _body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {
        "prompt": request.prompt,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "logprobs": 1,
        "n": 1,
    }
    if request.stop:
        body["stop"] = list(request.stop)
    if request.temperature > 0:
        body |= {"top_p": request.top_p, "seed": request.seed % (1 << SEED_BITS)}
    return body


def _read(request: Request, said: Mapping[str, Any]) -> Sample:
    """The completion in a server's answer; BadAnswer where there is none that counts its tokens."""
    choices = said.get("choices")
    if not isinstance(choices, list) or not choices:
        raise BadAnswer("no choices")
    choice = choices[0]
    if len(choices) > 1 or not isinstance(choice, dict):
        raise BadAnswer("choices that are not one completion")
    try:
        text, reason = str(choice["text"]), choice["finish_reason"]
    except KeyError as error:
        raise BadAnswer(f"a choice without {error}") from error
    try:
        usage = said["usage"]
        tokens_in, tokens_out = int(usage["prompt_tokens"]), int(usage["completion_tokens"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswer("no count of the tokens (usage)") from error
    if reason not in ("stop", "length"):
        raise BadAnswer(f"a completion that ended because of {reason!r}")
    told = choice.get("logprobs")
    logprobs: Any = told.get("token_logprobs") if isinstance(told, dict) else None
    ends = [at for at in (text.find(stop) for stop in request.stop) if at >= 0]
    known = isinstance(logprobs, list) and logprobs and all(isinstance(each, (int, float)) for each in logprobs)
    logprob = float(sum(logprobs)) if known else None
    return Sample(text[: min(ends)] if ends else text, tokens_in, tokens_out, logprob, reason)


def _all(found: Sequence[bool | None]) -> bool | None:
    """False where any is False, else None where any is unknown."""
    return False if False in found else None if None in found else True
