"""Numbers with their nouns, and words with those most like them, as people read them.

Belongs here: what several rooms say to people in the same way. Does not belong here: sentences of one room.
"""

from collections.abc import Iterable
from difflib import get_close_matches

BUST, WHOLE_ACCOUNT_PCT = "bust", 100


def camel(name: str) -> str:
    """Return a name as the wire spells it: `net_pnl_usd` is `netPnlUsd`."""
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the right number: `1 bot`, `0 bots`, `10,000 bots`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def fall_in_words(max_drawdown_pct: float, otherwise: str) -> str:
    """Return `bust` for a fall that took an account whole, 100 % of its peak or more, and else what is given."""
    return BUST if max_drawdown_pct >= WHOLE_ACCOUNT_PCT else otherwise


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that refuses a word: the known word most like it, or nothing where none is."""
    by_letters = {candidate.lower(): candidate for candidate in known}
    alike = get_close_matches(word.lower(), by_letters, n=1)
    return f"; did you mean {by_letters[alike[0]]!r}?" if alike else ""
