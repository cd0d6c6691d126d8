"""The code location with a real instance: ticks ask for runs, runs drain queues, events and checks tell the truth."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest
from sqlalchemy import Engine, func, select, text

from assets import backtests, finished_work
from assets.partitions import bots
from gateways.settings import Settings
from jobs import upkeep
from jobs.queue import KIND_TAG
from orchestration.definitions import build_defs
from sensors.fleet import register_partitions
from services.audit.chain import record
from services.audit.pages import chain_view
from services.backtests.baselines import BaselineBacktest, run_baseline
from services.bots.registration import names_of
from services.bots.seed import fleet_ids, seed_fleet
from services.desk import Desk
from services.figures.resets import reset_metrics
from services.market.choice import BarAct, BarWish, choose_bars
from services.work.autonomy import run_autonomy_tick
from services.work.owed_materializations import owing_runs
from services.work.queue import drain
from store.database import transaction
from store.tables import AuditEvent, BacktestSession, BotJob
from tests.harness.actors import AMY, TESTER
from tests.harness.events import materializations_of
from tests.harness.factories import reset_request
from tests.harness.known import known
from tests.integration.work.daemon import LIVENESS, asked_for, evaluate
from trading.market.bars import SIMULATED
from trading.work.jobs import LEASE, JobType

SYMBOLS = ("MES",)
FLEET = 5


@pytest.fixture
def fleet(stocked_desk: Desk) -> Desk:
    seed_fleet(stocked_desk, size=FLEET, symbols=SYMBOLS, timeframes=("1h",))
    return stocked_desk


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def defs(fleet: Desk) -> dg.Definitions:
    return build_defs(desk=fleet, settings=fleet.settings)


def materialized(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> Counter[tuple[str, str | None]]:
    events = materializations_of(instance, result.run_id)
    return Counter((event.asset_key.to_user_string(), event.partition) for event in events)


def bots_named(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> dict[str | None, object]:
    """Return by partition what its materialization says the bot is called."""
    return {event.partition: event.metadata["bot"].value for event in materializations_of(instance, result.run_id)}


def test_the_graph_is_exactly_this(defs: dg.Definitions) -> None:
    repository = defs.get_repository_def()
    assert sorted(key.to_user_string() for key in defs.resolve_all_asset_keys()) == [
        "audit_events",
        "autonomy_decisions",
        "backtest_sessions",
        "bar_series",
        "bars",
        "bot_jobs",
        "equity_curves",
        "evidence",
        "evolve_iterations",
        "generations",
        "improve_iterations",
        "lookahead_checks",
        "overfitting_tests",
        "parameter_grids",
        "parameter_sensitivities",
        "performance_rollups",
        "resampled_histories",
        "resampled_trades",
        "sharpe_tests",
        "stress_tests",
        "timeframe_matrices",
        "walk_forwards",
        "warm_up_checks",
    ]
    assert sorted(job for job in repository.job_names if not job.startswith("__")) == [
        "baseline_backtests",
        "evolutions",
        "improvements",
        "late_materializations",
        "ledger_audit",
        "rebuild_figures",
        "retention",
    ]
    assert sorted(sensor.name for sensor in repository.sensor_defs) == [
        "autonomy_tick",
        "bars_watch",
        "evidence_watch",
        "fleet_partitions",
        "materialization_watch",
        "reset_watch",
    ]
    assert sorted(schedule.name for schedule in repository.schedule_defs) == [
        "ledger_audit_schedule",
        "retention_schedule",
    ]
    checks = repository.asset_graph.asset_check_keys
    assert sorted((key.asset_key.to_user_string(), key.name) for key in checks) == [
        ("audit_events", "audit_chain_is_whole"),
        ("backtest_sessions", "last_job_succeeded"),
        ("backtest_sessions", "session_conserves_cash"),
        ("bot_jobs", "no_stuck_jobs"),
        ("evolve_iterations", "last_job_succeeded"),
        ("improve_iterations", "last_job_succeeded"),
        ("performance_rollups", "raw_truth_matches_rollup"),
    ]
    assert all(sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in repository.sensor_defs)


def test_every_asset_tells_people_what_it_is(defs: dg.Definitions) -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.description
        assert spec.owners
        assert spec.kinds
        assert spec.group_name != "default"


def test_a_tick_asks_for_no_more_runs_than_the_cap(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    requests = evaluate(defs, "autonomy_tick", desk=fleet, instance=instance)
    assert [request.job_name for request in requests] == ["baseline_backtests"] * fleet.settings.concurrency_backtest
    assert len({request.run_key for request in requests}) == len(requests)


def test_runs_under_way_count_as_asked_for(defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance) -> None:
    assert asked_for(defs, instance, dg.DagsterRunStatus.STARTING).tags[KIND_TAG] == "BACKTEST"
    assert len(evaluate(defs, "autonomy_tick", desk=fleet, instance=instance)) == 1


def test_a_tick_tells_the_audit_chain_what_it_is_owed_of_acts_on_bars(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    act, series = BarAct.FOLLOW_RULE, {"symbol": "MES", "timeframe": "1h", "provider": SIMULATED}
    choose_bars(fleet.bars, BarWish(act=act, actor=AMY, reason_code="OWN_FEED", **series), now=fleet.clock())
    for _ in range(2):
        evaluate(defs, "autonomy_tick", desk=fleet, instance=instance)
    with fleet.database() as db:
        event = db.scalars(select(AuditEvent).where(AuditEvent.action == act.value)).one()
    assert (event.actor, event.subject, event.payload["doneAt"]) == (
        "cli:amy",
        "MES 1h SIMULATED",
        fleet.clock().isoformat(),
    )
    assert fleet.bars.catalog().owed == ()


def test_a_run_that_sleeps_does_not_keep_the_last_job_waiting(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    run_autonomy_tick(fleet)
    with fleet.database.begin() as db:
        db.execute(
            text(
                "UPDATE bot_jobs SET status = 'CANCELED', completed_at = created_at"
                " WHERE id <> (SELECT id FROM bot_jobs LIMIT 1)"
            )
        )
        db.execute(text("UPDATE bots SET archived_at = created_at"))
    asked_for(defs, instance, dg.DagsterRunStatus.STARTED)
    assert len(evaluate(defs, "autonomy_tick", desk=fleet, instance=instance)) == 1


def test_a_run_drains_the_queue_and_records_each_bot(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    run_autonomy_tick(fleet)
    result = defs.resolve_job_def("baseline_backtests").execute_in_process(instance=instance)
    assert result.success
    expected = {
        (asset, str(bot_id))
        for asset in ("backtest_sessions", "performance_rollups", "equity_curves")
        for bot_id in fleet_ids(fleet)
    }
    assert materialized(instance, result) == Counter(expected)
    run = known(instance.get_run_by_id(result.run_id))
    assert {name: count for name, count in run.tags.items() if name.startswith("bots/")} == {
        "bots/completed": str(FLEET)
    }
    assert owing_runs(fleet) == set()
    with fleet.database() as db:
        assert db.scalar(select(func.count()).select_from(BacktestSession)) == FLEET


def test_a_run_whose_worker_died_gives_its_job_back(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    run_autonomy_tick(fleet)
    dead = asked_for(defs, instance, dg.DagsterRunStatus.FAILURE)
    alive = asked_for(defs, instance, dg.DagsterRunStatus.STARTED)
    with fleet.database.begin() as db:
        first, second = db.scalars(select(BotJob).order_by(BotJob.id).limit(2))
        for job, run in ((first, dead), (second, alive)):
            job.status, job.dagster_run_id = "RUNNING", run.run_id
            job.started_at = job.heartbeat_at = fleet.clock()
        held = {"dead": first.id, "alive": second.id}
    evaluate(defs, "autonomy_tick", desk=fleet, instance=instance)
    with fleet.database() as db:
        assert db.get_one(BotJob, held["dead"]).status == "QUEUED"
        assert db.get_one(BotJob, held["alive"]).status == "RUNNING"


class WorkerKilled(BaseException):
    """What nothing may catch, as SIGKILL."""


def killed_at(module: object, name: str, run: Callable[[], object]) -> None:
    """Run until a function is called, and let nothing of the process survive that call."""

    def die(*_: object, **__: object) -> None:
        raise WorkerKilled

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, die)
        with pytest.raises(WorkerKilled):
            run()


@pytest.mark.parametrize("name", ["record_materializations", "settle"])
def test_work_whose_worker_was_killed_before_it_was_recorded_is_materialized_once(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance, name: str
) -> None:
    run_autonomy_tick(fleet)
    job = defs.resolve_job_def("baseline_backtests")
    killed_at(finished_work, name, lambda: job.execute_in_process(instance=instance))
    (request,) = evaluate(defs, "materialization_watch", desk=fleet, instance=instance)
    assert request.run_key
    assert defs.resolve_job_def("late_materializations").execute_in_process(instance=instance).success
    assert evaluate(defs, "materialization_watch", desk=fleet, instance=instance) == []
    with fleet.database() as db:
        done = db.execute(select(BotJob.id, BotJob.bot_id).where(BotJob.status == "COMPLETED")).all()
    assert len(done) == FLEET
    for asset in ("backtest_sessions", "performance_rollups", "equity_curves"):
        records = instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
        events = [record.asset_materialization for record in records]
        assert Counter((event.metadata["job_id"].value, event.partition) for event in events if event) == Counter(
            (str(job_id), str(bot_id)) for job_id, bot_id in done
        )


def test_what_a_run_at_work_has_not_recorded_yet_is_left_to_it(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    run_autonomy_tick(fleet)
    run = asked_for(defs, instance, dg.DagsterRunStatus.STARTED)
    done = drain(fleet, BaselineBacktest(), JobType.BACKTEST, run_id=run.run_id, time_limit=timedelta(hours=1))
    next(done)
    assert owing_runs(fleet) == {run.run_id}
    assert evaluate(defs, "materialization_watch", desk=fleet, instance=instance) == []
    instance.report_run_failed(run)
    assert len(evaluate(defs, "materialization_watch", desk=fleet, instance=instance)) == 1


def test_work_that_is_recorded_late_tells_the_same_as_in_time(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_autonomy_tick(fleet)
    job, recorded = defs.resolve_job_def("baseline_backtests"), list[dg.AssetMaterialization]()
    with monkeypatch.context() as patch:
        patch.setattr(finished_work, "record_materializations", lambda *given: recorded.extend(given[-1]))
        patch.setattr(finished_work, "settle", lambda *_: None)
        job.execute_in_process(instance=instance)
    late = defs.resolve_job_def("late_materializations").execute_in_process(instance=instance)
    events = materializations_of(instance, late.run_id)
    plain = [(event.asset_key, event.partition, dict(event.metadata)) for event in events]
    assert sorted(plain, key=str) == sorted(
        ((event.asset_key, event.partition, dict(event.metadata)) for event in recorded), key=str
    )
    assert len(recorded) == 3 * FLEET


def test_a_backtest_of_the_command_line_is_recorded_too(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    bot_id = fleet_ids(fleet)[0]
    run_baseline(fleet, bot_id, run_id="cli-1")
    assert len(evaluate(defs, "materialization_watch", desk=fleet, instance=instance)) == 1
    late = defs.resolve_job_def("late_materializations").execute_in_process(instance=instance)
    assets = ("backtest_sessions", "performance_rollups", "equity_curves")
    assert materialized(instance, late) == {(asset, str(bot_id)): 1 for asset in assets}


def test_a_reset_whose_rebuild_was_killed_before_it_was_recorded_is_materialized(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    reset_metrics(fleet, reset_request())
    job = defs.resolve_job_def("rebuild_figures")
    killed_at(upkeep, "record_materializations", lambda: job.execute_in_process(instance=instance))
    assert len(evaluate(defs, "reset_watch", desk=fleet, instance=instance)) == 1
    again = job.execute_in_process(instance=instance)
    counted = Counter(asset for asset, _ in materialized(instance, again).elements())
    assert counted == {"performance_rollups": FLEET, "equity_curves": FLEET}
    assert evaluate(defs, "reset_watch", desk=fleet, instance=instance) == []


def test_runs_that_all_sleep_past_their_lease_are_ended_and_their_slots_free(defs: dg.Definitions, fleet: Desk) -> None:
    run_autonomy_tick(fleet)
    cap = fleet.settings.concurrency_backtest
    with dg.instance_for_test(overrides=LIVENESS) as instance:
        asleep = [asked_for(defs, instance, dg.DagsterRunStatus.STARTED) for _ in range(cap)]
        with fleet.database.begin() as db:
            for held, run in zip(db.scalars(select(BotJob).order_by(BotJob.id).limit(cap)), asleep, strict=True):
                held.status, held.dagster_run_id = "RUNNING", run.run_id
                held.started_at = held.heartbeat_at = fleet.clock() - LEASE - timedelta(seconds=1)
        requests = evaluate(defs, "autonomy_tick", desk=fleet, instance=instance)
        assert len(requests) == cap
        ended = {instance.get_run_by_id(run.run_id).status for run in asleep}  # type: ignore[union-attr]
        assert ended == {dg.DagsterRunStatus.FAILURE}


def test_a_run_that_finishes_while_it_is_ended_keeps_its_end(
    defs: dg.Definitions, fleet: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_autonomy_tick(fleet)
    with dg.instance_for_test(overrides=LIVENESS) as instance:
        run = asked_for(defs, instance, dg.DagsterRunStatus.STARTED)
        with fleet.database.begin() as db:
            held = db.scalars(select(BotJob).limit(1)).one()
            held.status, held.dagster_run_id = "RUNNING", run.run_id
            held.started_at = held.heartbeat_at = fleet.clock() - LEASE - timedelta(seconds=1)
        monkeypatch.setattr(instance.run_launcher, "terminate", lambda _: instance.report_run_canceled(run))
        evaluate(defs, "autonomy_tick", desk=fleet, instance=instance)
        assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.CANCELED  # type: ignore[union-attr]


def test_a_reset_made_without_dagster_is_materialized_once(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    assert evaluate(defs, "reset_watch", desk=fleet, instance=instance) == []
    reset_metrics(fleet, reset_request())
    (request,) = evaluate(defs, "reset_watch", desk=fleet, instance=instance)
    assert request.run_key
    result = defs.resolve_job_def("rebuild_figures").execute_in_process(instance=instance)
    counted = Counter(asset for asset, _ in materialized(instance, result).elements())
    assert counted == {"performance_rollups": FLEET, "equity_curves": FLEET}
    assert bots_named(instance, result) == {
        str(bot_id): name for bot_id, name in names_of(fleet, fleet_ids(fleet)).items()
    }
    assert evaluate(defs, "reset_watch", desk=fleet, instance=instance) == []


def test_a_person_can_materialize_one_bot(defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance) -> None:
    keys = [str(bot_id) for bot_id in fleet_ids(fleet)]
    register_partitions(instance, keys)
    figures = ("performance_rollups", "equity_curves")
    made = {
        "backtest_sessions": ("backtest_sessions", *figures),
        "improve_iterations": ("improve_iterations",),
        "performance_rollups": figures[:1],
        "equity_curves": figures[1:],
    }
    for asset, materializes in made.items():
        job = defs.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=instance, partition_key=keys[0], asset_selection=[dg.AssetKey(asset)])
        assert materialized(instance, result) == {(name, keys[0]): 1 for name in materializes}
        assert bots_named(instance, result) == {keys[0]: names_of(fleet, [UUID(keys[0])])[UUID(keys[0])]}
    with fleet.database() as db:
        done = db.execute(select(BotJob.job_type, BotJob.status, BotJob.reason_code, BotJob.bot_id)).all()
    assert sorted(tuple(row) for row in done) == [
        ("BACKTEST", "COMPLETED", "BY_HAND", UUID(keys[0])),
        ("IMPROVE", "COMPLETED", "BY_HAND", UUID(keys[0])),
    ]


def test_figures_and_curve_of_a_bot_are_rebuilt_once_for_both(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [str(bot_id) for bot_id in fleet_ids(fleet)]
    register_partitions(instance, keys)
    rebuilt: list[list[UUID]] = []
    monkeypatch.setattr(backtests, "rebuild_bots", lambda _, bot_ids: rebuilt.append(bot_ids))
    figures = [dg.AssetKey("performance_rollups"), dg.AssetKey("equity_curves")]
    job = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, partition_key=keys[0], asset_selection=figures)
    assert materialized(instance, result) == {(key.to_user_string(), keys[0]): 1 for key in figures}
    assert rebuilt == [[UUID(keys[0])]]


def test_partitions_follow_a_large_fleet_in_chunks(instance: dg.DagsterInstance) -> None:
    keys = [str(UUID(int=number)) for number in range(1_200)]
    assert register_partitions(instance, keys[:700]) == 700
    assert register_partitions(instance, keys) == 500
    assert sorted(instance.get_dynamic_partitions(str(bots.name))) == keys


def test_the_partition_watch_rests_until_the_fleet_changes(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    sensor = defs.resolve_sensor_def("fleet_partitions")
    context = dg.build_sensor_context(instance=instance, resources={"desk": fleet})

    def skipped() -> list[str | None]:
        return [skip.skip_message for skip in sensor(context)]  # type: ignore[union-attr]

    assert skipped() == [f"{FLEET} bots added"]
    assert skipped() == ["the fleet has not changed"]
    seed_fleet(fleet, size=FLEET + 2, symbols=SYMBOLS, timeframes=("1h",))
    assert skipped() == ["2 bots added"]


def checks(defs: dg.Definitions, instance: dg.DagsterInstance) -> dict[str, bool]:
    result = defs.resolve_job_def("ledger_audit").execute_in_process(instance=instance, raise_on_error=False)
    return {check.check_name: check.passed for check in result.get_asset_check_evaluations()}


def test_the_ledger_checks_pass_on_the_truth_and_find_planted_lies(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance, owner: Engine
) -> None:
    run_autonomy_tick(fleet)
    defs.resolve_job_def("baseline_backtests").execute_in_process(instance=instance)
    with transaction(fleet.database) as db:
        record(fleet, db, actor=TESTER, action="LOOK", subject="fleet", payload={})
    names = ("raw_truth_matches_rollup", "session_conserves_cash", "no_stuck_jobs", "audit_chain_is_whole")
    truth = dict.fromkeys(names, True)
    assert checks(defs, instance) == truth
    remembered = chain_view(fleet).verification
    assert remembered is not None
    assert (remembered.is_whole, remembered.actor) == (True, "ledger_audit")
    with owner.begin() as connection:
        connection.execute(text("UPDATE bot_metrics_rollups SET net_pnl_usd = net_pnl_usd + 0.01 WHERE trades > 0"))
    assert checks(defs, instance) == truth | {"raw_truth_matches_rollup": False}
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE backtest_sessions DISABLE TRIGGER append_only"))
        connection.execute(text("UPDATE backtest_sessions SET equity_usd[1:1] = equity_usd[1:1], account_usd = 1"))
        connection.execute(
            text(
                "UPDATE bot_jobs SET status = 'RUNNING', completed_at = NULL, heartbeat_at = :long_ago"
                " WHERE id = (SELECT id FROM bot_jobs LIMIT 1)"
            ),
            {"long_ago": datetime(2020, 1, 1, tzinfo=UTC)},
        )
        connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER append_only"))
        connection.execute(text("UPDATE audit_events SET actor = 'somebody else'"))
    assert checks(defs, instance) == dict.fromkeys(truth, False)
    remembered = chain_view(fleet).verification
    assert remembered is not None
    assert not remembered.is_whole


def test_retention_forgets_only_what_is_old(defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance) -> None:
    run_autonomy_tick(fleet)
    reset_metrics(fleet, reset_request(idempotency_key="old-key"))
    fleet.clock.advance(days=5)  # type: ignore[attr-defined]
    run_autonomy_tick(fleet)
    reset_metrics(fleet, reset_request(idempotency_key="young-key"))
    fleet.clock.advance(days=3)  # type: ignore[attr-defined]
    run_autonomy_tick(fleet)
    result = defs.resolve_job_def("retention").execute_in_process(instance=instance)
    assert result.success
    with fleet.database() as db:
        assert db.execute(text("SELECT count(*) FROM autonomy_runs")).scalar_one() == 2
        assert db.execute(text("SELECT count(DISTINCT run_id) FROM autonomy_bot_decisions")).scalar_one() == 1
        assert db.execute(text("SELECT key FROM idempotency_keys")).scalars().all() == ["young-key"]


def test_definitions_load_without_a_database(tmp_path: Path) -> None:
    dg.Definitions.validate_loadable(build_defs(settings=Settings(env="test", proving_home=tmp_path)))
    assert not any(tmp_path.iterdir())
