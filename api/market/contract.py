"""The JSON of series of bars, and of what an operator does about them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

from api.edge.contract import ReasonCode, Spoken
from services.market.choice import SeriesView

SeriesWord = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class SeriesAnswer(Spoken, of=SeriesView):
    """A series of bars: its span, the bots it serves, and why it is the one that is traded, or is not."""

    ground: str | None


class BarBody(BaseModel):
    """A wish to do something about series of bars; `all` stands for any symbol, timeframe or provider."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=False)

    symbol: SeriesWord
    timeframe: SeriesWord
    provider: SeriesWord
    reason_code: ReasonCode


class BarsAnswer(Spoken):
    """Every series of the bar store by symbol and timeframe, the one that is traded first."""

    data: list[SeriesAnswer]
