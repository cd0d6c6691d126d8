"""Rules as data: a strategy written as text, parsed, typed, and run on the columns every other strategy uses.

    param range = 10 bars in 5 to 60
    long: close crosses above highest(high, range)[1] and volume > 1.5 * sma(volume, 20)
    short: mirror

The language is described in `grammar.py`, what its expressions mean in `columns.py`, what is refused in `checking.py`.
Nothing of a rule is ever evaluated as Python.
"""

from trading.strategies.rules.columns import rule_signal_at, rule_signals
from trading.strategies.rules.parser import parse_rule, rule_text
from trading.strategies.rules.syntax import Direction, Rule

__all__ = ["Direction", "Rule", "parse_rule", "rule_signal_at", "rule_signals", "rule_text"]
