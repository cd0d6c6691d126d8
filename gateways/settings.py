"""Every setting of the platform, read once from the environment.

Belongs here: names, defaults, bounds, and the refusal of weak secrets and open doors. Does not belong here: who uses a
setting.
"""

import hmac
import ipaddress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateways.cluster import ROOMS
from gateways.hosts import AllowedHost, allowed_host
from gateways.ports import WILDCARDS, own_addresses, reachable
from trading.errors import BadInput, Refused
from trading.market.plants import Plant, plants_of
from trading.strategies.memory import WARM_UP_TOLERANCE
from trading.work.jobs import Caps, JobType

PROJECT_ROOT = Path(__file__).resolve().parents[1]
DEV_ADMIN_TOKEN = "dev-admin-secret"  # noqa: S105 - public on purpose, accepted only when ENV=dev, on loopback
MIN_SECRET_LENGTH = 24
LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = ("localhost", LOOPBACK, "::1")
WEAK_SECRETS = frozenset({DEV_ADMIN_TOKEN, "admin", "secret", "password", "changeme", "change-me", "token", "test"})


class WeakSecret(Refused):
    """A secret is missing, well known or too short for anything but a developer's machine."""

    code = "WEAK_SECRET"


class OpenDoor(Refused):
    """What has no login is asked to listen where others can reach it."""

    code = "OPEN_DOOR"


