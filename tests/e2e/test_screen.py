"""The board in real Chromium: what an operator sees, does and is told."""

import re
from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine, text, update

from api.app import create_app
from services.desk import Desk
from store.tables import Bot, BotJob
from tests.e2e.screen import STALE_TEXT, Screen, needs_chromium
from tests.harness import factories
from tests.harness.client import TOKEN
from tests.harness.patience import until
from tests.harness.scene import plant_fleet
from tests.harness.serving import serving

PURPLE, BLUE, TEAL = "rgb(201, 173, 255)", "rgb(127, 188, 255)", "rgb(95, 227, 211)"

pytestmark = needs_chromium


def plant_work(desk: Desk) -> None:
    now = desk.clock()
    with desk.database.begin() as db:
        for name, kind, status, attempt, iteration in (
            ("Cobalt Otter", "BACKTEST", "RUNNING", 3, 0),
            ("Jade Lynx", "BACKTEST", "QUEUED", 2, 0),
            ("Vivid Heron", "IMPROVE", "RUNNING", 1, 1),
            ("Slate Gecko", "IMPROVE", "QUEUED", 1, 4),
            ("Ember Finch", "EVOLVE", "RUNNING", 1, 2),
        ):
            bot = factories.make_bot(db, name=name)
            started = now - timedelta(seconds=406)
            factories.make_job(
                db,
                bot,
                job_type=kind,
                status=status,
                attempt=attempt,
                iteration=iteration,
                created_at=started,
            )
        factories.make_bot(db, name="Onyx Viper", symbol="MNQ")
        factories.make_bot(db, name="Argon Condor", killed_at=now)


def test_badges_say_what_bot_now_says_in_its_colour(desk: Desk, screen: Screen) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        screen.page.goto(served.http)
        for name, words, colour in (
            ("Cobalt Otter", "Backtesting • x3", PURPLE),
            ("Jade Lynx", "Backtest queued • x2", PURPLE),
            ("Vivid Heron", "Improving • #1", BLUE),
            ("Slate Gecko", "Improve queued • #4", BLUE),
            ("Ember Finch", "Evolving • #2", TEAL),
        ):
            badge = screen.row(name).locator(".badge")
            expect(badge).to_have_text(words)
            expect(badge).to_have_css("color", colour)
        for name, words in (("Onyx Viper", "Needs backtest"), ("Argon Condor", "Killed")):
            expect(screen.row(name).locator(".badge")).to_be_hidden()
            expect(screen.row(name).locator(".quiet")).to_have_text(words)
        names = screen.page.locator(".spacer .row:visible .name").all_text_contents()
        assert set(names[:2]) == {"Cobalt Otter", "Vivid Heron"}
        assert screen.page.locator("text=/fresh/i").count() == 0
        assert not re.search(r"fresh|\bOK\b", screen.page.content(), re.IGNORECASE)
        expect(screen.row("Onyx Viper").locator(".c-net")).to_have_text("—")
    assert screen.complaints == []


def test_the_fleet_is_asked_for_once_and_the_chart_library_not_before_a_bot_is_opened(
    desk: Desk,
    screen: Screen,
) -> None:
    with desk.database.begin() as db:
        plant_fleet(db, 30, now=desk.clock())
    asked: list[str] = []
    screen.page.on("request", lambda request: asked.append(request.url))
    with serving(create_app(desk)) as served:
        screen.page.goto(served.http)
        expect(screen.page.locator("#link-words")).to_have_text("LIVE")
        assert sum(url.endswith("/api/board") for url in asked) == 1
        assert not any("uplot.js" in url for url in asked)
        screen.page.locator("[data-sort=netPnl]").click()
        screen.page.locator(".spacer .row:visible").first.click()
        expect(screen.page.locator("#drawer .chart canvas")).to_be_visible()
        assert sum("uplot.js" in url for url in asked) == 1
    assert screen.complaints == []


def test_the_tooltip_tells_how_long_and_which_attempt_and_counts_on(desk: Desk, screen: Screen) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        screen.page.goto(served.http)
        screen.row("Cobalt Otter").locator(".badge").hover()
        tip = screen.page.get_by_role("tooltip")
        expect(tip).to_have_text(re.compile(r"^Running 6m \d+s • Attempt x3$"))
        before = tip.text_content()
        expect(tip).not_to_have_text(before or "")


