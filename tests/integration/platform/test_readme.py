"""The README and the documents it leads to tell the truth about settings, commands, rules and each other."""

import re
from pathlib import Path

import pytest

from gateways.settings import Settings
from orchestration.cli.bar_commands import app as bars
from orchestration.cli.bot_commands import app as bot
from orchestration.cli.main import app
from orchestration.cli.rule_commands import app as rule
from trading.strategies.rules import rule_text

ROOT = Path(__file__).parents[3]
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))


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


def test_the_rule_that_is_shown_is_a_rule_with_the_parameters_it_declares() -> None:
    rules = (ROOT / "docs" / "rules.md").read_text("utf-8")
    (text,) = re.findall(r"^```\n(param .+?)^```", rules, flags=re.MULTILINE | re.DOTALL)
    assert {"fast", "slow", "depth", "stop_atr"} <= {row.name for row in rule_text(text).parameters}


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"`make ([a-z]+)`", page.read_text("utf-8"))) <= targets, page.name


def test_every_file_that_a_page_points_to_exists() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)|src=\"([^\"]+)\"", page.read_text("utf-8")):
            assert (page.parent / "".join(target)).exists(), f"{page.relative_to(ROOT)} points to {''.join(target)}"


def test_every_heading_that_a_page_points_to_exists() -> None:
    for page in PAGES:
        for target, heading in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text("utf-8")):
            text = ((page.parent / target) if target else page).read_text("utf-8")
            headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert heading in anchors, f"{page.relative_to(ROOT)} points to {target}#{heading}"


def test_a_page_of_ours_is_reached_from_the_readme() -> None:
    reached, new = set[Path](), {ROOT / "README.md"}
    while new:
        page = new.pop()
        reached.add(page)
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
        targets = {(page.parent / link).resolve() for link in links}
        targets |= {below for folder in targets if folder.is_dir() for below in folder.glob("*.md")}
        new |= {target for target in targets if target.suffix == ".md"} - reached
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in reached] == []
