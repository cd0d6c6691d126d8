// @ts-check
/** What stands beside a bot's chart: gate, descent, decisions, trail, verifications. Belongs here: drawing them. */

import { el, timeOf } from "./dom.js";
import { DASH, count, money, ratio } from "./format.js";
import { descent, metFraction, runsOf, spokenCheck } from "./lineage.js";
import { wordsFor } from "./reasons.js";
import { runUrl } from "./shell.js";

const TONES = { KEPT: "up", REVERTED: "amber", REJECTED: "dim", SEED: "dim", PASSED: "up", FAILED: "down", UNKNOWN: "dim", INFORMATIVE: "blue" };
const EVIDENCE = [
  ["parent_test_sharpe", "Parent's held-out Sharpe"], ["candidate_test_sharpe", "Candidate's held-out Sharpe"],
  ["candidate_test_trades", "Held-out trades"], ["deflated_sharpe_probability", "Deflated Sharpe probability"],
  ["walk_forward_consistency", "Walk-forward consistency"], ["overfit_ratio", "Overfit ratio"], ["uniqueness_pct", "Uniqueness %"],
];

/** @param {HTMLElement} node @param {any} gate */
export function drawGate(node, gate) {
  if (!gate.to) {
    node.replaceChildren(el("p", "empty", "There is no stage above."));
    return;
  }
  const table = listing(["Requirement", "Needed", "Was", "Met"], ["", "num", "num", ""], "gate-list");
  for (const check of gate.checks) {
    const row = el("tr", check.passed ? "met" : "unmet");
    const name = el("th", "", wordsFor(check.code));
    name.setAttribute("scope", "row");
    row.title = check.reason;
    const { needed, was } = spokenCheck(check);
    row.append(name, cell(needed, "num dim"), cell(was ?? DASH, `num ${check.passed ? "up" : was === null ? "dim" : "down"}`), meter(check));
    table.body.append(row);
  }
  node.replaceChildren(table.node);
}

function meter(check) {
  const holder = el("td", "meter-cell");
  const met = metFraction(check);
  const bar = el("progress", `meter ${check.passed ? "is-met" : met === null ? "is-unknown" : ""}`);
  bar.setAttribute("max", "1");
  bar.setAttribute("value", String(check.passed ? 1 : (met ?? 0)));
  bar.setAttribute("aria-label", check.passed ? "met" : met === null ? "unknown" : `${Math.round(met * 100)}% of the way`);
  holder.append(bar);
  return holder;
}

/** @param {string} text @returns {HTMLElement} a strategy as it was written */
function ruleOf(text) {
  const rule = el("details", "rule");
  rule.append(el("summary", "", "Rule text"), el("pre", "", text));
  return rule;
}

/** @param {HTMLElement} node @param {string|null} rule @param {any[]} iterations @param {any[]} generations @param {Set<string>} open */
export function drawDescent(node, rule, iterations, generations, open) {
  const table = listing(["Gen", "Verdict", "Sharpe", "Net P&L", "Why"], ["", "", "num", "num", ""], "descent-list");
  for (const step of descent(iterations, generations)) {
    const row = el("tr", "opens");
    const toggle = el("button", "plain toggle");
    toggle.setAttribute("type", "button");
    toggle.append(el("span", "caret", "▸"), el("span", "", step.title));
    const title = el("td", "gen");
    title.append(toggle, el("span", "attempt", step.work.replace(/^.* /, "")));
    if (step.work) title.title = step.work;
    const sharpe = cell(ratio(step.sharpe), "num");
    if (step.parentSharpe !== null) sharpe.title = `parent ${ratio(step.parentSharpe)}, on bars no search had seen`;
    row.append(title, cell(step.verdict, TONES[step.verdict]), sharpe, cell(money(step.net), `num ${sign(step.net)}`), cell(step.verdict === "SEED" ? step.reason : wordsFor(step.reasonCode), "words"));
    const detail = detailOf(step);
    const fold = (unfolded) => {
      detail.hidden = !unfolded;
      toggle.setAttribute("aria-expanded", String(unfolded));
      row.classList.toggle("is-open", unfolded);
    };
    fold(open.has(step.key));
    row.addEventListener("click", () => {
      const unfolded = detail.hidden;
      if (unfolded) open.add(step.key);
      else open.delete(step.key);
      fold(unfolded);
    });
    table.body.append(row, detail);
  }
  node.replaceChildren(...(rule ? [ruleOf(rule)] : []), table.node);
}

