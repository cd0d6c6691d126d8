"""Pages and cursors: where a page ends, and a place in a list as opaque text that only its own list reads."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.paging import BadCursor, page_of, read_cursor, read_moment, write_cursor, write_moment

AT = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)
ID = UUID("00000000-0000-4000-8000-00000000000a")
plain = st.text(st.characters(max_codepoint=127))


@pytest.mark.parametrize(
    ("there", "page", "last"),
    [([], (), None), ([1], (1,), None), ([1, 2], (1, 2), None), ([1, 2, 3], (1, 2), 2)],
)
def test_a_page_ends_after_its_rows_and_says_after_which_one_the_next_starts(
    there: list[int], page: tuple[int, ...], last: int | None
) -> None:
    assert page_of(there, 2) == (page, last)


@given(st.lists(st.integers()), st.integers(1, 5))
def test_pages_read_one_after_the_other_are_the_list(rows: list[int], limit: int) -> None:
    listed = [(place, row) for place, row in enumerate(rows)]
    paged: list[tuple[int, int]] = []
    start = 0
    while True:
        page, last = page_of(listed[start : start + limit + 1], limit)
        paged += page
        if last is None:
            break
        start = last[0] + 1
    assert paged == listed


@given(plain)
def test_a_place_comes_back_as_it_was_and_fits_an_address(place: str) -> None:
    cursor = write_cursor(place)
    assert read_cursor(cursor) == place
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize("at", [AT, AT.astimezone(timezone(timedelta(hours=-5)))])
def test_a_moment_and_an_id_come_back_to_the_microsecond(at: datetime) -> None:
    assert read_moment(write_moment(at, ID)) == (AT, ID)


@pytest.mark.parametrize(
    "spoken",
    ["", "|", f"2026-03-02T15:00:00|{ID}", f"2026-03-02T15:00:00+00:00|{str(ID)[:-1]}", f"yesterday|{ID}", "[]"],
)
def test_a_place_without_a_moment_in_a_zone_and_an_id_is_refused(spoken: str) -> None:
    with pytest.raises(BadCursor, match="not made by this list, was"):
        read_moment(write_cursor(spoken))


@pytest.mark.parametrize("cursor", ["A", "é", "_____", "/w"])
def test_text_that_is_no_cursor_is_refused_and_told_back(cursor: str) -> None:
    with pytest.raises(BadCursor, match="was '"):
        read_moment(cursor)
