"""The page's modules that are free of DOM, run in V8; and the words no page may say."""

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_mini_racer import MiniRacer

from api.live.rows import SPARK_POINTS, BoardRow, encode_rows, now_cell, spark_text
from api.pages import vendor
from api.pages.shell import STATIC, content_hash, render, without_comments
from api.pages.site import COMMON, SITE
from trading.books import Stage
from trading.figures.declared import FIGURES, word_of
from trading.words import camel
from trading.work.badges import Job, Situation, State, bot_now, elapsed_text
from trading.work.jobs import JobStatus, JobType

JS = STATIC / "js"
MODULES = ("format", "badge", "filter", "store", "spark")
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
ATOB = """
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const atob = (text) => {
  const bits = [...text.replace(/=+$/, "")].map((digit) => DIGITS.indexOf(digit).toString(2).padStart(6, "0")).join("");
  return (bits.match(/.{8}/g) ?? []).map((byte) => String.fromCharCode(parseInt(byte, 2))).join("");
};
"""


@pytest.fixture(scope="module")
def run() -> Callable[[str], Any]:
    """Evaluates an expression after the modules; imports and exports fall away in one shared scope.

    What browsers have and V8 alone has not, such as `atob`, is written here.
    """
    source = "\n".join((JS / f"{name}.js").read_text("utf-8") for name in MODULES)
    source = re.sub(r"^import .*$", "", source, flags=re.MULTILINE)
    source = re.sub(r"^export ", "", source, flags=re.MULTILINE)
    context = MiniRacer()
    context.eval(ATOB)
    context.eval(source)
    return lambda expression: json.loads(str(context.eval(f"JSON.stringify({expression})")))


