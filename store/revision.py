"""Whether the database stands where this code left it, asked in two short statements.

Belongs here: comparing the revision a database has with the newest one this code knows. Does not belong here: migrating
and which revisions are missing (`provision.py`), which needs Alembic and a quarter of a second to load it.
"""

import re
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

_FOLLOWS = re.compile(r'^down_revision[^"\n]*"(\w+)"', re.MULTILINE)
VERSIONS = Path(__file__).parent / "migrations" / "versions"


def newest_revision() -> str:
    """Return the newest revision this code knows: the one that none follows, whatever the files are numbered.

    A migration's file is named by its revision and what it brings.
    """
    migrations = list(VERSIONS.glob("[0-9]*.py"))
    followed = {match[1] for path in migrations if (match := _FOLLOWS.search(path.read_text("utf-8")))}
    return max({path.stem.partition("_")[0] for path in migrations} - followed)


def is_at_newest_revision(db: Session) -> bool:
    """Return whether the database has the newest revision; False too where it was never migrated."""
    if db.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return False
    return db.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [newest_revision()]
