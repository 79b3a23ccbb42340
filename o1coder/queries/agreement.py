"""Whether people who label agree: with each other, with known answers, with the search and the PRM; and how often the
search's labels are wrong.

What counts as a reading is queries/readings.py's. Everything is read as it stands now.
Intervals: 95 %; α by resampling problems, shares by Wilson. The search's error rate is estimated from steps picked at
random alone, since a queue by value looks where errors are; it is of the steps that nobody had labelled when they were
drawn, `unsure` on either side left out, and speaks for the filter it is asked with.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.labelling.gold import ASKED, newest_answer
from o1coder.measure import Interval, bootstrap, krippendorff_alpha, wilson
from o1coder.queries import asked as words
from o1coder.queries.asked import Asked
from o1coder.queries.readings import Reading, readings

THRESHOLD = 0.5
RESAMPLED = 2_000  # problems beyond which fewer resamples are drawn


class Share(NamedTuple):
    """`right` of `n`, with its interval; value and bounds are null for n = 0."""

    right: int
    n: int
    value: float | None
    low: float | None
    high: float | None


class Person(NamedTuple):
    """One who labels: readings, how they compare, and the median time a reading took."""

    author: str
    readings: int
    unsure: int
    gold: Share
    with_search: Share
    with_prm: Share
    median_s: float | None


class Confused(NamedTuple):
    """How often people said `people` where the other said `said`."""

    people: str
    said: str
    times: int


class Agreed(NamedTuple):
    """See the head of this file. `alpha_*` are null where no step has two readings, or nothing varies."""

    readings: int
    steps: int
    read_twice: int
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None
    gold: Share
    people: list[Person]
    search: list[Confused]
    prm: list[Confused]
    threshold: float
    shown: int  # readings made with the model's word in view
    random: int  # steps picked at random that people read
    search_wrong: Share  # of those, where both are sure: the search is wrong
    wrong_by_action: dict[str, Share]


def agreement(connection: Connection, asked: Asked = Asked(), *, threshold: float = THRESHOLD) -> Agreed:  # noqa: B008
    """Everything about agreement for the steps that are asked for."""
    found = readings(connection, asked)
    gold = _gold(connection, asked)
    units: dict[int, list[Reading]] = defaultdict(list)
    for one in found:
        units[one.step].append(one)
    twice = [unit for unit in units.values() if len(unit) > 1]
    alpha, low, high = _alpha(twice)
    random = [unit[-1] for unit in units.values() if unit[-1].random]
    sure = [one for one in random if {one.value, one.search} <= {"valid", "invalid"}]
    return Agreed(
        len(found),
        len(units),
        len(twice),
        alpha,
        low,
        high,
        share(right for _, right in gold),
        _people(found, gold, threshold),
        _confused((one.value, one.search) for one in found if one.search is not None),
        _confused((one.value, _side(one.prm, threshold)) for one in found if one.prm is not None),
        threshold,
        sum(one.hidden is False for one in found),
        len(random),
        share(one.value != one.search for one in sure),
        {
            action: share(one.value != one.search for one in sure if one.action == action)
            for action in sorted({one.action for one in sure})
        },
    )


def share(right: Iterable[bool]) -> Share:
    """A share with Wilson's interval."""
    seen = list(right)
    told = wilson(sum(seen), len(seen))
    return Share(sum(seen), len(seen), *(told or (None, None, None)))


def gold_of(connection: Connection, author: str) -> Share:
    """How many of the known answers a person found."""
    return share(right for who, right in _gold(connection, Asked()) if who == author)


def _gold(connection: Connection, asked: Asked) -> list[tuple[str, bool]]:
    """(person, right) for every question that stands and was answered; `unsure` is right where it is the answer."""
    chosen = words.scope(connection, asked)
    rows = connection.exec_driver_sql(
        "SELECT a.author, a.value = g.value FROM gold_answer a JOIN gold g ON g.id = a.gold_id "
        "JOIN step s ON s.id = g.step_id JOIN tree x ON x.id = s.tree_id "
        f"WHERE {newest_answer('a')} AND {ASKED} AND {chosen.where} ORDER BY a.id",
        chosen.values,
    )
    return [(row[0], bool(row[1])) for row in rows]


