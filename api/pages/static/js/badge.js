// @ts-check
/** What the activity lane shows. Belongs here: drawing instructions from `botNow`, and nothing else. Free of DOM. */

import { elapsed } from "./format.js";

/**
 * @typedef {{id: string, type: string, status: string, createdAt: string, startedAt: string|null,
 *   attempt: number, iteration: number}} ActiveJob
 * @typedef {{state: string, badge?: {text: string, tone: string}|null, activeJob?: ActiveJob|null,
 *   reason?: string|null}} BotNow
 */

/** The kinds of work, as every page calls and colours them. */
export const WORK_NAMES = { BACKTEST: "Backtest", IMPROVE: "Improve", EVOLVE: "Evolve" };
export const WORK_TONES = { BACKTEST: "purple", IMPROVE: "blue", EVOLVE: "teal" };

const QUIET = new Map([
  ["IDLE", "Idle"],
  ["NEEDS_BACKTEST", "Needs backtest"],
  ["RUNNER_RUNNING", "Runner on"],
  ["RUNNER_STALE", "Runner silent"],
  ["ARCHIVED", "Archived"],
  ["PAUSED", "Paused"],
]);
const FAILING = new Map([
  ["BOT_KILLED", "Killed"],
  ["REPEATED_FAILURE", "Repeated failure"],
]);

/** @param {BotNow} now @returns {{text: string, tone: string, running: boolean}|null} a badge only for real work */
export function badgeOf(now) {
  if (!now.badge || !now.activeJob) return null;
  return { text: now.badge.text, tone: now.badge.tone, running: now.activeJob.status === "RUNNING" };
}

/** @param {BotNow} now @param {number} ms the server's time @returns {string|null} */
export function tooltipOf(now, ms) {
  const job = now.activeJob;
  if (!job) return null;
  const running = job.status === "RUNNING" && job.startedAt;
  const since = Date.parse(running ? /** @type {string} */ (job.startedAt) : job.createdAt);
  return `${running ? "Running" : "Waiting"} ${elapsed((ms - since) / 1000)} • Attempt x${job.attempt}`;
}

/** @param {BotNow} now @returns {{text: string, failing: boolean}} plain words where there is no badge */
export function quietWords(now) {
  if (now.state === "ERROR") return { text: FAILING.get(now.reason ?? "") ?? "Error", failing: true };
  if (now.reason === "NO_BARS_AFTER_WARM_UP") return { text: "No bars after warm-up", failing: true };
  return { text: QUIET.get(now.state) ?? now.state, failing: now.state === "RUNNER_STALE" };
}
