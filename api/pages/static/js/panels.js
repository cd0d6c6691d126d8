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
  for (const one of descent(iterations, generations)) {
    const row = el("tr", "opens");
    const toggle = el("button", "plain toggle");
    toggle.setAttribute("type", "button");
    toggle.append(el("span", "caret", "▸"), el("span", "", one.title));
    const title = el("td", "gen");
    title.append(toggle, el("span", "attempt", one.work.replace(/^.* /, "")));
    if (one.work) title.title = one.work;
    const sharpe = cell(ratio(one.sharpe), "num");
    if (one.parentSharpe !== null) sharpe.title = `parent ${ratio(one.parentSharpe)}, on bars no search had seen`;
    row.append(title, cell(one.verdict, TONES[one.verdict]), sharpe, cell(money(one.net), `num ${sign(one.net)}`), cell(one.verdict === "SEED" ? one.reason : wordsFor(one.reasonCode), "words"));
    const detail = detailOf(one);
    const fold = (shown) => {
      detail.hidden = !shown;
      toggle.setAttribute("aria-expanded", String(shown));
      row.classList.toggle("is-open", shown);
    };
    fold(open.has(one.key));
    row.addEventListener("click", () => {
      const shown = detail.hidden;
      if (shown) open.add(one.key);
      else open.delete(one.key);
      fold(shown);
    });
    table.body.append(row, detail);
  }
  node.replaceChildren(...(rule ? [ruleOf(rule)] : []), table.node);
}

function detailOf(one) {
  const row = el("tr", "detail");
  const holder = el("td");
  holder.setAttribute("colspan", "5");
  const head = el("p", "detail-words");
  head.append(timeOf(one.at), el("span", "", one.reason));
  holder.append(head, changesOf(one), evidenceOf(one));
  row.append(holder);
  return row;
}

function changesOf(one) {
  if (one.changes === null) return el("p", "dim", one.verdict === "SEED" ? "" : "The genome it was compared with is not known.");
  if (!one.changes.length) return el("p", "dim", "No number differs from its parent's.");
  const list = el("dl", "changes");
  for (const { name, from, to } of one.changes) {
    const line = el("div");
    const values = el("dd");
    values.append(el("del", "", valueOf(from)), el("span", "dim", "→"), el("ins", "", valueOf(to)));
    line.append(el("dt", "", name), values);
    list.append(line);
  }
  return list;
}

function evidenceOf(one) {
  const list = el("dl", "changes evidence");
  for (const [key, label] of EVIDENCE) {
    if (one.evidence[key] === undefined || one.evidence[key] === null) continue;
    const line = el("div");
    line.append(el("dt", "", label), el("dd", "", figureOf(one.evidence[key])));
    list.append(line);
  }
  if (one.tried !== null) {
    const line = el("div");
    line.append(el("dt", "", "Genomes tried"), el("dd", "", count(one.tried)));
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
  for (const one of events) {
    const row = el("tr");
    const when = el("td", "when");
    when.append(timeOf(one.at));
    const event = cell(one.event, /FAILED|TIMEOUT|KILL/.test(one.event) ? "down" : one.event === "METRICS_RESET" ? "amber" : one.event === "STAGE_MOVED" ? "violet" : "");
    const reason = cell("", "words");
    const url = runUrl(one.runId);
    reason.append(breakable([one.reason, one.detail].filter(Boolean).join(" · ")));
    if (url) reason.append(link("run", url, "The run in Dagster"));
    const by = cell(one.actor ?? "", "dim");
    if (one.auditSeq !== null) by.append(el("span", "seq", ` #${one.auditSeq}`));
    row.append(when, event, reason, by);
    row.title = [one.event, one.reason, one.detail].filter(Boolean).join(" · ");
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
  for (const one of verifications) {
    const row = el("tr");
    const why = cell(one.reason, "words");
    why.title = `Can show: ${one.canShow}\nCannot show: ${one.cannotShow}`;
    row.append(cell(one.kind.replace(/_/g, " ").toLowerCase(), "kind"), cell(one.verdict, TONES[one.verdict]), why, cell(`G${one.generationNumber}`, "num dim"));
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
  for (const one of looks) {
    const row = el("tr");
    const came = one.passed ? `G${one.generationNumber} → G${one.newGeneration}` : `against G${one.generationNumber}`;
    const why = el("td", "words");
    why.append(el("span", "dim", `${came}: `), el("span", "", one.reason), el("span", "dim", ` · ${one.firstOn} to ${one.lastOn}, ${count(one.activeDays)} days active · `), timeOf(one.createdAt));
    const luck = cell(chance(one.pValue), `num ${one.passed ? "up" : ""}`);
    luck.title = `at most ${chance(one.level)} wins; ${one.statistic === null ? "every day was the same" : `${ratio(one.statistic)} standard errors above zero`}`;
    row.append(cell(`${one.epoch}.${one.number}`), cell(one.passed ? "WON" : "LOST", one.passed ? "up" : "dim"), luck, cell(count(one.days), "num"), why);
    row.title = `genome ${one.genomeHash}`;
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
    const one = el("th", looks[at], words);
    one.setAttribute("scope", "col");
    line.append(one);
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
