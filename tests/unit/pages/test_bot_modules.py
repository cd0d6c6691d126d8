"""The modules of a bot's page that are free of DOM, run in V8: marks, descent, the gate's figures, reasons in words."""

import json
import re
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_mini_racer import MiniRacer
from pydantic.alias_generators import to_camel

from api.pages.shell import STATIC
from services.bots.dossier import folded_decisions
from store.bots.fleet import SORTS
from store.work.autonomy_ticks import DecisionOfBot
from trading.governance.gates import GATES, GateRule, Relation
from trading.improvement.acceptance import Outcome
from trading.work.reasons import CHECK_WORDS, SWITCHES

JS = STATIC / "js"
MODULES = ("format", "filter", "folds", "store", "files", "marks", "lineage", "reasons")
Run = Callable[[str], Any]


@pytest.fixture(scope="module")
def run() -> Run:
    """Evaluates an expression after the modules, whose exports share one scope."""
    source = "\n".join((JS / f"{name}.js").read_text("utf-8") for name in MODULES)
    source = re.sub(r"^import .*$", "", source, flags=re.MULTILINE)
    context = MiniRacer()
    context.eval(re.sub(r"^export ", "", source, flags=re.MULTILINE))
    return lambda expression: json.loads(str(context.eval(f"JSON.stringify({expression})")))


def mark(at: str, *books: str, kind: str = "RESET") -> dict[str, Any]:
    return {"at": at, "kind": kind, "label": kind, "detail": "", "books": list(books)}


def test_marks_are_those_of_the_book_inside_the_span_oldest_first(run: Run) -> None:
    marks = [
        mark("2026-03-02T15:00:00Z", kind="STAGE"),
        mark("2026-03-01T00:00:00Z", "PAPER", "SHADOW"),
        mark("2026-03-01T12:00:00Z", "BACKTEST"),
        mark("2026-02-01T00:00:00Z", "PAPER"),
    ]
    first, last = (run(f"Date.parse('{at}') / 1000") for at in ("2026-03-01T00:00:00Z", "2026-03-02T15:00:00Z"))
    within = run(f"marksWithin({json.dumps(marks)}, 'PAPER', {{from: {first}, to: {last}}})")
    assert [(line["seconds"], line["mark"]["kind"]) for line in within] == [(first, "RESET"), (last, "STAGE")]


def test_a_record_is_marked_where_another_genome_takes_over_and_where_looks_were_taken(run: Run) -> None:
    searched = {"origin": "WALK_FORWARD", "generationNumber": 1}
    first, second = ({"origin": "IN_FORCE", "generationNumber": number} for number in (1, 2))
    record = {
        "stretches": [
            searched | {"firstOn": "2026-01-05"},
            searched | {"firstOn": "2026-02-02"},
            first | {"firstOn": "2026-03-02"},
            first | {"firstOn": "2026-03-05"},
            second | {"firstOn": "2026-03-06"},
        ]
    }
    looks = [
        {"lastOn": "2026-03-05", "epoch": 1, "number": 2, "passed": True, "newGeneration": 2, "reason": "so"},
        {"lastOn": "2026-03-04", "epoch": 1, "number": 1, "passed": False, "newGeneration": None, "reason": "luck"},
    ]
    marks = [line["mark"] for line in run(f"recordMarks({json.dumps(record)}, {json.dumps(looks)})")]
    assert [(mark["at"], mark["label"]) for mark in marks] == [
        ("2026-03-02", "G1"),
        ("2026-03-04", "look 1.1 lost"),
        ("2026-03-05", "look 1.2 won"),
        ("2026-03-06", "G2"),
    ]
    assert marks[2]["detail"] == "won: G2, so"


labels = st.lists(st.tuples(st.integers(0, 1_000), st.integers(5, 120)), max_size=40).map(sorted)


