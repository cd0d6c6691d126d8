"""Every page of the terminal: its address, its key, its template, its modules.

Belongs here: one entry a page. Does not belong here: serving them (`shell.py`), what a page does (`static/js`).
"""

from dataclasses import dataclass

COMMON = ("shell", "dom", "format")
KEYS_EVERYWHERE = (("U", "UTC or local time"), ("?", "These keys"))


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
        charts: Whether it draws charts.
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
    charts: bool = False


BOARD = Page(
    path="/",
    name="Bots",
    template="board.html",
    script="main",
    modules=("badge", "store", "live", "table", "strip", "reset", "drawer", "spark"),
    key="1",
    keys=(
        ("/", "Filter"),
        ("↑ ↓  j k", "Previous and next row"),
        ("PgUp PgDn Home End", "Far rows"),
        ("↵", "Open the bot"),
        ("S", "Sort by the next column"),
        ("R", "Reset metrics"),
        ("Esc", "Close, or clear the filter"),
    ),
    foot_keys=(("/", "filter"), ("↑↓", "row"), ("↵", "open"), ("S", "sort"), ("R", "reset"), ("Esc", "back")),
    charts=True,
)
BOT = Page(
    path="/bots/{bot_id}",
    name="Bot",
    template="bot.html",
    script="bot",
    modules=("badge", "store", "live", "panels", "ledger", "chart", "lineage", "marks", "reasons"),
    keys=(
        ("← →", "Previous and next book"),
        ("[ ]", "Previous and next bot, by name"),
        ("L", "Equity, or the shown figure over time"),
        ("T", "Trades or sessions"),
        ("H", "Why, audit trail, verification"),
        ("Esc", "Back to the board"),
    ),
    foot_keys=(("← →", "book"), ("[ ]", "bot"), ("L", "chart"), ("T", "ledger"), ("H", "history"), ("Esc", "back")),
    styles=("bot",),
    charts=True,
)
SITE: tuple[Page, ...] = (BOARD, BOT)
TABS: tuple[Page, ...] = tuple(sorted((page for page in SITE if page.key), key=lambda page: page.key or ""))
