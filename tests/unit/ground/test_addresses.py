"""Database addresses: one owner's address becomes three, and a wrong one is refused without showing its password."""

from typing import Any

import pytest
from pydantic import SecretStr

from gateways.postgres import connect_urls, postgres_url
from gateways.settings import Settings
from trading.errors import BadInput

OWNER = "postgres://owner:s3cret-word@db.example:6432/ledger"


def settings_with(**addresses: str) -> Settings:
    secrets: dict[str, Any] = {name: SecretStr(address) for name, address in addresses.items()}
    return Settings(env="test", **secrets)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_spelling_means_the_same_driver(scheme: str) -> None:
    assert postgres_url(f"{scheme}://u@h/d").drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nonsense s3cret-word", "must look like postgresql://"),
        ("postgresql://u:s3cret-word@h:port/d", "must look like postgresql://"),
        ("mysql://u:s3cret-word@h/d", "must be a PostgreSQL address, was mysql"),
        ("postgresql://u:s3cret-word@h", "must name a database"),
        ("", "must look like postgresql://"),
    ],
)
def test_a_wrong_address_is_refused_by_name_and_never_shown(address: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=f"^DATABASE_URL {sentence}") as refusal:
        postgres_url(address)
    assert "s3cret-word" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_an_address_gets_a_time_limit_unless_it_has_one() -> None:
    assert postgres_url("postgresql://u@h/d").query["connect_timeout"] == "5"
    assert postgres_url("postgresql://u@h/d?connect_timeout=1").query["connect_timeout"] == "1"


def test_one_address_becomes_three_with_passwords_of_their_own() -> None:
    urls = connect_urls(settings_with(database_url=OWNER))
    assert [url.username for url in (urls.owner, urls.app, urls.dagster)] == ["owner", "proving_app", "proving_dagster"]
    assert len({str(url.password) for url in (urls.owner, urls.app, urls.dagster)}) == 3
    assert urls == connect_urls(settings_with(database_url=OWNER)), "every machine derives the same"
    assert urls.dagster.drivername == "postgresql+psycopg2"


def test_a_process_that_was_given_only_its_own_address_knows_no_owner() -> None:
    whole = connect_urls(settings_with(database_url=OWNER))
    app = whole.app.render_as_string(hide_password=False)
    dagster = whole.dagster.render_as_string(hide_password=False)
    withheld = connect_urls(settings_with(app_database_url=app, dagster_pg_url=dagster))
    assert withheld.owner == withheld.app == whole.app
    assert withheld.dagster == whole.dagster
    assert all(
        "s3cret-word" not in url.render_as_string(hide_password=False) for url in (withheld.app, withheld.dagster)
    )
