"""Steps that are picked without regard to what is known of them: at random, or to be read a second time.

Random picks are uniform over the unread steps of a filter and come out the same again from a seed, the largest step id when
the drawing began, and a place. They are what the search's error rate is estimated from.
"""

from __future__ import annotations

import json

from sqlalchemy.engine import Connection

from o1coder.labelling import drawing
from o1coder.labelling.leases import STANDING
from o1coder.queries import asked as words
from o1coder.queries.asked import UNREAD, Asked

FEW = 50_000  # steps that are put in an order as a whole; among more, numbers are drawn
MANY = 5_000  # labels of people
PROBES = 60  # random places among more of them
LOOKED_AT = 20_000  # numbers drawn before the search for unread steps ends


def drawn(connection: Connection, asked: Asked, *, upto: int, start: int, count: int) -> tuple[list[int], int]:
    """Steps drawn uniformly from those unread, by the seed and from a place of its sequence on; and the place after the
    last that was looked at. `upto`: the largest step id at which the drawing began, so that it can be repeated."""
    chosen = words.scope(connection, asked)
    pool = [one for one in words.steps(connection, chosen) if one <= upto] if chosen.trees is not None else None
    dealt = drawing.shuffled(asked.seed, pool) if pool is not None and len(pool) <= FEW else None
    found: list[int] = []
    place, end = start, start + LOOKED_AT if dealt is None else len(dealt)
    while len(found) < count and place < end:
        places = range(place, min(end, place + max(64, 2 * count)))
        if dealt is not None:
            ids = dealt[places.start : places.stop]
        elif pool is not None:
            ids = [pool[one] for one in drawing.draws(asked.seed, places, len(pool))]
        else:
            ids = [one + 1 for one in drawing.draws(asked.seed, places, upto)] if upto else []
        fit = {
            row[0]
            for row in connection.exec_driver_sql(
                "SELECT s.id FROM step s JOIN tree x ON x.id = s.tree_id "
                f"WHERE s.id IN (SELECT value FROM json_each(?)) AND {UNREAD} AND {chosen.where}",
                (json.dumps(ids), *chosen.values),
            )
        }
        place = places.stop
        for at, one in zip(places, ids, strict=False):
            if one in fit and one not in found:
                found.append(one)
                if len(found) == count:
                    place = at + 1
                    break
    return found, place


def last_step(connection: Connection) -> int:
    """The largest step id: what `drawn` takes for this moment."""
    return int(connection.exec_driver_sql("SELECT COALESCE(MAX(id), 0) FROM step").scalar() or 0)


def read_by_one(connection: Connection, asked: Asked, author: str, *, start: int = 0, limit: int = 20) -> list[int]:
    """Steps on which exactly one other person's label stands, in a random order of the seed, the author and a place.

    Among more than `MANY` labels of people, some are looked at from random places on, so that it costs the same in any lab;
    a step after a gap is then a little more likely."""
    chosen, seed = words.scope(connection, asked), drawing.number(asked.seed, author, start) >> 1
    among = "1"
    if _more_than(connection, MANY):
        places = drawing.draws(seed, range(PROBES), last_step(connection) + 1)
        near = {
            row[0]
            for place in places
            for row in connection.exec_driver_sql(
                "SELECT step_id FROM label INDEXED BY label_by_people WHERE source = 'human' AND step_id >= ? LIMIT 2",
                (place,),
            )
        }
        among = f"h.step_id IN ({','.join(map(str, sorted(near)))})"
    rows = connection.exec_driver_sql(
        "SELECT s.id FROM label h INDEXED BY label_by_people JOIN step s ON s.id = h.step_id JOIN tree x "
        f"ON x.id = s.tree_id WHERE {STANDING} AND {among} AND h.category IS NOT 'tainted' AND {chosen.where} "
        "GROUP BY s.id HAVING COUNT(DISTINCT h.author) = 1 AND MAX(h.author) <> ?",
        (*chosen.values, author),
    )
    return drawing.shuffled(seed, [int(row[0]) for row in rows])[:limit]


def _more_than(connection: Connection, many: int) -> bool:
    counted = "SELECT 1 FROM label INDEXED BY label_by_people WHERE source = 'human' LIMIT ?"
    return connection.exec_driver_sql(f"SELECT COUNT(*) FROM ({counted})", (many + 1,)).scalar() == many + 1
