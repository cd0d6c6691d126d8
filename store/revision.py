"""Whether the database stands where this code left it, asked in two short statements.

Belongs here: comparing the revision a database has with the newest one this code knows. Does not belong here: migrating
and which revisions are missing (`provision.py`), which needs Alembic and a quarter of a second to load it.
"""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

VERSIONS = Path(__file__).parent / "migrations" / "versions"


def newest_revision() -> str:
    """Return the newest revision this code knows; a migration's file is named by its revision and what it brings."""
    return max(path.stem.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py"))


def is_at_newest_revision(session: Session) -> bool:
    """Return whether the database has the newest revision; False too where it was never migrated."""
    if session.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return False
    return session.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [newest_revision()]
