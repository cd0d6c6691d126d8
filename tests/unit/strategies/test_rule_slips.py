"""Errors of rules name the fix: what people write who know other languages or mistype."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.errors import RuleSyntaxError
from trading.strategies.rules import parse_rule
from trading.strategies.rules.checking import EXAMPLES, FUNCTIONS

EQUAL, SMALL = "a >= b and a <= b", "in small letters"
BOTH = "write both sides, long: and short:"
ORDER = "param, exit, long:, short:, unit:"
CONDITIONS = [
    ("close == open", 14, EQUAL),
    ("close = open", 14, EQUAL),
    ("close is open", 14, EQUAL),
    ("close != open", 14, "a > b or a < b"),
    ("close <> open", 15, "a > b or a < b"),
    ("close ≠ open", 14, "a > b or a < b"),
    ("close => open", 14, "write >="),
    ("close =< open", 14, "write <="),
    ("close > = open", 16, "without a blank"),
    ("close ≥ open", 14, "write >="),
    ("close > open && high > low", 21, "write and"),
    ("close > open & high > low", 21, "write and"),
    ("close > open || high > low", 21, "write or"),
    ("!(close > open)", 8, "write not"),
    ("close - open > 50% * atr(14)", 25, "there is no percent"),
    ("(close - open) ^ 2 > 4 ticks", 23, "there are no powers"),
    ("(close - open) ** 2 > 4 ticks", 24, "there are no powers"),
    ("close > open // up", 22, "a comment begins with #"),
    ("close > open;", 20, "leave the semicolon out"),
    ("close > close[-1]", 22, "close[1] is the close one bar ago"),
    ("close > close[−1]", 22, "close[1] is the close one bar ago"),
    ("close > close[ - 1]", 23, "close[1] is the close one bar ago"),
    ("close > close[1:3]", 23, "close[1] is the close one bar ago"),
    ("close − open > 4 ticks", 14, "a plain minus"),
    ("'close' > open", 8, "leave the quotation marks out"),
    ("close - open > .5 * atr(14)", 23, "0.5"),
    ("close - open > 1e-1 * atr(14)", 23, "0.5, 1500"),
    ("close - open > 1,5 * atr(14)", 24, "with a point before decimals"),
    ("close[1 > open", 16, "close the bracket"),
    ("low < close < high", 20, "a < b and b < c"),
    ("crossover(close, open)", 8, "a crosses above b"),
    ("ta.crossover(close, open)", 10, "names have no dots"),
    ("crossunder(close, open)", 8, "a crosses below b"),
    ("close crosses open", 22, "a crosses above b"),
    ("close crosses over open", 22, "crosses above"),
    ("close cross above open", 14, "a crosses above b"),
    ("close above open", 14, "write >, or crosses above"),
    ("Close > open", 8, "write close, in small letters"),
    ("close > SMA(close, 20)", 16, "write sma, in small letters"),
    ("close > open AND high > low", 21, "write and, in small letters"),
    ("NOT close > open", 12, "write not, in small letters"),
    ("if close > open", 11, "a rule is no program"),
    ("close > open then buy", 21, "a rule is no program"),
    ("clsoe > open", 8, "did you mean close?"),
    ("close > hihg[1]", 16, "did you mean high?"),
    ("close > highst(high, 20)", 16, "did you mean highest?"),
    ("close > macd", 16, "there is no macd"),
    ("close - open > stdev(close, 20)", 23, "there is no standard deviation"),
    ("hour > 9", 8, "there is no clock"),
    ("position > 0", 8, "does not know its trades"),
    ("close > shift(close, 1)", 16, "look back with [n]"),
    ("close > close(1)", 16, "close[1] is its value one bar ago"),
    ("close > sma", 16, "sma is a function: sma(close, 20)"),
    ("close > sma(20)", 16, "write sma(close, 20)"),
    ("close > open + atr(close, 14)", 23, "write atr(14)"),
    ("close > max(high, 20)", 26, "highest(high, 20)"),
    ("close > sma(close, 20 bars)", 30, "a window is a plain number"),
    ("close > open + 4 tick", 25, "4 ticks"),
    ("true", 8, "a side that never trades is: never"),
]
LINES = [
    ("long close > open\nshort: never", 1, 6, "write long: with a colon"),
    ("long: close > open\nshort never", 2, 7, "write short: with a colon"),
    ("long = close > open\nshort: never", 1, 6, "write long: with a colon"),
    ("LONG: close > open\nshort: never", 1, 5, "write long: in small letters"),
    ("buy: close > open\nsell: close < open", 1, 4, "write long:"),
    ("long: close > open", 1, 19, BOTH),
    ("long: high > high[20\nshort: never", 2, 1, "close the bracket"),
    ("short: mirror\nlong: close > open", 1, 6, BOTH),
    ("short: close < open", 1, 6, BOTH),
    ("long: close > open\nshort: mirror\nparam n = 5 in 1 to 9", 3, 1, ORDER),
    ("long: close > open\nshort: mirror\nexit stop_atr = 2", 3, 1, ORDER),
    ("long: close > open\nexit stop_atr = 2\nshort: mirror", 2, 1, ORDER),
    ("unit: 4 ticks\nlong: close > open\nshort: mirror", 1, 5, ORDER),
    ("long: close > open\nunit: 4 ticks\nshort: mirror", 2, 1, ORDER),
    ("param n = 2 in 1 to 9\nlong: close > open\nshort: mirror", 1, 1, "read it in a condition, or leave it out"),
    ("long: close > open\nlong: high > low\nshort: mirror", 2, 1, ORDER),
    ("param n = 20\nlong: close > sma(close, n)\nshort: mirror", 2, 1, "param n = 20 bars in 5 to 60"),
    ("param n: 20\nlong: close > sma(close, n)\nshort: mirror", 1, 8, "param n = 20 bars in 5 to 60"),
    ("param n = 20 in [5, 60]\nlong: close > sma(close, n)\nshort: mirror", 1, 17, "in 5 to 60"),
    ("n = 20\nlong: close > sma(close, n)\nshort: mirror", 1, 3, "param n = 20 bars in 5 to 60"),
    ("stop_atr = 2\nlong: close > open\nshort: mirror", 1, 10, "write: exit stop_atr = 2"),
    ("exit stop_loss = 2\nlong: close > open\nshort: mirror", 1, 1, "did you mean stop_atr?"),
    ("exit target = 2\nlong: close > open\nshort: mirror", 1, 1, "did you mean target_atr?"),
    ("exit trailing_atrs = 2\nlong: close > open\nshort: mirror", 1, 1, "did you mean trailing_atr?"),
    ("exit stop_atr: 2\nlong: close > open\nshort: mirror", 1, 14, "exit stop_atr = 2"),
    (
        "param fast = 20 in 5 to 60\nlong: close > sma(close, fats)\nshort: mirror",
        1,
        1,
        "is fast meant where fats stands?",
    ),
]
TEXTS = [
    *((f"long: {condition}\nshort: never", 1, column - 1, fix) for condition, column, fix in CONDITIONS),
    *LINES,
]


@pytest.mark.parametrize(("text", "line", "column", "fix"), TEXTS)
def test_an_error_says_where_what_was_expected_and_what_to_write(text: str, line: int, column: int, fix: str) -> None:
    with pytest.raises(RuleSyntaxError) as refused:
        parse_rule(text)
    wrong = refused.value
    assert (wrong.line, wrong.column) == (line, column), str(wrong)
    assert wrong.was
    assert wrong.expected
    assert fix in (wrong.fix or ""), str(wrong)
    assert str(wrong) == f"line {line}, column {column}: expected {wrong.expected}, found {wrong.was}; {wrong.fix}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_example_of_a_function_is_one(name: str) -> None:
    value = EXAMPLES[name]
    distance = value if name in ("atr", "abs", "momentum") else f"{value} - {value}"
    read = f"{value} > 30" if name == "rsi" else f"{distance} > 4 ticks"
    assert parse_rule(f"long: {read}\nshort: never").long is not None


def refusal_of(text: str) -> RuleSyntaxError | None:
    """Return the error about a text, None where it is a rule."""
    try:
        parse_rule(text)
    except RuleSyntaxError as wrong:
        return wrong
    return None


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from([text for text, *_ in TEXTS]), max_size=3).map("\n".join))
def test_any_text_is_a_rule_or_an_error_with_its_place_and_what_was_expected(text: str) -> None:
    wrong = refusal_of(text)
    if wrong is not None:
        assert 1 <= wrong.line <= text.count("\n") + 1
        assert 1 <= wrong.column <= len(text.split("\n")[wrong.line - 1]) + 1
        assert wrong.expected
        assert len(str(wrong)) < 500