@given(ms=st.integers(0, 4_000_000_000_000))
@settings(deadline=None)
def test_every_moment_obeys_the_one_switch_between_utc_and_local(run: Callable[[str], Any], ms: int) -> None:
    at = datetime.fromtimestamp(ms // 1000, tz=UTC)
    utc, local, again = run(
        f"((iso) => [second(iso), (useLocalTime(true), second(iso)), (useLocalTime(false), second(iso))])"
        f"('{at.isoformat()}')"
    )
    assert utc == again == f"{at:%Y-%m-%d %H:%M:%S}"
    offset = run(f"new Date({ms // 1000 * 1000}).getTimezoneOffset()")
    assert local == f"{at - timedelta(minutes=offset):%Y-%m-%d %H:%M:%S}"


@given(seconds=st.integers(-100, 10_000_000))
@settings(deadline=None)
def test_the_browser_writes_spans_as_the_server_does(run: Callable[[str], Any], seconds: int) -> None:
    assert run(f"elapsed({seconds})") == elapsed_text(seconds)


@given(
    kind=st.sampled_from(JobType),
    status=st.sampled_from([JobStatus.QUEUED, JobStatus.RUNNING]),
    attempt=st.integers(1, 99),
    iteration=st.integers(0, 99),
    ago=st.integers(0, 100_000),
)
@settings(deadline=None)
def test_badge_and_tooltip_in_the_browser_are_those_of_bot_now(
    run: Callable[[str], Any], kind: JobType, status: JobStatus, attempt: int, iteration: int, ago: int
) -> None:
    started = NOW - timedelta(seconds=ago) if status is JobStatus.RUNNING else None
    job = Job(UUID(int=1), kind, status, NOW - timedelta(seconds=ago), started, attempt, iteration)
    now = bot_now(Situation(stage=Stage.LAB, now=NOW, jobs=(job,)))
    sent = json.dumps(now_cell(now))
    assert now.badge is not None
    assert run(f"badgeOf({sent})") == {
        "text": now.badge.text,
        "tone": now.badge.tone,
        "running": status is JobStatus.RUNNING,
    }
    assert run(f"tooltipOf({sent}, {NOW.timestamp() * 1000})") == now.tooltip


@pytest.mark.parametrize("state", [state for state in State if not state.endswith(("_QUEUED", "_RUNNING"))])
def test_no_state_without_a_job_has_a_badge(run: Callable[[str], Any], state: State) -> None:
    assert run(f"badgeOf({{state: '{state}'}})") is None
    assert run(f"tooltipOf({{state: '{state}'}}, 0)") is None
    words = run(f"quietWords({{state: '{state}'}})")["text"]
    assert words
    assert "_" not in words


def test_a_bot_without_bars_after_its_warm_up_is_no_idle_one(run: Callable[[str], Any]) -> None:
    idle = Situation(stage=Stage.LAB, now=NOW, has_completed_session=True, bars_left=0)
    now = bot_now(idle)
    words = run(f"quietWords({{state: '{now.state}', reason: '{now.reason}'}})")
    assert words == {"text": "No bars after warm-up", "failing": True}
    assert bot_now(replace(idle, bars_left=1)).reason is None
    assert bot_now(replace(idle, bars_left=None)).reason is None


def test_a_badge_without_a_job_is_not_drawn(run: Callable[[str], Any]) -> None:
    assert run("badgeOf({state: 'IDLE', badge: {text: 'Backtesting • x1', tone: 'purple'}, activeJob: null})") is None


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("money(1438.5)", "+$1,438.50"),
        ("money(-491.224)", "-$491.22"),
        ("money(null)", "—"),
        ("money(0)", "+$0.00"),
        ("roundMoney(185022.9)", "+$185,023"),
        ("fall(2966.891)", "-$2,966.89"),
        ("fall(0)", "$0.00"),
        ("fall(null)", "—"),
        ("pct(47.66)", "47.7%"),
        ("pct(null)", "—"),
        ("fallPct(47.66)", "47.7%"),
        ("fallPct(99.99)", "100.0%"),
        ("fallPct(166.2)", "bust"),
        ("fallPct(null)", "—"),
        ("ratio(null)", "—"),
        ("count(null)", "—"),
        ("count(20160)", "20,160"),
        ("wholePct(61.5)", "62%"),
        ("wholePct(null)", "—"),
        ("timesOf(null)", "—"),
        ("timesOf(0)", "×1.0"),
        ("timesOf(-1.5)", "×0.03"),
        ("timesOf(1.30103)", "×20"),
        ("timesOf(3.99)", "×9,772"),
        ("timesOf(12.4)", "×10^12"),
        ("countdown(83_640_000)", "23:14"),
        ("countdown(-5)", "00:00"),
        ("clock(Date.UTC(2026, 2, 2, 7, 5, 9))", "07:05:09 UTC"),
        ("moment('2026-03-02T15:04:59+00:00')", "2026-03-02 15:04"),
        ("second('2026-03-02T15:04:59.5+00:00')", "2026-03-02 15:04:59"),
        ("timeOfDay('2026-03-02T23:04:59+01:00')", "22:04:59"),
        ("second('no time')", "—"),
    ],
)
def test_figures_are_written_for_people(run: Callable[[str], Any], expression: str, words: str) -> None:
    assert run(expression) == words


def row(number: int, *, now: Any = "IDLE", **over: Any) -> BoardRow:
    cells: dict[str, Any] = dict.fromkeys(BoardRow._fields)
    cells |= {"id": UUID(int=number), "name": f"Bot {number}", "stage": "LAB", "symbol": "MES", "timeframe": "1h"}
    cells |= {"archetype": "breakout", "book": "BACKTEST", "promotion": "MANUAL", "spark": "", "caveats": 0}
    return BoardRow(**(cells | {"bot_now": json.dumps(now)} | over))


def fleet(*rows: BoardRow, then: str = "fleet") -> str:
    snapshot = f'{{"epoch": "e1", "seq": 5, "rows": {encode_rows(rows, sparks=False).decode()}}}'
    return f"(() => {{ const fleet = new Fleet(); fleet.load({snapshot}); return {then}; }})()"


def message(seq: int, *rows: BoardRow, epoch: str = "e1", kind: str = "rows", gone: tuple[UUID, ...] = ()) -> str:
    head = json.dumps({"type": kind, "epoch": epoch, "seq": seq, "gone": list(map(str, gone))})
    return f'{head[:-1]}, "rows": {encode_rows(rows, sparks=True).decode()}}}'


