"""One completion on its way: its tokens so far, where it stands in its slot, and when it is over. Holds no tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from o1coder.sampling import Request, Sample

# A token holds at least one byte, so as many as a stop string has bytes hold it, and it may begin inside the one before.
STOP_SLACK_TOKENS = 8


@dataclass(eq=False)
class Row:
    """A request, its prompt's tokens, and the tokens drawn. `position` is where the next token to feed will stand in
    its slot, which begins after the `shared` tokens that lie in a prefix."""

    request: Request
    ids: tuple[int, ...]
    number: int = 0
    shared: int = 0
    position: int = 0
    token: int = 0
    drawn: list[int] = field(default_factory=list)
    logprob: float = 0.0
    text: str | None = None
    finish_reason: Literal["stop", "length"] | None = None

    @property
    def fed(self) -> tuple[int, ...]:
        """The tokens whose keys and values are known once the row is over: all but the last one drawn."""
        return self.ids + tuple(self.drawn[:-1])

    def start(self, shared: int) -> None:
        """Stand at the prompt's last token, which the first step feeds; `shared` tokens lie in a prefix."""
        self.shared = shared
        self.position = len(self.ids) - 1 - shared
        self.token = self.ids[-1]

    def take(self, token: int, logprob: float, end: frozenset[int], tokenizer: Any) -> None:
        """Append a drawn token, and end at an end-of-text token, a stop string or the cap."""
        self.drawn.append(token)
        self.logprob += logprob
        self.position += 1
        self.token = token
        if token in end:
            self.text, self.finish_reason = _decode(tokenizer, self.drawn[:-1]), "stop"
        elif (before_stop := self._before_stop(tokenizer)) is not None:
            self.text, self.finish_reason = before_stop, "stop"
        elif len(self.drawn) >= self.request.max_tokens:
            self.text, self.finish_reason = _decode(tokenizer, self.drawn), "length"

    def sample(self, tokenizer: Any) -> Sample:
        """What the caller gets once the row is over."""
        assert self.text is not None
        assert self.finish_reason is not None
        return Sample(self.text, len(self.ids), len(self.drawn), self.logprob, self.finish_reason)

    def _before_stop(self, tokenizer: Any) -> str | None:
        stops = self.request.stop
        if not stops:
            return None
        tail = _decode(tokenizer, self.drawn[-max(len(stop.encode()) for stop in stops) - STOP_SLACK_TOKENS :])
        if not any(stop in tail for stop in stops):
            return None
        text = _decode(tokenizer, self.drawn)
        ends = [at for at in (text.find(stop) for stop in stops) if at >= 0]
        return text[: min(ends)] if ends else None


def end_tokens(tokenizer: Any, model: Any) -> frozenset[int]:
    """The tokens that end a text: what model and tokenizer call so, and every special token, as none belongs in one."""
    ends: set[int] = set(tokenizer.all_special_ids)
    for named in (tokenizer.eos_token_id, model.config.eos_token_id, model.generation_config.eos_token_id):
        if isinstance(named, int):
            ends.add(named)
        elif named is not None:
            ends.update(named)
    return frozenset(ends)


def _decode(tokenizer: Any, ids: list[int]) -> str:
    text: str = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text
