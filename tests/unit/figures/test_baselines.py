"""What a reset covers, and what counts after it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.books import Book
from trading.figures.baselines import Scope, counts, next_baseline

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
moments = st.integers(-(10**15), 10**15).map(lambda microseconds: NOON + timedelta(microseconds=microseconds))


@pytest.mark.parametrize(
    ("scope", "books"),
    [
        ("ALL", {"BACKTEST", "PAPER", "SHADOW", "CANARY", "LIVE"}),
        ("BACKTEST_ONLY", {"BACKTEST"}),
        ("PAPER_ONLY", {"PAPER", "SHADOW"}),
        ("LIVE_ONLY", {"CANARY", "LIVE"}),
    ],
)
def test_a_scope_covers_its_books(scope: str, books: set[str]) -> None:
    assert set(Scope(scope).books) == books


def test_the_narrow_scopes_share_nothing_and_leave_nothing_out() -> None:
    narrow = [book for scope in Scope if scope is not Scope.ALL for book in scope.books]
    assert sorted(narrow) == sorted(Book)


def test_counts_from_the_baseline_on() -> None:
    instant = timedelta(microseconds=1)
    assert counts(NOON, reset_at=None)
    assert counts(NOON, reset_at=NOON)
    assert not counts(NOON - instant, reset_at=NOON)


def test_a_baseline_lies_at_the_clock_when_nothing_is_later() -> None:
    assert next_baseline(NOON, previous=None, recorded=None) == NOON
    earlier = NOON - timedelta(days=1)
    assert next_baseline(NOON, previous=earlier, recorded=earlier) == NOON


@pytest.mark.scorecard(12)
@given(moments, moments | st.none(), moments | st.none())
def test_nothing_recorded_before_a_reset_counts_after_it_whatever_the_clock_says(
    now: datetime, previous: datetime | None, recorded: datetime | None
) -> None:
    reset_at = next_baseline(now, previous=previous, recorded=recorded)
    assert reset_at >= now
    assert previous is None or reset_at >= previous
    assert recorded is None or not counts(recorded, reset_at=reset_at)