class Settings(BaseSettings):
    """The environment, validated. Field names in capitals are the variables' names."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, ignored_types=(cached_property,))

    env: Literal["dev", "test", "prod"] = "prod"
    admin_token: SecretStr | None = None
    proving_home: Path = PROJECT_ROOT / ".proving"
    embedded_dir: Path = ROOMS
    database_url: SecretStr | None = None
    app_database_url: SecretStr | None = None
    dagster_pg_url: SecretStr | None = None

    host: str = LOOPBACK
    allowed_hosts: str | None = None
    api_port: int = Field(default=5000, ge=1, le=65_535)
    dagster_host: str = LOOPBACK
    dagster_writable: bool = False
    dagster_public_events: bool = False
    webserver_port: int = Field(default=3000, ge=1, le=65_535)
    code_server_port: int = Field(default=4266, ge=1, le=65_535)

    concurrency_backtest: int = Field(default=2, ge=1, le=64)
    concurrency_improve: int = Field(default=1, ge=1, le=64)
    concurrency_evolve: int = Field(default=1, ge=1, le=64)
    concurrency_per_symbol: int | None = Field(default=None, ge=1, le=64)
    fleet_size: int = Field(default=360, ge=1, le=100_000)
    run_nice: int = Field(default=0, ge=0, le=19)
    tick_seconds: int = Field(default=9, ge=1, le=300)

    warm_up_tolerance: float = Field(default=WARM_UP_TOLERANCE, ge=1e-12, le=0.01)
    simulator_seed: int = Field(default=20_260_101, ge=0, lt=2**63)
    simulator_years: int = Field(default=2, ge=1, le=20)
    planted_edges: str = "MES=OPENING_RANGE:16,MCL=OPENING_RANGE:16,MNQ=MOMENTUM:20"

    @property
    def plants(self) -> dict[str, Plant]:
        """What the simulator plants in a new market, by symbol."""
        return plants_of(self.planted_edges)

    @property
    def caps(self) -> Caps:
        """How much work of each kind may run at once: the one limit planner, claims and Dagster keep."""
        running = {
            JobType.BACKTEST: self.concurrency_backtest,
            JobType.IMPROVE: self.concurrency_improve,
            JobType.EVOLVE: self.concurrency_evolve,
        }
        return Caps(running=running, per_symbol=self.concurrency_per_symbol)

    @property
    def bars_dir(self) -> Path:
        """Folder of the bar store."""
        return self.proving_home / "bars"

    @property
    def proofs_dir(self) -> Path:
        """Folder of the proof packs."""
        return self.proving_home.resolve() / "proofs"

    @property
    def lock_file(self) -> Path:
        """File that lets one platform run per folder, and tells how it was started."""
        return self.proving_home.resolve() / "up.lock"

    @property
    def postgres_dir(self) -> Path:
        """Where the platform looks for the files of the embedded PostgreSQL; as root this is a link."""
        return self.proving_home.resolve() / "postgres"

    @property
    def audit_anchor(self) -> Path:
        """File that remembers the head of the audit chain outside the database."""
        return self.proving_home / "audit-head.jsonl"

    @property
    def shown_host(self) -> str:
        """The host a person on this machine types; listening everywhere includes 127.0.0.1."""
        return _in_address(reachable(self.host))

    @property
    def public_url(self) -> str:
        """Where a person on this machine finds the API."""
        return f"http://{self.shown_host}:{self.api_port}"

    @property
    def dagster_url(self) -> str:
        """Where a person on this machine finds the Dagster UI."""
        return f"http://{_in_address(reachable(self.dagster_host))}:{self.webserver_port}"

    def without_secrets(self) -> dict[str, Any]:
        """Return what differs from the defaults, without secrets and the home, as the lock of a platform tells it."""
        secret = {"admin_token", "database_url", "app_database_url", "dagster_pg_url"}
        return self.model_dump(mode="json", exclude_defaults=True, exclude=secret | {"proving_home"})

    @property
    def on_loopback(self) -> bool:
        """Whether the API is out of reach for other machines."""
        return _is_loopback(self.host)

    @property
    def takes_public_token(self) -> bool:
        """Whether the admin token is the public one, so that nobody on this machine need type it."""
        return self.env == "dev" and self.on_loopback and self.admin_token in {None, SecretStr(DEV_ADMIN_TOKEN)}

    def hosts_of(self, bound: str) -> frozenset[AllowedHost]:
        """Return the hosts by which a server bound to an address may be named: loopback, it, and ALLOWED_HOSTS."""
        bound_to = own_addresses() if bound in WILDCARDS else (bound,)
        named = (*LOOPBACK_NAMES, *bound_to, *_listed(self.allowed_hosts))
        return frozenset(map(allowed_host, named))

    def require_admin_token(self) -> str:
        """Return the admin token the API compares with.

        Raises:
            WeakSecret: it is missing, well known or under 24 characters, and this is not ENV=dev on loopback.
        """
        given = self.admin_token.get_secret_value() if self.admin_token else None
        if self.env == "dev" and self.on_loopback:
            return given or DEV_ADMIN_TOKEN
        where = f"ENV={self.env}" if self.env != "dev" else f"HOST={self.host}, which other machines can reach"
        if not given:
            raise WeakSecret(f"ADMIN_TOKEN must be set when {where}")
        if _is_weak(given):
            raise WeakSecret(f"ADMIN_TOKEN must be a secret of {MIN_SECRET_LENGTH} or more characters when {where}")
        return given

    def require_closed_doors(self) -> None:
        """Refuse a writable Dagster UI where other machines can reach it: it has no login.

        Raises:
            OpenDoor: DAGSTER_WRITABLE is on and DAGSTER_HOST is not loopback.
        """
        if self.dagster_writable and not _is_loopback(self.dagster_host):
            raise OpenDoor(
                f"Dagster has no login: DAGSTER_WRITABLE needs DAGSTER_HOST={LOOPBACK}, was {self.dagster_host}"
            )

    @field_validator("host", "dagster_host")
    @classmethod
    def _nameable(cls, bound: str) -> str:
        if bound not in WILDCARDS:
            allowed_host(bound)
        return bound

    @field_validator("planted_edges")
    @classmethod
    def _plantable(cls, written: str) -> str:
        try:
            plants_of(written)
        except BadInput as refusal:
            raise ValueError(str(refusal)) from None
        return written

    @field_validator("allowed_hosts")
    @classmethod
    def _plain_hosts(cls, listed: str | None) -> str | None:
        for host in _listed(listed):
            allowed_host(host)
        return listed


def _listed(hosts: str | None) -> tuple[str, ...]:
    return tuple(host.strip() for host in (hosts or "").split(",") if host.strip())


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_weak(secret: str) -> bool:
    well_known = any(hmac.compare_digest(secret.lower().encode(), weak.encode()) for weak in WEAK_SECRETS)
    return well_known or len(secret) < MIN_SECRET_LENGTH or len(set(secret)) < MIN_SECRET_LENGTH // 4
