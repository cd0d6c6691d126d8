"""What to do where something is wrong: that it is said beside what is wrong, and is there."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from gateways.settings import Settings
from orchestration.cli import terminal
from orchestration.platform import health
from services.health.readiness import AUTONOMY

FOLDER = Path(__file__).parents[3] / "docs" / "runbooks"


def test_every_check_of_readiness_has_a_runbook_that_is_there() -> None:
    assert terminal.RUNBOOK_OF.keys() == {"database", "migrations", *AUTONOMY}
    assert all((FOLDER / f"{name}.md").is_file() for name in terminal.RUNBOOK_OF.values())


def test_status_names_the_runbook_of_what_fails_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = [
        "daemon: last autonomy tick 120 s ago, at most 87 s",
        "automations: autonomy_tick was stopped in Dagster",
    ]
    monkeypatch.setattr(terminal, "holder", lambda lock: SimpleNamespace(started_at=0.0, pid=1))
    monkeypatch.setattr(terminal, "_questions", lambda settings: [("daemon", True)])
    monkeypatch.setattr(health, "last_sensor_beat", lambda settings: None)
    monkeypatch.setattr(health, "starts_in_words", lambda settings: None)
    monkeypatch.setattr(health, "failing_checks", lambda settings: failing)
    terminal.show_status(Settings(env="test"))
    printed = capsys.readouterr().out.splitlines()
    assert printed[-3:] == [*failing, "What to do: docs/runbooks/autonomy-silent.md"]
