"""A record grows by days that nobody had chosen a genome on, by work that runs anyway, and never changes."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.backtests.baselines import run_baseline
from services.backtests.epochs import epoch_of, whole_days
from services.backtests.records import SUMS
from services.backtests.workbench import Workbench, open_workbench
from services.bots.acts import Act, ActWish, act_on_bot
from services.desk import Desk
from services.improvement.iterations import run_improvement
from store.market.bars import BarStore, NewSeries
from store.tables import Bot, BotEvidence, ImproveCandidate
from store.verification.records import RecordStretch
from tests.harness.actors import AMY
from tests.harness.factories import make_bot, make_generation
from tests.harness.known import known
from trading.days import day_number, on_day
from trading.figures.performance import sharpe_ratio
from trading.market.bars import bars_from_columns, columns_of
from trading.verification.betting import Bettor
from trading.verification.record import PrequentialRecord, TradedDays
from trading.verification.walk_forward import plan
from trading.work.jobs import JobStatus

ARCHETYPE = "trend_ema_cross"
HELD_BACK = 9


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    with stocked_desk.database.begin() as db:
        return make_bot(db, id=UUID(int=1), archetype=ARCHETYPE).id  # the search draws by it


@pytest.fixture
def earlier_desk(stocked_desk: Desk, bot_id: UUID, tmp_path: Path) -> Desk:
    """The desk as it was before the newest trading days."""
    at_hand = open_workbench(stocked_desk, bot_id).at_hand
    days = np.unique(at_hand.tape.trading_day)
    end = int(np.searchsorted(at_hand.tape.trading_day, days[-HELD_BACK]))
    columns = np.ascontiguousarray(columns_of(at_hand.bars)[:, :end])
    bars = bars_from_columns(columns, symbol="MES", timeframe="1h", provider=at_hand.bars.provider)
    store = BarStore(tmp_path / "earlier")
    store.write_all([NewSeries(bars, "before the newest days")])
    return replace(stocked_desk, bars=store)


def improved(desk: Desk, bot_id: UUID, *, run_id: str = "improves") -> None:
    assert run_improvement(desk, bot_id, run_id=run_id).status is JobStatus.COMPLETED


def stretches(desk: Desk, bot_id: UUID) -> list[RecordStretch]:
    own = select(RecordStretch).where(RecordStretch.bot_id == bot_id).order_by(RecordStretch.first_on)
    with desk.database() as db:
        return list(db.scalars(own))


def evidence(desk: Desk, bot_id: UUID) -> BotEvidence | None:
    with desk.database() as db:
        return db.scalar(select(BotEvidence).where(BotEvidence.bot_id == bot_id))


def session_pnl(bench: Workbench) -> dict[Any, int]:
    """Return what each trading day of a whole session earned: the change of its last equity."""
    backtest, days = bench.backtest(), bench.at_hand.tape.trading_day
    closes = {int(day): int(equity) for day, equity in zip(days, backtest.equity_micros, strict=True)}
    before = [bench.account.account_micros, *closes.values()]
    return {on_day(day): equity - last for (day, equity), last in zip(closes.items(), before, strict=False)}


def test_a_record_begins_with_the_test_days_of_the_first_search_and_the_sealed_days_after_them(
    stocked_desk: Desk, bot_id: UUID
) -> None:
    improved(stocked_desk, bot_id)
    bench = open_workbench(stocked_desk, bot_id)
    epoch = known(epoch_of(stocked_desk, bench))
    walked, sealed = stretches(stocked_desk, bot_id)[:-1], stretches(stocked_desk, bot_id)[-1]
    assert sealed.days_on == [on_day(day) for day in epoch.days]
    earned = session_pnl(bench)
    assert sealed.pnl_micros == [earned[day] for day in sealed.days_on]
    open_bench = bench.before(epoch.sealed_from)
    segments = plan(open_bench.at_hand.bars.ts_event)
    assert [row.origin for row in walked] == ["WALK_FORWARD"] * len(segments)
    with stocked_desk.database() as db:
        chosen = select(ImproveCandidate.genome_hash).where(ImproveCandidate.test_trades.is_not(None))
        assert [row.genome_hash for row in walked] == list(db.scalars(chosen.order_by(ImproveCandidate.segment)))
    days = open_bench.at_hand.tape.trading_day
    for row, segment in zip(walked, segments, strict=True):
        assert on_day(days[segment.train.end_bar - 1]) < row.first_on
        inside = set(days[segment.test.first_bar : segment.test.end_bar].tolist())
        assert set(map(day_number, row.days_on)) <= inside
        assert len(inside) - len(row.days_on) <= 2  # the days a cut goes through
    assert walked[-1].last_on < on_day(epoch.sealed_from)


def test_evidence_is_what_the_days_of_the_record_say(stocked_desk: Desk, bot_id: UUID) -> None:
    improved(stocked_desk, bot_id)
    rows, joined = stretches(stocked_desk, bot_id), known(evidence(stocked_desk, bot_id))
    pnl = [day for row in rows for day in row.pnl_micros]
    bettor = Bettor.new()
    for day in pnl:
        bettor = bettor.advance(day / 1e6)
    assert joined.log_e == pytest.approx(bettor.log_e, abs=1e-12)
    assert (joined.pnl_micros, joined.days) == (pnl, len(pnl))
    assert (joined.first_on, joined.last_on) == (rows[0].first_on, rows[-1].last_on)
    assert (joined.bars_kind, joined.is_newest, joined.proven) == ("SIMULATED", True, False)
    assert joined.figures.sharpe == sharpe_ratio(np.array(pnl) / 50_000e6)
    assert joined.figures.trades == sum(row.trades for row in rows) > 50
    profit, loss = (sum(getattr(row, name) for row in rows) for name in ("profit_micros", "loss_micros"))
    assert joined.figures.net_pnl_micros == profit - loss
    assert joined.figures.profit_factor == profit / loss


def test_trades_belong_to_the_stretch_they_ended_in(stocked_desk: Desk, bot_id: UUID) -> None:
    improved(stocked_desk, bot_id)
    bench, sealed = open_workbench(stocked_desk, bot_id), stretches(stocked_desk, bot_id)[-1]
    traded = bench.backtest().trades
    ended = {on_day(day) for day in bench.at_hand.tape.trading_day[traded.exit_bar]}
    net = [
        int(pnl)
        for pnl, bar in zip(traded.net_micros, traded.exit_bar, strict=True)
        if sealed.first_on <= on_day(bench.at_hand.tape.trading_day[bar]) <= sealed.last_on
    ]
    assert len(ended) > 10
    assert (sealed.trades, sealed.winners, sealed.losers) == (
        len(net),
        sum(pnl > 0 for pnl in net),
        sum(pnl < 0 for pnl in net),
    )
    assert sealed.profit_micros - sealed.loss_micros == sum(net)


def test_a_baseline_over_newer_bars_adds_the_whole_days_since_and_leaves_the_rest(
    stocked_desk: Desk, earlier_desk: Desk, bot_id: UUID
) -> None:
    improved(earlier_desk, bot_id)
    before, old = stretches(earlier_desk, bot_id), known(evidence(earlier_desk, bot_id))
    run_baseline(earlier_desk, bot_id, run_id="again")
    assert len(stretches(earlier_desk, bot_id)) == len(before)
    run_baseline(stocked_desk, bot_id, run_id="newer")
    after, new = stretches(stocked_desk, bot_id), known(evidence(stocked_desk, bot_id))
    assert [row.days_on for row in after[:-1]] == [row.days_on for row in before]
    bench = open_workbench(stocked_desk, bot_id)
    added = [on_day(day) for day in whole_days(bench) if on_day(day) > old.last_on]
    assert after[-1].days_on == added
    assert len(added) == HELD_BACK
    assert after[-1].pnl_micros == [session_pnl(bench)[day] for day in added]
    assert new.pnl_micros == old.pnl_micros + after[-1].pnl_micros


def test_evidence_that_grew_in_steps_is_that_of_all_stretches_counted_anew(
    stocked_desk: Desk, earlier_desk: Desk, bot_id: UUID
) -> None:
    improved(earlier_desk, bot_id)
    begun, old = len(stretches(earlier_desk, bot_id)), known(evidence(earlier_desk, bot_id))
    newer = [on_day(day) for day in whole_days(open_workbench(stocked_desk, bot_id)) if on_day(day) > old.last_on]
    with stocked_desk.database.begin() as db:
        make_generation(db, known(db.get(Bot, bot_id)), knows_until=newer[2])
    assert run_baseline(stocked_desk, bot_id, run_id="newer").error is None
    rows, grown = stretches(stocked_desk, bot_id), known(evidence(stocked_desk, bot_id))
    assert (len(rows), grown.last_on) == (begun + 2, newer[-1])
    anew = PrequentialRecord().followed_by(
        [
            TradedDays(
                day=np.array(list(map(day_number, row.days_on))),
                pnl_micros=np.array(row.pnl_micros),
                **{name: getattr(row, name) for name in SUMS},
            )
            for row in rows
        ]
    )
    assert grown.log_e == anew.log_e != old.log_e
    assert grown.figures == anew.figures(account_micros=50_000_000_000) != old.figures
    assert all(getattr(grown, name) == sum(getattr(row, name) for row in rows) for name in SUMS)


def test_a_day_is_traded_by_the_newest_generation_that_was_not_chosen_on_it(
    stocked_desk: Desk, earlier_desk: Desk, bot_id: UUID
) -> None:
    improved(earlier_desk, bot_id)
    last_on = known(evidence(earlier_desk, bot_id)).last_on
    newer = [on_day(day) for day in whole_days(open_workbench(stocked_desk, bot_id)) if on_day(day) > last_on]
    edited = {**open_workbench(stocked_desk, bot_id).genome, "ema_fast": 5}
    with stocked_desk.database.begin() as db:
        make_generation(db, known(db.get(Bot, bot_id)), genome=edited, knows_until=newer[2])
    assert run_baseline(stocked_desk, bot_id, run_id="newer").error is None
    first, second = stretches(stocked_desk, bot_id)[-2:]
    assert (first.generation_number, first.days_on) == (1, newer[:3])
    assert (second.generation_number, second.days_on) == (2, newer[3:])
    bench = open_workbench(stocked_desk, bot_id)
    assert bench.bot.generation == 2
    assert second.pnl_micros == [session_pnl(bench)[day] for day in newer[3:]]


def test_a_copy_of_what_was_chosen_has_a_record_only_of_days_it_was_not_chosen_on(
    stocked_desk: Desk, earlier_desk: Desk, bot_id: UUID
) -> None:
    improved(earlier_desk, bot_id)
    knows_until = known(evidence(earlier_desk, bot_id)).last_on
    with stocked_desk.database.begin() as db:
        make_generation(db, known(db.get(Bot, bot_id)), knows_until=knows_until)
    wish = ActWish(act=Act.COPY, bot_id=bot_id, reason_code="TRIED_AGAIN", actor=AMY, request_id="copies")
    copy_id = known(act_on_bot(stocked_desk, wish).copy_id)
    improved(stocked_desk, copy_id, run_id="copy")
    (only,) = stretches(stocked_desk, copy_id)
    assert (only.origin, only.first_on > knows_until) == ("IN_FORCE", True)
    assert len(only.days_on) == HELD_BACK


def test_no_baseline_begins_a_record(stocked_desk: Desk, bot_id: UUID) -> None:
    run_baseline(stocked_desk, bot_id, run_id="alone")
    assert (stretches(stocked_desk, bot_id), evidence(stocked_desk, bot_id)) == ([], None)


def test_the_database_refuses_days_that_overlap_or_come_between(stocked_desk: Desk, bot_id: UUID) -> None:
    improved(stocked_desk, bot_id)
    rows = stretches(stocked_desk, bot_id)
    columns = {column.name: getattr(rows[-1], column.name) for column in RecordStretch.__table__.columns}
    day = rows[-1].last_on + timedelta(days=1)
    following = columns | {"first_on": day, "last_on": day, "days_on": [day], "pnl_micros": [1]}
    for follows_on in (None, rows[0].last_on, rows[-1].last_on - timedelta(days=1)):
        with pytest.raises(IntegrityError), stocked_desk.database.begin() as db:
            db.add(RecordStretch(**following | {"follows_on": follows_on}))
    last_on = rows[-1].last_on
    twice = {"first_on": last_on, "last_on": last_on, "days_on": [last_on], "follows_on": last_on}
    with pytest.raises(IntegrityError, match="days_follow_each_other"), stocked_desk.database.begin() as db:
        db.add(RecordStretch(**following | twice))
    for change in (update(RecordStretch).values(pnl_micros=[0]), delete(RecordStretch)):
        with stocked_desk.database.begin() as db, pytest.raises(DBAPIError):
            db.execute(change)
    with stocked_desk.database.begin() as db:
        db.add(RecordStretch(**following | {"follows_on": rows[-1].last_on}))
    assert [later.follows_on for later in stretches(stocked_desk, bot_id)[1:]] == [
        earlier.last_on for earlier, _ in pairwise(stretches(stocked_desk, bot_id))
    ]
