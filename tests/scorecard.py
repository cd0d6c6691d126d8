"""The reliability scorecard as a pytest plugin: `pytest -p tests.scorecard --scorecard -m scorecard`.

Belongs here: the rows, and the table of what their tests said. A test marks its row with `@pytest.mark.scorecard(N)`
and may record its figure with `record_property("figure", "0 of 1,000 differ")`. A row no test ran for says NOT RUN.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROWS = {
    1: "SIGKILL the daemon during ticks",
    2: "SIGKILL a run worker mid-backtest",
    3: "SIGKILL code server and children",
    4: "SIGKILL the API in the middle of a POST",
    5: "SIGKILL PostgreSQL",
    6: "named crash points",
    7: "a zombie worker wakes after its lease",
    8: "racing ticks, re-executed runs",
    9: "slow, reset and black-hole connections",
    10: "disk full",
    12: "clock moves, daylight saving",
    13: "raw truth against the application role",
    14: "audit chain against tampering",
    15: "50 concurrent resets, some killed",
    16: "reset while a backtest runs",
    17: "idempotency keys",
    18: "migrate, back up, restore",
    19: "every figure against an SQL recount",
    20: "determinism, byte for byte",
    21: "look-ahead",
    22: "warm-up",
    23: "malformed bar files",
    24: "cash and position conservation",
    25: "a slow oracle against the kernel",
    26: "golden order lists on real bars",
    27: "FIX session cases",
    28: "duplicate client order id",
    29: "kill switch under load",
    30: "pre-trade limits on a boundary grid",
    31: "reconciliation with crashes",
    33: "stage fence",
    34: "twice the peak load",
    35: "schemathesis over the OpenAPI",
    36: "authorization matrix",
    37: "token replay, expiry, audience",
    38: "weak secrets outside ENV=dev",
    39: "maker is checker, stale approval",
    40: "rate limit, spoofed address",
    41: "injection corpus",
    42: "canary secrets in logs",
    43: "security headers, CORS",
    44: "dependency audit and lock hashes",
    47: "progress canary",
    48: "soak",
    49: "replayed ticks against the planner",
    50: "mutation testing of trading/",
}
TABLE = Path(__file__).parents[1] / ".proving" / "scorecard.json"
NOT_RUN = "NOT RUN"


@dataclass
class Row:
    """What the tests of one row said."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    figures: list[str] = field(default_factory=list)

    @property
    def result(self) -> str:
        """FAIL if any test failed, NOT RUN if none passed or one was skipped, else PASS."""
        if self.failed:
            return "FAIL"
        return "PASS" if self.passed and not self.skipped else NOT_RUN

    @property
    def figure(self) -> str:
        """The recorded figures, or how many tests spoke."""
        tally = (
            f"{self.passed} of {self.passed + self.failed + self.skipped} tests" if self.passed + self.failed else ""
        )
        return "; ".join(self.figures) or tally


class Scorecard:
    """Collects outcomes by row."""

    def __init__(self) -> None:
        self.rows: defaultdict[int, Row] = defaultdict(Row)
        self.row_of: dict[str, list[int]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Remember which rows a test guards; a row that does not exist is a mistake."""
        for item in items:
            numbers = [number for marker in item.iter_markers("scorecard") for number in marker.args]
            unknown = set(numbers) - ROWS.keys()
            if unknown:
                raise pytest.UsageError(f"{item.nodeid}: the scorecard has no row {sorted(unknown)}")
            self.row_of[item.nodeid] = numbers

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a test said: its call, or a setup or teardown that did not pass."""
        if report.when != "call" and report.passed:
            return
        for number in self.row_of.get(report.nodeid, ()):
            row = self.rows[number]
            row.passed += report.passed
            row.failed += report.failed
            row.skipped += report.skipped
            row.figures += [str(value) for name, value in report.user_properties if name == "figure"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table and write it as JSON."""
        terminalreporter.section("reliability scorecard")
        for line in self.lines():
            terminalreporter.write_line(line)
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(json.dumps(self.table(), indent=2), "utf-8")

    def lines(self) -> Iterator[str]:
        """Yield the table as Markdown."""
        yield f"| {'#':>2} | {'row':<42} | {'result':<7} | figure |"
        yield f"|---:|{'-' * 44}|{'-' * 9}|---|"
        for entry in self.table():
            yield f"| {entry['row']:>2} | {entry['name']:<42} | {entry['result']:<7} | {entry['figure']} |"

    def table(self) -> list[dict[str, object]]:
        """Return every row, those nobody ran for too."""
        rows = {number: self.rows.get(number, Row()) for number in ROWS}
        return [
            {"row": number, "name": ROWS[number], "result": row.result, "figure": row.figure}
            for number, row in rows.items()
        ]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch."""
    parser.addoption("--scorecard", action="store_true", help="print the reliability scorecard at the end")


def pytest_configure(config: pytest.Config) -> None:
    """Register the collector where the switch is on."""
    if config.getoption("--scorecard"):
        config.pluginmanager.register(Scorecard(), "scorecard-table")
