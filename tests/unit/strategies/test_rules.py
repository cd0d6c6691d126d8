"""Rules as data: read right, refused with line and column, and equal to a second opinion that shares no code."""

import string
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.rule_reader import Node, Reader, TooCloseToCall, written
from tests.oracle.rules import Chart
from tests.oracle.series import flat_sessions, made_bars, random_bars, random_sessions
from trading.arrays import IntArray
from trading.backtests.engine import Account, Exits, order_list_hash, run_signals
from trading.errors import RuleSyntaxError
from trading.market.bars import Bars
from trading.market.instruments import instrument
from trading.market.sessions import SessionIndex
from trading.strategies.genome import default_genome
from trading.strategies.rules import parse_rule, rule_signal_at, rule_signals, rule_text
from trading.strategies.rules.columns import rule_signals as signals_of
from trading.strategies.signals import signals
from trading.strategies.tape import Tape, tape_of
from trading.verification.lookahead import leaks

BREAKOUT = """
long:  close crosses above highest(high, 10)[1] and volume > 1.5 * sma(volume, 20)
short: mirror
"""

AS_RULES = {
    "breakout": "long: close > highest(high, 10)[1] and volume >= 1.5 * sma(volume, 20) short: mirror",
    "mean_reversion": "long: rsi(close, 14) <= 30 and vwap - close >= 1 * atr(14) short: mirror",
    "trend_ema_cross": """
        (ema(close, 9) > ema(close, 21) and momentum(close, 10) > 0)
        and not (ema(close, 9) > ema(close, 21) and momentum(close, 10) > 0)[1]
        short: mirror""",
    "gap_fade": """
        long: bars_since_open < 1 and -gap >= 0.5 * atr(14) and session_open - 0.5 * gap > close
        short: mirror""",
    "reversal": "long: rsi(close, 14) <= 25 and low <= lowest(low, 5) short: mirror",
    "momentum_surge": "long: momentum(close, 5) >= 0.5 * atr(14) and volume >= 1.3 * sma(volume, 20) short: mirror",
    "range_scalper": """
        long: highest(high, 10) > lowest(low, 10) and highest(high, 10) - lowest(low, 10) <= 1.5 * atr(14)
              and close - lowest(low, 10) <= 0.2 * (highest(high, 10) - lowest(low, 10))
        short: mirror""",
}


LONGEST_SESSION_BARS = 60


def market(seed: int, *, n_bars: int = 900) -> tuple[Bars, SessionIndex]:
    rng = np.random.default_rng([seed, 41])
    return random_bars(rng, n_bars), random_sessions(rng, n_bars, longest=LONGEST_SESSION_BARS)


def tape_at(seed: int, *, n_bars: int = 900) -> Tape:
    return tape_of(*market(seed, n_bars=n_bars))


def sides(text: str, rows: list[tuple[int, int, int, int]], *, volume: list[int] | None = None) -> list[int]:
    bars = made_bars(rows, volume=volume)
    wanted: list[int] = rule_signals(tape_of(bars, flat_sessions(len(rows))), parse_rule(text)).side.tolist()
    return wanted


def closing(*closes: int) -> list[tuple[int, int, int, int]]:
    return [(close, close + 1, close - 1, close) for close in closes]


def test_reads_a_crossing_at_the_bar_it_happens() -> None:
    rows = closing(10, 9, 12, 13, 9, 12)
    assert sides("long: close crosses above close[1] short: never unit: 1 ticks", rows) == [0, 0, 1, 0, 0, 1]
    assert sides("long: never short: close < open[1] unit: 1 ticks", rows) == [0, -1, 0, 0, -1, 0]


def test_knows_and_or_not_and_brackets_in_their_order() -> None:
    rows = closing(*[10, 11, 12, 11, 10] * 3)
    either = "long: close > close[1] or close < close[1] and close < 0 * close + close[2] short: never unit: 1 ticks"
    bound = "long: (close > close[1] or close < close[1]) and close < close[2] short: never unit: 1 ticks"
    assert sides(either, rows)[2:5] == [1, 0, 1]
    assert sides(bound, rows)[2:5] == [0, 0, 1]
    assert sides("long: not close > close[1] short: never unit: 1 ticks", rows)[1:5] == [0, 0, 1, 1]


