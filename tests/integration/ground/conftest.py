"""What tests of the ground may ask for besides: a fleet with a past."""

import pytest
from sqlalchemy import Engine

from services.desk import Desk
from tests.harness.clocks import FixedClock
from tests.integration.ground.old_fleet import grow_old


@pytest.fixture
def old_fleet(stocked_desk: Desk, clock: FixedClock, owner: Engine) -> Desk:
    """A desk over a fleet with years behind it; some 280,000 rows, which take about fifteen seconds."""
    grow_old(stocked_desk, clock=clock, owner=owner)
    return stocked_desk
