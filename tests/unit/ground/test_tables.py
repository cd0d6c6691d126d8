"""Words of CHECKs, held against the enums they are the words of."""

from services.backtests.baselines import SIDES as SIDES_TRADED
from store.tables import EXIT_REASONS, PROMOTION_MODES, SIDES
from trading.backtests.engine import ExitReason
from trading.governance.gates import PromotionMode


def test_checks_allow_the_words_of_the_kernels() -> None:
    assert tuple(reason.name for reason in ExitReason) == EXIT_REASONS
    assert tuple(PromotionMode) == PROMOTION_MODES
    assert set(SIDES) == set(SIDES_TRADED.values())
