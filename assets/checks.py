"""How a verdict about the ledger reads as the result of an asset check.

Belongs here: the result. Does not belong here: what is checked (`services.health`, `services.audit`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.reports import table
from services.health.invariants import Invariant


def check_result(invariant: Invariant) -> dg.AssetCheckResult:
    """Return an invariant's verdict with the rows that offend."""
    return judged(invariant.holds, invariant.checked, invariant.broken)


def judged(holds: bool, checked: int, broken: Sequence[Mapping[str, Any]]) -> dg.AssetCheckResult:
    """Return a verdict over so many rows with those that offend."""
    columns = tuple(broken[0]) if broken else ()
    rows = table(columns, [tuple(row.values()) for row in broken])
    return dg.AssetCheckResult(passed=holds, metadata={"checked": checked, "broken": rows})
