"""The arithmetic of the screens' benchmark: presses in, rows with percentiles, and which bound is held. It measures nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.benchmarks.judging.figures import markdown, percentile, spread
from tests.benchmarks.tui_keys import Press

FIRST_ROWS_S = 1.2
MEMORY_MB = 60.0
BYTES = {"cursor": 500, "label": 7000, "page": 7000, "heavy": 20_000}
WRITERS_RATIO = 2.0
LABEL_WAIT_MS = 50.0


class Row(NamedTuple):
    """A key in one terminal size, over all repeats. `medians`: of each repeat's first byte, so that their spread is seen."""

    name: str
    kind: str
    presses: int
    first_p50: float
    first_p99: float
    last_p50: float
    last_p99: float
    frame_p50: int
    bytes_p50: int
    bytes_max: int
    medians: tuple[float, ...]


class Bound(NamedTuple):
    """What was promised of a figure, and whether it is so."""

    figure: str
    value: float
    at_most: float

    @property
    def held(self) -> bool:
        return self.value <= self.at_most


def row(name: str, kind: str, repeats: Sequence[Sequence[Press]]) -> Row:
    """One line of the table."""
    presses = [press for repeat in repeats for press in repeat]
    first, last = [p.first_ms for p in presses], [p.last_ms for p in presses]
    sizes = sorted(p.bytes for p in presses)
    return Row(
        name,
        kind,
        len(presses),
        percentile(first, 0.5),
        percentile(first, 0.99),
        percentile(last, 0.5),
        percentile(last, 0.99),
        round(percentile([float(p.frame) for p in presses], 0.5)),
        sizes[(len(sizes) - 1) // 2],
        sizes[-1],
        tuple(percentile([p.first_ms for p in repeat], 0.5) for repeat in repeats),
    )


def bounds_of(found: Row, size: tuple[int, int]) -> list[Bound]:
    """What is promised of a key: of cursor and label keys the first byte; of all else first byte and settling, by their
    medians. Bytes are promised for 80x24: a larger screen holds more; those of an arrow are its first frame's, since a
    held key repeats nothing else."""
    name = f"{found.name} {size[0]}x{size[1]}"
    if found.kind == "heavy":
        bounds = [
            Bound(f"{name}: first byte, ms (median)", found.first_p50, 50),
            Bound(f"{name}: settled, ms (median)", found.last_p50, 300),
        ]
    else:
        bounds = [
            Bound(f"{name}: first byte, ms (p50)", found.first_p50, 10),
            Bound(f"{name}: first byte, ms (p99)", found.first_p99, 50),
        ]
    if size == (80, 24):
        size_of, what = (found.frame_p50, "bytes at once") if found.kind == "cursor" else (found.bytes_p50, "bytes")
        bounds.append(Bound(f"{name}: {what} (median)", size_of, BYTES[found.kind]))
    return bounds


def table(rows: Sequence[Row]) -> str:
    """A line a key."""
    header = [
        "key",
        "n",
        "first byte ms p50 / p99",
        "settled ms p50 / p99",
        "bytes at once p50 / all p50 / max",
        "medians of the repeats",
    ]
    return markdown(
        header,
        [
            [
                one.name,
                str(one.presses),
                f"{one.first_p50:.1f} / {one.first_p99:.1f}",
                f"{one.last_p50:.1f} / {one.last_p99:.1f}",
                f"{one.frame_p50:,} / {one.bytes_p50:,} / {one.bytes_max:,}",
                " ".join(f"{median:.1f}" for median in one.medians),
            ]
            for one in rows
        ],
    )


def seconds(values: Sequence[float]) -> str:
    """A median with its quartiles."""
    return spread(values).text(2, unit=" s")


def verdict(bounds: Sequence[Bound]) -> str:
    """What is not held, one a line; or that all is."""
    broken = [f"- {one.figure}: {one.value:.1f}, at most {one.at_most:g}" for one in bounds if not one.held]
    head = f"{len(bounds) - len(broken)} of {len(bounds)} bounds hold"
    return "\n".join([head + (", these do not:" if broken else "."), *broken])


def as_data(rows: Mapping[str, Sequence[Row]], bounds: Sequence[Bound]) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "keys": {size: [one._asdict() for one in found] for size, found in rows.items()},
        "bounds": [{**one._asdict(), "held": one.held} for one in bounds],
    }