def test_says_nothing_where_both_sides_hold() -> None:
    assert sides("long: close >= close[1] short: mirror unit: 1 ticks", closing(5, 5, 6, 5)) == [0, 0, 1, -1]


def test_keeps_what_is_unknown_unknown_under_not() -> None:
    rows = closing(5, 5, 6, 7)
    assert sides("long: not close - open > 0 short: never unit: 1 ticks", rows) == [1, 1, 1, 1]
    assert sides("long: not (close - open) / (high - low - 2 ticks) > 0 short: never unit: 1 ticks", rows) == [0] * 4


@pytest.mark.parametrize("name", sorted(AS_RULES))
def test_equals_the_family_it_spells_out(name: str) -> None:
    rule, seen = parse_rule(AS_RULES[name]), 0
    for seed in range(12):
        tape = tape_at(seed)
        family = signals(tape, name, default_genome(name))
        first = max(family.warm_up_bars, rule.warm_up_bars)
        assert np.array_equal(rule_signals(tape, rule).side[first:], family.side[first:])
        seen += int(np.count_nonzero(family.side[first:]))
    assert seen > 0


LEVELS = st.sampled_from([("open",), ("high",), ("low",), ("close",)])
BARS = st.integers(1, 4)


def windows(steady: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    names = st.sampled_from(["sma", "ema", "highest", "lowest"])
    return st.tuples(names, steady, BARS)


STEADY = st.recursive(LEVELS, lambda inner: windows(inner) | st.tuples(st.just("back"), inner, BARS), max_leaves=2)
PRICES = (
    STEADY
    | st.just(("vwap",))
    | st.just(("session_open",))
    | st.tuples(st.sampled_from(["min", "max"]), STEADY, STEADY)
)
DISTANCES = st.one_of(
    st.tuples(st.just("-"), PRICES, PRICES),
    st.tuples(st.just("momentum"), STEADY, BARS),
    st.tuples(st.just("atr"), BARS),
    st.just(("gap",)),
    st.tuples(st.just("ticks"), st.integers(0, 9)),
    st.tuples(st.just("abs"), st.tuples(st.just("-"), PRICES, PRICES)),
    st.tuples(st.just("*"), st.tuples(st.just("number"), st.sampled_from([0.5, 2.0])), st.tuples(st.just("atr"), BARS)),
)
VOLUMES = st.one_of(
    st.just(("volume",)), st.tuples(st.just("sma"), st.just(("volume",)), BARS), st.just(("contracts", 400))
)
NUMBERS = st.one_of(
    st.tuples(st.just("number"), st.integers(0, 100).map(float)),
    st.tuples(st.just("rsi"), STEADY, st.integers(2, 4)),
    st.just(("bars_since_open",)),
    st.tuples(st.just("/"), DISTANCES, st.tuples(st.just("atr"), BARS)),
)
RELATIONS = st.sampled_from([">", ">=", "<", "<=", "above", "below"])
COMPARISONS = st.one_of(
    *(st.tuples(RELATIONS, alike, alike) for alike in (PRICES, PRICES, DISTANCES, VOLUMES, NUMBERS))
)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
        st.tuples(st.just("not"), inner),
        st.tuples(st.just("back"), inner, st.integers(0, 3)),
    ),
    max_leaves=4,
)


def second_opinion(reader: Reader, node: Node, i: int) -> bool | str | None:
    try:
        return reader.verdict(node, i)
    except TooCloseToCall:
        return "?"


