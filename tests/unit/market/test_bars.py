import hashlib
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.errors import BadBars, UnknownTimeframe
from trading.market.bars import Bars, bars_from_columns, columns_of, fingerprint_of, require_valid, timeframe_ns


def three() -> Bars:
    columns = np.array(
        [[1, 2, 3], [10, 11, 12], [12, 12, 13], [9, 10, 11], [11, 12, 12], [5, 0, 7], [0, 0, 0]], np.int64
    )
    return bars_from_columns(columns, symbol="ES", timeframe="1m", provider="TEST")


def test_a_sound_series_passes() -> None:
    require_valid(three())


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("ts_event", [1, 1, 3], "bar 1: time must increase"),
        ("high_ticks", [12, 11, 13], "bar 1: high must not be below"),
        ("low_ticks", [9, 10, 13], "bar 2: low must not be above"),
        ("volume", [5, -1, 7], "bar 1: volume must not be negative"),
        ("contract", [0, 0], "one value per bar"),
        ("ts_event", [], "at least one bar"),
    ],
)
def test_names_the_first_bar_that_breaks_a_rule(column: str, values: list[int], reason: str) -> None:
    broken: dict[str, Any] = {column: np.array(values, np.int64)}
    with pytest.raises(BadBars, match=reason):
        require_valid(replace(three(), **broken))


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20))
def test_the_fingerprint_is_sha256_over_the_columns(values: list[int]) -> None:
    columns = np.tile(np.array(values, np.int64), (7, 1))
    packed = struct.pack(f"<{len(values)}q", *values) * 7
    assert fingerprint_of(columns) == hashlib.sha256(packed).hexdigest()


def test_one_changed_tick_changes_the_fingerprint() -> None:
    columns = columns_of(three())
    before = fingerprint_of(columns)
    columns[4, 1] += 1
    assert fingerprint_of(columns) != before


def test_unknown_timeframes_are_refused() -> None:
    assert timeframe_ns("1h") == 3_600_000_000_000
    with pytest.raises(UnknownTimeframe, match="was '2m'"):
        timeframe_ns("2m")
