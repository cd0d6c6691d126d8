"""How finished work reads in the Dagster UI: metadata from figures.

Belongs here: units, labels and tables for people. Does not belong here: computing a figure.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.partitions import page_of
from services.desk import Desk
from services.work.queue import Finished

SPARKS = "▁▂▃▄▅▆▇█"


def metadata_of(figures: Mapping[str, Any], *, public_url: str | None = None) -> dict[str, dg.MetadataValue]:
    """Return figures as metadata: an unknown one is left out, so that the rest plot; a session links to its sheet."""
    metadata = {name: _value(figure) for name, figure in figures.items() if _is_known(figure)}
    if public_url is not None and "session_id" in figures:
        metadata["tear_sheet"] = dg.MetadataValue.url(f"{public_url}/api/sessions/{figures['session_id']}/report")
    return metadata


def metadata_of_job(desk: Desk, finished: Finished) -> dict[str, dg.MetadataValue]:
    """Return what a finished job says of itself, wherever it is recorded."""
    metadata = metadata_of(finished.figures_and_job, public_url=desk.settings.public_url)
    return metadata | {"page": page_of(desk, finished.bot_id)}


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.TableMetadataValue:
    """Return rows as a table whose columns have the types of their values; an unknown value is an empty cell."""
    cells = [[_cell(value) for value in row] for row in rows]
    records = [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in cells]
    typed = [dg.TableColumn(name, _type_of([row[place] for row in cells])) for place, name in enumerate(columns)]
    return dg.MetadataValue.table(records, dg.TableSchema(typed))


def equity_plot(equity_usd: Sequence[float]) -> dg.MarkdownMetadataValue:
    """Return an equity curve as a line of blocks with its lowest and highest value."""
    if not equity_usd:
        return dg.MetadataValue.md("no day yet")
    low, high = min(equity_usd), max(equity_usd)
    span = (high - low) or 1.0
    blocks = "".join(SPARKS[int((equity - low) / span * (len(SPARKS) - 1))] for equity in equity_usd)
    return dg.MetadataValue.md(f"`{blocks}`\n\n${low:,.0f} to ${high:,.0f}, last ${equity_usd[-1]:,.0f}")


def _is_known(figure: Any) -> bool:
    return figure is not None and not (isinstance(figure, float) and not math.isfinite(figure))


def _value(figure: Any) -> dg.MetadataValue:
    if isinstance(figure, bool):
        return dg.MetadataValue.bool(figure)
    if isinstance(figure, int):
        return dg.MetadataValue.int(figure)
    if isinstance(figure, float):
        return dg.MetadataValue.float(figure)
    return dg.MetadataValue.text(str(figure))


def _cell(value: object) -> str | int | float | bool | None:
    """Return a value as a table may hold it: plain figures, and anything else in words."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) and math.isfinite(value) else str(value)


def _type_of(cells: Sequence[object]) -> str:
    """Return the type of a column, in Dagster's word; whole and broken numbers together are broken ones."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {int, float}:
        return "float"
    return {bool: "bool", int: "int", float: "float"}.get(kinds.pop(), "string") if len(kinds) == 1 else "string"