@given(labels)
@settings(deadline=None)
def test_no_label_covers_another_and_none_leaves_the_chart(run: Run, labels: list[tuple[int, int]]) -> None:
    given_labels = [{"x": x, "width": width} for x, width in labels]
    placed = run(f"laidOut({json.dumps(given_labels)}, 1000)")
    taken: dict[int, list[tuple[float, float]]] = {}
    for place, (_, width) in zip(placed, labels, strict=True):
        if place is None:
            continue
        left, right = place["x"], place["x"] + width
        assert right <= 1_000
        assert all(left >= other_right for _, other_right in taken.get(place["lane"], []))
        taken.setdefault(place["lane"], []).append((left, right))
    if labels:
        assert placed[0] is not None


@given(st.lists(st.integers(-1_000, 1_000), unique=True, max_size=30).map(sorted), st.integers(-1_200, 1_200))
@settings(deadline=None)
def test_the_nearest_place_is_the_nearest(run: Run, places: list[int], value: int) -> None:
    at = run(f"nearest({json.dumps(places)}, {value})")
    if not places:
        assert at == -1
        return
    assert abs(places[at] - value) == min(abs(place - value) for place in places)
    assert at in (bisect_left(places, value), bisect_left(places, value) - 1)


def test_the_shown_figure_holds_until_now_and_is_a_gap_while_unknown(run: Run) -> None:
    snapshots = [
        {"takenAt": "1970-01-01T00:00:10Z", "netPnlUsd": 5},
        {"takenAt": "1970-01-01T00:00:20Z", "netPnlUsd": None},
        {"takenAt": "1970-01-01T00:00:30Z", "netPnlUsd": -2},
    ]
    assert run(f"steps({json.dumps(snapshots)}, 40000)") == [[10, 20, 30, 40], [5, None, -2, -2]]
    assert run("steps([], 40000)") == [[], []]


genomes = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3), max_size=6)


@given(genomes, genomes)
@settings(deadline=None)
def test_the_changes_turn_the_parent_into_the_child(run: Run, parent: dict[str, int], child: dict[str, int]) -> None:
    changes = run(f"genomeDiff({json.dumps(parent)}, {json.dumps(child)})")
    rebuilt = dict(parent)
    for change in changes:
        assert change.get("from") == parent.get(change["name"])
        if "to" in change:
            rebuilt[change["name"]] = change["to"]
        else:
            del rebuilt[change["name"]]
    assert rebuilt == child
    assert [change["name"] for change in changes] == sorted(
        name for name in {*parent, *child} if parent.get(name) != child.get(name)
    )


def iteration(number: int, at: str, **over: Any) -> dict[str, Any]:
    columns = {
        "id": f"i{number}",
        "jobType": "IMPROVE",
        "iteration": number,
        "parentGeneration": 1,
        "newGeneration": None,
        "accepted": False,
        "reasonCode": "COULD_BE_LUCK",
        "reason": "why",
        "candidatesTried": 32,
        "genome": {"a": 9},
        "testSharpe": 0.5,
        "testNetPnlUsd": 10,
        "testTrades": 20,
        "evidence": {"parent_test_sharpe": 0.25},
        "completedAt": at,
    }
    return columns | over


def generation(number: int, at: str, **over: Any) -> dict[str, Any]:
    columns = {"generationNumber": number, "genome": {"a": number}, "origin": "IMPROVE", "createdAt": at}
    return columns | {"parentGeneration": number - 1 or None, "reason": None} | over


def test_descent_shows_every_try_once_with_its_verdict_and_changes(run: Run) -> None:
    iterations = [
        iteration(
            3,
            "2026-03-04T00:00:00Z",
            accepted=True,
            newGeneration=3,
            parentGeneration=2,
            genome=None,
            testSharpe=None,
            reasonCode="REVERTED",
            evidence={"candidate_test_sharpe": 1.5},
        ),
        iteration(2, "2026-03-03T00:00:00Z", accepted=True, newGeneration=2, reasonCode="ACCEPTED"),
        iteration(1, "2026-03-02T00:00:00Z"),
    ]
    generations = [
        generation(3, "2026-03-04T00:00:00Z", genome={"a": 1}, origin="REVERT"),
        generation(2, "2026-03-03T00:00:00Z"),
        generation(1, "2026-03-01T00:00:00Z", origin="SEED"),
    ]
    steps = run(f"descent({json.dumps(iterations)}, {json.dumps(generations)})")
    assert [(step["title"], step["verdict"], step["sharpe"]) for step in steps] == [
        ("G3", "REVERTED", 1.5),
        ("G2", "KEPT", 0.5),
        ("G1", "REJECTED", 0.5),
        ("G1", "SEED", None),
    ]
    assert [step["changes"] for step in steps] == [
        [{"name": "a", "from": 2, "to": 1}],
        [{"name": "a", "from": 1, "to": 2}],
        [{"name": "a", "from": 1, "to": 9}],
        None,
    ]


