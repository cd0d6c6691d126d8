"""Verifications of a bot: every kind runs, is stored with its limits, repeats itself, and catches planted cheats."""

import json
import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import ProgrammingError

from services.backtests.baselines import run_baseline
from services.backtests.epochs import open_days
from services.backtests.workbench import Workbench, open_workbench
from services.bots.life import bot_life
from services.desk import Desk
from services.improvement.iterations import run_improvement
from services.market.bars import import_bars
from services.market.tapes import BarSupply
from services.verification.detectors import check_look_ahead, check_warm_up
from services.verification.findings import seed_of
from services.verification.verifications import CHECKS, ON_OPEN_DAYS, verify
from store.market.bars import BarStore
from store.tables import BacktestSession, ImproveCandidate
from store.verification.verifications import KINDS, VERDICTS, VerificationRun
from tests.harness.factories import make_bot
from tests.oracle.both_ways import by_hand
from trading.errors import Refused, UnknownBots
from trading.market.marks import marks_note
from trading.strategies.archetypes import ONE_PER_FAMILY
from trading.strategies.genome import Genome
from trading.strategies.memory import WARM_UP_TOLERANCE
from trading.strategies.signals import Signals, signals
from trading.strategies.tape import Tape
from trading.verification import verdicts
from trading.verification.verdicts import LIMITS, Grade, Kind


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    with stocked_desk.database.begin() as db:
        return make_bot(db, name="Planted Trader", archetype="trend_ema_cross").id


def silent(_step: str, _done: int, _of: int) -> None:
    """Tell nobody."""


def stored(desk: Desk, kind: Kind) -> list[VerificationRun]:
    with desk.database() as db:
        own = select(VerificationRun).where(VerificationRun.kind == kind).order_by(VerificationRun.created_at)
        return list(db.scalars(own))


def is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(is_json(each) for each in value.values())
    if isinstance(value, list):
        return all(is_json(each) for each in value)
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def test_the_table_knows_every_kind_and_grade() -> None:
    assert set(KINDS) == {str(kind) for kind in Kind} == {str(kind) for kind in CHECKS}
    assert set(VERDICTS) == {str(grade) for grade in Grade}
    assert all(LIMITS[kind].can_show and LIMITS[kind].cannot_show for kind in Kind)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SHARPE])
def test_a_check_is_stored_with_what_it_ran_and_what_it_cannot_show(
    stocked_desk: Desk, bot_id: UUID, kind: Kind
) -> None:
    steps: list[tuple[str, int, int]] = []
    first = verify(stocked_desk, bot_id, kind, run_id="run-1", progress=lambda *step: steps.append(step))
    (row,) = stored(stocked_desk, kind)
    assert (row.id, row.bot_id, row.verdict, row.reason) == (first.id, bot_id, first.grade, first.reason)
    assert (row.run_id, row.generation_number, row.data_source, row.session_id) == ("run-1", 1, "SIMULATED", None)
    whole = open_workbench(stocked_desk, bot_id)
    read = open_days(stocked_desk, whole) if kind in ON_OPEN_DAYS else whole
    assert row.data_fingerprint == read.at_hand.bars.fingerprint
    assert (row.can_show, row.cannot_show) == (LIMITS[kind].can_show, LIMITS[kind].cannot_show)
    assert row.figures
    assert is_json(row.figures)
    walked = kind is Kind.WALK_FORWARD
    read_by_gates = (row.figures["consistency"], row.figures["overfit_ratio"]) if walked else (None, None)
    assert (row.walk_forward_consistency, row.walk_forward_overfit_ratio) == read_by_gates
    assert steps
    assert all(done <= of for _, done, of in steps)
    again = verify(stocked_desk, bot_id, kind)
    assert (again.seed, again.reason) == (first.seed, first.reason)
    assert [each.figures for each in stored(stocked_desk, kind)] == [row.figures] * 2


