"""What an application was given when it was built, by its type: the desk, the live board, moments that are remembered.

Belongs here: putting it in and taking it out, typed. Does not belong here: what it is; each wing says what it wants.
"""

from typing import TypeVar

from fastapi import FastAPI
from starlette.requests import HTTPConnection

Thing = TypeVar("Thing")


def give(app: FastAPI, *things: object) -> None:
    """Let an application hold things, one of each type."""
    held = {type(thing): thing for thing in things}
    app.state.given = {**getattr(app.state, "given", {}), **held}


def given(request: HTTPConnection, kind: type[Thing]) -> Thing:
    """Return the thing of a type that the application of a request holds.

    Raises:
        LookupError: it was given none.
    """
    held: dict[type, object] = request.app.state.given
    thing = held.get(kind)
    if not isinstance(thing, kind):
        raise LookupError(f"the application was given no {kind.__name__}")
    return thing
