"""Keys and values that may serve again: blocks of tokens, each after the block before it; the longest unused go first.

A block's place in the chain stands for all tokens before it, so what is found always fits. It knows nothing of models;
what a block holds is its caller's, who also says which roots must not be mixed. Tokens that do not fill a block are not
kept, unless the caller asks for such a tail, which then serves equal sequences only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch


class _Block(NamedTuple):
    serial: int
    kv: torch.Tensor


class Kept:
    """Blocks of `block` tokens, at most `limit` bytes of them; `bytes` is what they take now."""

    def __init__(self, limit: int, block: int) -> None:
        self.limit = limit
        self.block = block
        self.bytes = 0
        self._blocks: OrderedDict[tuple[int, tuple[int, ...]], _Block] = OrderedDict()
        self._serial = 0

    def find(self, ids: Sequence[int], root: int = 0) -> list[torch.Tensor]:
        """The blocks that `ids` begins with, as many as are kept; a last one may be a tail."""
        found = list(self._chain(ids, root))
        self._touch(key for key, _ in found)
        return [block.kv for _, block in found]

    def keep(
        self, ids: Sequence[int], read: Callable[[int, int], torch.Tensor], root: int = 0, tail: bool = False
    ) -> None:
        """Keep copies of the blocks of `ids` that are not kept yet; `read(begin, end)` gives their contents."""
        known = list(self._chain(ids, root))
        keys = [key for key, _ in known]
        parent = known[-1][1].serial if known else -1 - root
        for begin in range(len(known) * self.block, len(ids), self.block):
            tokens = tuple(ids[begin : begin + self.block])
            if len(tokens) < self.block and not tail:
                break
            # A copy of its own, whose bytes are free again when it goes.
            kv = read(begin, begin + len(tokens)).clone(memory_format=torch.contiguous_format)
            key = (parent, tokens)
            parent = self._serial = self._serial + 1
            self._blocks[key] = _Block(parent, kv)
            self.bytes += kv.nbytes
            keys.append(key)
        self._touch(iter(keys))
        while self.bytes > self.limit:
            _, dropped = self._blocks.popitem(last=False)
            self.bytes -= dropped.kv.nbytes

    def clear(self) -> None:
        """Forget everything."""
        self._blocks.clear()
        self.bytes = 0

    def _chain(self, ids: Sequence[int], root: int) -> Iterator[tuple[tuple[int, tuple[int, ...]], _Block]]:
        parent = -1 - root
        for begin in range(0, len(ids), self.block):
            key = (parent, tuple(ids[begin : begin + self.block]))
            block = self._blocks.get(key)
            if block is None:
                return
            yield key, block
            parent = block.serial

    def _touch(self, keys: Iterator[tuple[int, tuple[int, ...]]]) -> None:
        # The end of a chain is of no use without its beginning, so the beginning is what was used last.
        for key in reversed(list(keys)):
            self._blocks.move_to_end(key)