def test_a_commit_changes_the_badge_without_a_reload(desk: Desk, screen: Screen) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        screen.page.goto(served.http)
        expect(screen.page.locator("#link-words")).to_have_text("LIVE")
        screen.page.evaluate("window.marker = 1")
        now = desk.clock()
        with desk.database.begin() as db:
            bot = db.query(Bot).filter_by(name="Jade Lynx").one()
            values = {"status": "RUNNING", "started_at": now, "heartbeat_at": now, "dagster_run_id": "run"}
            db.execute(update(BotJob).where(BotJob.bot_id == bot.id).values(**values))
        expect(screen.row("Jade Lynx").locator(".badge")).to_have_text("Backtesting • x2")
        with desk.database.begin() as db:
            db.execute(update(BotJob).where(BotJob.bot_id == bot.id).values(status="COMPLETED", completed_at=now))
        expect(screen.row("Jade Lynx").locator(".badge")).to_be_hidden()
        assert screen.page.evaluate("window.marker") == 1


def test_filters_and_keys_find_a_bot(desk: Desk, screen: Screen) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        page = screen.page
        page.goto(served.http)
        expect(page.locator("#row-count")).to_have_text("ROWS 7/7")
        page.keyboard.press("/")
        page.keyboard.type("mnq viper")
        expect(page.locator("#row-count")).to_have_text("ROWS 1/7")
        expect(screen.row("Onyx Viper")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#row-count")).to_have_text("ROWS 7/7")
        page.locator("[data-activity=improving]").click()
        expect(page.locator("#row-count")).to_have_text("ROWS 2/7")
        page.locator("[data-stage=PAPER]").click()
        expect(page.locator("#empty")).to_be_visible()
        page.keyboard.press("Escape")
        page.locator("[data-sort=name]").click()
        expect(page.locator(".spacer .row:visible .name").first).to_have_text("Argon Condor")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("#drawer-name")).to_have_text("Argon Condor")
        page.keyboard.press("Escape")
        expect(page.locator("#drawer")).to_be_hidden()
    assert screen.complaints == []


def test_a_heading_sorts_and_opens_nothing_by_mouse_and_by_key(desk: Desk, screen: Screen) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        page = screen.page
        page.goto(served.http)
        expect(page.locator("#row-count")).to_have_text("ROWS 7/7")
        for head in page.locator("[role=columnheader]:visible").all():
            head.click()
            expect(page.locator("#drawer")).to_be_hidden()
        page.locator("[data-sort=name]").focus()
        page.keyboard.press("Enter")
        expect(page.locator("[data-sort=name]")).to_have_attribute("aria-sort", "ascending")
        expect(page.get_by_role("tooltip")).to_have_text(re.compile("^Its name, then symbol, timeframe and style"))
        expect(page.locator("#drawer")).to_be_hidden()
    assert screen.complaints == []


def test_escape_closes_what_is_on_top_the_dialog_then_the_drawer_then_the_filter(desk: Desk, screen: Screen) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        page = screen.page
        page.goto(served.http)
        page.locator("#filter").fill("onyx")
        screen.row("Onyx Viper").click()
        expect(page.locator("#drawer-name")).to_have_text("Onyx Viper")
        page.keyboard.press("r")
        expect(page.locator("#reset-dialog")).to_be_visible()
        shut = ("#reset-dialog", "#drawer")
        for closed, open_still in zip(shut, (*shut[1:], None), strict=True):
            page.keyboard.press("Escape")
            expect(page.locator(closed)).to_be_hidden()
            if open_still:
                expect(page.locator(open_still)).to_be_visible()
        expect(page.locator("#row-count")).to_have_text("ROWS 1/7")
        page.keyboard.press("Escape")
        expect(page.locator("#row-count")).to_have_text("ROWS 7/7")
        page.locator("#filter").fill("onyx")
        page.locator("#filter").press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.locator("#filter").focus()
        page.keyboard.press("Escape")
        expect(page.locator("#drawer")).to_be_hidden()
        expect(page.locator("#row-count")).to_have_text("ROWS 1/7")


