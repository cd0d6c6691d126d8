"""The operating system's processes as a counterparty.

Belongs here: telling one process from another that got its number later, giving what we start the platform's id, ending
what carries it, and the lock that lets one platform run per folder. Does not belong here: which programs run, or when.
"""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from trading.errors import Unavailable

PLATFORM_ID = "PROVING_UP"  # environment variable that every process of one `proving up` carries
CLOCK_SLACK_SECONDS = 2.0
POLL_SECONDS = 0.05


class AlreadyRunning(Unavailable):
    """Another platform runs over the same folder."""

    code = "ALREADY_RUNNING"


@dataclass(frozen=True, slots=True)
class Running:
    """What the lock file says of the platform that holds it.

    Attributes:
        pid: Process of the supervisor.
        started_at: Seconds since the epoch.
        mark: The platform's id, as the lock file has always called it.
        settings: What it was started with besides defaults, without secrets, for commands in another shell.
        inode: Number of the lock file, which a copy has not; None where an earlier version wrote it.
    """

    pid: int
    started_at: float
    mark: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    inode: int | None = None


def living(pid: int, *, seen_at: float) -> psutil.Process | None:
    """Return the process that had this number at a moment, or None if it is no longer alive.

    A process created after that moment got the number later; a zombie is dead.

    Args:
        pid: Process number.
        seen_at: Seconds since the epoch at which the process was known to live.
    """
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            is_the_same = process.create_time() <= seen_at + CLOCK_SLACK_SECONDS
            return process if is_the_same and is_alive(process) else None
    except psutil.NoSuchProcess:
        return None


def is_alive(process: psutil.Process) -> bool:
    """Say whether a process goes on; a zombie is dead, and so is one whose number another process has now."""
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes_of(platform_id: str) -> list[psutil.Process]:
    """Return the processes that carry a platform's id, newest first, so that children come before their parents."""
    carrying = [
        process for process in psutil.process_iter() if process.pid != os.getpid() and _carries(process, platform_id)
    ]
    return sorted(carrying, key=_created, reverse=True)


def end(processes: Iterable[psutil.Process], *, grace_seconds: float) -> list[psutil.Process]:
    """Ask processes to end, kill those that have not ended within the grace, and return the killed ones.

    A zombie has ended: only its parent can bury it.
    """
    asked = list(processes)
    _signal(asked, signal.SIGTERM)
    stubborn = _still_alive(asked, within_seconds=grace_seconds)
    _signal(stubborn, signal.SIGKILL)
    _still_alive(stubborn, within_seconds=grace_seconds)
    return stubborn


def workers_of(pid: int) -> list[psutil.Process]:
    """Return what a process started, and what those started, without Python's resource trackers.

    A tracker ignores signals and ends by itself once its parent has; killed earlier it leaks what it tracks.
    """
    with contextlib.suppress(psutil.Error):
        return [child for child in psutil.Process(pid).children(recursive=True) if not _is_tracker(child)]
    return []


def session_steps_back(leader_pid: int, *, nice: int) -> bool:
    """Let a session as a whole step back; False where the kernel has no such thing and weighs each process by itself.

    Linux shares the processor among sessions first ("autogroups", sched(7)) and by each process's own nice value only
    within one, so that a worker at nice 10 would still take half of what a server in another session could use.
    """
    try:
        Path(f"/proc/{leader_pid}/autogroup").write_text(str(nice))
    except OSError:
        return False
    return True


def end_platform(platform_id: str, *, grace_seconds: float = 5.0) -> None:
    """End every process that carries a platform's id, also those that a dying parent starts meanwhile.

    Raises:
        Unavailable: something still lives after three rounds.
    """
    for _ in range(3):
        left = processes_of(platform_id)
        if not left:
            return
        end(left, grace_seconds=grace_seconds)
    survivors = ", ".join(str(process.pid) for process in processes_of(platform_id))
    if survivors:
        raise Unavailable(f"processes that cannot be ended: {survivors}")


@contextlib.contextmanager
def sole_platform(
    lock: Path, platform_id: str, *, settings: Mapping[str, Any] | None = None
) -> Iterator[Running | None]:
    """Hold the lock of a folder; yield what the last holder wrote, so that its leftovers can be ended.

    The kernel releases the lock when the holder dies, however it dies. A lock file that was copied with its folder
    tells nothing: its holder runs over the other one.

    Raises:
        AlreadyRunning: another process holds it.
        Unavailable: the lock file cannot be written.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        raise Unavailable(f"cannot write {lock}: {failure.strerror}") from failure
    try:
        _take(handle, lock)
        last, inode = read_lock(lock), os.fstat(handle).st_ino
        _write(handle, Running(os.getpid(), time.time(), platform_id, settings=settings or {}, inode=inode), lock=lock)
        yield last if last is not None and last.inode in (None, inode) else None
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def holder(lock: Path) -> Running | None:
    """Return the platform that holds a lock now, None when none does."""
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_lock(lock)
    finally:
        os.close(handle)
    return None


def read_lock(lock: Path) -> Running | None:
    """Return what a lock file says, None where it is absent, empty or cut short."""
    try:
        return Running(**json.loads(lock.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def environment(platform_id: str, **changes: str | None) -> dict[str, str]:
    """Return our environment with a platform's id and changes for a child; None withholds a variable."""
    base: Mapping[str, str | None] = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": None,
        PLATFORM_ID: platform_id,
        **changes,
    }
    return {name: value for name, value in base.items() if value is not None}


def _take(handle: int, lock: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        running = read_lock(lock)
        who = f" (pid {running.pid})" if running else ""
        raise AlreadyRunning(f"the platform already runs over {lock.parent}{who}; stop it first") from None


def _write(handle: int, running: Running, *, lock: Path) -> None:
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(asdict(running)).encode(), 0)
    except OSError as failure:
        raise Unavailable(f"cannot write {lock}: {failure.strerror}") from failure


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _still_alive(processes: list[psutil.Process], *, within_seconds: float) -> list[psutil.Process]:
    deadline = time.monotonic() + within_seconds
    alive = processes
    while (alive := [process for process in alive if is_alive(process)]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return alive


def _is_tracker(process: psutil.Process) -> bool:
    try:
        return any("resource_tracker" in argument for argument in process.cmdline())
    except psutil.Error:
        return False


def _carries(process: psutil.Process, platform_id: str) -> bool:
    try:
        return process.environ().get(PLATFORM_ID) == platform_id
    except (psutil.Error, OSError):
        return False


def _created(process: psutil.Process) -> float:
    try:
        return float(process.create_time())
    except psutil.Error:
        return 0.0
