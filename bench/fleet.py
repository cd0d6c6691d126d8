"""The whole platform under a fleet: ticks, baselines, pages, proofs, resets at 100, 1,000 and 10,000 bots.

    python -m bench.fleet [SIZE ...] [--full] [--data FOLDER] [--record PAGE]

For each size, in a private folder: real hourly bars come in through `proving bars import`, the fleet registers, a
sample of bots gets 1,000 old sessions each, a reset hides them, and the real platform starts: supervisor, code server,
one daemon, API, embedded PostgreSQL, caps as shipped (2 backtests at once, improve and evolve beside them).

What the figures are:

- tick_s: the longest tick, from `autonomy_runs`; beside it the wall time of a tick with its commit.
- fleet_minutes: from the first claimed job until the last bot has its session, its rollup and its materialization in
  Dagster's event log.
- bots_page_p95_ms, proof_p95_ms: `GET /api/bots?limit=50` and the slowest of `/api/_proof/*`, asked over HTTP while the
  loop works.
- reset_s: `POST /api/admin/reset-metrics` of the whole fleet over HTTP, at the end, while the loop works.

Whatever else the machine does is measured too: a figure taken on a busy machine says so. The last line is JSON.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from gateways.postgres import connect_urls
from gateways.settings import PROJECT_ROOT
from services.bots.seed import fleet_ids, seed_fleet
from services.desk import Desk, open_desk
from services.figures.resets import reset_metrics
from services.health.invariants import raw_truth_matches_rollup, session_conserves_cash
from services.work.autonomy import run_autonomy_tick
from store.database import transaction
from tests.harness.factories import reset_request
from tests.harness.history import plant_history
from tests.harness.own_platform import Platform, private_platform
from trading.errors import Unavailable

SIZES = (100, 1_000)
FULL_SIZES = (*SIZES, 10_000)
BARS = Path("bars_1h/cme_1h_ohlc_from_15m_2018-2019.parquet")
SAMPLE = 20
SESSIONS_EACH = 1_000
PAUSE_SECONDS = 0.4
MINUTES_PER_BOT = 0.01
LEAST_MINUTES = 6.0
BOTS_PAGE = "/api/bots?limit=50"
PROOFS = ("/api/_proof/autonomy", "/api/_proof/jobs", "/api/_proof/invariants", "/api/_proof/starvation")
PROGRAMS = {
    "dagster._daemon": "daemon",
    "orchestration.platform.dagster_ui": "webserver",
    "-m api": "api",
    "api grpc": "code server and runs",
    "multiprocessing": "code server and runs",
    "postgres": "postgres",
}
JSON_FIGURES = ("tick_s", "fleet_minutes", "bots_page_p95_ms", "proof_p95_ms", "reset_s")

DONE = text("SELECT count(*) FROM bot_progress WHERE backtests_completed > 0")
FIRST_CLAIM = text("SELECT min(started_at) FROM bot_jobs WHERE job_type = 'BACKTEST'")
LAST_CLOSED = text(
    "SELECT max(first.at) FROM (SELECT min(completed_at) AS at FROM bot_jobs"
    " WHERE job_type = 'BACKTEST' AND status = 'COMPLETED' GROUP BY bot_id) first"
)
MATERIALIZED = text(
    "SELECT count(*), max(first.at) FROM (SELECT min(timestamp) AS at FROM dagster.event_logs"
    " WHERE dagster_event_type = 'ASSET_MATERIALIZATION' AND asset_key = :key GROUP BY partition) first"
)
MEGABYTES = text(
    "SELECT relname, pg_total_relation_size(oid) / 1e6 FROM pg_class"
    " WHERE relname IN ('autonomy_bot_decisions', 'trade_logs', 'event_logs') AND relkind = 'r'"
)
TICKS = text("SELECT extract(epoch FROM completed_at - started_at) FROM autonomy_runs WHERE candidates = :size")
COUNTS = {
    "bots without a session since the reset": text(
        "SELECT count(*) FROM bots b WHERE NOT EXISTS (SELECT 1 FROM backtest_sessions s WHERE s.bot_id = b.id"
        " AND s.status = 'COMPLETED' AND s.created_at >= b.metrics_reset_at)"
    ),
    "sessions of one bot and generation too many": text(
        "SELECT COALESCE(sum(n - 1), 0) FROM (SELECT count(*) AS n"
        " FROM backtest_sessions s JOIN bots b ON b.id = s.bot_id"
        " WHERE s.status = 'COMPLETED' AND s.created_at >= b.metrics_reset_at"
        " GROUP BY s.bot_id, s.generation_number) each_generation"
    ),
    "completed backtest jobs without their session": text(
        "SELECT count(*) FROM bot_jobs j LEFT JOIN backtest_sessions s ON s.job_id = j.id"
        " WHERE j.job_type = 'BACKTEST' AND j.status = 'COMPLETED' AND s.id IS NULL"
    ),
    "jobs that failed": text("SELECT count(*) FROM bot_jobs WHERE status IN ('FAILED', 'TIMEOUT')"),
    "jobs taken back": text("SELECT COALESCE(sum(reclaims), 0) FROM bot_jobs"),
}


@dataclass(slots=True)
class Figures:
    """What one fleet size gave."""

    size: int
    values: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Load:
    """How busy the machine was, and how much of it was the platform."""

    began: float
    busy: float
    ours: dict[str, float]

    @classmethod
    def now(cls, platform: Platform) -> "Load":
        """Return where the counters stand."""
        times = psutil.cpu_times()
        return cls(time.monotonic(), sum(times) - times.idle - times.iowait, _cpu_seconds(platform))

    def since(self, before: "Load") -> dict[str, float]:
        """Return CPU seconds of the platform and each of its programs, and cores that others kept busy."""
        ours = {f"cpu_s {name}": spent - before.ours.get(name, 0.0) for name, spent in self.ours.items()}
        others = self.busy - before.busy - sum(ours.values())
        return ours | {
            "platform_cpu_s": sum(ours.values()),
            "other_cores_busy": others / (self.began - before.began),
        }


def main() -> None:
    """Run every asked size and print a table and the JSON line; exit 1 where a count is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", help=f"fleet sizes, {SIZES} if not given")
    parser.add_argument("--full", action="store_true", help=f"{FULL_SIZES}")
    parser.add_argument("--record", type=Path, help="Markdown page to write the figures to, dated")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("PROVING_DATA", _beside_the_repository())))
    chosen = parser.parse_args()
    bars = chosen.data / BARS
    if not bars.is_file():
        print(f"NOT RUN: no real bars at {bars}; --data or PROVING_DATA names another folder")
        print(json.dumps({"fleet": "NOT RUN"}))
        return
    measured = [measure(size, bars) for size in chosen.sizes or (FULL_SIZES if chosen.full else SIZES)]
    if chosen.record is not None:
        _record(chosen.record, measured)
    print(
        json.dumps(
            {name: {str(figures.size): round(figures.values[name], 3) for figures in measured} for name in JSON_FIGURES}
        )
    )
    sys.exit(any(figures.faults for figures in measured))


