-- Tells listeners which bots changed: ids only, statement-level, never on ticks, fills, trades or bars.
-- Belongs here: triggers that call pg_notify. Applied after every migration, idempotent.
--
-- Channel proving_changes. Payloads: 'bots:<id>,<id>,...' (at most 200 ids, under 8000 bytes), 'resync' where more than
-- 2000 bots changed in one statement, 'tick' for autonomy, 'switch' for the kill switch. A heartbeat alone is no change.

CREATE OR REPLACE FUNCTION tell_bots_changed(changed uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    total integer := coalesce(cardinality(changed), 0);
    first integer;
BEGIN
    IF total > 2000 THEN
        PERFORM pg_notify('proving_changes', 'resync');
        RETURN;
    END IF;
    FOR first IN SELECT generate_series(1, total, 200) LOOP
        PERFORM pg_notify('proving_changes', 'bots:' || array_to_string(changed[first:first + 199], ','));
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION tell_rows_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'bots' THEN
        PERFORM tell_bots_changed((SELECT array_agg(id) FROM new_rows));
    ELSE
        PERFORM tell_bots_changed((SELECT array_agg(DISTINCT bot_id) FROM new_rows));
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION tell_rows_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_bots_changed((SELECT array_agg(DISTINCT bot_id) FROM old_rows));
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION tell_jobs_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_bots_changed((
        SELECT array_agg(DISTINCT new_rows.bot_id)
        FROM new_rows JOIN old_rows USING (id)
        WHERE (new_rows.status, new_rows.attempt, new_rows.iteration, new_rows.started_at, new_rows.progress_pct)
            IS DISTINCT FROM
            (old_rows.status, old_rows.attempt, old_rows.iteration, old_rows.started_at, old_rows.progress_pct)));
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION tell_tick() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('proving_changes', 'tick');
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION tell_switch_thrown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows WHERE key = 'kill_switch') THEN
        PERFORM pg_notify('proving_changes', 'switch');
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER tell_added AFTER INSERT ON bots REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_rows_added();
CREATE OR REPLACE TRIGGER tell_changed AFTER UPDATE ON bots REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_rows_added();

CREATE OR REPLACE TRIGGER tell_added AFTER INSERT ON bot_jobs REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_rows_added();
CREATE OR REPLACE TRIGGER tell_changed AFTER UPDATE ON bot_jobs
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_jobs_moved();

CREATE OR REPLACE TRIGGER tell_added AFTER INSERT ON bot_metrics_rollups REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_rows_added();
CREATE OR REPLACE TRIGGER tell_changed AFTER UPDATE ON bot_metrics_rollups REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_rows_added();
CREATE OR REPLACE TRIGGER tell_gone AFTER DELETE ON bot_metrics_rollups REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_rows_gone();

CREATE OR REPLACE TRIGGER tell_changed AFTER UPDATE ON bot_evidence REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_rows_added();

CREATE OR REPLACE TRIGGER tell_tick AFTER INSERT OR UPDATE ON autonomy_runs
    FOR EACH STATEMENT EXECUTE FUNCTION tell_tick();

CREATE OR REPLACE TRIGGER tell_added AFTER INSERT ON system_settings REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_switch_thrown();
CREATE OR REPLACE TRIGGER tell_changed AFTER UPDATE ON system_settings REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_switch_thrown();