@pytest.mark.thorough
@pytest.mark.scorecard(25)
@settings(max_examples=150)
@given(condition=CONDITIONS, seed=st.integers(0, 10_000))
def test_agrees_with_a_reader_that_shares_no_code(condition: Node, seed: int) -> None:
    bars, sessions = market(seed, n_bars=180)
    bars = bars if bars.has_volume else replace(bars, volume=np.arange(180) % 7 * 100)
    rule = parse_rule(f"long: {written(condition)} short: mirror unit: 1 ticks")
    sides = rule_signals(tape_of(bars, sessions), rule).side.tolist()
    chart = Chart(bars, sessions)
    long, short = Reader(chart), Reader(chart, mirrored=True)
    for i in range(rule.warm_up_bars, 180):
        wanted = [second_opinion(reader, condition, i) for reader in (long, short)]
        if "?" not in wanted:
            side = (wanted[0] is True) - (wanted[1] is True)
            assert sides[i] == (side if sessions.is_open[i] else 0), f"bar {i}: {written(condition)}"
    assert not any(sides[: rule.warm_up_bars])


@settings(max_examples=60)
@given(condition=CONDITIONS, seed=st.integers(0, 10_000))
def test_mirrors_exactly_on_the_market_upside_down(
    condition: Node,
    seed: int,
) -> None:
    bars, sessions = market(seed, n_bars=150)
    negated = replace(
        bars,
        open_ticks=-bars.open_ticks,
        high_ticks=-bars.low_ticks,
        low_ticks=-bars.high_ticks,
        close_ticks=-bars.close_ticks,
    )
    rule = parse_rule(f"long: {written(condition)} short: mirror unit: atr(2)")
    up, down = (rule_signals(tape_of(series, sessions), rule) for series in (bars, negated))
    assert np.array_equal(up.side, -down.side)


@settings(max_examples=60)
@given(condition=CONDITIONS, seed=st.integers(0, 10_000), later=st.integers(1, 40))
def test_raising_every_price_moves_nothing(
    condition: Node,
    seed: int,
    later: int,
) -> None:
    bars, sessions = market(seed, n_bars=150)
    raised = replace(bars, **{name: getattr(bars, name) + later for name in PRICE_COLUMNS})
    rule = parse_rule(f"long: {written(condition)} short: never unit: atr(2)")
    reader, engine = (
        Reader(Chart(bars, sessions)),
        [rule_signals(tape_of(b, sessions), rule).side for b in (bars, raised)],
    )
    for i in np.flatnonzero(engine[0] != engine[1]):
        assert second_opinion(reader, condition, int(i)) == "?", f"bar {i}: {written(condition)}"


PRICE_COLUMNS = ("open_ticks", "high_ticks", "low_ticks", "close_ticks")


@pytest.mark.scorecard(21)
@pytest.mark.parametrize("text", [BREAKOUT, *AS_RULES.values()])
def test_no_rule_looks_ahead(text: str) -> None:
    bars, sessions = market(5, n_bars=420)
    rule = parse_rule(text)
    assert leaks(bars, lambda series: signals_of(tape_of(series, sessions), rule).side, cuts=12) == ()


@pytest.mark.scorecard(21)
def test_a_planted_look_ahead_in_a_rule_is_found() -> None:
    bars, sessions = market(5, n_bars=420)
    rule = parse_rule("long: close > close[1] short: mirror unit: 1 ticks")

    def cheat(series: Bars) -> IntArray:
        return np.roll(signals_of(tape_of(series, sessions), rule).side, -1)

    assert leaks(bars, cheat)


@pytest.mark.scorecard(22)
@pytest.mark.parametrize("text", [BREAKOUT, *AS_RULES.values()])
def test_a_longer_history_changes_no_signal_after_the_warm_up(text: str) -> None:
    rule = parse_rule(text)
    for seed in range(4):
        tape = tape_at(seed, n_bars=1_300)
        whole, later = rule_signals(tape, rule), rule_signals(tape.part(300, 1_300), rule)
        same = later.side == whole.side[300:]
        assert (same | (later.side == 0))[rule.warm_up_bars :].all()
        assert same[max(rule.warm_up_bars, LONGEST_SESSION_BARS) :].all()


def test_the_step_of_a_runner_equals_the_vector() -> None:
    tape, rule = tape_at(3), parse_rule(AS_RULES["momentum_surge"])
    whole = rule_signals(tape, rule).side
    bars = [*np.flatnonzero(whole)[:20].tolist(), 356, 700, 899]
    assert [rule_signal_at(tape, rule, bar=bar) for bar in bars] == whole[bars].tolist()


