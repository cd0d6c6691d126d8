"""The README tells the truth about settings and commands."""

import re
from pathlib import Path

import pytest

from gateways.settings import Settings
from orchestration.cli.main import app, bars, bot, rule
from trading.strategies.rules import rule_text

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


def test_it_lists_every_setting_with_its_default(readme: str) -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (`([^`]*)`|[a-z]+) \|", readme, flags=re.MULTILINE)
    listed = {name: code or words for name, words, code in rows}
    defaults = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    assert listed.keys() == defaults.keys()
    for name, default in defaults.items():
        if isinstance(default, bool):
            assert listed[name] == ("yes" if default else "no")
        elif isinstance(default, str | int | float):
            assert listed[name] == str(default)
        elif isinstance(default, Path):
            assert listed[name] in {default.name, str(default)}
        else:
            assert listed[name] in {"none", "derived"}


def test_it_names_every_command(readme: str) -> None:
    groups = {"": app, "bars ": bars, "bot ": bot, "rule ": rule}
    named = [
        f"{group}{command.name or command.callback.__name__}"
        for group, commands in groups.items()
        for command in commands.registered_commands
        if command.callback
    ]
    missing = [name for name in named if f"`proving {name}" not in readme]
    assert missing == ["up"], "make run stands for up"


def test_the_rule_it_shows_is_a_rule_with_the_parameters_it_declares(readme: str) -> None:
    (text,) = re.findall(r"^```\n(param .+?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    assert {"fast", "slow", "depth", "stop_atr"} <= {row.name for row in rule_text(text).parameters}


def test_every_make_target_it_names_exists(readme: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", readme)) <= targets


def test_every_file_it_points_to_exists(readme: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", readme):
        assert (ROOT / target).exists(), target
