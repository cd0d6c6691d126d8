"""Nothing that searches reads a sealed day, and a sealed day is looked at no more often than its epoch allows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select

from services.backtests.epochs import epoch_of, whole_days
from services.backtests.workbench import Workbench, open_workbench
from services.bots.acts import Act, ActWish, act_on_bot
from services.desk import Desk
from services.improvement.iterations import Evolution, Improvement, run_improvement
from services.improvement.results import Iteration
from services.progress import silent
from services.verification.verifications import ON_OPEN_DAYS, verify
from services.work.autonomy import run_autonomy_tick, series_at_hand
from store.improvement.looks import SealedEpoch, SealedLook, newest_epoch
from store.market.bars import BarStore, NewSeries
from store.tables import AutonomyBotDecision, BotProgress, ImproveIteration
from store.work import jobs
from tests.harness.actors import AMY
from tests.harness.factories import make_bot
from tests.harness.known import known
from tests.harness.searches import best_of, in_order
from trading.days import day_number
from trading.figures.performance import Performance
from trading.improvement import looks
from trading.improvement.looks import NEW_EPOCH_DAYS, Look
from trading.market.bars import bars_from_columns, columns_of
from trading.strategies.genome import Genome, default_genome, validated
from trading.verification.verdicts import Kind
from trading.verification.walk_forward import Fence
from trading.work.jobs import JobStatus, JobType
from trading.work.planner import Decision, Reason

ARCHETYPE = "trend_ema_cross"
LONGER = ("1h", "1d")


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    with stocked_desk.database.begin() as db:
        return make_bot(db, id=UUID(int=1), archetype=ARCHETYPE).id  # the search draws by it


def bench_of(desk: Desk, bot_id: UUID) -> tuple[Workbench, int]:
    whole = open_workbench(desk, bot_id)
    return whole, known(epoch_of(desk, whole)).sealed_from


@pytest.fixture
def noise_desk(stocked_desk: Desk, bot_id: UUID, tmp_path: Path) -> Desk:
    """The desk with bars whose sealed days are noise: another walk from the last open close on."""
    store = BarStore(tmp_path / "noise")
    whole, sealed_from = bench_of(stocked_desk, bot_id)
    for timeframe in LONGER:
        at_hand = whole.supply.read(timeframe)
        columns, first = columns_of(at_hand.bars), int(np.searchsorted(at_hand.tape.trading_day, sealed_from))
        steps = np.random.default_rng(5).integers(-40, 41, len(at_hand.bars) - first)
        closes = columns[4, first - 1] + np.cumsum(steps)
        columns[1, first:] = np.append(columns[4, first - 1], closes[:-1])
        columns[4, first:] = closes
        columns[2, first:] = np.maximum(columns[1, first:], closes) + 3
        columns[3, first:] = np.minimum(columns[1, first:], closes) - 3
        columns[5, first:] = columns[5, first:][::-1]
        named = {"symbol": at_hand.bars.symbol, "timeframe": timeframe, "provider": at_hand.bars.provider}
        store.write_all([NewSeries(bars_from_columns(columns, **named), "noise after the open days")])
    return replace(stocked_desk, bars=store)


def performed(desk: Desk, bot_id: UUID, task: Improvement | Evolution) -> Iteration:
    """Perform an iteration of a bot as a job does, and record nothing of it."""
    job_type = JobType.IMPROVE if isinstance(task, Improvement) else JobType.EVOLVE
    with desk.database() as db:
        jobs.enqueue(db, [Decision(bot_id, Reason.BY_HAND, job_type, iteration=1)], now=desk.clock())
        claim = known(jobs.claim(db, job_type, run_id="a run", cap=1, now=desk.clock()))
        db.rollback()
    made = task.perform(desk, replace(claim), silent)
    assert isinstance(made, Iteration)
    return made


@pytest.mark.parametrize("task", [Improvement(), Evolution()], ids=["improve", "evolve"])
def test_noise_in_place_of_sealed_days_leaves_a_search_as_it_was_byte_for_byte(
    stocked_desk: Desk, noise_desk: Desk, bot_id: UUID, task: Improvement | Evolution
) -> None:
    with stocked_desk.database.begin() as db:
        for number in range(2, 6):
            make_bot(db, id=UUID(int=number), archetype=ARCHETYPE)  # siblings to be fathers
    own, noise = (performed(desk, bot_id, task) for desk in (stocked_desk, noise_desk))
    assert known(own.walk).trials > 50
    assert noise.walk == own.walk
    assert (noise.candidate, noise.seed, noise.evidence) == (own.candidate, own.seed, own.evidence)
    assert noise.at_hand.bars.fingerprint == own.at_hand.bars.fingerprint


@pytest.mark.parametrize("kind", sorted(ON_OPEN_DAYS))
def test_noise_in_place_of_sealed_days_leaves_the_checks_that_search_as_they_were(
    stocked_desk: Desk, noise_desk: Desk, bot_id: UUID, kind: Kind
) -> None:
    own, noise = (verify(desk, bot_id, kind) for desk in (stocked_desk, noise_desk))
    assert dict(noise.figures) | {"notes": []} == dict(own.figures) | {"notes": []}


def test_the_bars_a_search_is_handed_end_before_the_sealed_days_on_every_timeframe(
    stocked_desk: Desk, bot_id: UUID
) -> None:
    whole, sealed_from = bench_of(stocked_desk, bot_id)
    assert len(whole_days(whole)[whole_days(whole) >= sealed_from]) == 60
    for timeframe in ("5m", "15m", *LONGER):
        held = whole.before(sealed_from).supply.read(timeframe)
        assert held.tape.trading_day.max() < sealed_from <= whole.supply.read(timeframe).tape.trading_day.max()
        assert len(held.bars) == len(held.tape)


def test_a_planted_read_of_a_sealed_day_fails(
    stocked_desk: Desk, bot_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def peeks(fence: Fence, _: np.random.Generator) -> Genome:
        fence({}, 0, fence.train.end_bar + 100_000)
        raise AssertionError("it was let through")

    monkeypatch.setattr("services.improvement.iterations.neighbours_by_optuna", lambda *_: peeks)
    done = run_improvement(stocked_desk, bot_id, run_id="peeks")
    assert done.status is JobStatus.FAILED
    assert "a search may use bars" in known(done.error)


@dataclass(frozen=True)
class Luck:
    """Looks that are won or lost as told, over days that are the real ones."""

    passes: bool

    def __call__(self, candidate: Any, newest: Any, *, level: float, **_: Any) -> Look:
        days = len(candidate)
        return Look(
            statistic=2.0, p_value=0.5, level=level, days=days, active_days=days, passed=self.passes, reason="as told"
        )


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Let every search that finds another genome be worth a look, and decide how looks come out."""

    def decide(passes: bool) -> None:
        monkeypatch.setattr("services.improvement.iterations.screened", _only_the_same)
        monkeypatch.setattr("services.improvement.looks.can_win", lambda *_, **__: True)
        monkeypatch.setattr("services.improvement.looks.paired_look", Luck(passes))

    return decide


