"""The embedded server: whole or absent, found by anyone, gone when told, back after a kill."""

import contextlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from gateways import embedded
from gateways.cluster import LONGEST_SOCKET_PATH, cluster_of, programs, rooms_left
from gateways.embedded import (
    MAJOR,
    SOCKET_NAME,
    EmbeddedServer,
    binary,
    postmaster,
    remove_embedded,
    start_embedded,
    stop_embedded,
    stop_unused,
    users_of,
)
from gateways.postgres import embedded_url
from gateways.private import NotOurs
from gateways.settings import Settings
from orchestration.platform import up
from orchestration.platform.undertaker import hire
from orchestration.platform.up import EmbeddedPostgres
from tests.harness.patience import until
from trading.errors import Unavailable

ROOT = Path(embedded.__file__).parents[1]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")


def rooms_of(data_dir: Path) -> Path:
    """Where root keeps the files of a test's servers: beside its folder, which nobody else may pass."""
    return data_dir.parent.with_name(f"{data_dir.parent.name}-rooms")


def started(data_dir: Path) -> EmbeddedServer:
    return start_embedded(data_dir, rooms=rooms_of(data_dir))


@contextmanager
def own_folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="pge-", dir="/tmp"))
    yield path
    for data_dir in (path / "d", path / ("d" * 120), path / "postgres"):
        remove_embedded(data_dir)
    for made in (path, rooms_of(path / "d")):
        shutil.rmtree(made, ignore_errors=True)
    assert rooms_left(path / "d") == [], "nothing of a test lies where a platform's files lie"


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A cluster that was created once and stopped; tests start copies of it."""
    with own_folder() as path:
        started(path / "d").stop()
        yield path / "d"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket; whatever runs in it is stopped afterwards."""
    with own_folder() as path:
        yield path


@pytest.fixture
def cluster(folder: Path, template: Path) -> Path:
    """The data folder of a stopped server."""
    subprocess.run(["cp", "-aL", template, folder / "d"], check=True)
    return folder / "d"


def run_sql(server: EmbeddedServer, *statements: str) -> list[tuple[object, ...]]:
    engine = create_engine(embedded_url(server, "postgres"), poolclass=NullPool)
    with engine.begin() as connection:
        results = [connection.execute(text(statement)) for statement in statements]
        return [tuple(row) for row in results[-1]] if results[-1].returns_rows else []


def test_a_second_start_finds_the_running_server(cluster: Path) -> None:
    first = started(cluster)
    began = postmaster(cluster)
    assert started(cluster) == first
    assert postmaster(cluster) == began is not None


