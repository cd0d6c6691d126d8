"""Which series serve which bots and why, and what people choose about that: prefer, withdraw, restore.

Belongs here: the acts on the bar store's catalog, what each moves, what the audit chain says of them. Does not belong
here: the rule that chooses (`trading.market.choice`), where series lie (`store/market/bars.py`), importing (`bars.py`).

The catalog is a file, so an act cannot commit together with its event: the same rename that makes it take effect writes
down that the audit chain is owed it, and it is recorded after, where a database runs (`owed_acts.py`). No act
touches bars: a withdrawn series keeps its files, because sessions that ran over it refer to them by fingerprint, and
each act is undone by another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from services.acts import require_reason
from services.desk import Desk
from store.bots import registry
from store.database import transaction
from store.market.bars import BarSeries, BarStore, Catalog, Key, Market, OwedEvent, Preference
from trading.actors import Actor
from trading.errors import BadInput, UnknownSeries
from trading.market.choice import WORDS, Ground
from trading.market.sessions import utc_instant
from trading.words import did_you_mean

ANY = "all"


class BarAct(StrEnum):
    """What can be done about a series; the value is what the audit chain calls it."""

    PREFER = "BARS_PREFERRED"
    FOLLOW_RULE = "BARS_CHOSEN_BY_RULE"
    WITHDRAW = "BARS_WITHDRAWN"
    RESTORE = "BARS_RESTORED"


@dataclass(frozen=True, slots=True, kw_only=True)
class BarWish:
    """What a person wants of one series, or of several: `all` stands for any symbol, timeframe or provider."""

    act: BarAct
    symbol: str
    timeframe: str
    provider: str
    actor: Actor
    reason_code: str
    request_id: str = ""

    def names(self, row: BarSeries) -> bool:
        """Return whether a series is one of those meant."""
        pairs = ((self.symbol, row.symbol), (self.timeframe, row.timeframe), (self.provider, row.provider))
        return all(wanted in (ANY, had) for wanted, had in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesView:
    """A series and its standing.

    Attributes:
        ground: Why it is traded; None where bots of its symbol and timeframe trade another, or it is withdrawn.
        words: The same in words; of a series that is not traded, what is instead.
        bots: How many bots trade it; None where no database told.
    """

    symbol: str
    timeframe: str
    provider: str
    bars: int
    first_bar_at: datetime
    last_bar_at: datetime
    imported_at: datetime
    fingerprint: str
    ground: Ground | None
    words: str
    bots: int | None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class SeriesMove:
    """Bots of one symbol and timeframe that come to trade another series, or other bars of the same one.

    Attributes:
        before, after: None where there is none.
        ground: Why the later one is traded.
        bots: How many they are; None where no database told.
    """

    symbol: str
    timeframe: str
    before: BarSeries | None
    after: BarSeries | None
    ground: Ground | None
    bots: int | None


def bots_by_market(desk: Desk) -> dict[Market, int]:
    """Return how many bots that are not archived trade each symbol and timeframe.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        return registry.count_by_market(db)


def series_views(catalog: Catalog, markets: Mapping[Market, int] | None) -> list[SeriesView]:
    """Return every series by symbol and timeframe, the one that is traded first, withdrawn ones last."""
    active = [_shown(catalog, row, markets) for row in catalog.series.values()]
    none = 0 if markets is not None else None
    gone = [_standing(row, None, f"withdrawn{_since(row)}", none, withdrawn=True) for row in catalog.withdrawn]
    return sorted(active + gone, key=_place)


def series_traded(store: BarStore, symbol: str, timeframe: str) -> SeriesView | None:
    """Return the series that bots of a symbol and timeframe trade on and why; None where there is none.

    Raises:
        Unavailable: the bar store cannot be read.
    """
    catalog = store.catalog()
    choice = catalog.choice(symbol, timeframe)
    return _shown(catalog, choice.series, None) if choice is not None else None


def moves(before: Catalog, after: Catalog, markets: Mapping[Market, int] | None) -> list[SeriesMove]:
    """Return where another choice of series, or other bars, follow from a change of the catalog."""
    known = sorted({(row.symbol, row.timeframe) for each in (before, after) for row in each.series.values()})
    moved = []
    for market in known:
        old, new = before.choice(*market), after.choice(*market)
        was, is_now = (choice.series if choice is not None else None for choice in (old, new))
        if (was and (was.provider, was.fingerprint)) != (is_now and (is_now.provider, is_now.fingerprint)):
            bots_there = markets.get(market, 0) if markets is not None else None
            moved.append(SeriesMove(*market, was, is_now, new.ground if new is not None else None, bots_there))
    return moved


