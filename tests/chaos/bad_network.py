"""A network that misbehaves between the platform and PostgreSQL.

Belongs here: one TCP proxy on loopback in front of a server's Unix socket, and its moods. Does not belong here: what
must hold meanwhile.
"""

import socket
import struct
import threading
import time
from contextlib import suppress
from enum import Enum
from pathlib import Path

CHUNK_BYTES = 65_536
SLOW_SECONDS = 0.05
LOOK_SECONDS = 0.02


class Mood(Enum):
    """What the network does to every connection, old and new."""

    GOOD = "passes everything on"
    SLOW = "delays every packet"
    BLACK_HOLE = "takes everything and passes nothing on"
    RESET = "resets every connection"


class Proxy:
    """Listens on a free port and passes bytes on to a Unix socket, as its mood allows."""

    def __init__(self, upstream: Path) -> None:
        self.upstream = upstream
        self.mood = Mood.GOOD
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def become(self, mood: Mood) -> None:
        """Change the mood; connections that hung in a black hole are reset when it ends, as a new route does."""
        hung = self.mood is Mood.BLACK_HOLE and mood is not Mood.BLACK_HOLE
        self.mood = mood
        if mood is Mood.RESET or hung:
            self._reset_all()

    def close(self) -> None:
        """Stop listening and reset what is open."""
        self._listener.close()
        self._reset_all()

    def _reset_all(self) -> None:
        with self._lock:
            gone, self._open = self._open, set()
        for connection in gone:
            _reset(connection)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.mood is Mood.RESET:
                _reset(client)
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with self._lock:
            self._open |= {client, server}
        try:
            server.connect(str(self.upstream))
        except OSError:
            _reset(client)
            return
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                while self.mood is Mood.BLACK_HOLE and source in self._open:
                    time.sleep(LOOK_SECONDS)
                if self.mood is Mood.SLOW:
                    time.sleep(SLOW_SECONDS)
                target.sendall(chunk)
        with self._lock:
            self._open -= {source, target}
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _reset(connection: socket.socket) -> None:
    """Close at once with RST; a thread that waits for its bytes wakes."""
    with suppress(OSError):
        if connection.family == socket.AF_INET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            connection.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        connection.close()
