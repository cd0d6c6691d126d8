"""Dollars as people write them."""

import pytest

from trading.money import dollars


@pytest.mark.parametrize(
    ("amount", "places", "written"),
    [
        (0.0, 2, "$0.00"),
        (-321.7, 2, "-$321.70"),
        (1_234_567.891, 2, "$1,234,567.89"),
        (-1_234.5, 0, "-$1,234"),
        (-0.004, 2, "$0.00"),
        (-0.006, 2, "-$0.01"),
    ],
)
def test_the_sign_stands_before_the_dollar(amount: float, places: int, written: str) -> None:
    assert dollars(amount, places=places) == written
