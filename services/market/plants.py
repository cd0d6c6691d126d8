"""Simulated markets with planted edges, and the truth about them.

Belongs here: what is planted where, and writing that down. Does not belong here: how an edge moves prices
(`trading/market/plants.py`), what the fleet made of it.

The truth about a symbol commits before its bars are stored, and is true of bars of one fingerprint: a crash between
the two leaves a truth about bars that are not there, never planted bars that pass for barren ones.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from services.audit import chain
from services.desk import Desk
from services.market.bars import simulate_market
from services.progress import Progress, silent
from store.database import transaction
from store.market import planted_edges
from store.market.bars import BarSeries
from store.market.planted_edges import PlantedEdgeRow
from trading.actors import Actor
from trading.days import on_day
from trading.errors import BadInput
from trading.market.bars import SIMULATED, Bars
from trading.market.instruments import instrument
from trading.market.plants import Plant
from trading.market.simulator import SimulatedMarket, simulate_planted

DAYS_PER_YEAR = 365.25
BARS_SIMULATED = "BARS_SIMULATED"


def simulate_with_edges(
    desk: Desk,
    symbols: Sequence[str],
    *,
    plants: Mapping[str, Plant],
    seed: int | None = None,
    years: float | None = None,
    progress: Progress = silent,
) -> list[BarSeries]:
    """Simulate markets that end today, an edge in each that has a plant, and store truth and bars.

    Args:
        desk: Where they go.
        symbols: Which to simulate.
        plants: What to plant, by symbol; the bars of a symbol without are those of a barren market, byte for byte.
        seed: SIMULATOR_SEED if not given.
        years: SIMULATOR_YEARS if not given.
        progress: Called after each symbol.

    Raises:
        UnknownInstrument: no such symbol; nothing of it is stored.
        BadInput: a negative seed, or a span without a session.
        Unavailable: the bar store or the database cannot be written.
    """
    seed = desk.settings.simulator_seed if seed is None else seed
    years = desk.settings.simulator_years if years is None else years
    start_on = (desk.clock() - timedelta(days=years * DAYS_PER_YEAR)).date()

    def made(symbol: str) -> Bars:
        plant = plants.get(symbol)
        market = simulate_planted(symbol, seed=seed, start_on=start_on, years=years, plant=plant)
        if plant is not None:
            _write_down(desk, market, plant, seed)
        return market.bars

    return simulate_market(desk.bars, symbols, seed=seed, start_on=start_on, years=years, progress=progress, made=made)


def simulate_anew(
    desk: Desk,
    symbols: Sequence[str],
    *,
    plant: Plant | None,
    seed: int | None,
    years: float | None,
    actor: Actor,
    progress: Progress = silent,
) -> list[BarSeries]:
    """Simulate symbols that have no simulated bars, the same edge in each, as a person asked for it.

    The audit chain says who had what simulated, by fingerprint, and not what was planted.

    Args:
        desk: As `simulate_with_edges` takes it.
        symbols: As it takes them.
        plant: What to plant in each symbol; nothing if None.
        seed: As it takes it.
        years: As it takes them.
        actor: Who asked.
        progress: As it takes it.

    Raises:
        UnknownInstrument, BadInput: no such symbol, a symbol twice or with simulated bars; nothing is stored.
        Unavailable: the bar store or the database cannot be written; what was stored before stays.
    """
    _require_new(desk, symbols)
    plants = dict.fromkeys(symbols, plant) if plant is not None else {}
    series = simulate_with_edges(desk, symbols, plants=plants, seed=seed, years=years, progress=progress)
    with transaction(desk.database) as db:
        prints = {f"{row.symbol} {row.timeframe}": row.fingerprint for row in series}
        payload = {"symbols": sorted(symbols), "fingerprints": prints}
        chain.record(desk, db, actor=actor, action=BARS_SIMULATED, subject=SIMULATED, payload=payload)
    return series


def _require_new(desk: Desk, symbols: Sequence[str]) -> None:
    simulated = {row.symbol for row in desk.bars.series() if row.is_simulated}
    for symbol, times in Counter(instrument(symbol).symbol for symbol in symbols).items():
        if times > 1:
            raise BadInput(f"{symbol} is named {times} times; once is enough")
        if symbol in simulated:
            raise BadInput(f"{symbol} has {SIMULATED} bars, which stay: records of bots were made on them")


def _write_down(desk: Desk, market: SimulatedMarket, plant: Plant, seed: int) -> None:
    from trading.verification.planted import oracle_sharpe

    edge = PlantedEdgeRow(
        symbol=market.bars.symbol,
        fingerprint=market.bars.fingerprint,
        kind=plant.kind,
        sharpe=plant.sharpe,
        oracle_sharpe=oracle_sharpe(market),
        seed=seed,
        first_on=on_day(int(market.trading_day[0])),
        last_on=on_day(int(market.trading_day[-1])),
        created_at=desk.clock(),
    )
    with transaction(desk.database) as db:
        planted_edges.write(db, edge)
