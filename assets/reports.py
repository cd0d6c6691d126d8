"""How finished work reads in the Dagster UI: metadata from figures.

Belongs here: units, labels and Markdown for people. Does not belong here: computing a figure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.partitions import page_of
from services.desk import Desk
from services.work.queue import Finished

SPARKS = "▁▂▃▄▅▆▇█"


def metadata_of(figures: Mapping[str, Any], *, public_url: str | None = None) -> dict[str, dg.MetadataValue]:
    """Return figures as metadata; an unknown figure reads "—", and a session links to its tear sheet."""
    metadata = {name: _value(figure) for name, figure in figures.items()}
    if public_url is not None and "session_id" in figures:
        metadata["tear_sheet"] = dg.MetadataValue.url(f"{public_url}/api/sessions/{figures['session_id']}/report")
    return metadata


def metadata_of_job(desk: Desk, finished: Finished) -> dict[str, dg.MetadataValue]:
    """Return what a finished job says of itself, wherever it is recorded."""
    metadata = metadata_of(finished.figures_and_job, public_url=desk.settings.public_url)
    return metadata | {"page": page_of(desk, finished.bot_id)}


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """Return rows as a Markdown table."""
    lines = [_line(columns), _line(["---"] * len(columns)), *(_line([_cell(value) for value in row]) for row in rows)]
    return dg.MetadataValue.md("\n".join(lines))


def equity_plot(equity_usd: Sequence[float]) -> dg.MarkdownMetadataValue:
    """Return an equity curve as a line of blocks with its lowest and highest value."""
    if not equity_usd:
        return dg.MetadataValue.md("—")
    low, high = min(equity_usd), max(equity_usd)
    span = (high - low) or 1.0
    blocks = "".join(SPARKS[int((equity - low) / span * (len(SPARKS) - 1))] for equity in equity_usd)
    return dg.MetadataValue.md(f"`{blocks}`\n\n${low:,.0f} to ${high:,.0f}, last ${equity_usd[-1]:,.0f}")


def _value(figure: Any) -> dg.MetadataValue:
    if figure is None:
        return dg.MetadataValue.text("—")
    if isinstance(figure, bool):
        return dg.MetadataValue.bool(figure)
    if isinstance(figure, int):
        return dg.MetadataValue.int(figure)
    if isinstance(figure, float):
        return dg.MetadataValue.float(figure)
    return dg.MetadataValue.text(str(figure))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    if value is None:
        return "—"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