function detailOf(step) {
  const row = el("tr", "detail");
  const holder = el("td");
  holder.setAttribute("colspan", "5");
  const head = el("p", "detail-words");
  head.append(timeOf(step.at), el("span", "", step.reason));
  holder.append(head, changesOf(step), evidenceOf(step));
  row.append(holder);
  return row;
}

function changesOf(step) {
  if (step.changes === null) return el("p", "dim", step.verdict === "SEED" ? "" : "The genome it was compared with is not known.");
  if (!step.changes.length) return el("p", "dim", "No number differs from its parent's.");
  const list = el("dl", "changes");
  for (const { name, from, to } of step.changes) {
    const line = el("div");
    const values = el("dd");
    values.append(el("del", "", valueOf(from)), el("span", "dim", "→"), el("ins", "", valueOf(to)));
    line.append(el("dt", "", name), values);
    list.append(line);
  }
  return list;
}

function evidenceOf(step) {
  const list = el("dl", "changes evidence");
  for (const [key, label] of EVIDENCE) {
    if (step.evidence[key] === undefined || step.evidence[key] === null) continue;
    const line = el("div");
    line.append(el("dt", "", label), el("dd", "", figureOf(step.evidence[key])));
    list.append(line);
  }
  if (step.tried !== null) {
    const line = el("div");
    line.append(el("dt", "", "Genomes tried"), el("dd", "", count(step.tried)));
    list.append(line);
  }
  return list;
}

/** @param {HTMLElement} node @param {any[]} decisions */
export function drawDecisions(node, decisions) {
  if (!decisions.length) {
    node.replaceChildren(el("p", "empty", "No tick has decided about this bot within the last two hours."));
    return;
  }
  const table = listing(["Last time", "Decision", "Why"], ["", "", ""], "why-list");
  for (const run of runsOf(decisions)) {
    const row = el("tr");
    const when = el("td", "when");
    when.append(timeOf(run.last, "timeOfDay"));
    if (run.times > 1) when.append(el("span", "times", ` ×${run.times}`));
    const { decision } = run;
    const work = decision.jobType ? `ENQUEUE ${decision.jobType}` : "SKIP";
    const why = cell(decision.words ?? wordsFor(decision.reasonCode), "words");
    why.title = [decision.reasonCode, ...decision.blockers.filter((code) => code !== decision.reasonCode)].join(", ");
    row.append(when, cell(work, decision.jobType ? "up" : "dim"), why);
    table.body.append(row);
  }
  node.replaceChildren(table.node);
}

/** @param {HTMLElement} node @param {any[]} events */
export function drawTrail(node, events) {
  const table = listing(["Time", "Event", "Reason", "By"], ["", "", "", ""], "trail-list");
  for (const line of events) {
    const row = el("tr");
    const when = el("td", "when");
    when.append(timeOf(line.at));
    const event = cell(line.event, /FAILED|TIMEOUT|KILL/.test(line.event) ? "down" : line.event === "METRICS_RESET" ? "amber" : line.event === "STAGE_MOVED" ? "violet" : "");
    const reason = cell("", "words");
    const url = runUrl(line.runId);
    reason.append(breakable([line.reason, line.detail].filter(Boolean).join(" · ")));
    if (url) reason.append(link("run", url, "The run in Dagster"));
    const by = cell(line.actor ?? "", "dim");
    if (line.auditSeq !== null) by.append(el("span", "seq", ` #${line.auditSeq}`));
    row.append(when, event, reason, by);
    row.title = [line.event, line.reason, line.detail].filter(Boolean).join(" · ");
    table.body.append(row);
  }
  node.replaceChildren(table.node);
}

