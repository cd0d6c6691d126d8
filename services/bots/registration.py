"""Registering one bot by hand, by an archetype or by a rule text, and finding one by its name.

Belongs here: what a new bot must be, and its rows. Does not belong here: whole fleets (`seed.py`), the language
of rules (`trading.strategies.rules`), what is done with the bot next (autonomy finds it at the next tick).

What commits together: the rule text where there is one, the bot, its first generation, its counters and the audit
event. Of two registrations of one name at once one is refused.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from services.audit import chain
from services.bots.seed import first_generation
from services.desk import Desk
from store.bots import registry
from store.database import transaction
from trading.actors import Actor
from trading.errors import BadInput, NameTaken, UnknownBots
from trading.market.bars import timeframe_ns
from trading.market.instruments import account_usd, instrument
from trading.market.sessions import CUSTOM, FULL_24X5, session_mode
from trading.strategies.archetypes import RULE, archetype
from trading.strategies.genome import Number, RuleText, Style
from trading.strategies.rules import rule_text

REGISTERED = "BOT_REGISTERED"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}", re.ASCII)
ALIKE_LETTERS = 3
SHORT_ID_LETTERS = 8
OFFERED = 3
LONGEST_NAME = 80
LARGEST_POSITION = 1_000
TOLD = {
    "name": "name",
    "symbol": "symbol",
    "timeframe": "timeframe",
    "archetype": "archetype",
    "ruleFingerprint": "rule_fingerprint",
    "genomeHash": "genome_hash",
}
"""What the audit event says of a new bot, by the column it is taken from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRequest:
    """A bot as a person wants it: with an archetype or with the text of a rule, never with both.

    Attributes:
        name: Unique, capitals aside; None makes one of archetype, symbol, timeframe and id.
        actor: Who wants it.
    """

    symbol: str
    timeframe: str
    actor: Actor
    archetype: str | None = None
    rule: str | None = None
    name: str | None = None
    session_mode: str = FULL_24X5
    contracts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A bot that is now registered, in LAB with its first generation.

    Attributes:
        rule_fingerprint: Of the text it trades by, where it trades by one.
        has_bars: Whether there are bars to test it on; without, autonomy says NO_MARKET_DATA and waits.
    """

    id: UUID
    name: str
    symbol: str
    timeframe: str
    archetype: str
    rule_fingerprint: str | None
    genome: Mapping[str, Number]
    has_bars: bool


def register_bot(desk: Desk, request: BotRequest) -> Registered:
    """Register one bot.

    Raises:
        RuleSyntaxError: the text is no rule; line and column are named.
        UnknownArchetype, UnknownInstrument, UnknownTimeframe, UnknownSessionMode: no such thing.
        NameTaken: another bot has the name.
        BadInput: archetype and rule together or neither, or a name or size out of bounds.
        Unavailable: the database or the bar store is away; nothing is registered.
    """
    style = style_wanted(archetype_name=request.archetype, text=request.rule)
    bot, now = _bot(request, style), desk.clock()
    first = first_generation(bot, style)
    rows = (bot | {"stage_entered_at": now, "created_at": now}, first | {"created_at": now})
    registered = _registered(desk, bot, first)
    with transaction(desk.database) as db:
        hold_free_name(db, bot["name"])
        if isinstance(style, RuleText):
            registry.keep_rule(db, fingerprint=style.fingerprint, rule=style.text, now=now)
        registry.register(db, rows[:1], rows[1:])
        payload = {spoken: (bot | first)[name] for spoken, name in TOLD.items()}
        chain.record(desk, db, actor=request.actor, action=REGISTERED, subject=str(bot["id"]), payload=payload)
    return registered


def would_register(desk: Desk, request: BotRequest) -> Registered:
    """Return the bot a request would register, refusing what `register_bot` refuses; nothing is written.

    Its id, and a name made up from it, would be others.
    """
    style = style_wanted(archetype_name=request.archetype, text=request.rule)
    bot = _bot(request, style)
    with transaction(desk.database) as db:
        hold_free_name(db, bot["name"])
    return _registered(desk, bot, first_generation(bot, style))


def plain_name(name: str) -> str:
    """Return a name a bot may have.

    Raises:
        BadInput: it is not plain, or too long.
    """
    if not name.strip():
        raise BadInput(f"a bot's name must not be empty or blank, was {name!r}")
    if NAME.fullmatch(name) is None:
        raise BadInput(f"a name has 1 to 80 plain letters, digits, blanks, '.', '_' or '-', was {name!r}")
    return name


def hold_free_name(db: Session, name: str) -> None:
    """Hold a name for this transaction, so that nobody else gives it to a bot.

    Raises:
        NameTaken: some bot, archived or not, has it, capitals aside.
    """
    registry.hold_name(db, name)
    if registry.is_named(db, name):
        raise NameTaken(f"a bot's name is its own, {name!r} is taken")


def free_name(db: Session, name: str) -> str:
    """Return a name no bot has: the one given, cut to its longest, or with the first free number from 2 on."""
    for number in count(1):
        end = f" {number}" if number > 1 else ""
        wanted = f"{name[: LONGEST_NAME - len(end)]}{end}"
        if not registry.is_named(db, wanted):
            return wanted
    raise AssertionError("numbers do not end")


def names_of(desk: Desk, bot_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of bots by id, for people who would otherwise read ids; those that do not exist are left out.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        return registry.names_of(db, bot_ids)


def short_id(bot_id: UUID) -> str:
    """Return as much of a bot's id as tells it from others."""
    return str(bot_id)[:SHORT_ID_LETTERS]


