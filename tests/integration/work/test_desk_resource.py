"""The desk as Dagster's Resources page shows it, and as a code location may set it."""

from pathlib import Path

import dagster as dg
import pytest

from gateways.postgres import DatabaseUrls
from orchestration import desk_resource
from orchestration.definitions import defs
from orchestration.desk_resource import DeskResource, process_desk
from services.desk import Desk
from tests.harness.known import known


def test_its_fields_are_typed_and_explain_themselves() -> None:
    resource = defs.get_repository_def().get_top_level_resources()["desk"]
    fields = known(resource.config_schema.config_type).fields  # type: ignore[attr-defined]
    assert sorted(fields) == ["concurrency_backtest", "concurrency_evolve", "concurrency_improve", "proving_home"]
    assert all(field.description for field in fields.values())


def test_a_run_is_handed_the_desk_that_the_fields_ask_for(
    urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", urls.owner.render_as_string(hide_password=False))
    monkeypatch.setattr(desk_resource, "backends_follow", lambda _: None)
    process_desk.cache_clear()
    seen: list[Desk] = []

    @dg.asset
    def looking(desk: dg.ResourceParam[Desk]) -> None:
        seen.append(desk)

    resource = DeskResource(proving_home=str(tmp_path), concurrency_evolve=7)
    for _ in range(2):
        assert dg.materialize([looking], resources={"desk": resource}).success
    assert seen[0] is seen[1]
    assert (seen[0].settings.proving_home, seen[0].settings.concurrency_evolve) == (tmp_path, 7)
    seen[0].database.kw["bind"].dispose()
    process_desk.cache_clear()
