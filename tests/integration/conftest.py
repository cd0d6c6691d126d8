"""What every integration test may ask for: a database of its own, a desk over it, a client of the API."""

import pytest

from services.desk import Desk
from tests.harness.client import Client
from tests.harness.database import bar_store, clock, desk, migrate, owner, server_url, settings, stocked_desk, urls

__all__ = ["bar_store", "clock", "desk", "migrate", "owner", "server_url", "settings", "stocked_desk", "urls"]


@pytest.fixture
def client(desk: Desk) -> Client:
    """A client over the desk; a module whose pages need bars has its own."""
    from api.app import create_app  # takes two seconds, which tests without a client need not wait

    return Client(create_app(desk))
