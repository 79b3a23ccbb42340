"""Scores from servers that speak vLLM's /classify (`vllm serve PRM --runner pooling`), any number of them (`servers.py`).

The model there is a sequence classifier with one label, as the PRM trainer leaves it. Tokens are sent, not text, since the
end-of-text token that training appended would be missing: so the checkpoint's tokenizer is read here. With one label
vLLM's activation is the sigmoid of the logit, the number that `hf_scorer.py` gives; it is asked for by name. Not
covered: /score and /pooling, and classifiers of several labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from o1coder.errors import LabError
from o1coder.flow import Pull, answers
from o1coder.sampling.ended import Ended
from o1coder.sampling.http import present_servers, served
from o1coder.sampling.servers import Servers
from o1coder.sampling.spec import Endpoint
from o1coder.sampling.wire import Asking, BadAnswer

PATH = "/classify"


class HttpScorer:
    """Classifying servers as a Scorer. `model` and `adapter` are read for their tokenizer only."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        model: Path | str,
        adapter: Path | None = None,
        max_length: int = 1024,
        concurrency: int = 64,
        timeout_s: float = 300.0,
        patience_s: float = 60.0,
        backoff_s: float = 0.5,
    ) -> None:
        self.spec = ",".join(endpoint.text for endpoint in endpoints)
        self._ended = Ended(model, adapter, max_length)
        # vLLM serves /classify beside /v1, not below it.
        roots = [Endpoint(endpoint.url.removesuffix("/v1"), endpoint.model) for endpoint in endpoints]
        self.servers = Servers(
            roots,
            concurrency=concurrency,
            timeout_s=timeout_s,
            patience_s=patience_s,
            backoff_s=backoff_s,
            models_path="/v1/models",
        )
        try:
            present_servers(self.servers)
        except BaseException:
            self.servers.close()
            raise

    def score(self, texts: Sequence[str]) -> list[float]:
        """The probability, in [0, 1], that the last step of each text is valid; in the order of the texts."""
        return answers(self.stream, texts)

    def stream(self, pull: Pull[str]) -> Iterator[tuple[int, float]]:
        """Score texts as they are pulled, each as soon as its server has answered."""
        return served(self.servers, pull, self._asking)

    def close(self) -> None:
        """Break off what is under way and close the connections."""
        self.servers.close()

    def _asking(self, text: str) -> Asking:
        [ids] = self._ended.rows([text])
        return Asking(PATH, {"input": [ids], "use_activation": True}, _read, f"a text of {len(ids)} tokens")


def _read(said: Mapping[str, Any]) -> float:
    """The one probability of an answer. LabError for a classifier of several labels, BadAnswer for what is none."""
    data = said.get("data")
    if not isinstance(data, list) or len(data) != 1:
        raise BadAnswer("no one classification (data)")
    try:
        probabilities = [float(value) for value in data[0]["probs"]]
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswer("a classification without probabilities (probs)") from error
    if len(probabilities) != 1 or not 0 <= probabilities[0] <= 1:
        raise LabError(
            f"the server's classifier gives {probabilities[:4]}, not one probability",
            "serve a process reward model: a sequence classifier with one label",
        )
    return probabilities[0]
