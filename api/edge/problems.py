"""Errors as RFC 9457 problem documents with a stable `code`.

Belongs here: which status an error gets and what its document says. Does not belong here: raising errors.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api.edge.contract import NOT_PLAIN_WORDS
from trading.errors import (
    BadInput,
    LeaseLost,
    ProvingError,
    Refused,
    Unavailable,
    UnknownAutonomyTick,
    UnknownBots,
    UnknownIteration,
)

PROBLEM = "application/problem+json"
MAX_MESSAGES = 20
STATUS: tuple[tuple[type[ProvingError], int], ...] = (
    (UnknownBots, 404),
    (UnknownAutonomyTick, 404),
    (UnknownIteration, 404),
    (BadInput, 422),
    (Refused, 409),
    (LeaseLost, 409),
    (Unavailable, 503),
)
CODES = {
    401: "UNAUTHORIZED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
    422: "BAD_INPUT",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    traceId: str | None = None  # noqa: N815 - the name on the wire


class BadFieldProblem(Problem):
    """A problem that lists what is wrong with the request."""

    errors: list[dict[str, str]] = []


class UnknownBotsProblem(Problem):
    """A problem that lists the bot ids that do not exist."""

    botIds: list[str] = []  # noqa: N815 - the name on the wire


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI answers of a route for these statuses; every route may answer 500 and 503."""
    models: dict[int, type[Problem]] = {404: UnknownBotsProblem, 422: BadFieldProblem}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM: {"schema": models.get(status, Problem).model_json_schema()}},
        }
        for status in (*statuses, 500, 503)
    }


def problem(
    status: int, detail: str, *, code: str | None = None, trace_id: str | None = None, **more: object
) -> Response:
    """Return a problem document."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code or CODES.get(status, "ERROR"),
        "traceId": trace_id,
        **more,
    }
    answer = Response(json.dumps(body), status, media_type=PROBLEM)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = "2"
    return answer


def install(app: FastAPI) -> None:
    """Make every error of an application a problem document."""
    app.add_exception_handler(ProvingError, of_platform)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, of_http)


def trace_id(request: Mapping[str, Any]) -> str | None:
    """Return the id of a request, or of its scope."""
    request_id: str | None = request.get("state", {}).get("request_id")
    return request_id


async def of_http(request: Request, failure: Exception) -> Response:
    """Return the problem document of an error that carries its status."""
    if not isinstance(failure, HTTPException):
        raise failure
    unreadable_body = failure.status_code == HTTPStatus.BAD_REQUEST
    status = HTTPStatus.UNPROCESSABLE_ENTITY if unreadable_body else failure.status_code
    answer = problem(status, str(failure.detail), trace_id=trace_id(request))
    answer.headers.update(failure.headers or {})
    return answer


async def of_platform(request: Request, failure: Exception) -> Response:
    """Return the problem document of what the platform refused or could not do."""
    status = next((status for kind, status in STATUS if isinstance(failure, kind)), 500)
    code = failure.code if isinstance(failure, ProvingError) else None
    more = {"botIds": failure.bot_ids} if isinstance(failure, UnknownBots) else {}
    return problem(status, str(failure), code=code, trace_id=trace_id(request), **more)


async def _of_validation(request: Request, failure: Exception) -> Response:
    errors = failure.errors() if isinstance(failure, RequestValidationError) else []
    listed = [{"at": _path(error["loc"]), "message": _told(error, request)} for error in errors[:MAX_MESSAGES]]
    detail = "; ".join(f"{error['at']}: {error['message']}" for error in listed[:3])
    return problem(422, detail, trace_id=trace_id(request), errors=listed)


def _told(error: Mapping[str, Any], request: Request) -> str:
    """Return what is wrong; of words that ask for more than words, what the route takes besides them."""
    route = request.scope.get("route")
    if error["type"] != NOT_PLAIN_WORDS or not isinstance(route, APIRoute):
        return str(error["msg"])
    besides = [f"{name}=" for name in _asked_of(route.dependant) if name not in error["loc"]]
    return f"{error['msg']}; the rest is asked by {', '.join(sorted(besides))}"


def _asked_of(takes: Dependant) -> list[str]:
    deeper = [name for nested in takes.dependencies for name in _asked_of(nested)]
    return [*(param.alias for param in takes.query_params), *deeper]


def _path(location: Sequence[Any]) -> str:
    return ".".join(str(part)[:40] for part in location)[:120]