def choose_bars(store: BarStore, wish: BarWish, *, now: datetime) -> tuple[Catalog, Catalog, tuple[BarSeries, ...]]:
    """Do an act on the series a wish names; return the catalog before and after it, and those series.

    Two at once wait for each other. Doing again what is done changes no series, and `stood_already` says so. The audit
    chain is owed the act: it is the last of `owed` in the catalog after it.

    Raises:
        BadInput: the reason is not plain, or a series to restore was imported again.
        UnknownSeries: the wish names none.
        Unavailable: the bar store cannot be written; what stood before still stands.
    """
    require_reason(wish.reason_code)
    seen: list[tuple[Catalog, tuple[BarSeries, ...]]] = []

    def change(catalog: Catalog) -> Catalog:
        named = _named(catalog, wish)
        seen.append((catalog, named))
        changed = _CHANGES[wish.act](catalog, named, wish, now)
        return replace(changed, owed=(*catalog.owed, _owed(wish, named, now=now)))

    after = store.change(change)
    before, named = seen[-1]
    return before, after, named


def stood_already(before: Catalog, wish: BarWish, row: BarSeries) -> str | None:
    """Return in words that a series stood as a wish asks before it, since when if known; None where it did not."""
    if wish.act is BarAct.WITHDRAW and row in before.withdrawn:
        return f"withdrawn already{_since(row)}"
    standing = before.preferred.get((row.symbol, row.timeframe))
    if wish.act is BarAct.PREFER and standing is not None and standing.provider == row.provider:
        return f"preferred already: {_wished(standing)}"
    return None


def left_aside(after: Catalog, rows: Iterable[BarSeries]) -> list[str]:
    """Return which of some series bots do not trade, what they trade and why, and how a person chooses the series."""
    aside: dict[tuple[str, str, str, Ground], list[str]] = {}
    for row in rows:
        choice = after.choice(row.symbol, row.timeframe)
        if choice is not None and _key(choice.series) != _key(row):
            reason = (row.symbol, row.provider, choice.series.provider, choice.ground)
            aside.setdefault(reason, []).append(row.timeframe)
    return [_aside(*reason, timeframes=timeframes) for reason, timeframes in aside.items()]


def _aside(symbol: str, provider: str, instead: str, ground: Ground, *, timeframes: Sequence[str]) -> str:
    which = timeframes[0] if len(timeframes) == 1 else ANY
    return (
        f"{symbol} {', '.join(timeframes)}: bots trade {instead}, because {WORDS[ground]}; "
        f"to let them trade {provider} all the same: proving bars prefer {symbol} {which} {provider}"
    )


def _owed(wish: BarWish, named: Sequence[BarSeries], *, now: datetime) -> OwedEvent:
    spoken = [spoken_of(row) for row in named]
    payload: dict[str, Any] = {
        "reasonCode": wish.reason_code,
        "series": spoken,
        "fingerprints": {words: row.fingerprint for words, row in zip(spoken, named, strict=True)},
        "doneAt": now.isoformat(),
    }
    if wish.request_id:
        payload["requestId"] = wish.request_id
    subject = spoken[0] if len(named) == 1 else f"{len(named)} series of bars"
    return OwedEvent(uuid4().hex, str(wish.actor), wish.act.value, subject, payload)


def spoken_of(row: BarSeries | SeriesView) -> str:
    """Return a series as commands take it: symbol, timeframe and provider."""
    return f"{row.symbol} {row.timeframe} {row.provider}"


def _shown(catalog: Catalog, row: BarSeries, markets: Mapping[Market, int] | None) -> SeriesView:
    market = (row.symbol, row.timeframe)
    choice, wish = catalog.choice(*market), catalog.preferred.get(market)
    if choice is None or choice.series != row:
        instead = f"not traded; {choice.series.provider} is" if choice is not None else "not traded"
        return _standing(row, None, instead, 0 if markets is not None else None)
    words = WORDS[choice.ground]
    if choice.ground is Ground.PREFERRED and wish is not None:
        words = f"{words}: {_wished(wish)}"
    return _standing(row, choice.ground, words, markets.get(market, 0) if markets is not None else None)


def _wished(standing: Preference) -> str:
    return f"{standing.actor}, {standing.reason_code}, {standing.at:%Y-%m-%d %H:%M} UTC"


def _since(row: BarSeries) -> str:
    return f" since {row.withdrawn_at:%Y-%m-%d %H:%M} UTC" if row.withdrawn_at is not None else ""


