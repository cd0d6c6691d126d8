"""Rounds of harm against the real platform: nothing lost, nothing done twice, nothing stuck (scorecard 1-5, 7, 47)."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from services.audit.chain import verify_chain
from tests.chaos.caught_up import caught_up
from tests.chaos.harms import HARMS, reset_until_answered
from tests.chaos.ledger import broken, canary_sings, resets_by_reason
from tests.chaos.plan import SEED, kinds
from tests.chaos.record import Round
from tests.chaos.silence import listening
from tests.harness.own_platform import Platform
from trading.work.jobs import LEASE

POSTGRES_READY_SECONDS = 10.0
LAST_TICK = text("SELECT max(started_at) FROM autonomy_runs")

pytestmark = pytest.mark.timeout(7_200)  # ends a round that hangs; a starved one takes its time


def seconds_since(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()


def ticked(platform: Platform, since: datetime) -> bool:
    with platform.owner().connect() as connection:
        last = connection.execute(LAST_TICK).scalar_one()
    return last is not None and last > since


@pytest.mark.scorecard(1)
@pytest.mark.scorecard(2)
@pytest.mark.scorecard(3)
@pytest.mark.scorecard(4)
@pytest.mark.scorecard(5)
@pytest.mark.scorecard(7)
@pytest.mark.scorecard(47)
@pytest.mark.parametrize(("number", "kind"), list(enumerate(kinds(), start=1)))
def test_nothing_is_lost_done_twice_or_stuck(platform: Platform, rounds: list[Round], number: int, kind: str) -> None:
    done = Round(number, kind)
    rounds.append(done)
    reason = f"CHAOS_{number}"
    reset_until_answered(platform, reason)
    chance = random.Random(SEED * 1_000 + number)  # noqa: S311 - chance, not a secret
    with listening(platform) as silence:
        harm = HARMS[kind](platform, chance, reason)
        done.what = harm.what
        platform.until(platform.is_ready, "it to answer again")
        platform.until(lambda: ticked(platform, harm.at), "the next tick")
        done.ticks_seconds = seconds_since(harm.at)
        platform.until(lambda: caught_up(platform), "it to catch up")
        done.settled_seconds = seconds_since(harm.at)
    done.silent_seconds = silence.seconds_after(harm.at)
    with platform.owner().connect() as connection:
        promises_by_kind = broken(connection, lease=LEASE)
        resets = resets_by_reason(connection)
        sings = canary_sings(connection, now=datetime.now(UTC))
    done.broken |= {name: sum(map(len, promises.values())) for name, promises in promises_by_kind.items()}
    assert promises_by_kind == {}
    assert {asked: resets.get(asked) for asked in (reason, *harm.acknowledged)} == dict.fromkeys(
        (reason, *harm.acknowledged), 1
    )
    assert sings
    assert chain_holds(platform)
    if kind == "postgres":
        assert done.silent_seconds <= POSTGRES_READY_SECONDS
    done.ended = True


def chain_holds(platform: Platform) -> bool:
    desk = platform.desk()
    try:
        return verify_chain(desk).is_whole
    finally:
        desk.database.kw["bind"].dispose()


def plant(connection: Connection, statement: str) -> dict[str, dict[str, list[Any]]]:
    """Do a wrong thing in a transaction nobody else sees, and return what the promises say about it."""
    connection.execute(text(statement))
    return broken(connection, lease=LEASE)


A_SESSION = (
    "SELECT s.id FROM backtest_sessions s JOIN bots b ON b.id = s.bot_id"
    " WHERE s.created_at >= b.metrics_reset_at LIMIT 1"
)
FAULTS = [
    (
        "lost",
        "a completed backtest job left its session",
        "INSERT INTO bot_jobs (bot_id, job_type, status, reason_code, created_at, completed_at)"
        " SELECT id, 'BACKTEST', 'COMPLETED', 'PLANTED', now(), now() FROM bots LIMIT 1",
    ),
    (
        "lost",
        "every bot has a session since the reset",
        "UPDATE bots SET metrics_reset_at = now() WHERE id = (SELECT min(id::text)::uuid FROM bots)",
    ),
    (
        "lost",
        "a session has all its trades",
        "INSERT INTO trade_logs (session_id, bot_id, book, seq, side, contracts, entry_at, exit_at, entry_price,"
        " exit_price, entry_ticks, exit_ticks, tick_size, bars_held, gross_pnl_usd, commission_usd, slippage_usd,"
        " net_pnl_usd, mae_usd, mfe_usd, exit_reason, created_at) SELECT session_id, bot_id, book, seq + 100000, side,"
        " contracts, entry_at, exit_at, entry_price, exit_price, entry_ticks, exit_ticks, tick_size, bars_held,"
        " gross_pnl_usd, commission_usd, slippage_usd, net_pnl_usd, mae_usd, mfe_usd, exit_reason, created_at"
        " FROM trade_logs LIMIT 1",
    ),
    (
        "duplicated",
        "one session per bot and generation since the reset",
        "INSERT INTO backtest_sessions SELECT (jsonb_populate_record(s, jsonb_build_object("
        "'id', gen_random_uuid(), 'job_id', NULL))).* FROM backtest_sessions s WHERE s.id = (" + A_SESSION + ")",
    ),
    (
        "stuck",
        "no job is silent past its lease",
        "INSERT INTO bot_jobs (bot_id, job_type, status, reason_code, created_at, dagster_run_id, started_at,"
        " heartbeat_at) SELECT id, 'BACKTEST', 'RUNNING', 'PLANTED', now(), 'gone', now(), now() - interval '1 hour'"
        " FROM bots LIMIT 1",
    ),
    (
        "stuck",
        "no record is owed by a run that is over",
        "INSERT INTO owed_materializations (job_id, bot_id, job_type, dagster_run_id, figures, closed_at)"
        " SELECT id, bot_id, job_type, 'gone', '{}', now() - interval '1 hour' FROM bot_jobs"
        " WHERE status = 'COMPLETED' AND id NOT IN (SELECT job_id FROM owed_materializations) LIMIT 1",
    ),
    (
        "wrong figures",
        "a rollup is its latest session, recounted from trades",
        "UPDATE bot_metrics_rollups SET net_pnl_usd = net_pnl_usd + 0.000001"
        " WHERE bot_id = (SELECT min(bot_id::text)::uuid FROM bot_metrics_rollups)",
    ),
]


@pytest.mark.parametrize(("kind", "promise", "statement"), FAULTS)
def test_a_planted_fault_is_found(platform: Platform, kind: str, promise: str, statement: str) -> None:
    platform.until(lambda: caught_up(platform), "it to catch up")
    with platform.owner().connect() as connection:
        promises_by_kind = plant(connection, statement)
        connection.rollback()
        assert promise in promises_by_kind[kind]
        assert broken(connection, lease=LEASE) == {}


@pytest.mark.scorecard(47)
def test_the_canary_falls_silent_when_no_run_ends(platform: Platform) -> None:
    with platform.owner().connect() as connection:
        assert canary_sings(connection, now=datetime.now(UTC))
        assert not canary_sings(connection, now=datetime.now(UTC) + timedelta(minutes=11))
