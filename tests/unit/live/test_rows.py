"""A row of the board holds each fact of its bot in its own cell."""

import math
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from api.live.rows import BoardRow, board_row, now_cell
from services.bots.cards import BookFigures, BotCard, RecordStanding
from trading.books import Stage
from trading.figures.declared import Figures
from trading.work.badges import Job, Situation, bot_now
from trading.work.jobs import JobStatus, JobType

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUNNING = Job(UUID(int=2), JobType.BACKTEST, JobStatus.RUNNING, NOW - 3 * HOUR, NOW - 2 * HOUR, 4, 0)
AT_WORK = bot_now(Situation(stage=Stage.PAPER, now=NOW, jobs=(RUNNING,)))


def card_with(metrics: BookFigures) -> BotCard:
    return BotCard(
        id=UUID(int=1),
        name="Otter",
        stage="PAPER",
        symbol="MES",
        timeframe="1h",
        archetype="breakout",
        generation=3,
        promotion_mode="AUTO",
        stage_locked_until=NOW + HOUR,
        stage_entered_at=NOW - 8 * HOUR,
        killed_at=None,
        archived_at=None,
        paused_at=None,
        metrics_reset_at=NOW - 7 * HOUR,
        bot_now=AT_WORK,
        progress_pct=41.6,
        dagster_run_id="run-1",
        confidence_pct=61.26,
        uniqueness_pct=17.84,
        record=RecordStanding(
            bars_kind="REAL",
            days=250,
            first_on=date(2025, 1, 6),
            last_on=date(2025, 12, 19),
            sharpe=1.26,
            log_e=math.log(25.0),
            proven_since=NOW,
        ),
        metrics=metrics,
        sparkline=(1.0, 2.0),
    )


@pytest.mark.parametrize(
    ("generation", "in_sample", "bust_at", "caveats"),
    [
        (None, False, None, 0),
        (3, False, None, 0),
        (3, True, None, 1),
        (3, False, NOW, 2),
        (2, False, None, 4),
        (2, True, NOW, 7),
    ],
)
def test_a_row_says_whose_its_figures_are(
    generation: int | None, in_sample: bool, bust_at: datetime | None, caveats: int
) -> None:
    figures = BookFigures(book="BACKTEST", since=None, generation=generation, in_sample=in_sample, bust_at=bust_at)
    assert board_row(card_with(figures)).caveats == caveats


def test_every_fact_has_its_own_cell() -> None:
    metrics = BookFigures(
        book="PAPER",
        since=NOW - 9 * HOUR,
        data_source="cme",
        figures=Figures(
            net_pnl_micros=12_345_678,
            trades=31,
            win_pct=51.26,
            profit_factor=1.456,
            max_drawdown_usd=432.109,
            max_drawdown_pct=8.76,
            sharpe=0.987,
        ),
    )
    row = board_row(card_with(metrics))
    assert row._replace(bot_now="") == BoardRow(
        id=UUID(int=1),
        name="Otter",
        stage="PAPER",
        symbol="MES",
        timeframe="1h",
        archetype="breakout",
        generation=3,
        bot_now="",
        book="PAPER",
        since="2026-03-02T06:00:00+00:00",
        net_pnl=12.35,
        trades=31,
        win_pct=51.3,
        max_drawdown_usd=432.11,
        max_drawdown_pct=8.8,
        profit_factor=1.46,
        sharpe=0.99,
        log10_e=1.4,
        proven=True,
        unseen_sharpe=1.3,
        confidence_pct=61.0,
        uniqueness_pct=18.0,
        source="cme",
        caveats=0,
        locked_until="2026-03-02T16:00:00+00:00",
        promotion="AUTO",
        progress_pct=42.0,
        run_id="run-1",
        spark="0z",
    )
    job = now_cell(AT_WORK)["activeJob"]
    assert (job["createdAt"], job["startedAt"]) == ("2026-03-02T12:00:00+00:00", "2026-03-02T13:00:00+00:00")
    assert (job["type"], job["status"], job["attempt"], job["iteration"]) == ("BACKTEST", "RUNNING", 4, 0)
