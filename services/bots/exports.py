"""The whole fleet, or the part of it a filter leaves, for files.

Belongs here: reading many cards in portions. Does not belong here: pages of the fleet (`fleet.py`), how a file looks.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from uuid import UUID

from services.bots.cards import BotCard
from services.bots.fleet import bots_by_ids
from services.desk import Desk
from store.bots import fleet
from store.bots.fleet import FleetFilter, FleetOrder
from store.database import transaction
from trading.work.badges import State

BOTS_AT_A_TIME = 500


def each_matching_bot(
    desk: Desk, wanted: FleetFilter, order: FleetOrder, *, states: Collection[State] = ()
) -> Iterator[BotCard]:
    """Return the card of every bot a filter leaves, in order; which bots is decided at once, before the first card.

    Cards are read in portions of their own, so no connection is held while the reader is slow.

    Args:
        desk: Where the fleet is.
        wanted: The filter.
        order: The order.
        states: What a bot must be doing; empty means anything. Archived bots come after the others, where asked for.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        bot_ids = fleet.matching_ids(db, wanted, order)
        if State.ARCHIVED in states:
            bot_ids = [*bot_ids, *fleet.matching_ids(db, replace(wanted, state=State.ARCHIVED), order)]
    return _cards(desk, bot_ids, frozenset(states))


def _cards(desk: Desk, bot_ids: Sequence[UUID], states: frozenset[State]) -> Iterator[BotCard]:
    remaining = iter(bot_ids)
    while portion := list(islice(remaining, BOTS_AT_A_TIME)):
        for card in bots_by_ids(desk, portion):
            if not states or card.bot_now.state in states:
                yield card
