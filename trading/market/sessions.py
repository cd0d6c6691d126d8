"""When a market is open: trading days, session modes and the exchange calendars behind them.

Belongs here: which bars lie inside a session, which end one, and the single table of session names.
Does not belong here: prices, files, costs (`instruments.py`), what a strategy does at the close.

Trading days begin in the evening: a CME bar from 18:00 New York belongs to the next date. Holidays and half days come
from pandas-market-calendars, put right by `holidays.py`; `FULL_24x5` knows no holidays, and asks the calendar only
when a day ends. What the modes mean:

    FULL_24x5  every bar of a trading day Monday to Friday, holidays included where there are bars; the day ends with
               the exchange's session, and where it has none, or bars go on after it, with the trading day
    ETH        the exchange's electronic session: 18:00 to 17:00 New York (later before `_FORMER_CLOSES` ended), without
               holidays, ended early on half days
    RTH_US     the regular hours of the root (`REGULAR_HOURS`), cut where the exchange closes earlier
    CUSTOM     a window of local times given by the caller, cut by the exchange's session in the same way

Markets without a Globex calendar follow these rules: Eurex (FESX) opens 08:00 Berlin, from 2018-12-10 at 00:15 UTC,
closes 22:00 Berlin and has regular hours 09:00 to 17:30 Berlin. Its holidays are those of the library's calendar of
Eurex bonds: closed on 24 and 31 December, nothing moved off a weekend (its calendar of Eurex shares has both wrong).
Spot currencies and metals run 17:00 to 17:00 New York, Sunday to Friday, without holidays, regular hours 08:20 to
15:00. VX follows the equity-index calendar but for the holidays of its own exchange. Any other root trades 18:00 to
17:00 New York on weekdays without holidays, regular hours 09:30 to 16:00.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np

from trading.arrays import BoolArray, IntArray
from trading.errors import BadInput, UnknownSessionMode
from trading.market.bars import Bars, timeframe_ns
from trading.market.holidays import REGULAR, closes_on

FULL_24X5, RTH_US, ETH, CUSTOM = "FULL_24x5", "RTH_US", "ETH", "CUSTOM"

SESSION_MODES = (FULL_24X5, RTH_US, ETH, CUSTOM)

SESSION_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("full_24x5", "full", "24x5", "24/5", "all", "any"), FULL_24X5),
        **dict.fromkeys(("rth_us", "rth", "us_rth", "regular", "regular_hours", "cash", "day", "pit"), RTH_US),
        **dict.fromkeys(("eth", "globex", "electronic", "extended", "extended_hours", "overnight"), ETH),
        **dict.fromkeys(("custom", "window"), CUSTOM),
    }
)

Window = tuple[time, time]

NANOSECONDS_PER_DAY = 86_400_000_000_000

_HOUR_NS = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class SessionIndex:
    """Where each bar stands in its session. All arrays have shape (n_bars,), oldest first.

    Attributes:
        mode: One of `SESSION_MODES`.
        trading_day: Trading date of each bar, days since 1970-01-01; a bar from 18:00 ET belongs to the next date.
        is_open: The bar opens inside the session mode: entries are allowed.
        is_last: The bar is open and the last of its session by the clock: it reaches the session's end. No other
            bar is asked, so a session whose last bar is missing has none.
    """

    mode: str
    trading_day: IntArray
    is_open: BoolArray
    is_last: BoolArray


@dataclass(frozen=True, slots=True)
class TradingSessions:
    """Consecutive sessions of one market, oldest first, never overlapping. All arrays have shape (n_sessions,).

    Attributes:
        trading_day: Days since 1970-01-01, strictly increasing.
        open_ns, close_ns: First instant inside and first instant after, UTC nanoseconds.
        pause_open_ns, pause_close_ns: A pause inside the session (grains, 08:45 to 09:30 New York); equal when there
            is none.
    """

    trading_day: IntArray
    open_ns: IntArray
    close_ns: IntArray
    pause_open_ns: IntArray
    pause_close_ns: IntArray

    def __len__(self) -> int:
        return len(self.trading_day)


@dataclass(frozen=True, slots=True)
class Market:
    """How one group of roots tells time.

    Attributes:
        calendar: Name in pandas-market-calendars; empty where the market knows no holidays.
        group: Product group in `holidays.py`; empty where the calendar needs no correction.
        zone: Time zone of its local times.
        day_starts: Start of a trading day, hours after local midnight of that date (negative: the evening before).
        day_lasts: Hours from that start to the close, used where there is no calendar.
        regular_hours: Local times between which the market counts as regular.
        former_closes: Earlier eras, oldest first.
    """

    calendar: str
    group: str
    zone: str
    day_starts: int
    day_lasts: int
    regular_hours: Window
    former_closes: tuple["FormerClose", ...] = ()


@dataclass(frozen=True, slots=True)
class FormerClose:
    """Until which trading day a market regularly closed at another time, Monday to Thursday and on Friday."""

    last: date
    close: time
    friday_close: time


def _hours(opens: str, closes: str) -> Window:
    return time.fromisoformat(opens), time.fromisoformat(closes)


def _former(last: str, close: str, friday_close: str) -> FormerClose:
    return FormerClose(date.fromisoformat(last), *_hours(close, friday_close))


_FORMER_CLOSES = (_former("2012-11-16", "17:30", "16:15"), _former("2015-09-18", "17:15", "17:15"))
"""Equity index futures, verified on marks of YM and EMD from 2008 to 2021 and minutes of ES in 2013 and 2020."""

_FORMER_CLOSE_OF_NYMEX = (_former("2015-09-18", "17:15", "17:15"),)
"""Energy and metals, verified on minutes of GC in October 2013; the end of it is that of the equity indices."""

_FORMER_CLOSE_OF_ICE = (_former("2017-07-07", "18:00", "18:00"),)
"""The Russell 2000 was listed at ICE Futures until then, verified on its marks from 2015."""


def _globex(calendar: str, opens: str, closes: str, *, group: str = "", former: tuple[FormerClose, ...] = ()) -> Market:
    return Market(calendar, group, "America/New_York", -6, 23, _hours(opens, closes), former)


def _equity(group: str = "equity", *, former: tuple[FormerClose, ...] = _FORMER_CLOSES) -> Market:
    return _globex("CME Globex Equity", "09:30", "16:00", group=group, former=former)


def _metals(opens: str, closes: str) -> Market:
    return _globex("CMEGlobex_Metals", opens, closes, group="metals", former=_FORMER_CLOSE_OF_NYMEX)


_ENERGY = _globex("CMEGlobex_Energy", "09:00", "14:30", group="energy", former=_FORMER_CLOSE_OF_NYMEX)
_RATES = _globex("CME Globex Fixed Income", "08:20", "15:00", group="rates")
_CURRENCY = _globex("CMEGlobex_FX", "08:20", "15:00", group="currencies")
_GRAINS = _globex("CMEGlobex_Grains", "09:30", "14:20", group="grains")
_CRYPTO = _globex("CME Globex Crypto", "09:30", "16:00", group="crypto")
_EUREX = Market("EUREX_Bond", "", "Europe/Berlin", 0, 22, _hours("09:00", "17:30"))
_SPOT = Market("", "", "America/New_York", -7, 24, _hours("08:20", "15:00"))
_UNLISTED = _globex("", "09:30", "16:00")

_ROOTS: Mapping[str, Market] = MappingProxyType(
    {
        **dict.fromkeys(("ES", "MES", "NQ", "MNQ", "YM", "MYM", "EMD"), _equity()),
        **dict.fromkeys(("RTY", "M2K"), _equity(former=_FORMER_CLOSE_OF_ICE)),
        "VX": _equity("volatility", former=()),
        **dict.fromkeys(("CL", "MCL", "NG", "RB", "HO"), _ENERGY),
        **dict.fromkeys(("GC", "MGC"), _metals("08:20", "13:30")),
        **dict.fromkeys(("SI", "SIL"), _metals("08:25", "13:25")),
        **dict.fromkeys(("HG", "MHG"), _metals("08:10", "13:00")),
        "PL": _metals("08:20", "13:05"),
        **dict.fromkeys(("ZT", "ZF", "ZN", "TN", "ZB", "UB"), _RATES),
        **dict.fromkeys(("6A", "6B", "6C", "6E", "6J", "6M", "6N", "6S", "M6A", "M6B", "M6E"), _CURRENCY),
        **dict.fromkeys(("ZC", "ZS", "ZW", "ZL", "ZM"), _GRAINS),
        **dict.fromkeys(("BTC", "MBT", "ETH", "MET"), _CRYPTO),
        "FESX": _EUREX,
        **dict.fromkeys(("EURUSD", "GBPUSD", "NZDUSD", "XAUUSD"), _SPOT),
    }
)

_EUREX_EARLY_OPEN_ON = date(2018, 12, 10)


def session_mode(name: str) -> str:
    """Return the session mode behind a name or alias; case and surrounding blanks do not matter.

    Raises:
        UnknownSessionMode: the alias table does not know the name.
    """
    try:
        return SESSION_ALIASES[name.strip().lower().replace("-", "_").replace(" ", "_")]
    except KeyError:
        raise UnknownSessionMode(f"session mode must be one of {', '.join(SESSION_MODES)}, was {name!r}") from None


def market_of(symbol: str) -> Market:
    """Return how a root tells time; unlisted roots follow the rule of the module's last sentence."""
    return _ROOTS.get(symbol, _UNLISTED)


