"""`proving` commands in this process, as a person types them, on the desk of a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest
from typer.testing import CliRunner

from orchestration.cli import main
from services.desk import Desk


def let_commands_find(desk: Desk, monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
    """Have the commands of these modules open this desk instead of their own."""

    @contextmanager
    def opened() -> Iterator[Desk]:
        yield desk

    for module in modules:
        monkeypatch.setattr(module, "opened_desk", opened)


def proving(*words: str) -> tuple[int, str]:
    """Run a command and return its exit code and what it said.

    Raises:
        Exception: whatever the command raised, except the exit it asked for.
    """
    done = CliRunner().invoke(main.app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output
