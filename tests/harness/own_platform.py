"""A platform of one's own: `proving up` over a private folder and free ports, for benchmarks and for chaos.

Belongs here: starting it, finding its processes, asking it, ending it. Does not belong here: what is measured or what
is broken.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from gateways.embedded import postmaster, remove_embedded, start_embedded, stop_embedded
from gateways.postgres import connect_urls
from gateways.processes import processes_of, read_lock
from gateways.settings import DEV_ADMIN_TOKEN, PROJECT_ROOT, Settings
from orchestration.platform.health import api_ready, code_server_answers, daemon_beats
from services.desk import Desk, open_desk, prepare_database
from tests.harness.patience import Work, follow, with_children
from tests.harness.ports import free_ports

STOP_SECONDS = 60.0
OWN_SETTINGS = ("DATABASE_URL", "APP_DATABASE_URL", "DAGSTER_PG_URL", "DAGSTER_HOME", "PYTHONDONTWRITEBYTECODE")


class NotReady(RuntimeError):
    """The platform ended instead of coming up."""


@dataclass(slots=True)
class Platform:
    """One private platform; `start` and `stop` may follow each other any number of times.

    Attributes:
        home: Its PROVING_HOME.
        settings: Ports and folders, as the platform reads them.
        extra: Environment on top, such as DATABASE_URL.
    """

    home: Path
    settings: Settings
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    work: Work = field(init=False)
    _owner: Engine | None = None

    def __post_init__(self) -> None:
        self.work = Work(self._everything)

    @property
    def api(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.settings.api_port}"

    def environment(self) -> dict[str, str]:
        """Return the environment of `proving` commands on this platform."""
        ours = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS}
        ports = {
            "API_PORT": str(self.settings.api_port),
            "WEBSERVER_PORT": str(self.settings.webserver_port),
            "CODE_SERVER_PORT": str(self.settings.code_server_port),
        }
        return ours | ports | {"ENV": "dev", "PROVING_HOME": str(self.home)} | self.extra

    def start(self) -> None:
        """Start everything and wait until it serves.

        Raises:
            NotReady: it ended; the end of its log is in the message.
            GaveUp: it stands still.
        """
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "orchestration.cli.main", "up", "--no-seed"],
                env=self.environment(),
                cwd=PROJECT_ROOT,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.until(self.is_ready, "the platform to be ready")

    def is_ready(self) -> bool:
        """Say whether code server, daemon and API all answer."""
        if self.process is None or self.process.poll() is not None:
            raise NotReady(f"proving up ended: {self.said()}")
        return code_server_answers(self.settings) and daemon_beats(self.settings) is True and api_ready(self.settings)

    def until(self, holds: Callable[[], Any], what: str) -> float:
        """Wait until something holds and return how many seconds it took; while the database is away nothing does.

        Raises:
            GaveUp: the platform stands still, or has worked for long, and it does not hold.
        """
        return follow(lambda: _held(holds), what, work=self.work, said=self.said)

    def stop(self) -> None:
        """End everything in order, and what is left by force."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        if self._owner is not None:
            self._owner.dispose()
        if "DATABASE_URL" not in self.extra:
            stop_embedded(self.settings.postgres_dir)

    @property
    def log(self) -> Path:
        """What the supervisor says."""
        return self.home / "up.log"

    def said(self, lines: int = 12) -> str:
        """Return the end of the supervisor's log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:]) if self.log.exists() else ""

    def programs(self) -> list[psutil.Process]:
        """Return every live process the running supervisor started, except embedded PostgreSQL."""
        running = read_lock(self.settings.lock_file)
        return processes_of(running.mark) if running is not None else []

    def _everything(self) -> list[psutil.Process]:
        """Return the supervisor, what it started, and embedded PostgreSQL with its backends."""
        roots = [root.pid for root in (self.postgres(), self.process) if root is not None]
        return [*self.programs(), *(child for root in roots for child in with_children(root))]

    def program(self, *words: str) -> list[psutil.Process]:
        """Return the platform's processes whose command line has all these words."""
        return [process for process in self.programs() if says(process, *words)]

    def workers(self) -> list[psutil.Process]:
        """Return the processes in which Dagster runs work: the code server's own children."""
        servers = {server.pid for server in self.program("dagster", "grpc")}
        workers = [child for child in self.programs() if child.pid not in servers and says(child, "multiprocessing")]
        return [child for child in workers if not says(child, "resource_tracker")]

    def postgres(self) -> psutil.Process | None:
        """Return the embedded server's first process."""
        return postmaster(self.settings.postgres_dir)

    def get(self, path: str, *, timeout_seconds: float = 30.0) -> tuple[int, Any, float]:
        """Ask the API and return status, decoded body and milliseconds; status 0 where it does not answer."""
        return self.call("GET", path, timeout_seconds=timeout_seconds)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
        timeout_seconds: float = 30.0,
    ) -> tuple[int, Any, float]:
        """Call the API as an operator and return status, decoded body and milliseconds; 0 where it does not answer."""
        request = urllib.request.Request(  # noqa: S310 - our own API
            self.api + path,
            data=json.dumps(body).encode() if body is not None else None,
            method=method,
            headers={"Content-Type": "application/json", "X-Admin-Token": DEV_ADMIN_TOKEN, **(headers or {})},
        )
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:  # noqa: S310 - our own API
                status, said = answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            status, said = refusal.code, refusal.read()
        except OSError:
            status, said = 0, b"null"
        took_ms = 1_000 * (time.perf_counter() - began)
        return status, json.loads(said or b"null"), took_ms

    def command(self, *arguments: str) -> None:
        """Run a `proving` command on this platform; what it prints is dropped.

        Raises:
            CalledProcessError: it did not exit with 0.
        """
        command = [sys.executable, "-m", "orchestration.cli.main", *arguments]
        subprocess.run(command, check=True, env=self.environment(), cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL)

    def desk(self, *, pool_size: int = 2) -> Desk:
        """Return a desk on the platform's database; embedded PostgreSQL starts where it does not run."""
        return open_desk(self.settings, connect_urls(self.settings), pool_size=pool_size)

    def owner(self) -> Engine:
        """Return the engine of the schema's owner."""
        if self._owner is None:
            self._owner = create_engine(self.owner_url(), connect_args={"connect_timeout": 5}, pool_pre_ping=True)
        return self._owner

    def owner_url(self) -> URL:
        """Return the owner's address."""
        return connect_urls(self.settings).owner


