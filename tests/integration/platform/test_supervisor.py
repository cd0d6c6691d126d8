"""Programs under supervision: restarted, questioned, ended, and never left behind."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from gateways.ports import PortTaken, require_free, speaks_http, speaks_http2
from gateways.processes import AlreadyRunning, end_platform, environment, holder, living, processes_of, sole_platform
from orchestration.platform import supervisor
from orchestration.platform.supervisor import (
    Chore,
    Program,
    Ward,
    backoff_seconds,
    rotate,
    stop_in_reverse,
    tail,
    watch,
)
from tests.harness.full_disk import no_file_longer_than
from tests.harness.patience import until
from trading.errors import Unavailable

SLEEPER = "import time; print('here', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
)
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); {SLEEPER}"


def eventually(question: Callable[[], object], *, ward: Ward | Chore | None = None) -> None:
    def holds() -> bool:
        if not question() and ward is not None:
            ward.look()
        return bool(question())

    until(holds, "it to happen")


@pytest.fixture
def platform_id() -> Iterator[str]:
    """A mark of this test's own processes; whatever carries it at the end is ended."""
    chosen = f"test-{os.getpid()}-{time.monotonic_ns()}"
    yield chosen
    end_platform(chosen, grace_seconds=1.0)


@pytest.fixture
def said() -> list[str]:
    return []


Toy = Callable[..., Ward]


@pytest.fixture
def toy(tmp_path: Path, said: list[str], platform_id: str) -> Iterator[Toy]:
    """Make wards over one-line Python programs; all of them are stopped afterwards."""
    made: list[Ward] = []

    def make(
        code: str,
        *,
        answers: Callable[[], bool | None] = lambda: True,
        start_seconds: float = 60.0,
        name: str = "toy",
        session_nice: int = 0,
    ) -> Ward:
        command = (sys.executable, "-c", code)
        program = Program(name, command, environment(platform_id), answers, tmp_path, start_seconds, session_nice)
        made.append(Ward(program, tmp_path / "logs" / f"{name}.log", said.append))
        return made[-1]

    yield make
    for ward in made:
        ward.stop()


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel weighs no sessions")
def test_a_session_steps_back_as_a_whole_and_leaves_ours_where_it_is(toy: Toy, platform_id: str) -> None:
    ours = Path("/proc/self/autogroup").read_text()
    ward = toy(PARENT, session_nice=7)
    ward.start()
    eventually(lambda: len(processes_of(platform_id)) == 2)
    theirs = {
        Path(f"/proc/{process.pid}/autogroup").read_text().split("nice")[1].strip()
        for process in processes_of(platform_id)
    }
    assert theirs == {"7"}
    assert Path("/proc/self/autogroup").read_text() == ours


def test_a_killed_program_starts_again_and_its_last_words_are_told(toy: Toy, said: list[str]) -> None:
    ward = toy(SLEEPER)
    ward.start()
    eventually(lambda: ward.ready and "here" in tail(ward.log), ward=ward)
    first = ward.process
    assert first is not None
    first.kill()
    eventually(lambda: ward.process not in {None, first}, ward=ward)
    burial = next(line for line in said if "killed by signal 9" in line)
    assert "here" in burial
    assert str(ward.log) in burial


def test_a_program_that_keeps_dying_waits_longer_each_time(toy: Toy, said: list[str]) -> None:
    ward = toy("raise SystemExit('no luck')")
    ward.start()
    eventually(lambda: len([line for line in said if "exited with code 1" in line]) == 3, ward=ward)
    waits = [line.split("starts again in ")[1].split(" s")[0] for line in said if "exited" in line]
    assert waits == ["0.5", "1", "2"]
    assert "no luck" in said[-1]


