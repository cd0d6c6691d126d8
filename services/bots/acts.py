"""What a person does to one bot: rename, copy, pause, resume, archive, revive, edit its numbers.

Belongs here: one use case with its acts, each with its audit event. Does not belong here: registering bots
(`registration.py`), moves between stages, killing, resets.

What commits together: the change, the queued work it cancels and its audit event, whose subject is the bot, so that it
stands in the bot's trail. An act waits for the tick at work: no job planned before a pause can be queued after it. A
job that runs finishes and its result counts; where its run dies it is not begun again. Two acts on a bot wait for each
other; one that finds done what it wants changes and records nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy.orm import Session

from services.acts import once, require_reason
from services.audit import chain
from services.bots.registration import REGISTERED, TOLD, free_name, hold_free_name, plain_name
from services.bots.styles import style_of
from services.desk import Desk
from store.bots import registry
from store.bots.registry import BotAtWork, BotInHand
from store.database import transaction
from store.improvement import looks
from store.work import autonomy, jobs
from trading.actors import Actor
from trading.errors import BadInput, Refused, UnknownBots
from trading.improvement.looks import LOOKS
from trading.strategies.edits import edited
from trading.strategies.genome import genome_hash


class Act(StrEnum):
    """What can be done to a bot."""

    RENAME = "RENAME"
    COPY = "COPY"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    ARCHIVE = "ARCHIVE"
    REVIVE = "REVIVE"
    EDIT = "EDIT"


ACTIONS: Mapping[Act, str] = MappingProxyType(
    {
        Act.RENAME: "BOT_RENAMED",
        Act.COPY: "BOT_COPIED",
        Act.PAUSE: "BOT_PAUSED",
        Act.RESUME: "BOT_RESUMED",
        Act.ARCHIVE: "BOT_ARCHIVED",
        Act.REVIVE: "BOT_REVIVED",
        Act.EDIT: "BOT_EDITED",
    }
)
PAUSED_AT, ARCHIVED_AT = "paused_at", "archived_at"
STANDS_ASIDE: Mapping[Act, str] = MappingProxyType(
    {Act.PAUSE: PAUSED_AT, Act.RESUME: PAUSED_AT, Act.ARCHIVE: ARCHIVED_AT, Act.REVIVE: ARCHIVED_AT}
)
OF_THE_ARCHIVED = frozenset({Act.COPY, Act.ARCHIVE, Act.REVIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class ActWish:
    """What a caller wants.

    Attributes:
        reason_code: Why, as `[A-Z][A-Z0-9_]{2,63}`.
        name: The new name, of a renaming; of a copy, one is made where None is given.
        numbers: The numbers to change, of an edit.
        idempotency_key: A repeated request with the same key has one effect.
    """

    act: Act
    bot_id: UUID
    reason_code: str
    actor: Actor
    request_id: str
    name: str | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    idempotency_key: str | None = None


class ActReceipt(BaseModel):
    """What an act did.

    Attributes:
        changed: False where it stood that way already; then nothing was written.
        canceled: Types of the queued jobs it canceled.
        generation: The number of the generation an edit added.
        copy_id: The new bot of a copy, and `name` its name.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    success: bool = True
    act: Act
    bot_id: UUID
    name: str
    changed: bool
    canceled: list[str]
    generation: int | None
    copy_id: UUID | None
    reason_code: str
    audit_seq: int | None
    trace_id: str
    timestamp: datetime

    def as_json(self) -> dict[str, Any]:
        """Return the answer of the API."""
        return self.model_dump(mode="json", by_alias=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What changed, as receipt and audit event tell it."""

    changed: bool = True
    name: str | None = None
    canceled: tuple[str, ...] = ()
    generation: int | None = None
    copy_id: UUID | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


UNCHANGED = _Done(changed=False)


def act_on_bot(desk: Desk, wish: ActWish) -> ActReceipt:
    """Do one act to one bot.

    Raises:
        UnknownBots: there is no such bot.
        BadInput: a reason or name that is not plain, or an edit that changes nothing.
        BadGenome: numbers that the bot has not, or out of bounds.
        NameTaken: another bot, archived or not, has the name.
        Refused: an archived bot is revived before anything else is done to it but copying.
        IdempotencyMismatch: the key belongs to another request.
        Unavailable: the database or the audit anchor is away.
    """
    require_reason(wish.reason_code)
    if wish.name is not None and wish.act not in (Act.RENAME, Act.COPY):
        raise BadInput(f"{wish.act} takes no name, was {wish.name!r}")
    if wish.numbers and wish.act is not Act.EDIT:
        raise BadInput(f"{wish.act} takes no numbers, was {', '.join(wish.numbers)}")
    with transaction(desk.database) as db:
        return once(
            db,
            wish.idempotency_key,
            lambda: _act(desk, db, wish),
            kind=ActReceipt,
            body=lambda: _body(wish),
        )


def _act(desk: Desk, db: Session, wish: ActWish) -> ActReceipt:
    autonomy.lock_autonomy_tick(db)
    bot = registry.in_hand(db, wish.bot_id)
    if bot is None:
        raise UnknownBots([str(wish.bot_id)])
    if bot.archived_at is not None and wish.act not in OF_THE_ARCHIVED:
        raise Refused(f"{bot.name} is archived; revive it first")
    now = desk.clock()
    done = _ACTS[wish.act](db, wish, bot, now)
    seq = _record(desk, db, wish, bot, done) if done.changed else None
    return ActReceipt(
        act=wish.act,
        bot_id=bot.id,
        name=done.name or bot.name,
        changed=done.changed,
        canceled=list(done.canceled),
        generation=done.generation,
        copy_id=done.copy_id,
        reason_code=wish.reason_code,
        audit_seq=seq,
        trace_id=wish.request_id,
        timestamp=now,
    )


def _rename(db: Session, wish: ActWish, bot: BotInHand, _: datetime) -> _Done:
    if wish.name is None:
        raise BadInput("a renaming needs the new name")
    name = plain_name(wish.name)
    if name == bot.name:
        return UNCHANGED
    if name.lower() != bot.name.lower():
        hold_free_name(db, name)
    registry.set_standing(db, bot.id, name=name)
    return _Done(name=name, facts={"name": name, "previousName": bot.name})


def _set_aside(db: Session, wish: ActWish, bot: BotInHand, now: datetime) -> _Done:
    since = STANDS_ASIDE[wish.act]
    if getattr(bot, since) is not None:
        return UNCHANGED
    registry.set_standing(db, bot.id, **{since: now})
    why = f"its bot was {since.removesuffix('_at')} while it waited"
    canceled = tuple(map(str, jobs.cancel_queued(db, bot.id, error=why, now=now)))
    return _Done(canceled=canceled, facts={"jobTypes": list(canceled)})


def _take_back(db: Session, wish: ActWish, bot: BotInHand, _: datetime) -> _Done:
    since = STANDS_ASIDE[wish.act]
    if getattr(bot, since) is None:
        return UNCHANGED
    registry.set_standing(db, bot.id, **{since: None})
    return _Done()


def _edit(db: Session, wish: ActWish, bot: BotInHand, now: datetime) -> _Done:
    at_work = _at_work(db, bot)
    genome = edited(style_of(at_work), at_work.genome, wish.numbers)
    number = at_work.generation + 1
    registry.add_generation(
        db,
        {
            "bot_id": bot.id,
            "generation_number": number,
            "genome": dict(genome),
            "genome_hash": genome_hash(genome),
            "origin": "EDIT",
            "parent_generation": at_work.generation,
            "knows_until": now.date(),
            "reason": f"{wish.reason_code} by {wish.actor}",
            "created_at": now,
        },
    )
    registry.set_progress(db, bot.id, confidence_pct=None, uniqueness_pct=None)
    moved = {name: [f"{at_work.genome[name]:g}", f"{value:g}"] for name, value in genome.items()}
    changed = {name: way for name, way in moved.items() if way[0] != way[1]}
    return _Done(generation=number, facts={"generation": number, "numbers": changed, "genomeHash": genome_hash(genome)})


def _copy(db: Session, wish: ActWish, bot: BotInHand, now: datetime) -> _Done:
    source = _at_work(db, bot)
    name = plain_name(wish.name) if wish.name is not None else free_name(db, f"{bot.name} copy")
    hold_free_name(db, name)
    traits = ("symbol", "timeframe", "archetype", "rule_fingerprint", "session_mode", "account_usd", "contracts")
    copy = {trait: getattr(source, trait) for trait in traits}
    copy |= {"id": uuid4(), "name": name, "stage_entered_at": now, "created_at": now, "added_by": str(wish.actor)}
    first = {
        "bot_id": copy["id"],
        "generation_number": 1,
        "genome": source.genome,
        "genome_hash": source.genome_hash,
        "origin": "COPY",
        "knows_until": looks.lineage_of(db, bot.id)[-1].knows_until,
        "reason": f"generation {source.generation} of {bot.name}",
        "created_at": now,
    }
    registry.register(db, [copy], [first])
    _inherit_epoch(db, bot.id, copy["id"], now)
    registered = {spoken: (copy | first)[column] for spoken, column in TOLD.items()}
    facts = {"copyId": str(copy["id"]), "copyName": name, "generation": source.generation, "registered": registered}
    return _Done(name=name, copy_id=copy["id"], facts=facts)


def _inherit_epoch(db: Session, source: UUID, copy: UUID, now: datetime) -> None:
    """Seal the same days to a copy, with the looks its lineage has had at them: copying gives no bot another try."""
    epoch = looks.newest_epoch(db, source)
    if epoch is None:
        return
    had = LOOKS if epoch.passed else epoch.looks_before + epoch.looks
    looks.open_epoch(db, copy, epoch=1, sealed_from=epoch.sealed_from, now=now, before=had)


def _at_work(db: Session, bot: BotInHand) -> BotAtWork:
    at_work = registry.at_work(db, bot.id)
    if at_work is None:
        raise UnknownBots([str(bot.id)])
    return at_work


_ACTS: Mapping[Act, Callable[[Session, ActWish, BotInHand, datetime], _Done]] = MappingProxyType(
    {
        Act.RENAME: _rename,
        Act.COPY: _copy,
        Act.PAUSE: _set_aside,
        Act.RESUME: _take_back,
        Act.ARCHIVE: _set_aside,
        Act.REVIVE: _take_back,
        Act.EDIT: _edit,
    }
)


def _record(desk: Desk, db: Session, wish: ActWish, bot: BotInHand, done: _Done) -> int:
    facts = dict(done.facts)
    registered = facts.pop("registered", None)
    why = {"reasonCode": wish.reason_code, "requestId": wish.request_id}
    subject, payload = str(bot.id), {"bot": bot.name, **why, **facts}
    seq = chain.record(desk, db, actor=wish.actor, action=ACTIONS[wish.act], subject=subject, payload=payload)
    if registered is not None:
        came = {**registered, **why, "copiedFrom": subject}
        copy = str(done.copy_id)
        chain.record(desk, db, actor=wish.actor, action=REGISTERED, subject=copy, payload=came)
    return seq


def _body(wish: ActWish) -> list[object]:
    numbers = sorted(wish.numbers.items())
    return [wish.act, str(wish.bot_id), wish.reason_code, str(wish.actor), wish.name, numbers]
