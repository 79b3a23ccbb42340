"""Homes that are wrong, odd, shared, read-only or full: one clear line and exit code 2, from the command itself."""

from __future__ import annotations

import grp
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from o1coder.errors import LabError
from o1coder.lab import Lab, disk_type
from tests.lab.conftest import Damage

CLI = [sys.executable, "-P", "-m", "o1coder.cli"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, *words], capture_output=True, text=True, timeout=60, check=False)


def refused(*words: str, match: str) -> None:
    """Exit code 2, nothing on stdout, an error and a hint on stderr: two lines, or one JSON object."""
    plain = run(*words)
    assert (plain.returncode, plain.stdout) == (2, "")
    lines = plain.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["error", "hint"]
    assert match in lines[0]
    said = json.loads(run(*words, "--json").stderr)
    assert match in said["error"]
    assert said["hint"]


@pytest.mark.parametrize(
    "name", ["50% done", "why?", "a#b", "blanks and 'quotes' \"", "ünïcode-日本", "%2e%2e", "x;y&z=1"]
)
def test_any_name_is_a_home(tmp_path: Path, name: str) -> None:
    Lab.create(tmp_path / name).close()
    lab = Lab(tmp_path / name, readonly=True)
    with lab.reading() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM problem").scalar() == 0
    lab.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_init_then_verify_then_init_again(tmp_path: Path) -> None:
    home = str(tmp_path / "a lab? #1%")
    made = run("init", "--home", home, "--json")
    assert (made.returncode, json.loads(made.stdout)["home"]) == (0, home)
    verified = run("verify", "--home", home, "--json")
    said = json.loads(verified.stdout)
    assert verified.returncode == 0
    assert (said["ok"], said["disagreements"], said["remarks"]) == (True, [], [])
    refused("init", "--home", home, match="is a lab already")


def test_a_disagreement_is_exit_code_1(home: Path, damage: Damage) -> None:
    damage("UPDATE program SET code = '' WHERE id = 1")
    done = run("verify", "--home", str(home), "--json", "--readonly")
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"]) == (1, False)
    [wrong] = said["disagreements"]
    assert set(wrong) == {"kind", "table", "id", "expected", "found"}


def test_no_lab_no_folder_no_database(tmp_path: Path) -> None:
    refused("verify", "--home", str(tmp_path / "nowhere"), match="no lab at")
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="no lab at"):
        Lab(tmp_path / "file")
    with pytest.raises(LabError, match="cannot be made"):
        Lab.create(tmp_path / "file")
    for content in (b"", b"no database at all" * 400):
        (tmp_path / "lab.db").write_bytes(content)
        for readonly in (False, True):
            with pytest.raises(LabError, match=r"is not a lab|cannot be read as a database"):
                Lab(tmp_path, readonly=readonly)
    refused("jobs", "list", "--home", str(tmp_path), match="cannot be read as a database")
    (tmp_path / "lab.db").unlink()
    (tmp_path / "lab.db").mkdir()
    with pytest.raises(LabError, match="no lab at"):
        Lab(tmp_path)


def test_a_newer_lab(home: Path, damage: Damage) -> None:
    damage("UPDATE alembic_version SET version_num = '9999'")
    refused("jobs", "list", "--home", str(home), match="newer o1coder")


def test_a_group_shares_a_lab(tmp_path: Path) -> None:
    name = grp.getgrgid(os.getgid()).gr_name
    before = os.umask(0o022)
    try:
        lab = Lab.create(tmp_path / "shared", group=name)
        folder = lab.job_folder(1)
        (folder / "log").write_text("")
        for path in (lab.home, lab.home / "jobs", lab.home / "blobs", folder):
            mode = path.stat().st_mode
            assert mode & stat.S_ISGID
            assert mode & 0o070 == 0o070
            assert mode & 0o007 == 0
        for path in (lab.home / "lab.db", folder / "log"):
            assert path.stat().st_mode & 0o666 == 0o660
        assert lab.group_shared
        lab.close()
        os.umask(0o022)
        again = Lab(tmp_path / "shared")  # another process of the owner, with the usual umask
        (again.job_folder(2) / "log").write_text("")
        assert (again.job_folder(2) / "log").stat().st_mode & 0o666 == 0o660
        with again.writing() as connection:
            connection.exec_driver_sql("DELETE FROM gpu_lease")
            for side in ("-wal", "-shm"):
                if (path := Path(f"{again.home / 'lab.db'}{side}")).exists():
                    assert path.stat().st_mode & 0o666 == 0o660
        again.close()
    finally:
        os.umask(before)
    with pytest.raises(LabError, match="no group"):
        Lab.create(tmp_path / "other", group="no-such-group")
    assert not (tmp_path / "other").exists()


def test_a_network_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert disk_type(tmp_path) != "unknown"
    monkeypatch.setattr("o1coder.lab.disk_type", lambda _: "nfs4")
    with pytest.raises(LabError, match="network disk"):
        Lab.create(tmp_path / "lab")


def test_a_half_made_lab_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> None:
        raise LabError("the disk is full", "", "disk-full")

    monkeypatch.setattr("o1coder.db.create", full)
    with pytest.raises(LabError, match="full"):
        Lab.create(tmp_path / "lab")
    assert not (tmp_path / "lab").exists()


def mounts() -> bool:
    """May this process mount a file system of its own?"""
    if shutil.which("unshare") is None:
        return False
    line = ["unshare", "--mount", "--map-root-user", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(line, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not mounts(), reason="no file system can be mounted here")
@pytest.mark.parametrize(
    ("state", "words", "code", "said"),
    [
        ("ro", "verify", 2, "open it with --readonly"),
        ("ro", "labels add 4 valid", 2, "open it with --readonly"),
        ("ro", "verify --readonly", 0, ""),
        ("full", "labels add 4 valid", 2, "the disk is full"),
        ("full", "backup DISK/copy.db", 2, "the disk is full"),
        ("full", "init --home DISK/other", 2, "free some space"),
    ],
)
def test_a_read_only_and_a_full_disk(home: Path, tmp_path: Path, state: str, words: str, code: int, said: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    fill = "mount -o remount,ro ." if state == "ro" else "dd if=/dev/zero of=fill bs=1k 2>/dev/null; true"
    words = words.replace("DISK", str(disk))
    at = "" if "--home" in words else f"--home {disk}/lab"
    script = (
        f"mount -t tmpfs -o size=8m none {disk} && cp -r {home} {disk}/lab && cd {disk} && {fill} && cd / && "
        f"exec {' '.join(CLI)} {words} {at}"
    )
    line = ["unshare", "--mount", "--map-root-user", "sh", "-c", script]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