/** @param {HTMLElement} node @param {any[]} verifications @param {string} name */
export function drawChecks(node, verifications, name) {
  if (!verifications.length) {
    const words = el("p", "empty", "Nothing has been verified yet. ");
    words.append(el("code", "", `proving verify "${name}" --suite all`));
    node.replaceChildren(words);
    return;
  }
  const table = listing(["Check", "Verdict", "Why", "Gen"], ["", "", "", "num"], "check-list");
  for (const verification of verifications) {
    const row = el("tr");
    const why = cell(verification.reason, "words");
    why.title = `Can show: ${verification.canShow}\nCannot show: ${verification.cannotShow}`;
    row.append(cell(verification.kind.replace(/_/g, " ").toLowerCase(), "kind"), cell(verification.verdict, TONES[verification.verdict]), why, cell(`G${verification.generationNumber}`, "num dim"));
    table.body.append(row);
  }
  node.replaceChildren(table.node);
}

/** @param {HTMLElement} node @param {any[]} looks newest first @param {any} standing */
export function drawLooks(node, looks, standing) {
  const budget = el("p", "looks-left", `${standing.words}.`);
  if (standing.level !== null) budget.title = `The next look may be won by luck with a probability of ${chance(standing.level)}`;
  if (!looks.length) {
    node.replaceChildren(budget, el("p", "empty", "No look yet. A look judges a candidate against the newest generation on sealed days, which no search has read; only by winning one does it become a generation."));
    return;
  }
  const table = listing(["Look", "Verdict", "Luck", "Days", "Why"], ["", "", "num", "num", ""], "looks-list");
  for (const look of looks) {
    const row = el("tr");
    const came = look.passed ? `G${look.generationNumber} → G${look.newGeneration}` : `against G${look.generationNumber}`;
    const why = el("td", "words");
    why.append(el("span", "dim", `${came}: `), el("span", "", look.reason), el("span", "dim", ` · ${look.firstOn} to ${look.lastOn}, ${count(look.activeDays)} days active · `), timeOf(look.createdAt));
    const luck = cell(chance(look.pValue), `num ${look.passed ? "up" : ""}`);
    luck.title = `at most ${chance(look.level)} wins; ${look.statistic === null ? "every day was the same" : `${ratio(look.statistic)} standard errors above zero`}`;
    row.append(cell(`${look.epoch}.${look.number}`), cell(look.passed ? "WON" : "LOST", look.passed ? "up" : "dim"), luck, cell(count(look.days), "num"), why);
    row.title = `genome ${look.genomeHash}`;
    table.body.append(row);
  }
  node.replaceChildren(budget, table.node);
}

/** @param {number} share of 1 @returns {string} a probability in percent, as small as it is */
function chance(share) {
  return `${(100 * share).toFixed(2)} %`;
}

/** Words that may break after the underscores of a code, and nowhere else within one. @param {string} words @returns {HTMLElement} */
function breakable(words) {
  const node = el("span");
  words.split(/(?<=_)/).forEach((part, at) => node.append(...(at ? [el("wbr"), part] : [part])));
  return node;
}

/** @param {string[]} heads @param {string[]} looks @param {string} name @returns {{node: HTMLElement, body: HTMLElement}} */
export function listing(heads, looks, name) {
  const node = el("table", `grid ${name}`);
  const [head, line, body] = [el("thead"), el("tr"), el("tbody")];
  heads.forEach((words, at) => {
    const heading = el("th", looks[at], words);
    heading.setAttribute("scope", "col");
    line.append(heading);
  });
  head.append(line);
  node.append(head, body);
  return { node, body };
}

/** @param {string} words @param {string} [look] @returns {HTMLElement} */
export function cell(words, look) {
  return el("td", look, words);
}

/** @param {string} words @param {string} address @param {string} title @returns {HTMLElement} */
export function link(words, address, title) {
  const node = el("a", "", words);
  node.setAttribute("href", address);
  node.title = title;
  return node;
}

/** @param {number|null|undefined} usd @returns {string} */
export function sign(usd) {
  return !usd ? "flat" : usd > 0 ? "up" : "down";
}

function figureOf(value) {
  return typeof value === "number" ? String(Math.round(value * 100) / 100) : String(value);
}

function valueOf(value) {
  return value === undefined ? DASH : String(value);
}
