"""The strategy lab lists the iterations a filter asks for, page after page."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from services.desk import Desk
from services.improvement.lab import iterations_page
from store.improvement.lab import IterationFilter, IterationRow
from store.tables import Bot, ImproveIteration
from tests.harness.factories import BIRTH, make_bot


def test_words_find_the_same_iterations_whether_few_or_many_bots_have_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.sessions.begin() as session:
        for name in ("Amber Auk", "Amber Bee", "Coral Crab"):
            bot = make_bot(session, name=name)
            for number in (1, 2, 3):
                add_iteration(session, bot, number)
    ways = []
    for most in (200, 1):
        monkeypatch.setattr("store.improvement.lab.MOST_NAMED", most)
        ways.append(every_iteration(desk, IterationFilter(words="amber")))
    assert ways[0] == ways[1]
    assert len({one.id for one in ways[0]}) == 6
    assert ways[0] == sorted(ways[0], key=lambda one: (one.completed_at, one.id), reverse=True)


def every_iteration(desk: Desk, wanted: IterationFilter) -> list[IterationRow]:
    found: list[IterationRow] = []
    cursor: str | None = None
    while True:
        page = iterations_page(desk, wanted, cursor=cursor, limit=2)
        found += page.iterations
        cursor = page.next_cursor
        if cursor is None:
            return found


def add_iteration(session: Session, bot: Bot, number: int, *, reason: str = "not better") -> None:
    ended_at = BIRTH + timedelta(minutes=number)
    session.add(
        ImproveIteration(
            id=uuid4(),
            bot_id=bot.id,
            job_type="IMPROVE",
            iteration=number,
            parent_generation=1,
            accepted=False,
            reason_code="NOT_BETTER",
            reason=reason,
            candidates_tried=1,
            evidence={},
            data_source="SIMULATED",
            data_fingerprint="f",
            seed=1,
            created_at=ended_at,
            completed_at=ended_at,
        )
    )
