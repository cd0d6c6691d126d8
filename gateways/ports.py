"""Network ports as a counterparty: is one free, and does what listens there answer?

Belongs here: questions with short time limits that tell a live server from a process that merely exists.
Does not belong here: what to do about the answer.
"""

import contextlib
import errno
import http.client
import socket

import psutil

from trading.errors import Unavailable

HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)  # then an empty SETTINGS frame
SETTINGS_FRAME = 4
IP = (socket.AF_INET, socket.AF_INET6)
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - where we ask, not where we bind


class PortTaken(Unavailable):
    """Something else listens on the port."""

    code = "PORT_TAKEN"


def require_free(host: str, port: int, *, setting: str) -> None:
    """Refuse a port that cannot be bound, naming who holds it and the setting that moves us elsewhere.

    Raises:
        PortTaken: something listens there.
        Unavailable: the address is not ours, or the port needs more rights.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror as failure:
        raise Unavailable(f"{host} is no address of this machine to listen on: {failure.strerror}") from failure
    except OSError as failure:
        if failure.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} is taken{_by(port)}; free it or set {setting} to another") from failure
        raise Unavailable(f"cannot listen on {host}:{port}: {failure.strerror}") from failure


def speaks_http(host: str, port: int, path: str, *, timeout_seconds: float = 2.0) -> bool:
    """Say whether a web server answers a path with anything below 500 in time."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=timeout_seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def speaks_http2(host: str, port: int, *, timeout_seconds: float = 2.0) -> bool:
    """Say whether a gRPC server answers the HTTP/2 preface with its SETTINGS frame in time.

    A stopped process still accepts connections, the kernel does that for it; only a live one answers.
    """
    try:
        with socket.create_connection((reachable(host), port), timeout=timeout_seconds) as connection:
            connection.sendall(HTTP2_PREFACE)
            head = connection.recv(9)
            return len(head) >= SETTINGS_FRAME and head[3] == SETTINGS_FRAME
    except OSError:
        return False


def reachable(host: str) -> str:
    """Return an address to ask a server at that binds to every address of this machine."""
    return WILDCARDS.get(host, host)


def own_addresses() -> tuple[str, ...]:
    """Return every IP address of this machine."""
    addresses = (address.address for card in psutil.net_if_addrs().values() for address in card if address.family in IP)
    return tuple(sorted({plain.partition("%")[0] for plain in addresses}))


def _by(port: int) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""
