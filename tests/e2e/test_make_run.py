"""`make run` on this machine: the operators' checklist against the real thing, kills included, and a clean end.

One platform serves all tests of this file, in the order they stand here; the last ones end it.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from gateways.cluster import rooms_left
from gateways.embedded import postmaster, remove_embedded
from gateways.processes import end_platform, processes_of, read_lock
from tests.harness.own_browser import CHROMIUM, PATIENCE_MS
from tests.harness.patience import Work, follow, with_children
from tests.harness.ports import free_ports

ROOT = Path(__file__).parents[2]
PROVING = (sys.executable, "-m", "orchestration.cli.main")
INSTALLED = ("make", "-q", ".venv/.runtime")  # else `make run` would first install, under the feet of these tests
RESET = {"scope": "ALL", "reasonCode": "SEV1_RESET_METRICS", "alsoResetEquityCurves": True}
ASK_SECONDS = 120.0
HUNG_SECONDS = 7_200  # a wait gives up by itself; this ends a test that hangs in something else

pytestmark = pytest.mark.timeout(HUNG_SECONDS)


@dataclass
class Platform:
    """A platform of our own: its folder, its ports, its supervisor."""

    home: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes] | None = None
    work: Work = field(init=False)

    def __post_init__(self) -> None:
        self.work = Work(self.processes)

    @property
    def environment(self) -> dict[str, str]:
        named = {f"{name}_PORT": str(port) for name, port in self.ports.items()}
        inherited = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "ADMIN_TOKEN"}}
        own = {"PROVING_HOME": str(self.home), "EMBEDDED_DIR": str(self.rooms)}
        return inherited | named | own | {"ENV": "dev"}

    @property
    def rooms(self) -> Path:
        """Where root keeps the files of its database: beside its folder, which nobody else may pass."""
        return self.home.with_name(f"{self.home.name}-rooms")

    @property
    def mark(self) -> str:
        running = read_lock(self.home / "up.lock")
        assert running is not None
        return running.mark

    @property
    def supervisor(self) -> psutil.Process:
        running = read_lock(self.home / "up.lock")
        assert running is not None
        return psutil.Process(running.pid)

    def start(self) -> None:
        installed = subprocess.run(INSTALLED, cwd=ROOT, capture_output=True, check=False).returncode == 0
        command = ["make", "run"] if installed else [*PROVING, "up"]
        with (self.home / "log").open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.eventually(lambda: "the platform is up" in self.said(), "the platform is up")

    def said(self) -> str:
        return (self.home / "log").read_text()

    def ask(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["API"], timeout=ASK_SECONDS)
        with contextlib.closing(connection):
            given = {
                "Content-Type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            }
            connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, given)
            response = connection.getresponse()
            return response.status, json.load(response)

    def reset(self) -> Any:
        status, receipt = self.ask(
            "/api/admin/reset-metrics", RESET | {"dryRun": False}, X_Admin_Token="dev-admin-secret"
        )
        assert status == 200, receipt
        return receipt

    def proving(self, *arguments: str, bare: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command; a bare one knows the folder alone, like a shell beside the one that runs the platform."""
        left_out = {"ENV", "EMBEDDED_DIR"} | {f"{name}_PORT" for name in self.ports} if bare else set()
        return subprocess.run(
            [*PROVING, *arguments],
            env={name: value for name, value in self.environment.items() if name not in left_out},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def eventually(self, question: Callable[[], object], what: str) -> None:
        follow(lambda: self.holds(question), what, work=self.work, said=lambda: self.said()[-3_000:])

    def processes(self) -> list[psutil.Process]:
        running = read_lock(self.home / "up.lock")
        roots = [root.pid for root in (postmaster(self.home / "postgres"), self.process) if root is not None]
        processes = processes_of(running.mark) if running is not None else []
        return [*processes, *(child for root in roots for child in with_children(root))]

    @staticmethod
    def holds(question: Callable[[], object]) -> bool:
        try:
            return bool(question())
        except (OSError, http.client.HTTPException, ValueError):
            return False

    def ready(self) -> bool:
        return self.ask("/readyz")[0] == 200

    def program(self, words: str) -> psutil.Process:
        return min(
            (each for each in processes_of(self.mark) if words in _command(each)), key=lambda each: each.create_time()
        )


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    home = Path(tempfile.mkdtemp(prefix="up-", dir="/tmp"))
    ports = dict(zip(("API", "WEBSERVER", "CODE_SERVER"), free_ports(3), strict=True))
    own = Platform(home, ports)
    try:
        own.start()
        yield own
    finally:
        running = read_lock(home / "up.lock")
        if running is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(running.pid).kill()
            end_platform(running.mark)
        remove_embedded(home / "postgres")
        if own.process is not None:
            own.process.wait()
        for made in (home, own.rooms):
            shutil.rmtree(made, ignore_errors=True)
    assert rooms_left(home / "postgres") == [], "nothing of it lies where another platform's files lie"


def test_it_is_ready_and_says_where_to_look(platform: Platform) -> None:
    platform.eventually(platform.ready, "/readyz is 200")
    assert f"http://127.0.0.1:{platform.ports['API']}/" in platform.said()
    status = platform.proving("status")
    assert status.returncode == 0, status.stdout
    assert "not ready" not in status.stdout
    assert "start" in status.stdout, "how runs start is told"


def test_what_it_keeps_is_nobody_elses(platform: Platform) -> None:
    kept = [platform.home, *(path for path in platform.home.rglob("*") if not path.is_symlink())]
    assert [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_the_first_backtests_finish_by_themselves(platform: Platform) -> None:
    platform.eventually(
        lambda: platform.ask("/api/_proof/jobs")[1]["byType"]["BACKTEST"]["COMPLETED"] > 0,
        "a backtest is completed",
    )


def test_a_dry_run_names_every_bot_and_changes_nothing(platform: Platform) -> None:
    before = platform.ask("/api/bots?limit=10")[1]["total"]
    status, plan = platform.ask("/api/admin/reset-metrics", RESET | {"dryRun": True}, X_Admin_Token="dev-admin-secret")
    assert (status, plan["dryRun"], plan["targetCount"], len(plan["targets"])) == (200, True, before, before)
    again = platform.ask("/api/admin/reset-metrics", RESET | {"dryRun": True}, X_Admin_Token="dev-admin-secret")[1]
    assert all(target["currentResetAt"] is None for target in again["targets"])


def test_after_a_reset_two_backtests_run_at_once_and_an_improve_follows(platform: Platform) -> None:
    done = platform.reset()
    assert done["resetCount"] == done["targetCount"] == len(done["resetBotIds"])
    reset_at = datetime.fromisoformat(done["resetTime"]).isoformat()
    at_once = (
        f"SELECT EXISTS (SELECT FROM bot_jobs a JOIN bot_jobs b ON a.id < b.id AND a.started_at < b.completed_at"
        f" AND b.started_at < a.completed_at WHERE a.job_type = 'BACKTEST' AND b.job_type = 'BACKTEST'"
        f" AND least(a.started_at, b.started_at) >= '{reset_at}')"
    )
    improves = (
        f"SELECT EXISTS (SELECT FROM bot_jobs WHERE job_type = 'IMPROVE' AND created_at > '{reset_at}'"
        f" AND started_at IS NOT NULL)"
    )

    def holds(asked: str) -> bool:
        running = platform.ask("/api/_proof/jobs")[1]["byType"]["BACKTEST"]["RUNNING"]
        assert running <= 2, "the cap holds at every moment"
        return platform.proving("psql", "-tAc", asked).stdout.strip() == "t"

    platform.eventually(lambda: holds(at_once), "two backtests at once that began since the reset")
    platform.eventually(lambda: holds(improves), "an improve that was planned and began since the reset")


def test_the_proofs_have_the_shape_the_checklist_reads(platform: Platform) -> None:
    summary = platform.ask("/api/_proof/autonomy")[1]["latestRun"]["summary"]
    types = {"BACKTEST", "IMPROVE", "EVOLVE"}
    assert set(summary["jobs_enqueued_by_type"]) == set(summary["currently_running_jobs_by_type"]) == types
    assert isinstance(summary["eligible_candidates_count"], int)
    assert {summary["concurrency_caps"][name] for name in types} == {2, 1}
    for bot in platform.ask("/api/bots?limit=10")[1]["data"]:
        assert {"name", "stage", "botNow"} <= set(bot)
        job = bot["botNow"]["activeJob"]
        assert job is None or {"type", "status", "attempt", "iteration", "elapsedSeconds"} <= set(job)


def test_commands_in_another_shell_find_the_platform_as_it_was_started(platform: Platform) -> None:
    bot = platform.ask("/api/bots?limit=1")[1]["data"][0]["name"]
    for command in (
        ("status",),
        ("seed", "--if-empty"),
        ("why", bot),
        ("bot", "show", bot),
        ("dead-letters",),
        ("kill-switch", "status"),
        ("kill-switch", "on", "--reason", "BAD_FEED"),
        ("kill-switch", "off"),
        ("reset",),
        ("bars", "list"),
        ("verify-audit",),
        ("psql", "-c", "SELECT count(*) FROM bots"),
        ("proof",),
    ):
        done = platform.proving(*command, bare=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_the_proof_pack_is_written_down(platform: Platform) -> None:
    done = platform.proving("proof")
    assert done.returncode == 0, done.stderr
    text = max((platform.home / "proofs").glob("proof-*.md")).read_text()
    for words in ('"dryRun": true', '"jobs_enqueued_by_type"', '"botNow"', "job_type", "rows)"):
        assert words in text


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; make test installs it")
def test_the_board_shows_work_as_badges_and_never_recency(platform: Platform, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    badges = {"backtesting": "Backtesting • x", "improving": "Improving • #"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"http://127.0.0.1:{platform.ports['API']}/")
        platform.reset()
        for activity, words in badges.items():
            page.locator(f"[data-activity={activity}]").click()
            platform.eventually(page.get_by_text(words).first.is_visible, f"a badge that says {words}")
            page.screenshot(path=tmp_path / f"{activity}.png")
            assert "Data Fresh" not in page.content()
        browser.close()


def test_a_second_start_over_the_same_folder_is_refused_in_one_sentence(platform: Platform) -> None:
    second = platform.proving("up")
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.count("\n") == 1
    assert "already runs" in second.stderr


@pytest.mark.scorecard(5)
def test_a_killed_database_is_back_with_every_acknowledged_row(platform: Platform) -> None:
    count = "SELECT count(*) FROM bot_metrics_events"
    before = platform.proving("psql", "-XAt", "-c", count).stdout
    killed = postmaster(platform.home / "postgres")
    assert killed is not None
    killed.send_signal(signal.SIGKILL)
    platform.eventually(lambda: postmaster(platform.home / "postgres") not in {None, killed}, "it is back")
    platform.eventually(platform.ready, "/readyz is 200")
    assert platform.proving("psql", "-XAt", "-c", count).stdout == before
    assert platform.proving("verify-audit").returncode == 0


@pytest.mark.scorecard(3)
def test_every_killed_program_comes_back_and_work_goes_on(platform: Platform) -> None:
    for words in ("dagster api grpc", "dagster._daemon", "orchestration.platform.dagster_ui", "-m api"):
        platform.program(words).kill()
    platform.eventually(lambda: platform.proving("status").returncode == 0, "all is ready again")
    done = platform.ask("/api/_proof/autonomy")[1]["latestRun"]["id"]
    platform.eventually(lambda: platform.ask("/api/_proof/autonomy")[1]["latestRun"]["id"] > done, "it ticks")
    platform.eventually(lambda: platform.ask("/api/_proof/jobs")[1]["stuck"] == [], "nothing is stuck")


def test_an_interrupt_ends_everything_and_the_data_is_there_again(platform: Platform) -> None:
    bots = platform.ask("/api/bots?limit=1")[1]["total"]
    mark = platform.mark
    platform.supervisor.send_signal(signal.SIGINT)
    process = platform.process
    assert process is not None
    platform.eventually(lambda: process.poll() is not None, "the platform ends")
    assert process.returncode == 0
    assert processes_of(mark) == []
    assert postmaster(platform.home / "postgres") is None
    platform.start()
    assert platform.ask("/api/bots?limit=1")[1]["total"] == bots
    assert platform.proving("verify-audit").returncode == 0


@pytest.mark.scorecard(3)
def test_a_killed_supervisor_leaves_nothing_behind(platform: Platform) -> None:
    mark = platform.mark
    platform.supervisor.kill()
    platform.eventually(lambda: processes_of(mark) == [], "every process has ended")
    platform.eventually(lambda: postmaster(platform.home / "postgres") is None, "the database has ended")


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