def measure(size: int, bars: Path) -> Figures:
    """Build a platform with a fleet of this size, let it work, and return its figures."""
    figures = Figures(size)
    print(f"\n{size:,} bots, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {datetime.now(UTC):%F %H:%M} UTC")
    with private_platform("pg-fleet") as platform:
        desk = platform.desk()
        _prepare(platform, desk, figures, bars=bars)
        platform.start()
        before = Load.now(platform)
        waits = _watch(platform, desk, size)
        _record_baselines(platform, desk, figures)
        load = Load.now(platform).since(before)
        figures.values |= load | {"cpu_ms_per_baseline": 1_000 * load["platform_cpu_s"] / size}
        asked = sum(map(len, waits.values()))
        figures.values["cpu_ms_per_request"] = 1_000 * load.get("cpu_s api", 0.0) / asked
        _record_requests(figures, waits)
        _count(desk, figures)
        _reset(platform, figures)
        desk.database.kw["bind"].dispose()
    _show(figures)
    return figures


def _prepare(platform: Platform, desk: Desk, figures: Figures, *, bars: Path) -> None:
    platform.command("bars", "import", str(bars))
    symbols = sorted({row.symbol for row in desk.bars.series() if row.timeframe == "1h"} - {"VX"})
    long_ago = open_desk(platform.settings, connect_urls(platform.settings), clock=lambda: _days_ago(900))
    began = time.perf_counter()
    seed_fleet(long_ago, size=figures.size, symbols=symbols, timeframes=("1h",))
    figures.values["register_s"] = time.perf_counter() - began
    long_ago.database.kw["bind"].dispose()
    with transaction(desk.database) as db:
        plant_history(db, fleet_ids(desk)[:SAMPLE], sessions_each=SESSIONS_EACH)
    with platform.owner().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    began = time.perf_counter()
    receipt = reset_metrics(desk, reset_request())
    figures.values["reset_at_rest_s"] = time.perf_counter() - began
    if receipt.reset_count != figures.size:
        figures.faults.append(f"the reset touched {receipt.reset_count} bots")


