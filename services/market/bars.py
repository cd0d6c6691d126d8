"""Use cases of market data: bars from a file, bars from the simulator.

Belongs here: what becomes a series, what is derived from it, what commits together. Does not belong here: reading
files and disk layout (`store`), the rules bars must keep (`trading/market`).

A root's bars also serve its micro (`MICRO_OF`): NQ bars are stored as NQ and as MNQ, which bots trade; the notes of
the second say whose bars they are, and the catalog has them as borrowed. MNQ bars of the provider itself are kept,
whether they came with the file or earlier, and replace borrowed ones when they come later.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from services.progress import Progress, silent
from store.market.bar_files import read_bar_file
from store.market.bars import BarSeries, BarStore, NewSeries, Shelf
from trading.arrays import IntArray
from trading.errors import BadBars, UnknownInstrument
from trading.market.aggregation import aggregate, longer_timeframes
from trading.market.bars import SIMULATED, Bars, bars_from_columns, timeframe_ns
from trading.market.checked_bars import CheckedBars, checked_bars
from trading.market.contracts import NamedContract, late_note, named_contract, unnamed_rolls_note
from trading.market.front_month import front_month, holes_note
from trading.market.gaps import Gaps, gaps_note, gaps_of
from trading.market.instruments import MICRO_OF, instrument
from trading.market.marks import joined_note, marks_note
from trading.market.outside import outside_note
from trading.market.quoted_bars import quote_note
from trading.market.raw_bars import Faults, RawBars, check_values, timeframe_of
from trading.market.sessions import trading_days
from trading.market.simulator import simulate
from trading.words import counted

Work = TypeVar("Work")
LISTED_SYMBOLS = 10


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import brought into the store.

    Attributes:
        file: The file's path.
        provider: The name its series carry.
        timeframe: The file's own timeframe.
        rows: Rows read.
        series: Every series written, derived ones included.
        gaps: Holes of each root's own series.
        notes: What a person should know, one sentence each.
    """

    file: str
    provider: str
    timeframe: str
    rows: int
    series: tuple[BarSeries, ...]
    gaps: dict[str, Gaps]
    notes: tuple[str, ...]