def test_the_address_holds_the_view_so_that_a_link_shows_the_same_and_back_leads_back(
    desk: Desk, screen: Screen
) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        page = screen.page
        page.goto(served.http)
        expect(page.locator("#row-count")).to_have_text("ROWS 7/7")
        page.locator("[data-activity=improving]").click()
        page.locator("[data-sort=name]").click()
        page.locator("#filter").press_sequentially("tf:1h -gecko")
        screen.row("Vivid Heron").click()
        expect(page.locator("#drawer-name")).to_have_text("Vivid Heron")
        address = page.url
        other = page.context.new_page()
        other.goto(address)
        expect(other.locator("#row-count")).to_have_text("ROWS 1/7")
        expect(other.locator("#drawer-name")).to_have_text("Vivid Heron")
        expect(other.locator("#filter")).to_have_value("tf:1h -gecko")
        expect(other.locator("[data-sort=name]")).to_have_attribute("aria-sort", "ascending")
        other.close()
        page.go_back()
        expect(page.locator("#drawer")).to_be_hidden()
        expect(page.locator("#row-count")).to_have_text("ROWS 1/7")
        page.go_back()
        expect(page.locator("#filter")).to_have_value("")
        expect(page.locator("#row-count")).to_have_text("ROWS 2/7")
        page.go_forward()
        expect(page.locator("#filter")).to_have_value("tf:1h -gecko")
    assert screen.complaints == []


def test_archived_bots_are_seen_where_asked_for_and_revived_from_their_page(desk: Desk, screen: Screen) -> None:
    with desk.database.begin() as db:
        factories.make_bot(db, name="Onyx Viper")
        newt = factories.make_bot(db, name="Umber Newt", symbol="MNQ", archived_at=desk.clock())
        db.add(factories.rollup(newt.id, sparkline_usd=[50_000.0, 50_400.0, 50_200.0]))
    page = screen.page
    with serving(create_app(desk)) as served:
        page.goto(served.http)
        expect(page.locator("#row-count")).to_have_text("ROWS 1/1")
        expect(screen.row("Onyx Viper").locator(".c-equity")).to_have_text("—")
        page.locator("[data-activity=archived]").click()
        expect(page.locator("#row-count")).to_have_text("ARCHIVED 1/1")
        expect(screen.row("Umber Newt").locator(".quiet")).to_have_text("Archived")
        expect(screen.row("Umber Newt").locator(".spark")).to_have_attribute("d", re.compile(r"^M0\.0 .+L.+L"))
        expect(screen.row("Umber Newt").locator(".c-equity .dim")).to_be_hidden()
        page.goto(f"{served.http}/?q=state:archived+tf:1h")
        expect(page.locator("#row-count")).to_have_text("ARCHIVED 1/1")
        page.goto(page.url.split("?")[0] + "?activity=archived")
        expect(page.locator("#board-csv")).to_have_attribute("href", re.compile("state=ARCHIVED"))
        screen.row("Umber Newt").dblclick()
        expect(page.locator("#bot-name")).to_have_text("Umber Newt")
        page.locator("#act-open").click()
        expect(page.locator("#act-kind")).to_have_value("revive")
        page.locator("#act-token").fill(TOKEN)
        page.locator("#act-do").click()
        expect(page.locator("#act-report .report-heading")).to_have_text("DONE — REVIVE")
        expect(page.locator("#act-kind")).to_have_value("pause")
        page.keyboard.press("Escape")
        expect(page.locator("#link-words")).to_have_text("LIVE")
        page.keyboard.press("Escape")
        expect(page.locator("#row-count")).to_have_text("ARCHIVED 0/0")
        expect(page.locator("#empty")).to_have_text("No bot is archived.")
        page.keyboard.press("Escape")
        expect(page.locator("#row-count")).to_have_text("ROWS 2/2")


def test_a_filter_that_cannot_be_read_says_which_fields_there_are(desk: Desk, screen: Screen) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        screen.page.goto(f"{served.http}/?q=colour:red")
        expect(screen.page.locator("#empty")).to_contain_text("there is no field colour; fields are name, symbol")
        expect(screen.page.locator("#filter")).to_have_attribute("aria-invalid", "true")