def test_runs_through_the_engine_like_the_family_it_spells_out() -> None:
    tape, account = tape_at(2), Account(instrument("MES"), 10**11)
    exits = Exits(stop=1.5, target=2.5, time_stop_bars=10)
    rule = rule_signals(tape, parse_rule(AS_RULES["momentum_surge"]))
    family = signals(tape, "momentum_surge", default_genome("momentum_surge"))
    mine, theirs = (run_signals(tape, wishes, exits, account=account) for wishes in (rule, family))
    assert len(mine.trades) > 3
    assert order_list_hash(mine) == order_list_hash(theirs)


def test_switches_conditions_off_that_read_a_volume_nobody_knows() -> None:
    bars, sessions = market(1)
    tape = tape_of(replace(bars, volume=np.zeros(len(bars), np.int64)), sessions)
    signals = rule_signals(tape, parse_rule(BREAKOUT))
    without = rule_signals(tape, parse_rule("long: close crosses above highest(high, 10)[1] short: mirror"))
    assert signals.side.any()
    assert np.array_equal(signals.side, without.side)
    assert signals.notes == ("volume is unknown, switched off: volume > 1.5 * sma(volume, 20)",)
    assert without.notes == ()


@pytest.mark.parametrize(
    "text",
    ["volume > 500 contracts", "not volume > 500 contracts", "(volume > sma(volume, 5))[2] or volume > 9 contracts"],
)
def test_never_trades_where_nothing_but_volume_was_asked_for(text: str) -> None:
    bars, sessions = market(1)
    tape = tape_of(replace(bars, volume=np.zeros(len(bars), np.int64)), sessions)
    signals = rule_signals(tape, parse_rule(f"long: {text} short: close > open"))
    assert not (signals.side > 0).any()
    assert (signals.side < 0).any()
    assert "volume is unknown and long asks for nothing else: it never trades" in signals.notes


def test_says_when_vwap_has_no_volume_and_when_history_is_too_short() -> None:
    bars, sessions = market(1, n_bars=60)
    tape = tape_of(replace(bars, volume=np.zeros(60, np.int64)), sessions)
    assert rule_signals(tape, parse_rule("long: close > vwap short: mirror")).notes == (
        "volume is unknown: VWAP weighs every bar alike",
        "history of 60 bars is not longer than the warm-up of 179: no signal is possible",
    )


def test_says_when_the_unit_has_no_volume() -> None:
    bars, sessions = market(1)
    tape = tape_of(replace(bars, volume=np.zeros(len(bars), np.int64)), sessions)
    rule = parse_rule("long: close > open short: never unit: volume / sma(volume, 5) * atr(5)")
    assert rule_signals(tape, rule).notes == ("volume is unknown: the unit takes every bar's volume as one contract",)


def test_turns_the_exit_unit_over_for_a_sell() -> None:
    rule = parse_rule("long: close > close[1] short: mirror unit: close - lowest(low, 3)")
    bars = made_bars([(10, 12, 6, 10), (10, 12, 9, 11), (11, 14, 10, 12), (12, 13, 8, 9)])
    signals = rule_signals(tape_of(bars, flat_sessions(4)), rule)
    assert signals.side.tolist() == [0, 0, 1, -1]
    assert signals.stop_unit_ticks[2:].tolist() == [12 - 6, 14 - 9]


def test_has_no_signal_where_the_unit_is_not_above_zero() -> None:
    rule = parse_rule("long: close >= low short: never unit: close - open")
    bars = made_bars([(10, 12, 6, 11), (10, 12, 9, 10), (11, 14, 10, 10)])
    assert rule_signals(tape_of(bars, flat_sessions(3)), rule).side.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("text", "warm_up"),
    [
        ("close > close[1]", 1),
        ("close crosses above close[3]", 4),
        ("highest(high, 10)[1] < close", 10),
        ("sma(sma(close, 5), 5) > close", 8),
        ("momentum(sma(close, 5), 5) > 0", 9),
        ("ema(close, 1) > open", 1),
        ("(close > open)[7] and not low > open", 7),
    ],
)
def test_needs_as_much_history_as_its_windows_add_up_to(text: str, warm_up: int) -> None:
    assert parse_rule(f"long: {text} short: never unit: 1 ticks").warm_up_bars == warm_up