def bot_named(desk: Desk, name: str, *, archived_too: bool = False) -> UUID:
    """Return the bot of that name, capitals aside, or with an id of which that is the beginning.

    Args:
        desk: The desk.
        name: The name, or the first eight or more characters of an id.
        archived_too: Whether it may be archived.

    Raises:
        UnknownBots: none, more than one, or an archived one; up to three names that begin alike are offered.
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        bot_ids = registry.ids_by_name(db, name)
        archived = [] if bot_ids else registry.archived_by_name(db, name)
        is_short = len(name) >= SHORT_ID_LETTERS and not bot_ids and not archived
        by_id = registry.ids_beginning(db, name) if is_short else []
        alike = [] if bot_ids else registry.names_beginning(db, name[:ALIKE_LETTERS])
    if archived and not archived_too:
        raise UnknownBots([name], words=f"{name!r} is archived; put it back with: proving bot revive {name!r}")
    bot_ids = bot_ids or archived or by_id
    if len(bot_ids) > 1:
        raise UnknownBots([name], words=f"{len(bot_ids)} bots are named {name!r}; name one by its id")
    if not bot_ids:
        raise UnknownBots([name], words=f"no bot is named {name!r}{_offered(name, alike)}")
    return bot_ids[0]


def style_wanted(*, archetype_name: str | None, text: str | None) -> Style:
    """Return the style an archetype's name or a rule's text means.

    Raises:
        RuleSyntaxError, UnknownArchetype: it means none.
        BadInput: both or neither are given.
    """
    if (archetype_name is None) == (text is None):
        given = "neither" if text is None else "both"
        raise BadInput(f"a bot trades by an archetype or by a rule, {given} was given")
    return rule_text(text) if text is not None else archetype(archetype_name or "").name


def _offered(name: str, known: Sequence[str]) -> str:
    """Return the known names that agree with a name the longest, as the end of a sentence; nothing where none do."""
    by_likeness = sorted(known, key=lambda likely: (-_letters_shared(likely.lower(), name.lower()), likely))[:OFFERED]
    there = "there is" if len(by_likeness) == 1 else "there are"
    return f"; {there} {', '.join(by_likeness)}" if by_likeness else ""


def _letters_shared(left: str, right: str) -> int:
    """Return how many letters two texts have in common from their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _bot(request: BotRequest, style: Style) -> dict[str, Any]:
    timeframe_ns(request.timeframe)
    bot_id = uuid4()
    symbol = instrument(request.symbol).symbol
    archetype_name = style if isinstance(style, str) else RULE
    made = f"{archetype_name} {symbol} {request.timeframe} {bot_id.hex[:6]}"
    name = plain_name(made if request.name is None else request.name)
    mode = session_mode(request.session_mode)
    if not 1 <= request.contracts <= LARGEST_POSITION:
        raise BadInput(f"a bot trades 1 to {LARGEST_POSITION} contracts, was {request.contracts}")
    if mode == CUSTOM:
        raise BadInput("a bot has no window of its own, so its session mode cannot be CUSTOM")
    return {
        "id": bot_id,
        "name": name,
        "symbol": symbol,
        "timeframe": request.timeframe,
        "archetype": archetype_name,
        "rule_fingerprint": style.fingerprint if isinstance(style, RuleText) else None,
        "session_mode": mode,
        "account_usd": account_usd(symbol) * request.contracts,
        "contracts": request.contracts,
        "added_by": str(request.actor),
    }


def _registered(desk: Desk, bot: Mapping[str, Any], first: Mapping[str, Any]) -> Registered:
    traits = {name: bot[name] for name in ("id", "name", "symbol", "timeframe", "archetype", "rule_fingerprint")}
    has_bars = desk.bars.best(bot["symbol"], bot["timeframe"]) is not None
    return Registered(**traits, genome=first["genome"], has_bars=has_bars)