def test_every_column_figure_and_badge_is_explained_in_the_help_and_by_key(desk: Desk, screen: Screen) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        page = screen.page
        for path in ("/", "/decisions", "/jobs", "/health", "/audit", "/candidates", "/discoveries"):
            page.goto(served.http + path)
            expect(page.locator("#link-words")).to_have_text("LIVE")
            page.locator("#keys-open").click()
            terms = set(page.locator("#help-figures dt").all_text_contents())
            named = page.evaluate(HEADS)
            assert named
            assert set(named) <= terms, path
            assert "Backtest queued • x2" in page.locator("#help-badges dt").all_text_contents()
            assert page.evaluate("[...document.querySelectorAll('[data-about]')].every((node) => node.tabIndex === 0)")


HEADS = """() => [...document.querySelectorAll("main [role=columnheader], main thead th, .total .label")]
    .map((node) => node.textContent.trim()).filter(Boolean)"""


def test_a_reset_shows_its_dry_run_before_it_can_execute(desk: Desk, screen: Screen, owner: Engine) -> None:
    with desk.database.begin() as db:
        plant_fleet(db, 40, now=desk.clock())
    with serving(create_app(desk)) as served:
        page = screen.page
        calls: list[Any] = []
        page.on("request", lambda request: calls.append(request) if "reset-metrics" in request.url else None)
        page.goto(served.http)
        page.locator("#reset-open").click()
        execute = page.locator("#reset-execute")
        expect(execute).to_be_disabled()
        page.locator("#reset-dry").click()
        expect(page.locator("#reset-report")).to_contain_text("REFUSED — UNAUTHORIZED")
        page.locator("#reset-token").fill(TOKEN)
        page.locator("#reset-dry").click()
        expect(page.locator("#reset-report")).to_contain_text("DRY RUN — nothing written")
        expect(page.locator("#reset-report")).to_contain_text("40")
        assert count(owner, "SELECT count(*) FROM metrics_baselines") == 0
        expect(execute).to_be_enabled()
        page.locator("#reset-reason").fill("ANOTHER_REASON")
        expect(execute).to_be_disabled()
        page.locator("#reset-dry").click()
        expect(execute).to_be_enabled()
        execute.click()
        expect(page.locator("#reset-report")).to_contain_text("RESET DONE")
        expect(execute).to_be_disabled()
        assert [call.post_data_json["dryRun"] for call in calls] == [True, True, True, False]
        assert "planHash" in calls[-1].post_data_json
        assert count(owner, "SELECT count(*) FROM bot_metrics_events WHERE reason_code = 'ANOTHER_REASON'") == 40
        page.locator("#reset-close").click()
        expect(page.locator("#reset-token")).to_have_value("")
        assert page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])") == '[{},{},""]'
        figures = page.locator(".spacer .row:visible .c-net")
        expect(figures.first).to_have_text("—")
        expect(figures.filter(has_not_text="—")).to_have_count(0)
    assert [complaint for complaint in screen.complaints if "401" not in complaint] == []


def test_a_dry_run_that_is_out_of_date_cannot_be_executed(desk: Desk, screen: Screen, owner: Engine) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        page = screen.page
        page.goto(served.http)
        page.keyboard.press("r")
        page.locator("#reset-token").fill(TOKEN)
        page.locator("#reset-dry").click()
        expect(page.locator("#reset-execute")).to_be_enabled()
        with desk.database.begin() as db:
            factories.make_bot(db, name="Late Comer")
        page.locator("#reset-execute").click()
        expect(page.locator("#reset-report")).to_contain_text("REFUSED — PLAN_CHANGED")
        assert count(owner, "SELECT count(*) FROM metrics_baselines") == 0


