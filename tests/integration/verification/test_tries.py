"""What verifications count as tried: all of a lineage, and of many a fair draw that says of how many."""

from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy.orm import Session

from services.backtests.epochs import open_days
from services.backtests.workbench import open_workbench
from services.bots.acts import Act, ActWish, act_on_bot
from services.desk import Desk
from services.progress import silent
from services.verification.findings import figures_of
from services.verification.verifications import verify
from services.verification.walk_forwards import as_the_bot_searches, walk_history
from store.improvement import iterations
from store.tables import Bot, ImproveCandidate
from store.verification import verifications
from tests.harness.actors import AMY
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot, make_generation, make_iteration
from tests.harness.known import known
from tests.oracle.series import random_genome
from trading.strategies.genome import Genome, default_genome, genome_hash
from trading.verification.verdicts import Kind


def copied(desk: Desk, bot_id: UUID, clock: FixedClock) -> UUID:
    """Copy a bot a minute later than all that was before, and let another minute pass."""
    clock.advance(seconds=60)
    wish = ActWish(act=Act.COPY, bot_id=bot_id, reason_code="OPERATOR_DECISION", actor=AMY, request_id=str(uuid4()))
    copy_id = known(act_on_bot(desk, wish).copy_id)
    clock.advance(seconds=60)
    return copy_id


def tries(db: Session, bot: Bot, genomes: list[Genome], clock: FixedClock, *, number: int = 1) -> None:
    """Add an iteration of now that tried some genomes, whose train Sharpe ratios are their places among them."""
    now = clock()
    tried = make_iteration(db, bot, number, candidates_tried=len(genomes), created_at=now, completed_at=now)
    db.flush()
    db.add_all(
        ImproveCandidate(
            iteration_id=tried.id,
            trial=trial,
            segment=0,
            genome=dict(genome),
            genome_hash=genome_hash(genome),
            train_sharpe=float(trial),
            train_trades=1,
        )
        for trial, genome in enumerate(genomes)
    )


def genomes(count: int) -> list[Genome]:
    rng = np.random.default_rng(5)
    return [random_genome(rng, "breakout") for _ in range(count)]


def test_a_copy_has_tried_what_its_source_had_tried_when_it_was_copied(desk: Desk, clock: FixedClock) -> None:
    first, second, third = genomes(9)[:4], genomes(9)[4:6], genomes(9)[6:]
    with desk.database.begin() as db:
        source = make_bot(db, archetype="breakout")
        tries(db, source, first, clock)
        stranger = make_bot(db, archetype="breakout")
        tries(db, stranger, second, clock)
        source_id, stranger_id = source.id, stranger.id
    copy_id = copied(desk, source_id, clock)
    with desk.database.begin() as db:
        tries(db, db.get_one(Bot, source_id), second, clock, number=2)
        tries(db, db.get_one(Bot, copy_id), third, clock)
    grandchild_id = copied(desk, copy_id, clock)
    with desk.database() as db:
        counts = [iterations.tried_so_far(db, bot) for bot in (source_id, stranger_id, copy_id, grandchild_id)]
        assert counts == [4 + 2, 2, 4 + 3, 4 + 3]
        assert verifications.candidate_sharpes(db, grandchild_id) == [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0]
        own = genome_hash(first[0])
        compared = verifications.candidates(db, grandchild_id, besides=own, limit=99)
        assert {genome_hash(genome) for genome in compared} == {genome_hash(each) for each in first[1:] + third}
        assert verifications.count_candidates(db, grandchild_id, besides=own) == len(compared) == 6


def test_a_draw_says_of_how_many_and_is_not_the_first_ones(desk: Desk, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = make_bot(db, archetype="breakout")
        in_order = genomes(200)
        tries(db, bot, in_order[:100], clock)
        tries(db, bot, in_order[100:], clock, number=2)
        bot_id = bot.id
    with desk.database() as db:
        drawn = verifications.candidates(db, bot_id, besides="", limit=60)
        again = verifications.candidates(db, bot_id, besides="", limit=60)
    hashes = [genome_hash(genome) for genome in in_order]
    places = [hashes.index(genome_hash(genome)) for genome in drawn]
    assert drawn == again
    assert len(set(places)) == 60
    assert 15 < sum(place >= 100 for place in places) < 45  # of a fair draw 30 come from the later iteration


@pytest.mark.parametrize(("count", "words"), [(0, "120 of {of} on the bot's grid"), (40, "41 tried")])
def test_the_genome_in_force_is_among_those_compared_and_the_verdict_says_how_many_there_were(
    stocked_desk: Desk, clock: FixedClock, count: int, words: str
) -> None:
    with stocked_desk.database.begin() as db:
        bot = make_bot(db, archetype="breakout")
        if count:
            tries(db, bot, [*genomes(count), default_genome("breakout")], clock)
        bot_id = bot.id
    verdict = verify(stocked_desk, bot_id, Kind.PBO)
    assert f" among {words.format(of=verdict.figures['candidates_of'])}; wanted" in verdict.reason
    assert verdict.figures["candidates"] == min(verdict.figures["candidates_of"], 120)


def test_a_walk_forward_begins_with_the_genome_the_bot_was_registered_with(
    stocked_desk: Desk, clock: FixedClock
) -> None:
    with stocked_desk.database.begin() as db:
        bot = make_bot(db, archetype="breakout")
        bot_id = bot.id
    before = verify(stocked_desk, bot_id, Kind.WALK_FORWARD)
    with stocked_desk.database.begin() as db:
        make_generation(db, db.get_one(Bot, bot_id), genome=dict(genomes(1)[0]))
    after = verify(stocked_desk, bot_id, Kind.WALK_FORWARD)
    assert (before.generation, after.generation) == (1, 2)
    assert after.figures == before.figures
    assert after.figures["begins_with_generation"] == 1
    bench = open_days(stocked_desk, open_workbench(stocked_desk, bot_id))
    from_newest = walk_history(
        bench.backtester,
        as_the_bot_searches(bench.at_hand.bars.ts_event),
        account=bench.account,
        style=bench.style,
        parent=bench.genome,
        seed=after.seed,
        progress=silent,
    )
    assert figures_of(from_newest.joined) != after.figures["out_of_sample"]
