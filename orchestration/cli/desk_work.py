"""The commands that work with the desk.

Belongs here: opening a desk for one command, progress bars, tables. Does not belong here: rules and figures, and
anything slow to import that not every command needs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateways.embedded import stop_unused
from gateways.settings import Settings
from orchestration.cli.caller import actor, request_id
from orchestration.cli.terminal import console, load_settings, running_urls, what_to_do
from services.desk import Desk, desk_at_hand, is_prepared, open_desk
from services.progress import Progress as TellStep
from services.work.under_way import LongWork, telling
from trading.errors import BadInput, Unavailable
from trading.money import dollars
from trading.words import counted
from trading.work.jobs import JobStatus

if TYPE_CHECKING:
    from services.bots.dossier import DecisionFold

SHOWN_RUNS = 10
NAMED_TARGETS = 5
WIDE = 160


@contextmanager
def opened_desk() -> Iterator[Desk]:
    """Open the desk for one command; an embedded server that nobody else uses stops again."""
    settings = load_settings()
    try:
        desk = desk_at_hand(settings, pool_size=2)
        yield desk
        desk.database.kw["bind"].dispose()
    finally:
        _let_go(settings)


@contextmanager
def desk_at_once() -> Iterator[Desk]:
    """Open the desk as it stands where its database runs and is migrated, and as `opened_desk` does where it is not.

    What stops the platform may not wait for guards to be applied anew: that needs locks on the tables that are in use.
    """
    desk = desk_where_it_runs(pool_size=2)
    if desk is None or not is_prepared(desk):
        with opened_desk() as prepared:
            yield prepared
        return
    try:
        yield desk
        desk.database.kw["bind"].dispose()
    finally:
        _let_go(desk.settings)


@contextmanager
def shown_where_it_runs(work: LongWork, progress: TellStep) -> Iterator[TellStep]:
    """Show work that needs no database on the screen too, where a database runs; nothing is started or migrated."""
    desk = desk_where_it_runs(pool_size=1)
    if desk is None:
        yield progress
        return
    try:
        with telling(desk, work, progress=progress) as tell:
            yield tell
    finally:
        desk.database.kw["bind"].dispose()


@contextmanager
def progress_bars(*, transient: bool = False) -> Iterator[TellStep]:
    """Show one bar per step of a long work; yields what the use case calls after each step.

    Args:
        transient: Whether the bars vanish with the work.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=transient) as display:
        bars: dict[str, TaskID] = {}

        def tell(step: str, done: int, of: int) -> None:
            if step not in bars:
                bars[step] = display.add_task(step)
            display.update(bars[step], completed=done, total=of)

        yield tell


def print_wide(table: Table, *, width: int = WIDE) -> None:
    """Print a table in full also where the terminal does not tell its width."""
    wide = Console(width=console.width if console.is_terminal else width, highlight=False)
    wide.print(table)


def seed(size: int | None, *, if_empty: bool) -> None:
    """Register a fleet and simulate a market where its symbols have no bars."""
    from services.bots.market import ensure_market
    from services.bots.seed import fleet_ids, seed_fleet

    with opened_desk() as desk:
        if not (if_empty and fleet_ids(desk)):
            console.print(f"{counted(seed_fleet(desk, size=size, actor=actor()), 'new bot')}")
        with progress_bars() as bar:
            series = ensure_market(desk, progress=bar)
        simulated = sum(row.is_simulated for row in series)
        console.print(f"{len(series)} bar series, {simulated} of them SIMULATED")


def backtest(bot: str) -> bool:
    """Run one bot's baseline backtest, show its figures or what went wrong, and return whether it completed."""
    from services.backtests.baselines import run_baseline

    with opened_desk() as desk:
        finished = run_baseline(desk, find_bot(desk, bot), run_id=request_id())
    table = Table("figure", "value", title=f"{finished.status}", title_justify="left")
    for name, value in finished.figures.items():
        table.add_row(name, "—" if value is None else str(value))
    console.print(table)
    return finished.status is JobStatus.COMPLETED