def test_a_restart_of_the_api_is_stale_then_live_and_misses_nothing(desk: Desk, screen: Screen) -> None:
    plant_work(desk)
    page = screen.page
    with serving(create_app(desk)) as served:
        page.goto(served.http)
        expect(page.locator("#link-words")).to_have_text("LIVE")
        dot = screen.row("Cobalt Otter").locator(".dot")
        expect(dot).to_have_css("animation-name", "pulse")
        port = served.port
    expect(page.locator("#link-words")).to_have_text("STALE")
    expect(page.locator("#rows")).to_have_css("color", STALE_TEXT)
    expect(dot).to_have_css("animation-name", "none")
    with desk.database.begin() as db:
        db.execute(update(Bot).where(Bot.name == "Onyx Viper").values(stage="PAPER"))
    with serving(create_app(desk), port=port):
        expect(page.locator("#link-words")).to_have_text("LIVE")
        expect(screen.row("Onyx Viper").locator(".stage")).to_have_text("PAPER")
        expect(dot).to_have_css("animation-name", "pulse")


def test_a_database_that_cannot_be_heard_is_stale_too(desk: Desk, screen: Screen, owner: Engine) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        screen.page.goto(served.http)
        expect(screen.page.locator("#link-words")).to_have_text("LIVE")
        seen = screen.page.evaluate_handle(
            "(() => { const seen = []; new MutationObserver(() => seen.push(document.querySelector('#link-words')"
            ".textContent)).observe(document.querySelector('#link-words'), {childList: true}); return seen; })()"
        )
        with owner.begin() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'proving-listen'")
            )
        screen.page.wait_for_function("(seen) => seen.join() === 'STALE,LIVE'", arg=seen)


def test_ten_thousand_rows_draw_only_what_is_seen(desk: Desk, screen: Screen) -> None:
    with desk.database.begin() as db:
        factories.make_bots(db, 10_000)
    with serving(create_app(desk)) as served:
        page = screen.page
        until(lambda: httpx.get(f"{served.http}/api/board").status_code == 200, "the board to be read")
        page.goto(served.http)
        expect(page.locator("#row-count")).to_have_text("ROWS 10,000/10,000")
        assert page.locator(".spacer .row").count() < 60
        page.locator("[data-sort=name]").click()
        page.locator("#rows").focus()
        page.keyboard.press("End")
        expect(page.locator(".spacer .row[aria-selected=true]")).to_have_attribute("aria-rowindex", "10000")
        expect(page.locator(".spacer .row[aria-selected=true]")).to_be_in_viewport()
        page.keyboard.press("Home")
        expect(page.locator(".spacer .row[aria-selected=true]")).to_have_attribute("aria-rowindex", "1")
        assert page.locator(".spacer .row").count() < 90
    assert screen.complaints == []


def test_the_drawer_shows_a_bot_in_depth(desk: Desk, screen: Screen) -> None:
    with desk.database.begin() as db:
        plant_fleet(db, 30, now=desk.clock())
    with serving(create_app(desk)) as served:
        page = screen.page
        page.goto(served.http)
        page.locator("[data-sort=netPnl]").click()
        best = page.locator(".spacer .row:visible").first
        name, net = best.locator(".name").text_content(), best.locator(".c-net").text_content()
        best.locator(".name").hover()
        expect(page.locator("#tooltip")).to_be_visible()
        best.locator(".name").click()
        expect(page.locator("#drawer-name")).to_have_text(name or "?")
        expect(page.locator("#tooltip")).to_be_hidden()
        expect(page.locator(".figure-pair").first).to_contain_text(net or "?")
        expect(page.locator("#drawer .chart canvas")).to_be_visible()
        expect(page.locator("#drawer-body")).to_contain_text("Gate to")
        expect(page.locator("#tooltip")).to_be_hidden()
        page.locator(".spacer .row:visible .name").nth(1).hover()
        expect(page.locator("#tooltip")).to_be_visible()
        page.keyboard.press("j")
        expect(page.locator("#tooltip")).to_be_hidden()
    assert screen.complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_a_narrow_window(desk: Desk, screen: Screen, width: int) -> None:
    plant_work(desk)
    with serving(create_app(desk)) as served:
        screen.page.set_viewport_size({"width": width, "height": 720})
        screen.page.goto(served.http)
        expect(screen.row("Cobalt Otter").locator(".badge")).to_be_visible()
        expect(screen.row("Cobalt Otter").locator(".c-net")).to_be_in_viewport()
        assert screen.page.evaluate("document.documentElement.scrollWidth") <= width


def count(owner: Engine, sql: str) -> int:
    with owner.connect() as connection:
        return int(connection.execute(text(sql)).scalar_one())