def test_a_page_of_one_bot_takes_its_row_whole_whatever_came_before(run: Callable[[str], Any]) -> None:
    messages = [
        message(9, row(1, name="Otter", spark="0z"), epoch="e1", kind="bot"),
        message(10, epoch="e1", kind="pulse"),
        message(2, row(1, name="Badger"), epoch="e2", kind="bot"),
    ]
    outcomes, bot = run(
        f"((otter) => [[{','.join(messages)}].map((message) => [otter.apply(message), otter.bot.name]), otter.bot])"
        "(new OneBot())"
    )
    assert outcomes == [["taken", "Otter"], ["known", "Otter"], ["taken", "Badger"]]
    assert (bot["id"], bot["botNow"]) == (str(UUID(int=1)), {"state": "IDLE"})


words = st.none() | st.sampled_from(["LAB", "PAPER", 'a "word" • of, two\n']) | st.text(max_size=5)
amounts = st.none() | st.floats(-1e7, 1e7).map(lambda usd: round(usd, 2))
rows_of_any_kind = st.lists(
    st.builds(
        BoardRow,
        **dict.fromkeys(BoardRow._fields, words)
        | {"id": st.uuids(), "name": st.text(max_size=9), "bot_now": st.sampled_from(['"IDLE"', '{"state":"ERROR"}'])}
        | {"proven": st.booleans(), "caveats": st.integers(0, 7)}
        | dict.fromkeys(
            ["log10_e", "unseen_sharpe", "net_pnl", "max_drawdown_usd", "sharpe", "confidence_pct", "uniqueness_pct"],
            amounts,
        )
        | dict.fromkeys(["generation", "trades"], st.none() | st.integers(0, 10**9)),
    ),
    max_size=6,
    unique_by=lambda row: row.id,
)


@given(rows=rows_of_any_kind, sparks=st.booleans())
@settings(deadline=None, max_examples=60)
def test_the_browser_reads_every_cell_the_server_sends(
    run: Callable[[str], Any], rows: list[BoardRow], sparks: bool
) -> None:
    read = run(f"botsOf({encode_rows(rows, sparks=sparks).decode()})")
    assert [bot["id"] for bot in read] == [str(row.id) for row in rows]
    for bot, stored in zip(read, rows, strict=True):
        now = json.loads(stored.bot_now)
        assert bot["botNow"] == ({"state": now} if isinstance(now, str) else now)
        assert (bot["name"], bot["source"], bot["lockedUntil"]) == (stored.name, stored.source, stored.locked_until)
        assert (bot["netPnl"], bot["maxDrawdownPct"], bot["trades"]) == (
            stored.net_pnl,
            stored.max_drawdown_pct,
            stored.trades,
        )
        assert (bot["log10E"], bot["proven"], bot["unseenSharpe"]) == (
            stored.log10_e,
            stored.proven,
            stored.unseen_sharpe,
        )
        assert int(bot["caveats"]) == stored.caveats
        assert (bot["confidencePct"], bot["uniquenessPct"]) == (stored.confidence_pct, stored.uniqueness_pct)
        assert ("spark" in bot) == sparks
        assert set(bot) == set(SENT) - (set() if sparks else {"spark"})


SENT = (
    *("id", "name", "stage", "symbol", "timeframe", "archetype", "generation", "botNow", "book", "since", "netPnl"),
    *("trades", "winPct", "maxDrawdownUsd", "maxDrawdownPct", "profitFactor", "sharpe", "log10E"),
    *("proven", "unseenSharpe", "confidencePct"),
    *("uniquenessPct", "source", "caveats", "lockedUntil", "promotion", "progressPct", "runId", "spark"),
)


def test_a_fleet_that_does_the_same_costs_little_beside_its_ids_and_names() -> None:
    bots = [
        row(number, id=uuid4(), since="2026-03-02T15:00:00+00:00", run_id=str(UUID(int=7))) for number in range(1000)
    ]
    sent = len(gzip.compress(encode_rows(bots, sparks=False)))
    ids_and_names = len(gzip.compress(b"".join(bot.id.bytes + bot.name.encode() for bot in bots)))
    assert sent < 1.1 * ids_and_names


