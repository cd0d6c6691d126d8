"""`proving up`: the start of the platform, its life, and its orderly end.

Belongs here: the order of a start, what is refused before it, signals. Does not belong here: keeping programs alive
(`orchestration.platform.supervisor`), their command lines (`orchestration.platform.roster`).
"""

import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import FrameType

import psutil

from gateways.cluster import ROOMS, require_own_room, rooms_left
from gateways.embedded import postmaster, start_embedded, stop_embedded, users_of
from gateways.ports import require_free
from gateways.postgres import DatabaseUrls, connect_urls
from gateways.private import close_all, private_folder
from gateways.processes import Running, end_platform, sole_platform
from gateways.settings import Settings
from orchestration.platform import roster, undertaker
from orchestration.platform.health import LOOPBACK
from orchestration.platform.instance import write_home
from orchestration.platform.supervisor import (
    LOOK_SECONDS,
    Chore,
    Kept,
    Program,
    Say,
    Ward,
    stop_in_reverse,
    tail,
    watch,
)
from services.desk import prepare_database
from trading.errors import Unavailable

POSTGRES_BACKOFF_SECONDS = 2.0
COMMAND_SECONDS = 30.0
COMMANDS = ("proving", "orchestration.cli.main")
FALSE_STARTS = 4
LEAST_FREE_BYTES = 300_000_000
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAsked(BaseException):
    """A person or the system asked us to stop; not an error, so nothing may swallow it by accident."""


@dataclass(slots=True)
class EmbeddedPostgres:
    """The embedded server under supervision."""

    data_dir: Path
    say: Say
    rooms: Path = ROOMS
    name: str = field(init=False, default="postgres")
    ready: bool = field(init=False, default=True)
    next_start_at: float = field(init=False, default=0.0)

    def look(self) -> None:
        """Start the server again if it is gone; it recovers what was committed."""
        if time.monotonic() < self.next_start_at or postmaster(self.data_dir) is not None:
            return
        self.say(f"postgres is gone; it starts again. The end of its log:\n{tail(self.data_dir / 'log')}")
        began = time.monotonic()
        try:
            start_embedded(self.data_dir, rooms=self.rooms)
        except Unavailable as failure:
            self.next_start_at = time.monotonic() + POSTGRES_BACKOFF_SECONDS
            self.say(str(failure))
        else:
            self.say(f"postgres is ready after {time.monotonic() - began:.1f} s")

    def stop(self) -> None:
        """Stop the server, once commands that use it have ended or had their time."""
        self._wait_for_commands()
        stop_embedded(self.data_dir)

    def _wait_for_commands(self) -> None:
        until, has_said_so = time.monotonic() + COMMAND_SECONDS, False
        while (commands := commands_using(self.data_dir)) and time.monotonic() < until:
            if not has_said_so:
                self.say(f"waiting up to {COMMAND_SECONDS:g} s for {', '.join(commands)}")
            has_said_so = True
            time.sleep(LOOK_SECONDS)
        if commands:
            self.say(f"postgres stops under {', '.join(commands)}")


@dataclass(slots=True)
class RunWorkers:
    """The run workers, which the code server starts and which outlive it when it is killed."""

    platform_id: str
    name: str = field(init=False, default="run workers")
    ready: bool = field(init=False, default=True)

    def look(self) -> None:
        """Leave them alone: Dagster watches its runs."""

    def stop(self) -> None:
        """End what still carries our platform's id."""
        end_platform(self.platform_id)


@dataclass(slots=True)
class Undertaker:
    """The undertaker under supervision, so that one is always there."""

    platform_id: str
    embedded: Path | None
    name: str = field(init=False, default="undertaker")
    ready: bool = field(init=False, default=True)
    process: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def look(self) -> None:
        """Hire one where none lives."""
        if self.process is None or self.process.poll() is not None:
            self.process = undertaker.hire(self.platform_id, self.embedded)

    def stop(self) -> None:
        """Dismiss it: everything else has ended in order, so it finds nothing to do."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()


def run_platform(settings: Settings, say: Say, *, seed: bool = True) -> None:
    """Start everything, keep it alive, and end it all at Ctrl-C, SIGTERM or SIGHUP.

    Args:
        settings: The environment.
        say: Shows a line to the person who started us.
        seed: Whether an empty database gets a fleet, and missing bars the market simulator.

    Raises:
        AlreadyRunning: it runs already over the same folder.
        NotOurs: its folder is somebody else's, a copy of another platform's, or others may write to it.
        PortTaken, Unavailable, BadInput, WeakSecret, OpenDoor: it cannot start; nothing is left running.
    """
    settings.require_admin_token()
    settings.require_closed_doors()
    platform_id = secrets.token_hex(8)
    _close_home(settings)
    with (
        sole_platform(settings.lock_file, platform_id, settings=settings.without_secrets()) as last,
        _stopping_on_signals(),
    ):
        _require_room(settings)
        if not settings.database_url:
            require_own_room(settings.postgres_dir)
        _clear_up(last)
        _require_ports(settings)
        kept: list[Kept] = []
        try:
            _start(settings, say, kept=kept, platform_id=platform_id, seed=seed)
            watch(kept, say, until=lambda: False)
        except StopAsked:
            say("stopping")
            everything = stop_in_reverse(kept, say)
            say("stopped; nothing is left running" if everything else "stopped, but not all of it has ended")
        except BaseException:
            _ignore_signals()
            stop_in_reverse(kept, say)
            raise


def commands_using(data_dir: Path) -> list[str]:
    """Return the `proving` commands that use the embedded server, as a person typed them, with their numbers."""
    typed = ((process.pid, _typed(process)) for process in users_of(data_dir))
    return [f"`{words}` (pid {pid})" for pid, words in typed if words is not None]


def _typed(process: psutil.Process) -> str | None:
    try:
        words = process.cmdline()
    except psutil.Error:
        return None
    places = [place for place, word in enumerate(words) if Path(word).name in COMMANDS]
    return " ".join(("proving", *words[places[0] + 1 :])) if places else None


def logs_dir(settings: Settings) -> Path:
    """Return the folder of the programs' logs."""
    return settings.proving_home.resolve() / "logs"


