"""Bots, their generations and their counters.

Belongs here: statements on `bots`, `bot_generations` and `bot_progress`. Does not belong here: the bots page
(`fleet.py`), what the planner reads (`work/considered_bots.py`), resets, rollups.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Text, any_, cast, func, select, text, true, update
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from store.rows import first_of
from store.tables import Bot, BotGeneration, BotProgress, MetricsBaseline, StoredRuleText
from trading.errors import UnknownBots

NAME_LOCK_SPACE = 721_639  # first half of a two-part advisory lock; the second is the name's hash


class BotAtWork(NamedTuple):
    """A bot and the genome of its newest generation: what a job needs to run it.

    Attributes:
        rule_text, rule_fingerprint: Where its archetype is `rule`, the text it trades by.
    """

    id: UUID
    name: str
    symbol: str
    timeframe: str
    archetype: str
    session_mode: str
    account_usd: Decimal
    contracts: int
    generation: int
    genome: dict[str, Any]
    genome_hash: str
    rule_text: str | None
    rule_fingerprint: str | None


class BotInHand(NamedTuple):
    """What a person may change about a bot besides its numbers."""

    id: UUID
    name: str
    archived_at: datetime | None
    paused_at: datetime | None


def register(db: Session, bots: Sequence[dict[str, Any]], generations: Sequence[dict[str, Any]]) -> set[UUID]:
    """Insert bots with their first generation; known names stay as they are. Returns the ids of those that are new."""
    if not bots:
        return set()
    created = set(db.execute(upsert(Bot).on_conflict_do_nothing().returning(Bot.id), bots).scalars())
    if created:
        first = [row for row in generations if row["bot_id"] in created]
        db.execute(upsert(BotGeneration).on_conflict_do_nothing(), first)
        db.execute(upsert(BotProgress).on_conflict_do_nothing(), [{"bot_id": bot_id} for bot_id in created])
    return created


def keep_rule(db: Session, *, fingerprint: str, rule: str, now: datetime) -> None:
    """Keep a rule text; one that is known stays as it is."""
    kept = upsert(StoredRuleText).values(fingerprint=fingerprint, text=rule, created_at=now)
    db.execute(kept.on_conflict_do_nothing())


def hold_name(db: Session, name: str) -> None:
    """Wait until nobody else is giving a bot this name, capitals aside; held to the end of the transaction."""
    lock = text("SELECT pg_advisory_xact_lock(:space, hashtext(lower(:name)))")
    db.execute(lock, {"space": NAME_LOCK_SPACE, "name": name})


def ids_by_name(db: Session, name: str) -> list[UUID]:
    """Return the bots of that name, capitals aside, that are not archived."""
    same = func.lower(Bot.name) == func.lower(name)
    return list(db.scalars(select(Bot.id).where(same, Bot.archived_at.is_(None)).order_by(Bot.id)))


def names_of(db: Session, bot_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of bots by id, archived ones too; ids that do not exist are left out."""
    if not bot_ids:
        return {}
    rows = db.execute(select(Bot.id, Bot.name).where(Bot.id == any_(cast(list(bot_ids), ARRAY(PG_UUID(as_uuid=True))))))
    return {bot_id: name for bot_id, name in rows}  # noqa: C416 - a result is no mapping for `dict`


def is_named(db: Session, name: str) -> bool:
    """Return whether some bot, archived or not, has that name, capitals aside."""
    return db.scalar(select(Bot.id).where(func.lower(Bot.name) == func.lower(name)).limit(1)) is not None


def archived_by_name(db: Session, name: str) -> list[UUID]:
    """Return the archived bots of that name, capitals aside."""
    same = func.lower(Bot.name) == func.lower(name)
    return list(db.scalars(select(Bot.id).where(same, Bot.archived_at.is_not(None)).order_by(Bot.id)))


def ids_beginning(db: Session, letters: str) -> list[UUID]:
    """Return the bots, archived ones too, whose ids begin with some letters, capitals aside."""
    begins = func.starts_with(cast(Bot.id, Text), letters.lower())
    return list(db.scalars(select(Bot.id).where(begins).order_by(Bot.id)))


def names_beginning(db: Session, letters: str) -> list[str]:
    """Return the names of bots that begin with some letters, capitals aside, and are not archived; sorted."""
    alike = func.starts_with(func.lower(Bot.name), func.lower(letters))
    return list(db.scalars(select(Bot.name).where(alike, Bot.archived_at.is_(None)).order_by(Bot.name)))


def bot_ids(db: Session) -> list[UUID]:
    """Return every bot that is not archived, by id."""
    return list(db.execute(select(Bot.id).where(Bot.archived_at.is_(None)).order_by(Bot.id)).scalars())


def fleet_version(db: Session) -> str:
    """Return a text that changes whenever a bot is added or archived."""
    present = func.count().filter(Bot.archived_at.is_(None))
    counted = db.execute(select(present, func.count(), func.max(Bot.created_at))).one()
    return "/".join(map(str, counted))


