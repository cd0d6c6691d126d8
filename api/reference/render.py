"""How a sheet of the reference is written: as a page of Markdown, or as blocks for a page of the platform.

Belongs here: turning text, lists and tables into lines. Does not belong here: what a sheet says (`sheets.py`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

from api.reference.sheets import Section, Sheet, Table

NOTE = "<!-- Written by `python -m api.reference` from the tables of the code. Do not edit: run it again. -->"
_LISTED = re.compile(r"(?:-|\d+\.) ")
_CODE = re.compile(r"`([^`]+)`")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a page: `p`, `pre`, `ol`, `ul` or `table`; a list has a line for each point."""

    kind: str
    lines: tuple[str, ...] = ()
    table: Table | None = None


def markdown(sheet: Sheet) -> str:
    """Return a sheet as a page of Markdown."""
    parts = [f"# {sheet.title}", NOTE]
    for section in sheet.sections:
        if section.title:
            parts.append(f"## {section.title}")
        parts += [_written(part) for part in section.parts]
    return "\n\n".join(parts) + "\n"


def blocks(section: Section) -> Iterator[Block]:
    """Yield the parts of a section in order."""
    for part in section.parts:
        if isinstance(part, Table):
            yield Block("table", table=part)
        else:
            yield from map(_block, re.split(r"\n\n+", part))


def inline_markup(text: str) -> Markup:
    """Return a line with its `code` and **strong** words as markup; everything else is text."""
    spoken = _CODE.sub(r"<code>\1</code>", str(escape(text)))
    return Markup(_STRONG.sub(r"<strong>\1</strong>", spoken))  # noqa: S704 - escaped above


def _written(part: str | Table) -> str:
    if not isinstance(part, Table):
        return "\n\n".join(_paragraph(text) for text in re.split(r"\n\n+", part))
    lines = [part.heads, ("---",) * len(part.heads), *part.rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def _paragraph(text: str) -> str:
    return f"```\n{_dedented(text)}\n```" if text.startswith("    ") else text


def _block(text: str) -> Block:
    if text.startswith("    "):
        return Block("pre", (_dedented(text),))
    if _LISTED.match(text):
        points = re.split(r"\n(?=(?:-|\d+\.) )", text)
        kind = "ul" if text.startswith("-") else "ol"
        return Block(kind, tuple(" ".join(_LISTED.sub("", point, count=1).split()) for point in points))
    return Block("p", (" ".join(text.split()),))


def _dedented(text: str) -> str:
    """Return an indented block as it stands in its own frame, where every word is code and needs no marks."""
    return "\n".join(line.removeprefix("    ") for line in _CODE.sub(r"\1", text).splitlines())
