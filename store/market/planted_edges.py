"""Planted edges: the truth about simulated bars. Raw truth.

Belongs here: the table and its statements. Does not belong here: planting (`services/market/plants.py`), what a fleet
made of it. What runs, searches and judges may not import this module, however indirectly: a contract in
`pyproject.toml` refuses it.
"""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, CheckConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import Base, one_of
from store.rows import rows_of

EDGE_KINDS = ("MOMENTUM", "REVERSION", "OPENING_RANGE", "SESSION_DRIFT", "GAP")


class PlantedEdge(Base):
    """An edge that the market simulator planted in the bars of a symbol, which no bot may read. Raw truth.

    It is true of the bars with the `fingerprint` and of no others: it is written before they are stored.
    """

    __tablename__ = "planted_edges"
    __table_args__ = (
        one_of("kind", EDGE_KINDS),
        CheckConstraint("sharpe > 0", name="an_edge_has_a_strength"),
        CheckConstraint("first_on <= last_on", name="days_follow_each_other"),
        CheckConstraint("seed >= 0", name="seed_is_none_below_zero"),
    )

    symbol: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True, doc="Of the one-minute bars.")
    kind: Mapped[str]
    sharpe: Mapped[float] = mapped_column(doc="What was asked for: annualised Sharpe ratio of its oracle before costs.")
    oracle_sharpe: Mapped[float | None] = mapped_column(doc="What the oracle earned on these bars; NULL under 20 days.")
    seed: Mapped[int] = mapped_column(BigInteger)
    first_on: Mapped[date]
    last_on: Mapped[date]
    created_at: Mapped[datetime]


class PlantedEdgeRow(NamedTuple):
    """A planted edge."""

    symbol: str
    fingerprint: str
    kind: str
    sharpe: float
    oracle_sharpe: float | None
    seed: int
    first_on: date
    last_on: date
    created_at: datetime


def write(db: Session, edge: PlantedEdgeRow) -> None:
    """Write the truth about some bars down; the same bars have one truth, so once is enough."""
    db.execute(insert(PlantedEdge).values(edge._asdict()).on_conflict_do_nothing())


def planted_edges(db: Session) -> list[PlantedEdgeRow]:
    """Return every edge that was ever planted, by symbol, the oldest first."""
    columns = (getattr(PlantedEdge, name) for name in PlantedEdgeRow._fields)
    ordered = select(*columns).order_by(PlantedEdge.symbol, PlantedEdge.created_at, PlantedEdge.fingerprint)
    return rows_of(db.execute(ordered), PlantedEdgeRow)
