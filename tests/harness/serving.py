"""A real server for tests: uvicorn on a free port, in a thread, over a given application."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest
import uvicorn
from starlette.types import ASGIApp

from api.edge.middleware import Deadline
from tests.harness.patience import until


@dataclass(frozen=True)
class Served:
    """Where the server listens."""

    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


def let_reads_take(monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> None:
    """Let applications made from now on answer reads and pages that late before they answer 503."""
    monkeypatch.setattr("api.app.Deadline", partial(Deadline, read_seconds=seconds, page_seconds=seconds))


@contextmanager
def serving(app: ASGIApp, *, port: int = 0) -> Iterator[Served]:
    """Serve the application until the block ends."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    until(lambda: server.started, "the server to start")
    try:
        yield Served(listener.getsockname()[1])
    finally:
        server.should_exit = True
        until(lambda: not thread.is_alive(), "the server to end")
        listener.close()
