"""`make test` and `make check` run all they have, whatever fails, and end by telling all of it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FAILS = "def test_it():\n    assert False\n"
PASSES = "def test_it():\n    pass\n"


def half(folder: Path, tally: Path, test: str) -> tuple[int, list[str]]:
    (folder / "test_one.py").write_text(test)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.halves",
        "--told",
        str(tally),
        "-c",
        "/dev/null",
        str(folder),
    ]
    done = subprocess.run([*command, f"--rootdir={folder}"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip().splitlines()


def test_a_green_half_tells_what_failed_before_it_and_ends_in_its_own_closing_line(tmp_path: Path) -> None:
    tally = tmp_path / "told"
    assert half(tmp_path, tally, FAILS)[0] == 1
    code, lines = half(tmp_path, tally, PASSES)
    assert code == 0
    assert "FAILED test_one.py::test_it" in lines
    assert "1 passed" in lines[-1]


def make(tmp_path: Path, target: str, fails_at: str) -> tuple[int, list[str], str]:
    """Run a target with stand-ins for its programs that write down how they were called; one of them fails."""
    called = tmp_path / "called"
    for name in ("python", "ruff", "mypy", "lint-imports"):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\necho "{name} $*" >>"{called}"\ncase "{name} $*" in *"{fails_at}"*) exit 2;; esac\n'
        )
        program.chmod(0o755)
    tally = tmp_path / "told"
    command = ["make", "-o", ".venv/.dev", "-o", "chromium", f"BIN={tmp_path}", target]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "TOLD": str(tally)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, called.read_text().splitlines(), done.stdout + (tally.read_text() if tally.exists() else "")


@pytest.mark.parametrize("fails_at", ["tests/e2e", "tests/integration"])
def test_a_red_half_hides_no_other_and_is_told(tmp_path: Path, fails_at: str) -> None:
    code, called, printed = make(tmp_path, "test", fails_at)
    assert code != 0
    assert len(called) == 2
    assert "ENDED WITH 2" in printed


@pytest.mark.parametrize("fails_at", ["ruff format", "mypy", "pytest"])
def test_a_red_stage_of_the_check_hides_no_other_and_is_told(tmp_path: Path, fails_at: str) -> None:
    code, called, printed = make(tmp_path, "check", fails_at)
    assert code != 0
    assert sorted(line.split()[0] for line in called) == ["lint-imports", "mypy", "python", "ruff", "ruff"]
    assert fails_at in printed.split("failed:")[1]


@pytest.mark.parametrize("target", ["check", "test"])
def test_all_green_is_green(tmp_path: Path, target: str) -> None:
    assert make(tmp_path, target, "nothing at all")[0] == 0