def test_seeds_differ_between_kinds(stocked_desk: Desk, bot_id: UUID) -> None:
    bench = open_workbench(stocked_desk, bot_id)
    assert len({seed_of(bench.bot, kind) for kind in Kind}) == len(Kind)


def test_the_sharpe_of_a_session_is_judged_as_the_session_ran(stocked_desk: Desk, bot_id: UUID) -> None:
    with pytest.raises(Refused, match="no completed session"):
        verify(stocked_desk, bot_id, Kind.SHARPE)
    run_baseline(stocked_desk, bot_id, run_id="run-1")
    verified = verify(stocked_desk, bot_id, Kind.SHARPE)
    (row,) = stored(stocked_desk, Kind.SHARPE)
    with stocked_desk.database() as db:
        judged = db.get_one(BacktestSession, row.session_id)
    assert row.data_fingerprint == judged.data_fingerprint
    daily = np.diff([float(usd) for usd in (judged.account_usd, *judged.equity_usd)]) / float(judged.account_usd)
    assert judged.figures.sharpe is not None
    assert verified.figures["sharpe_per_day"] == pytest.approx(daily.mean() / daily.std(ddof=1))
    assert verified.figures["sharpe_per_day"] * math.sqrt(252) == pytest.approx(judged.figures.sharpe)
    assert verified.figures["deflated"] == pytest.approx(verified.figures["probabilistic"])


def test_what_was_tried_deflates_the_sharpe_and_is_compared(stocked_desk: Desk, bot_id: UUID) -> None:
    run_baseline(stocked_desk, bot_id, run_id="run-1")
    run_improvement(stocked_desk, bot_id, run_id="run-2")
    with stocked_desk.database() as db:
        tried = db.scalar(select(func.count()).select_from(ImproveCandidate))
        genomes = db.scalar(select(func.count(ImproveCandidate.genome_hash.distinct())))
    sharpe = verify(stocked_desk, bot_id, Kind.SHARPE).figures
    assert sharpe["tried"] == tried
    assert sharpe["deflated"] < sharpe["probabilistic"]
    overfitting = verify(stocked_desk, bot_id, Kind.PBO).figures
    assert overfitting["candidates_from"] == "improve and evolve iterations"
    assert overfitting["candidates"] == min(genomes or 0, 120)


def test_the_stress_suite_trades_through_targets_as_the_slow_book_does(stocked_desk: Desk, bot_id: UUID) -> None:
    figures = verify(stocked_desk, bot_id, Kind.STRESS).figures
    bench = open_workbench(stocked_desk, bot_id)
    strict = replace(bench.account, through_ticks=1)
    trades, equity_micros, _, _ = by_hand((bench.at_hand.bars, bench.at_hand.sessions, bench.strategy, strict))
    assert (figures["traded_through"]["ticks"], figures["traded_through"]["trades"]) == (1, len(trades))
    earned_micros = equity_micros[-1] - strict.account_micros
    assert figures["traded_through"]["net_pnl_usd"] == earned_micros / 1e6
    said = [failure for failure in figures["failures"] if "a touch fills no target" in failure]
    assert bool(said) is (earned_micros <= 0)


def test_the_newest_run_of_each_kind_is_read_back(stocked_desk: Desk, bot_id: UUID, clock: Any) -> None:
    verify(stocked_desk, bot_id, Kind.STRESS)
    clock.advance(minutes=1)
    newest = verify(stocked_desk, bot_id, Kind.STRESS)
    verify(stocked_desk, bot_id, Kind.SENSITIVITY)
    latest = {run.kind: run for run in bot_life(stocked_desk, bot_id).verifications}
    assert set(latest) == {Kind.STRESS, Kind.SENSITIVITY}
    assert latest[Kind.STRESS].id == newest.id
    assert latest[Kind.STRESS].created_at == newest.created_at


def test_a_stored_run_cannot_be_changed(stocked_desk: Desk, bot_id: UUID) -> None:
    verify(stocked_desk, bot_id, Kind.WARM_UP)
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|append-only"),
        stocked_desk.database.begin() as db,
    ):
        db.execute(update(VerificationRun).values(verdict="PASSED"))


