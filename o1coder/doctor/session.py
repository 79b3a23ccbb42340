"""Whether jobs outlive a logout, and what the terminal, tmux and ssh in between can do. Reads settings; changes none."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from o1coder.home import login_name

# Read in this order, a later file's setting over an earlier one's; drop-ins of all folders are sorted by name together.
LOGIND = (Path("/usr/lib/systemd"), Path("/usr/local/lib/systemd"), Path("/run/systemd"), Path("/etc/systemd"))
LINGER = Path("/var/lib/systemd/linger")
TMUX_PATIENCE_S = 2.0


def logind(environment: Mapping[str, str], folders: Sequence[Path] = LOGIND, linger: Path = LINGER) -> dict[str, Any]:
    """Whether logind ends this user's processes at logout (`kills`), whether the user lingers, and so whether jobs survive."""
    settings = _settings(folders)
    user = login_name()
    excluded = settings.get("KillExcludeUsers", "root").split()
    only = settings.get("KillOnlyUsers", "").split()
    wanted = settings.get("KillUserProcesses", "no").lower() in ("yes", "true", "1", "on")
    kills = wanted and user not in excluded and (not only or user in only)
    inside = "XDG_SESSION_ID" in environment
    return {
        "session": environment.get("XDG_SESSION_ID"),
        "kills": kills,
        "linger": (linger / user).exists(),
        "jobs_survive_logout": not (kills and inside),
    }


def _settings(folders: Sequence[Path]) -> dict[str, str]:
    main = [folder / "logind.conf" for folder in folders]
    drops = {file.name: file for folder in folders for file in sorted((folder / "logind.conf.d").glob("*.conf"))}
    found: dict[str, str] = {}
    for file in [*[f for f in main if f.is_file()][-1:], *(drops[name] for name in sorted(drops))]:
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            name, equals, value = line.partition("=")
            if equals and not line.lstrip().startswith(("#", ";")):
                found[name.strip()] = value.strip()
    return found


def terminal(environment: Mapping[str, str]) -> dict[str, Any]:
    """TERM, colours, whether the locale is UTF-8, and tmux or ssh in between."""
    locale = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    return {
        "term": environment.get("TERM"),
        "truecolor": environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"),
        "utf8": "utf-8" in locale.lower() or "utf8" in locale.lower(),
        "tmux": bool(environment.get("TMUX")),
        "tmux_passthrough": _passthrough() if environment.get("TMUX") else None,
        "ssh": "SSH_CONNECTION" in environment,
    }


def _passthrough() -> str | None:
    """tmux's allow-passthrough; None where tmux cannot be asked, or is too old to have it."""
    line = ["tmux", "show-options", "-Av", "-p", "allow-passthrough"]
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=TMUX_PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def advice(logind: Mapping[str, Any], terminal: Mapping[str, Any]) -> list[str]:
    """Lines about jobs at logout, ssh, tmux and the terminal."""
    lines = []
    if not logind["jobs_survive_logout"]:
        linger = "" if logind["linger"] else "`loginctl enable-linger`, then "
        lines.append(
            "logind ends your processes at logout (KillUserProcesses=yes), jobs too: "
            f"{linger}`systemd-run --user --scope o1coder worker` before you leave"
        )
    if terminal["ssh"]:
        lines.append(
            "over ssh, `ssh -C` makes the screens 20 times lighter on a slow link, and `o1coder --slow` repaints less"
        )
    if terminal["tmux"] and terminal["tmux_passthrough"] not in ("on", "all"):
        lines.append("in tmux, `set -g allow-passthrough on` and `set -g set-clipboard on` let copied text out")
    if terminal["term"] in (None, "", "dumb", "unknown"):
        lines.append(f"TERM is {terminal['term'] or 'not set'}: the screens need a terminal, e.g. TERM=xterm-256color")
    elif not terminal["truecolor"]:
        lines.append("COLORTERM is not truecolor: the screens use 256 colours")
    if not terminal["utf8"]:
        lines.append("the locale is not UTF-8: set LANG=C.UTF-8, or boxes and arrows will look wrong")
    return lines
