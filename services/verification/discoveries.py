"""Who is proven: the evidence of all bots, judged together.

Belongs here: one judgement over every record of a kind of bars, and writing down who is proven since when. Does not
belong here: the rule (`trading.verification.discoveries`), evidence itself (`services/backtests/records.py`).

Every bot that ever had a record counts, archived ones too: whoever may drop what failed can prove anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from services.desk import Desk
from store.database import transaction
from store.verification import records
from trading.market.marks import BarsKind
from trading.verification.discoveries import proven, threshold


@dataclass(frozen=True, slots=True)
class FleetJudgement:
    """What a judgement over all records of a kind of bars came to.

    Attributes:
        records: How many bots have one.
        proven: How many of them are proven.
        log_e_asked: Natural logarithm of the least e-value that is proof among them.
        gained, lost: How many became proven by it, and how many are no longer.
    """

    records: int
    proven: int
    log_e_asked: float
    gained: int
    lost: int


def judge_fleet(desk: Desk) -> Mapping[BarsKind, FleetJudgement]:
    """Judge all records, each kind of bars by itself, and write down who is proven.

    Raises:
        Unavailable: the database is away; nothing changes.
    """
    return {kind: _judged(desk, kind) for kind in BarsKind}


def grown_at(desk: Desk) -> datetime | None:
    """Return when a record last grew, or None where there is none."""
    with transaction(desk.database) as db:
        return records.newest_growth(db)


def _judged(desk: Desk, kind: BarsKind) -> FleetJudgement:
    with transaction(desk.database) as db:
        rows = records.every_record(db, bars_kind=kind)
        log_e = np.array([row.log_e for row in rows], np.float64)
        now = dict(zip((row.bot_id for row in rows), proven(log_e).tolist(), strict=True))
        gained = [row.bot_id for row in rows if now[row.bot_id] and not row.proven]
        lost = [row.bot_id for row in rows if row.proven and not now[row.bot_id]]
        records.set_proven(db, gained, bars_kind=kind, since=desk.clock())
        records.set_proven(db, lost, bars_kind=kind, since=None)
    return FleetJudgement(len(rows), sum(now.values()), threshold(log_e), len(gained), len(lost))
