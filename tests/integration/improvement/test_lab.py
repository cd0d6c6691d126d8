"""The strategy lab lists the iterations a filter asks for, page after page."""

import pytest

from services.desk import Desk
from services.improvement.lab import iterations_page
from store.improvement.lab import IterationFilter, IterationRow
from tests.harness.factories import make_bot, make_iteration


def test_words_find_the_same_iterations_whether_few_or_many_bots_have_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.database.begin() as db:
        for name in ("Amber Auk", "Amber Bee", "Coral Crab"):
            bot = make_bot(db, name=name)
            for number in (1, 2, 3):
                make_iteration(db, bot, number)
    ways = []
    for most in (200, 1):
        monkeypatch.setattr("store.improvement.lab.MOST_NAMED", most)
        ways.append(every_iteration(desk, IterationFilter(words="amber")))
    assert ways[0] == ways[1]
    assert len({row.id for row in ways[0]}) == 6
    assert ways[0] == sorted(ways[0], key=lambda row: (row.completed_at, row.id), reverse=True)


def every_iteration(desk: Desk, wanted: IterationFilter) -> list[IterationRow]:
    rows: list[IterationRow] = []
    cursor: str | None = None
    while True:
        page = iterations_page(desk, wanted, cursor=cursor, limit=2)
        rows += page.iterations
        cursor = page.next_cursor
        if cursor is None:
            return rows
