// @ts-check
/**
 * A bot's descent and its gate in figures. Belongs here: what changed from parent to child, verdicts, how far a
 * requirement is met, decisions that repeat. Free of DOM.
 */

import { isBust } from "./format.js";

/**
 * @typedef {Record<string, any>} Genome
 * @typedef {{name: string, from: any, to: any}} Change
 * @typedef {{key: string, title: string, work: string, verdict: "KEPT"|"REJECTED"|"REVERTED"|"SEED", at: string, reason: string,
 *   reasonCode: string, sharpe: number|null, parentSharpe: number|null, net: number|null, trades: number|null,
 *   tried: number|null, changes: Change[]|null, evidence: Record<string, any>}} Descent
 */

/** @param {Genome} parent @param {Genome} child @returns {Change[]} what differs, by name; undefined where it is absent */
export function genomeDiff(parent, child) {
  const names = [...new Set([...Object.keys(parent), ...Object.keys(child)])].sort();
  return names
    .filter((name) => JSON.stringify(parent[name]) !== JSON.stringify(child[name]))
    .map((name) => ({ name, from: parent[name], to: child[name] }));
}

/**
 * Every attempt to better a bot and every genome it has had, newest first.
 * @param {any[]} iterations newest first @param {any[]} generations newest first @returns {Descent[]}
 */
export function descent(iterations, generations) {
  const genomes = new Map(generations.map((generation) => [generation.generationNumber, generation.genome]));
  const tried = iterations.map((iteration) => fromIteration(iteration, genomes));
  const explained = new Set(iterations.map((iteration) => iteration.newGeneration));
  const rest = generations
    .filter((generation) => !explained.has(generation.generationNumber))
    .map((generation) => fromGeneration(generation, genomes));
  return [...tried, ...rest].sort((left, right) => Date.parse(right.at) - Date.parse(left.at));
}

function fromIteration(iteration, genomes) {
  const child = iteration.accepted ? genomes.get(iteration.newGeneration) : iteration.genome;
  const kept = iteration.reasonCode === "REVERTED" ? "REVERTED" : "KEPT";
  return {
    key: iteration.id,
    title: `G${iteration.accepted ? iteration.newGeneration : iteration.parentGeneration}`,
    work: `${iteration.jobType.toLowerCase()} #${iteration.iteration}`,
    verdict: iteration.accepted ? kept : "REJECTED",
    at: iteration.completedAt,
    reason: iteration.reason,
    reasonCode: iteration.reasonCode,
    sharpe: iteration.testSharpe ?? iteration.evidence.candidate_test_sharpe ?? null,
    parentSharpe: iteration.evidence.parent_test_sharpe ?? null,
    net: iteration.testNetPnlUsd,
    trades: iteration.testTrades,
    tried: iteration.candidatesTried,
    changes: changesOf(genomes.get(iteration.parentGeneration), child),
    evidence: iteration.evidence,
  };
}

function fromGeneration(generation, genomes) {
  const parent = genomes.get(generation.parentGeneration);
  return {
    key: `G${generation.generationNumber}`,
    title: `G${generation.generationNumber}`,
    work: "",
    verdict: generation.origin === "SEED" ? "SEED" : generation.origin === "REVERT" ? "REVERTED" : "KEPT",
    at: generation.createdAt,
    reason: generation.reason ?? (generation.origin === "SEED" ? "the genome it was registered with" : ""),
    reasonCode: generation.origin,
    sharpe: null, parentSharpe: null, net: null, trades: null, tried: null,
    changes: changesOf(parent, generation.genome),
    evidence: {},
  };
}

function changesOf(parent, child) {
  return parent && child ? genomeDiff(parent, child) : null;
}

const SWITCHES = new Set(["EVIDENCE", "REAL_MARKET_DATA", "STRESS_SUITE_PASSED", "MAKER_CHECKER_APPROVED"]);

/**
 * A requirement and what was measured, as people read them; what is either so or not is said in words.
 * @param {{code: string, relation: string, required: number, was: number|null}} check @returns {{needed: string, was: string|null}}
 */
export function spokenCheck({ code, relation, required, was }) {
  if (SWITCHES.has(code)) return { needed: "yes", was: was === null ? null : was >= required ? "yes" : "no" };
  if (code === "MAX_DRAWDOWN_PCT" && isBust(was)) return { needed: `${relation} ${short(required)}`, was: "bust" };
  return { needed: `${relation} ${short(required)}`, was: was === null ? null : short(was) };
}

function short(value) {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

/**
 * How far a requirement is met: 1 is exactly met or better.
 * @param {{relation: string, required: number, was: number|null}} check @returns {number|null} 0 to 1, null where unknown
 */
export function metFraction({ relation, required, was }) {
  if (was === null) return null;
  const upward = relation === "≥" || relation === ">";
  const share = upward ? ratioOf(was, required) : ratioOf(required, was);
  return Math.min(1, Math.max(0, share));
}

function ratioOf(part, whole) {
  if (whole <= 0) return part >= whole ? 1 : 0;
  return part / whole;
}

/**
 * Decisions that follow each other with the same outcome, as one line.
 * @param {any[]} decisions newest first
 * @returns {{first: string, last: string, times: number, decision: any}[]} newest first; `last` is the newest moment
 */
export function runsOf(decisions) {
  const runs = [];
  for (const decision of decisions) {
    const run = runs[runs.length - 1];
    if (run && sameOutcome(run.decision, decision)) {
      run.times += 1;
      run.first = decision.startedAt;
    } else {
      runs.push({ first: decision.startedAt, last: decision.startedAt, times: 1, decision });
    }
  }
  return runs;
}

function sameOutcome(left, right) {
  return left.decision === right.decision && left.jobType === right.jobType && left.reasonCode === right.reasonCode
    && left.blockers.join() === right.blockers.join();
}
