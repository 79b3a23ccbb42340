"""A server of OpenAI-compatible completions and of vLLM's /classify over the scripted sampler, which can be told to
misbehave. It runs in a process of its own: `python -P -m tests.sampling.server` prints its port and serves until killed.

POST /control {"faults": [...]} lays down what goes wrong with the next requests, one fault each; {"always": FAULT} what
goes wrong with all. GET /control says what was seen. Faults: "500", "502", "429", "429:SECONDS" (Retry-After), "drop" (the
connection breaks), "slow:SECONDS", "null", "text" (no JSON), "empty" (JSON of something else), "400:MESSAGE".
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from o1coder.sampling import Request
from o1coder.sampling.fake import FakeSampler, FakeScorer

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class State:
    """What the server was started with, what it is to do wrong, what it has seen."""

    options: argparse.Namespace
    sampler: FakeSampler
    scorer: FakeScorer
    lock: threading.Lock = field(default_factory=threading.Lock)
    faults: list[str] = field(default_factory=list)
    always: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    heard: threading.Event = field(default_factory=threading.Event)  # ends what hangs
    noise: itertools.count[int] = field(default_factory=itertools.count)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    state: State

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """The models, and what was seen."""
        state = self.state
        if self.path == "/control":
            self._answer(200, {"bodies": state.bodies, "most_at_once": state.most_at_once})
        elif not self._allowed():
            self._error(401, "who are you?")
        else:
            self._answer(200, {"object": "list", "data": [{"id": name} for name in state.options.models]})

    def do_POST(self) -> None:
        """A completion, a classification, or a fault."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state = self.state
        if self.path == "/control":
            with state.lock:
                state.faults = list(body.get("faults", []))
                state.always = body.get("always", "")
                state.bodies.clear()
                state.heard.set()
                state.heard = threading.Event()
                state.most_at_once = 0
            self._answer(200, {})
            return
        with state.lock:
            state.bodies.append(body)
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
            fault = state.faults.pop(0) if state.faults else state.always
        try:
            if not self._fault(*fault.partition(":")[::2]):
                self._serve(body)
        finally:
            with state.lock:
                state.at_once -= 1

    def _serve(self, body: dict[str, Any]) -> None:
        time.sleep(self.state.options.delay)
        if not self._allowed():
            self._error(401, "who are you?")
        elif body["model"] not in self.state.options.models:
            self._error(404, f"The model `{body['model']}` does not exist.")
        elif self.path == "/v1/completions" and not self.state.options.chat_only:
            self._complete(body)
        elif self.path == "/classify":
            texts = [json.dumps(ids) for ids in body["input"]]
            scores = self.state.scorer.score(texts)
            data = [{"index": k, "label": "LABEL_0", "probs": [p], "num_classes": 1} for k, p in enumerate(scores)]
            self._answer(200, {"object": "list", "data": data})
        else:
            self._error(404, "Not Found")

    def _complete(self, body: dict[str, Any]) -> None:
        state = self.state
        words = len(body["prompt"].split())
        if words + body["max_tokens"] > state.options.context:
            self._error(
                400, f"maximum context length is {state.options.context} tokens, the prompt has {words}, "
                f"{body['max_tokens']} more were asked for",
            )  # fmt: skip
            return
        seed = body.get("seed", 0) + (0 if state.options.seeds else next(state.noise))
        stop = tuple(body.get("stop", ()))
        [sample] = state.sampler.sample(
            [Request(body["prompt"], body["max_tokens"], stop, body["temperature"], body.get("top_p", 1.0), seed)]
        )
        logprobs = {"token_logprobs": [sample.logprob]} if body.get("logprobs") is not None else None
        choice = {"index": 0, "text": sample.text, "finish_reason": sample.finish_reason, "logprobs": logprobs}
        usage = {"prompt_tokens": sample.tokens_in, "completion_tokens": sample.tokens_out}
        self._answer(200, {"object": "text_completion", "choices": [choice], "usage": usage})

    def _fault(self, kind: str, detail: str) -> bool:
        """Do what goes wrong; False where an answer follows all the same."""
        if kind == "hang":
            self.state.heard.wait()
            return False
        if kind == "slow":
            time.sleep(float(detail))
            return False
        if kind == "drop":
            self.close_connection = True
        elif kind == "429":
            self._error(429, "too many requests", {"Retry-After": detail} if detail else {})
        elif kind == "text":
            self._send(200, b"<html>welcome</html>", {})
        elif kind == "null":
            self._send(200, b"null", {})
        elif kind == "empty":
            self._answer(200, {"choices": []})
        elif kind:
            self._error(int(kind), detail or "something broke")
        return bool(kind)

    def _allowed(self) -> bool:
        key = self.state.options.key
        return not key or self.headers.get("Authorization") == f"Bearer {key}"

    def _error(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps({"error": {"message": message, "code": status}}).encode(), headers or {})

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        self._send(status, json.dumps(value).encode(), {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Served(ThreadingHTTPServer):
    """The default queue of five connections turns a burst away."""

    request_queue_size = 512
    daemon_threads = True


class TestServer:
    """The server's process, seen from a test."""

    __test__ = False

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.sampling.server", *options],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        assert self.process.stdout is not None
        self.root = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        self.url = f"{self.root}/v1"

    def faults(self, *faults: str, always: str = "") -> None:
        """What goes wrong from now on; what was seen is forgotten."""
        self._control({"faults": faults, "always": always})

    def seen(self) -> dict[str, Any]:
        """The bodies that came since `faults`, and how many were under way at once at most."""
        return self._control(None)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _control(self, value: dict[str, Any] | None) -> dict[str, Any]:
        data = None if value is None else json.dumps(value).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.root}/control", data=data) as answer:
            said: dict[str, Any] = json.load(answer)
            return said


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--models", nargs="+", default=["m"])
    parser.add_argument("--no-seeds", dest="seeds", action="store_false")
    parser.add_argument("--chat-only", action="store_true")
    parser.add_argument("--key", default="")
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--delay", type=float, default=0.0)
    options = parser.parse_args()
    Handler.state = State(options, FakeSampler(options.seed), FakeScorer(options.seed))
    server = Served(("127.0.0.1", options.port), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