def test_a_parent_that_is_not_known_gives_no_changes_instead_of_invented_ones(run: Run) -> None:
    steps = run(f"descent({json.dumps([iteration(1, '2026-03-02T00:00:00Z')])}, [])")
    assert steps[0]["changes"] is None


@given(
    relation=st.sampled_from(Relation),
    required=st.floats(0, 100),
    was=st.one_of(st.none(), st.floats(-200, 200)),
)
@settings(deadline=None)
def test_a_requirement_is_wholly_met_exactly_when_the_gate_says_so(
    run: Run, relation: Relation, required: float, was: float | None
) -> None:
    met = run(f"metFraction({json.dumps({'relation': relation, 'required': required, 'was': was})})")
    if was is None:
        assert met is None
        return
    assert 0 <= met <= 1
    holds = {"≥": was >= required, ">": was >= required, "≤": was <= required, "<": was <= required}[relation]
    assert (met == 1) is holds or abs(was - required) < 1e-9


def rules() -> list[GateRule]:
    return [rule for table in GATES.values() for rule in (*table.figures, *table.besides)]


def test_requirements_that_are_either_so_or_not_are_said_in_words(run: Run) -> None:
    def spoken(code: str, was: float | None) -> Any:
        return run(f"spokenCheck({json.dumps({'code': code, 'relation': '≥', 'required': 1, 'was': was})})")

    assert spoken("REAL_MARKET_DATA", 0) == {"needed": "yes", "was": "no"}
    assert spoken("REAL_MARKET_DATA", 1) == {"needed": "yes", "was": "yes"}
    assert spoken("STRESS_SUITE_PASSED", None) == {"needed": "yes", "was": None}
    assert spoken("HAS_LOSING_TRADES", 1017) == {"needed": "≥ 1", "was": "1,017"}


@pytest.mark.parametrize("code", sorted({*Outcome, *(rule.code for rule in rules())}))
def test_every_code_a_page_can_show_has_words(run: Run, code: str) -> None:
    assert run(f"WORDS.has('{code}')")
    assert "_" not in run(f"wordsFor('{code}')")


@pytest.mark.parametrize("code", sorted({rule.code for rule in rules()}))
def test_a_page_heads_what_a_gate_asks_as_the_command_line_and_the_reference_do(run: Run, code: str) -> None:
    assert run(f"wordsFor('{code}')") == CHECK_WORDS[code]
    assert run(f"SWITCHES.has('{code}')") is (code in SWITCHES)


def test_a_code_without_words_is_still_read(run: Run) -> None:
    assert run("wordsFor('SOME_NEW_CODE')") == "some new code"
    assert run("wordsFor(null)") == ""


def decision(at: int, code: str, *, job: str | None = None) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        "decision": "ENQUEUE" if job else "SKIP",
        "jobType": job,
        "reasonCode": code,
        "blockers": [],
    }
    return chosen | {"startedAt": f"2026-03-02T15:00:{at:02d}Z"}


def test_decisions_that_repeat_are_one_line(run: Run) -> None:
    decisions = [decision(9, "A"), decision(8, "A"), decision(7, "B", job="IMPROVE"), decision(6, "A")]
    runs = run(f"runsOf({json.dumps(decisions)})")
    assert [
        (folded["decision"]["reasonCode"], folded["times"], folded["first"][-3:], folded["last"][-3:])
        for folded in runs
    ] == [
        ("A", 2, "08Z", "09Z"),
        ("B", 1, "07Z", "07Z"),
        ("A", 1, "06Z", "06Z"),
    ]


