"""How long a request waited for the database, for those who answer it.

Belongs here: the way to the stopwatch for storeys that never touch the store. Does not belong here: the stopwatch
(`store/timing.py`), who shows the figure.
"""

from store.database import Database
from store.timing import database_time as database_time
from store.timing import watch


def watch_database(sessions: Database) -> None:
    """Time every statement of these sessions' engine from now on; safe to call again."""
    watch(sessions.kw["bind"])
