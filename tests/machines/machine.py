"""Runs a command in an unpacked system: on this kernel in a mount namespace, or on the system's own kernel in QEMU.

Both start the same script as the first process of a fresh root and print what it prints. The root is a file system in
memory, as a jail's `pivot_root` needs one that is mounted (the kernel's initial root is not). Needs root for the
first, no rights for the second; no disk, no network, and MEMORY_MB at most for a machine that boots.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .debian import System

MEMORY_MB = 1536
EMULATORS = {
    "amd64": ["qemu-system-x86_64", "-machine", "q35", "-cpu", "max"],
    "arm64": ["qemu-system-aarch64", "-machine", "virt", "-cpu", "max,pauth-impdef=on"],
}
CONSOLES = {"amd64": "ttyS0", "arm64": "ttyAMA0"}
# The first process of a booted kernel: a root that is mounted, then START in it.
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /new
/bin/busybox mount -t tmpfs -o size=640m,mode=755 root /new
/bin/busybox tar -x -f /root.tar -C /new
/bin/busybox rm /root.tar
/bin/busybox mkdir -p /new/dev /new/proc /new/sys
/bin/busybox mount -t devtmpfs dev /new/dev
exec /bin/busybox switch_root /new /bin/busybox sh /start.sh
"""
# In the system: what an init would have mounted, the groups handed on as systemd does, the command, and the end.
START = """/bin/busybox mount -t proc proc /proc
[ -d /sys/fs/cgroup ] || /bin/busybox mount -t sysfs sys /sys
if [ -z "$(/bin/busybox ls /sys/fs/cgroup)" ]; then
    /bin/busybox mount -t cgroup2 cgroup /sys/fs/cgroup
    echo "+memory +pids" > /sys/fs/cgroup/cgroup.subtree_control
fi
/bin/busybox ip link set lo up
cd /judge
PYTHONDONTWRITEBYTECODE=1 {command}
"""
STOP = "/bin/busybox poweroff -f\n"


def enter(system: System, code: Path, command: str, timeout_s: float) -> str:
    """Run on this machine's kernel, in a copy of the root in memory; returns what was printed. Needs root."""
    (code / "start.sh").write_text(START.format(command=command))
    lines = [
        "set -eu",
        "mount --make-rprivate /",
        "mount -t tmpfs -o size=640m,mode=755 root /mnt",
        f"cp -a {shlex.quote(str(system.root))}/. /mnt",
        f"cp -a {shlex.quote(str(code))}/. /mnt",
        "mkdir -p /mnt/proc /mnt/sys /mnt/dev /mnt/old",
        "mount --rbind /sys /mnt/sys",
        "mount --rbind /dev /mnt/dev",
        "cd /mnt",
        "pivot_root . old",
        "/bin/busybox umount -l /old",
        "exec /bin/busybox sh /start.sh",
    ]
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return listen([*unshare, "sh", "-c", "\n".join(lines)], timeout_s)


def boot(system: System, kernel: Path, options: str, code: Path, command: str, timeout_s: float) -> str:
    """Run on a kernel of its own, told `options`; returns what the console said. The processor is emulated even where
    it need not be: nested machines offer KVM and then fail."""
    (code / "start.sh").write_text(START.format(command=command) + STOP)
    with tempfile.TemporaryDirectory(dir=code.parent) as folder:
        initial = initial_memory(system, code, Path(folder))
        emulator = [
            *EMULATORS[system.architecture], "-accel", "tcg", "-smp", "1", "-m", str(MEMORY_MB),
            "-nographic", "-no-reboot", "-nic", "none", "-kernel", str(kernel), "-initrd", str(initial),
            "-append", f"console={CONSOLES[system.architecture]} quiet panic=-1 rdinit=/init {options}",
        ]  # fmt: skip
        return listen(emulator, timeout_s)


def initial_memory(system: System, code: Path, folder: Path) -> Path:
    """What the kernel unpacks before it starts INIT: a busybox, and the root as one archive."""
    (folder / "bin").mkdir()
    shutil.copyfile(system.root / "bin/busybox", folder / "bin/busybox")
    (folder / "init").write_text(INIT)
    for name in ("bin/busybox", "init"):
        (folder / name).chmod(0o755)
    tar = ["tar", "--create", "--owner=0", "--group=0", "--exclude=./usr/include", "--exclude=./dev"]
    subprocess.run([*tar, f"--file={folder}/root.tar", "-C", str(system.root), ".", "-C", str(code), "."], check=True)
    names = "\n".join([".", "bin", "bin/busybox", "init", "root.tar"])
    archive = folder / "initial.cpio"
    with archive.open("wb") as file:
        command = ["cpio", "--create", "--format=newc", "--quiet"]
        subprocess.run(command, input=names.encode(), cwd=folder, stdout=file, check=True)
    return archive


def listen(command: Sequence[str], timeout_s: float) -> str:
    """What a command prints until it ends or is ended. The last lines say so in the second case."""
    process = subprocess.Popen(
        ["nice", "-n", "19", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        said, _ = process.communicate()
        said += f"\nended after {timeout_s:g} s\n".encode()
    except BaseException:
        os.killpg(process.pid, 9)
        process.wait()
        raise
    return said.decode("utf-8", "replace").replace("\r", "")
