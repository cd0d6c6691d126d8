"""Folders and files that are nobody else's: made closed, closed where they are ours, refused where they are not.

Belongs here: owner and mode of a folder, of the folders above it, of what lies in it. Does not belong here: which
folders there are (`gateways.settings`), the embedded server's (`gateways.cluster`).
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from trading.errors import Unavailable

PRIVATE_UMASK = 0o077
OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
ROOT = 0


class NotOurs(Unavailable):
    """A file or folder belongs to somebody else, or others could have put something into it."""

    code = "NOT_OURS"


def private_folder(folder: Path) -> Path:
    """Return a folder that only we may enter, making it, or closing it where others could merely read.

    Raises:
        NotOurs: it is somebody else's, or others may write to it.
        OSError: it cannot be made.
    """
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    require_owner(folder, os.geteuid())
    if stat.S_IMODE(folder.stat().st_mode) & OTHERS:
        folder.chmod(0o700)
    return folder


def close_all(folder: Path) -> None:
    """Take from others what they may do with our files in a folder; links and what is not ours stay as they are."""
    for path in _within(folder):
        status = path.lstat()
        if status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode) and stat.S_IMODE(status.st_mode) & OTHERS:
            path.chmod(stat.S_IMODE(status.st_mode) & ~OTHERS)


def require_owner(folder: Path, uid: int) -> None:
    """Refuse what is no folder of a user, or what others may write to.

    Raises:
        NotOurs: with the path and what is wrong.
    """
    status = folder.lstat() if not folder.is_symlink() else folder.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotOurs(f"{folder} is no folder")
    if status.st_uid != uid:
        raise NotOurs(f"{folder} belongs to user {status.st_uid} and must belong to user {uid}")
    if stat.S_IMODE(status.st_mode) & OTHERS_WRITE:
        mode = stat.S_IMODE(status.st_mode)
        raise NotOurs(f"{folder} can be written by others (mode {mode:o}); look at what is in it, then chmod 700")


def require_safe_above(path: Path) -> None:
    """Refuse a path in which somebody but root and us could exchange a folder for another.

    Raises:
        NotOurs: with the folder that is not safe.
    """
    for folder in path.resolve().parents:
        status = folder.stat()
        is_sticky = bool(status.st_mode & stat.S_ISVTX)
        if status.st_uid not in {ROOT, os.geteuid()} or (status.st_mode & OTHERS_WRITE and not is_sticky):
            raise NotOurs(f"{folder} is not safe: users besides its owner could exchange what lies in it")


def passable(path: Path) -> bool:
    """Return whether any user may walk through the folders above a path."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def _within(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        yield from (Path(root, name) for name in (*folders, *files))
