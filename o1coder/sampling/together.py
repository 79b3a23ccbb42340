"""The fast batch of the hf sampler: whatever is at hand decodes together, and nothing is computed twice that is kept.

A row leaves at its end and the next one takes its slot. Beginnings that many prompts share are held once for all of
them (`prefixes.py`); the keys and values of every prompt and of what was drawn after it are kept (`kept.py`), so the
next step of a path, and a sibling that comes later, are prefilled from where they differ. With `reuse_bytes` 0 none of
this is done: bare batched decoding with refilling.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import torch

from o1coder.sampling.kept import Kept
from o1coder.sampling.passes import Decoder
from o1coder.sampling.prefixes import Beginnings, Ids
from o1coder.sampling.rows import Row
from o1coder.sampling.slots import Prefix, Slots

BLOCK = 8
GRAIN = 16
WIDEST = 512
PREFILL_TOKENS = 4096
PREFILL_SCORES = 1 << 22


class Memory:
    """What outlives a stream: kept blocks and shared prefixes, with counts of what was computed and what was not."""

    def __init__(self, reuse_bytes: int) -> None:
        self.kept = Kept(reuse_bytes, BLOCK)
        self.beginnings = Beginnings()
        self.prefixes: dict[Ids, Prefix] = {}
        self.reuses = reuse_bytes > 0
        self.prefilled = 0
        self.asked = 0


class Together:
    """Rows that decode together; a stream's own."""

    def __init__(self, decoder: Decoder, memory: Memory, batch: int) -> None:
        self._decoder = decoder
        self._memory = memory
        self._batch = batch
        self._waiting: deque[Row] = deque()
        self._active: list[Row] = []
        self._prefixes: list[Prefix | None] = []
        self._slots: Slots | None = None

    @property
    def busy(self) -> bool:
        """Whether a step would do anything."""
        return bool(self._active or self._waiting)

    @property
    def room(self) -> int:
        """How many rows to ask for now: none until a few can be prefilled in one pass."""
        free = self._batch - len(self._active) - len(self._waiting)
        return free if free >= max(1, self._batch // 8) or not self.busy else 0

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows; they are prefilled before the next step."""
        self._waiting.extend(rows)

    def step(self) -> list[Row]:
        """Prefill what waits, draw a token for every row, and give those that are over."""
        if self._waiting:
            self._admit()
        slots = self._fitted(len(self._active))
        self._decoder.step(slots, self._active, self._prefixes)
        over = []
        for slot in reversed(range(len(self._active))):
            row = self._active[slot]
            if row.finish_reason is None:
                continue
            over.append(row)
            self._keep(slot)
            last, prefix = self._active.pop(), self._prefixes.pop()
            if slot < len(self._active):
                slots.copy(len(self._active), slot, last.position)
                self._active[slot], self._prefixes[slot] = last, prefix
        return over

    def _fitted(self, used: int, least: int = 0) -> Slots:
        """The slots, with place for the next token of every row and for `least` positions, and little more."""
        needed = max(least, *(row.position + 1 for row in self._active))
        capacity = -(-needed // GRAIN) * GRAIN
        if self._slots is None:
            self._slots = Slots(self._decoder.shape, self._batch, capacity)
        elif not capacity <= self._slots.capacity <= capacity + 2 * GRAIN:
            self._slots.resize(capacity + GRAIN, used)
        return self._slots

    def _admit(self) -> None:
        """Give every waiting row a slot with its prompt in it, all but the last token, which the first step feeds."""
        memory, first = self._memory, len(self._active)
        rows = list(self._waiting)
        self._waiting.clear()
        begun = memory.beginnings.assign([row.ids for row in rows]) if memory.reuses else [()] * len(rows)
        made = {ids: self._prefix(ids) for ids in dict.fromkeys(begun) if ids}
        memory.prefixes = made | {
            ids: memory.prefixes[ids] for ids in memory.beginnings.known if ids in memory.prefixes
        }
        found: dict[Ids, list[torch.Tensor]] = {}
        for row, ids in zip(rows, begun, strict=True):
            row.start(len(ids))
            memory.asked += len(row.ids) - 1
            if memory.reuses and row.ids not in found:
                found[row.ids] = memory.kept.find(row.ids[:-1])
        known = [max(len(ids), BLOCK * len(found.get(row.ids, ()))) for row, ids in zip(rows, begun, strict=True)]
        order = sorted(range(len(rows)), key=lambda number: known[number] - len(rows[number].ids))
        seen: dict[Ids, int] = {}
        fresh: list[int] = []
        equal: list[int] = []
        for number in order:
            again = memory.reuses and rows[number].ids in seen
            (equal if again else fresh).append(number)
            seen.setdefault(rows[number].ids, first + len(fresh) - 1)
        for number in fresh + equal:
            self._active.append(rows[number])
            self._prefixes.append(made.get(begun[number]))
        slots = self._fitted(first)
        for slot, number in enumerate(fresh, start=first):
            if blocks := found.get(rows[number].ids):
                together = torch.cat(blocks, dim=3)[:, :, :, rows[number].shared :]
                slots.put(slot, 0, together)
        self._prefill([self._active[first + place] for place in range(len(fresh))], [known[n] for n in fresh], first)
        for slot, number in enumerate(equal, start=first + len(fresh)):
            slots.copy(seen[rows[number].ids], slot, rows[number].position)
        if memory.reuses:
            for slot in range(first, first + len(fresh)):
                self._keep(slot)

    def _prefill(self, rows: Sequence[Row], known: Sequence[int], first: int) -> None:
        """Run prompts from where they are not known; the longest come first, so those of a pass are of like length."""
        assert self._slots is not None
        begin = 0
        while begin < len(rows):
            longest = len(rows[begin].ids) - 1 - known[begin]
            if longest <= 0:
                return
            width = min(WIDEST, longest)
            take = max(1, min(PREFILL_TOKENS // width, PREFILL_SCORES // (width * self._slots.capacity)))
            chunk = range(begin, min(len(rows), begin + take))
            chunk = range(begin, next((n for n in chunk if known[n] >= len(rows[n].ids) - 1), chunk.stop))
            for offset in range(0, longest, width):
                self._part(rows, known, chunk, first, offset, width)
            begin = chunk.stop

    def _part(
        self, rows: Sequence[Row], known: Sequence[int], chunk: range, first: int, offset: int, width: int
    ) -> None:
        parts, begins = [], []
        for number in chunk:
            row, begin = rows[number], known[number] + offset
            parts.append(row.ids[begin : min(begin + width, len(row.ids) - 1)])
            begins.append(min(begin, len(row.ids) - 1) - row.shared)
        width = max(map(len, parts))
        slots = self._fitted(first + len(rows), max(begins) + width)
        self._memory.prefilled += sum(map(len, parts))
        place = first + chunk.start
        self._decoder.prefill(slots, parts, begins, width, self._prefixes[place : place + len(parts)], place)

    def _prefix(self, ids: Ids) -> Prefix:
        """The keys and values of a shared beginning: at hand, cut from a longer one, or put together and completed."""
        memory = self._memory
        for known, prefix in memory.prefixes.items():
            if known[: len(ids)] == ids:
                return prefix if known == ids else Prefix(ids, prefix.kv[:, :, :, : len(ids)].contiguous())
        blocks = memory.kept.find(ids)
        begin = BLOCK * len(blocks)
        slots = Slots(self._decoder.shape, 1, len(ids))
        if blocks:
            slots.put(0, 0, torch.cat(blocks, dim=3))
        for at in range(begin, len(ids), WIDEST):
            part = ids[at : at + WIDEST]
            self._decoder.prefill(slots, [part], [at], len(part), [None])
        memory.prefilled += len(ids) - begin
        memory.kept.keep(ids, lambda begin, end: slots.get(0, begin, end))
        return Prefix(ids, slots.get(0, 0, len(ids)).contiguous())

    def _keep(self, slot: int) -> None:
        """Keep what a slot holds, its prefix before it."""
        if not self._memory.reuses or self._slots is None:
            return
        row, prefix, slots = self._active[slot], self._prefixes[slot], self._slots

        def read(begin: int, end: int) -> torch.Tensor:
            own = slots.get(slot, max(0, begin - row.shared), max(0, end - row.shared))
            if prefix is None or begin >= row.shared:
                return own
            return torch.cat([prefix.kv[:, :, :, begin:end], own], dim=3)

        known = row.fed if row.finish_reason else row.ids[:-1]
        self._memory.kept.keep(known, read)
