"""Long work besides jobs, as an operator follows it: a bar with its true numbers, while the work is and no longer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import Engine, select, text

from api.app import create_app
from services.desk import Desk
from services.verification.verifications import Verification, verify
from services.work.under_way import LongWork, telling
from store.tables import Bot
from store.work.under_way import WorkKind
from tests.e2e.screen import Screen, needs_chromium, violations
from tests.harness import factories
from tests.harness.patience import until
from tests.harness.serving import Served, serving
from trading.verification.verdicts import Grade, Kind
from trading.work.jobs import LEASE

pytestmark = needs_chromium
NAME = "Patient Puffin"
RUN = "0f4f1c3e-1111-4222-8333-444455556666"


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    with stocked_desk.database.begin() as db:
        factories.make_bot(db, name="Idle Ibis")
        return factories.make_bot(db, name=NAME, archetype="trend_ema_cross").id


@pytest.fixture
def served(stocked_desk: Desk, bot_id: UUID) -> Iterator[Served]:
    with serving(create_app(stocked_desk)) as served:
        yield served


class Held:
    """A verification in a thread of its own that stops after each step until it is let go."""

    def __init__(self, desk: Desk, bot_id: UUID, kind: Kind) -> None:
        self.steps: list[tuple[str, int, int]] = []
        self.finished: list[Verification] = []
        self._go = threading.Semaphore(0)
        self._work = threading.Thread(
            target=lambda: self.finished.append(verify(desk, bot_id, kind, run_id=RUN, progress=self._wait)),
            daemon=True,
        )
        self._work.start()

    def _wait(self, step: str, done: int, of: int) -> None:
        self.steps.append((step, done, of))
        self._go.acquire()

    def _is_past(self, before: int) -> bool:
        return len(self.steps) > before

    def at(self, count: int) -> tuple[str, int, int]:
        """Let it go on until it has told so many steps; return the last."""
        while len(self.steps) < count:
            before = len(self.steps)
            if before:
                self._go.release()
            until(partial(self._is_past, before), "the next step")
        return self.steps[-1]

    def end(self) -> None:
        """Let it run to its end."""
        for _ in range(10_000):
            self._go.release()
        until(lambda: not self._work.is_alive(), "the verification to end")


@contextmanager
def held(desk: Desk, bot_id: UUID, kind: Kind) -> Iterator[Held]:
    work = Held(desk, bot_id, kind)
    try:
        yield work
    finally:
        work.end()


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    expect(page.locator("#link-words")).to_have_text("LIVE")
    return page


def shows(panel: Locator, step: tuple[str, int, int]) -> None:
    words, done, of = step
    bar = panel.get_by_role("progressbar")
    expect(panel.locator("tbody tr")).to_contain_text(f"{done} / {of}")
    expect(panel.locator("tbody tr")).to_contain_text(words)
    expect(bar).to_have_js_property("value", done)
    expect(bar).to_have_js_property("max", of)
    assert bar.evaluate("bar => bar.position") == pytest.approx(done / of)


def test_a_verification_shows_its_true_place_on_the_jobs_page_and_its_bots_page_until_it_ends(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
    bot_id: UUID,
) -> None:
    jobs = opened(screen.page, f"{served.http}/jobs")
    panel = jobs.locator("#under-way")
    expect(panel).to_be_hidden()
    bot = opened(jobs.context.new_page(), f"{served.http}/bots/{bot_id}")
    other = opened(jobs.context.new_page(), f"{served.http}/bots/{idle(stocked_desk)}")
    with held(stocked_desk, bot_id, Kind.MATRIX) as work:
        first = work.at(1)
        for page in (jobs, bot):
            shows(page.locator("#under-way"), first)
        label = f"Timeframe matrix of {NAME}: timeframes"
        expect(jobs.get_by_role("progressbar", name=label, exact=True)).to_have_attribute("aria-valuetext", "1 / 5")
        expect(panel.get_by_role("link", name=NAME)).to_have_attribute("href", f"/bots/{bot_id}")
        for page in (jobs, bot):
            run = page.locator("#under-way").get_by_role("link", name=RUN[:8])
            expect(run).to_have_attribute("href", f"http://127.0.0.1:3000/runs/{RUN}")
        span = panel.locator("[data-since]")
        expect(span).not_to_have_text(span.text_content() or "")
        third = work.at(3)
        for page in (jobs, bot):
            shows(page.locator("#under-way"), third)
        expect(other.locator("#under-way")).to_be_hidden()
    assert work.finished[0].grade in Grade
    for page in (jobs, bot):
        expect(page.locator("#under-way")).to_be_hidden()
    assert screen.complaints == []


def test_a_walk_forward_moves_its_bar_segment_by_segment(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
    bot_id: UUID,
) -> None:
    panel = opened(screen.page, f"{served.http}/jobs").locator("#under-way")
    with held(stocked_desk, bot_id, Kind.WALK_FORWARD) as work:
        for count in (1, 2):
            shows(panel, work.at(count))
        expect(panel.locator("tbody tr")).to_contain_text("Walk-forward")
    expect(panel).to_be_hidden()


def test_work_that_says_nothing_shows_a_dash_and_no_bar(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
) -> None:
    with telling(stocked_desk, LongWork(kind=WorkKind.IMPORT, title="bars.csv")):
        line = opened(screen.page, f"{served.http}/jobs").locator("#works tbody tr")
        expect(line).to_contain_text("bars.csv")
        cells = [cell.strip() for cell in line.locator("td").all_text_contents()]
        assert (cells[1:3], cells[4:]) == (["—", "—"], ["—", "—"])
        assert line.get_by_role("progressbar").count() == 0
        assert "%" not in (line.text_content() or "")


def test_work_whose_process_died_leaves_the_screen_with_its_lease(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
    owner: Engine,
) -> None:
    beat = stocked_desk.clock() - LEASE
    with owner.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO work_under_way (id, kind, title, step, done, of, started_at, heartbeat_at)"
                " VALUES (gen_random_uuid(), 'IMPORT', 'dies.csv', 'read', 1, 2, :at, :beat)"
            ),
            {"at": beat, "beat": beat + timedelta(days=1)},
        )
    panel = opened(screen.page, f"{served.http}/jobs").locator("#under-way")
    expect(panel).to_contain_text("dies.csv")
    with owner.begin() as connection:
        connection.execute(text("UPDATE work_under_way SET heartbeat_at = :beat"), {"beat": beat})
    expect(panel).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_panel_has_no_barrier_and_fits_at_desk_and_phone_width(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
    bot_id: UUID,
    width: int,
    axe: Any,
) -> None:
    page = screen.page
    page.set_viewport_size({"width": width, "height": 844})
    with held(stocked_desk, bot_id, Kind.MATRIX) as work:
        step = work.at(2)
        for path in ("/jobs", f"/bots/{bot_id}"):
            panel = opened(page, served.http + path).locator("#under-way")
            shows(panel, step)
            assert violations(axe.run(page)) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            expect(panel.get_by_role("progressbar")).to_be_in_viewport()
    assert screen.complaints == []


def test_a_panel_the_server_stops_speaking_of_says_that_it_is_what_was_last_known(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
) -> None:
    with telling(stocked_desk, LongWork(kind=WorkKind.IMPORT, title="bars.csv")):
        page = opened(screen.page, f"{served.http}/jobs")
        note = page.locator("#under-way-note")
        expect(page.locator("#works")).to_contain_text("bars.csv")
        expect(note).to_have_text("")
        page.route("**/api/work/under-way", lambda route: route.abort())
        expect(note).to_contain_text("as last known")
        page.unroute("**/api/work/under-way")
        expect(note).to_have_text("")


def idle(desk: Desk) -> UUID:
    with desk.database() as db:
        return db.execute(select(Bot.id).where(Bot.name == "Idle Ibis")).scalar_one()
