"""Every way to read numbers with every way to write their sum: whichever a program mixes, the answer is the same.

Idioms that stand alone are data: programs/honest.
"""

from __future__ import annotations

from itertools import product

import pytest

from o1coder.judge import Judge, Question
from o1coder.task import Case, Limits

from .conftest import DOUBLE

# Each leaves the numbers in `numbers`.
READERS = {
    "input": "n = int(input())\nnumbers = list(map(int, input().split()))",
    "input until the end": (
        "numbers = []\nwhile True:\n    try:\n        numbers += map(int, input().split())\n"
        "    except EOFError:\n        break\ndel numbers[0]"
    ),
    "stdin.read": "import sys\n_, *numbers = map(int, sys.stdin.read().split())",
    "stdin.buffer.read": "import sys\n_, *numbers = map(int, sys.stdin.buffer.read().split())",
    "stdin.readline": "import sys\nsys.stdin.readline()\nnumbers = list(map(int, sys.stdin.readline().split()))",
    "stdin.buffer.readline": (
        "import sys\nsys.stdin.buffer.readline()\nnumbers = list(map(int, sys.stdin.buffer.readline().split()))"
    ),
    "stdin.readlines": "import sys\nnumbers = [int(w) for line in sys.stdin.readlines()[1:] for w in line.split()]",
    "stdin.buffer.readlines": (
        "import sys\nnumbers = [int(w) for line in sys.stdin.buffer.readlines()[1:] for w in line.split()]"
    ),
    "for line in stdin": "import sys\nnumbers = [int(w) for line in sys.stdin for w in line.split()][1:]",
    "next(stdin)": "import sys\nnext(sys.stdin)\nnumbers = list(map(int, next(sys.stdin).split()))",
    "iter(readline)": "import sys\nnumbers = [int(w) for line in iter(sys.stdin.readline, '') for w in line.split()][1:]",
    "from sys import stdin": (
        "from sys import stdin\ninput = stdin.readline\nn = int(input())\nnumbers = [*map(int, input().split())]"
    ),
    "open(0)": "_, *numbers = map(int, open(0).read().split())",
    "open(0, 'rb')": "_, *numbers = map(int, open(0, 'rb').read().split())",
    "open(0) by line": "with open(0) as file:\n    file.readline()\n    numbers = list(map(int, file.readline().split()))",
    "open('/dev/stdin')": "_, *numbers = map(int, open('/dev/stdin').read().split())",
    "stdin = open(0)": "import sys\nsys.stdin = open(0)\ninput()\nnumbers = list(map(int, input().split()))",
    "os.read": "import os\n_, *numbers = map(int, os.read(0, 1 << 16).split())",
    "os.read and BytesIO": (
        "import os\nfrom io import BytesIO\ninput = BytesIO(os.read(0, os.fstat(0).st_size)).readline\n"
        "n = int(input())\nnumbers = list(map(int, input().split()))"
    ),
    "os.fdopen": "import os\n_, *numbers = map(int, os.fdopen(0).read().split())",
    "io.StringIO of stdin": (
        "import io, sys\nsys.stdin = io.StringIO(sys.stdin.read())\ninput()\nnumbers = list(map(int, input().split()))"
    ),
    "io.TextIOWrapper": "import io, sys\n_, *numbers = map(int, io.TextIOWrapper(sys.stdin.buffer).read().split())",
    "io.BufferedReader": "import io\n_, *numbers = map(int, io.BufferedReader(io.FileIO(0, closefd=False)).read().split())",
    "codecs": "import codecs, sys\n_, *numbers = map(int, codecs.getreader('utf-8')(sys.stdin.buffer).read().split())",
    "re.findall": "import re, sys\nnumbers = list(map(int, re.findall(r'-?\\d+', sys.stdin.read())))[1:]",
    "array": "import sys\nfrom array import array\nnumbers = array('q', map(int, sys.stdin.read().split()))[1:].tolist()",
    "generator of tokens": (
        "import sys\ndef tokens():\n    for line in sys.stdin:\n        yield from line.split()\ntake = tokens().__next__\n"
        "numbers = [int(take()) for _ in range(int(take()))]"
    ),
    "input in a thread": (
        "import threading\nnumbers = []\ndef read():\n    input()\n    numbers.extend(map(int, input().split()))\n"
        "thread = threading.Thread(target=read)\nthread.start()\nthread.join()"
    ),
}

