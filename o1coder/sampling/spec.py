"""What a sampler or scorer is called: one line of text, read and checked before anything is opened.

    fake:SEED                                      scripted, no model
    hf                                             transformers in this process, on the job's checkpoint
    vllm                                           vLLM in this process, on the job's checkpoint
    http://host:port/v1#model                      a server that speaks OpenAI's completions (vllm serve, and others)
    http://one:8000/v1#m,http://two:8000/v1#m      several: `#model` once at the end serves all before it

A spec is stored with every tree, so a key has no place in it: servers get the one in the environment variable KEY.
This file opens nothing and asks no server whether it is there.
"""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from o1coder.errors import LabError

Kind = Literal["fake", "hf", "vllm", "http"]
KEY = "O1CODER_API_KEY"
KNOWN = "take hf, vllm, fake:SEED, or http://host:port/v1#model (several with commas)"


class Endpoint(NamedTuple):
    """One server and the model wanted there; `url` ends before /completions, with no slash."""

    url: str
    model: str

    @property
    def text(self) -> str:
        """As it stands in a spec."""
        return f"{self.url}#{self.model}"


class Spec(NamedTuple):
    """A spec that was read: `seed` of a fake one, `endpoints` of servers; `text` is its one spelling."""

    kind: Kind
    text: str
    seed: int = 0
    endpoints: tuple[Endpoint, ...] = ()


def parse_spec(text: str) -> Spec:
    """Read a spec. LabError says what is wrong with it and what there is."""
    text = text.strip()
    if text.rstrip(":") in ("hf", "vllm"):
        kind: Literal["hf", "vllm"] = "hf" if text.startswith("hf") else "vllm"
        return Spec(kind, kind)
    if text.startswith(("hf:", "vllm:")):
        kind_name, _, rest = text.partition(":")
        raise LabError(
            f"{text!r} names a model", f"say {kind_name}; its model is the checkpoint of the job, not {rest!r}"
        )
    if text.startswith("fake:"):
        seed = text.removeprefix("fake:")
        if not (seed.isascii() and seed.isdecimal()):
            raise LabError(
                f"{text!r} is not a fake sampler's spec", "write fake:SEED with a whole number, such as fake:7"
            )
        return Spec("fake", f"fake:{int(seed)}", seed=int(seed))
    if text.startswith(("http://", "https://")):
        endpoints = _endpoints(text)
        return Spec("http", ",".join(each.text for each in endpoints), endpoints=endpoints)
    raise LabError(f"{text!r} opens nothing", KNOWN)


def _endpoints(text: str) -> tuple[Endpoint, ...]:
    found: list[tuple[str, str]] = []
    for part in (part.strip() for part in text.split(",")):
        url, _, model = part.partition("#")
        try:
            address = urlsplit(url)
            port = address.port  # reading it checks it
        except ValueError as error:
            raise LabError(f"{_bare(url)!r} is no address: {error}", "write http://host:port/v1#model") from error
        if address.scheme not in ("http", "https") or not address.hostname or address.query:
            raise LabError(f"{_bare(part)!r} is no server's address", "write http://host:port/v1#model")
        if "@" in address.netloc:
            raise LabError(
                f"{_bare(url)!r} carries a user or a password, which would be stored with every tree",
                f"leave it out, and put the server's key into the environment variable {KEY}",
            )
        host = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
        place = host if port is None else f"{host}:{port}"
        found.append((f"{address.scheme}://{place}{address.path.rstrip('/')}", model.strip()))
    last = next((model for _, model in reversed(found) if model), "")
    if not last or not found[-1][1]:
        raise LabError(f"{text!r} names no model", "write its name after a #: http://host:port/v1#model")
    return tuple(Endpoint(url, model or last) for url, model in found)


def _bare(url: str) -> str:
    """An address without what stands before its @, to be shown."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path}"