def test_a_restart_that_fails_is_a_death_too(toy: Toy, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_SECONDS", 0.001)
    ward = toy("raise SystemExit('no luck')")
    ward.start()
    eventually(lambda: ward.deaths == 1, ward=ward)
    ward.program = replace(ward.program, command=("/nowhere/to/be/found",))
    looks = iter(range(10_000))
    watch([ward], said.append, until=lambda: ward.deaths >= 4 or next(looks, None) is None)
    assert ward.deaths == 4
    assert len([line for line in said if "cannot start" in line]) == 1


def test_the_wait_stops_growing_however_often_a_program_dies() -> None:
    assert [backoff_seconds(deaths) for deaths in (0, 1, 5, 6, 5_000)] == [0.5, 1, 16, 30, 30]


@pytest.mark.scorecard(10)
def test_one_that_cannot_be_looked_after_is_told_once_and_does_not_end_the_others(
    toy: Toy, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(supervisor, "ASK_SOON_SECONDS", 0.01)
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_SECONDS", 0.05)
    other, absent = toy(SLEEPER, name="other"), tmp_path / "absent"
    late = Ward(
        replace(other.program, name="late", command=(str(absent), *other.program.command[1:])), other.log, said.append
    )
    looks = 0

    def enough() -> bool:
        nonlocal looks
        looks += 1
        if looks == 50:
            absent.symlink_to(sys.executable)
        return looks > 50 and late.ready and other.ready

    watch([late, other], said.append, until=enough)
    late.stop()
    faults = [line for line in said if "cannot start" in line]
    assert faults == [
        "late is in trouble: late cannot start: No such file or directory; it is tried again, less and less often"
    ]


def test_a_failed_fork_is_told_and_not_tried_again_at_once(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Forkless:
        name = "undertaker"
        ready = True
        looks = 0

        def look(self) -> None:
            self.looks += 1
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

        def stop(self) -> None: ...

    monkeypatch.setattr(supervisor, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_SECONDS", supervisor.LONGEST_BACKOFF_SECONDS)
    forkless, rounds = Forkless(), iter(range(50))
    watch([forkless], said.append, until=lambda: next(rounds, None) is None)
    assert (forkless.looks, len(said)) == (1, 1)
    assert "undertaker is in trouble: [Errno 11] Resource temporarily unavailable" in said[0]


def test_a_program_that_does_not_answer_is_killed_and_started_again(
    toy: Toy, said: list[str], platform_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "HANG_SECONDS", 0.2)
    monkeypatch.setattr(supervisor, "ASK_SECONDS", 0.05)
    answers = iter([True, *[False] * 1_000])
    ward = toy(SLEEPER, answers=lambda: next(answers))
    ward.start()
    eventually(lambda: any("did not answer" in line for line in said), ward=ward)
    assert processes_of(platform_id) == []


def test_not_knowing_is_no_reason_to_kill(toy: Toy, said: list[str]) -> None:
    ward = toy(SLEEPER, answers=lambda: None, start_seconds=0.0)
    ward.start()
    ward.next_question_at = 0.0
    ward.look()
    assert ward.process is not None
    assert not ward.ready
    assert said == []


def test_stopping_ends_a_program_with_its_children_even_a_stubborn_one(
    toy: Toy, said: list[str], platform_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.3)
    parent = toy(PARENT)
    stubborn = toy(STUBBORN, name="stubborn")
    for ward in (parent, stubborn):
        ward.start()
    eventually(lambda: len(processes_of(platform_id)) == 3)
    eventually(lambda: "here" in tail(stubborn.log))
    stop_in_reverse([parent, stubborn], said.append)
    assert processes_of(platform_id) == []


@pytest.mark.parametrize("failure", [OSError("no"), Unavailable("no"), psutil.AccessDenied(msg="no")])
def test_one_that_cannot_be_stopped_does_not_save_the_others(toy: Toy, said: list[str], failure: Exception) -> None:
    class Unstoppable:
        name = "rock"
        ready = True

        def look(self) -> None: ...

        def stop(self) -> None:
            raise failure

    ward = toy(SLEEPER)
    ward.start()
    assert not stop_in_reverse([ward, Unstoppable()], said.append)
    assert ward.process is None
    assert f"rock does not end: {failure}" in said
    assert stop_in_reverse([ward], said.append)


def _is_over(chore: Chore) -> bool:
    return chore.process is None


def test_a_chore_runs_once_and_tells_how_it_ended(toy: Toy, tmp_path: Path, said: list[str]) -> None:
    good, bad = (
        Chore(toy(code).program, tmp_path / "logs" / name, said.append)
        for name, code in (("good.log", "print('fine')"), ("bad.log", "raise SystemExit('broken')"))
    )
    for chore in (good, bad):
        chore.start()
        eventually(partial(_is_over, chore), ward=chore)
    assert "is done" in said[0]
    assert "exited with code 1" in said[1]
    assert "broken" in said[1]


def test_logs_are_set_aside_once_large_and_the_writer_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOG_BYTES", 10)
    log = tmp_path / "toy.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(5):
            writer.write(f"line number {number}\n".encode())
            rotate(log)
        writer.write(b"after\n")
    assert log.read_text() == "after\n"
    kept = {path.name: path.read_text() for path in tmp_path.iterdir() if path != log}
    assert kept == {f"toy.log.{age}": f"line number {5 - age}\n" for age in (1, 2, 3)}


@pytest.mark.scorecard(10)
def test_a_log_that_cannot_be_set_aside_is_emptied_and_leaves_no_half_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LOG_BYTES", 20_000)
    log = tmp_path / "toy.log"
    log.write_bytes(b"x" * 20_000)
    with no_file_longer_than(10_000):
        rotate(log)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.log"]
    assert log.read_text() == "the lines before this one could not be set aside and are lost: File too large\n"


@pytest.mark.scorecard(3)
def test_killing_the_supervisor_leaves_nothing_behind(platform_id: str) -> None:
    script = f"""
        import subprocess, sys, time
        from gateways.processes import environment
        from orchestration.platform.undertaker import hire
        keeper = hire({platform_id!r}, None)
        subprocess.Popen([sys.executable, "-c", {PARENT!r}], env=environment({platform_id!r}), start_new_session=True)
        print("up", keeper.pid, flush=True)
        time.sleep(600)
    """
    supervising = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert supervising.stdout is not None
    keeper = int(supervising.stdout.readline().split()[1])
    eventually(lambda: len(processes_of(platform_id)) == 2)
    supervising.kill()
    supervising.communicate()
    eventually(lambda: processes_of(platform_id) == [])
    eventually(lambda: not psutil.pid_exists(keeper) or psutil.Process(keeper).status() == psutil.STATUS_ZOMBIE)


def test_a_second_platform_over_the_same_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    lock = tmp_path / "up.lock"
    with sole_platform(lock, "first"):
        running = holder(lock)
        assert running is not None
        assert (running.pid, running.mark) == (os.getpid(), "first")
        with (
            pytest.raises(AlreadyRunning, match=rf"already runs .*\(pid {os.getpid()}\)"),
            sole_platform(lock, "second"),
        ):
            pytest.fail("it started")
    assert holder(lock) is None
    with sole_platform(lock, "third") as last:
        assert last is None


def test_a_killed_platform_tells_the_next_one_what_it_left(tmp_path: Path) -> None:
    hold = "import sys, time, pathlib; from gateways.processes import sole_platform\n"
    hold += "with sole_platform(pathlib.Path(sys.argv[1]), 'lost'): print('held', flush=True); time.sleep(600)"
    lock = tmp_path / "up.lock"
    holding = subprocess.Popen(
        [sys.executable, "-c", hold, str(lock)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert holding.stdout is not None
    holding.stdout.readline()
    holding.kill()
    holding.communicate()
    assert holder(lock) is None
    with sole_platform(lock, "next") as last:
        assert last is not None
        assert last.mark == "lost"


def test_a_copied_lock_names_nobody_whose_processes_may_be_ended(tmp_path: Path) -> None:
    lock, copy, moved = (tmp_path / name / "up.lock" for name in ("home", "copy", "moved"))
    lock.parent.mkdir()
    with sole_platform(lock, "running"):
        shutil.copytree(lock.parent, copy.parent)
        with sole_platform(copy, "other") as last:
            assert last is None, "it runs over the folder that was copied"
        left = lock.read_text("utf-8")
    lock.write_text(left, "utf-8")  # as a killed platform leaves it
    lock.parent.rename(moved.parent)
    with sole_platform(moved, "next") as last:
        assert last is not None
        assert last.mark == "running"


def test_a_process_that_got_the_number_later_is_another_process() -> None:
    assert living(os.getpid(), seen_at=time.time())
    assert not living(os.getpid(), seen_at=psutil.Process().create_time() - 60)


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert living(child.pid, seen_at=time.time())
    os.kill(child.pid, signal.SIGKILL)
    eventually(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    assert not living(child.pid, seen_at=time.time())
    child.communicate()


def test_a_clock_that_lags_a_little_does_not_make_a_process_another_one() -> None:
    assert living(os.getpid(), seen_at=psutil.Process().create_time() - 1)


def test_children_come_before_their_parents_and_we_are_never_among_them(platform_id: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env=environment(platform_id), stdout=subprocess.DEVNULL)
    eventually(lambda: len(processes_of(platform_id)) == 2)
    child, last = processes_of(platform_id)
    assert (child.ppid(), last.pid) == (parent.pid, parent.pid)
    count = f"from gateways.processes import processes_of; print(len(processes_of({platform_id!r})))"
    asked = subprocess.run(
        [sys.executable, "-c", count],
        env=environment(platform_id),
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=True,
    )
    assert asked.stdout.strip() == b"2"
    end_platform(platform_id)
    parent.wait()


def test_what_a_dying_parent_starts_is_ended_too(platform_id: str) -> None:
    heir = f"lambda *_: (subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]), sys.exit())"
    code = (
        f"import signal, subprocess, sys; signal.signal(signal.SIGTERM, {heir}); print('here', flush=True); {SLEEPER}"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment(platform_id), stdout=subprocess.PIPE)
    assert parent.stdout is not None
    parent.stdout.readline()
    end_platform(platform_id)
    assert processes_of(platform_id) == []
    parent.communicate()


def test_a_child_inherits_what_is_not_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.setenv("WITHHELD", "1")
    given = environment("m", WITHHELD=None, ADDED="2")
    assert (given["PROVING_UP"], given["KEPT"], given["ADDED"]) == ("m", "1", "2")
    assert not {"PYTHONDONTWRITEBYTECODE", "WITHHELD"} & set(given), "bytecode is written, or every start compiles anew"


def test_a_lock_says_who_holds_it_whatever_was_written_before(tmp_path: Path) -> None:
    lock = tmp_path / "up.lock"
    lock.write_text(f'{{"pid": 1, "started_at": 1.0, "mark": "{"long" * 50}"}}')
    with sole_platform(lock, "new") as last:
        assert last is not None
        assert last.mark == "long" * 50
        running = holder(lock)
        assert running is not None
        assert running.mark == "new"


def test_a_taken_port_names_its_holder_and_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} is taken by .*\(pid {os.getpid()}\); .* set API_PORT"):
            require_free("127.0.0.1", port, setting="API_PORT")
    require_free("127.0.0.1", port, setting="API_PORT")


@pytest.mark.parametrize("question", [speaks_http2, lambda host, port, **how: speaks_http(host, port, "/", **how)])
def test_a_listener_that_never_speaks_is_not_well(question: Callable[..., bool]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not question("127.0.0.1", server.getsockname()[1], timeout_seconds=0.2)
    assert not question("127.0.0.1", 1, timeout_seconds=0.2)


def test_a_grpc_server_is_told_from_a_web_server() -> None:
    grpc = pytest.importorskip("grpc")
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            assert speaks_http2("127.0.0.1", port)
            assert not speaks_http("127.0.0.1", port, "/")
        finally:
            server.stop(None).wait()
