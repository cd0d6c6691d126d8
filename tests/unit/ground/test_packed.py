"""A packed column holds what was put into it, byte for byte as PostgreSQL packs."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect

from store.base import PackedIntegers

PACKED, DIALECT = PackedIntegers(), Dialect()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=50))
def test_numbers_come_back_as_they_were(numbers: list[int]) -> None:
    packed = PACKED.process_bind_param(numbers, DIALECT)
    assert packed == struct.pack(f">{len(numbers)}q", *numbers)
    assert PACKED.process_result_value(packed, DIALECT) == numbers


def test_nothing_stays_nothing() -> None:
    assert PACKED.process_bind_param(None, DIALECT) is None
    assert PACKED.process_result_value(None, DIALECT) is None
