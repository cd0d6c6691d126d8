// @ts-check
/**
 * Codes in words. Belongs here: outcomes of iterations and requirements of gates. Does not belong here: why a tick decided
 * (the server says it). Free of DOM.
 */

const WORDS = new Map(Object.entries({
  ACCEPTED: "better than its parent on days no search had seen",
  SAME_AS_PARENT: "the search found nothing better than the parent",
  TOO_FEW_TEST_TRADES: "too few trades on the test days",
  NOT_PROFITABLE_ON_TEST_DAYS: "it lost money on the test days",
  NOT_PROFITABLE_OUT_OF_SAMPLE: "it lost money on the held-out bars",
  NO_BETTER_THAN_PARENT: "the parent does as well on the test days",
  INCONSISTENT: "it earned in too few walk-forward segments",
  COULD_BE_LUCK: "so many tries explain as much by luck",
  CANNOT_WIN: "too little on open days to win a look with",
  LOOK_LOST: "on sealed days luck does as well",
  LOST_BEFORE: "it has lost a look at these days before",
  EVIDENCE_SPENT: "no look is left; it waits for more trading days",
  TOO_FEW_DAYS: "too few trading days to seal some of them",
  REVERTED: "an ancestor does better than the newest generation",
  OVERTAKEN: "a newer generation came while it was judged",
  TRADES: "Trades",
  WIN_PCT: "Win %",
  MAX_DRAWDOWN_PCT: "Max drawdown %",
  PROFIT_FACTOR: "Profit factor",
  EXPECTANCY_USD: "Expectancy $",
  SHARPE: "Sharpe",
  EVIDENCE: "Proven among all bots",
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

/** @param {string|null|undefined} code @returns {string} its words, or the code as words where there is none */
export function wordsFor(code) {
  if (!code) return "";
  return WORDS.get(code) ?? code.replace(/_/g, " ").toLowerCase();
}
