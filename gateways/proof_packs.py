"""Proof packs on disk: dated Markdown files of questions and answers, written once, read back as they were written.

Belongs here: the folder, the names and the form of the files. Does not belong here: asking the questions
(`orchestration/proof_pack.py`), showing a pack (`api`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trading.errors import BadInput, Unavailable

NAME = re.compile(r"proof-\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z")
STAMP = "proof-%Y-%m-%dT%H-%M-%SZ"
EXHIBIT = re.compile(
    r"^## \d+\. (?P<title>[^\n]+)\n\n```\n(?P<question>.*?)\n```\n\n?```(?P<language>[a-z]+)\n(?P<answer>.*?)\n```$",
    re.DOTALL | re.MULTILINE,
)


class BadPack(BadInput):
    """A file in the folder of proof packs is not a pack, or somebody changed its form."""

    code = "BAD_PACK"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One question with its answer.

    Attributes:
        title: What it proves.
        question: The command an operator can repeat.
        answer: What came back.
        language: How to show the answer.
    """

    title: str
    question: str
    answer: str
    language: str = "json"


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack as it was written at a moment."""

    name: str
    at: datetime
    exhibits: tuple[Exhibit, ...]


def write(exhibits: Sequence[Exhibit], *, folder: Path, at: datetime) -> Path:
    """Write the pack as Markdown and return its path.

    Raises:
        Unavailable: the folder cannot be written.
    """
    path = folder / f"{at:{STAMP}}.md"
    parts = [f"# Proof pack, {at:%Y-%m-%d %H:%M:%S} UTC\n"]
    for number, exhibit in enumerate(exhibits, start=1):
        parts.append(f"## {number}. {exhibit.title}\n\n```\n{exhibit.question}\n```\n")
        parts.append(f"```{exhibit.language}\n{exhibit.answer.strip()}\n```\n")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(parts), "utf-8")
    except OSError as failure:
        raise Unavailable(f"cannot write {path}: {failure.strerror}") from failure
    return path


def names(folder: Path) -> list[str]:
    """Return the names of the packs in a folder, newest first; none where the folder is missing."""
    return sorted((path.stem for path in folder.glob("proof-*.md") if _moment(path.stem) is not None), reverse=True)


def read(folder: Path, name: str) -> Pack | None:
    """Return a pack, or None where there is none of that name.

    Raises:
        BadPack: the name is not a pack's, or the file does not have a pack's form.
        Unavailable: the file cannot be read.
    """
    at = _moment(name)
    if at is None:
        raise BadPack(f"a pack is named proof-<time>, was {name[:60]!r}")
    try:
        text = (folder / f"{name}.md").read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as failure:
        raise Unavailable(f"cannot read {name}.md: {failure}") from failure
    exhibits = tuple(Exhibit(**found.groupdict()) for found in EXHIBIT.finditer(text))
    if len(exhibits) != len(re.findall(r"^## \d+\. ", text, re.MULTILINE)):
        raise BadPack(f"{name}.md does not have the form of a pack any more")
    return Pack(name, at, exhibits)


def _moment(name: str) -> datetime | None:
    """Return the moment in a pack's name, or None where it is no pack's."""
    if NAME.fullmatch(name) is None:
        return None
    try:
        return datetime.strptime(name, STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