@contextmanager
def private_platform(prefix: str, *, folder: Path | None = None, **settings: Any) -> Iterator[Platform]:
    """Prepare a database of its own in a temporary folder, and end and delete everything in the end.

    Args:
        prefix: Start of the folder's name.
        folder: Where the folder is made; the system's place for temporary files if not given.
        settings: Fields of `Settings` to change; each reaches the platform as an environment variable.
    """
    home = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=folder))
    rooms = Path(tempfile.mkdtemp(prefix=f"{prefix}-rooms-", dir=folder))
    rooms.chmod(0o711)  # as root the server's user passes through
    settings = {"embedded_dir": rooms} | settings
    names = ("api_port", "webserver_port", "code_server_port")
    ports: dict[str, Any] = dict(zip(names, free_ports(len(names)), strict=True))
    extra = {name.upper(): str(value) for name, value in settings.items()}
    platform = Platform(home, Settings(env="dev", proving_home=home, **ports, **settings), extra)
    try:
        if "database_url" not in settings:
            start_embedded(platform.settings.postgres_dir, rooms=platform.settings.embedded_dir)
        prepare_database(connect_urls(platform.settings))
        yield platform
    finally:
        platform.stop()
        remove_embedded(platform.settings.postgres_dir)
        for made in (home, rooms):
            shutil.rmtree(made, ignore_errors=True)


def _held(holds: Callable[[], Any]) -> bool:
    try:
        return bool(holds())
    except OperationalError:
        return False


def says(process: psutil.Process, *words: str) -> bool:
    """Return whether a process's command line has all these words; one that is gone has none."""
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return all(word in line for word in words)
