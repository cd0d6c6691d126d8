"""Statements caught as an engine sends them and explained at once, inside the same transaction."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event

GROWS = {
    "trade_logs",
    "backtest_sessions",
    "execution_fills",
    "bot_jobs",
    "autonomy_bot_decisions",
    "autonomy_runs",
    "bot_metrics_events",
    "bot_stage_events",
    "bot_performance_snapshots",
    "audit_events",
    "improve_iterations",
    "improve_candidates",
    "verification_runs",
    "rebuild_requests",
    "idempotency_keys",
}
EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")


@dataclass
class Caught:
    """The statements an engine sent and the tables each would read from end to end."""

    statements: list[str] = field(default_factory=list)
    scans: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def explained(engine: Engine) -> Iterator[Caught]:
    """Explain every statement just before it runs, on its own connection."""
    caught = Caught()

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.lstrip().startswith(EXPLAINED):
            return
        first = parameters[0] if isinstance(parameters, list | tuple) and parameters else parameters
        with cursor.connection.cursor() as aside:
            answer = aside.execute(f"EXPLAIN (FORMAT JSON) {statement}", first).fetchone()[0]
        plan = answer if isinstance(answer, list) else json.loads(answer)
        caught.statements.append(statement)
        caught.scans += [(table, " ".join(statement.split())[:400]) for table in seq_scans(plan[0]["Plan"])]

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield caught
    finally:
        event.remove(engine, "before_cursor_execute", explain)


def seq_scans(node: dict[str, Any]) -> Iterator[str]:
    """Yield the growing tables a plan reads from end to end."""
    if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in GROWS:
        yield node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from seq_scans(below)
