"""botNow: one state by precedence, the job behind it, and a badge only where real work is."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.books import Stage
from trading.work.badges import Job, Situation, State, Tone, bot_now, elapsed_text
from trading.work.jobs import JobStatus, JobType

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
JOB_ID = UUID("00000000-0000-4000-8000-000000000001")


def job(kind: str, status: str, *, attempt: int = 1, iteration: int = 0, started_ago: int = 0) -> Job:
    started = NOW - timedelta(seconds=started_ago) if status == "RUNNING" else None
    created = NOW - timedelta(seconds=started_ago + 60)
    return Job(JOB_ID, JobType(kind), JobStatus(status), created, started, attempt, iteration)


@pytest.mark.parametrize(
    ("kind", "status", "state", "text", "tone"),
    [
        ("BACKTEST", "RUNNING", "BACKTEST_RUNNING", "Backtesting • x2", "purple"),
        ("BACKTEST", "QUEUED", "BACKTEST_QUEUED", "Backtest queued • x2", "purple"),
        ("IMPROVE", "RUNNING", "IMPROVING_RUNNING", "Improving • #7", "blue"),
        ("IMPROVE", "QUEUED", "IMPROVING_QUEUED", "Improve queued • #7", "blue"),
        ("EVOLVE", "RUNNING", "EVOLVING_RUNNING", "Evolving • #7", "teal"),
        ("EVOLVE", "QUEUED", "EVOLVING_QUEUED", "Evolve queued • #7", "teal"),
    ],
)
def test_each_job_has_its_state_words_and_colour(kind: str, status: str, state: str, text: str, tone: str) -> None:
    now = bot_now(Situation(stage=Stage.LAB, now=NOW, jobs=(job(kind, status, attempt=2, iteration=7),)))
    assert now.state == state
    assert now.badge is not None
    assert (now.badge.text, now.badge.tone) == (text, tone)


def test_a_running_job_tells_how_long_and_which_attempt() -> None:
    now = bot_now(Situation(stage=Stage.LAB, now=NOW, jobs=(job("BACKTEST", "RUNNING", attempt=3, started_ago=406),)))
    assert now.tooltip == "Running 6m 46s • Attempt x3"
    assert now.active_job is not None
    assert now.active_job.elapsed_seconds == 406


def test_a_waiting_job_has_not_run_for_any_time() -> None:
    now = bot_now(Situation(stage=Stage.LAB, now=NOW, jobs=(job("BACKTEST", "QUEUED"),)))
    assert now.tooltip == "Waiting 1m 0s • Attempt x1"
    assert now.active_job is not None
    assert now.active_job.elapsed_seconds is None


def test_a_start_in_the_future_counts_as_no_time() -> None:
    now = bot_now(Situation(stage=Stage.LAB, now=NOW, jobs=(job("BACKTEST", "RUNNING", started_ago=-90),)))
    assert now.tooltip == "Running 0s • Attempt x1"


def test_killed_and_repeated_failure_win_over_rest_and_say_why() -> None:
    killed = bot_now(Situation(stage=Stage.LAB, now=NOW, killed=True))
    failing = bot_now(Situation(stage=Stage.LAB, now=NOW, failures_in_row=5))
    stale = bot_now(Situation(stage=Stage.PAPER, now=NOW, killed=True, runner_heartbeat_at=NOW))
    assert (killed.state, killed.reason) == (State.ERROR, "BOT_KILLED")
    assert (failing.state, failing.reason) == (State.ERROR, "REPEATED_FAILURE")
    assert stale.state is State.ERROR
    assert bot_now(Situation(stage=Stage.LAB, now=NOW, failures_in_row=4)).state is State.NEEDS_BACKTEST


@pytest.mark.parametrize("status", ["RUNNING", "QUEUED"])
@pytest.mark.parametrize("kind", ["BACKTEST", "IMPROVE", "EVOLVE"])
@pytest.mark.parametrize("trouble", [{"killed": True}, {"failures_in_row": 5}], ids=str)
def test_work_shows_with_its_badge_whatever_is_wrong_with_the_bot(trouble: Any, kind: str, status: str) -> None:
    work = (job(kind, status, attempt=2, iteration=7),)
    well = bot_now(Situation(stage=Stage.LAB, now=NOW, jobs=work))
    troubled = bot_now(Situation(stage=Stage.LAB, now=NOW, jobs=work, **trouble))
    assert troubled == well
    assert troubled.badge is not None


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, "RUNNER_RUNNING"), (60, "RUNNER_RUNNING"), (61, "RUNNER_STALE"), (None, "IDLE")]
)
def test_a_runner_is_stale_after_a_minute_of_silence(seconds: int | None, state: str) -> None:
    heartbeat = None if seconds is None else NOW - timedelta(seconds=seconds)
    assert bot_now(Situation(stage=Stage.PAPER, now=NOW, runner_heartbeat_at=heartbeat)).state == state


def test_a_lab_bot_has_no_runner() -> None:
    situation = Situation(stage=Stage.LAB, now=NOW, runner_heartbeat_at=NOW, has_completed_session=True)
    assert bot_now(situation).state is State.IDLE


def test_a_lab_bot_without_a_session_since_reset_needs_a_backtest() -> None:
    assert bot_now(Situation(stage=Stage.LAB, now=NOW)).state is State.NEEDS_BACKTEST
    assert bot_now(Situation(stage=Stage.LAB, now=NOW, has_completed_session=True)).state is State.IDLE
    assert bot_now(Situation(stage=Stage.PAPER, now=NOW)).state is State.IDLE
    assert bot_now(Situation(stage=Stage.LAB, now=NOW, archived=True)).state is State.ARCHIVED


def test_a_paused_bot_says_so_unless_it_works_and_its_failures_ask_nobody() -> None:
    paused = Situation(stage=Stage.LAB, now=NOW, paused=True)
    assert bot_now(paused).state is State.PAUSED
    assert bot_now(replace(paused, failures_in_row=5)).state is State.PAUSED
    assert bot_now(replace(paused, jobs=(job("BACKTEST", "RUNNING"),))).state is State.BACKTEST_RUNNING
    assert bot_now(replace(paused, killed=True)).state is State.ERROR
    assert bot_now(replace(paused, archived=True)).state is State.ARCHIVED


def test_a_clock_that_lags_behind_a_start_shows_no_negative_time() -> None:
    ahead = replace(job("BACKTEST", "RUNNING"), started_at=NOW + timedelta(seconds=9))
    behind = bot_now(Situation(stage=Stage.LAB, now=NOW, jobs=(ahead,)))
    assert behind.active_job is not None
    assert behind.active_job.elapsed_seconds == 0


PRECEDENCE = ["BACKTEST", "IMPROVE", "EVOLVE"]
ALL_WORK = [(kind, status) for status in ("RUNNING", "QUEUED") for kind in PRECEDENCE]


@pytest.mark.parametrize("pair", list(itertools.combinations(ALL_WORK, 2)))
def test_of_two_jobs_running_wins_then_backtest_improve_evolve(pair: tuple[tuple[str, str], tuple[str, str]]) -> None:
    stronger, weaker = pair
    jobs = (job(*weaker), job(*stronger))
    behind = bot_now(Situation(stage=Stage.LAB, now=NOW, jobs=jobs)).active_job
    assert behind is not None
    assert (behind.type, behind.status) == stronger


jobs = st.builds(
    Job,
    id=st.just(JOB_ID),
    type=st.sampled_from(JobType),
    status=st.sampled_from(JobStatus),
    created_at=st.datetimes(timezones=st.just(UTC)),
    started_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    attempt=st.integers(1, 999),
    iteration=st.integers(0, 999),
)
situations = st.builds(
    Situation,
    stage=st.sampled_from(Stage),
    now=st.datetimes(timezones=st.just(UTC)),
    killed=st.booleans(),
    archived=st.booleans(),
    paused=st.booleans(),
    failures_in_row=st.integers(0, 9),
    has_completed_session=st.booleans(),
    runner_heartbeat_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    jobs=st.lists(jobs, max_size=4).map(tuple),
)


@given(situations)
def test_no_badge_exists_without_an_active_job(situation: Situation) -> None:
    now = bot_now(situation)
    assert (now.badge is None) == (now.active_job is None) == (now.tooltip is None)
    if now.active_job is not None:
        assert now.active_job.status in {"QUEUED", "RUNNING"}
        assert now.active_job.type in now.state.replace("IMPROVING", "IMPROVE").replace("EVOLVING", "EVOLVE")


@given(situations)
def test_a_running_job_is_never_hidden(situation: Situation) -> None:
    running = {job.type for job in situation.jobs if job.status is JobStatus.RUNNING}
    if running:
        job = bot_now(situation).active_job
        assert job is not None
        assert (job.status, job.type) == (JobStatus.RUNNING, min(running, key=PRECEDENCE.index))


@given(situations)
def test_idle_means_no_work_at_all(situation: Situation) -> None:
    if bot_now(situation).state is State.IDLE:
        assert not any(job.status in {"QUEUED", "RUNNING"} for job in situation.jobs)


@given(situations)
def test_the_forbidden_words_appear_nowhere(situation: Situation) -> None:
    now = bot_now(situation)
    words = f"{now.state} {now.badge} {now.tooltip} {now.reason}".lower()
    assert "fresh" not in words
    assert " ok" not in words


@given(st.integers(0, 10_000_000))
def test_elapsed_text_loses_less_than_its_smallest_unit(seconds: int) -> None:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    parts = elapsed_text(seconds).split()
    seconds_written = sum(int(part[:-1]) * units[part[-1]] for part in parts)
    assert 0 <= seconds - seconds_written < units[parts[-1][-1]]


def test_tones_are_the_three_of_the_legend() -> None:
    assert set(Tone) == {"purple", "blue", "teal"}
