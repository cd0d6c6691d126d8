"""The map of tables: that its file is not stale, and that what it says of writers is what the statements do."""

import re
from pathlib import Path

from sqlalchemy import Column

from store.base import Base
from store.map import NOBODY, PAGE, changeable, page, writers

ROOT = Path(__file__).parents[3]
UNWRITTEN = "nobody writes it yet"
SOURCES = [path for storey in ("store", "services") for path in (ROOT / storey).rglob("*.py")]
DECLARING = {"tables.py", "trades.py", "runs.py"}


def said_unwritten() -> dict[str, set[str]]:
    """Columns that say of themselves that nobody writes them, by their table."""
    columns_by_table = {
        table.name: {column.name for column in table.columns if UNWRITTEN in (column.doc or "")}
        for table in Base.metadata.sorted_tables
    }
    return {name: columns for name, columns in columns_by_table.items() if columns}


def sources_of(wings: tuple[str, ...]) -> str:
    """What the writers of a table consist of: the wings of both storeys, without where columns are declared."""
    return "\n".join(path.read_text("utf-8") for path in SOURCES if path.parent.name in wings)


def is_written(column: str, source: str) -> bool:
    """Whether a column gets a value by keyword, by key or in SQL; what repeats a row's column only reads."""
    return bool(re.search(rf'\b{column}=(?!=|row\.)|"{column}":(?! row\.)|\b{column} = ', source))


def test_the_written_page_says_what_the_tables_say_now() -> None:
    assert PAGE.read_text("utf-8") == page(), "stale: run .venv/bin/python -m store.map and commit it"


def test_every_table_has_a_section_and_a_sentence() -> None:
    sections = re.findall(r"^## (\w+)\n\n(.+)$", page(), flags=re.MULTILINE)
    assert dict(sections).keys() == Base.metadata.tables.keys()
    assert all(sentence.endswith(".") for _, sentence in sections)


def test_a_table_is_written_by_the_wings_whose_statements_name_it() -> None:
    assert writers()["bot_jobs"] == ("figures", "work"), "a reset begins failed jobs anew"
    assert writers()["audit_events"] == ("audit",)
    assert writers()["trade_logs"] == ("backtests",), "by COPY"
    assert {name for name, wings in writers().items() if not wings} == {"bot_stage_events", "execution_fills"}
    assert page().count(f"\n{NOBODY}. Append-only.\n") == 2


def test_a_table_is_append_only_unless_the_guards_name_it() -> None:
    assert {"bots", "bot_jobs", "system_settings"} <= changeable()
    assert not {"audit_events", "backtest_sessions", "trade_logs", "bot_generations"} & changeable()
    assert changeable() - Base.metadata.tables.keys() == {"alembic_version"}


def test_a_column_that_says_nobody_writes_it_is_written_by_no_writer_of_its_table() -> None:
    said = said_unwritten()
    assert said["bots"] == {"promotion_mode", "stage_locked_until", "killed_at", "kill_reason"}
    assert said["backtest_sessions"] == {"seed"}
    for table, columns in said.items():
        written = {column for column in columns if is_written(column, sources_of(writers()[table]))}
        assert written == set(), f"{table}: its docs say that nobody writes these"


def test_a_column_whose_name_no_code_uses_says_that_nobody_writes_it() -> None:
    used = "\n".join(path.read_text("utf-8") for path in SOURCES if path.name not in DECLARING)

    def is_silent(column: Column[object]) -> bool:
        return UNWRITTEN not in (column.doc or "") and not re.search(rf"\b{column.name}\b", used)

    written = [table for table in Base.metadata.sorted_tables if writers()[table.name]]
    assert [f"{table.name}.{column.name}" for table in written for column in table.columns if is_silent(column)] == []