def _standing(
    row: BarSeries, ground: Ground | None, words: str, bots: int | None, *, withdrawn: bool = False
) -> SeriesView:
    return SeriesView(
        symbol=row.symbol,
        timeframe=row.timeframe,
        provider=row.provider,
        bars=row.bars,
        first_bar_at=utc_instant(row.first_ts),
        last_bar_at=utc_instant(row.last_ts),
        imported_at=row.imported_at,
        fingerprint=row.fingerprint,
        ground=ground,
        words=words,
        bots=bots,
        withdrawn=withdrawn,
    )


def _place(series: SeriesView) -> tuple[str, str, bool, bool, str, datetime]:
    return series.symbol, series.timeframe, series.withdrawn, series.ground is None, series.provider, series.imported_at


def _named(catalog: Catalog, wish: BarWish) -> tuple[BarSeries, ...]:
    restoring = wish.act is BarAct.RESTORE
    offered = catalog.withdrawn if restoring else tuple(catalog.series.values())
    named = tuple(row for row in offered if wish.names(row))
    if wish.act is BarAct.WITHDRAW and not named:
        named = tuple({_key(row): row for row in catalog.withdrawn if wish.names(row)}.values())
    if named:
        return named
    there = {name for row in offered for name in (row.symbol, row.timeframe, row.provider)}
    unknown = [word for word in (wish.symbol, wish.timeframe, wish.provider) if word not in there | {ANY}]
    hint = did_you_mean(unknown[0], there) if unknown else ""
    state = "withdrawn " if restoring else ""
    asked = f"{wish.symbol} {wish.timeframe} {wish.provider}"
    raise UnknownSeries(f"there is no {state}series {asked}{hint}; `proving bars list` shows them")


def _key(row: BarSeries) -> Key:
    return row.symbol, row.timeframe, row.provider


def _prefer(catalog: Catalog, named: Iterable[BarSeries], wish: BarWish, now: datetime) -> Catalog:
    made = [
        Preference(row.symbol, row.timeframe, row.provider, str(wish.actor), wish.reason_code, now) for row in named
    ]
    wanted = {(preference.symbol, preference.timeframe): preference for preference in made}
    if len(wanted) < len(made):
        raise BadInput("bots trade one series of a symbol and timeframe: name its provider")
    standing = {
        market: preference
        for market, preference in catalog.preferred.items()
        if market in wanted and wanted[market].provider == preference.provider
    }
    return replace(catalog, preferred=catalog.preferred | wanted | standing)


def _follow_rule(catalog: Catalog, named: Iterable[BarSeries], _wish: BarWish, _now: datetime) -> Catalog:
    markets = {(row.symbol, row.timeframe) for row in named}
    return replace(
        catalog,
        preferred={market: preference for market, preference in catalog.preferred.items() if market not in markets},
    )


def _withdraw(catalog: Catalog, named: Iterable[BarSeries], _wish: BarWish, now: datetime) -> Catalog:
    gone = {_key(row): replace(row, withdrawn_at=now) for row in named if row in catalog.series.values()}
    kept = {key: row for key, row in catalog.series.items() if key not in gone}
    preferred = {market: wish for market, wish in catalog.preferred.items() if (*market, wish.provider) not in gone}
    again = {(*key, row.fingerprint) for key, row in gone.items()}
    earlier = (row for row in catalog.withdrawn if (*_key(row), row.fingerprint) not in again)
    return replace(catalog, series=kept, withdrawn=(*earlier, *gone.values()), preferred=preferred)


def _restore(catalog: Catalog, named: Iterable[BarSeries], _wish: BarWish, _now: datetime) -> Catalog:
    back = {_key(row): row for row in named}
    for key in back:
        if key in catalog.series:
            raise BadInput(f"{' '.join(key)} was imported again since it was withdrawn; withdraw that first")
    kept = tuple(row for row in catalog.withdrawn if row not in back.values())
    offered = {key: replace(row, withdrawn_at=None) for key, row in back.items()}
    return replace(catalog, series=catalog.series | offered, withdrawn=kept)


_CHANGES: Mapping[BarAct, Callable[[Catalog, Iterable[BarSeries], BarWish, datetime], Catalog]] = MappingProxyType(
    {
        BarAct.PREFER: _prefer,
        BarAct.FOLLOW_RULE: _follow_rule,
        BarAct.WITHDRAW: _withdraw,
        BarAct.RESTORE: _restore,
    }
)
