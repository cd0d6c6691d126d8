"""Numbers with their nouns, and words with those most like them, as people read them.

Belongs here: what several rooms say to people in the same way. Does not belong here: sentences of one room.
"""

from collections.abc import Iterable
from datetime import datetime
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


def margin_in_words(refused_entries: int | None, bust_at: datetime | None) -> str | None:
    """Return what margin did to a session: when its account went bust, how many entries it could not carry.

    Args:
        refused_entries: How many; None where the session is from before margin was modelled.
        bust_at: Open of the bar, UTC, in which the account could no longer carry one contract; None if it always could.
    """
    entries = "1 entry" if refused_entries == 1 else f"{refused_entries or 0:,} entries"
    clauses = [f"{BUST} at {bust_at:%Y-%m-%d %H:%M} UTC"] if bust_at else []
    clauses += [f"{entries} refused for want of margin"] if refused_entries else []
    return ", ".join(clauses) or None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that refuses a word: the known word most like it, or nothing where none is."""
    by_letters = {candidate.lower(): candidate for candidate in known}
    alike = get_close_matches(word.lower(), by_letters, n=1)
    return f"; did you mean {by_letters[alike[0]]!r}?" if alike else ""
