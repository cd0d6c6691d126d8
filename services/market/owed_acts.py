"""Acts on series of bars that the audit chain may not tell of yet, and that it tells of them.

Belongs here: paying that debt, once for each act. Does not belong here: doing an act, which writes the debt down in
the same rename of the catalog that makes it take effect (`market/choice.py`).

A process that dies between the act and its event leaves the debt; the next act, and the next look of autonomy, pays it.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.orm import Session

from services.audit import chain
from services.desk import Desk
from store.audit.chain import seq_of_act
from store.database import transaction
from store.market.bars import BarStore, Catalog, OwedEvent
from trading.actors import who_acted
from trading.errors import Unavailable


def record_owed(desk: Desk) -> int:
    """Append every act the chain is owed to it and return how many there were; where none is, nothing is opened.

    Raises:
        Unavailable: the bar store, the database or the anchor is away; what is owed stays owed.
    """
    owed = desk.bars.catalog().owed
    if owed:
        with transaction(desk.database) as db:
            record_in(desk, db, owed)
        settle(desk.bars, owed)
    return len(owed)


def record_in(desk: Desk, db: Session, owed: Sequence[OwedEvent]) -> list[int]:
    """Append acts to the audit chain within a transaction, those it has left out; return the sequence of each."""
    return [
        seq_of_act(db, act_id=event.act_id, action=event.action)
        or chain.record(
            desk,
            db,
            actor=who_acted(event.actor),
            action=event.action,
            subject=event.subject,
            payload={**event.payload, "actId": event.act_id},
        )
        for event in owed
    ]


def settle(store: BarStore, recorded: Sequence[OwedEvent]) -> None:
    """Forget acts the chain has; where the store cannot be written they stay, and are found in the chain next time."""
    done = {event.act_id for event in recorded}

    def without(catalog: Catalog) -> Catalog:
        return replace(catalog, owed=tuple(event for event in catalog.owed if event.act_id not in done))

    with suppress(Unavailable):
        store.change(without)