# Each writes the text of `total` and ends the line.
WRITERS = {
    "print": "print(total)",
    "print end": "print(total, end='\\n')",
    "print file": "import sys\nprint(total, file=sys.stdout)",
    "print flush": "print(total, flush=True)",
    "print unpacked": "print(*[total], sep=', ')",
    "f-string": "print(f'{total:d}')",
    "percent": "print('%d' % total)",
    "stdout.write": "import sys\nsys.stdout.write(str(total) + '\\n')",
    "stdout.writelines": "import sys\nsys.stdout.writelines([str(total), '\\n'])",
    "stdout.buffer.write": "import sys\nsys.stdout.buffer.write(b'%d\\n' % total)",
    "os.write": "import os\nos.write(1, str(total).encode() + b'\\n')",
    "open(1, 'w')": "with open(1, 'w', closefd=False) as out:\n    out.write(f'{total}\\n')",
    "os.fdopen(1)": "import os\nout = os.fdopen(1, 'w')\nprint(total, file=out)\nout.flush()",
    "stdout = StringIO": (
        "import io, sys\nkept, sys.stdout = sys.stdout, io.StringIO()\nprint(total)\nkept.write(sys.stdout.getvalue())\n"
        "sys.stdout = kept"
    ),
    "stdout = TextIOWrapper": "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\nprint(total)",
    "stdout = open(1)": "import sys\nsys.stdout = open(1, 'w', buffering=1)\nprint(total)",
    "at exit": "import atexit\natexit.register(print, total)",
    "in a thread": "import threading\nthreading.Thread(target=print, args=(total,)).start()",
    "main and sys.exit": "import sys\ndef main():\n    print(total)\nif __name__ == '__main__':\n    sys.exit(main())",
    "then os._exit": "import os, sys\nprint(total)\nsys.stdout.flush()\nos._exit(0)",
}

INPUTS = ["3\n20 23 -1\n", "3\n20 23 -1", "3\r\n20 23 -1\r\n", "3\n  20\t23  -1 \n\n\n"]


def test_every_reader_with_every_writer(judge: Judge) -> None:
    pairs = list(product(READERS.items(), WRITERS.items()))
    questions = [
        Question(f"{read}\ntotal = sum(numbers)\n{write}\n", "stdio", Case("", INPUTS[index % len(INPUTS)], "42"))
        for index, ((_, read), (_, write)) in enumerate(pairs)
    ]
    wrong = [
        f"{reader} and {writer}: {verdict.code} ({verdict.detail})"
        for ((reader, _), (writer, _)), verdict in zip(pairs, judge.judge(questions), strict=True)
        if verdict.code != "AC"
    ]
    assert not wrong, "\n".join(wrong)


def test_every_reader_with_every_input(judge: Judge) -> None:
    pairs = list(product(READERS.items(), INPUTS))
    questions = [
        Question(f"{read}\nprint(sum(numbers))\n", "stdio", Case("", given, "42")) for (_, read), given in pairs
    ]
    wrong = [
        f"{reader} of {given!r}: {verdict.code} ({verdict.detail})"
        for ((reader, _), given), verdict in zip(pairs, judge.judge(questions), strict=True)
        if verdict.code != "AC"
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize(
    "read", ["sys.stdin.buffer.read()", "sys.stdin.read()", "b''.join(sys.stdin.buffer)", "open(0, 'rb').read()"]
)
def test_64_megabytes_of_input(judge: Judge, read: str) -> None:
    given = "12345678 x\n" * 6_000_000
    question = Question(
        f"import sys\nprint(len({read}))", "stdio", Case("", given, str(len(given))), limits=Limits(10.0, 1024)
    )
    assert [verdict.code for verdict in judge.judge([question, DOUBLE])] == ["AC", "AC"]
