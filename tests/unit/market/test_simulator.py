import subprocess
import sys
from datetime import date

import numpy as np
import pytest

from trading.arrays import FloatArray, IntArray
from trading.errors import BadInput, UnknownInstrument
from trading.market.bars import Bars, require_valid
from trading.market.gaps import gaps_of
from trading.market.instruments import INSTRUMENTS
from trading.market.sessions import session_index
from trading.market.simulator import contract_months, simulate

START = NEW_YEARS_DAY_OBSERVED = date(2023, 1, 2)
FAR = 3.5
"""Standard errors; a fair figure leaves this band once in two thousand times, and the seeds are fixed."""


def year(symbol: str, seed: int) -> Bars:
    return simulate(symbol, seed=seed, start_on=START, years=1)


@pytest.fixture(scope="module")
def es() -> Bars:
    return year("ES", 11)


@pytest.fixture(scope="module")
def markets() -> list[Bars]:
    return [year(symbol, seed) for symbol in ("ES", "CL", "GC", "6E") for seed in (1, 2, 3)]


def moves(bars: Bars) -> FloatArray:
    """Return ticks per minute held inside one contract; a roll is no move."""
    ticks = np.diff(bars.close_ticks).astype(float)
    ticks[np.diff(bars.contract) != 0] = 0.0
    return ticks


def standard_errors(gains: FloatArray) -> float:
    return float(gains.mean() / gains.std() * np.sqrt(len(gains)))


def correlation(first: FloatArray | IntArray, other: FloatArray | IntArray) -> float:
    return float(np.corrcoef(first, other)[0, 1])


@pytest.mark.thorough
def test_the_same_seed_gives_the_same_bytes_in_another_process(es: Bars) -> None:
    code = (
        "from datetime import date; from trading.market.simulator import simulate; "
        "print(simulate('ES', seed=11, start_on=date(2023, 1, 2), years=1).fingerprint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == es.fingerprint


def test_the_bars_of_a_known_seed_have_not_changed() -> None:
    week = simulate("ES", seed=42, start_on=date(2024, 3, 4), end_on=date(2024, 3, 8))
    assert week.fingerprint == "1d3652ba3f58edd2f06b39afd52c72a184867bd78272d7923ac6a54c7639839a"


def test_another_seed_or_root_is_another_market(es: Bars) -> None:
    assert len({es.fingerprint, year("ES", 12).fingerprint, year("YM", 11).fingerprint}) == 3


def test_a_micro_has_the_bars_of_its_root(es: Bars) -> None:
    assert year("MES", 11).fingerprint == es.fingerprint


def test_a_longer_history_begins_with_the_shorter_one(es: Bars) -> None:
    half = simulate("ES", seed=11, start_on=START, years=0.5)
    assert np.array_equal(half.close_ticks, es.close_ticks[: len(half)])
    assert np.array_equal(half.volume, es.volume[: len(half)])


@pytest.mark.parametrize("symbol", sorted(INSTRUMENTS))
def test_every_root_gives_sound_bars_in_every_minute_of_its_sessions(symbol: str) -> None:
    bars = simulate(symbol, seed=5, start_on=date(2023, 11, 13), end_on=date(2023, 12, 15))
    require_valid(bars)
    assert session_index(bars, mode="ETH").is_open.all()
    assert gaps_of(bars).holes == 0
    assert bars.low_ticks.min() > 0
    assert len(np.unique(bars.close_ticks)) > 50


def test_volatility_clusters(es: Bars) -> None:
    size = np.abs(np.diff(es.close_ticks))
    assert correlation(size[:-10], size[10:]) > 0.2
    shuffled = np.random.default_rng(0).permutation(size)
    assert abs(correlation(shuffled[:-10], shuffled[10:])) < 0.02


def test_volume_is_a_u_over_the_regular_hours_and_thin_at_night(es: Bars) -> None:
    regular = session_index(es, mode="RTH_US")
    opens = np.flatnonzero(np.diff(regular.is_open.astype(int)) == 1) + 1
    full = [at for at in opens if regular.is_open[at : at + 390].all() and at + 390 <= len(es)]
    by_minute = np.mean([es.volume[at : at + 390] for at in full], axis=0)
    assert by_minute[:30].mean() > 1.5 * by_minute[180:210].mean() < by_minute[-30:].mean()
    assert es.volume[~regular.is_open].mean() < 0.3 * by_minute.mean()


def test_volume_follows_volatility(es: Bars) -> None:
    assert correlation(np.abs(np.diff(es.close_ticks)), es.volume[1:]) > 0.4


def test_indices_move_together_and_crude_does_not() -> None:
    es, nq, cl = (np.diff(year(symbol, 4).close_ticks[:100_000]) for symbol in ("ES", "NQ", "CL"))
    assert correlation(es, nq) > 0.35
    assert abs(correlation(es, cl)) < 0.05


def test_rolls_every_quarter_and_shows_the_jump(es: Bars) -> None:
    assert np.unique(es.contract).tolist() == [202303, 202306, 202309, 202312, 202403]
    days = np.array([(date(2024, 3, day) - date(1970, 1, 1)).days for day in (13, 14)])
    assert contract_months(days).tolist() == [202403, 202406]
    rolls = np.flatnonzero(np.diff(es.contract)) + 1
    assert np.abs(es.open_ticks[rolls] - es.close_ticks[rolls - 1]).max() > 0


def test_holding_has_no_drift(markets: list[Bars]) -> None:
    errors = [standard_errors(moves(bars)) for bars in markets]
    assert max(map(abs, errors)) < FAR
    assert abs(sum(errors)) < FAR * np.sqrt(len(errors))


@pytest.mark.parametrize("lookback", [5, 30, 120, 600])
@pytest.mark.parametrize("side", [1, -1], ids=["momentum", "reversion"])
def test_following_or_fading_the_last_move_never_pays_its_costs(markets: list[Bars], lookback: int, side: int) -> None:
    for bars in markets:
        position = np.zeros(len(bars))
        position[lookback:] = side * np.sign(bars.close_ticks[lookback:] - bars.close_ticks[:-lookback])
        traded = np.abs(np.diff(position, prepend=0))[:-1]
        one_tick_and_commission = 1.5
        assert standard_errors(position[:-1] * moves(bars) - traded * one_tick_and_commission) < 1.0


def test_a_market_with_drift_would_be_noticed(es: Bars) -> None:
    drifting = moves(es) + 0.02 * moves(es).std()
    assert standard_errors(drifting) > FAR


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"seed": -1, "years": 1}, "seed must be zero or more"),
        ({"seed": 1}, "either years or end_on"),
        ({"seed": 1, "years": 1, "end_on": date(2024, 1, 1)}, "either years or end_on"),
        ({"seed": 1, "end_on": date(2020, 1, 1)}, "must not be before 2023-01-02, was 2020-01-01"),
        ({"seed": 1, "years": -1}, "must not be before 2023-01-02"),
        ({"seed": 1, "end_on": START}, "no session of ES from 2023-01-02 to 2023-01-02"),
    ],
)
def test_refuses_what_it_cannot_simulate(asked: dict[str, object], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        simulate("ES", start_on=NEW_YEARS_DAY_OBSERVED, **asked)  # type: ignore[arg-type]
    with pytest.raises(UnknownInstrument):
        simulate("AAPL", seed=1, start_on=START, years=1)