def why(bot: str) -> None:
    """Explain one bot."""
    from services.bots.dossier import bot_dossier, folded_decisions
    from services.market.choice import spoken_of
    from trading.governance.gates import Check
    from trading.work.reasons import check_in_words

    with opened_desk() as desk:
        dossier = bot_dossier(desk, find_bot(desk, bot, archived_too=True))
    now = dossier.bot
    console.print(f"[bold]{now.name}[/bold]  {now.stage} · {now.symbol} {now.timeframe} · generation {now.generation}")
    console.print(f"  now: {now.bot_now.state}")
    bars = "there are none" if dossier.bars is None else f"{spoken_of(dossier.bars)}, {dossier.bars.words}"
    console.print(f"  bars: {bars}", markup=False)
    if dossier.history is not None:
        console.print(f"  history: {dossier.history.words}", markup=False)
    console.print(f"  looks: {dossier.looks_standing.words}", markup=False, soft_wrap=True)
    for blocker in now.stage_gate.blockers:
        words = check_in_words(blocker) if isinstance(blocker, Check) else blocker.reason
        console.print(f"  not yet {now.stage_gate.to}: {words}", markup=False, soft_wrap=True)
    print_wide(_decisions(folded_decisions(dossier.decisions)[:SHOWN_RUNS]))


def evidence(bot: str) -> None:
    """Show one bot's record and its evidence."""
    from services.bots.records import bot_record

    with opened_desk() as desk:
        record = bot_record(desk, find_bot(desk, bot, archived_too=True))
    console.print(f"[bold]{record.name}[/bold]  {record.words}")
    table = Table("days", "from", "to", "traded by", "trades", "net P&L", title="Record", title_justify="left")
    for row in record.stretches:
        table.add_row(
            str(row.days), str(row.first_on), str(row.last_on), row.words, str(row.trades), dollars(row.net_pnl_usd)
        )
    print_wide(table)


def reset(*, scope: str, reason: str, bots: Sequence[str] | None, curves: bool, execute: bool) -> None:
    """Show what a reset would touch, or reset."""
    from services.figures.resets import ResetRequest, reset_metrics

    with opened_desk() as desk:
        receipt = reset_metrics(
            desk,
            ResetRequest(
                scope=scope,
                bot_ids=[find_bot(desk, words) for words in bots] if bots else None,
                reason_code=reason,
                also_reset_equity_curves=curves,
                dry_run=not execute,
                actor=actor(),
                request_id=request_id(),
            ),
        )
    table = Table("book", "sessions", "trades", "fills", title="no longer shown", title_justify="left")
    for book, rows in receipt.no_longer_shown.items():
        table.add_row(book, f"{rows.sessions:,}", f"{rows.trades:,}", f"{rows.fills:,}")
    console.print(table)
    named = ", ".join(target.name for target in receipt.targets[:NAMED_TARGETS])
    rest = receipt.target_count - NAMED_TARGETS
    more = f" and {rest:,} more" if rest > 0 else ""
    console.print(f"bots: {named or '—'}{more}", markup=False, soft_wrap=True)
    for kind, jobs in receipt.canceled_jobs.items():
        if jobs:
            console.print(f"{counted(jobs, f'queued {kind} job')} {'canceled' if execute else 'would be canceled'}")
    if execute:
        console.print(
            f"{counted(receipt.reset_count or 0, 'bot')} reset at {receipt.reset_time}, audit event {receipt.audit_seq}"
        )
    else:
        console.print(
            f"{counted(receipt.target_count, 'bot')} would be reset; nothing was changed. Do it with --execute"
        )


