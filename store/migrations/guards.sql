-- What the database itself refuses. Applied after every migration, idempotent.
-- Belongs here: append-only triggers, grants of the application role. Columns and indexes live in tables.py.

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'raw truth is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

DO $$
DECLARE
    raw_table text;
BEGIN
    FOREACH raw_table IN ARRAY ARRAY[
        'backtest_sessions', 'trade_logs', 'execution_fills', 'bot_generations', 'bot_stage_events',
        'bot_metrics_events', 'audit_events', 'improve_iterations', 'improve_candidates'
    ] LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS append_only ON %I', raw_table);
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', raw_table);
    END LOOP;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM proving_app, proving_dagster, PUBLIC;
REVOKE CREATE ON SCHEMA public FROM proving_app, proving_dagster, PUBLIC;
GRANT USAGE ON SCHEMA public TO proving_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO proving_app;
REVOKE INSERT ON alembic_version FROM proving_app;
GRANT UPDATE ON bots, bot_jobs, metrics_baselines, bot_metrics_rollups, bot_equity_curve, bot_progress,
    rebuild_requests, autonomy_runs, system_settings TO proving_app;
GRANT DELETE ON bot_metrics_rollups, bot_equity_curve, autonomy_runs, autonomy_bot_decisions TO proving_app;
