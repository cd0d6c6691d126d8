"""An evolve iteration that finds the newest generation losing where an ancestor earns: the ancestor comes back."""

from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pytest

from services.backtests.workbench import open_workbench
from services.desk import Desk
from services.improvement.iterations import Evolution
from services.work.queue import Finished, work_by_hand
from store.database import transaction
from store.tables import Bot, BotGeneration, BotProgress, ImproveCandidate, ImproveIteration
from tests.harness import factories
from trading.backtests.engine import Strategy, run_tape
from trading.strategies.genome import Genome, default_genome, genome_hash, schema, validated
from trading.verification.walk_forward import plan
from trading.work.jobs import JobStatus, JobType

MICROS_PER_USD = 1_000_000
ARCHETYPE = "breakout"
TRIED = 300


@dataclass(frozen=True)
class Extremes:
    """Genomes that trade often on the held-out bars: one that earns there, one that loses."""

    earning: Genome
    losing: Genome


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    with transaction(stocked_desk.sessions) as session:
        return factories.make_bot(session, symbol="MES", timeframe="1h", archetype=ARCHETYPE).id


@pytest.fixture
def extremes(stocked_desk: Desk, bot_id: UUID) -> Extremes:
    """Found by running genomes over the whole tape and reading the money made from the held-out bars on."""
    bench = open_workbench(stocked_desk, bot_id)
    first_bar = plan(bench.at_hand.bars.ts_event)[-1].test.first_bar
    earned = {}
    for genome in genomes():
        strategy = Strategy(ARCHETYPE, genome)
        trades = run_tape(bench.at_hand.tape, strategy, account=bench.account).trades
        held_out = trades.entry_bar > first_bar
        if held_out.sum() >= 20:
            earned[genome_hash(genome)] = (int(trades.net_micros[held_out].sum()), genome)
    best, worst = max(earned.values(), key=first_of), min(earned.values(), key=first_of)
    assert worst[0] < -200 * MICROS_PER_USD < 200 * MICROS_PER_USD < best[0]
    return Extremes(best[1], worst[1])


def first_of(pair: tuple[int, Genome]) -> int:
    return pair[0]


def genomes() -> list[Genome]:
    chance = np.random.default_rng(11)
    made = []
    for _ in range(TRIED):
        numbers = dict(default_genome(ARCHETYPE))
        for name in ("range_bars", "stop_atr", "target_atr", "time_stop_bars"):
            row = schema(ARCHETYPE)[name]
            numbers[name] = row.snapped(chance.uniform(row.low, row.high))
        made.append(validated(ARCHETYPE, numbers))
    return made


def evolve(desk: Desk, bot_id: UUID, *lineage: Genome) -> Finished:
    """Give the bot these generations after its first, and run one evolve iteration."""
    with transaction(desk.sessions) as session:
        bot = session.get_one(Bot, bot_id)
        for genome in lineage:
            factories.make_generation(session, bot, genome=dict(genome))
    return work_by_hand(desk, Evolution(), JobType.EVOLVE, bot_id=bot_id, run_id="evolve-1")


def test_an_ancestor_that_earns_takes_the_place_of_a_newest_generation_that_loses(
    stocked_desk: Desk, bot_id: UUID, extremes: Extremes
) -> None:
    done = evolve(stocked_desk, bot_id, extremes.earning, extremes.losing)
    assert done.status is JobStatus.COMPLETED, done.error
    with stocked_desk.sessions() as session:
        returned = session.get_one(BotGeneration, (bot_id, 4))
        assert (returned.origin, returned.parent_generation, returned.genome) == ("REVERT", 3, dict(extremes.earning))
        iteration = session.query(ImproveIteration).one()
        assert (iteration.reason_code, iteration.accepted, iteration.new_generation) == ("REVERTED", True, 4)
        assert "generation 2 has Sharpe" in iteration.reason
        assert iteration.reason.startswith("held-out net P&L -$")
        assert iteration.evidence["reverts_to"] == 2
        assert session.query(ImproveCandidate).count() == iteration.candidates_tried == 0
        assert session.get_one(BotProgress, bot_id).confidence_pct is None


def test_a_newest_generation_that_earns_stays_and_is_searched_on(
    stocked_desk: Desk, bot_id: UUID, extremes: Extremes
) -> None:
    done = evolve(stocked_desk, bot_id, extremes.losing, extremes.earning)
    assert done.status is JobStatus.COMPLETED, done.error
    with stocked_desk.sessions() as session:
        iteration = session.query(ImproveIteration).one()
        assert iteration.reason_code != "REVERTED"
        assert session.query(ImproveCandidate).count() == iteration.candidates_tried > 0


def test_without_an_ancestor_that_earns_nothing_returns(stocked_desk: Desk, bot_id: UUID, extremes: Extremes) -> None:
    evolve(stocked_desk, bot_id, extremes.losing, extremes.losing)
    with stocked_desk.sessions() as session:
        origins = {row.origin for row in session.query(BotGeneration).filter_by(bot_id=bot_id)}
        assert session.query(ImproveIteration).one().reason_code != "REVERTED"
    assert "REVERT" not in origins
