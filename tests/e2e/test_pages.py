"""The pages beside the board in real Chromium: what an operator sees, does and is told, on every one of them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect

from api.app import create_app
from api.pages.site import TABS
from services.control.kill_switch import SwitchWish, switch_state, throw_switch
from services.desk import Desk
from services.market.bars import simulate_market
from services.work.automations import note_automations
from services.work.autonomy import run_autonomy_tick
from store.market.bars import BarStore
from store.tables import BotProgress
from tests.e2e.screen import STALE_TEXT, Screen, box_within, needs_chromium, violations
from tests.harness import factories
from tests.harness.actors import OPS, user
from tests.harness.client import TOKEN
from tests.harness.clocks import MovingClock
from tests.harness.serving import Served, serving
from trading.work.planner import MAX_FAILURES_IN_ROW
from trading.work.starts import Starts

pytestmark = needs_chromium
PATHS = [tab.path for tab in TABS]
SHOW_LAST_TICK = {"/", "/decisions", "/health"}
FOUR_LINES_PX = 76
WHITE, RED = "rgb(219, 227, 236)", "rgb(246, 70, 93)"


@pytest.fixture
def served(stocked_desk: Desk) -> Iterator[Served]:
    """A small fleet at every kind of work, two ticks that decided for it, and one piece of work given up."""
    now = stocked_desk.clock()
    ids = (UUID(int=number) for number in (0, 1, 3, 4, 5, 6))  # one of another kind stands between: no run to fold
    with stocked_desk.database.begin() as db:
        for number in range(4):
            adder = factories.make_bot(db, id=next(ids), symbol="MES", name=f"Amber Adder {number}")
            factories.make_generation(db, adder)
        lab = factories.make_bot(db, id=next(ids), name="Delta Dingo")
        paper = factories.make_bot(db, id=UUID(int=2), stage="PAPER", name="Cedar Condor")
        broken = factories.make_bot(db, id=next(ids), name="Ember Egret")
        started = now - timedelta(seconds=75)
        factories.make_job(db, paper, status="RUNNING", created_at=started, progress_pct=40.0, attempt=3)
        factories.make_job(db, lab, status="QUEUED", job_type="IMPROVE", iteration=2, created_at=started)
        factories.make_job(db, broken, status="FAILED", error="BAD_BARS: bars stop at noon", created_at=started)
        db.get_one(BotProgress, broken.id).backtest_failures_in_row = MAX_FAILURES_IN_ROW
    run_autonomy_tick(stocked_desk)
    run_autonomy_tick(stocked_desk)
    with serving(create_app(stocked_desk)) as served:
        yield served


def opened(screen: Screen, served: Served, path: str) -> Page:
    screen.page.goto(served.http + path)
    expect(screen.page.locator("#link-words")).to_have_text("LIVE")
    return screen.page


def last_tick_of(page: Page) -> Locator:
    return page.locator("#strip .total", has_text="Last tick").locator(".value")


def test_number_keys_lead_through_every_page_and_none_complains(screen: Screen, served: Served) -> None:
    page = opened(screen, served, "/")
    for tab in (*TABS[1:], TABS[0]):
        page.keyboard.press(tab.key or "")
        page.wait_for_url(served.http + tab.path)
        expect(page.locator("a.tab[aria-current=page]")).to_contain_text(tab.name)
        expect(page).to_have_title(f"{tab.name} · Proving Ground")
        expect(page.locator("#link-words")).to_have_text("LIVE")
        page.keyboard.press("?")
        expect(page.locator("#keys-dialog")).to_be_visible()
        page.keyboard.press("Escape")
        assert not re.search(r"fresh|\bOK\b", page.content(), re.IGNORECASE)
    assert screen.complaints == []


@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_no_violation(screen: Screen, served: Served, axe: Any, path: str) -> None:
    page = opened(screen, served, path)
    assert violations(axe.run(page)) == []
    page.keyboard.press("!")
    expect(page.locator("#kill-dialog")).to_be_visible()
    assert violations(axe.run(page)) == []


def test_axe_finds_a_planted_violation(screen: Screen, served: Served, axe: Any) -> None:
    page = opened(screen, served, "/jobs")
    page.evaluate("document.querySelector('#clock').replaceWith(document.createElement('button'))")
    assert "button-name" in {rule for rule, _ in violations(axe.run(page))}


@pytest.mark.parametrize("width", [1440, 1280, 390])
@pytest.mark.parametrize("path", PATHS)
def test_no_page_is_wider_than_its_window(screen: Screen, served: Served, path: str, width: int) -> None:
    screen.page.set_viewport_size({"width": width, "height": 800})
    page = opened(screen, served, path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator("#kill-open")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [1440, 1280])
@pytest.mark.parametrize("path", ["/decisions", "/jobs", "/health", "/audit", "/discoveries"])
def test_neither_figures_nor_ticks_are_cut_at_a_desk(screen: Screen, served: Served, path: str, width: int) -> None:
    screen.page.set_viewport_size({"width": width, "height": 900})
    page = opened(screen, served, path)
    expect(page.locator("#strip .total").first).to_be_visible()
    cut = """() => [...document.querySelectorAll("#strip, [aria-label=Ticks]")]
      .filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.getAttribute("aria-label"))"""
    assert page.evaluate(cut) == []


def test_a_tick_is_opened_and_its_decisions_are_filtered_and_told_in_words(
    screen: Screen,
    served: Served,
) -> None:
    page = opened(screen, served, "/decisions")
    expect(page.locator("#ticks tr[data-key]")).to_have_count(2)
    expect(page.locator("#decisions tr[data-key]")).to_have_count(7)
    page.locator("#ticks tr[data-key]").last.click()
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#decisions tr[data-key]", has_text="ENQUEUE BACKTEST")).to_have_count(5)
    page.locator("#reason").select_option("STAGE_NOT_LAB")
    expect(page.locator("#decisions tr[data-key]")).to_have_count(1)
    expect(page.locator("#decisions tr[data-key]")).to_contain_text("Cedar Condor")
    expect(page.locator("#decisions tr[data-key]")).to_contain_text("It has left LAB")
    page.locator("#reason").select_option("")
    page.locator("[data-decision=ENQUEUE]").click()
    expect(page.locator("#decisions tr[data-key]")).to_have_count(5)
    page.keyboard.press("/")
    page.keyboard.type("adder 2")
    expect(page.locator("#decisions tr[data-key]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#decisions tr[data-key]")).to_have_count(7)
    assert screen.complaints == []


def test_a_running_job_shows_its_time_progress_and_run_and_given_up_work_is_put_back(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
) -> None:
    page = opened(screen, served, "/jobs")
    line = page.locator("#running tr[data-key]")
    expect(line.locator(".badge")).to_have_text("Backtest • x3")
    expect(line.locator("progress")).to_have_attribute("value", "40")
    span = line.locator("[data-since]").first
    before = span.text_content() or ""
    assert re.fullmatch(r"1m \d+s", before)
    expect(span).not_to_have_text(before)
    expect(page.locator("#queue tbody tr")).to_have_count(6)
    page.keyboard.press("f")
    expect(page.locator("#ended tr[data-key]")).to_have_count(1)
    expect(page.locator("#ended tr[data-key] + .below")).to_contain_text("bars stop at noon")
    page.locator("#letters").get_by_role("button", name="Requeue").click()
    page.locator("#requeue-token").fill("wrong")
    page.locator("#requeue-do").click()
    expect(page.locator("#requeue-report")).to_contain_text("REFUSED — UNAUTHORIZED")
    page.locator("#requeue-token").fill(TOKEN)
    page.locator("#requeue-do").click()
    expect(page.locator("#given-up")).to_be_hidden()
    with stocked_desk.database() as db:
        assert db.query(BotProgress).filter(BotProgress.backtest_failures_in_row > 0).count() == 0
    assert [complaint for complaint in screen.complaints if "401" not in complaint] == []


@pytest.mark.parametrize("width", [1440, 390])
def test_why_work_failed_stands_whole_below_its_row_at_every_width(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
    width: int,
) -> None:
    def fail(name: str, error: str) -> None:
        with stocked_desk.database.begin() as db:
            bot = factories.make_bot(db, name=name)
            factories.make_job(db, bot, status="FAILED", error=error, created_at=stocked_desk.clock())

    sentence = "BAD_BARS: bars of MES 5m stop at 12:00 UTC, four hours before the session ends; " * 3
    fail("Flint Falcon", sentence.strip())
    screen.page.set_viewport_size({"width": width, "height": 900})
    page = opened(screen, served, "/jobs")
    error = page.locator("#ended tr", has_text="Flint Falcon").locator("+ .below span.down")
    expect(error).to_have_text(sentence.strip())
    fail("Garnet Gull", "RuntimeError: " + "no_room_for_block_" * 20)
    words = page.locator("#ended tr", has_text="Garnet Gull").locator("+ .below span.down")
    expect(words).to_contain_text("no_room_for_block_" * 20)
    expect(error).to_have_text(sentence.strip())
    for line in (error, words):
        line.scroll_into_view_if_needed()
        own_height = 20
        assert box_within(line, width)["height"] > 2 * own_height, "it wraps"
    expect(page.locator("#letters .below")).to_contain_text("bars stop at noon")
    expect(page.locator("#running .below")).to_contain_text("NEEDS_BASELINE")
    over = "all => all.map(line => line.scrollWidth - line.clientWidth)"
    assert max(page.locator("#queue td.words").evaluate_all(over)) <= 0, "why it was queued stands whole"
    if width == 1440:
        regions = page.locator(".scroll").evaluate_all(over)
        assert max(regions) <= 0, "nothing lies beside the window"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert screen.complaints == []


@pytest.mark.parametrize("width", [1440, 390])
def test_reasons_of_ticks_and_iterations_stand_whole_below_their_rows(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
    width: int,
) -> None:
    reason = "the candidate's held-out Sharpe of 0.41 is not above the parent's 0.63 by the margin of 0.10"
    with stocked_desk.database.begin() as db:
        factories.make_iteration(db, factories.make_bot(db, name="Flint Falcon"), 3, reason=reason)
    screen.page.set_viewport_size({"width": width, "height": 900})
    page = opened(screen, served, "/candidates")
    why = page.locator("#iterations .below")
    expect(why).to_contain_text(reason)
    page.locator("#iteration-name").evaluate("heading => heading.replaceChildren()")
    why.click()
    expect(page.locator("#iteration-name")).to_contain_text("Flint Falcon")
    expect(page.locator("#iterations tr[data-key]")).to_have_attribute("aria-current", "true")
    box_within(why.locator("div"), width)
    page = opened(screen, served, "/decisions")
    expect(page.locator("#ticks .below").last).to_contain_text(
        "Most frequent NO_SESSION_SINCE_RESET 5 · REPEATED_FAILURE 1"
    )
    box_within(page.locator("#ticks .below div").last, width)
    assert screen.complaints == []


def test_a_run_of_dagster_is_linked_and_work_by_hand_is_not(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
) -> None:
    run = "0f4f1c3e-1111-4222-8333-444455556666"
    with stocked_desk.database.begin() as db:
        bot = factories.make_bot(db, name="Flint Falcon")
        factories.make_job(db, bot, status="COMPLETED", dagster_run_id=run, created_at=stocked_desk.clock())
    page = opened(screen, served, "/jobs")
    line = page.locator("#ended tr[data-key]", has_text="Flint Falcon")
    expect(line.locator("a", has_text=run[:8])).to_have_attribute("href", f"http://127.0.0.1:3000/runs/{run}")
    assert page.locator("#ended tr[data-key]", has_text="Ember Egret").locator("a").count() == 1


def test_the_kill_switch_takes_a_reason_and_a_token_and_every_tab_shows_it_until_it_is_released(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
) -> None:
    page = opened(screen, served, "/health")
    other = page.context.new_page()
    other.goto(served.http + "/")
    expect(other.locator("#alarm")).to_be_hidden()
    page.locator("#kill-open").click()
    expect(page.locator("#kill-work tr", has_text="Backtest")).to_contain_text("51")
    throw = page.locator("#kill-throw")
    expect(page.locator("#kill-what")).to_contain_text("new backtests, improvements and evolutions of every bot")
    expect(page.locator("#kill-token-where")).to_contain_text("The ADMIN_TOKEN that this platform was started with")
    expect(throw).to_be_disabled()
    page.locator("#kill-token").fill(TOKEN)
    expect(throw).to_be_enabled()
    page.locator("#kill-reason").fill("?")
    expect(throw).to_be_disabled()
    for _ in range(12):
        page.keyboard.press("Tab")
        inside = "document.activeElement === document.body || !!document.activeElement.closest('#kill-dialog')"
        assert page.evaluate(inside)
    page.keyboard.press("Escape")
    expect(page.locator("#kill-dialog")).to_be_hidden()
    assert not switch_state(stocked_desk).switch.is_engaged
    page.keyboard.press("!")
    expect(page.locator("#kill-token")).to_have_value("")
    page.locator("#kill-reason").fill("bad feed")
    page.locator("#kill-token").fill(TOKEN)
    throw.click()
    expect(page.locator("#kill-report")).to_contain_text("ENGAGED")
    expect(page.locator("#kill-report")).to_contain_text("nothing is queued or claimed from now on")
    for tab in (page, other):
        expect(tab.locator("#alarm")).to_contain_text("KILL SWITCH ENGAGED")
        expect(tab.locator("#alarm")).to_contain_text("BAD_FEED")
    assert switch_state(stocked_desk).switch.is_engaged
    page.keyboard.press("Escape")
    page.locator("#alarm-release").click()
    page.locator("#kill-token").fill(TOKEN)
    throw.click()
    expect(page.locator("#kill-report")).to_contain_text("RELEASED")
    for tab in (page, other):
        expect(tab.locator("#alarm")).to_be_hidden()
    assert not switch_state(stocked_desk).switch.is_engaged
    assert page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])") == '[{},{},""]'
    assert screen.complaints == []


def test_a_token_kept_in_the_tab_is_asked_for_once_and_forgotten_when_told_to(
    screen: Screen, served: Served, stocked_desk: Desk
) -> None:
    page = opened(screen, served, "/health")
    page.keyboard.press("!")
    page.locator("#kill-token").fill("wrong")
    page.locator("#kill-token-keep").check()
    page.locator("#kill-throw").click()
    expect(page.locator("#kill-report")).to_contain_text("REFUSED — UNAUTHORIZED")
    page.locator("#kill-token").fill(TOKEN)
    page.locator("#kill-throw").click()
    expect(page.locator("#kill-report")).to_contain_text("ENGAGED")
    page.goto(served.http + "/audit")
    page.locator("#alarm-release").click()
    expect(page.locator("#kill-token")).to_be_hidden()
    page.locator("#kill-throw").click()
    expect(page.locator("#kill-report")).to_contain_text("RELEASED")
    assert not switch_state(stocked_desk).switch.is_engaged
    page.locator("#kill-token-forget").click()
    expect(page.locator("#kill-token")).to_be_focused()
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0
    assert [complaint for complaint in screen.complaints if "401" not in complaint] == []


def test_on_a_developers_own_machine_the_switch_is_one_click(screen: Screen, stocked_desk: Desk) -> None:
    own = replace(stocked_desk, settings=stocked_desk.settings.model_copy(update={"env": "dev", "admin_token": None}))
    with serving(create_app(own)) as served:
        page = opened(screen, served, "/audit")
        page.keyboard.press("!")
        expect(page.locator("#kill-dialog")).to_contain_text("Nothing to type")
        assert page.locator("#kill-dialog input").count() == 1, "the reason"
        page.locator("#kill-throw").click()
        expect(page.locator("#kill-report")).to_contain_text("ENGAGED")
        assert switch_state(own).switch.reason_code == "OPERATOR_STOP"
        page.keyboard.press("Escape")
        page.keyboard.press("v")
        page.locator("#verify-do").click()
        expect(page.locator("#strip")).to_contain_text("whole")
    assert screen.complaints == []


def test_a_sensor_stopped_in_dagster_is_named_at_the_top_of_every_page_until_it_runs_again(
    screen: Screen, served: Served, stocked_desk: Desk
) -> None:
    page = opened(screen, served, "/audit")
    note_automations(stocked_desk, {"fleet_partitions": True}, noticed_by="reset_watch")
    expect(page.locator("#silence")).to_contain_text("STOPPED IN DAGSTER")
    expect(page.locator("#silence-stopped")).to_contain_text("fleet_partitions")
    expect(page.locator("#silence-age")).to_be_hidden()
    note_automations(stocked_desk, {"fleet_partitions": False}, noticed_by="reset_watch")
    expect(page.locator("#silence")).to_be_hidden()
    assert screen.complaints == []


def test_a_switch_thrown_from_the_command_line_is_pushed_into_every_open_tab(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
) -> None:
    asked: list[str] = []
    screen.page.context.on("request", lambda request: asked.append(request.url))
    first = opened(screen, served, "/decisions")
    second = screen.page.context.new_page()
    with second.expect_websocket() as opening:
        second.goto(served.http + "/")
    for _ in range(3):
        with opening.value.expect_event("framereceived", lambda frame: '"type":"pulse"' in str(frame)):
            pass
    for tab in (first, second):
        expect(tab.locator("#alarm")).to_be_hidden()
    throw_switch(stocked_desk, SwitchWish(True, "BAD_FEED", user("ann"), "trace"))
    for tab in (first, second):
        expect(tab.locator("#alarm")).to_contain_text("cli:ann")
    assert sum(url.endswith("/api/kill-switch") for url in asked) == 2, "each page asks once, when it opens"
    assert screen.complaints == []


def test_a_page_whose_socket_is_silent_asks_for_the_switch_itself(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
) -> None:
    screen.page.route_web_socket(re.compile("/ws/"), lambda _: None)
    page = opened(screen, served, "/decisions")
    expect(page.locator("#alarm")).to_be_hidden()
    throw_switch(stocked_desk, SwitchWish(True, "BAD_FEED", user("ann"), "trace"))
    expect(page.locator("#alarm")).to_contain_text("cli:ann")


@pytest.mark.parametrize("path", PATHS)
def test_silent_autonomy_is_a_red_banner_on_every_page_until_a_tick_comes(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
    clock: MovingClock,
    path: str,
) -> None:
    page = opened(screen, served, path)
    banner, last_tick = page.locator("#silence"), last_tick_of(page)
    expect(banner).to_be_hidden()
    if path in SHOW_LAST_TICK:
        expect(last_tick).to_have_css("color", WHITE)
    clock.ahead = timedelta(minutes=4)
    expect(banner).to_contain_text(re.compile(r"AUTONOMY IS SILENT\s+No tick for 4m \d+s; one is due within 1m 27s"))
    said = banner.text_content()
    expect(banner).not_to_have_text(said or "")
    if path in SHOW_LAST_TICK:
        expect(last_tick).to_have_css("color", RED)
    run_autonomy_tick(stocked_desk)
    expect(banner).to_be_hidden()
    if path in SHOW_LAST_TICK:
        expect(last_tick).to_have_css("color", WHITE)
    assert screen.complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_starts_that_are_slow_are_a_band_on_top_of_every_page_until_they_are_not(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
    width: int,
    axe: Any,
) -> None:
    screen.page.set_viewport_size({"width": width, "height": 800})
    for path in ("/", "/jobs"):
        page = opened(screen, served, path)
        band = page.locator("#starts")
        expect(band).to_be_hidden()
        run_autonomy_tick(
            stocked_desk, starts=Starts(starting=1, starting_since=stocked_desk.clock() - timedelta(seconds=45))
        )
        expect(band).to_contain_text(re.compile(r"RUNS START SLOWLY\s+A run has been starting for 4\d s; the machine"))
        run_autonomy_tick(stocked_desk, starts=Starts(failed_in_row=3, last_failed_at=stocked_desk.clock()))
        expect(band).to_contain_text(re.compile(r"RUNS FAIL TO START\s+3 runs in a row failed to start; the next"))
        expect(band).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(axe.run(page)) == []
        if path == "/jobs":
            expect(page.locator("#strip .total", has_text="Runs starting")).to_contain_text("3 failed to start")
        run_autonomy_tick(stocked_desk)
        expect(band).to_be_hidden()
    assert screen.complaints == []


def test_silence_and_the_kill_switch_are_told_beside_each_other_at_every_width(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
    clock: MovingClock,
    axe: Any,
) -> None:
    clock.ahead = timedelta(minutes=4)
    throw_switch(stocked_desk, SwitchWish(True, "BAD_FEED", OPS, "trace"))
    for width in (1280, 390):
        screen.page.set_viewport_size({"width": width, "height": 800})
        page = opened(screen, served, "/")
        for banner in ("#alarm", "#silence"):
            expect(page.locator(banner)).to_be_in_viewport(ratio=1)
        above, below = (page.locator(banner).bounding_box() for banner in ("#alarm", "#silence"))
        assert above is not None
        assert below is not None
        assert above["y"] + above["height"] <= below["y"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(axe.run(page)) == []
    run_autonomy_tick(stocked_desk)
    expect(page.locator("#silence")).to_be_hidden()
    expect(page.locator("#alarm")).to_be_visible()


def test_a_page_that_hears_nothing_does_not_say_that_autonomy_is_silent(
    screen: Screen,
    served: Served,
    clock: MovingClock,
) -> None:
    screen.page.route_web_socket(re.compile("/ws/"), lambda _: None)
    page = opened(screen, served, "/decisions")
    before = last_tick_of(page).text_content() or ""
    clock.ahead = timedelta(minutes=4)
    expect(last_tick_of(page)).to_contain_text("4m")
    assert "m" not in before
    expect(page.locator("#silence")).to_be_hidden()


def test_a_platform_that_never_ticked_is_silent_once_its_page_has_waited_as_long(
    screen: Screen,
    stocked_desk: Desk,
) -> None:
    page = screen.page
    page.clock.install()
    with serving(create_app(stocked_desk)) as served:
        opened(screen, served, "/")
        expect(page.locator("#silence")).to_be_hidden()
        page.clock.fast_forward("01:20")
        expect(page.locator("#link-words")).to_have_text("LIVE")
        expect(page.locator("#silence")).to_be_hidden()
        page.clock.fast_forward("00:10")
        expect(page.locator("#silence")).to_contain_text("No tick yet for 1m")


@pytest.mark.parametrize("path", ["/bord", "/proof"])
def test_a_page_beside_the_terminal_leads_back_to_the_board(screen: Screen, served: Served, path: str) -> None:
    screen.page.goto(served.http + path)
    screen.page.get_by_role("link", name="Back to the board").click()
    screen.page.wait_for_url(served.http + "/")
    expect(screen.page.locator("#link-words")).to_have_text("LIVE")


def test_the_zone_is_switched_for_every_moment_and_remembered(screen: Screen, served: Served) -> None:
    page = opened(screen, served, "/decisions")
    expect(page.locator("#clock")).to_contain_text("UTC")
    moment = page.locator("#ticks tbody time").first
    stamp = moment.get_attribute("datetime") or ""
    expect(moment).to_have_text(stamp[:19].replace("T", " "))
    page.keyboard.press("u")
    expect(page.locator("#clock")).to_contain_text("LOCAL")
    local = page.evaluate("(iso) => new Date(iso).toLocaleString('sv-SE')", stamp)
    expect(moment).to_have_text(local)
    page.goto(served.http + "/audit")
    expect(page.locator("#clock")).to_contain_text("LOCAL")
    page.keyboard.press("u")
    expect(page.locator("#clock")).to_contain_text("UTC")


def test_a_page_whose_server_is_gone_is_stale_and_then_live_again(
    screen: Screen,
    stocked_desk: Desk,
) -> None:
    with serving(create_app(stocked_desk)) as first:
        page = opened(screen, first, "/jobs")
    expect(page.locator("#link-words")).to_have_text("STALE")
    expect(page.locator(".panels")).to_have_css("color", STALE_TEXT)
    with serving(create_app(stocked_desk), port=first.port):
        expect(page.locator("#link-words")).to_have_text("LIVE")


def test_the_chain_is_verified_when_asked_and_an_event_is_shown_whole(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
) -> None:
    throw_switch(stocked_desk, SwitchWish(True, "BAD_FEED", OPS, "trace-7"))
    throw_switch(stocked_desk, SwitchWish(False, "FEED_MENDED", OPS, "trace-8"))
    page = opened(screen, served, "/audit")
    strip = page.locator("#strip")
    expect(strip).to_contain_text("never")
    expect(strip).to_contain_text("is the head")
    page.keyboard.press("v")
    page.locator("#verify-token").fill(TOKEN)
    page.locator("#verify-do").click()
    expect(strip).to_contain_text("whole")
    page.locator("#events tbody tr").last.click()
    expect(page.locator("#event .payload")).to_contain_text("trace-7")
    page.locator("#by-reason").fill("feed_mended")
    expect(page.locator("#events tbody tr")).to_have_count(1)
    assert page.locator("#export").get_attribute("href") == "/api/audit/events.csv?reason=FEED_MENDED"
    with page.expect_download() as file:
        page.locator("#export").click()
    assert "FEED_MENDED" in Path(file.value.path()).read_text("utf-8")
    assert screen.complaints == []


def test_a_person_withdraws_and_restores_bars_on_the_health_page(
    desk: Desk, screen: Screen, axe: Any, tmp_path: Path
) -> None:
    bars = BarStore(tmp_path / "bars")
    simulate_market(bars, ["MES"], seed=7, start_on=date(2024, 1, 2), years=0.02)
    with desk.database.begin() as db:
        factories.make_bot(db, symbol="MES")
    with serving(create_app(replace(desk, bars=bars))) as served:
        page = opened(screen, served, "/health")
        line = page.locator("#bars tr[data-key]", has_text="MES1h")
        line.get_by_role("button", name="Change").click()
        expect(page.locator("#bars-title")).to_have_text("MES 1h SIMULATED")
        assert violations(axe.run(page)) == []
        page.locator("#bars-kind").select_option("withdraw")
        page.locator("#bars-token").fill(TOKEN)
        page.locator("#bars-token").press("Enter")
        expect(page.locator("#bars-report")).to_contain_text("DONE — WITHDRAW")
        expect(page.locator("#bars-report")).to_contain_text("1 of MES 1h: SIMULATED → —")
        page.keyboard.press("Escape")
        expect(line).to_contain_text("withdrawn")
        assert bars.best("MES", "1h") is None
        page.set_viewport_size({"width": 390, "height": 844})
        heights = page.locator("#bars tr[data-key]").evaluate_all("rows => rows.map((row) => row.offsetHeight)")
        assert max(heights) < FOUR_LINES_PX
        line.get_by_role("button", name="Change").click()
        expect(page.locator("#bars-kind")).to_have_value("restore")
        assert violations(axe.run(page)) == []
        page.locator("#bars-token").fill("wrong")
        page.locator("#bars-do").click()
        expect(page.locator("#bars-report")).to_contain_text("REFUSED — UNAUTHORIZED")
        page.locator("#bars-token").fill(TOKEN)
        page.locator("#bars-do").click()
        expect(page.locator("#bars-report")).to_contain_text("DONE — RESTORE")
        assert bars.best("MES", "1h") is not None
    assert [complaint for complaint in screen.complaints if "401" not in complaint] == []


def test_health_holds_every_figure_against_its_bar_and_lists_the_silences(
    screen: Screen, served: Served, stocked_desk: Desk, clock: MovingClock
) -> None:
    page = opened(screen, served, "/health")
    expect(page.locator("#silences .none")).to_contain_text("never been silent")
    expect(page.locator("#verdicts tbody tr")).to_have_count(7)
    expect(page.locator("#verdicts tbody tr", has_text="runs_start")).to_have_count(1)
    expect(page.locator("#verdicts tbody tr", has_text="tick_is_recent")).to_contain_text("at most")
    expect(page.locator("#verdicts tbody tr", has_text="audit_chain_is_whole")).to_contain_text("never verified")
    expect(page.locator("#limits tbody tr", has_text="CONCURRENCY_BACKTEST")).to_contain_text("2")
    clock.ahead = timedelta(minutes=20)
    run_autonomy_tick(stocked_desk)
    page.reload()
    silence = page.locator("#silences tr[data-key]")
    expect(silence).to_have_count(1)
    expect(silence.locator("td").nth(2)).to_have_text(re.compile(r"^20m"))
    assert screen.complaints == []
