"""What an application was given: by its type, or a refusal."""

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from api.edge.given import give, given


class Lamp:
    pass


class Chair:
    pass


def test_each_thing_is_found_by_its_type_and_what_was_not_given_is_named() -> None:
    app, lamp = FastAPI(), Lamp()
    give(app, lamp)
    give(app, "words")
    request = Request({"type": "http", "app": app})
    assert given(request, Lamp) is lamp
    assert given(request, str) == "words"
    with pytest.raises(LookupError, match="no Chair"):
        given(request, Chair)
