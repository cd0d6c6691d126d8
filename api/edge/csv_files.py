"""Rows as files of comma-separated values that a spreadsheet opens without running anything.

Belongs here: how a cell is written, streaming. Does not belong here: which rows and columns.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from io import StringIO
from itertools import islice
from typing import Any

from fastapi.responses import StreamingResponse

ROWS_AT_A_TIME = 500
RUNS_IN_A_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r", "\n")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


class CsvFile(StreamingResponse):
    """A file of comma-separated values, sent as its rows come."""

    media_type = "text/csv"

    def __init__(
        self, name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], *, status_code: int = 200
    ) -> None:
        named = {"Content-Disposition": f'attachment; filename="{re.sub("[^A-Za-z0-9._-]+", "-", name)}"'}
        super().__init__(_lines(heads, rows), status_code=status_code, headers=named)


def cell(value: Any) -> str:
    """Return a value as a cell: unknown is empty, dollars and prices are exact, text never becomes a formula.

    Text that a spreadsheet would run gets an apostrophe before it, which the spreadsheet shows as text; numbers keep
    their sign.
    """
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    if text.lstrip(" ").startswith(RUNS_IN_A_SPREADSHEET) and NUMBER.fullmatch(text) is None:
        return f"'{text}"
    return text


def _lines(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    yield _text([heads])
    source = iter(rows)
    while portion := list(islice(source, ROWS_AT_A_TIME)):
        yield _text([[cell(value) for value in row] for row in portion])


def _text(rows: Sequence[Sequence[str]]) -> str:
    written = StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue()
