"""Which series bots trade on: chosen before long enough, long enough before real, real before simulated."""

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from trading.market.bars import SIMULATED
from trading.market.choice import LEAST_BARS, LEAST_DAYS, Ground, choose, covers_enough
from trading.verification.walk_forward import DEFAULT_WINDOWS

DAY_NS = 86_400_000_000_000


@dataclass(frozen=True)
class Series:
    provider: str
    days: int
    bars: int = 5_000
    first_ts: int = 0

    @property
    def last_ts(self) -> int:
        return self.first_ts + self.days * DAY_NS


TWO_YEARS = Series(SIMULATED, 730)
TWENTY_DAYS = Series("ACME", 20, 335)
THREE_YEARS = Series("DEEP", 1_095)


def chosen(*offered: Series, preferred: str | None = None) -> tuple[str, Ground]:
    choice = choose(offered, preferred=preferred)
    assert choice is not None
    return choice.series.provider, choice.ground


def test_twenty_real_days_do_not_take_bots_from_two_simulated_years() -> None:
    assert chosen(TWO_YEARS, TWENTY_DAYS) == (SIMULATED, Ground.REAL_TOO_SHORT)
    assert chosen(TWO_YEARS, TWENTY_DAYS, preferred="ACME") == ("ACME", Ground.PREFERRED)


def test_real_bars_that_cover_enough_go_before_longer_simulated_ones() -> None:
    barely = Series("ACME", LEAST_DAYS, LEAST_BARS)
    assert chosen(TWO_YEARS, barely) == ("ACME", Ground.REAL_AND_COVERS)
    assert chosen(TWO_YEARS, barely, TWENTY_DAYS, THREE_YEARS) == ("DEEP", Ground.REAL_AND_COVERS)


def test_where_no_real_bars_cover_enough_the_longest_series_goes_first() -> None:
    assert chosen(Series(SIMULATED, 365, 5_900), TWENTY_DAYS) == (SIMULATED, Ground.REAL_TOO_SHORT)
    assert chosen(Series(SIMULATED, 15, 250), TWENTY_DAYS) == ("ACME", Ground.NOTHING_LONGER)
    assert chosen(Series(SIMULATED, 20, 335), TWENTY_DAYS) == ("ACME", Ground.NOTHING_LONGER)
    assert chosen(TWENTY_DAYS) == ("ACME", Ground.NOTHING_LONGER)
    assert chosen(TWO_YEARS) == (SIMULATED, Ground.SIMULATED_ALONE)


def test_a_day_or_a_bar_less_does_not_cover_enough() -> None:
    assert covers_enough(Series("ACME", LEAST_DAYS, LEAST_BARS))
    assert not covers_enough(Series("ACME", LEAST_DAYS - 1, LEAST_BARS))
    assert not covers_enough(Series("ACME", LEAST_DAYS, LEAST_BARS - 1))


def test_the_least_days_are_one_full_segment_of_the_default_walk_forward() -> None:
    assert timedelta(days=LEAST_DAYS) == timedelta(days=DEFAULT_WINDOWS.train_days + DEFAULT_WINDOWS.test_days)


def test_a_preference_for_what_is_not_there_counts_for_nothing() -> None:
    assert chosen(TWO_YEARS, preferred="GONE") == (SIMULATED, Ground.SIMULATED_ALONE)
    assert choose([]) is None


series = st.builds(
    Series,
    provider=st.sampled_from([SIMULATED, "ACME", "BEST", "DEEP"]),
    days=st.integers(0, 1_000),
    bars=st.integers(1, 9_000),
    first_ts=st.integers(0, 3),
)


@given(st.lists(series, min_size=1, unique_by=lambda row: row.provider), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order(offered: list[Series], chance: object) -> None:
    shuffled = list(offered)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose(shuffled) == choose(offered)