def regular_hours(symbol: str) -> Window:
    """Return the local times between which a root counts as regular (`RTH_US`)."""
    return market_of(symbol).regular_hours


def session_index(bars: Bars, *, mode: str, window: Window | None = None) -> SessionIndex:
    """Place every bar in its session.

    Args:
        bars: Any timeframe, 1m to 1d. A daily bar is open when its trading day has a session of the mode, and is
            then also its last.
        mode: A session mode or an alias of one.
        window: For CUSTOM only: local start and end (New York; Berlin for Eurex). It may cross midnight but not the
            start of the trading day.

    Raises:
        UnknownSessionMode: no such mode.
        BadInput: CUSTOM without a window, a window with another mode, or one that crosses the start of the day.
    """
    mode = session_mode(mode)
    days = trading_days(bars.symbol, bars.ts_event)
    spans = session_spans(bars.symbol, mode=mode, first_day=int(days[0]), last_day=int(days[-1]), window=window)
    if bars.timeframe == "1d":
        is_open = np.isin(days, spans.trading_day)
        return SessionIndex(mode, days, is_open, is_open.copy())
    place = np.searchsorted(spans.open_ns, bars.ts_event, side="right") - 1
    is_open = _inside(spans, bars.ts_event, place)
    if len(spans) == 0:
        return SessionIndex(mode, days, is_open, is_open.copy())
    ends = spans.close_ns[np.maximum(place, 0)]
    if mode == FULL_24X5:
        ends = _sooner(ends, _exchange_closes(bars.symbol, days), bars.ts_event)
    return SessionIndex(mode, days, is_open, is_open & (bars.ts_event + timeframe_ns(bars.timeframe) >= ends))


