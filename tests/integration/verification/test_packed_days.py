"""The days of a record survive the migration that packs them, in both directions."""

from collections.abc import Callable

from sqlalchemy import Engine, select, text

from services.desk import Desk
from store.tables import BotEvidence
from tests.harness.factories import make_bot, make_evidence

DAYS = [900_000_000, -100_000_000, 0, -(2**62), 2**62]


def test_days_are_packed_and_unpacked_as_they_were(desk: Desk, owner: Engine, migrate: Callable[[str], None]) -> None:
    with desk.database.begin() as db:
        make_evidence(db, make_bot(db), days=len(DAYS), pnl_micros=DAYS)
    migrate("0024")
    with owner.connect() as connection:
        assert connection.execute(text("SELECT pnl_micros FROM bot_evidence")).scalar_one() == DAYS
    migrate("head")
    with desk.database() as db:
        assert db.scalars(select(BotEvidence)).one().pnl_micros == DAYS
