"""Files of comma-separated values: what was written is read back, and no cell becomes a formula."""

import asyncio
import csv
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.edge.csv_files import ROWS_AT_A_TIME, CsvFile, cell

FORMULAS = (
    "=1+1",
    "+SUM(A1)",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "-",
    "+",
    "-1e",
    "- 5",
)


def text_of(file: CsvFile) -> str:
    async def collected() -> str:
        return "".join([str(part) async for part in file.body_iterator])

    return asyncio.run(collected())


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_would_run_stays_text(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("number", ["-40", "+3.25", "-0.5", "1e-07", "-12E+3", "0"])
def test_numbers_keep_their_sign(number: str) -> None:
    assert cell(number) == number


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (Decimal("-40.500000"), "-40.5"),
        (Decimal("1E+2"), "100"),
        (Decimal("0.000000"), "0"),
        (-1.25, "-1.25"),
        (datetime(2026, 3, 2, 15, tzinfo=UTC), "2026-03-02T15:00:00+00:00"),
        ("Cobalt Otter", "Cobalt Otter"),
    ],
)
def test_values_are_written_exactly(value: Any, written: str) -> None:
    assert cell(value) == written


printable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))


@given(st.lists(st.lists(printable, min_size=2, max_size=2), max_size=5))
def test_every_cell_is_read_back_and_none_starts_a_formula(rows: list[list[str]]) -> None:
    written = text_of(CsvFile("x.csv", ("a", "b"), rows))
    back = list(csv.reader(StringIO(written, newline="")))[1:]
    assert [[cell.removeprefix("'") for cell in row] for row in back] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
    for row in back:
        assert not any(cell.lstrip(" ").startswith(("=", "@", "\t", "\n")) for cell in row)


def test_rows_are_sent_as_they_come() -> None:
    taken = 0

    def rows() -> Any:
        nonlocal taken
        for number in range(3 * ROWS_AT_A_TIME):
            taken += 1
            yield (number,)

    async def first_two() -> None:
        parts = CsvFile("x.csv", ("n",), rows()).body_iterator
        assert await anext(aiter(parts)) == "n\n"
        assert taken == 0

    asyncio.run(first_two())
    assert len(text_of(CsvFile("x.csv", ("n",), rows())).splitlines()) == 3 * ROWS_AT_A_TIME + 1


def test_a_name_cannot_break_the_header() -> None:
    file = CsvFile('x"; filename="evil\r\nX: y.csv', ("a",), [])
    assert file.headers["content-disposition"] == 'attachment; filename="x-filename-evil-X-y.csv"'
