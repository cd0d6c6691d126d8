// @ts-check
/** Reason codes in words. Belongs here: one sentence a code, for people who ask why. Free of DOM. */

const WORDS = new Map(Object.entries({
  NO_SESSION_SINCE_RESET: "no backtest since the reset yet",
  LAST_BACKTEST_FAILED: "the last backtest failed, so it is tried again",
  NEWER_GENERATION: "its newest generation has not been backtested",
  NEWER_BARS: "newer bars have arrived",
  IMPROVE_DUE: "it is time to look for a better genome",
  EVOLVE_DUE: "three improve iterations are done since the last evolve",
  BY_HAND: "somebody asked for it",
  KILL_SWITCH_ON: "the kill switch is on",
  BOT_KILLED: "the bot is killed",
  STAGE_NOT_LAB: "autonomy works on LAB bots only",
  JOB_ACTIVE: "its work is already queued or running",
  NO_MARKET_DATA: "there are no bars for its symbol and timeframe",
  REPEATED_FAILURE: "five backtests in a row failed; requeue it when the cause is gone",
  BACKOFF: "it waits longer after each failure",
  TOO_FEW_TRADES: "its last session has too few trades to improve on (15 are needed)",
  IMPROVE_FAILING: "three improve iterations in a row failed",
  IMPROVE_COOLDOWN: "the last improve iteration ended less than 20 minutes ago",
  CAP_REACHED: "the queue for this work is full; its turn comes, oldest need first",
  SYMBOL_CAP_REACHED: "enough work of its symbol is under way",
  ACCEPTED: "better than its parent on bars no search had seen",
  SAME_AS_PARENT: "the search found nothing better than the parent",
  TOO_FEW_TEST_TRADES: "too few trades on the held-out bars",
  NOT_PROFITABLE_OUT_OF_SAMPLE: "it lost money on the held-out bars",
  NO_BETTER_THAN_PARENT: "the parent does as well on the held-out bars",
  INCONSISTENT: "it earned in too few walk-forward segments",
  COULD_BE_LUCK: "so many tries explain as much by luck",
  REVERTED: "an ancestor does better than the newest generation",
  TRADES: "Trades",
  WIN_PCT: "Win %",
  MAX_DRAWDOWN_PCT: "Max drawdown %",
  PROFIT_FACTOR: "Profit factor",
  EXPECTANCY_USD: "Expectancy $",
  SHARPE: "Sharpe",
  DAYS_IN_STAGE: "Days in stage",
  HAS_LOSING_TRADES: "Has losing trades",
  REAL_MARKET_DATA: "Real market data",
  RECENT_SESSIONS_PASSED: "Recent sessions passed",
  WALK_FORWARD_CONSISTENCY: "Walk-forward consistency",
  WALK_FORWARD_OVERFIT_RATIO: "Overfit ratio",
  SHADOW_PAPER_CORRELATION: "Shadow/paper correlation",
  STRESS_SUITE_PASSED: "Stress suite passed",
  MAKER_CHECKER_APPROVED: "Maker-checker approval",
}));

/** @param {string|null|undefined} code @returns {string} a sentence, or the code as words where there is none */
export function wordsFor(code) {
  if (!code) return "";
  return WORDS.get(code) ?? code.replace(/_/g, " ").toLowerCase();
}