def test_equity_lines_come_after_the_snapshot_and_with_a_change(run: Callable[[str], Any]) -> None:
    lines = "[...fleet.bots.values()].map((bot) => bot.spark ?? null)"
    assert run(fleet(row(1, spark="09z"), row(2), then=lines)) == [None, None]
    drawn = f"(fleet.draw({{'{UUID(int=1)}': '09z', '{UUID(int=3)}': 'zz'}}), {lines})"
    assert run(fleet(row(1), row(2), then=drawn)) == ["09z", None]
    changed = f"(fleet.apply({message(6, row(2, spark='z0'))}), {lines})"
    assert run(fleet(row(1), row(2), then=changed)) == [None, "z0"]


def test_messages_are_taken_in_order_and_a_gap_is_noticed(run: Callable[[str], Any]) -> None:
    def outcome(*messages: str) -> Any:
        return run(fleet(row(1), then=f"[{','.join(f'fleet.apply({message})' for message in messages)}]"))

    assert outcome(message(6, row(1)), message(7, row(2))) == ["taken", "taken"]
    assert outcome(message(5, row(1)), message(4, row(1))) == ["known", "known"]
    assert outcome(message(7, row(1))) == ["missed"]
    assert outcome(message(6, row(1), epoch="e2")) == ["missed"]
    assert outcome(message(5, kind="resync")) == ["missed"]
    assert outcome(message(5, kind="pulse")) == ["known"]
    assert outcome(message(9, kind="pulse")) == ["missed"]


def test_rows_change_arrive_and_go(run: Callable[[str], Any]) -> None:
    change = message(6, row(1, trades=9), row(3), gone=(UUID(int=2),))
    then = f"(fleet.apply({change}), [...fleet.bots.values()].map((bot) => [bot.name, bot.trades]))"
    assert run(fleet(row(1), row(2), then=then)) == [["Bot 1", 9], ["Bot 3", None]]


VIEW = {"sort": "activity", "descending": False, "stage": None, "activity": "all", "words": "", "bot": None}


def names_listed(run: Callable[[str], Any], rows: list[BoardRow], **view: Any) -> list[str]:
    then = f"fleet.listed({json.dumps(VIEW | view)}).map((bot) => bot.name)"
    names: list[str] = run(fleet(*rows, then=then))
    return names


def test_the_browser_knows_every_state_in_the_order_of_precedence(run: Callable[[str], Any]) -> None:
    assert run("STATES") == list(State)


def test_work_comes_first_and_unknown_figures_last_in_both_directions(run: Callable[[str], Any]) -> None:
    rows = [
        row(1),
        row(2, now={"state": "IMPROVING_QUEUED"}, net_pnl=-5),
        row(3, now={"state": "BACKTEST_RUNNING"}, net_pnl=7),
        row(10, now={"state": "ERROR"}),
    ]
    assert names_listed(run, rows) == ["Bot 3", "Bot 2", "Bot 10", "Bot 1"]
    assert names_listed(run, rows, sort="netPnl") == ["Bot 2", "Bot 3", "Bot 10", "Bot 1"]
    assert names_listed(run, rows, sort="netPnl", descending=True) == ["Bot 3", "Bot 2", "Bot 10", "Bot 1"]


def test_filters_narrow_by_words_stage_and_activity(run: Callable[[str], Any]) -> None:
    rows = [row(1, symbol="MNQ"), row(2, stage="PAPER"), row(3, now={"state": "EVOLVING_QUEUED"})]
    assert names_listed(run, rows, words="mnq bot") == ["Bot 1"]
    assert names_listed(run, rows, words="100%") == []
    assert names_listed(run, rows, stage="PAPER") == ["Bot 2"]
    assert names_listed(run, rows, activity="evolving") == ["Bot 3"]
    assert names_listed(run, rows, activity="idle") == ["Bot 1", "Bot 2"]


def test_totals_keep_books_apart_and_unknown_out(run: Callable[[str], Any]) -> None:
    rows = [
        row(1, net_pnl=10, source="SIMULATED"),
        row(2, net_pnl=-4, source="databento"),
        row(3),
        row(4, stage="PAPER", book="PAPER", net_pnl=100, source="databento"),
    ]
    books = {book["book"]: book for book in run(fleet(*rows, then="fleet.totals()"))["books"]}
    assert books["BACKTEST"] == {
        **{"book": "BACKTEST", "bots": 3, "measured": 2, "simulated": 1, "up": 1, "down": 1, "bust": 0},
        **{"low": 3, "median": 3, "high": 3},
    }
    assert (books["PAPER"]["measured"], books["PAPER"]["median"]) == (1, 100)


