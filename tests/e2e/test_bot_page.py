"""One bot's page in real Chromium: what it shows, how it follows the work, its keys, its files, both widths."""

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import update

from api.app import create_app
from gateways import proof_packs
from gateways.settings import Settings
from services.backtests.epochs import epoch_of
from services.backtests.workbench import open_workbench
from services.bots.records import bot_record
from services.bots.registration import short_id
from services.desk import Desk
from services.figures.rollups import rebuild_bots
from services.improvement.iterations import run_improvement
from store.tables import Bot, BotJob
from tests.e2e.lived import NAME, lived, shown_session
from tests.e2e.screen import STALE_TEXT, Screen, needs_chromium, violations
from tests.harness import factories
from tests.harness.client import TOKEN
from tests.harness.known import known
from tests.harness.serving import serving
from trading.days import on_day
from trading.work.reasons import in_words

pytestmark = needs_chromium


def cells(page: Page, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_text_contents()]


def inked(page: Page, chart: str) -> int:
    """Count the pixels of a chart that carry any colour."""
    counted: int = page.evaluate(
        """(chart) => {
            const canvas = document.querySelector(`${chart} canvas`);
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let inked = 0;
            for (let at = 3; at < data.length; at += 4) inked += data[at] > 40 ? 1 : 0;
            return inked;
        }""",
        chart,
    )
    return counted


def test_it_shows_what_the_rows_say_and_follows_the_work(stocked_desk: Desk, screen: Screen) -> None:
    bot_id = lived(stocked_desk)
    run = shown_session(stocked_desk, bot_id)
    page = screen.page
    with serving(create_app(stocked_desk)) as served:
        page.goto(f"{served.http}/bots/{bot_id}")
        expect(page.locator("#bot-name")).to_have_text(NAME)
        expect(page.locator("#link-words")).to_have_text("LIVE")
        expect(page.locator("#bot-now .badge")).to_have_text("Improving • #2")
        expect(page.locator("#bot-now .badge")).to_have_css("color", "rgb(127, 188, 255)")
        net = known(run.net_pnl_usd)
        sign = "-" if net < 0 else "+"
        expect(page.locator("#sum-net")).to_have_text(f"{sign}${abs(net):,.2f}")
        expect(page.locator("#count-trades")).to_have_text(f"{run.trades:,}")
        assert inked(page, "#chart-main") > 3_000
        assert inked(page, "#chart-fall") > 1_000
        page.locator("#bot-now .badge").hover()
        expect(page.locator("#tooltip")).to_have_text(re.compile(r"Running 1m \d+s • Attempt x1"))
        expect(page.locator("#gate-note")).to_have_text(re.compile(r"\d+ of 11 met"))
        expect(page.locator(".why-list .words").first).to_contain_text("the queue of that work is full")

        first, scrolled = page.locator(".trades-list tbody tr").count(), page.locator("#ledger")
        assert first < run.trades
        scrolled.evaluate("(node) => { node.scrollTop = node.scrollHeight; }")
        expect(page.locator(".trades-list tbody tr").nth(first + 1)).to_be_attached()

        page.locator(".descent-list .toggle").first.click()
        expect(page.locator(".descent-list .detail:visible")).to_contain_text("rsi_period")
        assert cells(page, ".descent-list .detail:visible .changes del")[0] == "14"
        assert cells(page, ".descent-list .detail:visible .changes ins")[0] == "9"

        page.keyboard.press("t")
        expect(page.locator("#tab-sessions")).to_have_attribute("aria-selected", "true")
        expect(page.locator(".sessions-list .divider")).to_contain_text("before the reset")
        expect(page.locator(".sessions-list a").first).to_have_attribute("href", f"/api/sessions/{run.id}/report")
        page.keyboard.press("h")
        expect(page.locator(".trail-list")).to_contain_text("METRICS_RESET")
        page.keyboard.press("h")
        expect(page.locator("#history")).to_contain_text(f'proving verify "{NAME}" --suite all')
        page.keyboard.press("l")
        expect(page.locator("#chart-title")).to_contain_text("as shown")
        assert inked(page, "#chart-main") > 1_000

        with stocked_desk.database.begin() as db:
            db.execute(
                update(BotJob)
                .where(BotJob.status == "RUNNING")
                .values(status="COMPLETED", completed_at=datetime.now(UTC))
            )
        expect(page.locator("#bot-now .badge")).to_be_hidden()
        expect(page.locator("#bot-now")).to_have_text("Idle")
        assert page.locator("text=/fresh/i").count() == 0
        assert screen.complaints == []


