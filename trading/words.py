"""Numbers with their nouns, as people read them.

Belongs here: what several rooms say to people in the same way. Does not belong here: sentences of one room.
"""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the right number: `1 bot`, `0 bots`, `10,000 bots`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
