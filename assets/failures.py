"""Bots that a run leaves without what they were to get, as the end of that run tells people.

Belongs here: one failure for all of them. Does not belong here: which jobs failed, and why.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

import dagster as dg

from assets.partitions import page_of
from assets.reports import table
from services.bots.registration import names_of
from services.desk import Desk

NAMED = 5


def failure_of(desk: Desk, reasons: Mapping[UUID, str], *, missing: str) -> dg.Failure:
    """Return what fails a run: the first bots with their reasons in its message, all with links in its metadata."""
    names = known_names(desk, reasons)
    worst = [f"{names[bot_id]}: {reason}" for bot_id, reason in reasons.items()][:NAMED]
    rows = [(names[bot_id], reason, page_of(desk, bot_id).url, str(bot_id)) for bot_id, reason in reasons.items()]
    return dg.Failure(
        description=f"bots of this run without their {missing}: {len(rows)}. {'; '.join(worst)}",
        metadata={"bots": table(("bot", "reason", "page", "partition"), rows)},
        allow_retries=False,
    )


def known_names(desk: Desk, bot_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return what bots are called; one that does not exist is called by its id."""
    wanted = list(bot_ids)
    return {bot_id: str(bot_id) for bot_id in wanted} | names_of(desk, wanted)
