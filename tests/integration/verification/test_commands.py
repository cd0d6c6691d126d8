"""The commands that doubt, as a person types them: exit codes, stored rows, planted cheats."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select, update

from orchestration.cli import verify_work
from services.desk import Desk
from services.verification import detectors, verifications
from services.verification.plot import plot, text_block
from services.verification.study import AS_GIVEN, AT_MARKS, walk_forward_study
from store.market.bars import BarStore
from store.tables import Bot
from store.verification.verifications import VerificationRun
from tests.harness.commands import let_commands_find, proving
from tests.harness.factories import make_bot
from tests.oracle.series import between_marks
from trading.errors import BadBars, NoMarketData, UnknownBots, UnknownInstrument, UnknownTimeframe
from trading.strategies.genome import Genome, Style
from trading.strategies.signals import Signals
from trading.strategies.styles import entry_signals
from trading.strategies.tape import Tape
from trading.verification.verdicts import Kind

NAME = "Doubted Dingo"


@pytest.fixture
def bot_id(stocked_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """A bot the commands find."""
    let_commands_find(stocked_desk, monkeypatch, verify_work)
    with stocked_desk.database.begin() as db:
        return make_bot(db, name=NAME, archetype="trend_ema_cross").id


def stored(desk: Desk) -> list[tuple[str, str]]:
    with desk.database() as db:
        rows = db.execute(select(VerificationRun.kind, VerificationRun.verdict).order_by(VerificationRun.kind))
        return [(kind, verdict) for kind, verdict in rows]


@pytest.mark.scorecard(21)
@pytest.mark.scorecard(22)
@pytest.mark.parametrize("detector", ["lookahead", "warmup"])
def test_an_honest_bot_passes_and_the_check_is_stored(stocked_desk: Desk, bot_id: UUID, detector: str) -> None:
    code, said = proving("check", detector, NAME)
    assert code == 0
    assert "PASSED" in said
    assert "cannot show" in said
    assert [verdict for _, verdict in stored(stocked_desk)] == ["PASSED"]


@pytest.mark.scorecard(21)
def test_a_bot_that_knows_the_next_close_is_caught(
    stocked_desk: Desk, bot_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def knowing(tape: Tape, style: Style, genome: Genome, **_: float) -> Signals:
        wishes = entry_signals(tape, style, genome)
        side = wishes.side.copy()
        side[:-1] = np.where(side[:-1] != 0, np.sign(tape.close[1:] - tape.close[:-1]), 0).astype(np.int8)
        return replace(wishes, side=side)

    monkeypatch.setattr(detectors, "entry_signals", knowing)
    code, said = proving("check", "lookahead", NAME)
    assert code == 1
    assert "FAILED" in said
    assert "mirrored" in said
    assert stored(stocked_desk) == [("LOOK_AHEAD", "FAILED")]


@pytest.mark.scorecard(22)
def test_a_bot_whose_warm_up_is_too_short_is_caught(
    stocked_desk: Desk, bot_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(tape: Tape, style: Style, genome: Genome, **_: float) -> Signals:
        wishes = entry_signals(tape, style, genome)
        unit = np.cumsum(tape.high - tape.low) / np.arange(1, len(tape) + 1)
        return replace(wishes, stop_unit_ticks=unit)

    monkeypatch.setattr(detectors, "entry_signals", forgetful)
    code, said = proving("check", "warmup", NAME)
    assert code == 1
    assert stored(stocked_desk) == [("WARM_UP", "FAILED")]
    assert "first_bar" in said


def test_a_suite_stores_one_run_per_check_and_leaves_out_what_cannot_be_made(stocked_desk: Desk, bot_id: UUID) -> None:
    code, said = proving("verify", NAME, "--suite", "all")
    assert code == 0
    assert {kind for kind, _ in stored(stocked_desk)} == {str(kind) for kind in Kind} - {"SHARPE"}
    assert "CANNOT BE MADE SHARPE" in said
    assert said.startswith(f"{NAME}, generation 1\n")
    assert f"{len(Kind) - 1} of {len(Kind)} checks made" in said
    assert said.count("cannot show") == len(Kind) - 1


def test_a_check_that_lacks_bars_keeps_no_other_from_being_made(
    stocked_desk: Desk, bot_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(*_: object, **__: object) -> None:
        raise BadBars("a walk-forward needs a longer history")

    monkeypatch.setattr(verifications, "CHECKS", {**verifications.CHECKS, Kind.WALK_FORWARD: short})
    code, said = proving("verify", NAME, "--suite", "all")
    assert code == 0
    assert {kind for kind, _ in stored(stocked_desk)} == {str(kind) for kind in Kind} - {"WALK_FORWARD", "SHARPE"}
    assert "CANNOT BE MADE WALK_FORWARD\n  a walk-forward needs a longer history" in said


def test_a_suite_of_which_nothing_can_be_made_is_no_success(stocked_desk: Desk, bot_id: UUID) -> None:
    with stocked_desk.database.begin() as db:
        db.execute(update(Bot).where(Bot.id == bot_id).values(symbol="ZN"))
    code, said = proving("verify", NAME, "--suite", "all")
    assert (code, said.count("CANNOT BE MADE")) == (1, len(Kind))
    assert stored(stocked_desk) == []


@pytest.mark.parametrize("suite", ["walk-forward", "sharpe", "stress"])
def test_a_suite_of_one_check_that_cannot_be_made_says_why(stocked_desk: Desk, bot_id: UUID, suite: str) -> None:
    with stocked_desk.database.begin() as db:
        db.execute(update(Bot).where(Bot.id == bot_id).values(symbol="ZN"))
    code, said = proving("verify", NAME, "--suite", suite)
    assert code == 1
    assert "no 1h bars for ZN" in said
    with pytest.raises(NoMarketData):
        proving("check", "warmup", NAME)


def test_an_unknown_bot_or_suite_is_refused(bot_id: UUID) -> None:
    with pytest.raises(UnknownBots):
        proving("check", "lookahead", "Nobody")
    with pytest.raises(UnknownBots):
        proving("verify", str(UUID(int=9)))
    assert proving("verify", NAME, "--suite", "hope")[0] == 2


def test_a_study_of_no_such_timeframe_or_symbol_is_bad_input(bot_id: UUID) -> None:
    with pytest.raises(UnknownTimeframe, match="7h"):
        proving("walk-forward", "MES", "--timeframe", "7h")
    with pytest.raises(UnknownInstrument, match="MESS"):
        proving("walk-forward", "MESS")


def test_every_suite_has_its_checks() -> None:
    from orchestration.cli.verify_commands import Suite

    assert set(verify_work.SUITES) == {suite.value for suite in Suite}
    assert {kind for kinds in verify_work.SUITES.values() for kind in kinds} == set(Kind)


@pytest.fixture
def marks(tmp_path: Path, bar_store: BarStore) -> BarStore:
    """MES of the simulator with straight lines between its hourly closes, and MGC as it is."""
    store = BarStore(tmp_path / "bars")
    store.write(between_marks(bar_store.load("MES", "1h")), source="planted")
    store.write(replace(bar_store.load("MGC", "1h"), provider="TRADES"), source="planted")
    return store


@pytest.mark.thorough
def test_a_study_walks_marks_twice_and_shows_every_family(marks: BarStore) -> None:
    steps: list[str] = []
    study = walk_forward_study(marks, ["MES", "MGC"], timeframe="1h", progress=lambda step, _d, _o: steps.append(step))
    read = [(strand.symbol, strand.reading) for strand in study.strands]
    assert [read.count(each) for each in (("MES", AS_GIVEN), ("MES", AT_MARKS), ("MGC", AS_GIVEN))] == [9, 9, 9]
    assert len(steps) == 27
    assert len(study.notes) == 1
    given, at_marks = (
        sum(strand.walked.joined.net_pnl_micros for strand in study.of("MES", reading))
        for reading in (AS_GIVEN, AT_MARKS)
    )
    assert given > at_marks
    for strand in study.strands:
        segments = strand.walked.walk.segments
        assert strand.walked.joined.trades == sum(result.test.trades for result in segments)
        assert strand.walked.joined.net_pnl_micros == sum(result.test.net_pnl_micros for result in segments)
        account = strand.walked.equity_micros[0] - strand.walked.equity_micros[-1] + strand.walked.joined.net_pnl_micros
        assert abs(int(account)) < 1_000_000_000
    assert plot(study).count("<polyline") == 27
    text = text_block(study, command="proving walk-forward MES MGC")
    assert "They are false" in text
    assert text.count("\n| M") == 27


def test_a_study_without_bars_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoMarketData, match="no 1h bars for MES"):
        walk_forward_study(BarStore(tmp_path), ["MES"], timeframe="1h", progress=lambda *_: None)
