"""Readiness on a database that was never migrated."""

import pytest
from sqlalchemy import Engine, text

from api.app import create_app
from services.desk import Desk
from tests.harness.client import Client


@pytest.fixture
def client(desk: Desk, owner: Engine) -> Client:
    """The API over a database without a single table of ours."""
    with owner.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
    return Client(create_app(desk))


def test_a_database_without_tables_is_not_ready_and_says_which_migrations_are_missing(client: Client) -> None:
    late = client.get("/readyz")
    assert (late.status_code, late.json()["code"]) == (503, "NOT_READY")
    assert "migrations: pending: 0001" in late.json()["detail"]
    answer = client.get("/api/health").json()
    assert [(check["name"], check["passed"]) for check in answer["checks"]] == [
        ("database", True),
        ("migrations", False),
    ]


def test_the_vital_signs_of_a_database_without_tables_are_readable(client: Client) -> None:
    answer = client.get("/api/vitals").json()
    assert (answer["ready"], answer["verdicts"], answer["room"], answer["lastTick"]) == (False, None, None, None)
