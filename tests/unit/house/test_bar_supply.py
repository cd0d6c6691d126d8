"""Whatever runs over bars gets them from the supply: what may be read is decided in one place."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WINGS = ("backtests", "improvement", "verification")
READS = {"best", "load", "load_by_fingerprint", "catalog", "choice"}
WAYS = {
    ("workbench.py", "desk.bars"),  # handed to the supply
    ("tear_sheets.py", "desk.bars"),  # a page shows a session that ran, and finds its bars by their fingerprint
    ("tear_sheets.py", "load_by_fingerprint"),
}


def ways_to_bars(source: str) -> set[str]:
    """Return how a source reaches for the bar store or reads from it."""
    ways = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "desk.bars":
            ways.add("desk.bars")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READS:
            ways.add(node.func.attr)
    return ways


def test_no_search_backtest_or_check_goes_round_the_supply() -> None:
    files = [path for wing in WINGS for path in sorted((ROOT / "services" / wing).glob("*.py"))]
    assert len(files) > 12
    assert {(path.name, way) for path in files for way in ways_to_bars(path.read_text("utf-8"))} == WAYS


@pytest.mark.parametrize(
    "source", ["desk.bars.best('MES', '1h')", "store.load(symbol, timeframe)", "def of(desk): return desk.bars"]
)
def test_a_planted_way_round_is_found(source: str) -> None:
    assert ways_to_bars(source)
