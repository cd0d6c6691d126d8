"""A run of several halves as a pytest plugin: `pytest -p tests.halves --told FILE`; the last one tells of them all.

Belongs here: carrying what failed from one half to the next. Does not belong here: which halves there are (`Makefile`).
What stands in the file is told above the closing line; what fails now is added to it.
"""

from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--told", type=Path, required=True, help="the file that carries what failed")


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    path: Path = config.getoption("told")
    earlier = path.read_text("utf-8").splitlines() if path.exists() else []
    if earlier:
        terminalreporter.section("failed before this half", red=True)
        for line in earlier:
            terminalreporter.write_line(line, red=True)
    bad = [report for kind in ("failed", "error") for report in terminalreporter.stats.get(kind, [])]
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"FAILED {report.nodeid}\n" for report in bad)
