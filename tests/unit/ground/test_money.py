"""Dollars as people write them."""

from decimal import Decimal

import pytest

from trading.money import PRINTED, PRINTED_BOTH, Signs, dollars


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


@pytest.mark.parametrize(
    ("amount", "signs", "written"),
    [
        (Decimal("-1234.565"), PRINTED, "−$1,234.56"),
        (1_234.5, PRINTED, "$1,234.50"),
        (Decimal("0.01"), PRINTED_BOTH, "+$0.01"),
        (Decimal("-0.01"), PRINTED_BOTH, "−$0.01"),
        (Decimal("0.001"), PRINTED_BOTH, "$0.00"),
        (Decimal(0), PRINTED_BOTH, "$0.00"),
    ],
)
def test_print_has_a_minus_of_its_own_and_a_plus_where_asked(
    amount: Decimal | float, signs: Signs, written: str
) -> None:
    assert dollars(amount, signs=signs) == written
