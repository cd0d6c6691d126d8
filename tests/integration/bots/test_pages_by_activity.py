"""The fleet by activity, page after page, against the cards of the whole fleet sorted here."""

from collections import Counter
from uuid import UUID

import pytest
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from services.bots.fleet import FleetQuery, bots_page, each_bot
from services.desk import Desk
from store.bots.fleet import SORTS, FleetFilter, FleetOrder, count_by_state
from store.database import transaction
from store.tables import Bot, BotProgress
from tests.harness import factories
from tests.harness.clocks import FixedClock
from trading.work.badges import State
from trading.work.planner import MAX_FAILURES_IN_ROW

PRECEDENCE = list(State)
STANDINGS = (
    *("killed", "killed at work", "failing", "failing at work", "nearly failing", "working", "waiting", "both"),
    *("untested", "tested", "archived", "paused", "failing and paused"),
)


@pytest.fixture
def mixed_fleet(desk: Desk, clock: FixedClock) -> Desk:
    """Bots of every standing a LAB or PAPER bot can have, their names in an order that says nothing about it."""
    with desk.database.begin() as db:
        for number in range(4 * len(STANDINGS)):
            standing = STANDINGS[number * 5 % len(STANDINGS)]
            bot = factories.make_bot(
                db,
                name=f"Bot {number * 7 % 52:02}",
                symbol=("MES", "MNQ")[number % 2],
                stage=("LAB", "LAB", "PAPER")[number % 3],
                killed_at=clock.now if standing.startswith("killed") else None,
                archived_at=clock.now if standing == "archived" else None,
                paused_at=clock.now if "paused" in standing else None,
            )
            db.execute(update(BotProgress).where(BotProgress.bot_id == bot.id).values(**counted(standing)))
            add_jobs(db, bot, standing)
    return desk


def counted(standing: str) -> dict[str, int]:
    failing = MAX_FAILURES_IN_ROW
    failures = dict.fromkeys(("failing", "failing at work", "failing and paused"), failing)
    failures |= {"nearly failing": failing - 1}
    completed = {"tested": 3, "nearly failing": 1, "both": 1}
    return {
        "backtests_completed": completed.get(standing, 0),
        "backtest_failures_in_row": failures.get(standing, 0),
    }


def add_jobs(db: Session, bot: Bot, standing: str) -> None:
    if standing in ("working", "both", "killed at work", "failing at work"):
        factories.make_job(db, bot, status="RUNNING", job_type="IMPROVE")
    if standing in ("waiting", "both", "archived"):
        factories.make_job(db, bot, status="QUEUED", job_type="BACKTEST")


def paged(desk: Desk, wanted: FleetFilter, *, limit: int) -> list[UUID]:
    """Return the ids of every page, one page after another; each says the same total, that of what follows."""
    seen: list[UUID] = []
    totals: set[int] = set()
    cursor = None
    while True:
        page = bots_page(desk, FleetQuery(wanted=wanted, cursor=cursor, limit=limit))
        seen += [card.id for card in page.bots]
        totals.add(page.total)
        cursor = page.next_cursor
        if cursor is None:
            return seen if totals == {len(seen)} else []


def sorted_here(desk: Desk, wanted: FleetFilter) -> list[UUID]:
    cards = [
        card
        for card in each_bot(desk)
        if wanted.stage in (None, card.stage)
        and wanted.symbol in (None, card.symbol)
        and wanted.state in (None, card.bot_now.state)
        and (wanted.words or "") in card.name
    ]
    return [card.id for card in sorted(cards, key=lambda card: (PRECEDENCE.index(card.bot_now.state), card.name))]


@pytest.mark.parametrize("limit", [1, 3, 11, 12, 13, 50])
@pytest.mark.parametrize(
    "wanted",
    [
        FleetFilter(),
        FleetFilter(stage="PAPER"),
        FleetFilter(symbol="MNQ", words="1"),
        FleetFilter(state=State.ERROR),
        FleetFilter(state=State.BACKTEST_QUEUED),
        FleetFilter(state=State.IMPROVING_RUNNING),
        FleetFilter(state=State.IDLE),
        FleetFilter(state=State.NEEDS_BACKTEST, stage="LAB"),
        FleetFilter(state=State.PAUSED),
    ],
    ids=str,
)
def test_pages_by_activity_are_the_fleet_in_order_of_precedence(
    mixed_fleet: Desk, wanted: FleetFilter, limit: int
) -> None:
    expected = sorted_here(mixed_fleet, wanted)
    assert expected, "the fleet has no such bot, so nothing would be shown"
    assert paged(mixed_fleet, wanted, limit=limit) == expected


def test_counts_of_states_are_those_of_the_cards(mixed_fleet: Desk) -> None:
    with transaction(mixed_fleet.database) as db:
        counted_there: Counter[State] = Counter()
        for _, state, bots in count_by_state(db):
            counted_there[state] += bots
    assert counted_there == Counter(card.bot_now.state for card in each_bot(mixed_fleet))


def test_the_mixed_fleet_is_mixed(mixed_fleet: Desk) -> None:
    states = {card.bot_now.state for card in each_bot(mixed_fleet)}
    resting = {State.NEEDS_BACKTEST, State.IDLE, State.PAUSED}
    assert states == resting | {State.ERROR, State.IMPROVING_RUNNING, State.BACKTEST_QUEUED}


def test_archived_bots_are_a_page_of_their_own(mixed_fleet: Desk) -> None:
    page = bots_page(mixed_fleet, FleetQuery(wanted=FleetFilter(state=State.ARCHIVED)))
    assert page.total == len(page.bots) == 4
    assert all(card.archived_at is not None for card in page.bots)
    assert not {card.id for card in page.bots} & {card.id for card in each_bot(mixed_fleet)}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", SORTS)
def test_a_page_of_the_whole_fleet_has_no_parameter_so_it_is_planned_once(
    mixed_fleet: Desk, sort: str, descending: bool
) -> None:
    given: list[object] = []
    event.listen(mixed_fleet.database.kw["bind"], "before_cursor_execute", lambda *call: given.append(call[3]))
    assert bots_page(mixed_fleet, FleetQuery(order=FleetOrder(sort, descending))).total
    assert given == [{}]