def _alpha(twice: Sequence[Sequence[Reading]]) -> tuple[float | None, float | None, float | None]:
    """Krippendorff's α (nominal) over steps with two readings or more, its interval by resampling problems."""
    value = krippendorff_alpha([[one.value for one in unit] for unit in twice])
    by_problem: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    for unit in twice:
        counts = Counter(one.value for one in unit)
        size = sum(counts.values())
        sums = by_problem[unit[0].problem]
        sums[0] += (size * size - sum(n * n for n in counts.values())) / (size - 1)
        for place, word in enumerate(("valid", "invalid", "unsure"), 1):
            sums[place] += counts[word]
    told: Interval | None = bootstrap(
        list(by_problem.values()), _alpha_of, resamples=1000 if len(by_problem) <= RESAMPLED else 200
    )
    return value, None if told is None else told.low, None if told is None else told.high


def _alpha_of(groups: Sequence[Sequence[float]]) -> float | None:
    """α from the sums of problems: (disagreement, how often each word was said)."""
    disagreement, *seen = (sum(column) for column in zip(*groups, strict=True))
    total = sum(seen)
    expected = (total * total - sum(n * n for n in seen)) / (total - 1)
    return 1.0 if expected == 0 else 1.0 - disagreement / expected


def _people(found: Sequence[Reading], gold: Sequence[tuple[str, bool]], threshold: float) -> list[Person]:
    out = []
    for author in sorted({one.author for one in found} | {who for who, _ in gold}):
        own = [one for one in found if one.author == author]
        sure = [one for one in own if one.value != "unsure"]
        times = [one.taken_ms / 1000 for one in own if one.taken_ms is not None]
        out.append(
            Person(
                author,
                len(own),
                len(own) - len(sure),
                share(right for who, right in gold if who == author),
                share(one.value == one.search for one in sure if one.search in ("valid", "invalid")),
                share(one.value == _side(one.prm, threshold) for one in sure if one.prm is not None),
                round(median(times), 1) if times else None,
            )
        )
    return out


def _confused(pairs: Iterable[tuple[str, str]]) -> list[Confused]:
    return [Confused(*pair, count) for pair, count in sorted(Counter(pairs).items())]


def _side(score: float | None, threshold: float) -> str:
    return "valid" if score is not None and score >= threshold else "invalid"


def as_json(found: Agreed) -> dict[str, Any]:
    """The value as JSON objects, names kept."""
    return {
        **found._asdict(),
        "gold": found.gold._asdict(),
        "people": [
            {
                **one._asdict(),
                "gold": one.gold._asdict(),
                "with_search": one.with_search._asdict(),
                "with_prm": one.with_prm._asdict(),
            }
            for one in found.people
        ],
        "search": [one._asdict() for one in found.search],
        "prm": [one._asdict() for one in found.prm],
        "search_wrong": found.search_wrong._asdict(),
        "wrong_by_action": {name: one._asdict() for name, one in found.wrong_by_action.items()},
    }


def told(found: Agreed) -> list[str]:
    """The value in words, a line each."""
    alpha = (
        "none: no step has two readings"
        if found.alpha is None
        else f"{found.alpha:.2f}{_bounds(found.alpha_low, found.alpha_high)}"
    )
    lines = [
        f"{found.readings} readings of {found.steps} steps, {found.shown} of them with the model's word in view",
        f"Krippendorff's alpha {alpha}",
        f"known answers found: {_told(found.gold)}",
        f"search wrong at random picks: {_told(found.search_wrong)} ({found.random} picked, some unsure)",
    ]
    lines += [f"  {action}: {_told(one)}" for action, one in found.wrong_by_action.items()]
    for one in found.people:
        pace = "" if one.median_s is None else f", median {one.median_s:g} s"
        lines.append(f"{one.author}: {one.readings} readings, {one.unsure} unsure{pace}")
        lines.append(
            f"  gold {_told(one.gold)}, as the search {_told(one.with_search)}, as the PRM {_told(one.with_prm)}"
        )
    for name, pairs in (("search", found.search), (f"PRM at {found.threshold:g}", found.prm)):
        if pairs:
            lines.append(f"people said / {name} said: " + ", ".join(f"{p.people}/{p.said} {p.times}" for p in pairs))
    return lines


def _told(found: Share) -> str:
    if found.value is None:
        return "none yet"
    return f"{found.right}/{found.n} {found.value:.0%}{_bounds(found.low, found.high)}"


def _bounds(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:.2f} to {high:.2f}]"
