"""An evolve iteration that doubts the newest generation: an ancestor that earns meets it in a look, and comes back."""

from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pytest

from services.backtests.epochs import epoch_of
from services.backtests.workbench import open_workbench
from services.desk import Desk
from services.improvement.iterations import Evolution
from services.work.queue import Finished, work_by_hand
from store.database import transaction
from store.improvement.looks import SealedLook
from store.tables import Bot, BotGeneration, BotProgress, ImproveCandidate, ImproveIteration
from tests.harness import factories
from tests.harness.known import known
from trading.backtests.parts import Part
from trading.improvement import looks
from trading.strategies.genome import Genome, default_genome, genome_hash, schema, validated
from trading.verification.walk_forward import plan
from trading.work.jobs import JobStatus, JobType

MICROS_PER_USD = 1_000_000
ARCHETYPE = "breakout"
TRIED = 300


@dataclass(frozen=True)
class Extremes:
    """Genomes that trade often on the test days: one earns there and on the sealed days, one loses on both."""

    earning: Genome
    losing: Genome


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    with transaction(stocked_desk.database) as db:
        return factories.make_bot(db, symbol="MES", timeframe="1h", archetype=ARCHETYPE).id


@pytest.fixture
def extremes(stocked_desk: Desk, bot_id: UUID, monkeypatch: pytest.MonkeyPatch) -> Extremes:
    """Found by running genomes over the last open test part and over the sealed days after it.

    A look is given an even chance, so that a year of bars is enough to win one.
    """
    monkeypatch.setattr(looks, "LEVELS", (0.5,))
    whole = open_workbench(stocked_desk, bot_id)
    bench = whole.before(known(epoch_of(stocked_desk, whole)).sealed_from)
    test = plan(bench.at_hand.bars.ts_event)[-1].test
    sealed = Part(len(bench.at_hand.tape), len(whole.at_hand.tape))
    earned = {}
    for genome in genomes():
        ran = [whole.backtester.run(genome, part).performance for part in (test, sealed)]
        if ran[0].trades >= 20:
            earned[genome_hash(genome)] = ([figures.net_pnl_micros for figures in ran], genome)
    best, worst = max(earned.values(), key=least), min(earned.values(), key=most)
    assert most(worst) < -100 * MICROS_PER_USD < 100 * MICROS_PER_USD < least(best)
    return Extremes(best[1], worst[1])


def least(earned: tuple[list[int], Genome]) -> int:
    return min(earned[0])


def most(earned: tuple[list[int], Genome]) -> int:
    return max(earned[0])


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
    with transaction(desk.database) as db:
        bot = db.get_one(Bot, bot_id)
        for genome in lineage:
            factories.make_generation(db, bot, genome=dict(genome))
    return work_by_hand(desk, Evolution(), JobType.EVOLVE, bot_id=bot_id, run_id="evolve-1")


def test_an_ancestor_that_earns_takes_the_place_of_a_newest_generation_that_loses(
    stocked_desk: Desk, bot_id: UUID, extremes: Extremes
) -> None:
    done = evolve(stocked_desk, bot_id, extremes.earning, extremes.losing)
    assert done.status is JobStatus.COMPLETED, done.error
    with stocked_desk.database() as db:
        returned = db.get_one(BotGeneration, (bot_id, 4))
        assert (returned.origin, returned.parent_generation, returned.genome) == ("REVERT", 3, dict(extremes.earning))
        iteration = db.query(ImproveIteration).one()
        assert (iteration.reason_code, iteration.accepted, iteration.new_generation) == ("REVERTED", True, 4)
        assert iteration.reason.startswith("generation 2 won against the newest one: on sealed days")
        look = db.query(SealedLook).one()
        assert (look.epoch, look.number, look.passed, look.new_generation) == (1, 1, True, 4)
        assert (look.generation_number, look.genome_hash) == (3, genome_hash(extremes.earning))
        assert returned.knows_until == look.last_on
        assert iteration.evidence["reverts_to"] == 2
        assert db.query(ImproveCandidate).count() == iteration.candidates_tried == 0
        assert db.get_one(BotProgress, bot_id).confidence_pct is None


def test_a_newest_generation_that_earns_stays_and_is_searched_on(
    stocked_desk: Desk, bot_id: UUID, extremes: Extremes
) -> None:
    done = evolve(stocked_desk, bot_id, extremes.losing, extremes.earning)
    assert done.status is JobStatus.COMPLETED, done.error
    with stocked_desk.database() as db:
        iteration = db.query(ImproveIteration).one()
        assert iteration.reason_code != "REVERTED"
        assert db.query(ImproveCandidate).count() == iteration.candidates_tried > 0


def test_without_an_ancestor_that_earns_nothing_returns(stocked_desk: Desk, bot_id: UUID, extremes: Extremes) -> None:
    evolve(stocked_desk, bot_id, extremes.losing, extremes.losing)
    with stocked_desk.database() as db:
        origins = {row.origin for row in db.query(BotGeneration).filter_by(bot_id=bot_id)}
        assert db.query(ImproveIteration).one().reason_code != "REVERTED"
    assert "REVERT" not in origins
