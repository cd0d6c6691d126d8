"""What `proving status` says of a daemon that beats, beats late, or is silent."""

import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from gateways.settings import Settings
from orchestration.cli import terminal
from orchestration.platform import health


@pytest.mark.parametrize(
    ("silent_seconds", "words"),
    [
        (29, "ready"),
        (59, "ready"),
        (75, "ready, last heard of 75 s ago"),
        (500, "not ready, last heard of 500 s ago"),
        (None, "not ready"),
    ],
)
def test_a_daemon_that_beats_late_is_told_with_its_last_beat(
    monkeypatch: pytest.MonkeyPatch, silent_seconds: float | None, words: str
) -> None:
    beat = None if silent_seconds is None else time.time() - silent_seconds
    console = Console(record=True, width=100)
    monkeypatch.setattr(terminal, "console", console)
    monkeypatch.setattr(terminal, "holder", lambda _: SimpleNamespace(started_at=0.0, pid=1))
    monkeypatch.setattr(
        terminal, "_questions", lambda _: [("daemon", health.daemon_beats(Settings(env="test")) is True)]
    )
    monkeypatch.setattr(health, "last_sensor_beat", lambda _: beat)
    monkeypatch.setattr(health, "starts_in_words", lambda _: None)
    monkeypatch.setattr(health, "failing_checks", lambda _: [])
    terminal.show_status(Settings(env="test"))
    (row,) = [line for line in console.export_text().splitlines() if "daemon" in line]
    assert row.strip("│ ").split("│")[1].strip() == words
