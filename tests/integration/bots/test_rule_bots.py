"""Bots whose strategy is a rule text: registered, kept, and put through everything an archetype goes through."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DatabaseError, IntegrityError
from typer.testing import CliRunner

from orchestration.cli import bot_work, main, verify_work
from services.audit.chain import verify_chain
from services.backtests.baselines import BaselineBacktest, run_baseline
from services.backtests.workbench import bot_at_work, open_workbench
from services.bots.registration import BotRequest, Registered, bot_named, register_bot, short_id
from services.desk import Desk
from services.improvement.iterations import Evolution, Improvement
from services.verification.detectors import check_look_ahead
from services.verification.verifications import verify
from services.work.autonomy import run_autonomy_tick
from services.work.queue import Task, drain
from store.database import transaction
from store.improvement.iterations import sibling_genomes
from store.tables import AuditEvent, BacktestSession, Bot, BotGeneration, BotProgress, ImproveCandidate, StoredRuleText
from tests.harness.actors import TESTER
from tests.harness.clocks import FixedClock
from tests.harness.commands import let_commands_find
from tests.harness.factories import make_bot
from tests.harness.rule_texts import AS_TEXTS
from trading.errors import (
    BadInput,
    NameTaken,
    RuleSyntaxError,
    UnknownArchetype,
    UnknownBots,
    UnknownInstrument,
    UnknownSessionMode,
    UnknownTimeframe,
)
from trading.strategies.genome import Genome, Style, default_genome, genome_hash, schema
from trading.strategies.rules import rule_text
from trading.strategies.signals import Signals
from trading.strategies.styles import entry_signals
from trading.strategies.tape import Tape
from trading.verification.verdicts import Grade, Kind
from trading.work.jobs import JobStatus, JobType

SURGE = AS_TEXTS["momentum_surge"]
HOUR = timedelta(hours=1)
WANTED = BotRequest(symbol="MES", timeframe="1h", actor=TESTER, rule=SURGE, name="Surge One")
TASKS: dict[JobType, Task] = {
    JobType.BACKTEST: BaselineBacktest(),
    JobType.IMPROVE: Improvement(),
    JobType.EVOLVE: Evolution(),
}


def registered(desk: Desk, **over: Any) -> Registered:
    return register_bot(desk, replace(WANTED, **over))


def drained(desk: Desk, job_type: JobType) -> list[JobStatus]:
    work = drain(desk, TASKS[job_type], job_type, run_id=f"run-{uuid4()}", time_limit=HOUR)
    return [done.status for done in work]


def silent(_step: str, _done: int, _of: int) -> None:
    """Tell nobody."""


def test_is_registered_with_its_text_its_first_genome_and_an_audit_event(stocked_desk: Desk) -> None:
    done = registered(stocked_desk)
    style = rule_text(SURGE)
    assert (done.archetype, done.rule_fingerprint, done.has_bars) == ("rule", style.fingerprint, True)
    bot = bot_at_work(stocked_desk, done.id)
    assert (bot.name, bot.symbol, bot.timeframe, bot.generation) == ("Surge One", "MES", "1h", 1)
    assert (bot.rule_text, bot.rule_fingerprint) == (SURGE, style.fingerprint)
    assert bot.genome == dict(default_genome(style))
    with stocked_desk.database() as db:
        (event,) = db.scalars(select(AuditEvent))
        assert (event.action, event.actor, event.subject) == ("BOT_REGISTERED", "test", str(done.id))
        assert event.payload["ruleFingerprint"] == style.fingerprint
        assert db.scalar(select(Bot.stage)) == "LAB"
        assert db.scalar(select(func.count()).select_from(BotProgress)) == 1
    assert verify_chain(stocked_desk).is_whole


def test_two_bots_may_share_a_text_and_it_is_kept_once(desk: Desk) -> None:
    first, other = registered(desk), registered(desk, name="Surge Two", symbol="MGC")
    assert first.rule_fingerprint == other.rule_fingerprint
    assert not other.has_bars
    with desk.database() as db:
        assert db.scalars(select(StoredRuleText.text)).all() == [SURGE]


def test_an_archetype_is_registered_through_the_same_door(desk: Desk) -> None:
    done = registered(desk, rule=None, archetype="vwap_bounce", name=None, contracts=2, session_mode="rth")
    bot = bot_at_work(desk, done.id)
    assert (bot.archetype, bot.rule_text, bot.contracts, bot.session_mode) == ("vwap_bounce", None, 2, "RTH_US")
    assert bot.genome == dict(default_genome("vwap_bounce"))
    assert done.name.startswith("vwap_bounce MES 1h ")


@pytest.mark.parametrize(
    ("over", "error", "says"),
    [
        ({"rule": "long: close > hihg short: never"}, RuleSyntaxError, "line 1, column 15: expected one of open"),
        ({"rule": "long: close > open[-1] short: never"}, RuleSyntaxError, "a rule never looks forward"),
        ({"rule": SURGE + "\x00"}, RuleSyntaxError, "expected"),
        ({"archetype": "trend"}, BadInput, "both was given"),
        ({"rule": None}, BadInput, "neither was given"),
        ({"rule": None, "archetype": "rule"}, UnknownArchetype, "was 'rule'"),
        ({"symbol": "XXX"}, UnknownInstrument, "XXX"),
        ({"timeframe": "2h"}, UnknownTimeframe, "2h"),
        ({"session_mode": "lunch"}, UnknownSessionMode, "lunch"),
        ({"session_mode": "custom"}, BadInput, "CUSTOM"),
        ({"contracts": 0}, BadInput, "was 0"),
        ({"name": " "}, BadInput, "was ' '"),
        ({"name": "n" * 81}, BadInput, "1 to 80"),
        ({"name": "Surge\nOne"}, BadInput, "plain letters"),
    ],
)
def test_a_bad_wish_is_refused_and_leaves_nothing(
    desk: Desk, over: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says.replace("[", r"\[")):
        registered(desk, **over)
    with desk.database() as db:
        assert not db.scalar(select(func.count()).select_from(Bot))
        assert not db.scalar(select(func.count()).select_from(StoredRuleText))


def test_a_name_is_given_once_capitals_aside(desk: Desk) -> None:
    done = registered(desk)
    for name in ("Surge One", "sURGE oNE"):
        with pytest.raises(NameTaken, match="taken"):
            registered(desk, name=name)
        assert bot_named(desk, name) == done.id
    with pytest.raises(UnknownBots):
        bot_named(desk, "Surge Two")


def test_of_bots_by_one_name_at_once_one_is_registered_and_the_others_leave_nothing(desk: Desk) -> None:
    start = Barrier(4)

    def wish(number: int) -> bool:
        start.wait()
        try:
            registered(desk, rule=f"{SURGE} # {number}", name=("Surge One", "SURGE ONE", "surge one")[number % 3])
        except NameTaken:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(wish, range(4))) == [False, False, False, True]
    with desk.database() as db:
        bot = db.scalars(select(Bot)).one()
        assert db.scalars(select(StoredRuleText.fingerprint)).all() == [bot.rule_fingerprint]
        assert db.scalar(select(func.count()).select_from(AuditEvent)) == 1
    assert verify_chain(desk).is_whole


def test_the_database_keeps_a_text_and_the_bot_that_trades_by_it(desk: Desk) -> None:
    done = registered(desk)
    other = registered(desk, rule=AS_TEXTS["reversal"], name="Reverse One")
    changes = [
        update(StoredRuleText).values(text="long: close > open short: never"),
        update(Bot).where(Bot.id == done.id).values(rule_fingerprint=other.rule_fingerprint),
        update(Bot).where(Bot.id == done.id).values(rule_fingerprint=None, archetype="trend"),
    ]
    for change in changes:
        with pytest.raises(DatabaseError, match=r"permission denied|append-only|another one is another bot"):  # noqa: SIM117
            with desk.database.begin() as db:
                db.execute(change)
    with desk.database.begin() as db:
        db.execute(update(Bot).where(Bot.id == done.id).values(stage="PAPER"))


def test_the_database_refuses_a_text_under_a_false_fingerprint_and_a_rule_without_text(desk: Desk) -> None:
    with pytest.raises(IntegrityError, match="fingerprint_is_its_text"), desk.database.begin() as db:
        db.add(StoredRuleText(fingerprint="0" * 64, text=SURGE, created_at=desk.clock()))
    values = {"id": uuid4(), "name": "No Text", "symbol": "MES", "timeframe": "1h", "archetype": "rule"}
    now = desk.clock()
    with pytest.raises(IntegrityError, match="a_rule_has_its_text"), desk.database.begin() as db:
        db.add(Bot(**values, account_usd=10_000, stage_entered_at=now, created_at=now))


def test_goes_round_the_circle_and_its_sessions_say_which_text_ran(stocked_desk: Desk, clock: FixedClock) -> None:
    done = registered(stocked_desk)
    assert run_autonomy_tick(stocked_desk).summary["jobs_enqueued_by_type"]["BACKTEST"] == 1
    assert drained(stocked_desk, JobType.BACKTEST) == [JobStatus.COMPLETED]
    for _ in range(12):  # a search that finds something better puts a baseline between two searches
        clock.advance(hours=2)
        enqueued = run_autonomy_tick(stocked_desk).summary["jobs_enqueued_by_type"]
        for job_type in (JobType.BACKTEST, JobType.IMPROVE, JobType.EVOLVE):
            assert drained(stocked_desk, job_type) == [JobStatus.COMPLETED] * enqueued[job_type]
        if enqueued["EVOLVE"]:
            break
    with stocked_desk.database() as db:
        sessions = db.scalars(select(BacktestSession)).all()
        assert {row.rule_fingerprint for row in sessions} == {done.rule_fingerprint}
        assert {row.archetype for row in sessions} == {"rule"}
        assert all(row.trades >= 15 for row in sessions)
        progress = db.get_one(BotProgress, done.id)
        assert progress.improve_iterations >= 3
        assert progress.evolve_iterations >= 1
        tried = db.scalars(select(ImproveCandidate.genome)).all()
        own = {name: {genome[name] for genome in tried} for name in ("momentum_bars", "momentum_atr", "stop_atr")}
        assert all(len(values) > 5 for values in own.values())
        rows = schema(rule_text(SURGE))
        assert all(rows[name].low <= value <= rows[name].high for name in own for value in own[name])


@pytest.mark.scorecard(20)
def test_trades_exactly_as_the_archetype_it_spells_out(stocked_desk: Desk) -> None:
    rule = registered(stocked_desk)
    named = registered(stocked_desk, rule=None, archetype="momentum_surge", name="Named One")
    for bot_id in (rule.id, named.id):
        run_baseline(stocked_desk, bot_id, run_id=f"run-{bot_id}")
    with stocked_desk.database() as db:
        rows = {row.bot_id: row for row in db.scalars(select(BacktestSession))}
    mine, theirs = rows[rule.id], rows[named.id]
    assert mine.trades > 15
    assert mine.order_list_hash == theirs.order_list_hash
    assert (mine.equity_usd, mine.genome_hash, mine.notes) == (theirs.equity_usd, theirs.genome_hash, theirs.notes)
    assert (mine.rule_fingerprint, theirs.rule_fingerprint) == (rule.rule_fingerprint, None)


def test_only_bots_of_the_same_text_are_siblings(desk: Desk) -> None:
    first, other = registered(desk), registered(desk, name="Surge Two")
    registered(desk, rule=AS_TEXTS["reversal"], name="Reverse One")
    named = registered(desk, rule=None, archetype="momentum_surge", name="Named One")
    with transaction(desk.database) as db:
        make_bot(db, archetype="momentum_surge", name="Named Two")
        assert sibling_genomes(db, first.id, before=date(2024, 1, 1), limit=9) == [dict(other.genome)]
        assert len(sibling_genomes(db, named.id, before=date(2024, 1, 1), limit=9)) == 1


@pytest.mark.scorecard(21)
@pytest.mark.scorecard(22)
@pytest.mark.parametrize("kind", list(Kind))
def test_every_check_knows_a_rule(stocked_desk: Desk, kind: Kind) -> None:
    bot_id = registered(stocked_desk).id
    if kind is Kind.SHARPE:
        run_baseline(stocked_desk, bot_id, run_id="run-1")
    verified = verify(stocked_desk, bot_id, kind)
    assert verified.figures
    if kind in (Kind.LOOK_AHEAD, Kind.WARM_UP):
        assert verified.grade is Grade.PASSED
        assert verified.figures["found"] == 0


@pytest.mark.scorecard(21)
def test_a_rule_that_peeked_after_all_would_be_caught(stocked_desk: Desk) -> None:
    """The language has no way to say it, so the peeking is planted behind the language."""
    bench = open_workbench(stocked_desk, registered(stocked_desk).id)

    def peeking(tape: Tape, style: Style, genome: Genome) -> Signals:
        honest = entry_signals(tape, style, genome)
        next_move = np.sign(np.append(np.diff(tape.close), 0.0))
        return replace(honest, side=np.where(honest.stop_unit_ticks > 0, next_move, 0).astype(np.int8))

    honest = check_look_ahead(stocked_desk, bench, silent)
    caught = check_look_ahead(stocked_desk, bench, silent, wanting=peeking)
    assert (honest.verdict.grade, caught.verdict.grade) == (Grade.PASSED, Grade.FAILED)


@pytest.fixture
def at_terminal(stocked_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    let_commands_find(stocked_desk, monkeypatch, bot_work, verify_work)
    return stocked_desk


def proving(*words: str) -> str:
    done = CliRunner().invoke(main.app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_is_added_shown_and_checked_from_the_command_line(at_terminal: Desk, tmp_path: Path) -> None:
    path = tmp_path / "surge.rule"
    path.write_text(SURGE, "utf-8")
    said = proving(*("bot", "add", "--rule", str(path), "--symbol", "MES", "--timeframe", "1h", "--name", "Typed Tern"))
    assert rule_text(SURGE).fingerprint in said
    assert "momentum(close, momentum_bars) >= momentum_atr" in said
    printed = proving("bot", "show", "typed tern").splitlines()
    assert said.splitlines()[1:-1] == printed[1:]
    short = printed[0].split()[-1]
    assert proving("bot", "show", short.upper()).splitlines() == printed
    with at_terminal.database() as db:
        assert short == short_id(db.scalars(select(Bot.id)).one())
    assert "left after a warm-up of" in printed[-1]
    assert "PASSED" in proving("check", "lookahead", "Typed Tern")
    with at_terminal.database() as db:
        generation = db.scalars(select(BotGeneration)).one()
    assert generation.genome_hash == genome_hash(default_genome(rule_text(SURGE)))


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_is_refused_and_none_made_up(at_terminal: Desk, name: str) -> None:
    for dry_run in ([], ["--dry-run"]):
        with pytest.raises(BadInput, match="a bot's name must not be empty or blank, was '"):
            proving(
                *("bot", "add", "--archetype", "breakout", "--symbol", "MES", "--timeframe", "1h", "--name", name),
                *dry_run,
            )
    with at_terminal.database() as db:
        assert db.scalars(select(BotGeneration)).all() == []


def test_a_bad_rule_is_refused_with_its_line_shown(at_terminal: Desk, tmp_path: Path) -> None:
    path = tmp_path / "bad.rule"
    path.write_text("# a comment\nlong: close > hihg\nshort: mirror\n", "utf-8")
    with pytest.raises(BadInput) as refused:
        proving("bot", "add", "--rule", str(path), "--symbol", "MES", "--timeframe", "1h")
    said = str(refused.value)
    assert said.startswith(f"{path}, line 2, column 15: expected one of open, high, low, close")
    assert said.endswith("found 'hihg'; did you mean high?\n  long: close > hihg\n                ^")
    path.write_bytes(b"\xff")
    with pytest.raises(BadInput, match=r"missing\.rule cannot be read: No such file"):
        proving("bot", "add", "--rule", str(tmp_path / "missing.rule"), "--symbol", "MES", "--timeframe", "1h")
    with pytest.raises(BadInput, match="must be UTF-8"):
        proving("bot", "add", "--rule", str(path), "--symbol", "MES", "--timeframe", "1h")


def test_the_application_may_read_and_add_texts_and_nothing_else(desk: Desk) -> None:
    registered(desk)
    with desk.database() as db:
        may = {
            right: db.scalar(select(func.has_table_privilege("rule_texts", right)))
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
        }
    assert may == {"SELECT": True, "INSERT": True, "UPDATE": False, "DELETE": False, "TRUNCATE": False}


def test_a_bot_of_another_generation_of_tables_is_left_as_it_was(owner: Any, desk: Desk) -> None:
    """Bots from before rule texts have no fingerprint and run as they did."""
    with desk.database.begin() as db:
        bot_id: UUID = make_bot(db, archetype="breakout").id
    bot = bot_at_work(desk, bot_id)
    assert (bot.rule_text, bot.rule_fingerprint) == (None, None)
    with owner.connect() as connection:
        nullable = text("SELECT is_nullable FROM information_schema.columns WHERE column_name = 'rule_fingerprint'")
        assert set(connection.execute(nullable).scalars()) == {"YES"}
