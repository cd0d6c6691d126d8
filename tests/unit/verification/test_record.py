"""A record adds up: days to figures, generations to days."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.known import known
from trading.figures.declared import figures_of
from trading.figures.performance import measure
from trading.verification.betting import log_e_values
from trading.verification.record import PrequentialRecord, TradedDays, in_force

ACCOUNT = 50_000_000_000
DAYS = st.lists(st.integers(-900_000_000, 900_000_000), min_size=1, max_size=60)


def stretch(pnl: list[int], *, first: int = 100) -> TradedDays:
    """Return days with one trade each, entered and ended on the day."""
    net = np.array(pnl, np.int64)
    return TradedDays(
        day=np.arange(first, first + len(pnl)),
        pnl_micros=net,
        trades=len(net),
        winners=int((net > 0).sum()),
        losers=int((net < 0).sum()),
        bars_held=3 * len(net),
        profit_micros=int(net[net > 0].sum()),
        loss_micros=int(-net[net < 0].sum()),
    )


@given(earlier=DAYS, later=DAYS)
def test_the_figures_of_joined_stretches_are_those_of_one_record_of_all_their_days(
    earlier: list[int], later: list[int]
) -> None:
    joined = PrequentialRecord().followed_by([stretch(earlier)]).followed_by([stretch(later, first=500)])
    pnl = np.array(earlier + later, np.int64)
    whole = measure(
        trade_pnl_micros=pnl,
        trade_bars=np.full(len(pnl), 3),
        equity_micros=ACCOUNT + np.cumsum(pnl),
        trading_day=np.arange(len(pnl)),
        account_micros=ACCOUNT,
        bars_in_position=0,
    )
    assert joined.figures(account_micros=ACCOUNT) == figures_of(whole, has_bars=False)
    assert joined.log_e == log_e_values(pnl / 1e6)[-1]


def test_a_record_without_days_is_no_evidence_and_no_figure_counts_bars() -> None:
    assert PrequentialRecord().log_e == 0.0
    month = PrequentialRecord().followed_by([stretch([1_000_000] * 30)])
    assert month.figures(account_micros=ACCOUNT).exposure_pct is None


@pytest.mark.parametrize(
    ("knows_until", "places"),
    [
        ([None], [0, 0, 0, 0]),
        ([None, 11], [0, 0, 1, 1]),
        ([None, 11, 11], [0, 0, 2, 2]),
        ([None, 10, 12], [0, 1, 1, 2]),
        ([11], [-1, -1, 0, 0]),
        ([None, 20], [0, 0, 0, 0]),
        ([], [-1, -1, -1, -1]),
    ],
)
def test_each_day_is_traded_by_the_newest_generation_that_was_not_chosen_on_it(
    knows_until: list[int | None], places: list[int]
) -> None:
    assert in_force(knows_until, np.array([10, 11, 12, 13])).tolist() == places


@given(st.lists(st.one_of(st.none(), st.integers(0, 30)), max_size=6))
def test_no_day_is_ever_traded_by_a_generation_that_knows_it(knows_until: list[int | None]) -> None:
    days = np.arange(31)
    for day, place in zip(days, in_force(knows_until, days), strict=True):
        unseeing = [at for at, known_day in enumerate(knows_until) if known_day is None or known_day < day]
        assert place == (unseeing[-1] if unseeing else -1)
        assert place == -1 or (knows_until[place] is None or known(knows_until[place]) < day)
