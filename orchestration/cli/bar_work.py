"""The work behind the commands on market data: import and its dry run, the list, acts on series.

Belongs here: one command's way from words to use case and back. Does not belong here: what is chosen and why
(`services.market.choice`), what bars must keep.

Bars are files, so these commands work while no database runs; then nobody knows how many bots there are, and what was
done is not in the audit chain yet, which is said.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from orchestration.cli.caller import actor
from orchestration.cli.desk_work import desk_where_it_runs, opened_desk, print_wide, progress_bars, shown_where_it_runs
from orchestration.cli.terminal import console, load_settings
from services.desk import Desk, is_prepared
from services.market.choice import (
    BarAct,
    BarWish,
    SeriesMove,
    SeriesView,
    bots_by_market,
    choose_bars,
    left_aside,
    moves,
    series_views,
    spoken_of,
    stood_already,
)
from services.market.imports import record_import
from services.market.owed_acts import record_owed
from services.work.under_way import LongWork, telling
from store.market.bar_files import require_bar_file
from store.market.bars import BarSeries, BarStore, Catalog, Market, Rehearsal
from store.work.under_way import WorkKind
from trading.errors import Unavailable
from trading.market.choice import WORDS
from trading.market.sessions import utc_instant
from trading.words import counted

NO_DATABASE = "no database runs"


def import_file(
    path: Path,
    *,
    provider: str | None,
    timeframe: str | None,
    symbols: list[str] | None,
    quote: str | None,
    dry_run: bool,
) -> None:
    """Import a file of bars, or only say what it would change; record it where a database runs."""
    require_bar_file(path)
    from services.market.bars import import_bars

    work = LongWork(kind=WorkKind.IMPORT, title=f"Import of {path.name}")
    with progress_bars() as bar, shown_where_it_runs(work, bar) as tell:
        store = BarStore(load_settings().bars_dir)
        before = store.catalog()
        shelf = Rehearsal(store) if dry_run else store
        named = {"provider": provider, "timeframe": timeframe, "quote": quote}
        report = import_bars(shelf, path, **named, symbols=symbols, progress=tell)
        after = shelf.after if isinstance(shelf, Rehearsal) else store.catalog()
    console.print(
        f"{counted(report.rows, 'row')} of {report.timeframe} bars from {report.provider}: {len(report.series)} series"
    )
    for note in report.notes:
        console.print(f"  {note}", markup=False)
    _tell_moves(before, after, would=dry_run)
    for sentence in left_aside(after, report.series):
        console.print(sentence, markup=False, soft_wrap=True)
    if dry_run:
        console.print("dry run: nothing was stored")
        return
    _tell_lack(
        _recorded(lambda desk: record_import(desk, report, actor=actor())),
        "import the file again where it runs to record it",
    )


def simulate_symbols(symbols: list[str], *, plant: str | None, seed: int | None, years: float | None) -> None:
    """Simulate symbols that have no simulated bars, with an edge in each where one is asked for."""
    from services.market.plants import simulate_anew
    from trading.market.plants import plant_of

    edge = plant_of(plant) if plant is not None else None
    work = LongWork(kind=WorkKind.SIMULATION, title="Simulated market")
    with opened_desk() as desk, progress_bars() as bar, telling(desk, work, progress=bar) as tell:
        series = simulate_anew(desk, symbols, plant=edge, seed=seed, years=years, actor=actor(), progress=tell)
    planted = "nothing is planted in them" if edge is None else f"{edge.words} is planted in each symbol"
    console.print(f"{len(series)} bar series, {planted}", soft_wrap=True)


def list_series() -> None:
    """List every series in the bar store with the bots it serves, and why."""
    table = Table("symbol", "timeframe", "provider", "bars", "from", "to", "fingerprint", "bots", "why")
    for series in series_views(BarStore(load_settings().bars_dir).catalog(), _markets()):
        table.add_row(*_listed(series))
    print_wide(table)


def choose(act: str, series: tuple[str, str, str], *, reason: str) -> None:
    """Do an act on series, say what it moves, and record it where a database runs."""
    symbol, timeframe, provider = series
    wish = BarWish(
        act=BarAct[act],
        symbol=symbol,
        timeframe=timeframe,
        provider=provider,
        actor=actor(),
        reason_code=reason,
    )
    now = datetime.now(UTC)
    before, after, named = choose_bars(BarStore(load_settings().bars_dir), wish, now=now)
    for row in named:
        said = stood_already(before, wish, row) or DONE[wish.act]
        console.print(f"{spoken_of(row)}: {said}", markup=False, soft_wrap=True)
    _tell_moves(before, after, would=False)
    _tell_lack(_recorded(record_owed), "the platform records it when it runs")


DONE: Mapping[BarAct, str] = {
    BarAct.PREFER: "preferred, however long it is",
    BarAct.FOLLOW_RULE: "preferred no more; the rule chooses",
    BarAct.WITHDRAW: "withdrawn; its files stay",
    BarAct.RESTORE: "offered again",
}


def _tell_moves(before: Catalog, after: Catalog, *, would: bool) -> None:
    changes = moves(before, after, _markets())
    if not changes:
        console.print("no bots change their bars")
        return
    title = "what bots would trade on" if would else "what bots trade on from their next baseline"
    table = Table("symbol", "timeframe", "bots", "from", "to", "why", title=title, title_justify="left")
    for move in changes:
        table.add_row(*_moved(move))
    print_wide(table)


def _moved(move: SeriesMove) -> tuple[str, ...]:
    bots = "—" if move.bots is None else f"{move.bots:,}"
    why = WORDS[move.ground] if move.ground is not None else "there are no bars"
    return move.symbol, move.timeframe, bots, _series(move.before), _series(move.after), why


def _series(row: BarSeries | None) -> str:
    return "—" if row is None else f"{row.provider}, {row.bars:,} bars, {_day(row.first_ts)} to {_day(row.last_ts)}"


def _listed(series: SeriesView) -> tuple[str, ...]:
    span = (f"{at:%Y-%m-%d %H:%M}" for at in (series.first_bar_at, series.last_bar_at))
    bots = "—" if series.bots is None else f"{series.bots:,}"
    return (
        series.symbol,
        series.timeframe,
        series.provider,
        f"{series.bars:,}",
        *span,
        series.fingerprint[:12],
        bots,
        series.words,
    )


def _day(ns: int) -> str:
    return f"{utc_instant(ns):%Y-%m-%d}"


def _markets() -> dict[Market, int] | None:
    """Return how many bots there are by symbol and timeframe; None where no database tells."""
    with _desk_where_it_answers() as desk:
        try:
            return bots_by_market(desk) if isinstance(desk, Desk) else None
        except Unavailable:
            return None


def _recorded(record: Callable[[Desk], int]) -> str | None:
    """Record what was done; return why it could not be, None where it was."""
    with _desk_where_it_answers() as desk:
        if not isinstance(desk, Desk):
            return desk
        try:
            record(desk)
        except Unavailable as failure:
            return str(failure)
    return None


@contextmanager
def _desk_where_it_answers() -> Iterator[Desk | str]:
    """Yield a desk over the database that runs, or why there is none."""
    desk = desk_where_it_runs(pool_size=1)
    if desk is None:
        yield NO_DATABASE
        return
    try:
        yield desk if is_prepared(desk) else "the database is away or not migrated"
    finally:
        desk.database.kw["bind"].dispose()


def _tell_lack(lack: str | None, remedy: str) -> None:
    if lack is not None:
        console.print("[yellow]![/yellow] not in the audit chain:", escape(f"{lack}; {remedy}"), soft_wrap=True)
