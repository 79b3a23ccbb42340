"""Doctor answers with or without a lab, whole or broken, and says what to change."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from o1coder import db
from o1coder.doctor import advice, examine, groups, judge_lines, machine, session, store, versions


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No judge is started: its layers have tests of their own."""
    found = {"level": "L3", "layers": [], "numpy": None, "cgroup": {"version": 2, "delegated": False}}
    monkeypatch.setattr("o1coder.doctor.isolation", lambda: found)


@pytest.mark.usefixtures("quick")
def test_everything_has_an_answer_that_is_json(home: Path) -> None:
    found = examine(home)
    json.dumps(found)
    assert found["lab"]["state"] == "ok"
    assert found["lab"]["schema"] == db.HEAD
    assert found["cores"] >= 1
    assert found["memory"]["total_mb"] > 0
    assert found["disk"]["free_mb"] > 0
    assert found["versions"]["torch"]
    assert not [line for line in found["advice"] if "lab" in line and "no lab" in line]


def test_the_judge_is_asked() -> None:
    from o1coder.doctor import isolation

    found = isolation()
    assert [layer["level"] for layer in found["layers"]] == ["L4", "L3", "L2", "L1"]
    assert all(layer["stops"] for layer in found["layers"])
    assert all(layer["active"] or layer["reason"] for layer in found["layers"])
    assert found["cgroup"]["delegated"] or found["level"] != "L4"
    assert found["numpy"] == versions()["numpy"]
    lines = judge_lines(found)
    assert lines[0] == f"judge: {found['level']}"
    assert [line.split()[0] for line in lines[1:5]] == ["L4", "L3", "L2", "L1"]


def test_a_level_that_is_refused_says_why() -> None:
    layers = [
        {"level": "L4", "name": "control group", "stops": "memory", "active": False, "reason": "none can be made"},
        {"level": "L3", "name": "namespaces", "stops": "networks", "active": True, "reason": ""},
    ]
    found = {"level": "L3", "layers": layers, "numpy": None, "cgroup": {"version": None, "delegated": False}}
    assert judge_lines(found) == [
        "judge: L3",
        "  L4 control group (refused: none can be made): would stop memory",
        "  L3 namespaces (active): stops networks",
        "  NumPy absent: programs that import it fail",
        "  control groups are not mounted: none with memory and pids can be made by this user",
    ]
    none = judge_lines({**found, "level": None, "numpy": "2.3", "cgroup": {"version": 2, "delegated": True}})
    assert none[0] == "judge: no isolation works here"
    assert none[-2:] == [
        "  NumPy 2.3: programs that name it run in a worker that has it loaded",
        "  control groups of version 2: one can be made",
    ]


@pytest.mark.parametrize(("made", "version"), [("", None), ("memory", 1), ("unified", 1), ("cgroup.controllers", 2)])
def test_the_version_of_the_control_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str, version: int | None
) -> None:
    from o1coder.judge import cgroup

    monkeypatch.setattr(cgroup, "create", lambda number: None)
    (tmp_path / (made or "nothing")).mkdir()
    assert groups(tmp_path) == {"version": version, "delegated": False}


def test_a_control_group_made_to_see_whether_it_can_be_is_gone_again() -> None:
    from o1coder.judge import cgroup

    groups(cgroup.ROOT)
    mine = [list(parent.glob(f"{cgroup.NAME}-{os.getpid()}-0")) for parent in cgroup.find()[0].values()]
    assert not any(mine)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("content", "state"), [(None, "absent"), (b"", "not a lab"), (b"no database at all" * 400, "broken")]
)
def test_what_is_no_lab_is_said(tmp_path: Path, content: bytes | None, state: str) -> None:
    if content is not None:
        (tmp_path / "lab.db").write_bytes(content)
    found = examine(tmp_path)
    assert found["lab"]["state"] == state
    assert str(tmp_path) in found["advice"][0]


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    assert store.lab(tmp_path / "home")["state"] == "not a lab"
    assert machine.disk(tmp_path / "home" / "deeper")["free_mb"] is not None


@pytest.mark.parametrize(("version", "state"), [("9999", "newer"), ("0000", "older")])
def test_another_schema(home: Path, version: str, state: str) -> None:
    raw = db.driver()[0].connect(str(home / "lab.db"), isolation_level=None)
    raw.execute("UPDATE alembic_version SET version_num = ?", (version,))
    raw.close()
    found = store.lab(home)
    assert (found["state"], found["schema"]) == (state, version)
    assert store.advice(found, store.sqlite())


