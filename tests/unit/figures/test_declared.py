"""A figure is declared once: every place that has figures has exactly those of the list, under the same names."""

from decimal import Decimal
from typing import get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bots.figures_contract import FiguresAnswer
from services.bots.cards import BookFigures
from store.bots.fleet import SORTS, CardRow
from store.figure_columns import COLUMNS
from store.figures.books import BookRow
from store.rows import columns_of
from store.tables import BacktestSession, BotMetricsRollup
from trading.figures.declared import FIGURES, Figures, Form, at_rest, exact, figures_of, word_of
from trading.figures.performance import Performance, measure
from trading.words import camel

MEASURED = measure(
    trade_pnl_micros=np.array([2_500_001, -1_000_000]),
    trade_bars=np.array([3, 4]),
    equity_micros=np.array([52_500_001, 51_500_001]),
    trading_day=np.array([1, 2]),
    account_micros=50_000_000,
    bars_in_position=1,
)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_the_measure_of_its_name(name: str) -> None:
    measured, declared = get_type_hints(Performance)[name], get_type_hints(Figures)[name]
    assert declared in (measured, measured | None)
    assert getattr(figures_of(MEASURED), name) == getattr(MEASURED, name)


def test_a_stage_book_has_every_figure_but_those_that_need_bars() -> None:
    whole, of_trades = figures_of(MEASURED), figures_of(MEASURED, has_bars=False)
    assert whole._replace(exposure_pct=None) == of_trades
    assert (whole.exposure_pct, whole.trades, of_trades.net_pnl_micros) == (50.0, 2, 1_500_001)


def test_every_place_has_the_figures_of_the_list() -> None:
    for table in (BacktestSession, BotMetricsRollup):
        assert set(COLUMNS) <= set(table.__table__.c.keys())
    for row in (CardRow, BookRow):
        assert columns_of(row)[-len(FIGURES) :] == tuple(FIGURES)
    spoken = [camel(word_of(name)) for name in FIGURES]
    assert SORTS[-len(FIGURES) :] == tuple(spoken)
    written = FiguresAnswer.model_validate(BookFigures(book="BACKTEST", since=None)).model_dump()
    whose = ["generation", "inSample", "bustAt"]
    assert list(written) == ["book", "since", "sessions", "dataSource", *whose, *spoken, "computedAt"]


def test_names_say_the_unit_on_the_wire_but_for_the_one_that_was_promised() -> None:
    dollars = [name for name, figure in FIGURES.items() if figure.form in (Form.DOLLARS, Form.FALL)]
    assert [camel(word_of(name)) for name in dollars] == ["netPnl", "expectancyUsd", "maxDrawdownUsd"]
    assert [at_rest(name) for name in dollars] == ["net_pnl_usd", "expectancy_usd", "max_drawdown_usd"]


@given(micros=st.integers(-(10**18), 10**18))
def test_money_is_exact_at_rest_and_a_number_on_the_wire(micros: int) -> None:
    figures = Figures(net_pnl_micros=micros, trades=1)
    resting = exact(figures)["net_pnl_usd"]
    assert isinstance(resting, Decimal)
    assert resting * 1_000_000 == micros
    read = BotMetricsRollup(net_pnl_usd=resting, trades=1).figures
    assert read == figures
    answer = FiguresAnswer.model_validate(BookFigures(book="PAPER", since=None, figures=figures)).model_dump()
    assert answer["netPnl"] == float(resting)


def test_a_figure_that_is_unknown_stays_unknown_everywhere() -> None:
    answer = FiguresAnswer.model_validate(BookFigures(book="PAPER", since=None)).model_dump()
    assert {answer[camel(word_of(name))] for name in FIGURES} == {None}
    assert set(exact(Figures()).values()) == {None}
