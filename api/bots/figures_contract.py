"""The JSON of figures: a field for every figure of the list in `trading/figures/declared.py`.

Belongs here: what a figure is called and how it is typed on the wire. Does not belong here: what a figure is.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasPath, BeforeValidator, Field, create_model

from api.edge.contract import Spoken
from trading.figures.declared import FIGURES, MICROS, Form, word_of
from trading.money import usd_float
from trading.words import camel


def _dollars(micros: int | None) -> float | None:
    return None if micros is None else usd_float(micros)


def with_figures(book: type[Spoken]) -> type[Spoken]:
    """Return a contract with every figure after what its class declares, and before when it was computed."""
    own: dict[str, Any] = {name: (field.annotation, field) for name, field in book.model_fields.items()}
    last = {"computed_at": own.pop("computed_at")} if "computed_at" in own else {}
    figures = {word_of(name): _field(name) for name in FIGURES}
    return create_model(book.__name__, __base__=Spoken, __doc__=book.__doc__, **own, **figures, **last)


def _field(name: str) -> Any:
    kind: Any = int | None if FIGURES[name].form is Form.COUNT else float | None
    if name.endswith(MICROS):
        kind = Annotated[kind, BeforeValidator(_dollars)]
    return kind, Field(validation_alias=AliasPath("figures", name), serialization_alias=camel(word_of(name)))


@with_figures
class FiguresAnswer(Spoken):
    """Figures of the bot's current book since its baseline; null where unknown.

    Those of a backtest are of `generation`, in sample where it was chosen on days that they cover.
    """

    book: str
    since: datetime | None
    sessions: int | None
    data_source: str | None
    generation: int | None
    in_sample: bool
    bust_at: datetime | None
    computed_at: datetime | None