def _only_the_same(_: Performance, __: Performance, **___: Any) -> None:
    return None


def decision_of(desk: Desk, bot_id: UUID) -> str:
    tick = run_autonomy_tick(desk)
    with desk.database() as db:
        row = select(AutonomyBotDecision.reason_code).where(
            AutonomyBotDecision.bot_id == bot_id, AutonomyBotDecision.run_id == tick.run_id
        )
        return known(db.scalar(row))


def test_looks_of_an_epoch_are_counted_and_when_they_are_spent_no_iteration_is_planned(
    stocked_desk: Desk, bot_id: UUID, looking: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "LEVELS", (0.025, 0.025))
    looking(False)
    for number in (1, 2):
        assert run_improvement(stocked_desk, bot_id, run_id=f"run-{number}").figures["reason_code"] == "LOOK_LOST"
    third = run_improvement(stocked_desk, bot_id, run_id="run-3").figures
    assert (third["reason_code"], third["candidates_tried"]) == ("EVIDENCE_SPENT", 0)
    assert str(third["reason"]).endswith(f"waits for {NEW_EPOCH_DAYS} more trading days")
    whole, sealed_from = bench_of(stocked_desk, bot_id)
    with stocked_desk.database() as db:
        rows = db.scalars(select(SealedLook).order_by(SealedLook.number)).all()
        until = known(db.get_one(BotProgress, bot_id).evidence_waits_until)
    days = whole_days(whole)
    assert [(row.epoch, row.number, row.passed, row.level) for row in rows] == [
        (1, 1, False, 0.025),
        (1, 2, False, 0.025),
    ]
    assert [(day_number(row.first_on), day_number(row.last_on)) for row in rows] == [(sealed_from, days[-1])] * 2
    assert until > whole.at_hand.bars.ts_event[-1:].astype("datetime64[ns]")[0].astype("datetime64[D]").item()
    assert (until - rows[0].last_on).days > NEW_EPOCH_DAYS * 7 / 5


