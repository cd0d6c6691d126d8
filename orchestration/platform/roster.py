"""Which programs the platform consists of, and what each may know.

Belongs here: command lines, environments, the order of a start. Does not belong here: keeping them alive.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy.engine import URL

from gateways.postgres import DatabaseUrls
from gateways.processes import environment
from gateways.settings import PROJECT_ROOT, Settings
from orchestration.platform.health import LOOPBACK, api_answers, code_server_answers, daemon_beats, webserver_answers
from orchestration.platform.instance import LOCATION, MODULE, START_SECONDS, dagster_home, workspace_file
from orchestration.platform.supervisor import Program

GIVEN_UP_SECONDS = 60  # by then run monitoring has failed a run that does not start
SENSOR_SECONDS = 120  # no tick takes that long; a code server that sleeps must not hold up the next
RUN_NICE = 10  # people wait for the API, nobody waits for one backtest
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # the caps decide what runs at once, not BLAS


def code_server(settings: Settings, urls: DatabaseUrls, platform_id: str) -> Program:
    """Return the program that loads our definitions, ticks and starts run workers.

    Its session steps back half as far as they do within it: a tick goes before a backtest, and people before both.
    """
    nice = settings.run_nice if "run_nice" in settings.model_fields_set else RUN_NICE
    port = ("--host", LOOPBACK, "--port", str(settings.code_server_port))
    return _program(
        "code server",
        ("-m", "dagster", "api", "grpc", "-m", MODULE, *port, "--location-name", LOCATION),
        environment=_environment(
            settings, platform_id, app=urls.app, dagster=urls.dagster, RUN_NICE=str(nice), **ONE_THREAD
        ),
        answers=partial(code_server_answers, settings),
        session_nice=nice // 2,
    )


def daemon(settings: Settings, urls: DatabaseUrls, platform_id: str) -> Program:
    """Return the one daemon; the concurrency caps are only right with one.

    It waits for a run's start longer than a start may take: asking again sooner starts a second worker for the run.
    """
    patience: dict[str, Any] = {
        "DAGSTER_GRPC_TIMEOUT_SECONDS": str(START_SECONDS + GIVEN_UP_SECONDS),
        "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": str(SENSOR_SECONDS),
    }
    return _program(
        "daemon",
        ("-m", "dagster._daemon", "run", "-w", str(workspace_file(settings))),
        environment=_environment(settings, platform_id, dagster=urls.dagster, **patience),
        answers=partial(daemon_beats, settings),
    )


def webserver(settings: Settings, urls: DatabaseUrls, platform_id: str) -> Program:
    """Return the Dagster UI behind our doors."""
    return _program(
        "webserver",
        ("-m", "orchestration.platform.dagster_ui"),
        environment=_environment(settings, platform_id, dagster=urls.dagster),
        answers=partial(webserver_answers, settings),
    )


def api(settings: Settings, urls: DatabaseUrls, platform_id: str) -> Program:
    """Return the API and the screen; the only program that knows the admin token."""
    token = settings.admin_token.get_secret_value() if settings.admin_token else None
    return _program(
        "api",
        ("-m", "api"),
        environment=_environment(settings, platform_id, app=urls.app, ADMIN_TOKEN=token),
        answers=partial(api_answers, settings),
    )


def seed(settings: Settings, urls: DatabaseUrls, platform_id: str) -> Program:
    """Return the chore that gives an empty database a fleet, and symbols without bars a simulated market."""
    return _program(
        "seed",
        ("-m", "orchestration.cli.main", "seed", "--if-empty"),
        environment=_environment(settings, platform_id, app=urls.app),
        answers=lambda: None,
    )


def _program(
    name: str,
    arguments: tuple[str, ...],
    *,
    environment: dict[str, str],
    answers: Callable[[], bool | None],
    session_nice: int = 0,
) -> Program:
    return Program(
        name=name,
        command=(sys.executable, *arguments),
        environment=environment,
        answers=answers,
        directory=PROJECT_ROOT,
        session_nice=session_nice,
    )


def _environment(
    settings: Settings, platform_id: str, *, app: URL | None = None, dagster: URL | None = None, **more: str | None
) -> dict[str, str]:
    """Return our environment without the owner's address and the admin token, plus what this program needs."""
    known: dict[str, str | None] = {
        "DATABASE_URL": None,
        "ADMIN_TOKEN": None,
        "APP_DATABASE_URL": _text(app),
        "DAGSTER_PG_URL": _text(dagster),
        "DAGSTER_HOME": str(dagster_home(settings)),
        "PROVING_HOME": str(settings.proving_home.resolve()),
        "PYTHONUNBUFFERED": "1",
    }
    return environment(platform_id, **(known | more))


def _text(url: URL | None) -> str | None:
    return url.render_as_string(hide_password=False) if url is not None else None