def test_each_bot_has_its_own_caveats_and_a_bust_one_is_counted_however_it_is_known(run: Callable[[str], Any]) -> None:
    rows = [row(number, net_pnl=-1, caveats=number) for number in range(8)]
    rows.append(row(8, net_pnl=-1, max_drawdown_pct=100))
    asked = "[...fleet.bots.values()].map((bot) => [isInSample(bot), wentBust(bot), isOfOlder(bot)])"
    assert run(fleet(*rows, then=asked)) == [
        *([bool(number & bit) for bit in (1, 2, 4)] for number in range(8)),
        [False, True, False],
    ]
    (book,) = run(fleet(*rows, then="fleet.totals()"))["books"]
    assert book["bust"] == 5


def test_accounts_are_counted_and_ranked_and_never_summed(run: Callable[[str], Any]) -> None:
    nets = [-166, -30, -20, 0, 40]
    rows = [row(number, net_pnl=net, max_drawdown_pct=-net) for number, net in enumerate(nets)]
    (book,) = run(fleet(*rows, then="fleet.totals()"))["books"]
    assert (book["up"], book["down"], book["bust"], book["measured"]) == (1, 3, 1, 5)
    assert (book["low"], book["median"], book["high"]) == (-30, -20, 0)
    assert "netPnl" not in book


def test_bots_without_a_figure_stand_last_those_at_work_before_those_at_rest(run: Callable[[str], Any]) -> None:
    rows = [
        row(1),
        row(2, now={"state": "BACKTEST_QUEUED"}),
        row(3, now={"state": "BACKTEST_RUNNING"}),
        row(4, net_pnl=-50),
        row(5, net_pnl=20),
    ]
    assert names_listed(run, rows, sort="netPnl", descending=True) == ["Bot 5", "Bot 4", "Bot 3", "Bot 2", "Bot 1"]


@given(st.lists(st.floats(1_000, 1_000_000), min_size=2, max_size=200))
def test_a_sparkline_keeps_its_ends_and_its_range(equity: list[float]) -> None:
    text = spark_text(equity)
    assert len(text) == min(len(equity), SPARK_POINTS)
    if max(equity) > min(equity) and len(equity) <= SPARK_POINTS:
        assert {"0", "z"} <= set(text)
    assert spark_text(equity[:1]) == ""


def test_a_thinned_sparkline_begins_and_ends_with_the_record() -> None:
    flat = [0.0] * (SPARK_POINTS * 5)
    assert spark_text([1.0, *flat]) == "z" + "0" * (SPARK_POINTS - 1)
    assert spark_text([*flat, 1.0]) == "0" * (SPARK_POINTS - 1) + "z"


def test_a_spark_is_drawn_inside_its_box(run: Callable[[str], Any]) -> None:
    points = [tuple(map(float, point.split())) for point in re.split("[ML]", run("sparkPath('0zk', 96, 20)"))[1:]]
    assert points == [(0.0, 18.5), (48.0, 1.5), (96.0, pytest.approx(8.8, abs=0.1))]
    assert run("sparkPath('z', 96, 20)") == ""


def own_files() -> list[Path]:
    kept = [*STATIC.rglob("*.js"), *STATIC.rglob("*.css"), *(STATIC.parent / "templates").rglob("*.html")]
    return [path for path in kept if "vendor" not in path.parts]


def test_the_forbidden_words_stand_in_no_file_of_the_page() -> None:
    assert len(own_files()) > 10
    for path in own_files():
        text = path.read_text("utf-8")
        assert not re.search(r"fresh", text.replace("refresh", "").replace("Refresh", ""), re.IGNORECASE), path
        assert not re.search(r"['\"`>]OK['\"`<]", text), path


def test_the_page_obeys_its_own_policy() -> None:
    for page in SITE:
        obeys(render(page, base="/static/x", vendor={"uplot.js", "fonts.css"}, runs_port=3000))
    for path in own_files():
        if path.suffix == ".js":
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", path.read_text("utf-8")
            )


def obeys(page: str) -> None:
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:|https?://", page)
    assert all(tag.strip() == "" for tag in re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL))


