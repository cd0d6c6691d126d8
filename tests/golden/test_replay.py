"""Recorded ticks against today's planner: no change without a reason (scorecard 49)."""

from datetime import timedelta
from pathlib import Path

import pytest

import trading.work.planner
from tests.golden.replay import RecordedTick, read

RECORDED = Path(__file__).with_name("recorded_ticks.json")

pytestmark = pytest.mark.scorecard(49)


@pytest.fixture(scope="module")
def ticks() -> list[RecordedTick]:
    return read(RECORDED)


def test_todays_planner_decides_what_it_decided(ticks: list[RecordedTick]) -> None:
    changed = {place: tick.now for place, tick in enumerate(ticks) if tick.replayed() != tick.decided}
    assert changed == {}


def test_the_record_has_every_kind_of_work_and_many_reasons(ticks: list[RecordedTick]) -> None:
    decisions = [decision for tick in ticks for decision in tick.decided]
    assert {decision["job_type"] for decision in decisions} == {"BACKTEST", "IMPROVE", "EVOLVE", None}
    assert len({decision["reason"] for decision in decisions}) >= 8


@pytest.mark.parametrize(
    ("rule", "other"),
    [("IMPROVE_EVERY", timedelta(minutes=25)), ("MIN_TRADES", 1_000), ("IMPROVES_PER_EVOLVE", 2)],
)
def test_a_changed_rule_is_noticed(
    ticks: list[RecordedTick], monkeypatch: pytest.MonkeyPatch, rule: str, other: object
) -> None:
    monkeypatch.setattr(trading.work.planner, rule, other)
    assert any(tick.replayed() != tick.decided for tick in ticks)
