"""How much harm there is and to whom: CHAOS_ROUNDS sets how many rounds (each kind once if not set; 100 for the whole
proof), CHAOS_SEED the chance, CHAOS_ONLY one kind of harm for all of them.
"""

import os
import random

from tests.chaos.harms import HARMS

BOTS = 120
SYMBOLS = ("MES", "MGC")
TICK_SECONDS = 4
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", len(HARMS)))
SEED = int(os.environ.get("CHAOS_SEED", "1"))


def kinds() -> list[str]:
    """Return the kind of each round: every kind equally often, in an order the seed decides."""
    if only := os.environ.get("CHAOS_ONLY"):
        return [only] * ROUNDS
    chance = random.Random(SEED)  # noqa: S311 - chance, not a secret
    dealt: list[str] = []
    while len(dealt) < ROUNDS:
        dealt += chance.sample(sorted(HARMS), len(HARMS))
    return dealt[:ROUNDS]
