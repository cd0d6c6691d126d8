"""`/api/sessions/{id}`: the tear sheet of a session and its trades as a file.

Belongs here: routes, numbers as people read them. Does not belong here: what a sheet says
(`services/backtests/tear_sheets.py`).
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Path, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from api.edge.csv_files import CsvFile
from api.edge.deps import AtDesk
from api.edge.problems import documented
from api.pages.shell import PAGES, plain_frame
from services.backtests.tear_sheets import TRADE_FACTS, session_trades, tear_sheet
from trading.money import PRINTED_BOTH, dollars
from trading.words import fall_in_words, margin_in_words

SessionId = Annotated[UUID, Path(description="A backtest session's id")]
HEAT_STEPS = (0.25, 0.5, 0.75, 1.0)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UNKNOWN = "—"

router = APIRouter(prefix="/api/sessions", tags=["reports"])


@router.get("/{session_id}/report", response_class=HTMLResponse, responses=documented(404, 422))
def report(request: Request, desk: AtDesk, session_id: SessionId) -> Response:
    """Show the tear sheet of one session, drawn from stored rows only; it prints."""
    sheet = tear_sheet(desk, session_id)
    if sheet is None:
        raise HTTPException(404, f"there is no session {session_id}")
    page = TEMPLATES.get_template("report.html")
    return HTMLResponse(page.render(plain_frame(request.app), sheet=sheet, run=sheet.run))


@router.get("/{session_id}/trades.csv", response_class=CsvFile, responses=documented(404, 422))
def trades_file(desk: AtDesk, session_id: SessionId) -> Response:
    """List every trade of one session in entry order; dollars and prices are exact."""
    of_session = session_trades(desk, session_id)
    if of_session is None:
        raise HTTPException(404, f"there is no session {session_id}")
    rows = ([getattr(trade, name) for name in TRADE_FACTS] for trade in of_session[1])
    return CsvFile(f"trades-{session_id}.csv", TRADE_FACTS, rows)


def money(value: Any, *, cents: bool = True) -> str:
    """Return dollars with their sign, or a dash where unknown."""
    return UNKNOWN if value is None else dollars(value, places=2 if cents else 0, signs=PRINTED_BOTH)


def fall_usd(value: Any) -> str:
    """Return an account's deepest fall in dollars, or a dash where unknown."""
    return UNKNOWN if value is None else dollars(value)


def figure(value: Any, digits: int = 2, unit: str = "") -> str:
    """Return a number with its unit, or a dash where unknown."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}{unit}".replace("-", "−")


def fall_pct(value: Any) -> str:
    """Return an account's deepest fall in percent, or `bust` where it lost everything."""
    return UNKNOWN if value is None else fall_in_words(value, figure(value, 2, " %"))


def tone(value: Any) -> str:
    """Return the class of a number: up, down or flat."""
    if value is None or value == 0:
        return "flat"
    return "up" if value > 0 else "down"


def heat(value: Any, largest: Any) -> str:
    """Return the class of a month's P&L by its share of the largest: `heat-up-1` to `heat-down-4`."""
    if value is None or not largest or value == 0:
        return "flat"
    share = abs(float(value)) / float(largest)
    step = next(number for number, most in enumerate(HEAT_STEPS, start=1) if share <= most + 1e-12)
    return f"heat-{tone(value)}-{step}"


def words(code: Any) -> str:
    """Return a code such as END_OF_DATA as words."""
    return str(code).replace("_", " ").lower()


TEMPLATES = Environment(
    loader=FileSystemLoader(PAGES / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters |= {
    "money": money,
    "figure": figure,
    "fall_pct": fall_pct,
    "fall_usd": fall_usd,
    "tone": tone,
    "heat": heat,
    "words": words,
}
TEMPLATES.globals |= {"MONTHS": MONTHS, "margin_in_words": margin_in_words}
