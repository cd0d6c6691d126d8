import pytest

from trading.verification.market_verdicts import WORDS, JudgedMarket, MarketVerdict, TruthCounts, counts

MARKETS = {
    "FOUND": JudgedMarket(is_planted=True, records=9, proven=2),
    "MISSED": JudgedMarket(is_planted=True, records=1, proven=0),
    "AWAITED": JudgedMarket(is_planted=True, records=0, proven=0),
    "FALSE": JudgedMarket(is_planted=False, records=7, proven=1),
    "QUIET": JudgedMarket(is_planted=False, records=7, proven=0),
}


@pytest.mark.parametrize("verdict", MARKETS)
def test_a_market_is_judged_by_what_is_planted_and_who_is_proven(verdict: str) -> None:
    assert MARKETS[verdict].verdict == verdict
    assert WORDS[MarketVerdict(verdict)]


def test_a_barren_market_without_records_is_quiet() -> None:
    assert JudgedMarket(is_planted=False, records=0, proven=0).verdict == "QUIET"


def test_edges_are_counted_by_market_and_false_ones_by_bot() -> None:
    counted = counts([*MARKETS.values(), JudgedMarket(is_planted=False, records=4, proven=3)])
    assert counted == TruthCounts(
        planted_markets=3,
        found_markets=1,
        missed_markets=1,
        awaited_markets=1,
        false_bots=1 + 3,
        proven_bots=2 + 1 + 3,
        records=9 + 1 + 7 + 7 + 4,
    )
    assert counts([]) == TruthCounts(0, 0, 0, 0, 0, 0, 0)
