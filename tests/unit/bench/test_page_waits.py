"""From a commit to its badge: which of the things a page saw tells of which commit."""

from uuid import UUID

import pytest

from bench.page import waits
from bench.page_traffic import Commit

BOT, OTHER = UUID(int=1), UUID(int=2)
BEGUN = Commit(BOT, "Backtesting", 1_000.0, 1_004.0)
ENDED = Commit(BOT, None, 1_300.0, 1_302.0)


def test_each_commit_waits_for_its_own_badge() -> None:
    seen = [
        (str(BOT), "Backtesting", 900.0),
        (str(OTHER), "Backtesting", 1_010.0),
        (str(BOT), "Backtest queued", 1_020.0),
        (str(BOT), "Backtesting • x2", 1_104.0),
        (str(OTHER), None, 1_310.0),
        (str(BOT), None, 1_352.0),
    ]
    assert waits([BEGUN, ENDED], seen) == [100.0, 50.0]


def test_a_badge_seen_while_its_commit_returns_has_not_waited() -> None:
    assert waits([BEGUN], [(str(BOT), "Backtesting", 1_002.0)]) == [0.0]


def test_a_commit_nobody_saw_is_a_failure_not_a_fast_one() -> None:
    with pytest.raises(RuntimeError, match="no badge tells"):
        waits([BEGUN, ENDED], [(str(BOT), "Backtesting", 1_100.0)])