def trading_days(symbol: str, ts_event: IntArray) -> IntArray:
    """Return the trading date of each instant, days since 1970-01-01, shape (n_bars,)."""
    if len(ts_event) == 0:
        return np.empty(0, np.int64)
    first = int(ts_event[0]) // NANOSECONDS_PER_DAY - 1
    last = int(ts_event[-1]) // NANOSECONDS_PER_DAY + 2
    market = market_of(symbol)
    starts = _day_starts(market.zone, market.day_starts, first, last)
    return first - 1 + np.searchsorted(starts, ts_event, side="right").astype(np.int64)


def exchange_days(symbol: str, *, first_day: int, last_day: int) -> IntArray:
    """Return the trading dates of an exchange between two days, both included, oldest first, shape (n_days,).

    Args:
        symbol: Contract root.
        first_day: Days since 1970-01-01.
        last_day: The same; none lie between where it is before the first.
    """
    if last_day < first_day:
        return np.empty(0, np.int64)
    return np.unique(session_spans(symbol, mode=ETH, first_day=first_day, last_day=last_day).trading_day)


def day_opens(symbol: str, days: IntArray) -> IntArray:
    """Return the first instant of each trading day (oldest first), UTC nanoseconds, shape (n_bars,)."""
    market = market_of(symbol)
    first = int(days[0])
    return _day_starts(market.zone, market.day_starts, first, int(days[-1]))[days - first]


def session_spans(
    symbol: str, *, mode: str, first_day: int, last_day: int, window: Window | None = None
) -> TradingSessions:
    """Return the sessions of a mode between two trading days, both included (days since 1970-01-01).

    Raises:
        UnknownSessionMode, BadInput: as for `session_index`.
    """
    mode = session_mode(mode)
    if (mode == CUSTOM) != (window is not None):
        raise BadInput(f"a window belongs to CUSTOM and only there, was mode {mode} with window {window}")
    market = market_of(symbol)
    if mode == FULL_24X5:
        return _weekdays(market, first_day, last_day, hours=24)
    exchange = _exchange_sessions(market, first_day, last_day)
    hours = market.regular_hours if mode == RTH_US else window
    return exchange if hours is None else _cut(exchange, market, hours)


