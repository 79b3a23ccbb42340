"""calibrate: the lab's search, labels, intervals, gate and leak check against a known truth, without a model or a lab."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from o1coder.cli import NO, OK
from o1coder.commands.plain import aligned
from o1coder.errors import LabError

if TYPE_CHECKING:
    from o1coder.calibrating import Section

PLACES = 3


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run every part; OK when every bound holds, NO when one does not."""
    parser.add_argument("--quick", action="store_true", help="seconds instead of a minute, with wider bounds")
    parser.add_argument("--worlds", metavar="N", type=int, help="synthetic problems (default 60, with --quick 20)")
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="of everything that is drawn (default 0)")
    options = parser.parse_args(words)
    if options.worlds is not None and options.worlds < 10:
        raise LabError("--worlds is at least 10", "with fewer the Monte-Carlo error is larger than any bound")
    from o1coder.calibrating import FULL, QUICK, calibrate

    scale = QUICK if options.quick else FULL
    if options.worlds is not None:
        scale = scale._replace(worlds=options.worlds)
    as_json, began = getattr(options, "json", False), time.monotonic()
    sections = []
    for section in calibrate(scale, options.seed, processes=1 if options.quick else None):
        sections.append(section)
        if not as_json:
            print("\n".join(_lines(section)), flush=True)
    bounds = [bound for section in sections for bound in section.bounds]
    broken = [bound for bound in bounds if not bound.holds]
    if as_json:
        value = {"holds": not broken, "seed": options.seed, "worlds": scale.worlds, "quick": options.quick}
        print(json.dumps(value | {"sections": list(map(_value, sections))}, ensure_ascii=False))
    else:
        print(f"{len(bounds) - len(broken)} of {len(bounds)} bounds hold; {time.monotonic() - began:.0f} s")
        for bound in broken:
            print(
                f"does not hold: {bound.name}: {bound.value:.4g} is not in [{bound.low:.4g}, {bound.high:.4g}]: {bound.why}"
            )
    return NO if broken else OK


def _lines(section: Section) -> list[str]:
    """A section's table and notes as a person reads them."""
    rows = [
        {name: round(cell, PLACES) if isinstance(cell, float) else cell for name, cell in row.items()}
        for row in section.rows
    ]
    return [section.title, *(f"  {line}" for line in aligned(rows, section.columns)), *section.notes, ""]


def _value(section: Section) -> dict[str, Any]:
    """A section as JSON."""
    return section._asdict() | {"bounds": [bound._asdict() | {"holds": bound.holds} for bound in section.bounds]}
