"""`proving rule check`: what a person learns of a rule before any bot trades by it. No database runs here."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateways.settings import Settings
from orchestration.cli import main, rule_work
from services.market.tapes import BarSupply
from store.market.bars import BarStore
from trading.errors import BadInput, NoMarketData, UnknownInstrument, UnknownSessionMode, UnknownTimeframe
from trading.strategies.genome import default_genome
from trading.strategies.rules import rule_text
from trading.strategies.styles import entry_signals

TEXT = """param slow = 60 bars in 20 to 200
exit stop_atr = 2
long: close crosses above sma(close, slow) and close - open > 0.2 * atr(atr_period)
short: mirror
"""


@pytest.fixture
def path(tmp_path: Path, bar_store: BarStore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a rule, and a home whose bars are the simulated ones."""
    (tmp_path / "bars").symlink_to(bar_store._root, target_is_directory=True)
    settings = Settings(proving_home=tmp_path)
    monkeypatch.setattr(rule_work, "load_settings", lambda: settings)
    file = tmp_path / "pullback.rule"
    file.write_text(TEXT, "utf-8")
    return file


def checked(*words: str) -> str:
    done = CliRunner().invoke(main.app, ["rule", "check", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_tells_the_numbers_with_their_bounds_and_the_warm_up(path: Path) -> None:
    said = checked(str(path))
    assert rule_text(TEXT).fingerprint[:12] in said
    assert "│ slow │ 60 │ 20 │ 200 │ 1 │ bars │" in said
    assert "│ stop_atr │ 2 │ 0.25 │ 10 │ 0.05 │ atr │" in said
    assert "no signal counts before bar 179 of a history" in said
    assert "signals" not in said.split("history")[1]


def test_counts_signals_on_the_bars_a_bot_would_trade(path: Path, bar_store: BarStore) -> None:
    said = checked(str(path), "--symbol", "MES", "--timeframe", "1h")
    style = rule_text(TEXT)
    at_hand = BarSupply(bar_store, "MES", "FULL_24x5").read("1h")
    side = entry_signals(at_hand.tape, style, default_genome(style)).side
    assert (side > 0).sum() > 10
    assert f"signals: {(side > 0).sum():,} to buy, {(side < 0).sum():,} to sell" in said
    bars = len(at_hand.tape)
    assert f"MES 1h of SIMULATED: {bars:,} bars, {bars - 179:,} left after a warm-up of 179" in said


def test_refuses_what_is_no_rule_and_series_there_are_none_of(path: Path) -> None:
    path.with_name("bad.rule").write_text("long: close == open\nshort: mirror", "utf-8")
    with pytest.raises(
        BadInput, match=r"line 1, column 13: .*equal is asked as: a >= b and a <= b\n  long: close == open"
    ):
        checked(str(path.with_name("bad.rule")))
    with pytest.raises(BadInput, match="named by --symbol and --timeframe together"):
        checked(str(path), "--symbol", "MES")
    for words, refusal in {
        ("--symbol", "ZN", "--timeframe", "1h"): NoMarketData,
        ("--symbol", "MESS", "--timeframe", "1h"): UnknownInstrument,
        ("--symbol", "MES", "--timeframe", "7h"): UnknownTimeframe,
        ("--symbol", "MES", "--timeframe", "1h", "--session-mode", "NIGHT"): UnknownSessionMode,
    }.items():
        with pytest.raises(refusal):
            checked(str(path), *words)