def test_its_record_is_a_chart_of_days_and_of_their_evidence(stocked_desk: Desk, screen: Screen) -> None:
    with stocked_desk.database.begin() as db:
        bot_id = factories.make_bot(db, id=UUID(int=1), archetype="trend_ema_cross").id
    page = screen.page
    with serving(create_app(stocked_desk)) as served:
        page.goto(f"{served.http}/bots/{bot_id}")
        page.locator("[data-mode=record]").click()
        expect(page.locator("#chart-empty")).to_contain_text("the first improve iteration of the bot begins it")
        assert run_improvement(stocked_desk, bot_id, run_id="improves").error is None
        record = bot_record(stocked_desk, bot_id)
        page.reload()
        page.locator("[data-mode=record]").click()
        expect(page.locator("#chart-note")).to_have_text(record.words)
        label = re.compile(f"Record of {len(record.trading_on)} days")
        expect(page.locator("#chart-main")).to_have_attribute("aria-label", label)
        expect(page.locator("#chart-legend")).to_contain_text("Traded byG1")
        assert inked(page, "#chart-main") > 3_000
        assert inked(page, "#chart-fall") > 1_000
        expect(page.locator("#book-figures")).to_contain_text("OfG1")
        trades = known(record.figures.trades)
        expect(page.locator("#book-figures")).to_contain_text(f"Trades{trades:,}")
        page.keyboard.press("l")
        expect(page.locator("#chart-title")).to_contain_text("Equity since reset")
        assert screen.complaints == []


def test_its_looks_are_a_sentence_and_a_table_newest_first(stocked_desk: Desk, screen: Screen) -> None:
    bot_id = lived(stocked_desk)
    page = screen.page
    with serving(create_app(stocked_desk)) as served:
        page.goto(f"{served.http}/bots/{bot_id}")
        page.locator("#tab-looks").click()
        expect(page.locator(".looks-left")).to_have_text("No day is sealed yet: its first search seals the newest.")
        expect(page.locator("#history .empty")).to_contain_text("A look judges a candidate against the newest")
        epoch = known(epoch_of(stocked_desk, open_workbench(stocked_desk, bot_id)))
        with stocked_desk.database.begin() as db:
            bot = db.get_one(Bot, bot_id)
            won = {"passed": True, "new_generation": 3, "p_value": 0.0004, "generation_number": 2, "statistic": 3.4}
            factories.make_look(db, bot, 2)
            factories.make_look(db, bot, 3, **won)
        page.reload()
        page.locator("#tab-looks").click()
        expect(page.locator(".looks-left")).to_contain_text("A look was won, which closed the epoch")
        assert cells(page, ".looks-list tbody tr td:nth-child(2)") == ["WON", "LOST"]
        assert cells(page, ".looks-list tbody tr td:nth-child(3)") == ["0.04 %", "11.83 %"]
        expect(page.locator(".looks-list .words").first).to_contain_text("G2 → G3")
        expect(page.locator(".looks-list .words").first).to_contain_text("2026-01-05 to 2026-03-31, 41 days active")
        expect(page.locator("#count-looks")).to_have_text("2")
        expect(page.locator("#descent-note")).to_contain_text("0 looks left")
        with stocked_desk.database.begin() as db:
            bot = db.get_one(Bot, bot_id)
            factories.make_generation(db, bot, generation_number=4, knows_until=on_day(epoch.days[-1]))
            curve: dict[str, Any] = {"equity_on": [on_day(epoch.days[0])], "equity_usd": [Decimal(50_000)]}
            bust: dict[str, Any] = {"bust_at": stocked_desk.clock(), "max_drawdown_pct": 61.0}
            factories.make_session(db, bot, generation_number=4, created_at=stocked_desk.clock(), **curve, **bust)
        rebuild_bots(stocked_desk, [bot_id])
        page.reload()
        expect(page.locator("#sum-net .in-sample")).to_have_text("IN SAMPLE")
        expect(page.locator("#book-figures")).to_contain_text("G4 IN SAMPLE")
        expect(page.locator("#book-figures")).to_contain_text("bust")
        page.locator("#tab-sessions").click()
        expect(page.locator(".sessions-list tbody tr:first-child .in-sample")).to_have_text("IN SAMPLE")
        expect(page.locator(".sessions-list .in-sample")).to_have_count(1)
        page.set_viewport_size({"width": 390, "height": 844})
        page.locator("#history").scroll_into_view_if_needed()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert screen.complaints == []