def _inside(spans: TradingSessions, ts_event: IntArray, place: IntArray) -> BoolArray:
    if len(spans) == 0:
        return np.zeros(len(ts_event), np.bool_)
    at = np.maximum(place, 0)
    in_pause = (ts_event >= spans.pause_open_ns[at]) & (ts_event < spans.pause_close_ns[at])
    return (place >= 0) & (ts_event < spans.close_ns[at]) & ~in_pause


def _exchange_closes(symbol: str, days: IntArray) -> IntArray:
    """Return the close of each day's exchange session, UTC nanoseconds; the beginning of time where it has none."""
    exchange = session_spans(symbol, mode=ETH, first_day=int(days[0]), last_day=int(days[-1]))
    closes = np.full(int(days[-1] - days[0]) + 1, np.iinfo(np.int64).min)
    closes[exchange.trading_day - days[0]] = exchange.close_ns
    of_days: IntArray = closes[days - days[0]]
    return of_days


def _sooner(ends: IntArray, closes: IntArray, ts_event: IntArray) -> IntArray:
    """Return the closes that are still to come, and the ends where they are over."""
    return np.where(ts_event < closes, np.minimum(closes, ends), ends)


def _instant(zone: ZoneInfo, day: int, minutes: int) -> int:
    midnight = datetime.fromordinal(day + date(1970, 1, 1).toordinal())
    local = midnight + timedelta(minutes=minutes)
    return int(local.replace(tzinfo=zone).timestamp()) * 1_000_000_000


def _day_starts(zone: str, day_starts: int, first_day: int, last_day: int) -> IntArray:
    first_year = _year(first_day)
    years = [_starts_of_year(zone, day_starts, year) for year in range(first_year, _year(last_day) + 1)]
    skipped = first_day - _day(date(first_year, 1, 1))
    return np.concatenate(years)[skipped : skipped + last_day - first_day + 1]


@lru_cache(maxsize=1_024)
def _starts_of_year(zone: str, day_starts: int, year: int) -> IntArray:
    where = ZoneInfo(zone)
    days = range(_day(date(year, 1, 1)), _day(date(year, 12, 31)) + 1)
    return np.array([_instant(where, day, day_starts * 60) for day in days], np.int64)


def _weekdays(market: Market, first_day: int, last_day: int, *, hours: int) -> TradingSessions:
    starts = _day_starts(market.zone, market.day_starts, first_day, last_day + 1)
    days = np.arange(first_day, last_day + 1, dtype=np.int64)
    kept = (days + 3) % 7 < 5
    closes = starts[1:] if hours == 24 else starts[:-1] + hours * 3_600_000_000_000
    return _unpaused(days[kept], starts[:-1][kept], closes[kept])


def _unpaused(days: IntArray, opens: IntArray, closes: IntArray) -> TradingSessions:
    return TradingSessions(days, opens, closes, closes, closes)


def _exchange_sessions(market: Market, first_day: int, last_day: int) -> TradingSessions:
    if not market.calendar:
        return _weekdays(market, first_day, last_day, hours=market.day_lasts)
    full = _calendar_sessions(market, _year(first_day), _year(last_day))
    kept = slice(*np.searchsorted(full.trading_day, [first_day, last_day + 1]))
    return TradingSessions(
        full.trading_day[kept],
        full.open_ns[kept],
        full.close_ns[kept],
        full.pause_open_ns[kept],
        full.pause_close_ns[kept],
    )


def _year(day: int) -> int:
    return (date(1970, 1, 1) + timedelta(days=day)).year


_ANY_HOURS = (time(0), time(0))
_worked_out: dict[Market, tuple[range, TradingSessions]] = {}


def _calendar_sessions(market: Market, first_year: int, last_year: int) -> TradingSessions:
    """Return the sessions of at least these years: a day's do not depend on which others are worked out with it.

    Nor do they on the regular hours, which cut them later: roots that differ in nothing else share them.
    """
    shared = replace(market, regular_hours=_ANY_HOURS)
    years, known = _worked_out.get(shared, (range(first_year, last_year + 1), None))
    if known is None or first_year < years.start or last_year >= years.stop:
        years = range(min(years.start, first_year), max(years.stop, last_year + 1))
        known = _sessions_of_years(market, years[0], years[-1])
        _worked_out[shared] = years, known
    return known


