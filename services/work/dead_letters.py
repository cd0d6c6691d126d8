"""The dead-letter list: work autonomy has given up, shown to people, who may put it back.

Belongs here: reading the list, requeueing with an audit event. Does not belong here: planning.
"""

from uuid import UUID

from services.audit import chain
from services.desk import Desk
from store.bots import registry
from store.database import transaction
from store.work import dead_letters as letters
from store.work.dead_letters import DeadLetter as DeadLetter
from trading.actors import Actor
from trading.errors import NotGivenUp
from trading.work.jobs import JobType


def dead_letters(desk: Desk) -> list[DeadLetter]:
    """Return everything given up, by bot name and type."""
    with transaction(desk.database) as db:
        return letters.dead_letters(db)


def requeue(desk: Desk, bot_id: UUID, *, actor: Actor) -> list[JobType]:
    """Forgive a bot its repeated failures; the next tick plans its work again. The audit chain says who did it.

    Of two at once one forgives and is recorded; the other finds nothing left and is refused.

    Returns:
        The kinds of work put back.

    Raises:
        NotGivenUp: nothing of this bot has been given up, or somebody has put it back already.
    """
    with transaction(desk.database) as db:
        letters.lock_failures(db, bot_id)
        kinds = [letter.job_type for letter in letters.dead_letters(db) if letter.bot_id == bot_id]
        if not kinds:
            name = registry.names_of(db, [bot_id]).get(bot_id, str(bot_id))
            raise NotGivenUp(f"nothing of bot {name} has been given up")
        letters.forgive(db, bot_id, kinds)
        chain.record(
            desk,
            db,
            actor=actor,
            action="REQUEUE",
            subject=str(bot_id),
            payload={"bot": registry.names_of(db, [bot_id])[bot_id], "jobTypes": list(map(str, kinds))},
        )
    return kinds
