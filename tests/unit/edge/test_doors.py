"""Who comes in: hosts as they are named, pages of ours and of others, links, programs."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from api.edge.doors import refused
from gateways.hosts import AllowedHost, allowed_host, is_allowed, named_host
from gateways.settings import OpenDoor, Settings, WeakSecret
from tests.harness.client import TOKEN

OURS = Settings(env="dev").hosts_of("127.0.0.1")
HERE = "127.0.0.1:5000"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - said, not bound
STRONG = SecretStr(TOKEN)


def scope(method: str = "POST", *, kind: str = "http", host: str | None = HERE, **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    said = ({} if host is None else {"host": host}) | named
    return {
        "type": kind,
        "method": method,
        "headers": [(name.encode(), value.encode()) for name, value in said.items()],
    }


def code(asked: dict[str, Any]) -> str | None:
    refusal = refused(asked, OURS)
    return refusal.code if refusal is not None else None


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("localhost", AllowedHost("localhost")),
        ("LocalHost:5000", AllowedHost("localhost", 5000)),
        ("127.0.0.1:80", AllowedHost("127.0.0.1", 80)),
        ("[::1]:5000", AllowedHost("::1", 5000)),
        ("[0:0:0:0:0:0:0:1]", AllowedHost("::1")),
        ("board.example.com", AllowedHost("board.example.com")),
        *(
            (wrong, None)
            for wrong in ("", ":80", "::1", "[::1", "[localhost]", "a b", "a:b", "a@b", "a,b", "a:123456", "localhost.")
        ),
        ("x" * 300, None),
    ],
)
def test_a_host_is_read_with_its_port_or_not_at_all(text: str, host: AllowedHost | None) -> None:
    assert named_host(text) == host


def test_a_host_allowed_with_a_port_counts_at_that_port_alone() -> None:
    allowed = frozenset({allowed_host("board.example.com:8443"), allowed_host("desk"), allowed_host("fe80::1")})
    wanted = {"board.example.com:8443": True, "board.example.com": False, "desk:1": True, "[fe80::1]:9": True}
    for text, comes_in in wanted.items():
        host = named_host(text)
        assert host is not None
        assert is_allowed(host, allowed) is comes_in


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1", "[::1]:5000", "LOCALHOST"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_loopback_has_three_names(host: str, kind: str) -> None:
    assert code(scope(kind=kind, host=host)) is None


@pytest.mark.parametrize("host", ["evil.example:5000", "127.0.0.1.evil.example", "127.0.0.2", EVERYWHERE])
@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_made_to_point_here_is_refused_even_by_its_own_page(host: str, kind: str, method: str) -> None:
    asked = scope(method, kind=kind, host=host, origin=f"http://{host}", sec_fetch_site="same-origin")
    assert code(asked) == "HOST_NOT_ALLOWED"


def test_a_host_is_named_once() -> None:
    assert code(scope(host=None)) == "BAD_HOST"
    twice = scope()
    twice["headers"].append((b"host", b"evil.example"))
    assert code(twice) == "BAD_HOST"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example", "sec_fetch_site": "cross-site"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:8888", "sec_fetch_site": "same-site"},
        {"origin": "http://127.0.0.1:8888"},
        {"origin": "null"},
        {"origin": "null", "sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"},
        {"sec_fetch_site": "same-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
        {"origin": "http://evil.example", "sec_fetch_site": "same-origin"},
        {"origin": "http://["},
    ],
)
def test_a_page_of_another_origin_changes_nothing(headers: dict[str, str]) -> None:
    assert code(scope("POST", **headers)) == "FOREIGN_ORIGIN"
    assert code(scope("DELETE", **headers)) == "FOREIGN_ORIGIN"
    assert code(scope(kind="websocket", **headers)) == "FOREIGN_ORIGIN"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": f"http://{HERE}"},
        {"origin": f"http://{HERE}", "sec_fetch_site": "same-origin"},
        {"origin": "null", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
    ],
)
def test_our_own_pages_and_programs_come_in(headers: dict[str, str]) -> None:
    assert code(scope("POST", **headers)) is None
    assert code(scope("GET", **headers)) is None


def test_a_link_from_anywhere_may_be_followed_and_only_in_a_window_of_its_own() -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert code(scope("GET", **link)) is None
    assert code(scope("GET", **link | {"sec_fetch_dest": "iframe"})) == "FOREIGN_ORIGIN"
    assert code(scope("GET", **link | {"sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"})) == "FOREIGN_ORIGIN"
    assert code(scope("POST", **link)) == "FOREIGN_ORIGIN"


def test_a_server_answers_to_its_own_address_and_to_what_is_allowed_besides() -> None:
    named = Settings(env="dev", allowed_hosts="board.example.com, desk:8443").hosts_of("192.0.2.7")
    assert {host.name for host in named} == {
        "localhost", "127.0.0.1", "::1", "192.0.2.7", "board.example.com", "desk"
    }  # fmt: skip
    assert AllowedHost("127.0.0.1") in Settings(env="dev").hosts_of(EVERYWHERE)
    with pytest.raises(ValidationError, match="a host is a name or an address"):
        Settings(allowed_hosts="http://board.example.com")


@pytest.mark.parametrize("setting", ["host", "dagster_host"])
def test_a_server_binds_only_to_what_a_request_can_name(setting: str) -> None:
    for bound in ("localhost.", "http://localhost", "me@localhost", "localhost:5000:1"):
        with pytest.raises(ValidationError, match="a host is a name or an address"):
            Settings(env="dev", **{setting: bound})  # type: ignore[arg-type]
    for bound in ("", "::", EVERYWHERE, "fe80::1%eth0", "LOCALHOST"):
        assert getattr(Settings(env="dev", **{setting: bound}), setting) == bound  # type: ignore[arg-type]


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.7", "desk.example.com"])
def test_the_public_token_counts_on_loopback_alone(host: str) -> None:
    assert Settings(env="dev").require_admin_token() == "dev-admin-secret"
    assert Settings(env="dev").takes_public_token
    assert Settings(env="dev", host="::1").takes_public_token
    for given in (None, SecretStr("dev-admin-secret"), SecretStr("short")):
        reachable = Settings(env="dev", host=host, admin_token=given)
        assert not reachable.takes_public_token
        with pytest.raises(WeakSecret, match=f"HOST={host}, which other machines can reach"):
            reachable.require_admin_token()
    assert Settings(env="dev", host=host, admin_token=STRONG).require_admin_token() == STRONG.get_secret_value()


def test_a_writable_dagster_stays_on_loopback() -> None:
    Settings(dagster_writable=True).require_closed_doors()
    Settings(dagster_host=EVERYWHERE).require_closed_doors()
    with pytest.raises(OpenDoor, match="Dagster has no login"):
        Settings(dagster_writable=True, dagster_host=EVERYWHERE).require_closed_doors()
