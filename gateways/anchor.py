"""The audit anchor: a file outside the database that remembers the head of the audit chain.

Belongs here: locking, appending and reading its lines. Does not belong here: what a line proves
(`trading.audit.chain`).

One file serves every process that writes audit events, so it lies on storage they share.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trading.errors import Unavailable

LOCK_WAIT_SECONDS = 15.0
_LOCK_RETRY_SECONDS = 0.01
_LONGEST_LINE = 1_024


class AnchorFile:
    """The anchor, open and locked by this process; `close` releases it."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it, and wait for its lock.

        Raises:
            Unavailable: it cannot be opened, or another process holds it for too long.
        """
        self.path = path
        self._descriptor = _open(path, os.O_RDWR | os.O_APPEND)
        try:
            _lock(self._descriptor, fcntl.LOCK_EX, path)
        except BaseException:
            self.close()
            raise

    def append(self, line: str) -> None:
        """Write one line and wait until it is on disk; the remains of a line torn by a crash are removed first.

        Raises:
            Unavailable: the disk refuses.
        """
        try:
            self._drop_torn_line()
            whole = line.encode("ascii") + b"\n"
            if os.write(self._descriptor, whole) != len(whole):
                raise OSError("the disk took only part of a line")
            os.fsync(self._descriptor)
        except OSError as failure:
            raise Unavailable(f"cannot write the audit anchor {self.path}: {failure}") from failure

    def close(self) -> None:
        """Release the lock and close the file; safe to call again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _drop_torn_line(self) -> None:
        end = os.fstat(self._descriptor).st_size
        whole = end
        while whole > 0 and os.pread(self._descriptor, 1, whole - 1) != b"\n":
            whole -= 1
        if whole < end:
            os.ftruncate(self._descriptor, whole)


@contextmanager
def quiet_anchor(path: Path) -> Iterator[Iterator[str]]:
    """Hold off writers while the block runs, and give the anchor's whole lines as they stand at its start.

    The lines may be read after the block: later writers only append, and what they append is not read. A missing file
    is created empty, so that no writer can slip in unseen.

    Raises:
        Unavailable: the file cannot be opened, or a writer holds it for too long.
    """
    descriptor = _open(path, os.O_RDONLY)
    try:
        _lock(descriptor, fcntl.LOCK_SH, path)
        yield _lines(path, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def last_line(path: Path) -> str | None:
    """Return the anchor's last whole line as it stands, without waiting for writers; None where there is none."""
    try:
        with path.open("rb") as anchor:
            anchor.seek(max(0, os.fstat(anchor.fileno()).st_size - _LONGEST_LINE))
            whole = [line for line in anchor.read().split(b"\n")[:-1] if line]
    except OSError:
        return None
    return whole[-1].decode("ascii", "replace") if whole else None


def _lines(path: Path, size: int) -> Iterator[str]:
    with path.open("rb") as anchor:
        read = 0
        for line in anchor:
            read += len(line)
            if read > size or not line.endswith(b"\n"):
                return
            yield line.decode("ascii", "replace").rstrip("\n")


def _open(path: Path, mode: int) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, mode | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        raise Unavailable(f"cannot open the audit anchor {path}: {failure}") from failure


def _lock(descriptor: int, mode: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Unavailable(f"the audit anchor {path} is held by another process") from None
            time.sleep(_LOCK_RETRY_SECONDS)
        else:
            return
