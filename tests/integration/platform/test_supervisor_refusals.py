"""`proving up` that cannot start: one sentence on standard error, exit code not 0, nothing left behind."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.harness.client import TOKEN
from tests.harness.ports import free_ports

ROOT = Path(__file__).parents[3]


def up(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    names = ("API_PORT", "WEBSERVER_PORT", "CODE_SERVER_PORT")
    ports = {name: str(port) for name, port in zip(names, free_ports(len(names)), strict=True)}
    inherited = {name: value for name, value in os.environ.items() if name not in {"ADMIN_TOKEN", "DATABASE_URL"}}
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli.main", "up"],
        env=inherited | ports | {"ENV": "dev", "PROVING_HOME": str(home)} | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], sentence: str, *, code: int = 1) -> None:
    assert sentence in done.stderr
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stdout + done.stderr
    assert done.stderr.startswith("proving: ")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where something accepts connections, reads, and answers like a web server."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(100)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize(
    ("address", "sentence", "code"),
    [
        ("nonsense", "DATABASE_URL must look like postgresql://", 2),
        ("mysql://u:p@h/d", "DATABASE_URL must be a PostgreSQL address, was mysql", 2),
        ("postgresql://u:p@127.0.0.1:1/d", "Connection refused", 1),
        ("postgresql://u:p@no-such-host.invalid/d", "failed to resolve host", 1),
    ],
)
def test_a_wrong_database_url(address: str, sentence: str, code: int, tmp_path: Path) -> None:
    assert_refused(up(tmp_path, DATABASE_URL=address), sentence, code=code)


def test_a_server_that_is_not_postgresql(silent_port: int, tmp_path: Path) -> None:
    assert_refused(
        up(tmp_path, DATABASE_URL=f"postgresql://u:p@127.0.0.1:{silent_port}/d"), "cannot prepare the database"
    )


def test_an_owner_that_does_not_exist(server_url: URL, tmp_path: Path) -> None:
    stranger = server_url.set(username="stranger", drivername="postgresql").render_as_string(hide_password=False)
    assert_refused(up(tmp_path, DATABASE_URL=stranger), 'role "stranger" does not exist')


def test_a_busy_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert_refused(up(tmp_path, WEBSERVER_PORT=str(port)), f"port {port} is taken by")


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    assert_refused(up(tmp_path, HOST="192.0.2.1", ADMIN_TOKEN=TOKEN), "cannot listen on 192.0.2.1")


def test_the_public_token_is_not_for_other_machines(tmp_path: Path) -> None:
    assert_refused(up(tmp_path, HOST="192.0.2.1"), "ADMIN_TOKEN must be set when HOST=192.0.2.1")


def test_a_writable_dagster_is_not_for_other_machines(tmp_path: Path) -> None:
    assert_refused(up(tmp_path, DAGSTER_HOST="192.0.2.1", DAGSTER_WRITABLE="yes"), "Dagster has no login")


def test_a_home_that_others_may_write_to(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o777)
    assert_refused(up(tmp_path / "home"), "home can be written by others (mode 777)")


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_refused(up(tmp_path / "file" / "home"), "cannot write")


@pytest.mark.scorecard(38)
@pytest.mark.parametrize(
    ("token", "sentence"), [("", "ADMIN_TOKEN must be set"), ("dev-admin-secret", "24 or more characters")]
)
def test_no_start_outside_dev_without_a_strong_token(token: str, sentence: str, tmp_path: Path) -> None:
    assert_refused(up(tmp_path, ENV="prod", ADMIN_TOKEN=token), sentence)


def test_a_setting_out_of_bounds(tmp_path: Path) -> None:
    assert_refused(up(tmp_path, TICK_SECONDS="0"), "TICK_SECONDS: Input should be greater than", code=2)


@pytest.mark.scorecard(10)
def test_a_full_disk(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m,mode=700", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        assert_refused(up(small), "the disk is full")
    finally:
        subprocess.run(["umount", small], check=True)
