"""Answers made of rows: each field declared once, where the row is; a contract says only what differs on the wire."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from api.edge.contract import Spoken


class FillRow(NamedTuple):
    """A row as a statement returns it."""

    id: int
    price_usd: Decimal | None
    job_id: int
    trading_on: list[str]

    @property
    def words(self) -> str:
        return f"fill {self.id}"


@dataclass(frozen=True)
class Priced:
    fill: FillRow
    net_usd: Decimal


class FillAnswer(Spoken, of=FillRow, without=("job_id",), before="trading_on"):
    """A fill."""

    words: str


class NamedFillAnswer(FillAnswer, of=FillRow):
    """A fill and its job."""

    name: str


class PricedAnswer(Spoken, of=Priced):
    """A fill and what it came to."""

    fill: FillAnswer


ROW = FillRow(7, Decimal("0.10"), 9, ["2026-03-02"])


def types(answer: type[Spoken]) -> dict[str, Any]:
    return {name: field.annotation for name, field in answer.model_fields.items()}


def test_an_answer_has_the_fields_of_its_row_in_their_order_and_its_own_where_it_says() -> None:
    assert types(FillAnswer) == {"id": int, "price_usd": float | None, "words": str, "trading_on": list[str]}
    assert FillAnswer.model_validate(ROW).model_dump_json() == (
        '{"id":7,"priceUsd":0.1,"words":"fill 7","tradingOn":["2026-03-02"]}'
    )


def test_dollars_that_are_exact_in_a_row_are_required_numbers_on_the_wire() -> None:
    schema = FillAnswer.model_json_schema()
    assert schema["properties"]["priceUsd"]["anyOf"] == [{"type": "number"}, {"type": "null"}]
    assert schema["required"] == ["id", "priceUsd", "words", "tradingOn"]


def test_an_answer_built_on_another_adds_what_that_one_left_out() -> None:
    assert list(types(NamedFillAnswer)) == ["id", "price_usd", "words", "trading_on", "job_id", "name"]


def test_what_an_answer_declares_itself_stands_in_the_place_of_the_rows_field() -> None:
    declared: dict[str, Any] = {"fill": FillAnswer, "net_usd": float}
    assert types(PricedAnswer) == declared
    answer = PricedAnswer.model_validate(Priced(ROW, Decimal("1.25")))
    assert answer.model_dump()["fill"]["words"] == "fill 7"


def test_an_answer_cannot_be_without_a_field_its_row_never_had() -> None:
    with pytest.raises(TypeError, match="FillRow has no bot_id, symbol"):
        type("Odd", (Spoken,), {}, of=FillRow, without=("symbol", "bot_id", "id"))


def test_an_answer_cannot_stand_before_a_field_its_row_never_had() -> None:
    with pytest.raises(ValueError, match="symbol"):
        type("Odd", (Spoken,), {"__annotations__": {"words": str}}, of=FillRow, before="symbol")