def test_the_board_says_whose_the_figures_of_each_bot_are(desk: Desk, screen: Screen) -> None:
    with desk.database.begin() as db:
        whose: tuple[tuple[str, dict[str, Any]], ...] = (
            ("Amber Adder", {"generation_number": 2, "in_sample": True}),
            ("Basil Bison", {"generation_number": 1, "max_drawdown_pct": 12.5}),
            ("Cedar Crane", {"generation_number": 2, "bust_at": desk.clock(), "max_drawdown_pct": 61.0}),
        )
        for name, over in whose:
            bot = factories.make_bot(db, name=name)
            factories.make_generation(db, bot)
            figures: dict[str, Any] = {"net_pnl_usd": Decimal("1234.56"), "trades": 9, "max_drawdown_usd": 900.0}
            db.add(factories.rollup(bot.id, **(figures | over)))
    with serving(create_app(desk)) as served:
        page = screen.page
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{served.http}/?sort=name")
        expect(page.locator(".row .name")).to_have_text(["Amber Adder", "Basil Bison", "Cedar Crane"])
        for mark, about, marked in (
            (".c-net.in-sample", "In sample: its generation was chosen on days", ["Amber Adder"]),
            (".c-gen.older", "Its figures are of an earlier generation", ["Basil Bison"]),
            (".share.down", "could no longer carry one contract", ["Cedar Crane"]),
        ):
            expect(page.locator(f".row:has({mark}) .name")).to_have_text(marked)
            page.locator(mark).hover()
            expect(page.locator("#tooltip")).to_contain_text(about)
        expect(page.locator(".row .share")).to_have_text(["4.2%", "12.5%", "bust"])
        page.locator(".row .name").first.click()
        expect(page.locator(".drawer")).to_contain_text("G2 IN SAMPLE")
        page.keyboard.press("Escape")
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert screen.complaints == []


