// @ts-check
/** What badges and marks mean, in a sentence. Belongs here: the words of tooltips and of the help. Free of DOM. */

/** @type {Record<string, string>} */
export const STATES = {
  BACKTEST_RUNNING: "Its history is being traded now.",
  IMPROVING_RUNNING: "Better numbers for its strategy are being searched for now.",
  EVOLVING_RUNNING: "Its numbers are being crossed with those of the best of its kind now.",
  BACKTEST_QUEUED: "It waits for its turn to be backtested.",
  IMPROVING_QUEUED: "It waits for its turn to be improved.",
  EVOLVING_QUEUED: "It waits for its turn to be bred.",
  ERROR: "It was killed, or failed too often in a row: a person is asked.",
  RUNNER_RUNNING: "Its runner trades, and was heard of within a minute.",
  RUNNER_STALE: "Its runner has not been heard of for a minute.",
  ARCHIVED: "It has left the fleet; its history stays, and a person may revive it.",
  PAUSED: "A person told autonomy to leave it alone; what runs finishes, nothing new is planned.",
  NEEDS_BACKTEST: "It has no completed backtest since its reset; the next tick looks.",
  IDLE: "No work waits or runs for it.",
};

/** @type {Record<string, string>} */
export const STAGES = {
  LAB: "Backtests only; what it trades is history.",
  PAPER: "Trades live prices on a simulated account.",
  SHADOW: "Runs beside real orders without sending its own.",
  CANARY: "Trades a little real money.",
  LIVE: "Trades real money.",
};

export const SIMULATED = "Made by the market simulator; opens no gate.";
export const MARKS = "Made from marks, without highs and lows; opens no gate.";
export const REAL = "Bars of this provider.";
export const BUST = "The account could no longer carry one contract, or it fell by its whole peak or more.";

export const IN_SAMPLE = "In sample: its generation was chosen on days that its figures cover.";
export const OF_OLDER = "Its figures are of an earlier generation; its next backtest runs the newest.";

/** @param {string|null|undefined} source @returns {string} */
export function aboutSource(source) {
  if (!source) return "No figures yet.";
  if (source === "SIMULATED") return SIMULATED;
  return source.includes("MARKS") ? MARKS : REAL;
}

/** What the help lists under badges: as a person sees it, and what it means. */
export const BADGES = [
  ["Backtesting • x2", `${STATES.BACKTEST_RUNNING} x2: the second attempt since the reset.`],
  ["Backtest queued • x2", `${STATES.BACKTEST_QUEUED} A dashed badge waits, a filled one runs.`],
  ["Improving • #3", `${STATES.IMPROVING_RUNNING} #3: the third search since the reset.`],
  ["Improve queued • #3", STATES.IMPROVING_QUEUED],
  ["Evolving • #1", STATES.EVOLVING_RUNNING],
  ["Evolve queued • #1", STATES.EVOLVING_QUEUED],
  ["Needs backtest", STATES.NEEDS_BACKTEST],
  ["Idle", STATES.IDLE],
  ["Killed, Repeated failure", STATES.ERROR],
  ["Paused", STATES.PAUSED],
  ["Archived", STATES.ARCHIVED],
  ["Runner on", STATES.RUNNER_RUNNING],
  ["Runner silent", STATES.RUNNER_STALE],
  ...Object.entries(STAGES),
  ["SIMULATED", SIMULATED],
  ["bust", BUST],
  ["IS", IN_SAMPLE],
  ["G2*", OF_OLDER],
];
