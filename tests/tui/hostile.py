"""A lab in which every piece of free text is an attack on the terminal, and a reader of what a terminal was sent.

`poison` rewrites a lab below its triggers, as no verb of ours does: what it leaves is what a model, a judge, a log or a stranger
with a database file could have left. `sent` takes a byte stream apart and knows only what Textual itself sends.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

MARK = "OWNED"
PAYLOAD = (
    f"{MARK}\x1b]52;c;T1dORUQ=\x07\x1b[2J\x1b[H\x1b]0;OWNED\x07\x1bP1;1q~OWNED\x1b\\\x1b[?1049l\x1bc\x1b(0\x0e\x08\x07\x00"
    "\u009b31m\u009d52;c;T1dORUQ=\u009c\u202egnp\u2066x\u2069\u200b\u200d\ufeff\U000e0041 [red]x[/red] [@click=app.quit]q[/] "
    "e\u0301\u0338\u0321 漢字 👩\u200d👩\u200d👧 🇩🇪 \ufffd\x7f\x85\u2028\t|"
)
LONG_BYTES = 1 << 20
# Columns that hold what the lab itself reads: keys, states, closed words, digests, times, JSON, paths.
STRUCTURE = re.compile(
    r"(^|_)(id|at|digest|outcome|split|value|source|estimate|role|purpose|kind|origin|claim|action|code|stage|state|target|layer|"
    r"error_kind|key|ordinal|comparator|limits|args|config|terms|evidence|of|versions|excluded|path|file|seen|boot|preset|until|"
    r"heartbeat|mode|picked|version|num|format|name|session|gpu|method|query)(_|$)"
)
ALSO = {
    ("program", "code"),
    ("problem", "source"),
    ("problem", "source_key"),
    ("run", "name"),
    ("saved_query", "name"),
    ("metric", "name"),
    ("model", "name"),
    ("tree", "preset"),
}
NOW = "2026-01-01T00:00:00.000Z"
PEOPLE = (  # what the tests' lab lacks, so that there is text to rewrite
    f"INSERT INTO label (step_id, value, source, author, reason, category, picked, batch, created_at) SELECT id, 'invalid', "
    f"'human', 'a', 'r', 'c', 'tree', 'b', '{NOW}' FROM step WHERE depth = 1 AND ordinal = 0",
    f"INSERT INTO test_withdrawal (test_case_id, reason, author, created_at) SELECT min(id), 'r', 'a', '{NOW}' FROM test_case",
    f"INSERT INTO saved_query (kind, name, text, author, created_at) VALUES ('sql', 'n', 'select 1', 'a', '{NOW}')",
    f"INSERT INTO run (name, author, created_at) VALUES ('n', 'a', '{NOW}')",
    "UPDATE job SET run_id = 1, round = 1",
    f"INSERT INTO decision (checkpoint_id, run_id, round, outcome, evidence, author, created_at) "
    f"VALUES (1, 1, 1, 'rejected', '{{}}', 'a', '{NOW}')",
    f"INSERT INTO gold (step_id, value, reason, author, created_at) SELECT max(id), 'valid', 'r', 'a', '{NOW}' FROM step",
)
TREE = {"sampler": PAYLOAD, "simulations": 2}


def poison(home: Path) -> set[str]:
    """Put the payload into every free text of a lab, its configs and its logs; which columns took it."""
    from o1coder import db

    module, _ = db.driver()
    raw = module.connect(str(home / "lab.db"), isolation_level=None)
    taken: set[str] = set()
    raw.execute("PRAGMA foreign_keys=ON")
    for statement in PEOPLE:
        raw.execute(statement)
    for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f'DROP TRIGGER "{name}"')
    tables = raw.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%fts%'"
    ).fetchall()
    for (table,) in tables:
        for _, column, kind, *_ in raw.execute(f"PRAGMA table_info({table})").fetchall():
            free = (table, column) in ALSO or not STRUCTURE.search(column)
            if "CHAR" not in kind.upper() and kind.upper() != "TEXT" or not free or table == "alembic_version":
                continue
            told = f"{table}.{column} {PAYLOAD}"
            changed = raw.execute(
                f"UPDATE {table} SET {column} = CASE WHEN {column} LIKE 'def %' OR {column} LIKE '```%' THEN {column} || ? "
                f"ELSE ? || rowid END WHERE {column} IS NOT NULL",
                (f"\n# {told}\n", told),
            )
            if changed.rowcount:
                taken.add(f"{table}.{column}")
    raw.execute("UPDATE job SET config = ?", (json.dumps({"seed": 0, "note": PAYLOAD}),))
    raw.execute("UPDATE tree SET config = ?", (json.dumps(TREE),))
    raw.execute("UPDATE rollout SET terms = ?", (json.dumps({PAYLOAD: 1.0}),))
    raw.execute("UPDATE attempt SET outcome = 'failed', error_kind = 'bug', error = ?, hint = ?", (PAYLOAD, PAYLOAD))
    raw.execute("UPDATE problem SET statement = statement || ? WHERE id = 1", ("\n" + PAYLOAD * (LONG_BYTES // 100),))
    for statement in db.triggers():
        raw.execute(statement)
    raw.close()
    for log in home.glob("jobs/*/log"):
        attack = PAYLOAD.encode() + b"\x9b31m\x90q~\x9c\xff\xfe\x00\n"
        log.write_bytes(attack * 40 + b"x" * LONG_BYTES + attack + b"\r\r\n" + PAYLOAD.encode())
    return taken


class Sent(NamedTuple):
    """What stood in a byte stream that Textual does not send, and the text without all sequences."""

    foreign: list[bytes]
    text: str


SEQUENCE = re.compile(
    rb"\x1b\[(?P<csi>[0-9;:<=>?]*[ -/]*[@-~])|\x1b(?P<string>[\]PX^_])(?P<body>[^\x07\x1b]*)(?:\x07|\x1b\\)|\x1b(?P<other>.?)",
    re.DOTALL,
)
CSI = re.compile(
    rb"[0-9;:]*m|[0-9;]*H|\?(25|7|1000|1002|1003|1004|1006|1015|1016|1049|2004|2026|2031|2048)[hl]|\?(2026|2048)\$p|[<>=][0-9;]*u|>[0-9;]*m|6n|\?u"
)
STRINGS = re.compile(rb"22;[a-z-]*")  # the mouse pointer's shape


def sent(raw: bytes) -> Sent:
    """Take a stream apart; `foreign` is empty where all of it is Textual's own."""
    foreign: list[bytes] = []

    def taken(match: re.Match[bytes]) -> bytes:
        if match["csi"] is not None:
            fine = CSI.fullmatch(match["csi"]) is not None
        elif match["string"] is not None:
            fine = match["string"] == b"]" and STRINGS.fullmatch(match["body"]) is not None
        else:
            fine = False
        if not fine:
            foreign.append(match[0])
        return b""

    text = SEQUENCE.sub(taken, raw).decode("utf-8", "backslashreplace")
    foreign += [
        one.encode("utf-8", "surrogatepass") for one in re.findall(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]", text)
    ]
    foreign += [
        one.encode() for one in re.findall("[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]", text)
    ]
    return Sent(foreign, text)
