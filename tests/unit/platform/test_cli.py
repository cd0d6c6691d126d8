"""The command line: help that helps, failures that are one sentence."""

import errno
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateways.settings import Settings
from orchestration.cli import main
from orchestration.cli.terminal import load_settings
from orchestration.platform.instance import render_instance
from trading.errors import BadBars, BadInput, Refused, Unavailable

COMMANDS = (
    "up",
    "status",
    "seed",
    "reset",
    "bars",
    "backtest",
    "proof",
    "verify-audit",
    "why",
    "psql",
    "dead-letters",
    "requeue",
)
HEAVY = ("sqlalchemy", "pandas", "numpy", "numba", "dagster", "fastapi", "pydantic")


def test_help_names_every_command_and_the_exit_codes() -> None:
    done = CliRunner().invoke(main.app, ["--help"], env={"COLUMNS": "120"})
    assert done.exit_code == 0
    assert all(f" {command} " in done.output for command in COMMANDS)
    assert "Exit codes" in done.output


def test_the_version_is_the_one_that_is_installed() -> None:
    done = CliRunner().invoke(main.app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"Proving Ground {version('proving-ground')}\n")


@pytest.mark.parametrize("command", [*COMMANDS, "bars import", "bars list"])
def test_every_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(main.app, [*command.split(), "--help"])
    assert done.exit_code == 0
    assert len(done.output.split()) > 10


def test_help_imports_nothing_heavy() -> None:
    look = f"import sys, orchestration.cli.main; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, cwd=Path(main.__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("failure", "code", "sentence"),
    [
        (BadInput("scope must be ALL"), 2, "scope must be ALL"),
        (BadBars("bars.csv: row 3: high below low"), 2, "bars.csv: row 3: high below low"),
        (Unavailable("port 5000 is taken"), 1, "port 5000 is taken"),
        (Refused("not now"), 1, "not now"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), 1, "the disk is full: /x/y"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), 1, "Permission denied: /x/y"),
    ],
)
def test_a_failure_is_one_sentence_on_standard_error(
    failure: Exception,
    code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise failure

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as end:
        main.main()
    printed = capsys.readouterr()
    assert (end.value.code, printed.err, printed.out) == (code, f"proving: {sentence}\n", "")


def test_a_mistake_in_the_code_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(ZeroDivisionError):
        main.main()


@pytest.mark.parametrize(
    ("name", "value"), [("API_PORT", "99999"), ("CONCURRENCY_BACKTEST", "many"), ("ENV", "staging")]
)
def test_a_wrong_setting_is_named_with_its_value(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=rf"^{name}: .*was '{value}'$"):
        load_settings()


def test_dagster_gets_the_caps_of_the_settings() -> None:
    rendered = render_instance(
        Settings(env="test", concurrency_backtest=3, concurrency_improve=2, concurrency_evolve=5)
    )
    assert "max_concurrent_runs: 12" in rendered
    assert "$" not in rendered
