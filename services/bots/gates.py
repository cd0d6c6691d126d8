"""Stored verifications as gates read them, for many bots in one statement.

Belongs here: which of some bots need them read, rows as evidence. Does not belong here: what they are worth
(`trading.verification.evidence`), the gate (`trading.governance.gates`), cards (`cards.py`).
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from store.bots.fleet import CardRow
from store.verification import verifications
from store.verification.verifications import NewestVerification
from trading.verification.evidence import ASKED_FOR, ASKING, Verified
from trading.verification.verdicts import Grade, Kind

Verifications = Mapping[UUID, tuple[Verified, ...]]


def verifications_of(db: Session, rows: Iterable[CardRow]) -> Verifications:
    """Return the newest verifications that gates ask for, by bot; nothing is read where no bot stands at such a gate.

    Args:
        db: Open transaction.
        rows: Of the bots.
    """
    asking = [row.id for row in rows if row.stage in ASKING]
    if not asking:
        return {}
    newest = verifications.latest_of_bots(db, asking, kinds=list(ASKED_FOR))
    return {bot_id: tuple(map(_verified, runs)) for bot_id, runs in newest.items()}


def _verified(row: NewestVerification) -> Verified:
    return Verified(
        kind=Kind(row.kind),
        grade=Grade(row.verdict),
        generation=row.generation_number,
        data_source=row.data_source,
        consistency=row.consistency,
        overfit_ratio=row.overfit_ratio,
    )
