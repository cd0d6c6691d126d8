"""What a fleet made of simulated markets, where the truth is known.

Belongs here: the verdict on one market and the counts over all. Does not belong here: who is proven (`discoveries.py`),
where the truth is kept, which no bot may read.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class MarketVerdict(StrEnum):
    """What the fleet made of a simulated market.

    Attributes:
        FOUND: An edge is planted, and a bot that trades it is proven.
        MISSED: An edge is planted, records have begun, and no bot that trades it is proven.
        AWAITED: An edge is planted, and no record has begun.
        FALSE: Nothing is planted, and a bot that trades it is proven.
        QUIET: Nothing is planted, and nobody is proven.
    """

    FOUND = "FOUND"
    MISSED = "MISSED"
    AWAITED = "AWAITED"
    FALSE = "FALSE"
    QUIET = "QUIET"


WORDS: Mapping[MarketVerdict, str] = MappingProxyType(
    {
        MarketVerdict.FOUND: "an edge is planted, and a bot that trades it is proven",
        MarketVerdict.MISSED: "an edge is planted, and no bot that trades it is proven so far",
        MarketVerdict.AWAITED: "an edge is planted, and no record has begun",
        MarketVerdict.FALSE: "nothing is planted, and a bot that trades it is proven all the same",
        MarketVerdict.QUIET: "nothing is planted, and nobody is proven",
    }
)


@dataclass(frozen=True, slots=True)
class JudgedMarket:
    """A simulated market: whether an edge is planted in it, how many bots have a record on it, how many are proven."""

    is_planted: bool
    records: int
    proven: int

    @property
    def verdict(self) -> MarketVerdict:
        """What the fleet made of it."""
        if not self.is_planted:
            return MarketVerdict.FALSE if self.proven else MarketVerdict.QUIET
        if self.proven:
            return MarketVerdict.FOUND
        return MarketVerdict.MISSED if self.records else MarketVerdict.AWAITED


@dataclass(frozen=True, slots=True)
class TruthCounts:
    """What became of the planted edges, one a market, and how many of the proven bots are right.

    Attributes:
        planted_markets: Found, missed and awaited ones.
        false_bots: Proven bots on markets without an edge.
        proven_bots: All proven bots, false ones among them.
        records: Bots with a record.
    """

    planted_markets: int
    found_markets: int
    missed_markets: int
    awaited_markets: int
    false_bots: int
    proven_bots: int
    records: int


def counts(markets: Iterable[JudgedMarket]) -> TruthCounts:
    """Count what the fleet made of its markets."""
    judged = tuple(markets)
    verdicts = Counter(market.verdict for market in judged)
    return TruthCounts(
        planted_markets=sum(market.is_planted for market in judged),
        found_markets=verdicts[MarketVerdict.FOUND],
        missed_markets=verdicts[MarketVerdict.MISSED],
        awaited_markets=verdicts[MarketVerdict.AWAITED],
        false_bots=sum(market.proven for market in judged if not market.is_planted),
        proven_bots=sum(market.proven for market in judged),
        records=sum(market.records for market in judged),
    )
