"""The exact batch of the hf sampler: every pass has one shape, whatever else is asked.

Rows of one capacity (prompt and cap, rounded up) decode together, dummy rows fill the batch, and prompts are prefilled
alone in aligned blocks, each a function of the tokens up to its end and so kept. What decoding left behind is not used
again, since it differs in its last digits from a prefill of the same tokens. Rows of several capacities take turns, by
how many of each are under way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from o1coder.sampling.kept import Kept
from o1coder.sampling.passes import Decoder
from o1coder.sampling.rows import Row
from o1coder.sampling.slots import Slots

BLOCK = 64
CAPACITY_STEP = 256


class ExactMemory:
    """What outlives a stream: prefilled blocks, with counts of what was computed and what was not."""

    def __init__(self, reuse_bytes: int) -> None:
        self.kept = Kept(reuse_bytes, BLOCK)
        self.prefilled = 0
        self.asked = 0


@dataclass
class _Class:
    """The rows of one capacity. `turns` grows with those under way, and the class with most steps next."""

    slots: Slots
    active: list[Row | None]
    waiting: deque[Row] = field(default_factory=deque)
    turns: int = 0

    @property
    def rows(self) -> int:
        return len(self.waiting) + sum(row is not None for row in self.active)


class Exactly:
    """Rows whose texts do not depend on each other; a stream's own."""

    def __init__(self, decoder: Decoder, memory: ExactMemory, batch: int) -> None:
        self._decoder = decoder
        self._memory = memory
        self._batch = batch
        self._classes: dict[int, _Class] = {}

    @property
    def busy(self) -> bool:
        """Whether a step would do anything."""
        return any(each.rows for each in self._classes.values())

    @property
    def room(self) -> int:
        """How many rows to ask for now."""
        rows = [each.rows for each in self._classes.values() if each.rows]
        return max(0, self._batch * max(1, len(rows)) - sum(rows))

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows; each is prefilled when its capacity has a free slot."""
        for row in rows:
            row.start(0)
            self._memory.asked += len(row.ids) - 1
            needed = len(row.ids) + row.request.max_tokens
            capacity = -(-needed // CAPACITY_STEP) * CAPACITY_STEP
            if capacity not in self._classes:
                # Storage is large: that of a capacity which nobody uses goes when another is wanted.
                self._classes = {known: each for known, each in self._classes.items() if each.rows}
                self._classes[capacity] = _Class(
                    Slots(self._decoder.shape, self._batch, capacity), [None] * self._batch
                )
            self._classes[capacity].waiting.append(row)

    def step(self) -> list[Row]:
        """Seat what waits, draw a token for every row of one capacity, and give those that are over."""
        for each in self._classes.values():
            each.turns += each.rows
        chosen = max((each for each in self._classes.values() if each.rows), key=lambda each: each.turns)
        chosen.turns = 0
        for slot, seated in enumerate(chosen.active):
            if seated is None and chosen.waiting:
                chosen.active[slot] = newcomer = chosen.waiting.popleft()
                self._prefill(chosen.slots, newcomer, slot)
        self._decoder.step(chosen.slots, chosen.active, [None] * self._batch)
        over = []
        for slot, row in enumerate(chosen.active):
            if row is not None and row.finish_reason is not None:
                over.append(row)
                chosen.active[slot] = None
        return over

    def _prefill(self, slots: Slots, row: Row, slot: int) -> None:
        """Prefill a prompt alone, block by block, in storage of its slots' capacity."""
        ids, kept = row.ids[:-1], self._memory.kept
        alone = Slots(self._decoder.shape, 1, slots.capacity)
        begin = 0
        for block in kept.find(ids, root=slots.capacity):
            alone.put(0, begin, block)
            begin += block.shape[3]
        if begin < len(ids):
            self._memory.prefilled += len(ids) - begin
            for at in range(begin, len(ids), BLOCK):
                self._decoder.prefill(alone, [ids[at : at + BLOCK]], [at], BLOCK, [None])
            kept.keep(ids, lambda begin, end: alone.get(0, begin, end), root=slots.capacity, tail=True)
        slots.put(slot, 0, alone.get(0, 0, len(ids)))
