"""`python -m api` as a process: it serves, or says in one sentence why not."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest

from gateways.postgres import DatabaseUrls
from tests.harness.client import TOKEN
from tests.harness.patience import until
from tests.harness.ports import free_ports

ROOT = Path(__file__).parents[3]


def start(tmp_path: Path, **env: str) -> "subprocess.Popen[str]":
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    given = {
        "APP_DATABASE_URL": "postgresql://proving_app@127.0.0.1:1/nowhere",
        "PROVING_HOME": str(tmp_path / "home"),
        "ENV": "prod",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "api"],
        cwd=ROOT,
        env=inherited | given | env,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(process: "subprocess.Popen[str]", port: int) -> None:
    def answers() -> bool:
        assert process.poll() is None, process.communicate()[1]
        try:
            return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    until(answers, "the API to answer")


def in_time(port: int, path: str) -> httpx.Response:
    """The first answer within two seconds; where a machine is busy with other things not every one can be."""
    answers: list[httpx.Response] = []

    def answered() -> bool:
        answers.append(httpx.get(f"http://127.0.0.1:{port}{path}", timeout=120))
        return answers[-1].elapsed.total_seconds() <= 2.0

    until(answered, f"an answer of {path} within two seconds", looks=20)
    return answers[-1]


@pytest.mark.scorecard(38)
@pytest.mark.parametrize(("env", "token"), [("prod", ""), ("prod", "dev-admin-secret"), ("test", "x" * 40)])
def test_it_refuses_weak_secrets_outside_dev(tmp_path: Path, env: str, token: str) -> None:
    process = start(tmp_path, ENV=env, ADMIN_TOKEN=token, API_PORT=str(free_ports(1)[0]))
    out, printed = process.communicate()
    assert process.returncode == 2
    assert printed.startswith("ADMIN_TOKEN must be")
    assert len(printed.strip().splitlines()) == 1
    assert out == ""
    assert not token or token not in printed


def test_it_says_that_a_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        process = start(tmp_path, ADMIN_TOKEN=TOKEN, API_PORT=str(port))
        _, printed = process.communicate()
    assert process.returncode == 1
    assert printed.strip() == f"port {port} on 127.0.0.1 is taken; set API_PORT to another"


@pytest.mark.parametrize(
    ("env", "code"),
    [({"API_PORT": "99999"}, 2), ({"APP_DATABASE_URL": "mysql://x/y"}, 1), ({"APP_DATABASE_URL": "nonsense"}, 1)],
)
def test_it_says_which_setting_is_wrong(tmp_path: Path, env: dict[str, str], code: int) -> None:
    process = start(tmp_path, **{"ADMIN_TOKEN": TOKEN, "API_PORT": str(free_ports(1)[0])} | env)
    _, printed = process.communicate()
    assert process.returncode == code
    assert len(printed.strip().splitlines()) == 1
    assert next(iter(env)) in printed


@pytest.mark.scorecard(43)
def test_it_serves_until_it_is_asked_to_stop(tmp_path: Path, urls: DatabaseUrls) -> None:
    (port,) = free_ports(1)
    address = urls.app.render_as_string(hide_password=False)
    process = start(tmp_path, ADMIN_TOKEN=TOKEN, API_PORT=str(port), APP_DATABASE_URL=address)

    try:
        wait_for(process, port)
        page = httpx.get(f"http://127.0.0.1:{port}/")
        assert page.status_code == 200
        assert "server" not in page.headers
        assert httpx.get(f"http://127.0.0.1:{port}/openapi.json").json()["info"]["title"] == "Proving Ground"
        script = page.text.split('type="module" src="')[1].split('"')[0]
        module = httpx.get(f"http://127.0.0.1:{port}{script}")
        assert module.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert module.headers["content-type"].startswith("text/javascript")
        process.send_signal(signal.SIGTERM)
        _, printed = process.communicate()
    finally:
        process.kill()
    assert process.returncode in {0, -signal.SIGTERM}
    assert TOKEN not in printed


def test_it_answers_503_in_time_when_the_database_is_away(tmp_path: Path) -> None:
    port, nobodys = free_ports(2)
    nowhere = f"postgresql://proving_app@127.0.0.1:{nobodys}/proving"
    process = start(tmp_path, ADMIN_TOKEN=TOKEN, API_PORT=str(port), APP_DATABASE_URL=nowhere)
    try:
        wait_for(process, port)
        headers = {"X-Admin-Token": TOKEN}
        for path in ("/api/bots", "/api/_proof/autonomy", "/api/_proof/jobs", "/readyz", "/api/board"):
            answer = in_time(port, path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), path
            assert answer.headers["content-type"] == "application/problem+json"
        body = {"scope": "ALL", "reasonCode": "SEV1_RESET_METRICS"}
        assert (
            httpx.post(f"http://127.0.0.1:{port}/api/admin/reset-metrics", json=body, headers=headers).status_code
            == 503
        )
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
        health = httpx.get(f"http://127.0.0.1:{port}/api/health").json()
        assert (health["status"], health["checks"][0]["name"]) == ("not ready", "database")
    finally:
        process.terminate()
        process.communicate()


def test_it_answers_503_in_time_when_the_database_is_a_black_hole(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        silent = f"postgresql://proving_app@127.0.0.1:{hole.getsockname()[1]}/proving"
        process = start(tmp_path, ADMIN_TOKEN=TOKEN, API_PORT=str(port), APP_DATABASE_URL=silent)
        try:
            wait_for(process, port)
            for path in ("/api/bots", "/api/_proof/jobs", "/readyz"):
                assert in_time(port, path).status_code == 503
        finally:
            process.kill()
            process.communicate()
