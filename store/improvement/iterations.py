"""Improve and evolve iterations: the verdict, and every candidate behind it.

Belongs here: statements on `improve_iterations` and `improve_candidates`, and the siblings an evolve draws on.
Does not belong here: the verdict itself (`trading.improvement.acceptance`).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, true
from sqlalchemy.orm import Session, aliased

from store.bots.origins import origins_of, tried_by
from store.tables import Bot, BotGeneration, ImproveCandidate, ImproveIteration


def insert_iteration(db: Session, iteration: Mapping[str, Any], candidates: Sequence[Mapping[str, Any]]) -> None:
    """Append one iteration with all its candidates."""
    db.execute(insert(ImproveIteration).values(**iteration))
    if candidates:
        db.execute(insert(ImproveCandidate), [dict(candidate) for candidate in candidates])


def tried_so_far(db: Session, bot_id: UUID) -> int:
    """Return how many candidates earlier iterations of a bot's lineage have tried, on whatever bars."""
    tried = select(func.coalesce(func.sum(ImproveIteration.candidates_tried), 0))
    return int(db.execute(tried.where(tried_by(origins_of(db, bot_id)))).scalar_one())


def sibling_genomes(db: Session, bot_id: UUID, *, before: date, limit: int) -> list[dict[str, Any]]:
    """Return the newest genome of other bots of the style that was chosen on days before a date alone.

    The same style is the same archetype, and of rules the same text: other texts have other genomes. Who comes first
    depends on both ids, so that in a large fleet every bot has siblings of its own.
    """
    me = aliased(Bot)
    is_sibling = (Bot.archetype == me.archetype) & Bot.rule_fingerprint.is_not_distinct_from(me.rule_fingerprint)
    unseeing = or_(BotGeneration.knows_until.is_(None), BotGeneration.knows_until < before)
    newest = (
        select(BotGeneration.genome)
        .where(BotGeneration.bot_id == Bot.id, unseeing)
        .order_by(BotGeneration.generation_number.desc())
        .limit(1)
        .lateral()
    )
    drawn = func.md5(func.concat(Bot.id, me.id))
    return list(
        db.scalars(
            select(newest.c.genome)
            .select_from(me)
            .join(Bot, onclause=is_sibling)
            .join(newest, onclause=true())
            .where(me.id == bot_id, Bot.id != bot_id, Bot.archived_at.is_(None))
            .order_by(drawn)
            .limit(limit)
        )
    )
