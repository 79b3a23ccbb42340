"""The language of job filters, on jobs of every state; what it does not understand it names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from o1coder.clock import stamp
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.queries import job_filter, jobs

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab.create(tmp_path_factory.mktemp("jobs") / "lab")

    def at(minutes: float) -> str:
        return stamp(NOW - timedelta(minutes=minutes))

    rows = [  # stage, run, round, minutes ago, outcome (or running, queued), error
        ("synthesize", 1, 0, 300, "done", None),
        ("prm", 1, 1, 200, "failed", "CUDA out of memory"),
        ("rl", 1, 1, 90, "running", None),
        ("prm", None, None, 40, "cancelled", None),
        ("evaluate", None, None, 5, "queued", None),
    ]
    with lab.writing() as connection:
        connection.exec_driver_sql("INSERT INTO run (id, name, author, created_at) VALUES (1, 'first', 'ann', '')")
        for number, (stage, run, round_, ago, state, error) in enumerate(rows, 1):
            connection.exec_driver_sql(
                "INSERT INTO job (id, run_id, round, stage, key, config, config_digest, seed, author, cancel_requested, "
                "attempts_wanted, slots, gpus, created_at) VALUES (?, ?, ?, ?, ?, ?, 'x', 0, ?, 0, 1, 1, 0, ?)",
                (
                    number,
                    run,
                    round_,
                    stage,
                    f"first/{round_}/{stage}" if run else None,
                    f'{{"seed":{number}}}',
                    "ann" if run else "bob",
                    at(ago),
                ),
            )
            if state != "queued":
                connection.exec_driver_sql(
                    "INSERT INTO attempt (job_id, n, host, boot_id, pid, create_time, started_at, heartbeat_at, done, total, "
                    "versions, code_digest, outcome, error_kind, error) VALUES (?, 1, 'elsewhere', 'b', 1, 1.0, ?, ?, 3, 12, "
                    "'{}', '', ?, ?, ?)",
                    (
                        number,
                        at(ago),
                        at(2),
                        None if state == "running" else state,
                        "gpu-oom" if error else None,
                        error,
                    ),
                )
    yield lab
    lab.close()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [5, 4, 3, 2, 1]),
        ("state:failed", [2]),
        ("state:failed,queued", [5, 2]),
        ("!state:done", [5, 4, 3, 2]),
        ("-state:done,failed", [5, 4, 3]),
        ("state!=done", [5, 4, 3, 2]),
        ("stage:prm", [4, 2]),
        ("stage:*e", [5, 1]),
        ("stage:prm run:first", [2]),
        ("!run:first", [5, 4]),
        ("error:gpu-oom", [2]),
        ("author:bob", [5, 4]),
        ("round=1", [3, 2]),
        ("!round=1", [5, 4, 1]),
        ("id>3", [5, 4]),
        ("attempts=0", [5]),
        ("age<1h", [5, 4]),
        ("age>=2h", [2, 1]),
        ("-age<1h", [3, 2, 1]),
        ("silent>90s", [3]),
        ("silent>10m", []),
        ("memory", [2]),
        ('"out of memory"', [2]),
        ("OUT prm", [2]),
        ("prm -memory", [4]),
        ('"seed":4', [4]),
        ("'\"seed\":4'", [4]),
        ("first/1", [3, 2]),
        ("%", []),
    ],
)
def test_a_word_means_what_the_jobs_are(lab: Lab, query: str, found: list[int]) -> None:
    if query == '"seed":4':
        query = "'\"seed\":4'"
    assert list(jobs.matching(lab, query)) == found
    assert [view.id for view in jobs.jobs(lab, query=query, newest=True)] == found


def test_pages_of_a_query(lab: Lab) -> None:
    first = jobs.jobs(lab, query="!state:done", limit=2)
    assert [view.id for view in first] == [2, 3]
    assert [view.id for view in jobs.jobs(lab, query="!state:done", limit=2, after=3)] == [4, 5]
    assert [view.id for view in jobs.jobs(lab, query="!state:done", newest=True, limit=2, after=4)] == [3, 2]


@pytest.mark.parametrize(
    ("query", "message", "hint"),
    [
        ("colour:red", "jobs have no field 'colour'", "state, stage, run"),
        ("state:flying", "no job has the state 'flying'", "queued, running"),
        ("age<soon", "compares with no time", "age<1h"),
        ("round=x", "compares with no number", "round=2"),
        ("stage>3", "stage is no number", "stage:value"),
        ('"open', "cannot be read", "quotation"),
    ],
)
def test_errors_name_the_word(query: str, message: str, hint: str) -> None:
    with pytest.raises(LabError) as caught:
        job_filter.parse(query)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_half_typed_words_are_no_error() -> None:
    for query in ("state:", "state:fl", "age<", '"out of', "-", "x:"):
        job_filter.condition(job_filter.parse(query, typing=True))


def test_a_brief_view_leaves_out_what_was_made(lab: Lab) -> None:
    for view in jobs.jobs(lab, brief=True):
        assert view.outputs == {"checkpoints": [], "datasets": [], "trees": []}