def test_a_genome_that_lost_a_look_has_no_other_at_the_same_days(
    stocked_desk: Desk, bot_id: UUID, looking: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    looking(False)
    other = validated(ARCHETYPE, {**default_genome(ARCHETYPE), "ema_fast": 5, "ema_slow": 40})
    only = best_of(in_order([other]), trials=1)
    monkeypatch.setattr("services.improvement.iterations.neighbours_by_optuna", lambda *_: only)
    reasons = [run_improvement(stocked_desk, bot_id, run_id=f"run-{n}").figures["reason_code"] for n in range(3)]
    assert reasons == ["LOOK_LOST", "LOST_BEFORE", "LOST_BEFORE"]
    with stocked_desk.database() as db:
        assert db.scalars(select(SealedLook.number)).all() == [1]


def test_a_bot_without_a_look_waits_for_the_bars_that_give_it_one(
    stocked_desk: Desk, bot_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    (last_at,) = {row[2] for key, row in series_at_hand(stocked_desk.bars).items() if key == ("MES", "1h")}
    _give_baseline(stocked_desk, bot_id)
    for until, reason in ((last_at.date() + timedelta(days=1), "EVIDENCE_SPENT"), (last_at.date(), "IMPROVE_DUE")):
        with stocked_desk.database.begin() as db:
            db.get_one(BotProgress, bot_id).evidence_waits_until = until
        assert decision_of(stocked_desk, bot_id) == reason


def _give_baseline(desk: Desk, bot_id: UUID) -> None:
    from services.backtests.baselines import run_baseline

    assert run_baseline(desk, bot_id, run_id="baseline").status is JobStatus.COMPLETED


def test_a_look_that_is_won_makes_a_generation_that_knows_its_days_and_closes_the_epoch(
    stocked_desk: Desk, bot_id: UUID, looking: Callable[[bool], None]
) -> None:
    looking(True)
    assert run_improvement(stocked_desk, bot_id, run_id="run-1").figures["reason_code"] == "ACCEPTED"
    assert run_improvement(stocked_desk, bot_id, run_id="run-2").figures["reason_code"] == "EVIDENCE_SPENT"
    with stocked_desk.database() as db:
        look = db.scalars(select(SealedLook)).one()
        iteration = db.scalars(select(ImproveIteration).where(ImproveIteration.accepted)).one()
        row = known(newest_epoch(db, bot_id))
    assert (look.new_generation, look.iteration_id, look.passed) == (2, iteration.id, True)
    assert (row.epoch, row.looks, row.passed, row.last_on) == (1, 1, True, look.last_on)


def test_new_days_open_an_epoch_of_their_own_and_the_old_ones_with_it(
    stocked_desk: Desk, bot_id: UUID, looking: Callable[[bool], None], tmp_path: Path
) -> None:
    looking(True)
    store, whole = BarStore(tmp_path / "growing"), open_workbench(stocked_desk, bot_id)
    days = whole_days(whole)
    shorter = replace(stocked_desk, bars=store)
    _write_until(store, whole, int(days[-NEW_EPOCH_DAYS]))
    assert run_improvement(shorter, bot_id, run_id="run-1").figures["reason_code"] == "ACCEPTED"
    _write_until(store, whole, int(days[-1]))
    assert run_improvement(shorter, bot_id, run_id="run-2").figures["reason_code"] == "EVIDENCE_SPENT"
    _write_until(store, whole, int(days[-1]) + 7)
    assert run_improvement(shorter, bot_id, run_id="run-3").figures["reason_code"] == "ACCEPTED"
    with stocked_desk.database() as db:
        epochs = db.scalars(select(SealedEpoch).order_by(SealedEpoch.epoch)).all()
        first, second = db.scalars(select(SealedLook).order_by(SealedLook.epoch)).all()
    assert [epoch.epoch for epoch in epochs] == [1, 2]
    assert first.last_on < second.first_on == epochs[1].sealed_from
    assert second.days == NEW_EPOCH_DAYS


def _write_until(store: BarStore, whole: Workbench, day: int) -> None:
    end = int(np.searchsorted(whole.at_hand.tape.trading_day, day, side="right"))
    columns = np.ascontiguousarray(columns_of(whole.at_hand.bars)[:, :end])
    bars = bars_from_columns(columns, symbol="MES", timeframe="1h", provider="SIMULATED")
    store.write_all([NewSeries(bars, "bars that arrive")])


def test_a_copy_has_the_looks_its_lineage_has_had(
    stocked_desk: Desk, bot_id: UUID, looking: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "LEVELS", (0.025, 0.025))
    looking(False)
    assert run_improvement(stocked_desk, bot_id, run_id="run-1").figures["reason_code"] == "LOOK_LOST"
    wish = ActWish(act=Act.COPY, bot_id=bot_id, reason_code="TRY_AGAIN", actor=AMY, request_id="copy")
    copy = known(act_on_bot(stocked_desk, wish).copy_id)
    assert run_improvement(stocked_desk, copy, run_id="run-2").figures["reason_code"] == "LOOK_LOST"
    assert run_improvement(stocked_desk, copy, run_id="run-3").figures["reason_code"] == "EVIDENCE_SPENT"


def test_a_history_too_short_to_seal_days_of_it_has_no_look(stocked_desk: Desk, bot_id: UUID, tmp_path: Path) -> None:
    whole, _ = bench_of(replace(stocked_desk), bot_id)
    short = replace(stocked_desk, bars=BarStore(tmp_path / "short"))
    _write_until(short.bars, whole, int(whole_days(whole)[80]))
    with stocked_desk.database.begin() as db:
        other = make_bot(db, archetype=ARCHETYPE).id
    for bot, reason in ((other, "needs 100 whole trading days to seal some, was 80"), (bot_id, "its bars have 0")):
        figures = run_improvement(short, bot, run_id="run-1").figures
        assert (figures["reason_code"], figures["candidates_tried"]) == ("TOO_FEW_DAYS", 0)
        assert reason in str(figures["reason"])
