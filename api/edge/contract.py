"""The JSON of the HTTP contract: what every body and answer is made of, and the bounds of what goes in.

Belongs here: words and bounds that more than one wing speaks. Does not belong here: the answers of one wing (its
`contract.py`).
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from inspect import get_annotations
from operator import or_
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_type_hints
from uuid import UUID

from fastapi import Path, Query, Response
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_after_validator_function

from services.bots.fleet import SORTS
from trading.market.bars import TIMEFRAME_SECONDS

MAX_TARGETS = 10_000
UUID_TEXT = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
NOT_PLAIN_WORDS, NOT_AS_WRITTEN = "not_plain_words", "not_as_written"
SHOWN_TEXT = 60


@dataclass(frozen=True, slots=True)
class Written:
    """How a text is written, as a pattern for programs and in words for people, who are told it where they break it."""

    pattern: str
    words: str
    error: str = NOT_AS_WRITTEN

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check a text against the pattern, after it is known to be one."""
        return no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Tell programs the pattern."""
        return {**handler(schema), "pattern": self.pattern}

    def _checked(self, text: str) -> str:
        if re.fullmatch(self.pattern, text) is None:
            refused = {"words": self.words, "was": repr(text[:SHOWN_TEXT])}
            raise PydanticCustomError(self.error, "takes {words}, was {was}", refused)
        return text


def _one_of(words: Iterable[str]) -> str:
    return f"one of {', '.join(words)}"


Symbol = Annotated[str, Written(r"^[A-Z0-9]{1,8}$", "a symbol, 1 to 8 capitals and digits")]
Timeframe = Annotated[str, Written(f"^({'|'.join(TIMEFRAME_SECONDS)})$", _one_of(TIMEFRAME_SECONDS))]
Words = Annotated[
    str,
    Written(
        r"^[A-Za-z0-9 ._-]{0,60}$",
        "words to look for, up to 60 letters, digits, blanks, '.', '_' and '-', and no field:word or figure>number",
        NOT_PLAIN_WORDS,
    ),
]
Cursor = Annotated[str, Written(r"^[A-Za-z0-9_-]{1,400}$", "the nextCursor of the page before")]
ReasonCode = Annotated[
    str, Written(r"^[A-Z][A-Z0-9_]{2,63}$", "a reason code, 3 to 64 capitals, digits and '_', a capital first")
]
PlanHash = Annotated[str, Written(r"^[0-9a-f]{8,64}$", "the planHash of a dry run")]
IdempotencyKey = Annotated[
    str,
    Written(
        r"^[A-Za-z0-9][A-Za-z0-9._:-]{7,99}$",
        "8 to 100 letters, digits, '.', '_', ':' and '-', a letter or digit first",
    ),
]
Epoch = Annotated[str, Written(r"^[0-9a-f]{16}$", "the epoch of a snapshot of the board")]
BoardBots = Annotated[
    str,
    Written(f"^{UUID_TEXT}(,{UUID_TEXT}){{0,199}}$", "1 to 200 ids of bots, comma between"),
    Query(description="Ids, comma between"),
]
ResetScope = Literal["ALL", "BACKTEST_ONLY", "PAPER_ONLY", "LIVE_ONLY"]
Sort = Annotated[str, Written(f"^-?({'|'.join(SORTS)})$", f"{_one_of(SORTS)}, with - before it the other way round")]
BotId = Annotated[UUID, Path(description="A bot's id")]
PageLimit = Annotated[int, Query(ge=1, le=500)]
BIGGEST = 2**63 - 1
Before = Annotated[int | None, Query(ge=1, le=BIGGEST)]
After = Annotated[int | None, Query(ge=0, le=2**31 - 1)]
Code = Annotated[str, Written(r"^[A-Z][A-Z0-9_]{1,63}$", "a code, 2 to 64 capitals, digits and '_', a capital first")]
Plain = Annotated[
    str,
    Written(
        r"^[A-Za-z0-9][A-Za-z0-9 @:._/-]{0,119}$",
        "up to 120 letters, digits, blanks, '@', ':', '.', '_', '/' and '-', a letter or digit first",
    ),
]
PageSize = Annotated[int, Query(ge=1, le=200)]


class Spoken(BaseModel):
    """An answer: camelCase on the wire, made from the desk's own words.

    `class NeighbourAnswer(Spoken, of=Neighbour)` has a field for each of a row's, in its order and as the row declares
    it, but for those it is `without`. What the class declares itself stands for the row's field of that name; what the
    row has as a property, or not at all, follows after them, or stands `before` one of them.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, from_attributes=True, serialize_by_alias=True
    )

    def __init_subclass__(
        cls, *, of: type | None = None, without: Collection[str] = (), before: str | None = None, **config: Any
    ) -> None:
        """Take over the fields of a row, before the model is made of them."""
        super().__init_subclass__(**config)
        if of is not None:
            own, inherited = get_annotations(cls), get_type_hints(cls).keys()
            fields = fields_of(of, without=without)
            cls.__annotations__ = _merged(
                {name: hint for name, hint in fields.items() if name in own or name not in inherited}, own, before
            )

    @classmethod
    def reply(cls, columns: object) -> Response:
        """Return what was told as an answer: checked and written once, in the thread that asked for it.

        A model that a route returns is checked again, in another thread, and written on the event loop.
        """
        return Response(cls.model_validate(columns).model_dump_json(), media_type="application/json")


def fields_of(row: type, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Return the fields of a row with their types on the wire: exact dollars and prices go as numbers.

    Raises:
        TypeError: the row has no field of a name it is to be without.
    """
    declared = get_type_hints(row)
    if unknown := set(without) - declared.keys():
        raise TypeError(f"{row.__name__} has no {', '.join(sorted(unknown))}")
    return {name: _on_the_wire(hint) for name, hint in declared.items() if name not in without}


def _on_the_wire(hint: Any) -> Any:
    if isinstance(hint, UnionType):
        return reduce(or_, map(_on_the_wire, get_args(hint)))
    return float if hint is Decimal else hint


def _merged(fields: dict[str, Any], own: dict[str, Any], before: str | None) -> dict[str, Any]:
    """Put what a contract declares itself in the place of the row's field of that name, or before a field."""
    names = list(fields)
    added = [name for name in own if name not in fields]
    place = names.index(before) if before is not None else len(names)
    return {name: own.get(name, fields.get(name)) for name in (*names[:place], *added, *names[place:])}