REFUSALS = [
    ("close > open", 1, 13, "the end of the rule", "'short:'"),
    ("long: close > open[-1] short: never", 1, 20, "'-'", "a whole number of bars ago, 0 or more"),
    ("long: close > open[1.5] short: never", 1, 20, "'1.5'", "a whole number of bars ago"),
    ("long: close > open\n  and hihg > low\nshort: mirror", 2, 7, "'hihg'", "one of open, high, low, close"),
    ("long: close > highest(high)\nshort: mirror", 1, 15, "1", "highest with 2 arguments"),
    ("long: close > sma(close, 0) short: never", 1, 26, "0", "a whole number of bars from 1 to 1000"),
    ("long: close > sma(close, 2.5) short: never", 1, 26, "2.5", "a whole number of bars"),
    ("long: close > sma(close, 1001) short: never", 1, 26, "1001", "a whole number of bars from 1 to 1000"),
    ("long: close > sma(close, -3) short: never", 1, 26, "-3", "a whole number of bars from 1 to 1000"),
    ("long: close > close[1001] short: never", 1, 15, "1001", "at most 1000 bars ago"),
    ("long: rsi(close, 1) > 30 short: never", 1, 18, "1", "from 2 to 1000"),
    ("long: close > 4000 short: never", 1, 15, "a number", "a price like the left side (prices have no fixed level"),
    ("long: close > 1.01 * vwap short: never", 1, 15, "1.01 times a price", "a price like the left side"),
    ("long: close - open > 4 short: never", 1, 22, "a number", "(write ticks behind a number"),
    ("long: volume > 500 short: never", 1, 16, "a number", "(write contracts behind a number"),
    ("long: close > volume short: never", 1, 15, "a volume", "a price like the left side"),
    ("long: rsi(close, 5) * close > close short: never", 1, 7, "a price", "a price distance to scale"),
    ("long: (close - open) * (high - low) > 0 short: never", 1, 7, "a price distance and", "a number on one side"),
    ("long: close / 0 > open short: never", 1, 15, "0", "a divisor other than zero"),
    ("long: close + volume > open short: never", 1, 7, "a volume", "a price to add"),
    ("long: abs(close) > 3 ticks short: never", 1, 11, "a price", "a price distance"),
    ("long: sma(vwap, 5) > close short: never", 1, 11, "one that sessions", "a value known on every bar"),
    ("long: sma(5, 5) > 3 short: never", 1, 11, "the same on every bar", "a value that changes"),
    ("long: close short: never", 1, 7, "a price", "a condition"),
    ("long: close and open > low short: never", 1, 7, "a price", "a condition"),
    ("long: not close short: never", 1, 11, "a price", "a condition"),
    ("long: (close > open) > low short: never", 1, 8, "a condition", "a value"),
    ("long: sma(close > open, 3) > low short: never", 1, 11, "a condition", "a value"),
    ("long: never short: never", 1, 1, "neither", "a condition for at least one"),
    ("long: mirror short: never", 1, 7, "'mirror'", "because short has none to mirror"),
    ("long: close > open short: mirror unit: close", 1, 40, "a price", "a price distance"),
    ("long: close > open short: mirror unit: atr(14) please", 1, 48, "'please'", "the end of the rule"),
    ("long: close > open > low short: never", 1, 20, "'>'", "'and'"),
    ("long: close crosses open short: never", 1, 21, "'open'", "'above' or 'below'"),
    ("short: mirror", 1, 6, "':'", "a comparison"),
    ("", 1, 1, "the end of the rule", "a value"),
]


