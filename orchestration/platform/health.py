"""Questions that tell a program that works from one that merely exists.

Belongs here: one cheap question per program. Does not belong here: what the supervisor does with the answer.
"""

import http.client
import json
import time

from gateways.ports import reachable, speaks_http, speaks_http2
from gateways.settings import Settings

SENSOR_DAEMON_SILENCE_SECONDS = 120
LATE_BEAT_SECONDS = 60  # Dagster's daemons beat every half minute
LOOPBACK = "127.0.0.1"
BEATS_QUERY = "{ instance { daemonHealth { allDaemonStatuses { daemonType lastHeartbeatTime } } } }"


def code_server_answers(settings: Settings) -> bool:
    """Say whether the code server speaks gRPC; it listens only after it has loaded the definitions."""
    return speaks_http2(LOOPBACK, settings.code_server_port)


def webserver_answers(settings: Settings) -> bool:
    """Say whether the Dagster UI answers."""
    return speaks_http(settings.dagster_host, settings.webserver_port, "/server_info")


def api_answers(settings: Settings) -> bool:
    """Say whether the API process answers; whether it can serve is `/readyz`."""
    return speaks_http(settings.host, settings.api_port, "/healthz")


def api_ready(settings: Settings) -> bool:
    """Say whether the API can serve: database, migrations and daemon are well."""
    return speaks_http(settings.host, settings.api_port, "/readyz")


def failing_checks(settings: Settings) -> list[str]:
    """Return what the API's own checks find wrong, each with its reason; none where it cannot be asked."""
    connection = http.client.HTTPConnection(reachable(settings.host), settings.api_port, timeout=2.0)
    try:
        connection.request("GET", "/api/health")
        checks = json.load(connection.getresponse())["checks"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return []
    finally:
        connection.close()
    return [f"{check['name']}: {check['detail']}" for check in checks if not check["passed"]]


def daemon_beats(settings: Settings) -> bool | None:
    """Say whether the sensor daemon's last heartbeat is fresh; None while the webserver, whom we ask, is away."""
    silent = daemon_silent_seconds(settings)
    return None if silent is None else silent < SENSOR_DAEMON_SILENCE_SECONDS


def daemon_silent_seconds(settings: Settings) -> float | None:
    """Return how long ago the sensor daemon's last heartbeat was, None where nobody knows."""
    beat = last_sensor_beat(settings)
    return None if beat is None else time.time() - beat


def starts_in_words(settings: Settings) -> str | None:
    """Return how runs start, as the newest tick saw it; None where the API does not know."""
    connection = http.client.HTTPConnection(reachable(settings.host), settings.api_port, timeout=2.0)
    try:
        connection.request("GET", "/api/jobs/now")
        starts = json.load(connection.getresponse())["starts"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return None
    finally:
        connection.close()
    return str(starts["words"]) if starts else None


def last_sensor_beat(settings: Settings) -> float | None:
    """Return the sensor daemon's last heartbeat in seconds since the epoch, None where nobody knows."""
    connection = http.client.HTTPConnection(reachable(settings.dagster_host), settings.webserver_port, timeout=2.0)
    try:
        body = json.dumps({"query": BEATS_QUERY})
        connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
        statuses = json.load(connection.getresponse())["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return None
    finally:
        connection.close()
    beats = [status["lastHeartbeatTime"] for status in statuses if status["daemonType"] == "SENSOR"]
    return beats[0] if beats else None
