"""Planted faults in the compiled loop: a copy with one changed line must not pass for the original."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from tests.golden.orders import GOLDEN, orders_on
from trading.backtests import kernels

FAULTS = {
    "a touched stop is not a stop": (
        "if candle.low <= lower or candle.high >= upper:",
        "if candle.low < lower or candle.high > upper:",
    ),
    "a gap fills at the stop": (
        "return (min(candle.open, lower), stopped)",
        "return (lower, stopped)",
    ),
    "distances are cut, not rounded": ("unit_ticks + 0.5)", "unit_ticks)"),
    "a target pays slippage": ("paid_ticks = 0 if departure.reason == TARGET else", "paid_ticks = 0 if False else"),
    "a time stop counts one bar more": ("bar + rules.time_stop_bars - 1", "bar + rules.time_stop_bars"),
    "a turn is passed over": ("turns = (side[i] == opposite) &", "turns = (side[i] == opposite) & (k != 7) &"),
    "a touch of the upper bound is passed over": ("(prices[HIGH, i] >= upper)", "(prices[HIGH, i] > upper)"),
    "a passed bar widens no extreme": (
        "bounds = widened(columns.prices, bar, quiet,",
        "bounds = widened(columns.prices, bar, quiet - 1,",
    ),
    "a session closes late": ("if forced & (ROLL_NEXT | SESSION_LAST):", "if forced & ROLL_NEXT:"),
}


def changed(tmp_path: Path, before: str, after: str) -> ModuleType:
    """Return the kernels with one line changed, compiled from a copy of their file."""
    source = Path(kernels.__file__).read_text()
    assert source.count(before) == 1
    path = tmp_path / "changed_kernels.py"
    path.write_text(source.replace(before, after))
    spec = importlib.util.spec_from_file_location("changed_kernels", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.needs_data
@pytest.mark.thorough
@pytest.mark.scorecard(26)
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_changed_kernel_is_noticed(
    fault: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = changed(tmp_path, *FAULTS[fault])
    monkeypatch.setattr(kernels, "simulate", module.simulate)
    orders, golden = orders_on(shared_data, "NQ"), json.loads(GOLDEN.read_text())["orders"]["NQ"]
    assert orders.keys() == golden.keys()
    assert orders != golden, fault
