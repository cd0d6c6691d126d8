"""Who is let in: behind the door of the admin token it is known who acts, and elsewhere nobody does."""

import pytest
from fastapi import APIRouter, FastAPI

from api.edge.deps import Acting, AdminRoute, Admission
from api.edge.given import give
from tests.harness.client import ADMIN, TOKEN, Client

here = APIRouter()
behind_the_door = APIRouter(route_class=AdminRoute)


@here.get("/open")
@behind_the_door.get("/admin")
def who(actor: Acting) -> list[str]:
    return [actor.kind, str(actor)]


@pytest.fixture
def caller() -> Client:
    app = FastAPI()
    give(app, Admission(TOKEN))
    for router in (here, behind_the_door):
        app.include_router(router)
    return Client(app)


def test_whoever_shows_the_token_acts_as_a_person_the_api_let_in(caller: Client) -> None:
    assert caller.get("/admin", headers=ADMIN).json() == ["PERSON", "admin"]
    assert caller.get("/admin", headers={"X-Admin-Token": "guess"}).status_code == 401


def test_nobody_acts_where_no_proof_was_asked_for_even_if_it_is_shown(caller: Client) -> None:
    assert caller.get("/open", headers=ADMIN).status_code == 500
