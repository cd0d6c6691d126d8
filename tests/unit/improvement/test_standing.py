"""What is said of the looks a bot has left."""

from datetime import date

import pytest

from trading.improvement.looks import LEVELS, LOOKS, Budget
from trading.improvement.standing import LooksStanding

UNTIL = date(2027, 2, 3)


def standing(lost: int, *, won: bool = False, waits: int = 0, sealed_days: int | None = 60) -> LooksStanding:
    return LooksStanding(
        epoch=1,
        sealed_from=date(2026, 9, 1),
        sealed_days=sealed_days,
        budget=Budget(lost=lost, accepted=won, untouched_days=0),
        waits_until=UNTIL if waits else None,
        waits_for_days=waits,
    )


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (standing(0), "2 of 2 looks left at 60 sealed days since 2026-09-01"),
        (standing(0, sealed_days=None), "2 of 2 looks left at days sealed since 2026-09-01"),
        (
            standing(1, waits=1),
            "1 of 2 looks left at 60 sealed days since 2026-09-01; it waits for 1 more trading day, until 2027-02-03",
        ),
        (standing(2, waits=47), "No look left: it waits for 47 more trading days, until 2027-02-03"),
        (
            standing(1, won=True, waits=47),
            "A look was won, which closed the epoch: it waits for 47 more trading days, until 2027-02-03",
        ),
        (standing(2), "No look left: its next search asks for a new epoch"),
        (LooksStanding(), "No day is sealed yet: its first search seals the newest"),
        (
            LooksStanding(waits_until=UNTIL, waits_for_days=12),
            "No day is sealed yet: it waits for 12 more trading days, until 2027-02-03",
        ),
    ],
)
def test_the_looks_left_are_one_sentence(standing: LooksStanding, words: str) -> None:
    assert standing.words == words


def test_looks_taken_and_left_are_all_looks_of_an_open_epoch_and_one_won_leaves_none() -> None:
    assert [(standing(lost).taken, standing(lost).left) for lost in range(LOOKS + 1)] == [
        (lost, LOOKS - lost) for lost in range(LOOKS + 1)
    ]
    won = standing(1, won=True)
    assert (won.taken, won.left, won.level) == (2, 0, None)
    assert (standing(0).level, LooksStanding().level) == (LEVELS[0], None)
