"""`python -m store.map [FILE]` writes the map of all tables, into docs/tables.md unless told where.

Belongs here: what the metadata, the guards and the statements themselves say of a table. Does not belong here: what a
row or a column is, which the docstring of its class and the `doc` of its column say where they are declared.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

from store import idempotency, tables  # noqa: F401 - these and the next: their tables make the metadata
from store.backtests import trades  # noqa: F401
from store.base import Base
from store.improvement import looks  # noqa: F401
from store.market import planted_edges  # noqa: F401
from store.verification import records, verifications  # noqa: F401
from store.work import owed_materializations, under_way  # noqa: F401

STORE = Path(__file__).parent
PAGE = STORE.parent / "docs" / "tables.md"
GROUND = "ground floor"
NOBODY = "Nobody writes it yet"
_BY_CLASS = r"\b(?:insert|upsert|update|delete)\(\s*(\w+)"
_BY_NAME = r"\b(?:INSERT INTO|UPDATE|DELETE FROM|COPY) (\w+)"
_HEAD = """\
# Tables

<!-- Written by `python -m store.map` from the tables of the code. Do not edit: run it again. -->

What a row is, who writes it and what the database refuses. A table is append-only unless `store/migrations/guards.sql`
names it: no role may change or delete its rows, not even the owner, without taking a trigger away first. Dagster's own
tables stand in a schema of their own, `dagster`, and are its business; `alembic_version` holds the newest migration.
"""


def page() -> str:
    """Return the whole page."""
    classes = sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda table: str(table.__tablename__))
    listed = "\n".join(
        f"| [{table.__tablename__}](#{table.__tablename__}) | {_first_sentence(table)} |" for table in classes
    )
    return "\n".join([_HEAD, f"| table | a row is |\n| --- | --- |\n{listed}", *map(_section, classes)])


@cache
def writers() -> dict[str, tuple[str, ...]]:
    """Return the wings whose statements write each table, by the table's name; of a table nobody writes, none."""
    names = {mapper.class_.__name__: mapper.class_.__tablename__ for mapper in Base.registry.mappers}
    wings_of: dict[str, set[str]] = {name: set() for name in names.values()}
    for path in STORE.rglob("*.py"):
        wing = path.parent.name if path.parent != STORE else GROUND
        source = path.read_text("utf-8") if "migrations" not in path.parts else ""
        for written in re.findall(f"{_BY_CLASS}|{_BY_NAME}", source):
            name = names.get(written[0], written[1])
            if name in wings_of:
                wings_of[name].add(wing)
    return {name: tuple(sorted(named)) for name, named in wings_of.items()}


@cache
def changeable() -> frozenset[str]:
    """Return the tables whose rows may change, as the guards name them."""
    guards = (STORE / "migrations" / "guards.sql").read_text("utf-8")
    listed = re.search(r"may_change CONSTANT text\[\] := ARRAY\[(.*?)\]", guards, re.DOTALL)
    return frozenset(re.findall(r"'(\w+)'", listed[1] if listed else ""))


def _section(mapped: type) -> str:
    table: Table = mapped.__table__  # type: ignore[attr-defined]
    rows = "\n".join(f"| {' | '.join(_cells(column))} |" for column in table.columns)
    rules = _rules(table)
    return "\n".join(
        (
            f"\n## {table.name}\n",
            f"{_told(mapped)}\n",
            f"{_kept(table.name)}\n",
            f"| column | type | null | key | |\n| --- | --- | --- | --- | --- |\n{rows}",
            *((f"\nRefused unless:\n\n{rules}",) if rules else ()),
        )
    )


def _told(mapped: type) -> str:
    return " ".join(inspect.cleandoc(mapped.__doc__ or "").split())


def _kept(name: str) -> str:
    change = "Its rows may change." if name in changeable() else "Append-only."
    wings = writers()[name]
    return f"{change} Written by: {', '.join(wings)}." if wings else f"{NOBODY}. {change}"


def _cells(column: Column[object]) -> tuple[str, ...]:
    kept = column.type.compile(dialect=postgresql.dialect()).lower()  # type: ignore[no-untyped-call]
    default = getattr(column.server_default, "arg", None)
    notes = [f"default `{default}`"] if default is not None else []
    notes += [column.doc] if column.doc else []
    return (f"`{column.name}`", kept, "null" if column.nullable else "", ", ".join(_keys(column)), "; ".join(notes))


def _keys(column: Column[object]) -> Iterator[str]:
    if column.primary_key:
        yield "primary"
    if column.unique:
        yield "unique"
    for key in sorted(column.foreign_keys, key=lambda foreign: foreign.target_fullname):
        table, _, name = key.target_fullname.partition(".")
        yield f"[{table}](#{table}).{name}"


def _rules(table: Table) -> str:
    checks = [rule for rule in table.constraints if isinstance(rule, CheckConstraint)]
    keys = [key for key in table.constraints if isinstance(key, UniqueConstraint) and len(key.columns) > 1]
    lines = [f"- `{check.sqltext}`" for check in checks]
    lines += [f"- unique: {', '.join(f'`{column.name}`' for column in key.columns)}" for key in keys]
    lines += [
        f"- unique: {', '.join(f'`{column.name}`' for column in index.columns)}"
        f" where `{index.dialect_options['postgresql']['where']}`"
        for index in table.indexes
        if index.unique
    ]
    return "\n".join(sorted(lines))


def _first_sentence(mapped: type) -> str:
    return re.split(r"(?<=[.]) ", _told(mapped), maxsplit=1)[0]


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE).write_text(page(), "utf-8")