def test_its_badge_follows_through_its_own_topic_without_the_board(
    stocked_desk: Desk,
    screen: Screen,
) -> None:
    bot_id = lived(stocked_desk)
    page = screen.page
    asked: list[str] = []
    sockets: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: sockets.append(socket.url))
    with serving(create_app(stocked_desk)) as served:
        page.goto(f"{served.http}/bots/{bot_id}")
        expect(page.locator("#link-words")).to_have_text("LIVE")
        expect(page.locator("#bot-now .badge .words")).to_contain_text("Improving")
        with stocked_desk.database.begin() as db:
            db.execute(update(BotJob).where(BotJob.status == "RUNNING").values(progress_pct=62.0))
        expect(page.locator("#bot-now")).to_contain_text("62%")
        with stocked_desk.database.begin() as db:
            ended = {"status": "COMPLETED", "completed_at": datetime.now(UTC)}
            db.execute(update(BotJob).where(BotJob.status == "RUNNING").values(**ended))
            factories.make_job(db, db.get_one(Bot, bot_id), attempt=2, created_at=datetime.now(UTC))
        expect(page.locator("#bot-now .badge.waiting .words")).to_have_text("Backtest queued • x2")
        assert sockets == [f"{served.ws}/ws/bots?topic=bot:{bot_id}"]
        assert any(url.endswith("/life") for url in asked)
        assert [url for url in asked if "/api/board" in url] == []

        with stocked_desk.database.begin() as db:
            canceled = {"status": "CANCELED", "completed_at": datetime.now(UTC)}
            db.execute(update(BotJob).where(BotJob.status == "QUEUED").values(**canceled))
            db.execute(update(Bot).where(Bot.id == bot_id).values(archived_at=datetime.now(UTC)))
        expect(page.locator("#bot-now")).to_have_text("Archived")
        expect(page.locator("#link-words")).to_have_text("LIVE")
        assert sockets[-1] == f"{served.ws}/ws/bots?topic=pulse"  # a late answer may have led back to the bot before

        page.reload()
        expect(page.locator("#bot-now")).to_have_text("Archived")
        expect(page.locator("#link-words")).to_have_text("LIVE")
        with stocked_desk.database.begin() as db:
            db.execute(update(Bot).where(Bot.id == bot_id).values(archived_at=None))
        factories.tick(stocked_desk)
        expect(page.locator("#bot-now")).to_have_text("Idle")
        expect(page.locator("#link-words")).to_have_text("LIVE")
        assert sockets[-1] == f"{served.ws}/ws/bots?topic=bot:{bot_id}"
        assert screen.complaints == []


def test_a_person_renames_edits_and_pauses_a_bot_on_its_page(stocked_desk: Desk, screen: Screen) -> None:
    with stocked_desk.database.begin() as db:
        bot_id = factories.make_bot(db, name=NAME).id
    page = screen.page
    with serving(create_app(stocked_desk)) as served:
        page.goto(f"{served.http}/bots/{bot_id}")
        expect(page.locator("#bot-name")).to_have_text(NAME)
        expect(page.locator("#foot-bars")).to_have_text("BARS SIMULATED")
        acted(page, "rename", lambda: page.locator("#act-name").fill("Quartz Shrike"))
        expect(page.locator("#bot-name")).to_have_text("Quartz Shrike")
        acted(page, "edit", lambda: page.locator("#act-stop_atr").fill("2.5"))
        expect(page.locator("#bot-traits")).to_contain_text("G2")
        acted(page, "pause", lambda: None)
        page.locator("#act-open").click()
        expect(page.locator("#act-kind option").first).to_have_text("Resume")
        expect(page.locator("#bot-now")).to_have_text("Paused")
        page.locator("#act-token").fill("wrong")
        page.locator("#act-do").click()
        expect(page.locator("#act-report")).to_contain_text("REFUSED")
        page.keyboard.press("Escape")
        page.locator("#tab-trail").click()
        for event in ("BOT_RENAMED", "BOT_EDITED", "BOT_PAUSED"):
            expect(page.locator("#history")).to_contain_text(event)


def test_the_keyboard_alone_pauses_and_resumes_a_bot(stocked_desk: Desk, screen: Screen) -> None:
    with stocked_desk.database.begin() as db:
        bot_id = factories.make_bot(db, name=NAME).id
    page = screen.page
    with serving(create_app(stocked_desk)) as served:
        page.goto(f"{served.http}/bots/{bot_id}")
        expect(page.locator("#bot-name")).to_have_text(NAME)
        page.keyboard.press("m")
        expect(page.locator("#act-kind")).to_be_focused()
        page.locator("#act-token").press_sequentially(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("#act-report .report-heading")).to_have_text("DONE — PAUSE")
        expect(page.locator("#act-kind")).to_have_value("resume")
        expect(page.locator("#act-report .report-heading")).to_have_text("DONE — PAUSE")
        page.locator("#act-token").press("Enter")
        expect(page.locator("#act-report .report-heading")).to_have_text("DONE — RESUME")
        page.keyboard.press("Escape")
        expect(page.locator("#act-dialog")).to_be_hidden()
        expect(page.locator("#act-token")).to_have_value("")
        assert screen.complaints == []


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_in_the_dialog_of_acts_and_it_fits(
    stocked_desk: Desk, screen: Screen, axe: Any, width: int
) -> None:
    with stocked_desk.database.begin() as db:
        bot_id = factories.make_bot(db, name=NAME).id
    page = screen.page
    page.set_viewport_size({"width": width, "height": 844})
    with serving(create_app(stocked_desk)) as served:
        page.goto(f"{served.http}/bots/{bot_id}")
        expect(page.locator("#bot-name")).to_have_text(NAME)
        page.locator("#act-open").click()
        for kind in ("pause", "edit"):
            page.locator("#act-kind").select_option(kind)
            assert violations(axe.run(page)) == []
            over = "(node) => [node.scrollWidth - node.clientWidth, node.getBoundingClientRect().right - innerWidth]"
            assert max(page.locator("#act-dialog").evaluate(over)) <= 0


