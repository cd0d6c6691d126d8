"""Waiting for others to wait: when a race has come to the point where somebody is blocked."""

from sqlalchemy import Engine, text


def wait_until_blocked(owner: Engine) -> None:
    """Return once a connection of the application waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'proving_app' AND wait_event_type = 'Lock'"
        " AND datname = current_database()"
    )
    with owner.connect() as connection:
        for _ in range(5_000):
            if connection.execute(waiting).scalar_one():
                return
            connection.execute(text("SELECT pg_sleep(0.002)"))
            connection.rollback()
    raise AssertionError("nobody waits for a lock")
