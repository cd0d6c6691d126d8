"""A client of the API in this process, and the token that the test suite knows as an admin."""

import asyncio
from typing import Any

import httpx2 as httpx
from fastapi import FastAPI

from api.edge.middleware import Deadline

PATIENCE_SECONDS = 60.0
TOKEN = "a-token-only-this-test-suite-knows"
ADMIN = {"X-Admin-Token": TOKEN}


class Client:
    """Calls the application in this process, each call through the whole stack.

    How late an answer may be is a rule of its own, with tests of its own; here a busy machine is no reason to fail.
    """

    def __init__(self, app: FastAPI) -> None:
        layers: list[Any] = app.user_middleware
        for layer in layers:
            if layer.cls is Deadline:
                layer.kwargs |= {"read_seconds": PATIENCE_SECONDS, "page_seconds": PATIENCE_SECONDS}
        self.app = app

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, **more)

        return asyncio.run(call())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self("POST", path, **more)
