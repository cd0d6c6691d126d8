"""`python -m api`: serve the API and the screen on one port.

Belongs here: reading settings, opening the desk, starting the server, one sentence when it cannot. Does not belong
here: building the application (`app.py`), preparing the database (the supervisor does).
"""

import errno
import gc
import logging
import os
import socket
import sys

import uvicorn
from pydantic import ValidationError

from api.app import create_app
from api.pages import vendor
from gateways.postgres import connect_urls
from gateways.private import PRIVATE_UMASK
from gateways.settings import Settings, WeakSecret
from services.desk import open_desk
from trading.errors import ProvingError

REFUSED = 2
CANNOT_START = 1
POOL_SIZE = 10
MAX_MESSAGE_BYTES = 1_024
GC_OBJECTS = 50_000  # a page of bots makes thousands of objects and drops them all; looking for cycles found none
GIL_SECONDS = 0.0005  # with each query a request lets go of the interpreter; taking it back took 5 ms a time


def main() -> int:
    """Serve until stopped; return the exit code."""
    os.umask(PRIVATE_UMASK)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        settings = Settings()
        settings.require_admin_token()
        listener = _listen(settings)
        desk = open_desk(settings, connect_urls(settings), pool_size=POOL_SIZE)
    except WeakSecret as refusal:
        return _say(str(refusal), REFUSED)
    except ValidationError as failure:
        return _say(_settings_sentence(failure), REFUSED)
    except (ProvingError, OSError) as failure:
        return _say(str(failure), CANNOT_START)
    vendor.ensure()
    sys.setswitchinterval(GIL_SECONDS)
    app = create_app(desk)
    gc.collect()
    gc.set_threshold(GC_OBJECTS)
    gc.freeze()  # what start-up made stays for ever; looking it through again would stop every request for 0.1 s
    config = uvicorn.Config(
        app,
        server_header=False,
        access_log=False,
        log_config=None,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=16_384,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.api_port))
    except OSError as failure:
        listener.close()
        if failure.errno == errno.EADDRINUSE:
            raise OSError(f"port {settings.api_port} on {settings.host} is taken; set API_PORT to another") from None
        raise OSError(f"cannot listen on {settings.host}:{settings.api_port}: {failure.strerror}") from None
    return listener


def _settings_sentence(failure: ValidationError) -> str:
    first = failure.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc']).upper()}: {first['msg']}"


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
