"""The tables and the geometry of a tear sheet, and the verdicts of the verification suite."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.backtests.charts import line_chart, scatter
from trading.backtests.parts import Part
from trading.backtests.tear_sheet import costs, months, split
from trading.figures.performance import Performance
from trading.verification import verdicts
from trading.verification.luck import Overfitting
from trading.verification.monte_carlo import Sampling, bootstrap_blocks
from trading.verification.stress import StressVerdict
from trading.verification.verdicts import Grade
from trading.verification.walk_forward import Segment, SegmentResult, WalkForward

money = st.decimals(-10_000, 10_000, places=2)


@dataclass(frozen=True)
class RoundTrip:
    net_pnl_usd: Decimal
    side: str = "LONG"
    exit_reason: str = "STOP"
    bars_held: int = 3
    commission_usd: Decimal = Decimal("1.24")
    slippage_usd: Decimal = Decimal("2.50")
    entry_at: datetime = datetime(2025, 1, 6, tzinfo=UTC)

    @property
    def gross_pnl_usd(self) -> Decimal:
        return self.net_pnl_usd + self.commission_usd + self.slippage_usd


@given(st.lists(money, min_size=1, max_size=400))
def test_months_sum_to_what_was_earned(pnl: list[Decimal]) -> None:
    on = [date(2023, 11, 2) + timedelta(days=3 * step) for step in range(len(pnl))]
    account = Decimal(50_000)
    equity = [account + sum(pnl[: step + 1]) for step in range(len(pnl))]
    years = months(on, equity, account_usd=account)
    assert sum((year.total_usd for year in years), Decimal(0)) == sum(pnl)
    for year in years:
        for number, month in enumerate(year.months_usd, start=1):
            own = [usd for day, usd in zip(on, pnl, strict=True) if (day.year, day.month) == (year.year, number)]
            assert month == (sum(own, Decimal(0)) if own else None)


def test_a_split_counts_every_trade_once() -> None:
    trades = [RoundTrip(Decimal(net)) for net in (10, -4, 0, 6)]
    rows = split(trades, ["a", "b", "b", "b"])
    assert [(row.name, row.trades, row.net_usd, row.winners) for row in rows] == [
        ("b", 3, Decimal(2), 1),
        ("a", 1, Decimal(10), 1),
    ]
    assert rows[0].win_pct == pytest.approx(100 / 3)
    assert (rows[1].expectancy_usd, rows[0].average_bars) == (Decimal(10), 3.0)


def test_costs_explain_the_way_from_gross_to_net() -> None:
    spent = costs([RoundTrip(Decimal(10)), RoundTrip(Decimal(-3))])
    assert spent.gross_usd - spent.commission_usd - spent.slippage_usd == spent.net_usd == Decimal(7)
    assert spent.share_of_gross_pct == pytest.approx(100 * 7.48 / 14.48)
    assert costs([]).share_of_gross_pct is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=80), st.floats(-1e5, 1e5))
def test_a_line_stays_inside_its_box_and_keeps_its_order(values: list[float], base: float) -> None:
    on = [date(2024, 1, 1) + timedelta(days=step) for step in range(len(values))]
    chart = line_chart(on, values, base=base, box=(1_200.0, 300.0), unit="$")
    assert chart is not None
    points = np.array([[float(number) for number in point.split(",")] for point in chart.line.split()])
    assert (np.diff(points[:, 0]) > 0).all()
    assert 0.0 <= points[:, 0].min() <= points[:, 0].max() <= chart.right + 0.05
    assert 0.0 <= points[:, 1].min() <= points[:, 1].max() <= chart.bottom + 0.05
    assert points[np.argmax(values), 1] == points[:, 1].min()
    assert points[np.argmin(values), 1] == points[:, 1].max()
    assert 2 <= len(chart.down) <= 8
    assert len(chart.across) <= 10


def test_a_line_needs_two_values_and_a_scatter_one_trade() -> None:
    assert line_chart([date(2024, 1, 1)], [1.0], base=0.0, box=(400.0, 100.0), unit="$") is None
    assert scatter([], [], [], height=300.0) is None
    flat = scatter([0.0], [0.0], [False], height=300.0)
    assert flat is not None
    assert len(flat.dots) == 1


FIGURES = Performance(
    net_pnl_micros=1_000_000,
    trades=20,
    winners=12,
    losers=8,
    win_pct=60.0,
    profit_factor=1.5,
    expectancy_usd=0.05,
    max_drawdown_usd=1.0,
    max_drawdown_pct=1.0,
    sharpe=1.0,
    sortino=1.0,
    exposure_pct=10.0,
    average_trade_bars=3.0,
)


def walk(*pairs: tuple[float | None, float | None, int]) -> WalkForward:
    """A walk-forward with these train and test Sharpe ratios and test nets."""
    segment = Segment(Part(0, 10), Part(10, 20))
    return WalkForward(
        tuple(
            SegmentResult(
                segment, {}, replace(FIGURES, sharpe=train), replace(FIGURES, sharpe=test, net_pnl_micros=net), ()
            )
            for train, test, net in pairs
        )
    )


@pytest.mark.parametrize(
    ("walked", "grade"),
    [
        (walk((1.0, 0.5, 5), (1.0, 0.5, -5)), Grade.PASSED),
        (walk((2.5, 1.0, 5), (2.5, 1.0, 5)), Grade.PASSED),
        (walk((2.6, 1.0, 5), (2.6, 1.0, 5)), Grade.FAILED),
        (walk((1.0, 0.5, -5), (1.0, 0.5, -5), (1.0, 0.5, 5)), Grade.FAILED),
        (walk((1.0, -0.5, 5)), Grade.FAILED),
        (walk((1.0, None, 5)), Grade.FAILED),
    ],
)
def test_a_walk_forward_passes_at_the_limits_of_the_gate(walked: WalkForward, grade: Grade) -> None:
    assert verdicts.of_walk_forward(walked).grade is grade


def test_every_other_verdict_turns_exactly_at_its_threshold() -> None:
    weeks = bootstrap_blocks(np.array([10, 20]), Sampling(account_micros=1_000_000, seed=1, paths=100), block=1)
    assert verdicts.of_resampled_trades(replace(weeks, ruin_probability=0.05)).grade is Grade.PASSED
    assert verdicts.of_resampled_trades(replace(weeks, ruin_probability=0.051)).grade is Grade.FAILED
    assert verdicts.of_resampled_bars([1.0, 1.0, 1.0, -1.0]).grade is Grade.PASSED
    assert verdicts.of_resampled_bars([1.0, 1.0, 0.0, -1.0]).grade is Grade.FAILED
    loser, idle = replace(FIGURES, net_pnl_micros=-1), replace(FIGURES, net_pnl_micros=0, trades=0)
    assert verdicts.of_matrix([FIGURES, loser, idle]).grade is Grade.PASSED
    assert verdicts.of_matrix([FIGURES, loser, loser]).grade is Grade.FAILED
    assert verdicts.of_matrix([idle]).grade is Grade.UNKNOWN
    assert verdicts.of_sharpe(0.95, tried=3).grade is Grade.PASSED
    assert verdicts.of_sharpe(0.949, tried=3).grade is Grade.FAILED
    assert verdicts.of_sharpe(None, tried=3).grade is Grade.UNKNOWN
    assert verdicts.of_overfitting(Overfitting(0.2, 0.0, np.zeros(1)), among="2 tried").grade is Grade.PASSED
    assert verdicts.of_overfitting(Overfitting(0.21, 0.0, np.zeros(1)), among="2 tried").grade is Grade.FAILED
    assert verdicts.of_stress(StressVerdict(passed=False, failures=("a", "b"))) == verdicts.Verdict(
        Grade.FAILED, "a; b"
    )
    assert verdicts.of_sensitivity(None).grade is Grade.UNKNOWN
    assert verdicts.of_detector(0, tried=5, what="x").grade is Grade.PASSED
    assert verdicts.of_detector(1, tried=5, what="x").grade is Grade.FAILED