def acted(page: Page, kind: str, fill: Callable[[], None]) -> None:
    """Do an act in the dialog and wait until it says that it is done."""
    page.locator("#act-open").click()
    page.locator("#act-kind").select_option(kind)
    fill()
    page.locator("#act-token").fill(TOKEN)
    page.locator("#act-do").click()
    expect(page.locator("#act-report .report-heading")).to_contain_text("DONE")
    trace = page.locator("#act-report .report-line", has_text="trace").locator(".report-words")
    whole = trace.get_attribute("title") or ""
    assert len(whole) > len(trace.text_content() or "") == 8, "a person reads the beginning"
    assert whole.startswith(trace.text_content() or "?")
    page.locator("#act-close").click()


def test_books_keys_files_and_the_way_there_and_back(stocked_desk: Desk, screen: Screen) -> None:
    bot_id = lived(stocked_desk)
    page = screen.page
    with serving(create_app(stocked_desk)) as served:
        page.goto(served.http)
        page.locator("#filter").fill("quartz")
        expect(page.locator(".spacer .row:visible")).to_have_count(1)
        with page.expect_download() as download:
            page.locator("#board-csv").click()
        rows = list(csv.DictReader(StringIO(Path(download.value.path()).read_text("utf-8"))))
        assert [row["name"] for row in rows] == [NAME]
        page.locator("#rows").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("#drawer-page")).to_have_attribute("href", f"/bots/{bot_id}")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{served.http}/bots/{bot_id}")

        expect(page.locator("#book-BACKTEST")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("ArrowRight")
        expect(page).to_have_url(f"{served.http}/bots/{bot_id}#PAPER")
        expect(page.locator("#book-PAPER .book-net")).to_have_text("+$26.50")
        expect(page.locator(".trades-list tbody tr")).to_have_count(3)
        with page.expect_download() as download:
            page.locator("#trades-csv").click()
        trades = list(csv.DictReader(StringIO(Path(download.value.path()).read_text("utf-8"))))
        assert sum(Decimal(trade["net_pnl_usd"]) for trade in trades) == Decimal("26.5")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#chart-empty")).to_have_text("No equity in SHADOW since the reset.")
        expect(page.locator("#ledger")).to_have_text("No trades in SHADOW since the reset.")

        page.keyboard.press("]")
        expect(page.locator("#bot-name")).to_have_text("Zephyr Viper 0009")
        expect(page.locator("#bot-after")).to_be_disabled()
        page.keyboard.press("[")
        expect(page.locator("#bot-name")).to_have_text(NAME)
        page.keyboard.press("Escape")
        expect(page).to_have_url(f"{served.http}/?q=quartz")
        expect(page.locator("#filter")).to_have_value("quartz")
        expect(page.locator(".spacer .row:visible")).to_have_count(1)
        page.locator(".spacer .row:visible .name").dblclick()
        expect(page.locator("#bot-name")).to_have_text(NAME)
        assert screen.complaints == []


def test_it_says_stale_while_the_server_is_away_and_comes_back(
    stocked_desk: Desk,
    screen: Screen,
) -> None:
    bot_id = lived(stocked_desk)
    page = screen.page
    with serving(create_app(stocked_desk)) as served:
        port = served.port
        page.goto(f"{served.http}/bots/{bot_id}")
        expect(page.locator("#bot-now .running .dot")).to_have_css("animation-name", "pulse")
    expect(page.locator("#link-words")).to_have_text("STALE")
    expect(page.locator("#bot-now .dot")).to_have_css("animation-name", "none")
    expect(page.locator("#bot-body")).to_have_css("color", STALE_TEXT)
    expect(page.locator("#bot-name")).to_have_text(NAME)
    with stocked_desk.database.begin() as db:
        bot = db.get_one(Bot, bot_id)
        factories.make_trade(
            db, bot, book="PAPER", exit_at=stocked_desk.clock(), net_usd="100", created_at=stocked_desk.clock()
        )
    rebuild_bots(stocked_desk, [bot_id])
    with serving(create_app(stocked_desk), port=port):
        expect(page.locator("#link-words")).to_have_text("LIVE")
        expect(page.locator("#book-PAPER .book-net")).to_have_text("+$126.50")


def test_no_width_cuts_it_off_and_strangers_are_told(
    stocked_desk: Desk,
    screen: Screen,
    settings: Settings,
) -> None:
    bot_id = lived(stocked_desk)
    page = screen.page
    proof_packs.write(
        [proof_packs.Exhibit("Jobs", "GET /api/_proof/jobs", "{}")], folder=settings.proofs_dir, at=datetime.now(UTC)
    )
    with serving(create_app(stocked_desk)) as served:
        for width, height in ((1600, 900), (1440, 900), (1280, 800), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.goto(f"{served.http}/bots/{bot_id}")
            expect(page.locator(".trades-list tbody tr").first).to_be_attached()
            assert page.evaluate("document.documentElement.scrollWidth") == width
            for part in ("#bot-traits", "#chart-main canvas", "#bot-now .badge", "#sum-net", "#book-PAPER"):
                box = page.locator(part).bounding_box()
                assert box is not None
                assert box["x"] >= 0
                assert box["x"] + min(box["width"], 60) <= width, part
            before = page.locator("#bot-before").bounding_box()
            assert before is None or before["x"] + before["width"] <= width, "nothing lies beside the window"
            why = page.locator(".why-list td.words")
            expect(why).to_have_text(in_words("CAP_REACHED") or "no words")
            assert why.evaluate("(cell) => cell.scrollWidth <= cell.clientWidth"), "it stands whole"
            assert page.locator("#history").evaluate("(pane) => pane.scrollWidth <= pane.clientWidth")
        expect(page.locator("#foot-bot")).to_have_text(f"BOT {short_id(bot_id)}")
        expect(page.locator("#foot-bot")).to_have_attribute("title", str(bot_id))
        assert screen.complaints == []
        page.goto(f"{served.http}/proof")
        expect(page.locator("h2").first).to_contain_text("Jobs")
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert screen.complaints == []
        page.goto(f"{served.http}/bots/{uuid4()}")
        expect(page.locator("#bot-missing")).to_contain_text("no such bot")
        expect(page.locator("#link-words")).to_have_text("LIVE")
        page.keyboard.press("Escape")
        expect(page).to_have_url(f"{served.http}/")


def test_sessions_on_their_way_are_asked_for_by_no_cursor_of_the_trades(stocked_desk: Desk, screen: Screen) -> None:
    bot_id = lived(stocked_desk)
    page = screen.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/sessions?*", hold)  # before the page is opened: requests of a page that stands may slip by
    with serving(create_app(stocked_desk)) as served:
        page.goto(f"{served.http}/bots/{bot_id}")
        expect(page.locator(".trades-list tbody tr").first).to_be_attached()
        with page.expect_request("**/sessions?*"):
            page.keyboard.press("t")
        expect(page.locator("#tab-sessions")).to_have_attribute("aria-selected", "true")
        page.locator("#ledger").dispatch_event("scroll")
        page.evaluate("() => new Promise((done) => setTimeout(done))")
        for route in held:
            assert "cursor" not in route.request.url
            route.continue_()
        expect(page.locator(".sessions-list a").first).to_be_attached()
        assert len(held) == 1
    assert screen.complaints == []
