"""`make` with a `.venv` that is a link: another checkout's environment, used and never installed into."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without its own environment: its Makefile, and lock files newer than anything installed."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", *(lock.name for lock in ROOT.glob("requirements*.lock"))):
        shutil.copy(ROOT / name, folder / name)
    return folder


def make(checkout: Path, target: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(["make", target], cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_a_linked_environment_runs_the_code_of_this_checkout_and_is_never_installed_into(
    checkout: Path, tmp_path: Path
) -> None:
    programs, called = tmp_path / "other" / "bin", tmp_path / "called"
    programs.mkdir(parents=True)
    for name in ("python", "uv", "proving"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $* in $PYTHONPATH" >>"{called}"\n', "utf-8")
        (programs / name).chmod(0o755)
    (checkout / ".venv").symlink_to(tmp_path / "other")
    done = make(checkout, "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert called.read_text("utf-8").splitlines() == [f"proving up in {checkout}"]
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == ["bin"]


def test_a_link_to_nothing_is_said_in_one_sentence(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".venv").symlink_to(tmp_path / "nowhere")
    done = make(checkout, "run")
    assert done.returncode != 0
    assert done.stdout.strip() == ".venv is a link with no Python behind it; remove it, and make installs one"