def _watch(platform: Platform, desk: Desk, size: int) -> dict[str, list[float]]:
    """Ask the API again and again until every bot has its baseline; return the milliseconds of each path."""
    waits: dict[str, list[float]] = defaultdict(list)
    deadline = time.monotonic() + 60 * max(LEAST_MINUTES, MINUTES_PER_BOT * size)
    spoken_at = 0.0
    while (done := _scalar(desk, DONE)) < size or _partitions(platform)[0] < size:
        if time.monotonic() > deadline:
            raise SystemExit(f"only {done} of {size} bots were done in time: {platform.said()}")
        if time.monotonic() - spoken_at > 20:
            spoken_at = time.monotonic()
            print(f"  {datetime.now(UTC):%T}  {done:>6,} done, {_partitions(platform)[0]:>6,} materialized")
        for path in (BOTS_PAGE, *PROOFS):
            status, _, took_ms = platform.get(path)
            if status == 200:
                waits[path].append(took_ms)
            elif status != 404:
                waits[f"{path} failed"].append(took_ms)
            time.sleep(PAUSE_SECONDS / len(PROOFS))
    return waits


def _record_baselines(platform: Platform, desk: Desk, figures: Figures) -> None:
    first, closed = _scalar(desk, FIRST_CLAIM), _scalar(desk, LAST_CLOSED)
    recorded = _partitions(platform)[1].replace(tzinfo=UTC)
    figures.values["fleet_minutes"] = (max(closed, recorded) - first).total_seconds() / 60
    figures.values["baselines_per_minute"] = figures.size / figures.values["fleet_minutes"]
    with transaction(desk.database) as db:
        ticks = [float(seconds) for seconds in db.execute(TICKS, {"size": figures.size}).scalars()]
    print(f"  slowest ticks: {', '.join(f'{seconds:.2f}' for seconds in sorted(ticks)[:-6:-1])} s")
    figures.values |= {"tick_s": max(ticks), "tick_median_s": statistics.median(ticks), "ticks": len(ticks)}
    began = time.perf_counter()
    run_autonomy_tick(desk)
    figures.values["tick_with_commit_s"] = time.perf_counter() - began
    with platform.owner().connect() as connection:
        figures.values |= {f"mb {table}": float(size) for table, size in connection.execute(MEGABYTES)}


def _record_requests(figures: Figures, waits: dict[str, list[float]]) -> None:
    for path, took_ms in waits.items():
        p95 = statistics.quantiles(took_ms, n=20)[-1] if len(took_ms) > 1 else took_ms[0]
        figures.values[f"p95_ms {path}"] = p95
        print(f"  {path:<28} {len(took_ms):>5} times, median {statistics.median(took_ms):.0f} ms, p95 {p95:.0f} ms")
        if path.endswith("failed"):
            figures.faults.append(f"{len(took_ms)} times {path}")
    figures.values["bots_page_p95_ms"] = figures.values[f"p95_ms {BOTS_PAGE}"]
    figures.values["proof_p95_ms"] = max(figures.values[f"p95_ms {path}"] for path in PROOFS if path in waits)


