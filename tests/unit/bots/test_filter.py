"""The board's filter: what its words mean, what is refused, and that browser and server read it alike."""

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_mini_racer import MiniRacer

from api.pages.board_words import FILTER_WORDS
from api.pages.shell import STATIC
from trading.bots.filter import FIELDS, FIGURES, Filterable, bot_filter
from trading.errors import BadInput

Run = Callable[[str], Any]
BOT = {
    "id": str(UUID(int=1)),
    "name": "Amber Otter",
    "symbol": "MES",
    "timeframe": "5m",
    "archetype": "vwap_bounce",
    "stage": "LAB",
    "botNow": {"state": "BACKTEST_QUEUED"},
    "source": "SIMULATED",
    "generation": 3,
    "netPnl": -12.5,
    "winPct": 40.0,
    "trades": 60,
    "maxDrawdownPct": 120.0,
    "profitFactor": None,
    "sharpe": -0.4,
    "log10E": 1.5,
    "unseenSharpe": 1.1,
    "confidencePct": None,
    "uniquenessPct": 9.1,
}
KEYS = {
    **{"gen": "generation", "net": "netPnl", "win": "winPct", "trades": "trades", "dd": "maxDrawdownPct"},
    **{"pf": "profitFactor", "sharpe": "sharpe", "oos": "unseenSharpe", "conf": "confidencePct"},
    "uniq": "uniquenessPct",
}


@pytest.fixture(scope="module")
def run() -> Run:
    context = MiniRacer()
    context.eval(re.sub(r"^export ", "", (STATIC / "js" / "filter.js").read_text("utf-8"), flags=re.MULTILINE))
    return lambda expression: json.loads(str(context.eval(f"JSON.stringify({expression})")))


def filterable(bot: dict[str, Any]) -> Filterable:
    words = {name: bot[name] for name in ("name", "symbol", "timeframe", "stage")}
    words |= {"style": bot["archetype"], "state": bot["botNow"]["state"], "source": bot["source"] or ""}
    return Filterable(
        words={name: word.lower() for name, word in words.items()},
        figures={name: bot[key] for name, key in KEYS.items()} | {"e": 10 ** bot["log10E"]},
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "amber", "OTTER mes", "vwap", "simul", "5m", "lab", "g3"),
        *("tf:5m", "tf:1h,5m", "timeframe:5M", "symbol:mes", "style:vwap", "archetype:bounce", "state:queued"),
        *("state:backtest", "source:simulated", "-source:real", "stage:lab", "name:amb", "gen:3", "gen:g3", "gen>=3"),
        *(
            "net<0",
            "net>-13",
            "net=-12.5",
            "dd>=100",
            "trades>50 win<=40",
            "-pf>0",
            "e>20 e<32",
            "oos>1",
            "tf:",
            "net>",
            "-amber1",
        ),
    ],
)
def test_a_bot_passes_what_is_true_of_it(run: Run, text: str) -> None:
    assert bot_filter(text).passes(filterable(BOT))
    assert run(f"filterOf({json.dumps(text)}).holds({json.dumps(BOT)})")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "heron",
            "amber heron",
            "15m",
            "tf:15m",
            "symbol:me",
            "stage:la",
            "state:running",
            "source:real",
            "-source:simulated",
        ),
        *("gen:2", "-gen:3", "net>0", "pf>0", "pf<1", "conf>=0", "dd<100", "trades>60", "-amber", "-lab"),
    ],
)
def test_a_bot_does_not_pass_what_is_not_true_of_it_or_unknown(run: Run, text: str) -> None:
    assert not bot_filter(text).passes(filterable(BOT))
    assert not run(f"filterOf({json.dumps(text)}).holds({json.dumps(BOT)})")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour:red", "there is no field colour"),
        ("net>much", "net is compared with a number, was much"),
        ("stage>lab", "stage is a word, so it takes : and not >"),
    ],
)
def test_what_cannot_be_read_is_said_and_passes_nobody(run: Run, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)) as refused:
        bot_filter(text)
    assert run(f"filterOf({json.dumps(text)}).wrong") == str(refused.value)
    assert not run(f"filterOf({json.dumps(text)}).holds({json.dumps(BOT)})")


names = st.sampled_from([*FIELDS, *FIGURES, "colour"])
values = st.sampled_from(
    ["", "5m", "mes", "amber", "real", "simulated", "3", "g3", "-12.5", "0", "idle", "1e3", "5m,1h"]
)
terms = st.one_of(
    st.builds(
        "{}{}{}{}".format, st.sampled_from(["", "-"]), names, st.sampled_from([":", "=", ">", ">=", "<"]), values
    ),
    st.text(alphabet="-abg35m:>=< ", max_size=8),
)
bots = st.fixed_dictionaries(
    {key: st.just(value) for key, value in BOT.items()}
    | {
        "source": st.sampled_from([None, "SIMULATED", "databento"]),
        "timeframe": st.sampled_from(["5m", "15m"]),
        "generation": st.sampled_from([None, 3, 4]),
        "netPnl": st.sampled_from([None, -12.5, 0.0, 3.0]),
        "profitFactor": st.sampled_from([None, 0.0, 3.0]),
    }
)


@given(text=st.lists(terms, max_size=3).map(" ".join), bot=bots)
@settings(deadline=None, max_examples=400)
def test_the_browser_filters_as_the_server_does(run: Run, text: str, bot: dict[str, Any]) -> None:
    in_the_page = run(f"((read) => [read.holds({json.dumps(bot)}), read.wrong])(filterOf({json.dumps(text)}))")
    try:
        expected: list[bool | str | None] = [bot_filter(text).passes(filterable(bot)), None]
    except BadInput as refused:
        expected = [False, str(refused)]
    assert in_the_page == expected


def test_every_example_of_the_help_is_a_filter() -> None:
    for example, _ in FILTER_WORDS:
        assert bot_filter(example).terms
