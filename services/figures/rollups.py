"""Rebuilding what is shown, for a person, an asset, or a reset that asked for it.

Belongs here: one transaction per rebuild. Does not belong here: how a figure is computed (`store/figures/rollups.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.desk import Desk
from store.database import transaction
from store.figures import rebuilds, rollups


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A reset whose figures are rebuilt; `wish` is its row in `rebuild_requests`."""

    wish: int
    request_id: str
    bot_ids: tuple[UUID, ...]
    also_equity_curves: bool


def rebuild_bots(desk: Desk, bot_ids: Sequence[UUID] | None) -> int:
    """Recompute the figures of some bots (None: all) from raw truth; return how many changed."""
    with transaction(desk.database) as db:
        return rollups.rebuild(db, bot_ids, now=desk.clock())


def open_requests(desk: Desk) -> int:
    """Return how many resets wait for their figures to be rebuilt."""
    with transaction(desk.database) as db:
        return rebuilds.count_open(db)


def rebuild_requested(desk: Desk, *, run_id: str) -> Iterator[Rebuilt]:
    """Rebuild for one open reset after another, oldest first; each is closed once the caller comes back for the next.

    So what the caller does with a reset, such as recording it in Dagster, is not lost where it dies: the request stays
    open and is rebuilt again, to the same figures. Two runs at once may both rebuild one request, one after the other.
    """
    while (rebuilt := _rebuild_oldest(desk)) is not None:
        yield rebuilt
        with transaction(desk.database) as db:
            rebuilds.close(db, rebuilt.wish, run_id=run_id, now=desk.clock())


def _rebuild_oldest(desk: Desk) -> Rebuilt | None:
    with transaction(desk.database) as db:
        wish = rebuilds.next_open(db)
        if wish is None:
            return None
        rollups.rebuild(db, wish.bot_ids, now=desk.clock(), equity_curves=wish.also_equity_curves)
        return Rebuilt(wish.id, wish.request_id, tuple(wish.bot_ids), wish.also_equity_curves)
