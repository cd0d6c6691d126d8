"""What a style wants at each bar's close: the one place where archetypes and rule texts become the same thing.

Belongs here: from a tape, a style and a genome to signals, and how long a history they need. Does not belong here: what
an archetype (`signals.py`) or a rule (`rules/`) means, fills and exits (`trading/backtest`).
"""

from functools import lru_cache

from trading.strategies import signals as archetypes
from trading.strategies.genome import Genome, Number, RuleText, Style
from trading.strategies.memory import WARM_UP_TOLERANCE
from trading.strategies.rules import Rule, parse_rule, rule_signals
from trading.strategies.signals import Scratch, Signals
from trading.strategies.tape import Tape

RULES_AT_HAND = 64


def entry_signals(
    tape: Tape, style: Style, genome: Genome, *, scratch: Scratch | None = None, tolerance: float = WARM_UP_TOLERANCE
) -> Signals:
    """Return the entry signals of a validated genome on a whole series; every book and every check asks here.

    Args:
        tape: The series.
        style: An archetype or a rule text.
        genome: As returned by `genome.validated` for that style.
        scratch: Working memory an archetype may reuse; its result then lives in it.
        tolerance: Of the warm-up; see `memory.py`.

    Raises:
        UnknownArchetype: no archetype has that name.
    """
    if isinstance(style, RuleText):
        return rule_signals(tape, rule_of(style, genome), tolerance=tolerance)
    return archetypes.signals(tape, style, genome, scratch=scratch, tolerance=tolerance)


def signal_at(tape: Tape, style: Style, genome: Genome, *, bar: int) -> int:
    """Return the signal at the close of one bar from the history up to it: the step of a paper or live runner."""
    return int(entry_signals(tape.until(bar), style, genome).side[bar])


def warm_up_bars(style: Style, genome: Genome, *, tolerance: float = WARM_UP_TOLERANCE) -> int:
    """Return the first bar at which a signal counts; a longer history moves averages by at most the tolerance."""
    if isinstance(style, RuleText):
        return rule_of(style, genome).settled_after(tolerance)
    return archetypes.warm_up_bars(style, genome, tolerance=tolerance)


def rule_of(style: RuleText, genome: Genome) -> Rule:
    """Return the rule that a text is when a validated genome fills it."""
    return _rule(style.text, tuple(genome.items()))


@lru_cache(maxsize=RULES_AT_HAND)
def _rule(text: str, numbers: tuple[tuple[str, Number], ...]) -> Rule:
    return parse_rule(text, dict(numbers))
