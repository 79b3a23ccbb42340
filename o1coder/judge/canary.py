"""Small hostile programs that are run, not believed: a level counts only where every one gets the verdict it should."""

from __future__ import annotations

from ..task import Case, Limits
from .question import Code, Question

# Prints the name of each thing that it could do and should not have been able to.
ESCAPES = """
import os, sys, socket, signal, ctypes
def reading(): open("/etc/passwd").read()
def reading_proc(): open("/proc/self/environ").read()
def listing(): os.listdir("/etc")
def writing(): open("/tmp/o1coder-canary", "w")
def writing_here(): open("canary", "w")
def network(): socket.socket()
def fork():
    if os.fork() == 0:
        os._exit(0)
def execute(): os.execv("/bin/true", ["true"])
def kill(): os.kill(os.getppid(), 0)
def memfd(): os.memfd_create("x")
def limits():
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (9, 9))
def code_pages():
    mmap = ctypes.CDLL(None).mmap
    mmap.restype, mmap.argtypes = ctypes.c_ssize_t, [ctypes.c_ssize_t] * 6
    if mmap(0, 4096, 5, 0x22, -1, 0) == -1:
        raise OSError
def ptrace():
    if ctypes.CDLL(None).ptrace(0, 0, 0, 0) != 0:
        raise OSError
def descriptors():
    for number in range(3, 300):
        try:
            os.fstat(number)
        except OSError:
            continue
        return
    raise OSError
for act in (reading, reading_proc, listing, writing, writing_here, network, fork, execute, kill, memfd, limits,
            code_pages, ptrace, descriptors):
    try:
        act()
        print(act.__name__)
    except (OSError, ImportError, ValueError):
        pass
print("contained")
"""


def _stdio(code: str, expected: str, limits: Limits | None = None, given: str = "") -> Question:
    return Question(code, "stdio", Case("canary", given, expected), limits=limits or Limits(5.0, 256))


CANARIES: list[tuple[str, Question, Code]] = [
    ("honest", _stdio("print(int(input()) * 2)", "42", given="21\n"), "AC"),
    ("escapes", _stdio(ESCAPES, "contained"), "AC"),
    ("spinning", _stdio("while True: pass", "", Limits(0.05, 256)), "TLE"),
    ("hoarding", _stdio("x = bytearray(8 << 30)", "", Limits(5.0, 256)), "MLE"),
    ("flooding", _stdio("while True: print('x' * 65536)", "", Limits(5.0, 256)), "OLE"),
    ("pretending", _stdio("import os; os._exit(0)", "1"), "WA"),
]