@pytest.mark.parametrize(("text", "line", "column", "was", "expected"), REFUSALS)
def test_says_where_a_rule_is_wrong_what_was_found_and_what_was_expected(
    text: str, line: int, column: int, was: str, expected: str
) -> None:
    with pytest.raises(RuleSyntaxError) as refused:
        parse_rule(text)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert was in refused.value.was
    assert expected in refused.value.expected
    assert str(refused.value).startswith(f"line {line}, column {column}: expected ")


INJECTIONS = [
    "'; DROP TABLE bots; --",
    "close > open short: never'; DELETE FROM trade_logs; --",
    "close > open OR 1=1 short: never",
    "__import__('os').system('true') > 0 short: never",
    "().__class__.__bases__[0].__subclasses__() short: never",
    "close.__class__ > open short: never",
    "__builtins__ > open short: never",
    "lambda: close > open short: never",
    "{{7*7}} > close short: never",
    "${jndi:ldap://x/y} > close short: never",
    "close\x00 > open short: never",
    "close > open short: never\x00",
    "close > open # \x00\nshort: never",
    "close > open # \u202e\nshort: never",
    "close > open # \ud800\nshort: never",
    "сlose > open short: never",  # a Cyrillic letter that looks like c
    "close > open\u00a0short: never",
    "close > close[" + "9" * 4_000 + "]",
    "close > close[" + "9" * 300 + "] short: never",
    "close - open > " + "9" * 400 + " ticks short: never",
    "close - open > 1e400 short: never",
    "close - open > 0x10 ticks short: never",
    "close - open > nan short: never",
    "close - open > inf short: never",
    "close - open > " + "999999999 * " * 6 + "1 ticks short: never",
    "close - open > 1 / 999999999 / 999999999 / 999999999 * 1 ticks short: never",
    "(" * 3_000,
    "(" * 1_900 + "close > open" + ")" * 1_900,
    "not " * 900 + "close > open short: never",
    "-" * 3_000 + "close > open short: never",
    "close" + "[1]" * 1_200 + " > open short: never",
    "close > open" + " and close > open" * 220 + " short: never",
    "close" + " + close - close" * 240 + " > open short: never",
    "sma(" * 800 + "close" + ", 2)" * 300,
    "close > " + "ema(" * 40 + "close" + ", 1000)" * 40 + " short: never",
    "a" * 4_000,
    "close > open\n" * 300,
    "x" * 5_000,
]


@pytest.mark.scorecard(41)
@pytest.mark.parametrize("text", INJECTIONS)
def test_refuses_what_does_not_belong_in_a_rule(text: str) -> None:
    with pytest.raises(RuleSyntaxError) as refused:
        parse_rule(f"long: {text}")
    assert len(str(refused.value)) < 400


@pytest.mark.scorecard(41)
@settings(max_examples=300)
@given(st.text(max_size=60) | st.text(st.sampled_from("()[]><=-+*/.,:# \n" + string.digits + "coshrt"), max_size=60))
def test_any_text_is_a_rule_or_a_refusal(text: str) -> None:
    with pytest.raises(RuleSyntaxError):
        parse_rule(text)


WORDS = (
    "long: short: unit: mirror never close high volume vwap sma( atr( rsi( ) , 3 14 0.5 ticks > crosses above and not"
)


@pytest.mark.scorecard(41)
@settings(max_examples=300)
@given(st.lists(st.sampled_from([*WORDS.split(), "(", "[1]", "-", "*", "/", "below", "<=", "or"]), max_size=14))
def test_any_words_of_the_language_are_a_rule_or_a_refusal(words: list[str]) -> None:
    try:
        rule = parse_rule(" ".join(["long:", *words, "short: never"]))
    except RuleSyntaxError:
        return
    assert rule.long is not None
    assert rule_signals(tape_at(0, n_bars=30), rule).side.shape == (30,)


def test_keeps_its_text_and_a_fingerprint_of_it() -> None:
    first, other = rule_text(BREAKOUT), rule_text(BREAKOUT.replace("20", "21"))
    assert first.text == BREAKOUT
    assert first.fingerprint != other.fingerprint
    assert len(first.fingerprint) == 64
