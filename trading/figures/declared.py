"""Every figure of a book, declared once: its columns, rebuild, recount and all that shows it are made from this list.

Belongs here: a figure's name, unit and type, how it is written, what it is and what empties it. Does not
belong here: how it is computed (the measure of the same name in `performance.py`), SQL, JSON.

A new figure is a measure in `performance.py`, a field here, and a migration that adds its column to
`backtest_sessions` and `bot_metrics_rollups`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, NamedTuple, get_type_hints

from trading.money import usd

if TYPE_CHECKING:  # the kernels behind it are slow to load, and the tables, which every command loads, read this list
    from trading.figures.performance import Performance

Exact = int | float | Decimal | None
MICROS, USD = "_micros", "_usd"


class Form(StrEnum):
    """How a figure is written; a fall is a loss without its sign."""

    DOLLARS = "dollars"
    FALL = "fall"
    PERCENT = "percent"
    FALL_PERCENT = "fallPercent"
    COUNT = "count"
    RATIO = "ratio"

    @property
    def places(self) -> int:
        """Decimals that pages show."""
        return {Form.COUNT: 0, Form.PERCENT: 1, Form.FALL_PERCENT: 1}.get(self, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What is said of one figure.

    Attributes:
        label: Its name on pages.
        about: What it is, and what empties it.
        form: How it is written.
        word: What requests and cards call it where that is not its name with its unit.
        needs_bars: Whether it is unknown in a stage book, which has trades and no bars of its own.
    """

    label: str
    about: str
    form: Form
    word: str | None = None
    needs_bars: bool = False


class Figures(NamedTuple):
    """The figures of one book since its baseline; None where unknown, all of them where nothing counts since."""

    net_pnl_micros: Annotated[
        int | None,
        Figure(
            label="Net P&L",
            about="What it earned since the reset in its stage's book, after commission and slippage, in $.",
            form=Form.DOLLARS,
            word="net_pnl",
        ),
    ] = None
    trades: Annotated[int | None, Figure(label="Trades", about="Closed trades since the reset.", form=Form.COUNT)] = (
        None
    )
    win_pct: Annotated[
        float | None,
        Figure(label="Win %", about="Share of its trades since the reset that earned.", form=Form.PERCENT),
    ] = None
    profit_factor: Annotated[
        float | None,
        Figure(label="Profit factor", about="Gains over losses; unknown while nothing was lost.", form=Form.RATIO),
    ] = None
    expectancy_usd: Annotated[
        float | None,
        Figure(label="Expectancy", about="Net P&L per trade, in $; unknown without trades.", form=Form.DOLLARS),
    ] = None
    max_drawdown_usd: Annotated[
        float | None,
        Figure(
            label="Max DD",
            about="Deepest fall of the account since the reset, from a peak at bar closes, in $ and in % of that peak.",
            form=Form.FALL,
        ),
    ] = None
    max_drawdown_pct: Annotated[
        float | None,
        Figure(
            label="Max DD %",
            about="Deepest fall of the account since the reset, in % of the peak it fell from.",
            form=Form.FALL_PERCENT,
        ),
    ] = None
    sharpe: Annotated[
        float | None,
        Figure(
            label="Sharpe",
            about="Mean over deviation of daily returns, annualised; unknown under 20 days.",
            form=Form.RATIO,
        ),
    ] = None
    sortino: Annotated[
        float | None,
        Figure(
            label="Sortino",
            about="Mean over downside deviation of daily returns, annualised; unknown under 20 days.",
            form=Form.RATIO,
        ),
    ] = None
    exposure_pct: Annotated[
        float | None,
        Figure(
            label="Exposure",
            about="Share of bars with a position; unknown in a stage book.",
            form=Form.PERCENT,
            needs_bars=True,
        ),
    ] = None
    average_trade_bars: Annotated[
        float | None,
        Figure(label="Bars a trade", about="Mean length of a trade in bars; unknown without trades.", form=Form.RATIO),
    ] = None
    calmar: Annotated[
        float | None,
        Figure(
            label="Calmar",
            about="Annualised return over the deepest fall; unknown under 20 days or while nothing fell.",
            form=Form.RATIO,
        ),
    ] = None


def word_of(name: str) -> str:
    """Return what requests and cards call a figure."""
    return FIGURES[name].word or at_rest(name)


def at_rest(name: str) -> str:
    """Return what a figure is called where money is exact dollars: in columns and in files."""
    return name.removesuffix(MICROS) + USD if name.endswith(MICROS) else name


def figures_of(performance: "Performance", *, has_bars: bool = True) -> Figures:
    """Return the figures of a record: of each the measure of its name, None where it needs bars that are not there."""
    return Figures._make(
        getattr(performance, name) if has_bars or not figure.needs_bars else None for name, figure in FIGURES.items()
    )


def exact(figures: Figures) -> dict[str, Exact]:
    """Return figures by their names at rest, money as exact dollars."""
    return {at_rest(name): _rested(name, value) for name, value in figures._asdict().items()}


def _rested(name: str, value: float | None) -> Exact:
    return usd(int(value)) if name.endswith(MICROS) and value is not None else value


def _declared() -> Mapping[str, Figure]:
    hints = get_type_hints(Figures, include_extras=True)
    return MappingProxyType({name: hints[name].__metadata__[0] for name in Figures._fields})


FIGURES: Mapping[str, Figure] = _declared()
"""What is said of each figure, by its name, in the order in which they stand everywhere."""
