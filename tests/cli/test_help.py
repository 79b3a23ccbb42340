"""Every command, verb and stage says what it takes; and every line of the README parses with the parser that will read it.

No command of the README is run: parsing stops where a lab would be opened.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from o1coder import cli, stage
from tests.cli.conftest import say

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def fenced() -> list[str]:
    """The `o1coder …` lines of the README's fenced blocks that are written out in full."""
    blocks = "\n".join(re.findall(r"^ *```\w*\n(.*?)^ *```", README, flags=re.M | re.S))
    lines = [line.strip().removeprefix("$ ") for line in re.sub(r"\\\n\s*", " ", blocks).splitlines()]
    commands = [re.split(r"\s[|;>#&]", line)[0].strip() for line in lines if line.startswith("o1coder ")]
    return list(dict.fromkeys(c for c in commands if not re.search(r"[…\[\]]", c)))


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(name: str) -> None:
    said = say([name, "--help"])
    assert said.code == 0
    assert said.out.startswith(f"usage: o1coder {name}")
    assert "--json" in said.out
    assert say(["--help"]).out.count(f"\n  {name} ") == 1


def test_a_noun_s_help_shows_what_each_verb_takes() -> None:
    for name in cli.COMMANDS:
        text = say([name, "--help"]).out
        verbs = re.search(r"\{([a-z,]+)\} \.\.\.", text)
        for verb in verbs[1].split(",") if verbs else []:
            own = say([name, verb, "--help"])
            assert own.code == 0
            assert own.out.startswith(f"usage: o1coder {name} {verb} ")
            assert f"\no1coder {name} {verb} [-h]" in text


@pytest.mark.parametrize("name", stage.stage_names())
def test_every_stage_shows_its_fields(name: str) -> None:
    declared = stage.find(name)
    said = say(["run", name, "--help"])
    assert said.code == 0
    flat = " ".join(said.out.split())
    assert declared.about in flat
    for field in declared.config.model_fields:
        assert f"--{field.replace('_', '-')}" in said.out
    assert "FIELD_" not in said.out
    if declared.foreground:
        assert say([name, "--help"]).out.startswith(f"usage: o1coder {name} ")


class Parsed(Exception):
    """The parser took the line."""


@pytest.mark.parametrize("line", fenced())
def test_a_line_of_the_readme_parses(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = cli.Parser.parse_args

    def stop(parser: cli.Parser, *given: object, **more: object) -> None:
        read(parser, *given, **more)  # type: ignore[call-overload]
        raise Parsed

    monkeypatch.setattr(cli.Parser, "parse_args", stop)
    with pytest.raises((Parsed, SystemExit)) as ended:
        cli.main(shlex.split(line)[1:])
    assert ended.type is Parsed or ended.value.code == 0


def test_options_of_every_command_stand_anywhere(lab: Path) -> None:
    home = str(lab)
    expected = say("jobs list --json", lab).out
    for words in (
        ["--home", home, "--json", "jobs", "list"],
        ["--json", f"--home={home}", "--readonly", "jobs", "list"],
        ["jobs", "--home", home, "list", "--json"],
        ["jobs", "--json", "list", "--home", home],
        ["jobs", "list", "--readonly", "--json", "--home", home],
    ):
        assert say(words).out == expected
    assert say(["runs", "--home", home, "--json"]).out == say("runs list --json", lab).out
    assert say(["--json", "run", "--home", home, "synthesize", "--dry-run"]).code == 0
    assert "no lab at jobs" in say("--home jobs problems list").err  # a folder named like a command
