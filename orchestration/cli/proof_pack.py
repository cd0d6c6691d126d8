"""The proof pack: the commands of the operators' checklist, run against the live platform.

Belongs here: asking the API and the database what an operator would ask, and judging the answers that can be wrong.
Does not belong here: computing figures (the pack quotes), the form of the file (`gateways/proof_packs.py`).
"""

import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from gateways.embedded import binary
from gateways.ports import reachable
from gateways.proof_packs import Exhibit
from gateways.settings import Settings
from trading.errors import Refused, Unavailable

WAIT_SECONDS = 60.0
ASK_SECONDS = 0.5
RESET = {"scope": "ALL", "reasonCode": "SEV1_RESET_METRICS", "alsoResetEquityCurves": True}
WANTED = {
    "two backtests running at once": (("BACKTEST_RUNNING",), 2),
    "an improve queued or running": (("IMPROVING_QUEUED", "IMPROVING_RUNNING"), 1),
}
ACTIVE_JOBS = """\
SELECT id, bot_id, job_type, status, created_at, started_at, completed_at
FROM bot_jobs
WHERE status IN ('QUEUED','RUNNING')
ORDER BY created_at DESC
LIMIT 20;"""
RUNNING_FIRST = ACTIVE_JOBS.replace("ORDER BY ", "ORDER BY status = 'RUNNING' DESC, ")
"""A tick gives every job it queues one moment, so the newest twenty alone may all be waiting."""


def collect(settings: Settings, *, execute: bool, libpq: Mapping[str, str]) -> Iterator[Exhibit]:
    """Yield the exhibits in the order of the checklist, asking as it goes.

    Args:
        settings: Where the API listens and which token it wants.
        execute: Whether to really reset; the dry run is always part of the pack.
        libpq: The environment in which psql finds the database.

    Raises:
        Unavailable: the API or the database is away.
        Refused: the API refuses a call.
    """
    dry_run = _reset(settings, dry_run=True)
    yield _receipt("Reset, dry run", dry_run)
    if execute:
        receipt = _reset(settings, dry_run=False)
        yield _receipt("Reset, executed", receipt, holds=receipt["resetCount"] == dry_run["targetCount"])
        yield _watch(settings, receipt["resetTime"])
    jobs = _call(settings, "GET", "/api/_proof/jobs")
    yield _autonomy(_call(settings, "GET", "/api/_proof/autonomy"), jobs["counts"])
    yield Exhibit("Jobs by status and type", "GET /api/_proof/jobs", _json([jobs["counts"], jobs["byType"]]))
    verdicts = _call(settings, "GET", "/api/_proof/invariants")
    held = all(verdict["holds"] for verdict in verdicts["invariants"])
    yield Exhibit("What must always hold", "GET /api/_proof/invariants", _json(verdicts), holds=held)
    bots = _call(settings, "GET", "/api/bots?limit=10")["data"]
    yield Exhibit("Bots with their active job", "GET /api/bots?limit=10", _json([_bot_line(bot) for bot in bots]))
    yield Exhibit("The same in SQL", ACTIVE_JOBS, _psql(ACTIVE_JOBS, libpq), language="text")
    yield Exhibit("The same, running jobs first", RUNNING_FIRST, _psql(RUNNING_FIRST, libpq), language="text")


def _reset(settings: Settings, *, dry_run: bool) -> dict[str, Any]:
    answer: dict[str, Any] = _call(settings, "POST", "/api/admin/reset-metrics", RESET | {"dryRun": dry_run})
    return answer


def _receipt(title: str, answer: Mapping[str, Any], *, holds: bool | None = None) -> Exhibit:
    brief = {name: value for name, value in answer.items() if not isinstance(value, list)}
    question = f"POST /api/admin/reset-metrics {json.dumps(RESET | {'dryRun': answer['dryRun']})}"
    return Exhibit(title, question, _json(brief), holds=holds)


def _autonomy(proof: Mapping[str, Any], counts: Mapping[str, int]) -> Exhibit:
    """Quote the newest tick and what the ticks before it enqueued: one tick without new work proves nothing."""
    newest, ticks = proof["latestRun"], proof["recentRuns"]
    enqueued = {tick["startedAt"]: tick["summary"]["jobs_enqueued_by_type"] for tick in ticks}
    active = counts["QUEUED"] + counts["RUNNING"]
    quoted = {
        "latestRun": newest and newest["summary"],
        "recentRuns": {
            at: ", ".join(f"{kind} {jobs}" for kind, jobs in kinds.items()) for at, kinds in enqueued.items()
        },
        "activeJobs": active,
    }
    holds = bool(ticks) and (active > 0 or any(sum(kinds.values()) for kinds in enqueued.values()))
    return Exhibit("Autonomy enqueues", "GET /api/_proof/autonomy, GET /api/_proof/jobs", _json(quoted), holds=holds)


def _watch(settings: Settings, since: str) -> Exhibit:
    """Watch until the wanted work of jobs newer than the reset has shown, or the time is up; report what was seen."""
    seen: dict[str, float] = {}
    began = time.monotonic()
    while len(seen) < len(WANTED) and time.monotonic() - began < WAIT_SECONDS:
        for wanted in WANTED.keys() - seen.keys():
            states, count = WANTED[wanted]
            if sum(_newer_jobs(settings, state, since) for state in states) >= count:
                seen[wanted] = round(time.monotonic() - began, 1)
        time.sleep(ASK_SECONDS)
    followed = {
        wanted: f"after {seen[wanted]} s" if wanted in seen else f"not in {WAIT_SECONDS:g} s" for wanted in WANTED
    }
    question = f"GET /api/bots?state=…, twice a second, jobs created after {since}"
    return Exhibit("What followed the reset", question, _json(followed), holds=seen.keys() == WANTED.keys())


def _newer_jobs(settings: Settings, state: str, since: str) -> int:
    bots = _call(settings, "GET", f"/api/bots?limit=100&state={state}")["data"]
    jobs = [bot["botNow"]["activeJob"] for bot in bots]
    return sum(datetime.fromisoformat(job["createdAt"]) > datetime.fromisoformat(since) for job in jobs if job)


def _call(settings: Settings, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    headers = {"Content-Type": "application/json"}
    if body is not None:
        headers["X-Admin-Token"] = settings.require_admin_token()
    connection = http.client.HTTPConnection(reachable(settings.host), settings.api_port, timeout=30)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        answer = json.load(response)
    except (OSError, http.client.HTTPException, ValueError) as failure:
        raise Unavailable(f"the API does not answer on port {settings.api_port}; start it with: make run") from failure
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise Refused(f"{method} {path} answered {response.status}: {answer.get('detail', answer)}")
    return answer


def _bot_line(bot: Mapping[str, Any]) -> dict[str, Any]:
    now = bot["botNow"]
    return {"name": bot["name"], "stage": bot["stage"], "botNow": now["state"], "job": now["activeJob"]}


def _psql(statement: str, libpq: Mapping[str, str]) -> str:
    command = [str(binary("psql")), "-X", "-P", "pager=off", "-c", statement]
    done = subprocess.run(command, env={**os.environ, **libpq}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"psql: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


def _json(answer: object) -> str:
    return json.dumps(answer, indent=2)