def test_every_module_a_page_imports_is_asked_for_at_once() -> None:
    for page in SITE:
        listed = {page.script, *COMMON, *page.modules}
        assert listed == imported(page.script), page.name


def imported(script: str) -> set[str]:
    """Every module a script needs, read from the import lines themselves."""
    reached, open_ = set(), [script]
    while open_:
        name = open_.pop()
        if name not in reached:
            reached.add(name)
            open_ += re.findall(r"^import .*?from \"\./([a-z_]+)\.js\";$", (JS / f"{name}.js").read_text(), re.M | re.S)
    return reached


def test_a_page_brings_the_list_of_figures_and_the_browser_writes_each_by_its_form() -> None:
    page = render(SITE[0], base="/static/x", vendor=set(), runs_port=3000)
    (sent,) = re.findall(r'data-figures="([^"]*)"', page)
    context = MiniRacer()
    context.eval(f"const document = {{documentElement: {{dataset: {{figures: {json.dumps(unescape(sent))}}}}}}};")
    source = "\n".join((JS / f"{name}.js").read_text("utf-8") for name in ("format", "figures"))
    context.eval(re.sub(r"^export ", "", re.sub(r"^import .*$", "", source, flags=re.MULTILINE), flags=re.MULTILINE))
    book = {camel(word_of(name)): 12.3456 for name in FIGURES} | {"trades": 1234}
    written = json.loads(str(context.eval(f"JSON.stringify(writtenOf({json.dumps(book)}))")))
    words = {figure["label"]: figure["words"] for figure in written}
    assert list(words) == [figure.label for figure in FIGURES.values()]
    assert (words["Net P&L"], words["Trades"], words["Win %"]) == ("+$12.35", "1,234", "12.3%")
    assert (words["Max DD"], words["Max DD %"], words["Sharpe"]) == ("-$12.35", "12.3%", "12.35")
    assert {figure["words"] for figure in json.loads(str(context.eval("JSON.stringify(writtenOf({}))")))} == {"—"}


def test_scripts_are_sent_without_the_comments_between_their_lines_and_with_all_else_in_its_line() -> None:
    scripts = sorted((STATIC / "js").glob("*.js"))
    for path in scripts:
        written, sent = (text.decode().split("\n") for text in (path.read_bytes(), without_comments(path.read_bytes())))
        assert len(written) == len(sent)
        changed = [line for line, now in zip(written, sent, strict=True) if line != now]
        assert re.sub(r"/\*\*.*?\*/", "", "\n".join(changed), flags=re.DOTALL).strip() == "", path
        assert not any(line.lstrip().startswith("/**") and line.rstrip().endswith("*/") for line in sent), path
    assert len(scripts) > 30


def test_the_path_of_static_files_names_their_content(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    first = content_hash(tmp_path)
    (tmp_path / "a.js").write_text("2")
    second = content_hash(tmp_path)
    (tmp_path / "a.js").rename(tmp_path / "b.js")
    assert len({first, second, content_hash(tmp_path)}) == 3


@pytest.mark.thorough
def test_vendored_files_are_built_once_and_rebuilt_when_damaged(tmp_path: Path) -> None:
    assert not vendor.is_whole(tmp_path)
    assert vendor.ensure(tmp_path)
    assert vendor.is_whole(tmp_path)
    for name in ("inter.woff2", "jetbrains-mono.woff2"):
        assert (tmp_path / name).read_bytes()[:4] == b"wOF2"
        assert (tmp_path / name).stat().st_size < 40_000
    (tmp_path / "uplot.js").write_text("alert('changed')")
    assert not vendor.is_whole(tmp_path)
    assert vendor.ensure(tmp_path)
    assert "alert('changed')" not in (tmp_path / "uplot.js").read_text()


def test_a_wheel_with_other_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = vendor.COPIES[0]
    forged = vendor.Source(source.package, source.path, "0" * 64)
    monkeypatch.setattr(vendor, "COPIES", ((forged, target), *vendor.COPIES[1:]))
    with pytest.raises(vendor.BadWheel, match="another hash"):
        vendor.build(tmp_path)
    assert not vendor.ensure(tmp_path)
    assert list(tmp_path.glob("*.js")) == []
