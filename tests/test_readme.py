"""Every command that the README shows exists, with the verbs and options it shows; and the README names every stage.

It runs none of them: what they do is tested where they are. Commands are the lines of fenced blocks, and the inline code,
that begin with `make` or `o1coder`.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from o1coder.cli import COMMANDS, main
from o1coder.stage import stage_names

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def commands() -> list[str]:
    """The commands the README shows, in its order, each once."""
    fenced = "\n".join(re.findall(r"^ *```\w*\n(.*?)^ *```", README, flags=re.M | re.S))
    joined = re.sub(r"\\\n\s*", " ", fenced)
    lines = [line.strip().removeprefix("$ ").removeprefix(".venv/bin/") for line in joined.splitlines()]
    inline = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^ *```.*?^ *```", "", README, flags=re.M | re.S))
    shown = [re.split(r"\s[|;>#&]|…", line)[0].strip() for line in lines + inline]
    return list(dict.fromkeys(line for line in shown if re.match(r"(make|o1coder)( |$)", line)))


def test_the_readme_shows_the_two_commands_that_do_all_the_set_up() -> None:
    assert {"make demo", "make test"} <= set(commands())


def test_the_readme_names_every_stage() -> None:
    assert not [name for name in stage_names() if f"`{name}`" not in README]


@pytest.mark.parametrize("line", [c for c in commands() if c.startswith("make")])
def test_a_make_line_of_the_readme_exists(line: str) -> None:
    for word in line.split()[1:]:
        name, is_setting, _ = word.partition("=")
        wanted = rf"^{name} \?=" if is_setting else rf"^{name}( [\w-]+)*:"
        assert re.search(wanted, MAKEFILE, flags=re.M), word


@pytest.mark.parametrize("line", [c for c in commands() if c.startswith("o1coder ")])
def test_a_command_of_the_readme_exists(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word.strip("[]") for word in shlex.split(line)[1:]]
    options = [word.split("=")[0] for word in words if word.startswith("-")]
    name = next((word for word in words if not word.startswith("-")), None)
    if name is None:
        assert main(["--help"]) == 0
    else:
        assert name in COMMANDS
        rest = words[words.index(name) + 1 :]
        asked = [name]
        if name == "run" and rest and rest[0].islower():
            assert rest[0] in stage_names()
            asked.append(rest[0])
        with pytest.raises(SystemExit) as ended:
            main([*asked, "--help"])
        assert ended.value.code == 0
    shown = capsys.readouterr().out
    verbs = re.search(r"\{([\w,-]+)\}", shown.split("options:")[0])
    if name is not None and verbs and rest and rest[0].isalpha() and rest[0].islower():
        assert rest[0] in verbs.group(1).split(",")
    assert not [option for option in options if not re.search(rf"(^|[\s\[,]){option}\b", shown)]
