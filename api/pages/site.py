"""Every page of the terminal: its address, its key, its template, its modules.

Belongs here: one entry a page. Does not belong here: serving them (`shell.py`), what a page does (`static/js`).
"""

from dataclasses import dataclass
from typing import Literal

COMMON = ("shell", "switch", "silence", "admin", "token", "dom", "format", "tip", "about", "badge")
KEYS_EVERYWHERE = (("!", "Kill switch"), ("U", "UTC or local time"), ("?", "This help"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of the terminal.

    Attributes:
        path: Its address, as a route.
        name: What its tab and title say.
        template: Its template, which extends `shell.html`.
        script: The module the browser starts with.
        modules: Further modules it imports, so that the browser asks for all of them at once.
        key: The number key that opens it, which is also its place among the tabs; None for a page without a tab.
        keys: Its own keys and what they do, for the help.
        foot_keys: The keys worth a place at the foot.
        styles: Style sheets beyond the common ones.
        charts: Whether it draws charts, and asks for the library at once or when the first is drawn.
    """

    path: str
    name: str
    template: str
    script: str
    modules: tuple[str, ...] = ()
    key: str | None = None
    keys: tuple[tuple[str, str], ...] = ()
    foot_keys: tuple[tuple[str, str], ...] = ()
    styles: tuple[str, ...] = ()
    charts: Literal["none", "at once", "later"] = "none"


BOARD = Page(
    path="/",
    name="Bots",
    template="board.html",
    script="main",
    modules=(*("address", "archived", "badge", "files", "filter", "live", "spark", "store", "strip", "table"),),
    key="1",
    keys=(
        ("/", "Filter"),
        ("↑ ↓  j k", "Previous and next row"),
        ("PgUp PgDn Home End", "Far rows"),
        ("↵", "Open the bot; again, or a double click: its page"),
        ("S", "Sort by the next column"),
        ("R", "Reset metrics"),
        ("Esc", "Close what is on top: dialog, drawer, then clear the filter"),
    ),
    foot_keys=(("/", "filter"), ("↑↓", "row"), ("↵", "open"), ("S", "sort"), ("R", "reset"), ("Esc", "back")),
    charts="later",
)
BOT = Page(
    path="/bots/{bot_id}",
    name="Bot",
    template="bot.html",
    script="bot",
    modules=(
        *("store", "live", "panels", "ledger", "chart", "lineage", "marks", "reasons"),
        *("under_way", "sheet", "poll", "filter", "bot_acts"),
    ),
    keys=(
        ("M", "Rename, copy, pause, archive, edit the bot"),
        ("← →", "Previous and next book"),
        ("[ ]", "Previous and next bot, by name"),
        ("L", "Equity, or the shown figure over time"),
        ("T", "Trades or sessions"),
        ("H", "Why, audit trail, verification"),
        ("Esc", "Back to the board"),
    ),
    foot_keys=(
        ("← →", "book"),
        ("[ ]", "bot"),
        ("L", "chart"),
        ("T", "ledger"),
        ("H", "history"),
        ("M", "manage"),
        ("Esc", "back"),
    ),
    styles=("bot",),
    charts="at once",
)
ROW_KEYS = (("↑ ↓  j k", "Previous and next row"), ("↵", "Open the row"))
SHEETS = ("sheet", "cells", "poll", "live", "store", "filter")
DECISIONS = Page(
    path="/decisions",
    name="Decisions",
    template="decisions.html",
    script="decisions",
    modules=(*SHEETS, "folds"),
    key="2",
    keys=(("/", "Filter bots"), *ROW_KEYS, ("[ ]", "Newer and older tick"), ("Esc", "Clear the filter")),
    foot_keys=(("/", "filter"), ("[ ]", "tick"), ("↑↓", "row"), ("↵", "bot"), ("Esc", "clear")),
)
JOBS = Page(
    path="/jobs",
    name="Jobs",
    template="jobs.html",
    script="jobs",
    modules=(*SHEETS, "folds", "under_way"),
    key="3",
    keys=(("F", "All that ended, or only what failed"), ("N", "Older jobs")),
    foot_keys=(("F", "failed"), ("N", "older")),
)
HEALTH = Page(
    path="/health", name="Health", template="health.html", script="health", modules=(*SHEETS, "bar_acts"), key="4"
)
AUDIT = Page(
    path="/audit",
    name="Audit",
    template="audit.html",
    script="audit",
    modules=(*SHEETS, "folds"),
    key="5",
    keys=(
        ("/", "Filter"),
        *ROW_KEYS,
        ("V", "Verify the chain now"),
        ("N", "Older events"),
        ("Esc", "Clear the filter"),
    ),
    foot_keys=(("/", "filter"), ("↑↓", "row"), ("↵", "open"), ("V", "verify"), ("N", "older"), ("Esc", "clear")),
)
CANDIDATES = Page(
    path="/candidates",
    name="Candidates",
    template="candidates.html",
    script="candidates",
    modules=("sheet", "poll", "live", "store", "filter"),
    key="6",
    keys=(("/", "Filter bots"), *ROW_KEYS, ("Esc", "Clear the filter")),
    foot_keys=(("/", "filter"), ("↑↓", "row"), ("↵", "open"), ("Esc", "clear")),
)
DISCOVERIES = Page(
    path="/discoveries",
    name="Discoveries",
    template="discoveries.html",
    script="discoveries",
    modules=SHEETS,
    key="7",
    keys=ROW_KEYS,
    foot_keys=(("↑↓", "row"), ("↵", "bot")),
)
SITE: tuple[Page, ...] = (BOARD, BOT, DECISIONS, JOBS, HEALTH, AUDIT, CANDIDATES, DISCOVERIES)
TABS: tuple[Page, ...] = tuple(sorted((page for page in SITE if page.key), key=lambda page: page.key or ""))
