"""The desk: what every use case works with.

Belongs here: the bundle of database, clock, bar store and settings, and how it is put together. Does not belong here:
anything that does work.
"""

from dataclasses import dataclass

from gateways.clock import Clock, system_clock
from gateways.postgres import APP_ROLE, DAGSTER_ROLE, DAGSTER_SCHEMA, DatabaseUrls, connect_urls, role_password
from gateways.settings import Settings
from store.database import Database, connect, reading, session_factory
from store.market.bars import BarStore
from store.revision import is_at_newest_revision
from trading.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Desk:
    """The counterparties of a use case.

    Attributes:
        database: Opens transactions as the application role.
        clock: Tells the time; tests give a fixed one.
        bars: Where market data is kept.
        settings: The validated environment.
    """

    database: Database
    clock: Clock
    bars: BarStore
    settings: Settings


def open_desk(settings: Settings, urls: DatabaseUrls, *, clock: Clock = system_clock, pool_size: int = 5) -> Desk:
    """Return a desk that connects as the application role; nothing is opened until it is used."""
    database = session_factory(connect(urls.app, pool_size=pool_size))
    return Desk(database=database, clock=clock, bars=BarStore(settings.bars_dir), settings=settings)


def desk_at_hand(settings: Settings, *, pool_size: int = 5) -> Desk:
    """Return a desk over the database the environment names, preparing it where this process may.

    A process that owns the database also migrates it; one that was given only the application's address does not.

    Raises:
        Unavailable: the server cannot be reached.
    """
    urls = connect_urls(settings)
    if urls.owner != urls.app:
        prepare_database(urls)
    return open_desk(settings, urls, pool_size=pool_size)


def is_prepared(desk: Desk) -> bool:
    """Return whether the desk's database is there and migrated to what this code needs; nothing is raised."""
    try:
        with reading(desk.database) as db:
            return is_at_newest_revision(db)
    except Unavailable:
        return False


def prepare_database(urls: DatabaseUrls) -> None:
    """Create and migrate the database as its owner; safe to run again and side by side.

    Raises:
        Unavailable: the server cannot be reached or the owner may not do it.
    """
    from store.provision import provision

    roles = {role: role_password(urls.owner, role) for role in (APP_ROLE, DAGSTER_ROLE)}
    provision(urls.owner, roles=roles, dagster_role=DAGSTER_ROLE, dagster_schema=DAGSTER_SCHEMA)
