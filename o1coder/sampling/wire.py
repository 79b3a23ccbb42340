"""One request to one server, and what its answer means: a value, a LabError, or trouble that may pass.

Who is asked, and what follows from trouble, is decided in `servers.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from o1coder.errors import LabError
from o1coder.sampling.spec import KEY, Endpoint

if TYPE_CHECKING:
    import httpx

Read = Callable[[Mapping[str, Any]], Any]  # an answer's JSON to what is wanted; BadAnswer, or LabError

CONNECT_S = 10.0
LONGEST_REST_S = 600.0
NO_SUCH = ("not exist", "not found", "no such", "unknown model", "not available", "not loaded")
AWAY = (502, 503, 504)  # what stands before a server says so when the server is not there


class BadAnswer(Exception):
    """An answer that is not what the protocol promises; its words go on after "answered"."""


class Asking(NamedTuple):
    """A request: where to, what, how its answer is read, and what it is in words, for messages."""

    path: str
    body: dict[str, Any]
    read: Read
    words: str


class Trouble(NamedTuple):
    """Why one try came to nothing. `gone`: the server is not there; `rest_s`: it said how long to wait (0: not how long)."""

    words: str
    gone: bool = False
    rest_s: float | None = None


async def post(client: httpx.AsyncClient, endpoint: Endpoint, asking: Asking, models_path: str = "/models") -> Any:
    """What was read from the answer, a LabError where asking again would change nothing (4xx, a redirection), or Trouble."""
    import httpx

    try:
        answer = await client.post(endpoint.url + asking.path, json=asking.body | {"model": endpoint.model})
    except httpx.ConnectTimeout:
        return Trouble(f"no connection within {CONNECT_S:g} s", gone=True)
    except httpx.TimeoutException:
        return Trouble("no answer within the time a request has")
    except httpx.TransportError as error:
        return Trouble(reason(error), gone=True)
    said = f"{answer.status_code}: {message(answer.text)}"
    rest_s = _retry_after(answer.headers.get("retry-after"))
    if answer.status_code == 429 or (answer.status_code == 503 and rest_s is not None):
        return Trouble(said, rest_s=rest_s or 0.0)
    if answer.status_code >= 500:
        return Trouble(said, gone=answer.status_code in AWAY)
    if answer.status_code >= 300:
        words = f"{endpoint.text} refuses {asking.words}: {said}"
        if answer.status_code in (400, 404) and no_such_model(answer.text):
            return LabError(words, model_hint(endpoint, await _models(client, endpoint.url + models_path)))
        return LabError(words, hint_for(answer.status_code))
    try:
        return asking.read(object_in(answer.text))
    except LabError as error:
        return error
    except BadAnswer as error:
        return Trouble(f"it answered {error}")


def object_in(text: str) -> Mapping[str, Any]:
    """The JSON object that a body is. BadAnswer, with what it is instead, where it is none."""
    begin = text.lstrip()[:200].lower()
    if not begin:
        raise BadAnswer("nothing")
    if begin.startswith("<"):
        raise BadAnswer("HTML, where JSON was due")
    try:
        said = json.loads(text)
    except ValueError as error:
        raise BadAnswer("something that is no JSON") from error
    if not isinstance(said, dict):
        raise BadAnswer("something that is no JSON object")
    return said


async def _models(client: httpx.AsyncClient, url: str) -> list[str]:
    import httpx

    try:
        return listed_models(object_in((await client.get(url, timeout=CONNECT_S)).text))
    except (httpx.TransportError, BadAnswer):
        return []


def listed_models(said: Any) -> list[str]:
    """The names in a list of models as a server gives it; none where it is no such list."""
    listed = said.get("data") if isinstance(said, dict) else None
    return [str(each.get("id")) for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def no_such_model(text: str) -> bool:
    """Whether an error's body says that the server does not have the model."""
    said = message(text).lower()
    return "model" in said and any(word in said for word in NO_SUCH)


def model_hint(endpoint: Endpoint, models: Sequence[str]) -> str:
    """What to do about a model that a server does not have; `models` are those that it has, if it says so."""
    others = [name for name in models if name != endpoint.model]
    if not others:
        return f"check the model's name, {endpoint.model!r} after the #: it must be the one that the server was started with"
    return f"it has {', '.join(others[:8])}: name one after the #"


def message(text: str) -> str:
    """The server's own words out of an error's body, at most 300 characters."""
    try:
        said = json.loads(text)
    except ValueError:
        said = text
    for name in ("error", "message", "detail"):
        if isinstance(said, dict) and name in said:
            said = said[name]
    return " ".join(str(said).split())[:300] or "no message"


def hint_for(status: int) -> str:
    """What to do about a 4xx."""
    if status in (401, 403):
        return f"put the server's key into the environment variable {KEY}, before the worker starts"
    if status in (404, 405):
        return "check the address (most end in /v1) and the model's name; a server that only chats cannot go on with a text"
    return "change what is asked, such as the token caps or the prompt"


def reason(error: Exception) -> str:
    """An exception in words, even one that has none."""
    return str(error) or f"the connection broke ({type(error).__name__})"


def _retry_after(header: str | None) -> float | None:
    """Seconds, from a Retry-After that says seconds; a date is not read."""
    if header is None or not header.strip().replace(".", "", 1).isdecimal():
        return None
    return min(float(header), LONGEST_REST_S)
