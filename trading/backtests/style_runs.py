"""Running a style over a tape: an archetype or a rule text, the same engine, exits and figures.

Belongs here: the choice of the engine's door. Does not belong here: what either wants (`strategies/styles.py`), the
rules of filling (`engine.py`).
"""

from dataclasses import replace

from trading.backtests.engine import Account, Backtest, Output, Strategy, exits_of, run_signals, run_tape
from trading.strategies.genome import Genome, RuleText, Style, genome_hash, validated
from trading.strategies.memory import WARM_UP_TOLERANCE
from trading.strategies.styles import entry_signals
from trading.strategies.tape import Tape


def run_style(
    tape: Tape,
    wanted: tuple[Style, Genome],
    *,
    session_mode: str,
    account: Account,
    output: Output | None = None,
    tolerance: float = WARM_UP_TOLERANCE,
) -> Backtest:
    """Run a style with a genome over a tape; what `run_backtest` says of an archetype holds of a rule text too.

    Args:
        tape: The series, made for the session mode.
        wanted: The style and the genome that fills it, validated here.
        session_mode: The hours the style may enter in.
        account: Whose money is traded, in what.
        output: Buffers to reuse, made for as many bars.
        tolerance: Of the warm-up; see `strategies/memory.py`.

    Raises:
        BadGenome, UnknownArchetype: the genome or the style is not valid.
        BadInput: the output does not fit, or amounts would leave 64-bit integers.
    """
    style, numbers = wanted
    if not isinstance(style, RuleText):
        strategy = Strategy(style, numbers, session_mode, tolerance)
        return run_tape(tape, strategy, account=account, output=output)
    genome = validated(style, numbers)
    wishes = entry_signals(tape, style, genome, tolerance=tolerance)
    run = run_signals(tape, wishes, exits_of(style, genome), account=account, output=output)
    return replace(run, genome_hash=genome_hash(genome))
