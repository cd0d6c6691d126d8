"""When figures are in sample."""

from datetime import date, timedelta

import pytest

from trading.figures.sample import is_in_sample

FIRST = date(2026, 3, 2)


@pytest.mark.parametrize(("days", "in_sample"), [(-1, False), (0, True), (1, True), (400, True)])
def test_figures_are_in_sample_from_the_first_day_they_share_with_the_knowledge_behind_them(
    days: int, in_sample: bool
) -> None:
    assert is_in_sample(FIRST, knows_until=FIRST + timedelta(days=days)) is in_sample


def test_nothing_is_in_sample_that_was_chosen_on_no_day_or_has_no_figures() -> None:
    assert not is_in_sample(FIRST, knows_until=None)
    assert not is_in_sample(None, knows_until=FIRST)
