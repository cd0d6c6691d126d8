"""The desk as a resource: what Dagster's Resources page shows of it, and what a person may set for a code location.

Belongs here: typed fields, one desk a process. Does not belong here: the settings themselves (`gateways.settings`),
which the environment names and which a field left empty follows.
"""

from functools import cache
from typing import Any

import dagster as dg
from pydantic import Field

from gateways.embedded import backends_follow
from gateways.settings import Settings
from services.desk import Desk, desk_at_hand


class DeskResource(dg.ConfigurableResource[Desk]):
    """Database, clock, bar store, settings: the counterparties of every use case, opened by the first run or tick."""

    proving_home: str | None = Field(
        default=None,
        description="Folder of bars, proofs and the embedded database; else PROVING_HOME.",
    )
    concurrency_backtest: int | None = Field(default=None, description="BACKTEST jobs at once; else the environment's.")
    concurrency_improve: int | None = Field(default=None, description="IMPROVE jobs at once; else the environment's.")
    concurrency_evolve: int | None = Field(default=None, description="EVOLVE jobs at once; else the environment's.")

    def create_resource(self, context: dg.InitResourceContext) -> Desk:
        """Return the process's desk.

        Raises:
            Unavailable: the server cannot be reached.
        """
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return process_desk(**{name: value for name, value in given.items() if value is not None})


@cache
def process_desk(**given: Any) -> Desk:
    """Return this process's one desk, opening (and where nobody did, preparing) the database."""
    settings = Settings(**given)
    backends_follow(settings.postgres_dir)
    return desk_at_hand(settings)