def symbols(db: Session) -> list[str]:
    """Return every symbol some bot trades, sorted."""
    return list(
        db.execute(select(Bot.symbol).where(Bot.archived_at.is_(None)).distinct().order_by(Bot.symbol)).scalars()
    )


def count_by_market(db: Session) -> dict[tuple[str, str], int]:
    """Return how many bots that are not archived trade each symbol and timeframe."""
    counted = select(Bot.symbol, Bot.timeframe, func.count()).where(Bot.archived_at.is_(None))
    rows = db.execute(counted.group_by(Bot.symbol, Bot.timeframe))
    return {(symbol, timeframe): bots for symbol, timeframe, bots in rows}


def lock(db: Session, bot_id: UUID) -> None:
    """Hold a bot's row against resets and other jobs until the transaction ends."""
    db.execute(select(Bot.id).where(Bot.id == bot_id).with_for_update(key_share=True))


def at_work(db: Session, bot_id: UUID) -> BotAtWork | None:
    """Return a bot with its newest genome, or None where there is no such bot."""
    newest = (
        select(BotGeneration)
        .where(BotGeneration.bot_id == Bot.id)
        .order_by(BotGeneration.generation_number.desc())
        .limit(1)
        .lateral()
    )
    own = (
        select(
            Bot.id,
            Bot.name,
            Bot.symbol,
            Bot.timeframe,
            Bot.archetype,
            Bot.session_mode,
            Bot.account_usd,
            Bot.contracts,
            newest.c.generation_number.label("generation"),
            newest.c.genome,
            newest.c.genome_hash,
            StoredRuleText.text.label("rule_text"),
            Bot.rule_fingerprint,
        )
        .select_from(Bot)
        .join(newest, onclause=true())
        .outerjoin(StoredRuleText, StoredRuleText.fingerprint == Bot.rule_fingerprint)
        .where(Bot.id == bot_id)
    )
    return first_of(db.execute(own), BotAtWork)


def in_hand(db: Session, bot_id: UUID) -> BotInHand | None:
    """Return what acts of a person change, the bot's row held until the transaction ends; None for no such bot."""
    columns = (Bot.id, Bot.name, Bot.archived_at, Bot.paused_at)
    return first_of(db.execute(select(*columns).where(Bot.id == bot_id).with_for_update(key_share=True)), BotInHand)


def set_standing(db: Session, bot_id: UUID, **values: object) -> None:
    """Set name, pause or archival of a bot."""
    db.execute(update(Bot).where(Bot.id == bot_id).values(**values))


def ancestors(db: Session, bot_id: UUID, *, before: int, limit: int) -> dict[int, dict[str, Any]]:
    """Return the genomes of a bot's generations before one, newest first, by number."""
    earlier = (
        select(BotGeneration.generation_number, BotGeneration.genome)
        .where(BotGeneration.bot_id == bot_id, BotGeneration.generation_number < before)
        .order_by(BotGeneration.generation_number.desc())
        .limit(limit)
    )
    return {number: genome for number, genome in db.execute(earlier)}  # noqa: C416


def first_genome(db: Session, bot_id: UUID) -> dict[str, Any]:
    """Return the genome a bot was registered with.

    Raises:
        UnknownBots: there is no such bot.
    """
    first = select(BotGeneration.genome).where(BotGeneration.bot_id == bot_id, BotGeneration.generation_number == 1)
    genome: dict[str, Any] | None = db.scalar(first)
    if genome is None:
        raise UnknownBots([str(bot_id)])
    return genome


def add_generation(db: Session, generation: Mapping[str, Any]) -> None:
    """Append a generation; its number must be the next one."""
    db.execute(upsert(BotGeneration), [dict(generation)])


def newest_generation(db: Session, bot_id: UUID) -> int | None:
    """Return the number of a bot's newest generation, or None where it has none."""
    return db.scalar(select(func.max(BotGeneration.generation_number)).where(BotGeneration.bot_id == bot_id))


def progress(db: Session, bot_id: UUID) -> BotProgress:
    """Return a bot's counters, locked for this transaction's update."""
    db.execute(upsert(BotProgress).values(bot_id=bot_id).on_conflict_do_nothing())
    return db.execute(
        select(BotProgress)
        .where(BotProgress.bot_id == bot_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


def set_progress(db: Session, bot_id: UUID, **values: object) -> None:
    """Set some of a bot's counters."""
    db.execute(update(BotProgress).where(BotProgress.bot_id == bot_id).values(**values))


def counts_since_baseline(db: Session, bot_id: UUID, *, created_at: datetime) -> bool:
    """Return whether a session that started then counts for the bot: not before its BACKTEST baseline."""
    later = select(MetricsBaseline.bot_id).where(
        MetricsBaseline.bot_id == bot_id, MetricsBaseline.book == "BACKTEST", MetricsBaseline.reset_at > created_at
    )
    return db.execute(later).first() is None
