"""Every setting of the platform, read once from the environment.

Belongs here: names, defaults, bounds, and the refusal of weak secrets. Does not belong here: who uses a setting.
"""

import hmac
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from trading.errors import Refused

PROJECT_ROOT = Path(__file__).resolve().parents[1]
DEV_ADMIN_TOKEN = "dev-admin-secret"  # noqa: S105 - public on purpose, accepted only when ENV=dev
MIN_SECRET_LENGTH = 24
WEAK_SECRETS = frozenset({DEV_ADMIN_TOKEN, "admin", "secret", "password", "changeme", "change-me", "token", "test"})


class WeakSecret(Refused):
    """A secret is missing, well known or too short for anything but a developer's machine."""

    code = "WEAK_SECRET"


class Settings(BaseSettings):
    """The environment, validated. Field names in capitals are the variables' names."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, ignored_types=(cached_property,))

    env: Literal["dev", "test", "prod"] = "prod"
    admin_token: SecretStr | None = None
    proving_home: Path = PROJECT_ROOT / ".proving"
    database_url: SecretStr | None = None
    app_database_url: SecretStr | None = None
    dagster_pg_url: SecretStr | None = None

    host: str = "127.0.0.1"
    api_port: int = Field(default=5000, ge=1, le=65_535)
    webserver_port: int = Field(default=3000, ge=1, le=65_535)
    code_server_port: int = Field(default=4266, ge=1, le=65_535)

    concurrency_backtest: int = Field(default=2, ge=1, le=64)
    concurrency_improve: int = Field(default=1, ge=1, le=64)
    concurrency_evolve: int = Field(default=1, ge=1, le=64)
    concurrency_per_symbol: int | None = Field(default=None, ge=1, le=64)
    fleet_size: int = Field(default=360, ge=1, le=100_000)
    run_nice: int = Field(default=0, ge=0, le=19)
    tick_seconds: int = Field(default=9, ge=1, le=300)

    simulator_seed: int = Field(default=20_260_101, ge=0)
    simulator_years: int = Field(default=2, ge=1, le=20)

    @property
    def bars_dir(self) -> Path:
        """Folder of the bar store."""
        return self.proving_home / "bars"

    @property
    def proofs_dir(self) -> Path:
        """Folder of the proof packs."""
        return self.proving_home.resolve() / "proofs"

    @property
    def postgres_dir(self) -> Path:
        """Data folder of the embedded PostgreSQL."""
        return self.proving_home / "postgres"

    @property
    def audit_anchor(self) -> Path:
        """File that remembers the head of the audit chain outside the database."""
        return self.proving_home / "audit-head.jsonl"

    @property
    def shown_host(self) -> str:
        """The host a person on this machine types; listening everywhere includes 127.0.0.1."""
        return "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - shown, not bound

    @property
    def public_url(self) -> str:
        """Where a person on this machine finds the API."""
        return f"http://{self.shown_host}:{self.api_port}"

    def require_admin_token(self) -> str:
        """Return the admin token the API compares with.

        Raises:
            WeakSecret: outside ENV=dev, when it is missing, well known or under 24 characters.
        """
        given = self.admin_token.get_secret_value() if self.admin_token else None
        if self.env == "dev":
            return given or DEV_ADMIN_TOKEN
        if not given:
            raise WeakSecret(f"ADMIN_TOKEN must be set when ENV={self.env}")
        if _is_weak(given):
            raise WeakSecret(
                f"ADMIN_TOKEN must be a secret of {MIN_SECRET_LENGTH} or more characters when ENV={self.env}"
            )
        return given


def _is_weak(secret: str) -> bool:
    well_known = any(hmac.compare_digest(secret.lower().encode(), weak.encode()) for weak in WEAK_SECRETS)
    return well_known or len(secret) < MIN_SECRET_LENGTH or len(set(secret)) < MIN_SECRET_LENGTH // 4
