"""An import of bars as an act of a person, in the audit chain.

Belongs here: what the chain says of an import. Does not belong here: importing (`bars.py`), which needs no
database: bars lie in files, so they cannot commit together with their event and are stored before it.
"""

from services.audit import chain
from services.desk import Desk
from services.market.bars import ImportReport
from store.database import transaction
from trading.actors import Actor

IMPORTED = "BARS_IMPORTED"


def record_import(desk: Desk, report: ImportReport, *, actor: Actor) -> int:
    """Append an import to the audit chain and return its sequence; the same file imported again is another act.

    Raises:
        Unavailable: the database or the anchor is away; the bars stay, unrecorded.
    """
    with transaction(desk.database) as db:
        payload = _payload(report)
        return chain.record(desk, db, actor=actor, action=IMPORTED, subject=report.provider, payload=payload)


def _payload(report: ImportReport) -> dict[str, object]:
    return {
        "provider": report.provider,
        "symbols": sorted({series.symbol for series in report.series}),
        "timeframes": list(dict.fromkeys(series.timeframe for series in report.series)),
        "rows": report.rows,
        "fingerprints": {f"{series.symbol} {series.timeframe}": series.fingerprint for series in report.series},
    }
