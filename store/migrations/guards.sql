-- What the database itself refuses. Applied after every migration, idempotent.
-- Belongs here: append-only triggers, the direction of baselines, grants. Columns and indexes live in tables.py.
--
-- Default deny: every table is append-only, by trigger and by grant, unless it is named below. A new table is raw truth
-- until somebody says otherwise. The triggers hold against the owner too, and also under session_replication_role.

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'raw truth is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE OR REPLACE FUNCTION refuse_earlier_baseline() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a baseline never moves back: % of bot % stands at %', OLD.book, OLD.bot_id, OLD.reset_at
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE OR REPLACE FUNCTION refuse_other_strategy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a bot keeps archetype and rule: another one is another bot, was %', OLD.name
        USING ERRCODE = 'insufficient_privilege';
END
$$;

DO $$
DECLARE
    may_change CONSTANT text[] := ARRAY[
        'bots', 'bot_jobs', 'bot_progress', 'metrics_baselines', 'bot_metrics_rollups', 'bot_equity_curve',
        'rebuild_requests', 'autonomy_runs', 'autonomy_bot_decisions', 'system_settings', 'idempotency_keys',
        'work_under_way', 'owed_materializations', 'bot_evidence', 'alembic_version'
    ];
    known record;
BEGIN
    FOR known IN
        SELECT class.relname AS name, guard.tgenabled = 'A' AS is_guarded
        FROM pg_class class
        LEFT JOIN pg_trigger guard ON guard.tgrelid = class.oid AND guard.tgname = 'append_only'
        WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p')
        ORDER BY class.relname
    LOOP
        IF known.name = ANY (may_change) THEN
            IF known.is_guarded IS NOT NULL THEN
                EXECUTE format('DROP TRIGGER append_only ON %I', known.name);
            END IF;
        ELSIF known.is_guarded IS NOT TRUE THEN
            EXECUTE format(
                'CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
                'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', known.name);
            EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', known.name);
        END IF;
    END LOOP;
END
$$;

CREATE OR REPLACE TRIGGER same_strategy BEFORE UPDATE ON bots FOR EACH ROW
    WHEN (NEW.archetype <> OLD.archetype OR NEW.rule_fingerprint IS DISTINCT FROM OLD.rule_fingerprint)
    EXECUTE FUNCTION refuse_other_strategy();

CREATE OR REPLACE TRIGGER only_forward BEFORE UPDATE ON metrics_baselines
    FOR EACH ROW WHEN (NEW.reset_at < OLD.reset_at) EXECUTE FUNCTION refuse_earlier_baseline();

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO proving_app, proving_dagster', current_database());
END
$$;

ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO proving_app;
REVOKE ALL ON SCHEMA public FROM proving_app, proving_dagster, PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM proving_app, proving_dagster, PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM proving_app, proving_dagster, PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM proving_app, proving_dagster, PUBLIC;
GRANT USAGE ON SCHEMA public TO proving_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO proving_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO proving_app;
REVOKE INSERT ON alembic_version FROM proving_app;
GRANT UPDATE ON bots, bot_jobs, metrics_baselines, bot_metrics_rollups, bot_equity_curve, bot_progress,
    rebuild_requests, autonomy_runs, system_settings, work_under_way, bot_evidence TO proving_app;
GRANT DELETE ON bot_metrics_rollups, bot_equity_curve, autonomy_runs, autonomy_bot_decisions, idempotency_keys,
    work_under_way, owed_materializations TO proving_app;