def _start(settings: Settings, say: Say, *, kept: list[Kept], platform_id: str, seed: bool) -> None:
    """Start in order: undertaker, database, code server and API, then daemon and webserver; the seed runs beside."""
    embedded = None if settings.database_url else settings.postgres_dir
    kept.append(Undertaker(platform_id, embedded))
    kept[0].look()
    if embedded is not None:
        kept.append(EmbeddedPostgres(embedded, say, settings.embedded_dir))
    kept.append(RunWorkers(platform_id))
    if embedded is not None and not (embedded / "PG_VERSION").exists():
        say(_first_start(embedded, seed=seed))
    urls = _database(settings, say)
    if embedded is not None:
        for room in rooms_left(embedded, rooms=settings.embedded_dir):
            say(f"{room} holds an earlier database of {embedded.parent}, which nothing uses; remove it, or keep it")
    write_home(settings)
    code_server = _ward(settings, say, roster.code_server(settings, urls, platform_id))
    _begin(kept, code_server)
    if seed:
        _begin(kept, Chore(roster.seed(settings, urls, platform_id), logs_dir(settings) / "seed.log", say))
    _begin(kept, _ward(settings, say, roster.api(settings, urls, platform_id)))
    watch(kept, say, until=lambda: code_server.ready or code_server.deaths >= FALSE_STARTS)
    if not code_server.ready:
        raise Unavailable(f"the code server does not start, {FALSE_STARTS} times in a row; see {code_server.log}")
    _begin(kept, _ward(settings, say, roster.daemon(settings, urls, platform_id)))
    _begin(kept, _ward(settings, say, roster.webserver(settings, urls, platform_id)))
    watch(kept, say, until=lambda: all(each.ready for each in kept))
    say(_where_to_look(settings))


def _begin(kept: list[Kept], program: Ward | Chore) -> None:
    kept.append(program)
    program.start()


def _ward(settings: Settings, say: Say, program: Program) -> Ward:
    return Ward(program, logs_dir(settings) / f"{program.name.replace(' ', '-')}.log", say)


def _database(settings: Settings, say: Say) -> DatabaseUrls:
    began = time.monotonic()
    urls = connect_urls(settings)
    prepare_database(urls)
    which = "postgres" if settings.database_url else "embedded postgres"
    say(f"{which} is ready and migrated after {time.monotonic() - began:.1f} s")
    return urls


def _close_home(settings: Settings) -> None:
    """Make everything that is kept ours alone, also what a version before this one left open."""
    home = settings.proving_home.resolve()
    try:
        private_folder(home)
        close_all(home)
    except OSError as failure:
        raise Unavailable(f"cannot write {home}: {failure.strerror}") from failure


def _require_room(settings: Settings) -> None:
    free = shutil.disk_usage(settings.proving_home).free
    if free < LEAST_FREE_BYTES:
        raise Unavailable(
            f"the disk is full: {settings.proving_home} has {free // 1_000_000} MB free, "
            f"at least {LEAST_FREE_BYTES // 1_000_000} are needed"
        )


def _require_ports(settings: Settings) -> None:
    require_free(settings.host, settings.api_port, setting="API_PORT")
    require_free(settings.dagster_host, settings.webserver_port, setting="WEBSERVER_PORT")
    require_free(LOOPBACK, settings.code_server_port, setting="CODE_SERVER_PORT")


def _clear_up(last: Running | None) -> None:
    """End what a platform left behind that was killed together with its undertaker."""
    if last is not None:
        end_platform(last.mark)


def _first_start(embedded: Path, *, seed: bool) -> str:
    lines = [f"first start: a database into {embedded}, 60 MB, some seconds"]
    if seed:
        lines.append(
            "first start: a fleet and two years of simulated bars beside the start, a few minutes; no network is used"
        )
    return "\n".join(lines)


def _where_to_look(settings: Settings) -> str:
    return "\n".join(
        (
            f"the platform is up, {datetime.now().astimezone():%H:%M:%S}",
            f"  board       {settings.public_url}/",
            f"  Dagster     {settings.dagster_url}/{'' if settings.dagster_writable else '  (read-only)'}",
            "  SQL         .venv/bin/proving psql",
            f"  logs        {logs_dir(settings)}",
            "  stop        Ctrl-C",
        )
    )


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise StopAsked

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        with suppress(StopAsked):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """From here on a stop is under way; a second Ctrl-C must not leave it half done."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