def kill_switch(state: str, *, reason: str) -> bool:
    """Throw the switch or show it; return False where a stop is not certain yet."""
    from services.control.kill_switch import SwitchWish, switch_state, throw_switch

    with desk_at_once() as desk:
        if state == "status":
            now = switch_state(desk)
            since = f" since {now.switch.since:%Y-%m-%d %H:%M:%S} UTC" if now.switch.since else ""
            console.print(f"{now.switch.tier}{since}  {now.switch.reason_code or ''} {now.switch.actor or ''}")
            return True
        receipt = throw_switch(desk, SwitchWish(state == "on", reason, actor(), request_id()))
    waiting, at_work = sum(receipt.queued.values()), sum(receipt.running.values())
    word = "engaged" if receipt.engaged else "released"
    console.print(f"kill switch {word}" if receipt.changed else f"kill switch was {word} already, nothing changed")
    console.print(f"  jobs: {waiting} waiting, {at_work} running to their end; audit event {receipt.audit_seq or '—'}")
    if receipt.settled is False:
        console.print("  a claim that began before has not ended yet: repeat this to be certain")
    return receipt.settled is not False


def verify_audit() -> bool:
    """Verify the audit chain, show what is wrong, remember the verdict, and return whether the chain is whole."""
    from services.audit.pages import verify_now

    with opened_desk() as desk:
        verdict = verify_now(desk, actor=actor())
    for broken in verdict.breaks:
        where = f"event {broken['seq']} {broken['kind']}: {broken['detail']}"
        console.print("[red]✗[/red]", escape(where), soft_wrap=True)
    if verdict.is_whole:
        head = f"head {verdict.head_seq} {verdict.head_hash}"
        console.print(f"[green]✓[/green] {counted(verdict.events, 'event')}, {head}", soft_wrap=True)
    else:
        what_to_do("audit-chain-broken")
    return verdict.is_whole


def dead_letters() -> None:
    """List the work that was given up."""
    from services.work.dead_letters import dead_letters as given_up

    table = Table("bot", "work", "failures", "last failed", "last error")
    with opened_desk() as desk:
        for letter in given_up(desk):
            last = f"{letter.last_failed_at:%Y-%m-%d %H:%M:%S}" if letter.last_failed_at else "—"
            table.add_row(letter.name, letter.job_type, str(letter.failures_in_row), last, letter.last_error)
    if not table.rows:
        console.print("nothing has been given up")
        return
    print_wide(table)


def requeue(bot: str) -> None:
    """Put a bot's work back."""
    from services.bots.registration import names_of
    from services.work.dead_letters import requeue as put_back

    with opened_desk() as desk:
        bot_id = find_bot(desk, bot)
        kinds = put_back(desk, bot_id, actor=actor())
        name = names_of(desk, [bot_id])[bot_id]
    console.print(f"{', '.join(kinds)} of {name} will be planned by the next tick", markup=False)


def find_bot(desk: Desk, words: str, *, archived_too: bool = False) -> UUID:
    """Return the bot an id or a name means, capitals aside; by its name an archived one only where that may be meant.

    Raises:
        UnknownBots: none, or more than one.
    """
    from services.bots.registration import bot_named

    try:
        return UUID(words)
    except ValueError:
        return bot_named(desk, words, archived_too=archived_too)


def _let_go(settings: Settings) -> None:
    """Use the embedded server no more, where the database is ours."""
    if not (settings.database_url or settings.app_database_url):
        stop_unused(settings.postgres_dir)


def _decisions(runs: "Sequence[DecisionFold]") -> Table:
    table = Table("last decided", "times", "since", "decision", "job", "reason", "in words", "other blockers")
    for run in runs:
        row = run.decision
        since, last = (f"{at.astimezone():%Y-%m-%d %H:%M:%S}" for at in (run.first, run.last))
        outcome = (row.decision, row.job_type or "—", row.reason_code, row.words)
        others = ", ".join(code for code in row.blockers if code != row.reason_code)
        repeated = (f"×{run.times}", since) if run.times > 1 else ("", "")
        table.add_row(last, *repeated, *outcome, others)
    return table


def desk_where_it_runs(*, pool_size: int) -> Desk | None:
    """Return a desk over the database that runs already, None where none does; nothing is started."""
    settings = load_settings()
    try:
        return open_desk(settings, running_urls(settings), pool_size=pool_size)
    except (BadInput, Unavailable):
        return None
