"""Proof packs on disk: dated Markdown files of questions and answers, written once, read back as they were written.

Belongs here: the folder, the names and the form of the files. Does not belong here: asking the questions
(`orchestration/cli/proof_pack.py`), showing a pack (`api`).
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trading.errors import BadInput, Unavailable

NAME = re.compile(r"proof-\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z")
STAMP = "proof-%Y-%m-%dT%H-%M-%SZ"
FENCE = "```"
JUDGEMENTS = {True: "✓ holds", False: "✗ does not hold", None: "· quoted"}
JUDGED = {words: holds for holds, words in JUDGEMENTS.items()}
TITLE = re.compile(rf"## \d+\. (?P<title>[^\n]+)\n\n(?:(?P<judgement>{'|'.join(JUDGED)})\n\n)?")
QUESTION = re.compile(r"(?P<fence>`{3,})\n(?P<words>.*?)\n(?P=fence)\n\n?", re.DOTALL)
ANSWER = re.compile(r"(?P<fence>`{3,})(?P<language>[a-z]+)\n(?P<words>.*?)\n(?P=fence)(?:\n+|\Z)", re.DOTALL)
HEAD = re.compile(r"# Proof pack, [^\n]+ UTC\n\n?")


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
        holds: Whether the answer is what it should be; None where it is merely quoted.
    """

    title: str
    question: str
    answer: str
    language: str = "json"
    holds: bool | None = None

    @property
    def judgement(self) -> str:
        """Return the judgement with its mark, as the command, the file and the page show it."""
        return JUDGEMENTS[self.holds]


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack as it was written at a moment."""

    name: str
    at: datetime
    exhibits: tuple[Exhibit, ...]


def write(exhibits: Sequence[Exhibit], *, folder: Path, at: datetime) -> Path:
    """Write the pack as Markdown, whole or not at all, and return its path.

    Raises:
        Unavailable: the folder cannot be written.
    """
    path = folder / f"{at:{STAMP}}.md"
    parts = [f"# Proof pack, {at:%Y-%m-%d %H:%M:%S} UTC\n"]
    for number, exhibit in enumerate(exhibits, start=1):
        parts.append(f"## {number}. {exhibit.title}\n\n{exhibit.judgement}\n\n{_fenced(exhibit.question)}")
        parts.append(_fenced(exhibit.answer.strip(), exhibit.language))
    draft = path.with_suffix(".draft")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text("\n".join(parts), "utf-8")
        draft.replace(path)
    except OSError as failure:
        with suppress(OSError):
            draft.unlink()
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
    exhibits = _exhibits(text)
    if exhibits is None:
        raise BadPack(f"{name}.md does not have the form of a pack any more")
    return Pack(name, at, exhibits)


def _fenced(words: str, language: str = "") -> str:
    """Return words between fences that are longer than any run of backticks within them."""
    longest = max(map(len, re.findall("`+", words)), default=0)
    fence = FENCE + "`" * max(0, longest + 1 - len(FENCE))
    return f"{fence}{language}\n{words}\n{fence}\n"


def _exhibits(text: str) -> tuple[Exhibit, ...] | None:
    """Return the exhibits of a pack, each beginning where the last one ended, or None where anything else stands.

    Packs of before there were judgements have none; their exhibits read as quoted, which they were.
    """
    head = HEAD.match(text)
    place = head.end() if head is not None else -1
    exhibits: list[Exhibit] = []
    while 0 <= place < len(text):
        title = TITLE.match(text, place)
        question = QUESTION.match(text, title.end()) if title is not None else None
        answer = ANSWER.match(text, question.end()) if question is not None else None
        if title is None or question is None or answer is None:
            return None
        holds = JUDGED.get(title["judgement"])
        exhibits.append(Exhibit(title["title"], question["words"], answer["words"], answer["language"], holds))
        place = answer.end()
    return tuple(exhibits) if head is not None else None


def _moment(name: str) -> datetime | None:
    """Return the moment in a pack's name, or None where it is no pack's."""
    if NAME.fullmatch(name) is None:
        return None
    try:
        return datetime.strptime(name, STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