def _count(desk: Desk, figures: Figures) -> None:
    """Recount the ledger by plain SQL; every difference is a fault."""
    for what, statement in COUNTS.items():
        if count := int(_scalar(desk, statement)):
            figures.faults.append(f"{count} {what}")
    for recount in (raw_truth_matches_rollup, session_conserves_cash):
        began = time.perf_counter()
        try:
            verdict = recount(desk)
        except Unavailable as failure:
            figures.faults.append(f"{recount.__name__}: {failure}")
            continue
        figures.values[f"{verdict.name}_s"] = time.perf_counter() - began
        if not verdict.holds or verdict.checked < figures.size:
            figures.faults.append(f"{verdict.name}: {verdict.checked} checked, {verdict.broken}")


def _reset(platform: Platform, figures: Figures) -> None:
    body = {"scope": "ALL", "reasonCode": "BENCH_RESET", "alsoResetEquityCurves": True, "dryRun": False}
    status, answer, took_ms = platform.call("POST", "/api/admin/reset-metrics", body=body)
    figures.values["reset_s"] = took_ms / 1_000
    if status != 200 or answer["resetCount"] != figures.size:
        figures.faults.append(f"the reset answered {status}")


def _show(figures: Figures) -> None:
    for name, value in figures.values.items():
        print(f"  {name:<40} {value:>12,.3f}")
    for fault in figures.faults or ["every count agrees with SQL"]:
        print(f"  {'FAULT: ' if figures.faults else ''}{fault}")


def _record(page: Path, measured: list[Figures]) -> None:
    names = list(dict.fromkeys(name for figures in measured for name in figures.values))
    sizes = " ".join(str(figures.size) for figures in measured)
    page.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        "# Fleet",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores. Written by `python -m bench.fleet "
        f"{sizes} --record {page}`; `bench/fleet.py` says what each figure is. "
        "`other_cores_busy` is how many cores other work on the machine kept busy meanwhile.",
        "",
        f"| figure | {' | '.join(f'{figures.size:,} bots' for figures in measured)} |",
        f"|---|{'--:|' * len(measured)}",
        *(f"| {name} | {' | '.join(_cell(figures, name) for figures in measured)} |" for name in names),
        "",
        *(
            f"- {figures.size:,} bots: {fault}"
            for figures in measured
            for fault in figures.faults or ["every count agrees with SQL"]
        ),
    ]
    page.write_text("\n".join(lines) + "\n", "utf-8")


def _cell(figures: Figures, name: str) -> str:
    return f"{figures.values[name]:,.3f}" if name in figures.values else "—"


def _partitions(platform: Platform) -> tuple[int, Any]:
    """Return how many bots have their materialization, and when the last one got its first; read as the owner."""
    with platform.owner().connect() as connection:
        row = connection.execute(MATERIALIZED, {"key": '["backtest_sessions"]'}).one()
    return row[0], row[1]


def _scalar(desk: Desk, statement: Any) -> Any:
    with transaction(desk.database) as db:
        return db.execute(statement).scalar_one()


def _cpu_seconds(platform: Platform) -> dict[str, float]:
    """Return the CPU seconds of each program of the platform, the ended processes counted through their parents."""
    server = platform.postgres()
    spent: dict[str, float] = defaultdict(float)
    for process in [*platform.programs(), *([server, *server.children(recursive=True)] if server else [])]:
        try:
            times, name = process.cpu_times(), _program(process)
        except psutil.Error:
            continue
        spent[name] += times.user + times.system + times.children_user + times.children_system
    return dict(spent)


def _program(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    return next((name for words, name in PROGRAMS.items() if words in line), "others")


def _now() -> datetime:
    return datetime.now(UTC)


def _days_ago(days: int) -> datetime:
    return _now() - timedelta(days=days)


def _beside_the_repository() -> str:
    return str(PROJECT_ROOT.parent / "shared" / "data")


if __name__ == "__main__":
    main()
