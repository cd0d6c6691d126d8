"""Fixtures every kind of test may use. Fixtures of one room live beside its tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("proving", deadline=None)  # no test depends on wall-clock speed
settings.load_profile("proving")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data beside the repository, or a skip with the reason."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("PROVING_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real market data at {folder}; PROVING_DATA names another folder")
    return folder
