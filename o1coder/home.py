"""Where the lab is and who writes in it: names only, so that the command line can ask without loading the database."""

from __future__ import annotations

import getpass
import os
from pathlib import Path


def default_home() -> Path:
    """`O1CODER_HOME`, else `~/.o1coder`."""
    return Path(os.environ.get("O1CODER_HOME") or Path.home() / ".o1coder")


def author() -> str:
    """The name under which a person's rows are written: `O1CODER_AUTHOR`, else the login name."""
    return os.environ.get("O1CODER_AUTHOR") or login_name()


def login_name() -> str:
    """The name of this process's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in many containers
        return f"uid-{os.getuid()}"