def test_an_unknown_bot_is_refused(stocked_desk: Desk) -> None:
    with pytest.raises(UnknownBots):
        verify(stocked_desk, UUID(int=1), Kind.STRESS)


def planted(tape: Tape, archetype: str, genome: Genome, *, knows: str) -> Signals:
    """A rule that knows something of the future."""
    honest = signals(tape, archetype, genome)
    side = honest.side.copy()
    unit = np.full(len(tape), 40.0)
    if knows == "the next close":
        side[:-1] = np.sign(tape.close[1:] - tape.close[:-1]).astype(np.int8)
    if knows == "a centred average":
        smooth = np.convolve(tape.close, np.ones(21) / 21, mode="same")
        side = np.sign(tape.close - smooth).astype(np.int8)
    if knows == "the highest price of all":
        side = np.where(tape.close > 0.9 * tape.high.max(), -1, 1).astype(np.int8)
    if knows == "how volatile it will be":
        unit = np.full(len(tape), tape.close.std())
        side = np.where(side == 0, 1, side).astype(np.int8)
    return Signals(side, unit, unit)


CHEATS = ("the next close", "a centred average", "the highest price of all", "how volatile it will be")


@pytest.mark.scorecard(21)
@pytest.mark.parametrize("cheat", CHEATS)
def test_a_rule_that_knows_the_future_is_caught(stocked_desk: Desk, bot_id: UUID, cheat: str) -> None:
    bench = open_workbench(stocked_desk, bot_id)
    finding = check_look_ahead(stocked_desk, bench, silent, wanting=lambda *of: planted(*of, knows=cheat))
    assert finding.verdict.grade is Grade.FAILED
    assert finding.figures["found"] > 0


@pytest.mark.scorecard(21)
@pytest.mark.scorecard(22)
@pytest.mark.parametrize("archetype", ONE_PER_FAMILY)
@pytest.mark.parametrize("timeframe", ["15m", "1h"])
def test_no_family_knows_the_future_or_remembers_the_beginning(
    stocked_desk: Desk, archetype: str, timeframe: str
) -> None:
    with stocked_desk.database.begin() as db:
        bot_id = make_bot(db, archetype=archetype, timeframe=timeframe).id
    bench = open_workbench(stocked_desk, bot_id)
    for check in (check_look_ahead, check_warm_up):
        finding = check(stocked_desk, bench, silent)
        assert (finding.verdict.grade, finding.figures["found"]) == (Grade.PASSED, 0), finding.figures
    assert finding.figures["beginnings"] > 5
    assert finding.figures["largest_difference"] <= finding.figures["tolerance"] == WARM_UP_TOLERANCE


def remembering(tape: Tape, archetype: str, genome: Genome, *, what: str) -> Signals:
    """A rule that remembers how its history began."""
    honest = signals(tape, archetype, genome)
    side, unit = honest.side.copy(), honest.stop_unit_ticks.copy()
    if what == "the first price":
        side = np.sign(tape.close - tape.close[0]).astype(np.int8)
    if what == "the average of all so far":
        side = np.sign(tape.close - np.cumsum(tape.close) / np.arange(1, len(tape) + 1)).astype(np.int8)
    if what == "how many bars there were":
        side = np.where(np.arange(len(tape)) % 7 == 0, 1, 0).astype(np.int8)
    if what == "a little of the first price":
        unit *= 1.0 + 1e-6 * tape.close[0]
    return Signals(side, unit, unit)


@pytest.mark.scorecard(22)
@pytest.mark.parametrize(
    "what", ["the first price", "the average of all so far", "how many bars there were", "a little of the first price"]
)
def test_a_rule_that_remembers_the_beginning_is_caught(stocked_desk: Desk, bot_id: UUID, what: str) -> None:
    bench = open_workbench(stocked_desk, bot_id)
    finding = check_warm_up(stocked_desk, bench, silent, wanting=lambda *of: remembering(*of, what=what))
    assert finding.verdict.grade is Grade.FAILED


