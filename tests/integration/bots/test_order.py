"""Rows that a database may return in any order come in one that means something, whichever ids they have."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from services.desk import Desk
from store.bots.fleet import sum_by_book
from store.tables import ImproveCandidate
from store.verification.verifications import candidate_sharpes
from tests.harness import factories


def test_the_totals_of_the_fleet_come_in_the_order_of_stages(desk: Desk) -> None:
    with desk.database.begin() as db:
        for stage in ("SHADOW", "LIVE", "LAB", "CANARY", "PAPER", "LAB"):
            factories.make_bot(db, stage=stage)
    with desk.database() as db:
        totals = sum_by_book(db)
    assert [(total.book, total.bots) for total in totals] == [
        ("BACKTEST", 2),
        ("PAPER", 1),
        ("SHADOW", 1),
        ("CANARY", 1),
        ("LIVE", 1),
    ]


@pytest.mark.parametrize("ids", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_iterations_of_one_instant_are_read_in_the_order_of_their_numbers(desk: Desk, ids: tuple[int, ...]) -> None:
    work: list[tuple[str, int, list[float | None]]] = [
        ("IMPROVE", 2, [5.0]),
        ("EVOLVE", 1, [1.0, None, 2.0]),
        ("IMPROVE", 1, [4.0, 3.0]),
    ]
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
        for identity, (kind, number, sharpes) in zip(ids, work, strict=True):
            over: dict[str, Any] = {"id": UUID(int=identity), "job_type": kind, "created_at": factories.BIRTH}
            factories.make_iteration(db, bot, number, **over)
            db.execute(
                insert(ImproveCandidate),
                [_candidate(UUID(int=identity), trial, sharpe) for trial, sharpe in enumerate(sharpes, start=1)],
            )
        assert candidate_sharpes(db, bot.id) == [1.0, 2.0, 4.0, 3.0, 5.0]


def _candidate(iteration_id: UUID, trial: int, sharpe: float | None) -> dict[str, Any]:
    of = {"iteration_id": iteration_id, "trial": trial, "segment": 0, "genome": {}, "genome_hash": f"{trial:064d}"}
    return of | {"train_sharpe": sharpe, "train_trades": 1}
