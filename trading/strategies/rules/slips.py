"""What people write who know other languages or mistype, and how a rule says it: the end of an error's sentence.

Belongs here: advice about a text that was refused. Does not belong here: what is refused, and why (`parser.py`,
`checking.py`): nothing here makes a text a rule.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from trading.errors import RuleSyntaxError
from trading.strategies.rules.checking import EXAMPLES, FUNCTIONS, SERIES
from trading.strategies.rules.declarations import EXITS
from trading.strategies.rules.grammar import KEYWORDS

ORDER = "lines stand in this order: param, exit, long:, short:, unit:"
PARAM = "a parameter is declared as: param n = 20 bars in 5 to 60"
EXIT = "an exit is set as: exit stop_atr = 2"
BOTH = "write both sides, long: and short:, with mirror or never where there is no condition"
HEADINGS = ("param", "exit", "long", "short", "unit")

EQUAL = "equal is asked as: a >= b and a <= b"
UNEQUAL = "unequal is asked as: a > b or a < b"
DECIMAL = "numbers are written out, with a point before decimals: 0.5, 1500"
AGO = "bars ago are counted without a sign, and nothing looks forward: close[1] is the close one bar ago"
BRACKET = "close the bracket behind the number of bars: close[1]"
CHAINED = "compare two values at a time: a < b and b < c"
PERCENT = "there is no percent and no remainder: half is 0.5"
NO_TRADES = "a rule does not know its trades; stops, targets and the time stop are exit lines: exit stop_atr = 2"
NO_PROGRAM = "a rule is no program: conditions stand behind long: and short:, joined by and, or, not"
NO_CLOCK = "there is no clock: bars_since_open counts bars from the session's open"
NO_DEVIATION = "there is no standard deviation: atr(20) measures how far prices move"
CROSS = "write: a crosses above b, or a crosses below b"

SPELLINGS: Sequence[tuple[str, str, str]] = (
    (r"[<>]\s+$", r"=", "write >= or <= without a blank inside"),
    (r"", r"=>", "write >="),
    (r"", r"=<", "write <="),
    (r"", r"!=|≠|<>", UNEQUAL),
    (r"<$", r">", UNEQUAL),
    (r"", r"!", "write not"),
    (r"\b(long|short|unit)\s*$", r"(?!:)", "write {0}: with a colon"),
    (r"", r"=", EQUAL),
    (r"", r"&", "write and"),
    (r"", r"\|", "write or"),
    (r"", r"%", PERCENT),
    (r"", r"\^", "there are no powers: multiply"),
    (r"\*$", r"\*", "there are no powers: multiply"),
    (r"/$", r"/", "a comment begins with #"),
    (r"", r";", "leave the semicolon out"),
    (r"\[\s*$", r"[-−–+]", AGO),
    (r"\[[^\]]*$", r":", AGO),
    (r"", r"[−–—]", "write a plain minus: -"),
    (r"", r"≥", "write >="),
    (r"", r"≤", "write <="),
    (r"", r"×", "write *"),
    (r"", r"÷", "write /"),
    (r"", r"[\"'`“”‘’]", "leave the quotation marks out"),
    (r"", r"\.?\d", DECIMAL),
    (r"\d\s*$", r",", DECIMAL),
    (r"\w$", r"\.", "names have no dots: sma(close, 20), crosses above"),
    (r"\[\s*\d+\s*$", r"", BRACKET),
    (r"[\w)\]]\s*$", r"[<>]|crosses\b", CHAINED),
    (r"\bcross(?:es|ed)?\s+$", r"", CROSS),
)

_ADVICE = {
    "crossover cross_over crossabove cross_above crossed_above crosses_above": "write: a crosses above b",
    "crossunder cross_under crossbelow cross_below crossed_below crosses_below": "write: a crosses below b",
    "cross crosses crossed": CROSS,
    "if when then else elif return def while for lambda import let var set": NO_PROGRAM,
    "buy entry enter long_entry": "write long: for what buys",
    "sell short_entry": "write short: for what sells",
    "true false none null": "a side that never trades is: never",
    "shift lag ref prev previous offset": "look back with [n]: close[1] is the close one bar ago",
    "avg average mean ma mavg moving_average wma vwma hma smma": "there are sma(close, 20) and ema(close, 20)",
    "price last px c": "write close",
    "o h l v hi lo vol": "the series are open, high, low, close, volume",
    "roc change diff mom": "write momentum(close, 10)",
    "macd": "there is no macd: its line is ema(close, 12) - ema(close, 26)",
    "std stdev stddev bollinger bbands bb keltner zscore": NO_DEVIATION,
    "tr true_range": "the true range is atr(1)",
    "hhv donchian highest_high rolling_max": "write highest(high, 20)",
    "llv lowest_low rolling_min": "write lowest(low, 20)",
    "hour minute time date day weekday dayofweek dow month session": NO_CLOCK,
    "position pnl equity entry_price bars_in_trade stop_loss take_profit trailing_stop stop target": NO_TRADES,
    "bars bar": "a window is a plain number: sma(close, 20)",
    "tick point points pip pips usd dollars": "a distance is measured in ticks: 4 ticks",
    "contract lot lots shares": "a volume is measured in contracts: 500 contracts",
    "is equals equal eq": EQUAL,
    "above over greater more gt": "write >, or crosses above",
    "below under less lt": "write <, or crosses below",
}
WORDS: Mapping[str, str] = {word: advice for words, advice in _ADVICE.items() for word in words.split()}

_EXIT_WORDS = {
    "stop stop_loss stoploss sl": "stop_atr",
    "target take_profit takeprofit tp profit_target": "target_atr",
    "trail trailing trailing_stop ts": "trailing_atr",
    "breakeven break_even be": "break_even_atr",
    "time_stop timestop max_bars bars hold": "time_stop_bars",
    "session_close eod flat_at_close close": "exit_at_session_close",
    "atr period": "atr_period",
}
EXIT_WORDS: Mapping[str, str] = {word: name for words, name in _EXIT_WORDS.items() for word in words.split()}


def mended(text: str, wrong: RuleSyntaxError) -> RuleSyntaxError:
    """Return an error about a text with what to write instead, where that can be told from what was written."""
    if wrong.fix is not None:
        return wrong
    fix = _fix(text, wrong)
    return RuleSyntaxError(wrong.line, wrong.column, was=wrong.was, expected=wrong.expected, fix=fix)


def _fix(text: str, wrong: RuleSyntaxError) -> str | None:
    place = sum(len(line) + 1 for line in text.split("\n")[: wrong.line - 1]) + wrong.column - 1
    head, tail, word = text[:place], text[place:], wrong.was.strip("'(")
    if wrong.was == "the end of the rule":
        return BOTH if "'short:'" in wrong.expected else None
    return (
        _of_order(word, wrong)
        or _of_declaration(head, tail, wrong)
        or _of_unread(text, wrong)
        or _of_name(text, wrong)
        or _of_spelling(head, tail, wrong)
        or _of_word(head)
    )


def _of_order(word: str, wrong: RuleSyntaxError) -> str | None:
    if wrong.expected == "']'":
        return None
    unplaced = word in HEADINGS and "of its own" not in wrong.expected and "'='" not in wrong.expected
    return ORDER if unplaced and f"'{word}" not in wrong.expected and "'in'" not in wrong.expected else None


def _of_declaration(head: str, tail: str, wrong: RuleSyntaxError) -> str | None:
    """Tell how a line is written that sets a number, or that begins with a heading there is not."""
    if re.search(r"\bparam\b[^:]*$", head) and re.search("'(=|in|to)'|a value|'-'", wrong.expected):
        return PARAM
    if re.search(r"\bexit\b[^:]*$", head) and re.search("'='|a value", wrong.expected):
        return EXIT
    alone = re.search(r"(?:^|\n)[ \t]*(\w+)[ \t]*$", head)
    if alone and re.match("[=:](?!=)", tail):
        return _of_line(alone[1], tail[0])
    return None


def _of_line(name: str, sign: str) -> str:
    if name in ("short", "unit") and sign == ":":
        return BOTH if name == "short" else ORDER
    if name.lower() in ("long", "short", "unit"):
        return f"write {name.lower()}: with a colon" if sign == "=" else f"write {name.lower()}: in small letters"
    if sign == ":":
        return WORDS.get(name.lower(), ORDER)
    gene = name if name in EXITS else EXIT_WORDS.get(name.lower())
    return PARAM if gene is None else f"write: exit {gene} = 2"


def _of_name(text: str, wrong: RuleSyntaxError) -> str | None:
    """Tell what a name that is none here might stand for."""
    name, called = wrong.was.strip("'("), wrong.was.endswith("('")
    if not wrong.was.startswith("'") or re.fullmatch(r"[A-Za-z_]\w*", name) is None:
        return None
    if "stop_atr" in wrong.expected and name not in EXITS:
        return _did_you_mean(EXIT_WORDS.get(name.lower(), name), (*EXITS,))
    own = re.findall(r"\bparam\s+(\w+)", text)
    if name in (*own, *SERIES, *FUNCTIONS) or (name in KEYWORDS and name not in WORDS):
        return _of_known_name(name, called=called)
    if name.lower() in (*SERIES, *FUNCTIONS, *KEYWORDS) and name != name.lower():
        return f"write {name.lower()}, in small letters"
    return WORDS.get(name.lower()) or _did_you_mean(name, (*FUNCTIONS,) if called else (*own, *SERIES, *KEYWORDS))


def _of_known_name(name: str, *, called: bool) -> str | None:
    if name in SERIES and called:
        return f"{name} is no function: {name}[1] is its value one bar ago"
    return f"{name} is a function: {EXAMPLES[name]}" if name in FUNCTIONS and not called else None


def _of_unread(text: str, wrong: RuleSyntaxError) -> str | None:
    """Tell which name stands where a parameter that nothing reads may be meant."""
    unread = re.search(r"the rule reads, by the name of '(\w+)'", wrong.expected)
    if unread is None:
        return None
    strange = {*re.findall(r"[A-Za-z_]\w*", text)} - {unread[1], *SERIES, *FUNCTIONS, *KEYWORDS, *EXITS}
    near = get_close_matches(unread[1], sorted(strange), n=1)
    return f"is {unread[1]} meant where {near[0]} stands?" if near else "read it in a condition, or leave it out"


def _did_you_mean(name: str, known: Sequence[str]) -> str | None:
    near = get_close_matches(name.lower(), known, n=1)
    return f"did you mean {near[0]}?" if near else None


def _of_spelling(head: str, tail: str, wrong: RuleSyntaxError) -> str | None:
    if wrong.was[0] not in "'\"":
        return None
    for before, at, advice in SPELLINGS:
        left, right = re.search(before, head) if before else None, re.match(at, tail)
        if right and (left or not before):
            return advice.format(*(left.groups() if left else ()))
    return None


def _of_word(head: str) -> str | None:
    """Tell what the word before the place stands for in other languages."""
    last = re.search(r"(\w+)\s*$", head)
    if last is None:
        return None
    word = last[1]
    if word.lower() in KEYWORDS and word != word.lower():
        return f"write {word.lower()}, in small letters"
    return WORDS.get(word.lower()) if word not in KEYWORDS else None