@pytest.fixture
def marked(desk: Desk, tmp_path: Path) -> Workbench:
    """A bot over bars that were made from marks: each opens where the one before closed, and none has a wick."""
    chance = np.random.default_rng(11)
    close = 5_000 + np.cumsum(chance.integers(-8, 9, 900)) * 0.25
    opened = np.append(close[0], close[:-1])
    lines = ["ts_event,symbol,open,high,low,close,volume"]
    start = date(2024, 1, 8)
    for bar in range(900):
        at = f"{start + timedelta(days=bar // 20 // 5 * 7 + bar // 20 % 5)}T{bar % 20:02d}:00:00Z"
        body = (opened[bar], max(opened[bar], close[bar]), min(opened[bar], close[bar]), close[bar])
        lines.append(f"{at},MES,{','.join(str(price) for price in body)},0")
    path = tmp_path / "marks.csv"
    path.write_text("\n".join([*lines, ""]))
    store = BarStore(tmp_path / "bars")
    report = import_bars(store, path)
    assert any("made from marks" in note for note in report.notes)
    with desk.database.begin() as db:
        bot_id = make_bot(db).id
    return open_workbench(replace(desk, bars=store), bot_id)


def test_bars_made_from_marks_say_so_in_every_session(desk: Desk, marked: Workbench, tmp_path: Path) -> None:
    at_desk = replace(desk, bars=BarStore(tmp_path / "bars"))
    run_baseline(at_desk, marked.bot.id, run_id="run-1")
    run = verify(at_desk, marked.bot.id, Kind.STRESS)
    with desk.database() as db:
        (notes,) = db.scalars(select(BacktestSession.notes))
    assert any("no wick" in note and "flattered" in note for note in notes)
    assert any("no wick" in note for note in run.figures["notes"])


def test_longer_bars_made_of_marks_are_marks_too_also_by_the_notes_of_an_older_catalog(
    marked: Workbench, tmp_path: Path
) -> None:
    store = BarStore(tmp_path / "bars")
    assert marks_note(store.load("MES", "1d")) is None
    assert BarSupply(store, "MES", "FULL_24x5").read("1d").data_source == "marks-MARKS"
    assert BarSupply(store, "MES", "FULL_24x5").before(19_750).read("1d").data_source == "marks-MARKS"
    path = tmp_path / "bars" / "catalog.json"
    catalog = json.loads(path.read_text())
    assert [row["of_marks"] for row in catalog["series"] if row["symbol"] == "MES"] == [True, False]
    for row in catalog["series"]:
        del row["of_marks"]
    path.write_text(json.dumps(catalog))
    assert BarSupply(store, "MES", "FULL_24x5").read("1d").data_source == "marks-MARKS"
    assert not store.series()[1].of_marks


def test_holes_unmarked_rolls_and_bars_outside_are_told_in_every_session(
    desk: Desk, marked: Workbench, tmp_path: Path
) -> None:
    at_desk = replace(desk, bars=BarStore(tmp_path / "bars"))
    run_baseline(at_desk, marked.bot.id, run_id="run-1")
    with desk.database() as db:
        (notes,) = db.scalars(select(BacktestSession.notes))
    series = at_desk.bars.best("MES", "1h")
    assert series is not None
    assert set(series.notes) <= set(notes)
    words = " / ".join(notes)
    assert "MES: 128 bars missing in 44 places of its sessions, the most (3) after 2024-01-08 19:00 UTC" in words
    assert "MES: 4 of 900 bars lie outside every session" in words
    assert "MES: a series without contract months: its rolls are not marked" in words


def test_thresholds_are_those_of_the_gate_table() -> None:
    assert (verdicts.WALK_FORWARD_CONSISTENCY, verdicts.WALK_FORWARD_OVERFIT_RATIO) == (0.5, 2.5)
