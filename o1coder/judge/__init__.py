"""A judge for model-written Python: safe, quick, and true to the programs. It knows no lab and can be used alone.

    with Judge() as judge:
        [verdict] = judge.judge([Question("print(int(input()) * 2)", "stdio", Case("", "21", "42"))])

    for verdict in judge.stream(questions, stop_early=True): ...   # any number of them, in order, as there is room

    for number, verdict in judge.serve(pull): ...   # as they come and as they are known (flow.py), in any order

    cached = Cached(judge)   # the same three methods; an equal question is run once (cache.py)

**What is judged.** `stdio`: a program, its input and the output expected. `call`: a function (or a method of
`Solution`), its arguments as a JSON array, the result expected as JSON. `assert`: Python source that checks an entry
point, by `check(candidate)` or by bare asserts. JSON here is plain JSON, with tags for what it cannot say
(inside/values.py); a tuple equals a list, True is not 1, and 1 equals 1.0 only where 1.0 is expected (typed.py).
Output is compared by a named comparator (compare.py), or by a checker program of the problem's own (checker.py).
Figures that must match published ones have comparators named `official-…` (official.py); nothing falls back to them.

**How.** A warm Python a core forks one process a test; programs that name NumPy get a worker that has it. Nothing to
cheat with is in there: expected outputs stay in the parent; the checks of an `assert` run in a process of their own and
call the program's functions through a pipe, by value; a checker runs after the program has ended. Exit status, resource
use and the bytes written are all that is believed. AC needs status 0 and an accepted output. CPU time decides;
3 × CPU + 1 s of wall time is the back-stop for what idles (ten times that for what a busy machine starves, so that load
changes no verdict). Hashes and `random` have fixed seeds. Verdicts are those of question.CODES; IE is the judge's own
failure: tried three times, each on a fresh worker, then returned, and never to be taken for a program's failure. Where
it becomes common (pool.TOO_MANY of pool.RECENT questions), the judge stops with an error that says so.

**Layers**, the best one that its canaries (canary.py, run, not believed) prove at start:

    L4  L3 and a control group: a ceiling on a worker's memory and tasks. Root, or a delegated group with its
        controllers handed on.
    L3  own user, mount, pid, network, ipc, uts and cgroup namespaces; the root is an empty read-only file system with
        the standard library in it; Landlock too where there is one; a real root becomes an unused uid.
    L2  no namespaces: Landlock allows reading the standard library only.
    L1  no Landlock either: the filter denies opening files at all; only modules loaded at start can be imported.
    L0  nothing but limits. Refused unless `unsafe=True`, and its verdicts are worth nothing.

At every level but L0: a seccomp allow-list (no sockets, processes, executable memory, memfds, signals to others,
writing of files), no_new_privs, no capabilities, limits of CPU, memory, output and descriptors, all other
descriptors closed, and death with the parent. x86-64 and aarch64.

**Not covered.** Faults of the kernel and of the processor (for hostile tenants put all of this into a virtual
machine); at L2 and L1 the existence and size of files can be seen by stat, and threads are bounded by memory only.
The order of sets of objects hashed by address may differ from run to run. Third-party packages other than NumPy
cannot be imported. Objects alive at the end get no `__del__`. A program may see, not change, the harness's frames.
Programs that need processes, sockets (so asyncio) or temporary files fail. One parent process serves some thousands of
runs a second; a machine with more cores than that feeds wants several judges in several processes.
"""

from __future__ import annotations

from .batch import batch
from .cache import Cached, Key
from .compare import compare
from .pool import Judge
from .profile import VERSION, describe_layers, profile
from .question import CODES, LEVELS, Code, Level, Question, Verdict

__all__ = [
    "CODES",
    "LEVELS",
    "VERSION",
    "Cached",
    "Code",
    "Judge",
    "Key",
    "Level",
    "Question",
    "Verdict",
    "batch",
    "compare",
    "describe_layers",
    "profile",
]
