"""Numbers with their nouns, and words with those most like them, as people read them.

Belongs here: what several rooms say to people in the same way. Does not belong here: sentences of one room.
"""

from collections.abc import Iterable
from difflib import get_close_matches


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the right number: `1 bot`, `0 bots`, `10,000 bots`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that refuses a word: the known word most like it, or nothing where none is."""
    by_letters = {one.lower(): one for one in known}
    alike = get_close_matches(word.lower(), by_letters, n=1)
    return f"; did you mean {by_letters[alike[0]]!r}?" if alike else ""
