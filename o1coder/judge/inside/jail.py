"""Puts this worker process behind a wall once; every test it forks inherits that.

`enter(level, ...)` returns in the process that is to serve: at L4 and L3 that is PID 1 of new namespaces, whose root
is an empty read-only tmpfs with nothing but the standard library in it; at L2 the same process under Landlock; at L1
and L0 nothing more than limits (the filter without open of L1 is entered by each test). The control group that
makes L4 of L3 is made by the parent. It fails with OSError rather than leave a layer out: falling to a lower level
is the parent's decision. What each test adds for itself is in `harness.py`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from . import kernel, landlock

NAMESPACES = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
)
MOUNT_POINTS = ("/mnt", "/media", "/srv", "/opt", "/tmp", "/var/tmp")


def enter(level: str, stdlib: str, parent: int, uid: int, keep: int) -> None:
    """Go behind the wall of `level`. `uid`: whom root becomes; `keep`: the one descriptor that stays open in the
    process that serves and is closed in the one that waits outside."""
    die_with(parent)
    root = is_root()
    if level in ("L4", "L3"):
        root = _unshare(root)
        serving = os.fork()
        if serving:
            _wait_outside(serving, keep)
        die_with(None)
        _new_root(stdlib)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if level == "L0":
        return
    if root and (level != "L2" or open_to_all(stdlib)):
        become(uid)
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    if level == "L2" or (level != "L1" and landlock.available()):
        landlock.restrict(stdlib)
    die_with(parent if level in ("L2", "L1") else None)  # again: changing the uid forgot it


def address_space() -> int:
    """Bytes of address space of this process: the baseline of the tests' memory limits."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def die_with(parent: int | None) -> None:
    """Be killed when the parent ends, and now if it already has. `parent` None: not checkable across namespaces."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def is_root() -> bool:
    """Whether this is a root that has other uids to become (not the only uid of a user namespace)."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return os.geteuid() == 0 and sum(int(line.split()[2]) for line in file) > 1


def become(uid: int) -> None:
    """Turn from root into a user who owns nothing; a root that may not (containers can forbid it) stays, powerless."""
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except PermissionError:
        if os.getresuid() != (0, 0, 0):
            raise


def open_to_all(path: str) -> bool:
    """Whether any user reaches this folder; a root whose interpreter lies in its home stays root, without powers."""
    folders = [path]
    while folders[-1] != "/":
        folders.append(os.path.dirname(folders[-1]))
    return all(os.stat(folder).st_mode & 0o001 for folder in folders)


def _unshare(root: bool) -> bool:
    """New namespaces, with a user namespace where they need one. Whether this is still a root with other uids."""
    if root:
        try:
            kernel.unshare(NAMESPACES)
        except PermissionError:  # a root without CAP_SYS_ADMIN, as in most containers
            root = False
        else:
            return True
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(NAMESPACES | kernel.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
    return False


def _wait_outside(serving: int, keep: int) -> None:
    """The process that made the namespaces only waits; killed, it takes PID 1 and so the whole namespace with it."""
    os.close(keep)
    _, status = os.waitpid(serving, 0)
    os._exit(0 if status == 0 else 1)


def _new_root(stdlib: str) -> None:
    site = [os.path.join(stdlib, name) for name in landlock.SKIPPED if os.path.isdir(os.path.join(stdlib, name))]
    source = os.open(stdlib, os.O_PATH)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    point = next(p for p in MOUNT_POINTS if os.path.isdir(p))
    kernel.mount("tmpfs", point, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,mode=755")
    inside = point + stdlib
    os.makedirs(inside)
    kernel.mount(f"/proc/self/fd/{source}", inside, None, kernel.MS_BIND)
    locked = _locked_flags(inside)
    flags = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC | locked
    kernel.mount("none", inside, None, kernel.MS_BIND | kernel.MS_REMOUNT | flags)
    for path in site:
        kernel.mount("tmpfs", point + path, "tmpfs", flags, "size=4k,mode=755")
    os.close(source)
    os.chdir(point)
    kernel.pivot_root_here()
    flags = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("none", "/", None, kernel.MS_BIND | kernel.MS_REMOUNT | flags)


def _locked_flags(path: str) -> int:
    """Flags that a mount brought along and that a user namespace may not take off."""
    found = os.statvfs(path).f_flag
    pairs = ((1024, kernel.MS_NOATIME), (2048, kernel.MS_NODIRATIME), (4096, kernel.MS_RELATIME))
    return sum(flag for bit, flag in pairs if found & bit)


def still_addresses(stack_bytes: int) -> None:
    """Execute this program again with a large main stack and without address randomisation, if not yet so.

    The gap that the kernel leaves below the stack is fixed at exec, and deep recursion needs it; addresses that do not
    move make the order of sets of objects repeat from launch to launch."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    want = stack_bytes if hard == resource.RLIM_INFINITY else min(stack_bytes, hard)
    now = kernel.personality(0xFFFFFFFF)
    if now & kernel.ADDR_NO_RANDOMIZE and resource.getrlimit(resource.RLIMIT_STACK)[0] == want:
        return
    if "again" in sys.argv:
        return  # refused (some containers forbid personality): go on as we are
    if kernel.LIBC.personality(ctypes.c_ulong(now | kernel.ADDR_NO_RANDOMIZE)) < 0:
        ctypes.set_errno(0)
    resource.setrlimit(resource.RLIMIT_STACK, (want, hard))
    os.execve(sys.executable, [*sys.orig_argv, "again"], dict(os.environ))
