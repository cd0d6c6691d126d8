"""Every reason of a tick in words: the one table that pages and the command line explain decisions from.

Belongs here: a sentence per reason code, the words of what a gate asks. Does not belong here: when a reason applies
(`trading.work.planner`), when a gate opens (`trading.governance.gates`).
"""

from collections.abc import Mapping
from datetime import timedelta

from trading.governance.gates import Check, GateRule
from trading.words import fall_in_words
from trading.work.planner import (
    IMPROVES_PER_EVOLVE,
    LONGEST_BACKOFF,
    MAX_FAILURES_IN_ROW,
    MAX_IMPROVE_FAILURES_IN_ROW,
    MIN_TRADES,
    STALE_AFTER,
    Reason,
)


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} min"


WORDS: Mapping[Reason, str] = {
    Reason.NO_SESSION_SINCE_RESET: "It has no completed backtest since its reset.",
    Reason.LAST_BACKTEST_FAILED: "Its last backtest failed; it is tried again.",
    Reason.NUMBERS_EDITED: "A person edited its numbers, and they are not backtested.",
    Reason.NEWER_GENERATION: f"Its newest generation is {_minutes(STALE_AFTER)} old and not backtested.",
    Reason.NEWER_BARS: f"Other bars than it was backtested on arrived {_minutes(STALE_AFTER)} ago.",
    Reason.IMPROVE_DUE: f"Its baseline has {MIN_TRADES} or more trades; a better genome is searched for.",
    Reason.EVOLVE_DUE: f"{IMPROVES_PER_EVOLVE} improvements since the last evolution; its archetype is bred anew.",
    Reason.BY_HAND: "A person asked for it.",
    Reason.KILL_SWITCH_ON: "The kill switch is engaged: nothing new is started.",
    Reason.BOT_KILLED: "It has been killed.",
    Reason.ARCHIVED: "It is archived; a person may revive it.",
    Reason.PAUSED: "It is paused; a person may resume it.",
    Reason.STAGE_NOT_LAB: "It has left LAB, where autonomy backtests and improves.",
    Reason.JOB_ACTIVE: "It has a job that waits or runs.",
    Reason.NO_MARKET_DATA: "There are no bars for its symbol and timeframe.",
    Reason.REPEATED_FAILURE: f"Its backtest failed {MAX_FAILURES_IN_ROW} times in a row; a person is asked.",
    Reason.BACKOFF: f"It failed lately and waits at most {_minutes(LONGEST_BACKOFF)} before it tries again.",
    Reason.TOO_FEW_TRADES: f"Its last backtest made fewer than {MIN_TRADES} trades: too few to learn from.",
    Reason.EVIDENCE_SPENT: "No look at its sealed days is left to it; it waits for more trading days.",
    Reason.IMPROVE_FAILING: f"{MAX_IMPROVE_FAILURES_IN_ROW} improvements failed in a row; a person is asked.",
    Reason.IMPROVE_COOLDOWN: "It was improved lately; the next search is not due.",
    Reason.CAP_REACHED: "Work is due, but the queue of that work is full; the longest need is served first.",
    Reason.SYMBOL_CAP_REACHED: "Work is due, but its symbol has as much work as it may have at once.",
}


CHECK_WORDS: Mapping[str, str] = {
    "TRADES": "Trades",
    "WIN_PCT": "Win %",
    "MAX_DRAWDOWN_PCT": "Max drawdown %",
    "PROFIT_FACTOR": "Profit factor",
    "EXPECTANCY_USD": "Expectancy $",
    "SHARPE": "Sharpe",
    "EVIDENCE": "Proven among all bots",
    "DAYS_IN_STAGE": "Days in stage",
    "HAS_LOSING_TRADES": "Has losing trades",
    "REAL_MARKET_DATA": "Real market data",
    "RECENT_SESSIONS_PASSED": "Recent sessions passed",
    "WALK_FORWARD_CONSISTENCY": "Walk-forward consistency",
    "WALK_FORWARD_OVERFIT_RATIO": "Overfit ratio",
    "SHADOW_PAPER_CORRELATION": "Shadow/paper correlation",
    "LOSING_DAYS_IN_A_ROW": "Losing days in a row",
    "STRESS_SUITE_PASSED": "Stress suite passed",
    "MAKER_CHECKER_APPROVED": "Maker-checker approval",
}
"""What a gate asks for by its code, as a bot's page heads it; a test holds the page to the same words."""

SWITCHES = frozenset({"EVIDENCE", "REAL_MARKET_DATA", "STRESS_SUITE_PASSED", "MAKER_CHECKER_APPROVED"})


def check_in_words(check: Check) -> str:
    """Return what a gate asks for and what was found, in the words of a bot's page."""
    was = _measured(check)
    if was is None:
        was = f"unknown: {check.because}" if check.because else "unknown"
    return f"{CHECK_WORDS.get(check.code, check.code)}: needed {required_in_words(check)}, was {was}"


def required_in_words(rule: GateRule | Check) -> str:
    """Return how a figure must stand to what is required; what is either so or not is said in words."""
    return "yes" if rule.code in SWITCHES else f"{rule.relation} {_rounded(rule.required)}"


def _measured(check: Check) -> str | None:
    if check.was is None:
        return None
    if check.code in SWITCHES:
        return "yes" if check.passed else "no"
    was = _rounded(check.was)
    return fall_in_words(check.was, was) if check.code == "MAX_DRAWDOWN_PCT" else was


def _rounded(value: float) -> str:
    return f"{round(value, 2) + 0.0:,.2f}".rstrip("0").rstrip(".")


def in_words(code: str) -> str | None:
    """Return a reason code as a sentence, or None for a code this version does not know."""
    return WORDS.get(Reason(code)) if code in set(Reason) else None