outcomes = st.sampled_from([("A", None, ()), ("A", None, ("X",)), ("B", "IMPROVE", ()), ("B", "EVOLVE", ())])


@given(st.lists(outcomes, max_size=12))
@settings(deadline=None)
def test_the_command_line_groups_decisions_as_the_page_does(run: Run, outcomes: list[tuple[str, Any, Any]]) -> None:
    newest = datetime(2026, 3, 2, 15, tzinfo=UTC)
    decided: list[dict[str, Any]] = [
        {
            "started_at": newest - timedelta(seconds=9 * number),
            "decision": "ENQUEUE" if job else "SKIP",
            "job_type": job,
            "reason_code": code,
            "blockers": blockers,
        }
        for number, (code, job, blockers) in enumerate(outcomes)
    ]
    spoken = [{to_camel(name): value for name, value in decision.items()} for decision in decided]
    decisions = [DecisionOfBot(run_id=1, **decision) for decision in decided]
    page = run(f"runsOf({json.dumps(spoken, default=str)})")
    assert [
        (str(folded.first), str(folded.last), folded.times, folded.decision.reason_code)
        for folded in folded_decisions(decisions)
    ] == [(folded["first"], folded["last"], folded["times"], folded["decision"]["reasonCode"]) for folded in page]


@pytest.mark.parametrize(
    ("view", "asked"),
    [
        ({}, {"sort": ["activity"]}),
        ({"sort": "netPnl", "descending": True, "stage": "LAB"}, {"sort": ["-netPnl"], "stage": ["LAB"]}),
        ({"sort": "maxDrawdownUsd"}, {"sort": ["maxDrawdownUsd"]}),
        ({"sort": "confidence", "descending": True}, {"sort": ["name"]}),
        ({"words": "  mnq  otter "}, {"sort": ["activity"], "filter": ["mnq otter"]}),
        (
            {"activity": "backtesting"},
            {"sort": ["activity"], "state": ["BACKTEST_RUNNING", "BACKTEST_QUEUED"]},
        ),
    ],
)
def test_the_file_of_the_board_asks_for_what_is_shown(run: Run, view: dict[str, Any], asked: dict[str, Any]) -> None:
    whole = {"sort": "activity", "descending": False, "stage": None, "activity": "all", "words": ""} | view
    url = urlsplit(run(f"boardFile({json.dumps(whole)})"))
    assert (url.path, parse_qs(url.query)) == ("/api/bots.csv", asked)
    assert {sort.removeprefix("-") for sort in asked["sort"]} <= set(SORTS)


def lines(run: Run, says_in_order: str, *, opened: list[int] | None = None, least: int = 3) -> list[Any]:
    rows = json.dumps([{"id": number, "says": says} for number, says in enumerate(says_in_order)])
    how = f"{{same: (a, b) => a.says === b.says, key: (row) => row.id, open: new Set({opened or []}), least: {least}}}"
    rows_folded: list[Any] = run(f"folded({rows}, {how}).map((row) => [row.says, row.run?.length ?? 1])")
    return rows_folded


def test_lines_that_say_the_same_are_one_line_that_opens(run: Run) -> None:
    assert lines(run, "aabbbac") == [["a", 1], ["a", 1], ["b", 3], ["a", 1], ["c", 1]]
    assert lines(run, "bbbb", least=5) == [["b", 1]] * 4
    assert lines(run, "abbbb", opened=[4]) == [["a", 1], ["b", 1], ["b", 1], ["b", 1], ["b", 1]]
    assert lines(run, "") == []


@given(st.text(alphabet="ab", max_size=12))
@settings(deadline=None, max_examples=40)
def test_folding_loses_no_line(run: Run, written: str) -> None:
    assert "".join(says * times for says, times in lines(run, written)) == written