def import_bars(
    store: Shelf,
    path: Path,
    *,
    provider: str | None = None,
    timeframe: str | None = None,
    symbols: Sequence[str] | None = None,
    quote: str | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Check a bar file, build its series and store them: all of them in one commit, or nothing.

    Several contracts of a root become its front-month series. Where the provider has no own bars of a longer
    timeframe, they are aggregated. Two imports at once wait for each other; the later one replaces equal keys.

    Args:
        store: Where the series go; a rehearsal of the bar store for a dry run.
        path: Parquet or CSV in the tidy form of `store/market/bar_files.py`.
        provider: Name of the source; the file's name without its ending if not given. Never SIMULATED.
        timeframe: The file's timeframe; told from the spacing of its rows if not given.
        symbols: Only these roots; all of them if not given.
        quote: The form prices are quoted in (`trading/market/quotes.py`); told from the prices if not given. `points`
            also says that prices outside the bands of their era are right.
        progress: Called after each step.

    Raises:
        BadBars: the file cannot be read, rows break a rule (file, rows and reasons are named), or unknown symbols.
        UnknownTimeframe: no such timeframe.
        Unavailable: the store cannot be written; what it held stays.
    """
    provider = _provider_name(path, provider)
    if timeframe is not None:
        timeframe_ns(timeframe)
    progress("read", 0, 1)
    faults = Faults(str(path))
    raw = read_bar_file(path, faults)
    rows = len(raw)
    faults.refuse()
    progress("read", 1, 1)
    names = _wanted(raw, symbols, faults)
    raw = raw.rows_where(np.isin(raw.symbol, list(names)))
    check_values(raw, faults)
    faults.refuse()
    timeframe = timeframe or timeframe_of(raw)
    checked = [
        checked_bars(raw, names, root, timeframe=timeframe, faults=faults, quote=quote)
        for root in _told(_roots(names), progress, "check")
    ]
    faults.refuse()
    built = [_series(each, timeframe, provider) for each in checked]
    gaps = {each.bars.symbol: gaps_of(each.bars) for each in built}
    built = [_with_note(each, gaps_note(each.bars.symbol, gaps[each.bars.symbol])) for each in built]
    new = _with_derived(store, _with_micros(built), progress)
    series = store.write_all(new)
    progress("store", len(series), len(series))
    notes = [*(note for each in built for note in each.notes), *_kept_notes(new, series)]
    return ImportReport(
        file=str(path),
        provider=provider,
        timeframe=timeframe,
        rows=rows,
        series=tuple(series),
        gaps=gaps,
        notes=tuple(notes),
    )


def simulate_market(
    store: BarStore,
    symbols: Sequence[str],
    *,
    seed: int,
    start_on: date,
    years: float = 2.0,
    progress: Progress = silent,
    made: Callable[[str], Bars] | None = None,
) -> list[BarSeries]:
    """Simulate each symbol and store its bars on every timeframe, labelled SIMULATED; one commit per symbol.

    The same seed gives the same bars. Series of other symbols stay as they are.

    Args:
        store: Where the bars go.
        symbols: Which to simulate.
        seed: As `trading.market.simulator.simulate` takes it.
        start_on: As it takes it.
        years: As it takes them.
        progress: Called after each symbol.
        made: Makes the one-minute bars of a symbol of all that; if not given, the simulator with nothing planted.

    Raises:
        UnknownInstrument: no such symbol; nothing of it is stored.
        Unavailable: the store cannot be written.
    """
    made = made or partial(simulate, seed=seed, start_on=start_on, years=years)
    written: list[BarSeries] = []
    for symbol in _told(list(symbols), progress, "simulate"):
        minutes = made(symbol)
        whole = NewSeries(minutes, f"market simulator, seed {seed}")
        written += store.write_all([whole, *(_derived(whole, longer) for longer in longer_timeframes("1m"))])
    return written


def _provider_name(path: Path, provider: str | None) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", path.stem).strip("_.-")[:64] if provider is None else provider
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        raise BadBars(f"{path}: a provider is letters, digits, '_', '.', '-' (at most 64), was {name!r}")
    if name.upper() == SIMULATED:
        raise BadBars(f"{path}: {SIMULATED} is the simulator's own name and no provider")
    return name


def _wanted(raw: RawBars, symbols: Sequence[str] | None, faults: Faults) -> dict[int, NamedContract]:
    """Return what each distinct symbol of the file names, by its index; unwanted roots are left out."""
    names: dict[int, NamedContract] = {}
    unknown: dict[int, str] = {}
    for index, symbol in enumerate(raw.symbols):
        try:
            named = named_contract(symbol)
        except UnknownInstrument as error:
            unknown[index] = str(error)
            continue
        if symbols is None or named.root in symbols:
            names[index] = named
    if symbols is None:
        _fault_unknown(raw, unknown, faults)
        faults.refuse()
    if not names:
        raise BadBars(f"{raw.file}: has no bars of {', '.join(symbols or ())}; found {', '.join(raw.symbols[:20])}")
    return names


def _fault_unknown(raw: RawBars, unknown: dict[int, str], faults: Faults) -> None:
    """Record the rows of symbols nobody knows, the first few symbols each with its reason, the others together."""
    listed, others = list(unknown)[:LISTED_SYMBOLS], list(unknown)[LISTED_SYMBOLS:]
    for index in listed:
        faults.add(raw.row[raw.symbol == index], unknown[index])
    together = f"symbol must name a known contract root; {counted(len(others), 'more symbol')} without one"
    faults.add(raw.row[np.isin(raw.symbol, others)], together)


def _roots(names: dict[int, NamedContract]) -> list[str]:
    return sorted({named.root for named in names.values()})


def _told(work: Sequence[Work], progress: Progress, step: str) -> Iterator[Work]:
    for done, each in enumerate(work):
        progress(step, done, len(work))
        yield each
    progress(step, len(work), len(work))


def _series(checked: CheckedBars, timeframe: str, provider: str) -> NewSeries:
    root, raw = checked.root, checked.raw
    columns = np.stack([raw.ts_event, *checked.ticks.prices, raw.volume.astype(np.int64), checked.months])
    notes = [quote_note(root, checked.quote), late_note(root, columns[6], columns[0])]
    if len(np.unique(raw.symbol)) > 1:
        columns, front_notes = _front_month_of(root, columns)
        notes += front_notes
    if checked.ticks.moved_rows:
        tick = instrument(root).tick_size
        notes.append(f"{root}: {checked.ticks.moved_rows:,} of {len(raw):,} rows moved to the nearest tick {tick}")
    if not columns[5].any():
        notes.append(f"{root}: no volume")
    bars = bars_from_columns(columns, symbol=root, timeframe=timeframe, provider=provider)
    notes += [marks_note(bars), joined_note(bars), unnamed_rolls_note(bars), outside_note(bars)]
    return NewSeries(bars, raw.file, tuple(filter(None, notes)))


def _front_month_of(root: str, columns: IntArray) -> tuple[IntArray, list[str | None]]:
    columns = columns[:, np.argsort(columns[0], kind="stable")]
    days = trading_days(root, columns[0])
    kept = front_month(days, columns[6], columns[5], root=root)
    contracts = len(np.unique(columns[6]))
    joined = f"{root}: front month of {contracts:,} contracts by the volume of the day before"
    return columns[:, kept], [joined, holes_note(root, days, kept)]


def _with_note(new: NewSeries, note: str | None) -> NewSeries:
    return new if note is None else replace(new, notes=(*new.notes, note))


def _with_micros(own: list[NewSeries]) -> list[NewSeries]:
    roots = {each.bars.symbol for each in own}
    borrowed = [each for each in own if MICRO_OF.get(each.bars.symbol, each.bars.symbol) not in roots]
    return own + [_as_micro(each, MICRO_OF[each.bars.symbol]) for each in borrowed]


def _as_micro(own: NewSeries, micro: str) -> NewSeries:
    note = f"{micro}: bars of {own.bars.symbol}, which has the same tick"
    return replace(own, bars=replace(own.bars, symbol=micro), notes=(note, *own.notes), borrowed_from=own.bars.symbol)


def _kept_notes(new: Sequence[NewSeries], written: Sequence[BarSeries]) -> list[str]:
    """Return a sentence per micro of whose own bars some were kept."""
    known = {(row.symbol, row.timeframe) for row in written}
    kept: dict[str, list[str]] = {}
    for each in new:
        if (each.bars.symbol, each.bars.timeframe) not in known:
            sentence = f"{each.bars.symbol}: keeps the {each.bars.provider} bars of its own"
            kept.setdefault(f"{sentence}; {each.borrowed_from} lends none of", []).append(each.bars.timeframe)
    return [f"{sentence} {', '.join(timeframes)}" for sentence, timeframes in kept.items()]


def _with_derived(store: Shelf, own: list[NewSeries], progress: Progress) -> list[NewSeries]:
    stored = {(row.symbol, row.timeframe, row.provider): row for row in store.series()}
    derived = [
        _derived(each, longer)
        for each in _told(own, progress, "aggregate")
        for longer in longer_timeframes(each.bars.timeframe)
        if not _has_better(stored.get((each.bars.symbol, longer, each.bars.provider)), each)
    ]
    return own + derived


def _has_better(stored: BarSeries | None, new: NewSeries) -> bool:
    """Return whether a stored series stays: as the provider gave it, or made of shorter bars. Own before borrowed."""
    if stored is None or bool(stored.borrowed_from) != bool(new.borrowed_from):
        return False
    return not stored.derived_from or timeframe_ns(stored.derived_from) < timeframe_ns(new.bars.timeframe)


def _derived(whole: NewSeries, timeframe: str) -> NewSeries:
    bars = whole.bars
    note = f"{bars.symbol}: {timeframe} bars aggregated from {bars.timeframe}"
    derived = aggregate(bars, timeframe)
    of_marks = whole.of_marks or marks_note(bars) is not None
    notes = (note, *whole.notes)
    return replace(whole, bars=derived, notes=notes, derived_from=bars.timeframe, of_marks=of_marks)
