"""Improve and evolve iterations: the verdict, and every candidate behind it.

Belongs here: statements on `improve_iterations` and `improve_candidates`, and the siblings an evolve draws on.
Does not belong here: the verdict itself (`trading.improvement.acceptance`).
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, true
from sqlalchemy.orm import Session, aliased

from store.tables import Bot, BotGeneration, BotMetricsRollup, ImproveCandidate, ImproveIteration


def insert_iteration(session: Session, iteration: Mapping[str, Any], candidates: Sequence[Mapping[str, Any]]) -> None:
    """Append one iteration with all its candidates."""
    session.execute(insert(ImproveIteration).values(**iteration))
    if candidates:
        session.execute(insert(ImproveCandidate), [dict(candidate) for candidate in candidates])


def tried_so_far(session: Session, bot_id: UUID, *, data_fingerprint: str) -> int:
    """Return how many candidates earlier iterations of a bot have tried on the same bars."""
    tried = select(func.coalesce(func.sum(ImproveIteration.candidates_tried), 0)).where(
        ImproveIteration.bot_id == bot_id, ImproveIteration.data_fingerprint == data_fingerprint
    )
    return int(session.execute(tried).scalar_one())


def sibling_genomes(session: Session, bot_id: UUID, *, limit: int) -> list[tuple[dict[str, Any], float | None]]:
    """Return newest genome and Sharpe ratio since reset of other bots of the style, best first, unknown last.

    The same style is the same archetype, and of rules the same text: other texts have other genomes.
    """
    me, rollup = aliased(Bot), BotMetricsRollup.__table__.c
    is_sibling = (Bot.archetype == me.archetype) & Bot.rule_fingerprint.is_not_distinct_from(me.rule_fingerprint)
    newest = (
        select(BotGeneration.genome)
        .where(BotGeneration.bot_id == Bot.id)
        .order_by(BotGeneration.generation_number.desc())
        .limit(1)
        .lateral()
    )
    rows = session.execute(
        select(newest.c.genome, rollup.sharpe)
        .select_from(me)
        .join(Bot, onclause=is_sibling)
        .join(newest, onclause=true())
        .outerjoin(BotMetricsRollup, (BotMetricsRollup.bot_id == Bot.id) & (BotMetricsRollup.book == "BACKTEST"))
        .where(me.id == bot_id, Bot.id != bot_id, Bot.archived_at.is_(None))
        .order_by(rollup.sharpe.desc().nulls_last(), Bot.id)
        .limit(limit)
    )
    return [(genome, sharpe) for genome, sharpe in rows]
