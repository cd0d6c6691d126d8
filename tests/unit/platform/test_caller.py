"""Who acts on the command line: the user who runs it, also where the machine has no name for them."""

import os

import pytest

from orchestration.cli.caller import actor


def test_the_user_of_the_shell_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "amy")
    assert str(actor()) == "cli:amy"


def test_a_user_without_a_name_as_in_a_container_acts_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_123_456_789)
    assert str(actor()) == "cli:uid 4123456789"
