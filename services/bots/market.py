"""The market of a fleet: bars for every symbol its bots trade.

Belongs here: which symbols have none, and having them simulated. Does not belong here: the simulator and what it
plants (`services/market/plants.py`).
"""

from services.desk import Desk
from services.market.plants import simulate_with_edges
from services.progress import Progress, silent
from services.work.under_way import LongWork, telling
from store.bots import registry
from store.database import transaction
from store.market.bars import BarSeries
from store.work.under_way import WorkKind


def ensure_market(desk: Desk, *, run_id: str | None = None, progress: Progress = silent) -> list[BarSeries]:
    """Simulate a market that ends today for every symbol of the fleet without bars; return every series there is.

    PLANTED_EDGES says in which of them an edge is planted; what has bars keeps them.

    Raises:
        Unavailable: the bar store cannot be written.
    """
    known = {series.symbol for series in desk.bars.series()}
    with transaction(desk.database) as db:
        missing = [symbol for symbol in registry.symbols(db) if symbol not in known]
    if missing:
        work = LongWork(kind=WorkKind.SIMULATION, title="Simulated market", run_id=run_id)
        with telling(desk, work, progress=progress) as tell:
            simulate_with_edges(desk, missing, plants=desk.settings.plants, progress=tell)
    return desk.bars.series()