def test_racing_starts_create_one_server(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        servers = set(pool.map(lambda _: started(folder / "d"), range(4)))
    assert len(servers) == 1
    running = [process for process in psutil.process_iter() if _is_postmaster_in(process, folder / "d")]
    assert len(running) == 1


@pytest.mark.scorecard(5)
def test_a_killed_server_comes_back_with_every_acknowledged_row(cluster: Path) -> None:
    server = started(cluster)
    run_sql(server, "CREATE TABLE ledger (n int)", "INSERT INTO ledger SELECT generate_series(1, 1000)")
    killed = postmaster(cluster)
    assert killed is not None
    killed.send_signal(signal.SIGKILL)
    assert _comes_back(cluster)
    assert run_sql(server, "SELECT count(*), sum(n) FROM ledger") == [(1000, 500_500)]


def test_a_lock_whose_number_another_program_has_now_does_not_block_the_start(cluster: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lock = cluster / "postmaster.pid"
    try:
        lock.write_text(f"{stranger.pid}\n{cluster}\n0\n5432\n{cluster}\n\n0 0\nready   \n")
        assert postmaster(cluster) is None
        started(cluster)
        assert postmaster(cluster) is not None
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.communicate()


def test_a_creation_that_was_cut_short_leaves_no_half_cluster(folder: Path) -> None:
    files = cluster_of(folder / "d", rooms=rooms_of(folder / "d"))
    draft = files.with_name(f"{files.name}.draft")
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    server = started(folder / "d")
    assert run_sql(server, "SELECT 1") == [(1,)]
    assert not draft.exists()


def test_a_path_of_any_length_gets_a_socket_at_the_same_place_each_time(folder: Path) -> None:
    server = started(folder / ("d" * 120))
    assert len(str(server.socket_dir / SOCKET_NAME)) <= LONGEST_SOCKET_PATH
    assert run_sql(server, "SELECT 1") == [(1,)]
    server.stop()
    assert started(folder / ("d" * 120)).socket_dir == server.socket_dir


SOCKET_FOLDER = """
import os, pathlib, sys, tempfile
from gateways.cluster import socket_folder
from gateways.private import NotOurs
from gateways.settings import Settings
os.setuid(int(sys.argv[2]))
tempfile.tempdir = sys.argv[1]
try:
    print(socket_folder(pathlib.Path("/d" * 120), ".s.PGSQL.5432", identity="one"))
except NotOurs as refusal:
    print(refusal)
"""


@as_root
def test_a_socket_without_room_beside_its_files_lies_in_a_folder_of_ours_alone(folder: Path) -> None:
    def placed() -> str:
        command = [sys.executable, "-c", SOCKET_FOLDER, str(folder), "12345"]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()

    folder.chmod(0o1777)
    socket_dir = Path(placed())
    assert (socket_dir.parent, stat.S_IMODE(socket_dir.stat().st_mode)) == (folder, 0o700)
    assert placed() == str(socket_dir)
    os.chown(socket_dir, 54_321, 54_321)
    assert "belongs to user 54321 and must belong to user 12345" in placed()
    os.chown(socket_dir, 12_345, 12_345)
    socket_dir.chmod(0o777)
    assert "can be written by others" in placed()
    socket_dir.rmdir()
    socket_dir.symlink_to(folder)
    assert "is a link that somebody made" in placed()
    socket_dir.unlink()
    folder.chmod(0o777)
    assert "is not safe" in placed()


def modes_above(path: Path) -> dict[Path, int]:
    return {folder: folder.stat().st_mode for folder in path.parents}


@as_root
def test_root_opens_no_folder_for_the_servers_user(folder: Path) -> None:
    closed, rooms = folder / "closed" / "home", folder.with_name(f"{folder.name}-rooms")
    closed.parent.mkdir(mode=0o700)
    before = modes_above(closed) | modes_above(binary("postgres"))
    server = start_embedded(closed / "d", rooms=rooms)
    try:
        assert run_sql(server, "SELECT 1") == [(1,)]
        assert before == modes_above(closed) | modes_above(binary("postgres"))
        files = (closed / "d").resolve()
        assert (files.owner(), stat.S_IMODE(files.stat().st_mode)) == ("pgserver", 0o700)
        assert (files.parent.owner(), stat.S_IMODE(files.parent.stat().st_mode)) == ("root", 0o711)
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in closed.glob("d.*")} == {0o600}
    finally:
        remove_embedded(closed / "d")
        shutil.rmtree(rooms)


@as_root
def test_programs_that_the_servers_user_cannot_reach_are_copied_for_it(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "pginstall" / "bin").mkdir(parents=True)
    (closed / "pginstall" / "bin" / "postgres").write_text("program")
    (closed / "pginstall" / "bin" / "postgres").chmod(0o700)
    closed.chmod(0o700)
    kept = programs(closed / "pginstall" / "bin", tmp_path / "room" / "d")
    assert kept.parent.parent == tmp_path
    assert ((kept / "postgres").read_text(), stat.S_IMODE((kept / "postgres").stat().st_mode)) == ("program", 0o755)
    assert programs(closed / "pginstall" / "bin", tmp_path / "room" / "d") == kept


@as_root
def test_files_that_lie_where_they_lay_before_are_moved_with_every_row(cluster: Path, folder: Path) -> None:
    assert not cluster.is_symlink()
    first = started(cluster)
    run_sql(first, "CREATE TABLE ledger (n int)", "INSERT INTO ledger SELECT generate_series(1, 1000)")
    first.stop()
    assert cluster.is_symlink()
    in_its_room = cluster.resolve()
    cluster.unlink()
    in_its_room.rename(cluster)
    (folder / "d.moving").symlink_to(in_its_room)
    again = started(cluster)
    assert cluster.resolve() == in_its_room, "a move that was cut short is taken up"
    assert run_sql(again, "SELECT count(*), sum(n) FROM ledger") == [(1000, 500_500)]
    assert sorted(path.name for path in folder.iterdir()) == ["d", "d.lock", "d.users"]


@as_root
def test_files_that_are_not_ours_are_refused(cluster: Path, folder: Path) -> None:
    started(cluster).stop()
    files = cluster.resolve()
    os.chown(files, 12_345, 12_345)
    with pytest.raises(NotOurs, match="belongs to user 12345"):
        started(cluster)
    files.parent.rename(files.parent.with_name("aside"))
    with pytest.raises(Unavailable, match="is gone"):
        started(cluster)
    files.parent.with_name("aside").rename(files.parent)
    files.parent.chmod(0o777)
    with pytest.raises(NotOurs, match="is not safe"):
        started(cluster)
    folder.chmod(0o777)
    with pytest.raises(NotOurs, match="can be written by others"):
        started(cluster)


@as_root
def test_a_copied_folder_does_not_share_its_database_and_a_moved_one_keeps_it(folder: Path) -> None:
    folder.chmod(0o711)
    rooms, first, moved, copy = (folder / name for name in ("rooms", "first", "moved", "copy"))
    start_embedded(first / "d", rooms=rooms).stop()
    files = (first / "d").resolve()
    first.rename(moved)
    server = start_embedded(moved / "d", rooms=rooms)
    assert (moved / "d").resolve() == files
    subprocess.run(["cp", "-a", moved, copy], check=True)
    try:
        with pytest.raises(NotOurs, match=f"{copy} is a copy of {moved}"):
            start_embedded(copy / "d", rooms=rooms)
        with pytest.raises(NotOurs, match="is a copy of"):
            up.run_platform(Settings(env="dev", proving_home=copy_of_home(moved, folder / "home")), lambda _: None)
        stop_unused(copy / "d")
        stop_embedded(copy / "d")
        with pytest.raises(NotOurs, match="is a copy of"):
            remove_embedded(copy / "d")
        assert run_sql(server, "SELECT 1") == [(1,)], "it runs on for the folder that was copied"
    finally:
        remove_embedded(moved / "d")


def copy_of_home(home: Path, copy: Path) -> Path:
    """Return a home whose database is another one's."""
    copy.mkdir(mode=0o700)
    (home / "postgres").symlink_to((home / "d").resolve())
    (copy / "postgres").symlink_to((home / "d").resolve())
    return copy


@as_root
def test_a_room_whose_folder_was_deleted_is_known_by_the_next_platform_there(folder: Path) -> None:
    folder.chmod(0o711)
    rooms, data_dir = folder / "rooms", folder / "home" / "d"
    start_embedded(data_dir, rooms=rooms).stop()
    left = data_dir.resolve().parent
    assert rooms_left(data_dir, rooms=rooms) == []
    shutil.rmtree(folder / "home")
    start_embedded(data_dir, rooms=rooms)
    try:
        assert rooms_left(data_dir, rooms=rooms) == [left]
    finally:
        remove_embedded(data_dir)


def test_stopping_twice_is_once(cluster: Path) -> None:
    server = started(cluster)
    server.stop()
    assert postmaster(cluster) is None
    server.stop()


def test_files_of_another_major_version_are_refused_in_one_sentence(cluster: Path) -> None:
    (cluster / "PG_VERSION").write_text("16\n")
    with pytest.raises(Unavailable, match="another major version, 16, and this is 18") as refusal:
        started(cluster)
    assert "\n" not in str(refusal.value)
    assert postmaster(cluster) is None


def test_server_tools_and_documents_are_of_one_major_version(cluster: Path) -> None:
    ((number,),) = run_sql(started(cluster), "SELECT current_setting('server_version_num')::int / 10000")
    assert number == MAJOR
    printed = subprocess.run([binary("psql"), "--version"], capture_output=True, text=True, check=True).stdout
    assert re.search(r" (\d+)\.", printed)[1] == str(MAJOR)  # type: ignore[index]
    documents = [ROOT / "README.md", ROOT / "pyproject.toml", *(ROOT / "docs").rglob("*.md")]
    named = {
        str(path.relative_to(ROOT)): set(re.findall(r"Postgre(?:s|SQL) (\d\d)\b", path.read_text("utf-8")))
        for path in documents
    }
    assert {name: majors for name, majors in named.items() if majors - {str(MAJOR)}} == {}
    assert {"README.md", "pyproject.toml", "docs/adr/0005-embedded-postgres-one-dialect.md"} <= {
        name for name in named if named[name]
    }


def test_a_wheel_without_our_major_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MAJOR", 99)
    with pytest.raises(Unavailable, match=r"has no postgres of PostgreSQL 99; requirements.lock names one"):
        binary("postgres")


def test_a_folder_that_cannot_be_made_is_named(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(Unavailable, match=r"does not start in .*file/d: File exists"):
        started(folder / "file" / "d")


@pytest.mark.scorecard(10)
def test_a_full_disk_is_called_a_full_disk(folder: Path) -> None:
    folder.chmod(0o711)
    small = folder / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m,mode=711", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        with pytest.raises(Unavailable, match="the disk is full"):
            start_embedded(small / "home" / "d", rooms=small / "rooms")
        assert not (small / "home" / "d").exists(), "nothing half made stays behind"
    finally:
        subprocess.run(["umount", small], check=True)


def test_the_server_outlives_the_process_that_started_it(cluster: Path) -> None:
    start = (
        "import sys, pathlib; from gateways.embedded import start_embedded; "
        "start_embedded(pathlib.Path(sys.argv[1]), rooms=pathlib.Path(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", start, cluster, rooms_of(cluster)], check=True, cwd=ROOT)
    assert run_sql(started(cluster), "SELECT 1") == [(1,)]


def test_only_a_backend_of_the_server_steps_back(cluster: Path) -> None:
    server = started(cluster)
    with psycopg.connect(host=str(server.socket_dir), user="postgres", dbname="postgres") as connection:
        backend = psutil.Process(connection.info.backend_pid)
        before = backend.nice()
        assert embedded.step_back(cluster, backend.pid, nice=before + 3)
        assert backend.nice() == min(before + 3, 19)
    own = psutil.Process()
    mine = own.nice()
    assert not embedded.step_back(cluster, own.pid, nice=mine + 3)
    assert own.nice() == mine


FOLLOWED = """
import os, sys, pathlib
import psutil
from sqlalchemy import create_engine
from gateways.embedded import backends_follow
os.nice(2)
backends_follow(pathlib.Path(sys.argv[1]))
for driver in ("psycopg", "psycopg2"):
    with create_engine(f"postgresql+{driver}://postgres@/postgres?host={sys.argv[2]}").connect() as connection:
        served_by = connection.connection.driver_connection.info.backend_pid
        print(psutil.Process(served_by).nice() - os.getpriority(os.PRIO_PROCESS, 0))
"""


def test_backends_of_a_process_that_steps_back_follow_it_whatever_library_opens_them(cluster: Path) -> None:
    server = started(cluster)
    said = subprocess.run(
        [sys.executable, "-c", FOLLOWED, str(cluster), str(server.socket_dir)],
        check=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert said.stdout.split() == ["0", "0"]


USER = """
import pathlib, sys
from gateways.embedded import start_embedded, stop_unused
start_embedded(pathlib.Path(sys.argv[1]), rooms=pathlib.Path(sys.argv[2]))
print("at work", flush=True)
input()
stop_unused(pathlib.Path(sys.argv[1]))
"""


@contextmanager
def at_work(code: str, *arguments: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun, which it says with a line, and ends once it reads one."""
    withheld = {"DATABASE_URL", "APP_DATABASE_URL", "DAGSTER_PG_URL"}
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in withheld} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        yield process
        process.kill()


def test_the_last_user_stops_the_server_and_nobody_before(cluster: Path) -> None:
    started(cluster)
    with at_work(USER, cluster, rooms_of(cluster)) as other:
        stop_unused(cluster)
        assert postmaster(cluster) is not None, "another process uses it"
        other.communicate("done\n")
    assert postmaster(cluster) is None


def test_a_killed_user_keeps_no_server_running(cluster: Path) -> None:
    started(cluster)
    with at_work(USER, cluster, rooms_of(cluster)) as other:
        other.kill()
        other.wait()
    stop_unused(cluster)
    assert postmaster(cluster) is None


COMMAND = """
from sqlalchemy import text
from orchestration.cli.desk_work import opened_desk
with opened_desk() as desk:
    print("at work", flush=True)
    input()
    with desk.database() as db:
        db.execute(text("SELECT 1"))
"""


def test_a_command_that_ends_leaves_the_server_to_the_others(folder: Path, template: Path) -> None:
    subprocess.run(["cp", "-aL", template, folder / "postgres"], check=True)
    own = {"PROVING_HOME": str(folder), "EMBEDDED_DIR": str(rooms_of(folder / "postgres"))}
    with at_work(COMMAND, **own) as first, at_work(COMMAND, **own) as second:
        first.communicate("done\n")
        second.communicate("done\n")
    assert (first.returncode, second.returncode) == (0, 0)
    assert postmaster(folder / "postgres") is None


@pytest.fixture
def walk_forward(cluster: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A `proving` command that uses the server until it reads a line."""
    script = tmp_path / "proving"
    script.write_text(f"import sys; sys.argv[1:] = [{str(cluster)!r}, {str(rooms_of(cluster))!r}]\n{USER}", "utf-8")
    with subprocess.Popen(
        [sys.executable, script, "walk-forward", "YM"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        yield process
        process.kill()


def test_an_orderly_stop_waits_for_a_command_and_says_so(cluster: Path, walk_forward: subprocess.Popen[str]) -> None:
    said: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(EmbeddedPostgres(cluster, said.append, rooms_of(cluster)).stop)
        until(lambda: said, "the stop to say what it waits for")
        assert postmaster(cluster) is not None
        walk_forward.communicate("done\n")
        stopping.result()
    assert walk_forward.returncode == 0
    assert said == [f"waiting up to 30 s for `proving walk-forward YM` (pid {walk_forward.pid})"]
    assert postmaster(cluster) is None


def test_an_orderly_stop_waits_for_a_command_no_longer_than_it_says(
    cluster: Path, walk_forward: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up, "COMMAND_SECONDS", 0.01)
    said: list[str] = []
    EmbeddedPostgres(cluster, said.append, rooms_of(cluster)).stop()
    assert said[-1] == f"postgres stops under `proving walk-forward YM` (pid {walk_forward.pid})"
    assert postmaster(cluster) is None


def test_an_orderly_stop_waits_for_nobody_who_is_no_command(cluster: Path) -> None:
    said: list[str] = []
    with at_work(USER, cluster, rooms_of(cluster)) as other:
        assert [user.pid for user in users_of(cluster)] == [other.pid]
        EmbeddedPostgres(cluster, said.append, rooms_of(cluster)).stop()
    assert said == []
    assert postmaster(cluster) is None


IN_TURN = """
import pathlib, sys
import psycopg
from gateways.embedded import start_embedded, stop_unused
for _ in range(5):
    server = start_embedded(pathlib.Path(sys.argv[1]), rooms=pathlib.Path(sys.argv[2]))
    with psycopg.connect(host=str(server.socket_dir), user="postgres", dbname="postgres") as connection:
        connection.execute("SELECT pg_sleep(random() / 10)")
    stop_unused(pathlib.Path(sys.argv[1]))
"""


def test_users_that_come_and_go_never_lose_the_server(cluster: Path) -> None:
    commands = [
        subprocess.Popen([sys.executable, "-c", IN_TURN, cluster, rooms_of(cluster)], cwd=ROOT) for _ in range(3)
    ]
    assert [command.wait() for command in commands] == [0, 0, 0]
    assert postmaster(cluster) is None


@pytest.mark.scorecard(3)
def test_the_undertaker_of_a_killed_platform_leaves_the_next_ones_server_alone(cluster: Path) -> None:
    with at_work(USER, cluster, rooms_of(cluster)) as next_platform:
        late = hire("nobody carries this mark", cluster)
        late.communicate()
        assert (late.returncode, postmaster(cluster) is not None) == (0, True)
        next_platform.kill()
        next_platform.wait()
    hire("nobody carries this mark", cluster).communicate()
    assert postmaster(cluster) is None


def _comes_back(data_dir: Path) -> bool:
    """A killed server's children need a moment to let go of its memory; the supervisor tries again too."""

    def starts() -> bool:
        if postmaster(data_dir) is not None:
            return False
        with contextlib.suppress(Unavailable):
            started(data_dir)
            return True
        return False

    until(starts, "the server to start again")
    return True


def _is_postmaster_in(process: psutil.Process, data_dir: Path) -> bool:
    try:
        return process.name() == "postgres" and process.cwd() == str(data_dir.resolve()) and "-D" in process.cmdline()
    except psutil.Error:
        return False