def _sessions_of_years(market: Market, first_year: int, last_year: int) -> TradingSessions:
    import pandas_market_calendars

    calendar = pandas_market_calendars.get_calendar(market.calendar)
    schedule = calendar.schedule(f"{first_year}-01-01", f"{last_year}-12-31")
    columns = {name: schedule[name].dt.as_unit("ns").astype("int64").to_numpy() for name in schedule.columns}
    days = schedule.index.as_unit("ns").asi8 // NANOSECONDS_PER_DAY
    opens, closes = columns["market_open"], columns["market_close"]
    if market is _EUREX:
        opens = _eurex_opens(days)
    closes = _former_closes(market, days, closes)
    pauses = (np.minimum(columns.get(name, closes), closes) for name in ("break_start", "break_end"))
    own = {
        day: close for year in range(first_year, last_year + 1) for day, close in closes_on(market.group, year).items()
    }
    return _corrected(market, TradingSessions(days, opens, closes, *pauses), own)


def _former_closes(market: Market, days: IntArray, closes: IntArray) -> IntArray:
    """Return the closes of the eras in which a day that is not shortened ended at another time than today."""
    closes = closes.copy()
    begun = date.min
    for era in market.former_closes:
        for place in np.flatnonzero((days > _day(begun)) & (days <= _day(era.last))).tolist():
            day = int(days[place])
            if closes[place] == _at(market, day, time(17)):
                closes[place] = _at(market, day, era.friday_close if (day + 3) % 7 == 4 else era.close)
        begun = era.last
    return closes


def _corrected(market: Market, library: TradingSessions, own: Mapping[date, time | None]) -> TradingSessions:
    """Return the library's sessions with the closes of our own rules; a day the library leaves out opens as usual."""
    columns = (library.open_ns, library.close_ns, library.pause_open_ns, library.pause_close_ns)
    rows = dict(zip(library.trading_day.tolist(), np.stack(columns, axis=1).tolist(), strict=True))
    for on, close in own.items():
        day = _day(on)
        opens, _, pause_opens, pause_closes = rows.pop(day, None) or [_day_start(market, day), *[2**62] * 3]
        if close is not None:
            closes = opens + market.day_lasts * _HOUR_NS if close == REGULAR else _at(market, day, close)
            rows[day] = [opens, closes, min(pause_opens, closes), min(pause_closes, closes)]
    days = sorted(rows)
    return TradingSessions(np.array(days, np.int64), *np.array([rows[day] for day in days], np.int64).reshape(-1, 4).T)


def _day_start(market: Market, day: int) -> int:
    return _instant(ZoneInfo(market.zone), day, market.day_starts * 60)


def _at(market: Market, day: int, close: time) -> int:
    return _instant(ZoneInfo(market.zone), day, close.hour * 60 + close.minute)


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _eurex_opens(days: IntArray) -> IntArray:
    quarter_past_midnight_ns = days * NANOSECONDS_PER_DAY + 900_000_000_000
    return np.where(days >= _day(_EUREX_EARLY_OPEN_ON), quarter_past_midnight_ns, _local_times(days, _EUREX, time(8)))


def _cut(exchange: TradingSessions, market: Market, hours: Window) -> TradingSessions:
    opens, closes = (_local_times(exchange.trading_day, market, at) for at in hours)
    if _minutes_into_day(market, hours[0]) >= _minutes_into_day(market, hours[1]):
        raise BadInput(f"a window must not cross the start of the trading day, was {hours[0]} to {hours[1]}")
    opens = np.maximum(opens, exchange.open_ns)
    closes = np.minimum(closes, exchange.close_ns)
    kept = opens < closes
    return TradingSessions(
        exchange.trading_day[kept],
        opens[kept],
        closes[kept],
        np.clip(exchange.pause_open_ns, opens, closes)[kept],
        np.clip(exchange.pause_close_ns, opens, closes)[kept],
    )


def _minutes_into_day(market: Market, at: time) -> int:
    return (at.hour * 60 + at.minute - market.day_starts * 60) % 1_440


def _local_times(days: IntArray, market: Market, at: time) -> IntArray:
    zone = ZoneInfo(market.zone)
    minutes = _minutes_into_day(market, at) + market.day_starts * 60
    return np.array([_instant(zone, int(day), minutes) for day in days], np.int64)


def utc_instant(ns: int) -> datetime:
    """Return UTC nanoseconds as an aware datetime (microseconds kept), for messages."""
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC) + timedelta(microseconds=ns % 1_000_000_000 // 1_000)
