"""Copying over SSH: OSC 52, which the terminal at the other end of the line understands, and a file beside it.

No terminal answers whether it took the text (many refuse more than about 74 kB), so it is written to a file as well, and
the message names that file. Inside tmux the sequence goes out twice: as it is (`set-clipboard on` takes it) and wrapped
(`allow-passthrough on` lets it through). Control bytes are never copied: pasted into a shell they could act.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from pathlib import Path

MOST_BASE64 = 74_000


def harmless(text: str) -> str:
    """The text with every control character but newline and tab shown instead of kept."""
    from tui.text import lines

    parts = ("\t".join(lines(part)[0] for part in line.split("\t")) for line in text.replace("\r\n", "\n").split("\n"))
    return "\n".join(parts)


def sequences(text: str, environment: Mapping[str, str]) -> str | None:
    """What to send for a text; None where it is too long for a terminal."""
    payload = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
    if len(payload) > MOST_BASE64:
        return None
    plain = f"\x1b]52;c;{payload}\x07"
    if environment.get("TMUX"):
        return plain + "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return plain


def copy(text: str, write: Callable[[str], object], folder: Path) -> str:
    """Send a text to the terminal's clipboard and write it to `folder`/copied.txt; what to tell the person."""
    text = harmless(text)
    file = folder / "copied.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        where = f"also in {file}"
    except OSError as error:
        where = f"not in a file: {error.strerror}"
    sent = sequences(text, os.environ)
    if sent is None:
        return f"too long for a terminal's clipboard: {len(text)} characters, {where}"
    write(sent)
    hint = "; in tmux: set-clipboard on" if os.environ.get("TMUX") else ""
    return f"copied {len(text)} characters ({where}{hint})"
