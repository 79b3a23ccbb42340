"""A real terminal for tests: a program in a pty of a given size, its screen kept by pyte, its keys sent as bytes.

It times nothing but what the caller asks for, and knows nothing of Textual or of the lab.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

import pyte

KEYS: dict[str, bytes] = {
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "pageup": b"\x1b[5~",
    "pagedown": b"\x1b[6~",
    "enter": b"\r",
    "esc": b"\x1b",
    "tab": b"\t",
    "backspace": b"\x7f",
    "space": b" ",
}


def _take_terminal() -> None:
    """In the child: make the pty its controlling terminal, so that it hears when the terminal goes away."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A running program and what its screen shows; a context manager that ends the program."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        environment: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        master, slave = pty.openpty()
        self._master = master
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}
        env |= {"TERM": "xterm-256color", "TEXTUAL_ANIMATIONS": "none"} | dict(environment or {})
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            list(argv),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=env,
            cwd=cwd,
            preexec_fn=_take_terminal,
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._master)

    def take(self, timeout_s: float) -> bytes:
        """What the program wrote, waiting at most `timeout_s` for the first byte; empty when there was none. It is not
        drawn (`draw`), so that nothing but the program is timed."""
        ready, _, _ = select.select([self._master], [], [], timeout_s)
        if not ready:
            return b""
        try:
            data = os.read(self._master, 1 << 16)
        except OSError as error:
            if error.errno == errno.EIO:  # the program closed its side
                return b""
            raise
        self.raw += data
        return data

    def draw(self, data: bytes) -> None:
        """Let the screen show what was taken."""
        # pyte knows neither the Kitty keyboard protocol nor mode reports, and draws their parameters
        self._stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*[u$][py]?", b"", data))

    def read(self, timeout_s: float) -> bytes:
        """Take and draw, see there."""
        data = self.take(timeout_s)
        self.draw(data)
        return data

    def settle(self, quiet_s: float = 0.15, timeout_s: float = 10.0) -> int:
        """Read until the program has been silent for `quiet_s`; the number of bytes it wrote."""
        written, deadline = 0, time.monotonic() + timeout_s
        while time.monotonic() < deadline and (data := self.read(quiet_s)):
            written += len(data)
        return written

    def press(self, *keys: str) -> None:
        """Send keys, by name (see KEYS) or as they are."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key.encode()))

    def text(self) -> str:
        """The whole screen, a line per row."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, wanted: str | Callable[[str], bool], timeout_s: float = 15.0) -> str:
        """Read until the screen shows a text (or satisfies a test); its text then.

        Raises AssertionError with the screen when the time is over or the program has ended.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            shown = self.text()
            if wanted in shown if isinstance(wanted, str) else wanted(shown):
                return shown
            if time.monotonic() > deadline or (self.process.poll() is not None and not self.read(0.05)):
                raise AssertionError(f"not shown: {wanted!r}\n{shown}")
            self.read(0.1)

    def timed(self, key: str, quiet_s: float = 0.1, answer_s: float = 2.0) -> list[tuple[float, int]]:
        """Send one key; when its answer came, in milliseconds, and how many bytes each time, until a silence of `quiet_s`. The
        first of them is waited for `answer_s`."""
        self.settle(0.05)
        start = time.perf_counter()
        self.press(key)
        found: list[tuple[float, int]] = []
        written = bytearray()
        while data := self.take(quiet_s if written else answer_s):
            found.append(((time.perf_counter() - start) * 1000, len(data)))
            written += data
        self.draw(bytes(written))
        return found

    def latency(self, key: str, quiet_s: float = 0.1) -> tuple[float, float, int]:
        """Send one key; milliseconds to the first byte and to the last, and the number of bytes; zeros without an answer."""
        found = self.timed(key, quiet_s) or [(0.0, 0)]
        return found[0][0], found[-1][0], sum(size for _, size in found)

    def resize(self, columns: int, rows: int) -> None:
        """Change the terminal's size as a window manager would."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)
        os.killpg(self.process.pid, signal.SIGWINCH)

    def hang_up(self, timeout_s: float = 10.0) -> int:
        """Close the terminal, as a lost connection does; the exit status of the program."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDONLY)
        return self.process.wait(timeout=timeout_s)

    def wait(self, timeout_s: float = 10.0) -> int:
        """The exit status of the program, which is read to its end."""
        deadline = time.monotonic() + timeout_s
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.05)
        return self.process.wait(timeout=1)
