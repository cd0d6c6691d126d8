"""Seeding a fleet: bots of every archetype on every symbol, each with its default genome as generation 1.

Belongs here: names, the spread of a fleet over symbols, archetypes and timeframes. Does not belong here: their work.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from services.audit import chain
from services.desk import Desk
from store.bots import registry
from store.database import transaction
from trading.actors import Actor, ActorKind
from trading.errors import BadInput
from trading.market.instruments import MICRO_OF, account_usd, instrument
from trading.strategies.archetypes import ARCHETYPES
from trading.strategies.genome import Style, default_genome, genome_hash
from trading.words import counted

FLEET_SYMBOLS = tuple(MICRO_OF.values())
FLEET_TIMEFRAMES = ("5m", "15m", "1h")
REGISTERED = "BOTS_REGISTERED"
PLATFORM = Actor(ActorKind.AUTONOMY, "platform")
LARGEST_FLEET = 100_000
ADJECTIVES = ("Amber", "Basalt", "Cinder", "Dusk", "Ember", "Flint", "Granite", "Harbor", "Indigo", "Juniper", "Kelp")
ANIMALS = ("Adder", "Bison", "Crane", "Dingo", "Egret", "Falcon", "Gannet", "Heron", "Ibex", "Jackal", "Kestrel")


def seed_fleet(
    desk: Desk,
    *,
    size: int | None = None,
    symbols: Sequence[str] = FLEET_SYMBOLS,
    timeframes: Sequence[str] = FLEET_TIMEFRAMES,
    actor: Actor = PLATFORM,
) -> int:
    """Register the first `size` bots (FLEET_SIZE if not given) in one transaction; bots that exist stay as they are.

    Where any bot is new, one audit event for all of them commits with them.

    Returns:
        How many bots are new.

    Raises:
        BadInput: size out of bounds.
        UnknownInstrument: a symbol has no contract facts.
    """
    size = desk.settings.fleet_size if size is None else size
    if not 1 <= size <= LARGEST_FLEET:
        raise BadInput(f"a fleet has 1 to {LARGEST_FLEET} bots, was {size}")
    now = desk.clock()
    fleet = list(islice(_fleet(symbols, timeframes), size))
    registered = [bot | {"stage_entered_at": now, "created_at": now} for bot in fleet]
    first = [first_generation(bot, bot["archetype"]) | {"created_at": now} for bot in fleet]
    with transaction(desk.database) as db:
        new = registry.register(db, registered, first)
        if new:
            payload = {"count": len(new), "symbols": sorted({bot["symbol"] for bot in fleet if bot["id"] in new})}
            subject = counted(len(new), "bot")
            chain.record(desk, db, actor=actor, action=REGISTERED, subject=subject, payload=payload)
    return len(new)


def _fleet(symbols: Sequence[str], timeframes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield bots for ever, so that any prefix is spread over archetypes, symbols and timeframes."""
    archetypes = tuple(ARCHETYPES)
    number = 0
    while True:
        symbol = symbols[number % len(symbols)]
        round_of_symbols = number // len(symbols)
        yield {
            "id": _bot_id(number),
            "name": _name(number),
            "symbol": instrument(symbol).symbol,
            "timeframe": timeframes[round_of_symbols % len(timeframes)],
            "archetype": archetypes[number % len(archetypes)],
            "account_usd": account_usd(symbol),
        }
        number += 1


def first_generation(bot: Mapping[str, Any], style: Style) -> dict[str, Any]:
    """Return generation 1 of a new bot: the genome its style begins with."""
    genome = default_genome(style)
    return {
        "bot_id": bot["id"],
        "generation_number": 1,
        "genome": dict(genome),
        "genome_hash": genome_hash(genome),
        "origin": "SEED",
        "reason": f"default genome of {bot['archetype']}",
    }


def _name(number: int) -> str:
    adjective = ADJECTIVES[number % len(ADJECTIVES)]
    animal = ANIMALS[number // len(ADJECTIVES) % len(ANIMALS)]
    return f"{adjective} {animal} {number:04d}"


def _bot_id(number: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"proving-ground/bot/{number}")


def fleet_ids(desk: Desk) -> list[UUID]:
    """Return every bot that is not archived, by id."""
    with transaction(desk.database) as db:
        return registry.bot_ids(db)


def fleet_version(desk: Desk) -> str:
    """Return a text that changes whenever a bot is added or archived."""
    with transaction(desk.database) as db:
        return registry.fleet_version(db)