@pytest.mark.parametrize(
    ("built", "serves", "devices", "why"),
    [
        ("12.8", "12.4", 1, None),
        ("12.8", "13.0", 2, None),
        ("13.0", "12.8", 1, "driver serves up to 12.8"),
        (None, "12.8", 1, "CPU build"),
        ("12.8", "12.8", 0, "no GPU"),
    ],
)
def test_torch_against_the_driver(built: str | None, serves: str, devices: int, why: str | None) -> None:
    found = machine.mismatch(built, serves, devices)
    assert found is None if why is None else why in str(found)


def test_the_cuda_of_torch_is_read_from_its_version_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.machinery import ModuleSpec

    def spec(_: str) -> ModuleSpec:
        return ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))

    monkeypatch.setattr("importlib.util.find_spec", spec)
    assert machine.torch_cuda() is None
    (tmp_path / "version.py").write_text("__version__ = '2'\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n")
    assert machine.torch_cuda() == "12.8"
    (tmp_path / "version.py").write_text("cuda: Optional[str] = None\n")
    assert machine.torch_cuda() is None


def test_logind(tmp_path: Path) -> None:
    usr, etc, linger = tmp_path / "usr", tmp_path / "etc", tmp_path / "linger"
    for folder in (usr / "logind.conf.d", etc / "logind.conf.d", linger):
        folder.mkdir(parents=True)

    def ask(session_id: str | None = "3") -> tuple[bool, bool]:
        environment = {} if session_id is None else {"XDG_SESSION_ID": session_id}
        found = session.logind(environment, (usr, etc), linger)
        return found["kills"], found["jobs_survive_logout"]

    assert ask() == (False, True)
    (usr / "logind.conf").write_text("[Login]\nKillUserProcesses=yes\nKillExcludeUsers=\n")
    assert ask() == (True, False)
    assert ask(None) == (True, True)
    (etc / "logind.conf").write_text("[Login]\n#KillUserProcesses=yes\n")
    assert ask() == (False, True)
    (etc / "logind.conf.d" / "10-kill.conf").write_text("[Login]\nKillUserProcesses = yes\nKillExcludeUsers=nobody\n")
    assert ask() == (True, False)
    (etc / "logind.conf.d" / "20-only.conf").write_text("[Login]\nKillOnlyUsers=somebody-else\n")
    assert ask() == (False, True)


def test_the_terminal() -> None:
    there = {"logind": {"jobs_survive_logout": True, "linger": False, "kills": False}}
    good = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    assert session.advice(there["logind"], session.terminal(good)) == []
    lines = session.advice(there["logind"], session.terminal({"SSH_CONNECTION": "a b", "LANG": "C"}))
    assert [word for word in ("ssh -C", "TERM is not set", "UTF-8") if not any(word in line for line in lines)] == []
    tmux = {**session.terminal(good), "tmux": True, "tmux_passthrough": None}
    assert any("allow-passthrough" in line for line in session.advice(there["logind"], tmux))
    gone = session.advice({"jobs_survive_logout": False, "linger": False, "kills": True}, session.terminal(good))
    assert "enable-linger" in gone[0]


@pytest.mark.usefixtures("quick")
def test_advice_about_disk_gpu_and_isolation(home: Path) -> None:
    found = examine(home)
    found["disk"] = {"at": "/x", "type": "nfs4", "free_mb": 10, "total_mb": 10}
    found["gpus"] = {"devices": [{}], "usable": False, "why": "this torch is a CPU build"}
    found["judge"] = {"level": None, "layers": [{"reason": "no namespaces"}]}
    said = "\n".join(advice(found))
    for word in ("network disk", "only 10 MB", "CPU build", "no namespaces"):
        assert word in said


def test_a_package_that_is_not_there_has_no_version() -> None:
    assert versions()["pydantic"]
    assert "vllm" in versions()


def test_it_loads_no_model_library() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from pathlib import Path; from o1coder.doctor import machine, session, store, versions;"
        "versions(); machine.gpus(); store.sqlite(); store.lab(Path('nowhere'));"
        "print([m for m in ('torch', 'transformers', 'alembic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
