"""Discoveries: who of the fleet is proven since when, and on simulated markets whether that is right.

Belongs here: what people are told of proven bots, beside the truth about what the simulator planted. Does not belong
here: who is proven (`services/verification/discoveries.py`), which may not know the truth; the verdict on a market
(`trading.verification.market_verdicts`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.desk import Desk
from services.market.choice import bots_by_market
from store.database import transaction
from store.market import planted_edges
from store.market.bars import Catalog, Market
from store.market.planted_edges import PlantedEdgeRow
from store.verification import records
from store.verification.records import ProvenRow, RecordCount
from trading.market.marks import BarsKind
from trading.verification.market_verdicts import WORDS, JudgedMarket, MarketVerdict, TruthCounts, counts

SHOWN = 500
RULE = "at most 10 % of the proven are false on average; every bot that ever had a record counts, archived ones too"


@dataclass(frozen=True, slots=True)
class KindCount:
    """The records of the fleet on one kind of bars."""

    bars_kind: str
    records: int
    proven: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """A simulated market beside the truth about it.

    Attributes:
        kind, sharpe: The planted edge and its strength as asked for; None where nothing is planted.
        oracle_sharpe: What one who knows the edge earned on these bars, before costs; None where that is unknown.
        bots: How many trade simulated bars of the symbol.
        records, proven: How many have a record on them, and how many of these are proven.
        found_at: Since when the first of them is proven.
        words: The verdict in words.
    """

    symbol: str
    kind: str | None
    sharpe: float | None
    oracle_sharpe: float | None
    bots: int
    records: int
    proven: int
    found_at: datetime | None
    verdict: MarketVerdict
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenBot:
    """A proven bot, as its row has it.

    Attributes:
        verdict: On simulated bars that on its market, FOUND or FALSE; None on others, where nobody knows.
    """

    bot_id: UUID
    name: str
    symbol: str
    timeframe: str
    archetype: str
    bars_kind: str
    days: int
    log_e: float
    sharpe: float | None
    proven_since: datetime
    verdict: MarketVerdict | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveriesView:
    """Who is proven and whether that is right.

    Attributes:
        rule: What being proven promises.
        kinds: Kinds of bars the fleet has records on, with their counts.
        truth: Counts over simulated markets; None where the fleet has none.
        markets: The simulated markets, planted ones first, by symbol.
        bots: The proven bots, the first proven first, at most 500.
    """

    rule: str
    kinds: tuple[KindCount, ...]
    truth: TruthCounts | None
    markets: tuple[MarketView, ...]
    bots: tuple[ProvenBot, ...]
    now: datetime


def discoveries(desk: Desk) -> DiscoveriesView:
    """Return who is proven, and on simulated markets what is planted and what became of it.

    Raises:
        Unavailable: the database or the bar store is away.
    """
    catalog, trading = desk.bars.catalog(), bots_by_market(desk)
    with transaction(desk.database) as db:
        edges = planted_edges.planted_edges(db)
        known = records.record_counts(db)
        proven = records.proven_bots(db, limit=SHOWN)
    simulated = [row for row in known if row.bars_kind == BarsKind.SIMULATED]
    markets = _markets(_truths(catalog, edges), _on_simulated_bars(catalog, trading), simulated)
    verdicts = {market.symbol: market.verdict for market in markets}
    return DiscoveriesView(
        rule=RULE,
        kinds=_kinds(known),
        truth=counts(map(_judged, markets)) if markets else None,
        markets=markets,
        bots=tuple(_proven(row, verdicts) for row in proven),
        now=desk.clock(),
    )


def _proven(row: ProvenRow, verdicts: Mapping[str, MarketVerdict]) -> ProvenBot:
    verdict = verdicts[row.symbol] if row.bars_kind == BarsKind.SIMULATED else None
    return ProvenBot(verdict=verdict, **row._asdict())


def _on_simulated_bars(catalog: Catalog, trading: Mapping[Market, int]) -> dict[str, int]:
    """Return how many bots trade simulated bars, by symbol."""
    bots: Counter[str] = Counter()
    for (symbol, timeframe), number in trading.items():
        choice = catalog.choice(symbol, timeframe)
        if choice is not None and choice.series.is_simulated:
            bots[symbol] += number
    return bots


def _truths(catalog: Catalog, edges: Sequence[PlantedEdgeRow]) -> dict[str, PlantedEdgeRow]:
    """Return what is planted in the simulated bars that are stored, by symbol."""
    stored = {(row.symbol, row.fingerprint) for row in catalog.series.values() if row.is_simulated}
    stored |= {(row.symbol, row.fingerprint) for row in catalog.withdrawn if row.is_simulated}
    return {edge.symbol: edge for edge in edges if (edge.symbol, edge.fingerprint) in stored}


def _markets(
    truths: dict[str, PlantedEdgeRow], bots: dict[str, int], known: Sequence[RecordCount]
) -> tuple[MarketView, ...]:
    of_symbol = {row.symbol: row for row in known}
    markets = [
        _market(symbol, truths.get(symbol), bots.get(symbol, 0), of_symbol.get(symbol)) for symbol in bots | of_symbol
    ]
    return tuple(sorted(markets, key=lambda market: (market.kind is None, market.symbol)))


def _market(symbol: str, edge: PlantedEdgeRow | None, bots: int, known: RecordCount | None) -> MarketView:
    begun, proven = (known.records, known.proven) if known is not None else (0, 0)
    verdict = JudgedMarket(edge is not None, begun, proven).verdict
    return MarketView(
        symbol=symbol,
        kind=edge.kind if edge is not None else None,
        sharpe=edge.sharpe if edge is not None else None,
        oracle_sharpe=edge.oracle_sharpe if edge is not None else None,
        bots=bots,
        records=begun,
        proven=proven,
        found_at=known.found_at if known is not None else None,
        verdict=verdict,
        words=WORDS[verdict],
    )


def _judged(market: MarketView) -> JudgedMarket:
    return JudgedMarket(market.kind is not None, market.records, market.proven)


def _kinds(known: Sequence[RecordCount]) -> tuple[KindCount, ...]:
    of_kind = {kind: [row for row in known if row.bars_kind == kind] for kind in BarsKind}
    return tuple(
        KindCount(kind, sum(row.records for row in rows), sum(row.proven for row in rows))
        for kind, rows in of_kind.items()
        if rows
    )
