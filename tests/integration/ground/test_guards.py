"""Raw truth cannot be changed by the application: the database refuses, twice over."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from gateways.postgres import APP_ROLE, DatabaseUrls
from services.desk import Desk, prepare_database
from store.base import Base
from store.database import transaction
from tests.harness.factories import BIRTH, make_bot, make_fill, make_session, make_trade

MAY_CHANGE = {
    "bots",
    "bot_jobs",
    "bot_progress",
    "metrics_baselines",
    "bot_metrics_rollups",
    "bot_equity_curve",
    "rebuild_requests",
    "autonomy_runs",
    "autonomy_bot_decisions",
    "system_settings",
    "idempotency_keys",
    "work_under_way",
    "owed_materializations",
    "bot_evidence",
}
RAW = sorted(set(Base.metadata.tables) - MAY_CHANGE)

ON_A_TABLE = (
    "UPDATE {t} SET {c} = {c}",
    "UPDATE ONLY {t} SET {c} = {c} WHERE false",
    "DELETE FROM {t}",
    "DELETE FROM {t} WHERE false",
    "TRUNCATE {t}",
    "TRUNCATE {t} CASCADE",
    "WITH gone AS (DELETE FROM {t} RETURNING 1) SELECT count(*) FROM gone",
    "MERGE INTO {t} old USING {t} new ON old.{c} = new.{c} WHEN MATCHED THEN DELETE",
    "SELECT * FROM {t} FOR UPDATE",
    "DO $$ BEGIN EXECUTE 'DELETE FROM {t}'; END $$",
    "LOCK TABLE {t} IN ACCESS EXCLUSIVE MODE",
    "ALTER TABLE {t} ADD COLUMN planted int",
    "ALTER TABLE {t} DISABLE TRIGGER ALL",
    "ALTER TABLE {t} DISABLE TRIGGER append_only",
    "ALTER TABLE {t} OWNER TO {app}",
    "ALTER TABLE {t} RENAME TO planted",
    "ALTER TABLE {t} SET UNLOGGED",
    "ALTER TABLE {t} ENABLE ROW LEVEL SECURITY",
    "DROP TABLE {t}",
    "DROP TABLE {t} CASCADE",
    "DROP TRIGGER append_only ON {t}",
    "CREATE RULE planted AS ON INSERT TO {t} DO INSTEAD NOTHING",
    "CREATE TRIGGER planted BEFORE INSERT ON {t} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE INDEX ON {t} ({c})",
    "CREATE TEMP TABLE {t} (planted int)",
    "CREATE VIEW planted AS SELECT * FROM {t}",
    "GRANT UPDATE, DELETE ON {t} TO {app}; SELECT * FROM {t} FOR UPDATE",
    "COPY {t} TO PROGRAM 'cat'",
    "COPY {t} FROM PROGRAM 'true'",
    "COPY {t} FROM '/dev/null'",
    "CLUSTER {t} USING pk_{t}",
    "RESET SESSION AUTHORIZATION; DELETE FROM {t}",
)
ON_THE_DATABASE = (
    "SET session_replication_role = replica",
    "SET ROLE {owner}",
    "SET SESSION AUTHORIZATION {owner}",
    "SET LOCAL ROLE proving_dagster",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "DROP FUNCTION refuse_change() CASCADE",
    "CREATE FUNCTION planted() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA planted",
    "CREATE TABLE planted (id int)",
    "CREATE EXTENSION dblink",
    "CREATE ROLE planted SUPERUSER",
    "ALTER ROLE {app} SUPERUSER",
    "GRANT {owner} TO {app}",
    "ALTER SYSTEM SET fsync = off",
    "DROP SCHEMA public CASCADE",
    "UPDATE pg_trigger SET tgenabled = 'D'",
    "DELETE FROM pg_class",
    "UPDATE alembic_version SET version_num = 'planted'",
    "INSERT INTO alembic_version VALUES ('planted')",
    "DELETE FROM bots",
    "DELETE FROM metrics_baselines",
    "DELETE FROM bot_jobs",
)


@pytest.fixture
def app(urls: DatabaseUrls) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A raw connection as the application role, to a database whose own grants are in force too."""
    prepare_database(urls)
    with psycopg.connect(urls.app.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        yield connection


@pytest.fixture
def ledger(desk: Desk) -> UUID:
    """One row in the raw tables that matter most."""
    with transaction(desk.database) as db:
        bot = make_bot(db)
        backtest = make_session(db, bot, created_at=BIRTH)
        make_trade(db, bot, book="BACKTEST", exit_at=BIRTH, net_usd=10, session_id=backtest.id)
        make_fill(db, bot, book="PAPER", filled_at=BIRTH)
    return bot.id


def accepted(app: psycopg.Connection[tuple[object, ...]], attacks: list[str]) -> list[str]:
    """Run each attack in a transaction of its own and return those the database let through."""
    through = []
    for attack in attacks:
        try:
            app.execute(attack)
        except psycopg.Error:
            app.rollback()
        else:
            through.append(attack)
            app.rollback()
    return through


def attacks_on(table: str, owner: Engine) -> list[str]:
    column = next(iter(Base.metadata.tables[table].columns)).name
    words = {"t": table, "c": column, "app": APP_ROLE, "owner": owner.url.username}
    return [attack.format(**words) for attack in ON_A_TABLE]


def holes(connection: Connection) -> set[str]:
    """Read the catalogue: tables that are not append-only for the application, other than those that may change."""
    rows = connection.execute(
        text(
            """
            SELECT class.relname FROM pg_class class
            WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p')
              AND (NOT EXISTS (
                     SELECT 1 FROM pg_trigger guard
                     WHERE guard.tgrelid = class.oid AND guard.tgname = 'append_only' AND guard.tgenabled = 'A'
                       AND guard.tgfoid = 'refuse_change'::regproc AND guard.tgtype & 62 = 58)
                OR has_table_privilege(:app, class.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES, MAINTAIN')
                OR has_any_column_privilege(:app, class.oid, 'UPDATE, REFERENCES')
                OR pg_get_userbyid(class.relowner) = :app)
            """
        ),
        {"app": APP_ROLE},
    )
    return set(rows.scalars()) - MAY_CHANGE - {"alembic_version"}


@pytest.mark.scorecard(13)
def test_no_statement_of_the_application_changes_raw_truth(
    app: psycopg.Connection[tuple[object, ...]], owner: Engine, ledger: UUID
) -> None:
    before = contents(owner)
    for table in RAW:
        assert accepted(app, attacks_on(table, owner)) == []
    words = {"app": APP_ROLE, "owner": owner.url.username}
    assert accepted(app, [attack.format(**words) for attack in ON_THE_DATABASE]) == []
    assert contents(owner) == before


@pytest.mark.scorecard(13)
def test_the_attacks_find_a_table_without_its_guard(
    app: psycopg.Connection[tuple[object, ...]], owner: Engine, ledger: UUID
) -> None:
    with owner.begin() as connection:
        connection.execute(text("DROP TRIGGER append_only ON trade_logs"))
        connection.execute(text(f"GRANT UPDATE, DELETE ON trade_logs TO {APP_ROLE}"))
    assert len(accepted(app, attacks_on("trade_logs", owner))) >= 6


@pytest.mark.scorecard(13)
def test_the_catalogue_shows_every_missing_guard(owner: Engine) -> None:
    faults = (
        "DROP TRIGGER append_only ON trade_logs",
        "ALTER TABLE trade_logs DISABLE TRIGGER append_only",
        "ALTER TABLE trade_logs ENABLE TRIGGER append_only",
        f"GRANT UPDATE ON trade_logs TO {APP_ROLE}",
        f"GRANT UPDATE (net_pnl_usd) ON trade_logs TO {APP_ROLE}",
        "GRANT DELETE ON trade_logs TO PUBLIC",
        f"ALTER TABLE trade_logs OWNER TO {APP_ROLE}",
    )
    with owner.connect() as connection:
        assert holes(connection) == set()
        for fault in faults:
            connection.execute(text(fault))
            assert holes(connection) == {"trade_logs"}, fault
            connection.rollback()


@pytest.mark.scorecard(13)
def test_provisioning_mends_a_missing_guard_and_guards_a_table_nobody_named(owner: Engine, urls: DatabaseUrls) -> None:
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE trade_logs DISABLE TRIGGER append_only"))
        connection.execute(text(f"GRANT UPDATE ON trade_logs TO {APP_ROLE}"))
        connection.execute(text("CREATE TABLE ticks (id int)"))
        assert holes(connection) == {"trade_logs", "ticks"}
    prepare_database(urls)
    with owner.begin() as connection:
        assert holes(connection) == set()


@pytest.mark.scorecard(13)
def test_raw_truth_is_refused_to_the_owner_too_even_as_a_replica(owner: Engine, ledger: UUID) -> None:
    for table in RAW:
        for change in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(ProgrammingError, match="append-only"):
                run_as_replica(owner, change)


def test_everyone_else_has_nothing(app: psycopg.Connection[tuple[object, ...]], owner: Engine) -> None:
    with owner.connect() as connection:
        public = connection.execute(
            text(
                """
                SELECT class.relname::text FROM pg_class class, aclexplode(class.relacl) granted
                WHERE class.relnamespace = 'public'::regnamespace AND granted.grantee = 0
                UNION ALL SELECT proname::text FROM pg_proc, aclexplode(proacl) granted
                WHERE pronamespace = 'public'::regnamespace AND granted.grantee = 0
                UNION ALL SELECT nspname::text FROM pg_namespace, aclexplode(nspacl) granted
                WHERE nspname = 'public' AND granted.grantee = 0
                UNION ALL SELECT datname::text FROM pg_database, aclexplode(datacl) granted
                WHERE datname = current_database() AND granted.grantee = 0
                """
            )
        )
        assert public.scalars().all() == []
        acl = connection.execute(text("SELECT datacl IS NOT NULL FROM pg_database WHERE datname = current_database()"))
        assert acl.scalar_one()
        dagster = connection.execute(text("SELECT has_schema_privilege('proving_dagster', 'public', 'USAGE')"))
        assert dagster.scalar_one() is False


def test_a_baseline_never_moves_back(desk: Desk, ledger: UUID) -> None:
    row = {"bot": ledger, "at": datetime(2026, 2, 1, tzinfo=UTC), "earlier": datetime(2026, 1, 1, tzinfo=UTC)}
    with transaction(desk.database) as db:
        db.execute(
            text(
                "INSERT INTO metrics_baselines (bot_id, book, reset_at, scope, reason_code, actor, request_id)"
                " VALUES (:bot, 'PAPER', :at, 'ALL', 'TEST', 'test', 'test')"
            ),
            row,
        )
    back = text("UPDATE metrics_baselines SET reset_at = :earlier WHERE bot_id = :bot")
    with transaction(desk.database) as db, pytest.raises(ProgrammingError, match="never moves back"):
        db.execute(back, row)


def run_as_replica(owner: Engine, statement: str) -> None:
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement))


def contents(owner: Engine) -> dict[str, object]:
    with owner.connect() as connection:
        return {
            table: connection.execute(
                text(f"SELECT md5(string_agg(row::text, ',' ORDER BY row::text)) FROM {table} row")
            ).scalar()
            for table in RAW
        }
