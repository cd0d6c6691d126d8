// @ts-check
/** The strategy lab: iterations, what each tried and why it was kept or rejected. Belongs here: wiring and words. */

import { WORK_NAMES, WORK_TONES } from "./badge.js";
import { byId, el, say } from "./dom.js";
import { DASH, count, money, pct, ratio } from "./format.js";
import { Poll, askOnce } from "./poll.js";
import { Sheet } from "./sheet.js";
import { bindKeys, showLink } from "./shell.js";

const wanted = { accepted: "", work: "", q: "" };
const chosen = { id: /** @type {string|null} */ (null), judged: /** @type {number|null} */ (null) };
/** @type {any[]} */
let known = [];
/** @type {any[]} */
let older = [];
let cursor = /** @type {string|null} */ (null);
let asked = 0;

const iterations = new Sheet("iterations", {
  key: (iteration) => iteration.id,
  empty: "No iteration matches. A bot is improved after a backtest with enough trades.",
  opened: (iteration) => void open(iteration.id),
  columns: [
    { head: "Ended", about: "When the search ended.", of: (iteration) => ({ at: iteration.completedAt, form: "second" }) },
    { head: "Bot", about: "The bot that was to be bettered.", kind: "name", of: (iteration) => [{ text: iteration.name, href: `/bots/${iteration.botId}` }, { text: ` ${iteration.symbol} · ${iteration.timeframe}`, tone: "traits" }] },
    { head: "Work", about: "Improve: a search around its genome. Evolve: bred with the best of its kind. # counts them.", of: (iteration) => ({ text: `${WORK_NAMES[iteration.jobType]} • #${iteration.iteration}`, tone: `c-${WORK_TONES[iteration.jobType]}` }) },
    { head: "Verdict", about: "KEPT: it became the next generation. REVERTED: an ancestor came back. REJECTED: it did not do better.", of: (iteration) => verdict(iteration) },
  ],
  below: { head: "Why", of: (iteration) => iteration.reason },
});
const genes = new Sheet("genes", {
  key: (change) => change.gene,
  empty: "Choose an iteration.",
  columns: [
    { head: "Parameter", about: "A number of its strategy.", of: (change) => change.gene },
    { head: "Parent", about: "Its value in the generation that was to be bettered.", kind: "num", of: (change) => number(change.parent) },
    { head: "Candidate", about: "Its value in the genome that was judged; amber: it differs.", kind: "num", of: (change) => ({ text: number(change.candidate), tone: change.changed ? "amber" : "dim" }) },
  ],
});
const candidates = new Sheet("candidates", {
  key: (candidate) => String(candidate.trial),
  empty: "No candidate was tried: an ancestor came back, or there is no iteration chosen.",
  columns: [
    { head: "Trial", about: "Its number in the search; ▸ marks the one that was judged.", kind: "num", of: (candidate) => (candidate.trial === chosen.judged ? { text: `▸ ${candidate.trial}`, tone: "amber", title: "The candidate that was judged" } : count(candidate.trial)) },
    { head: "Segment", about: "The walk-forward segment it was tried on.", kind: "num wide", of: (candidate) => count(candidate.segment + 1) },
    { head: "Train Sharpe", about: "Sharpe on the bars it was searched on.", kind: "num", of: (candidate) => ratio(candidate.trainSharpe) },
    { head: "Train net P&L", about: "Net P&L on the bars it was searched on.", kind: "num", of: (candidate) => toned(candidate.trainNetPnlUsd) },
    { head: "Train trades", about: "Trades on the bars it was searched on.", kind: "num wide", of: (candidate) => count(candidate.trainTrades) },
    { head: "Held-out Sharpe", about: "Sharpe on bars that no search had seen.", kind: "num", of: (candidate) => ratio(candidate.testSharpe) },
    { head: "Held-out net P&L", about: "Net P&L on bars that no search had seen.", kind: "num wide", of: (candidate) => toned(candidate.testNetPnlUsd) },
    { head: "Held-out trades", about: "Trades on bars that no search had seen.", kind: "num wide", of: (candidate) => count(candidate.testTrades) },
  ],
});

/** What the evidence means, in the order in which it is weighed. */
const EVIDENCE = [
  ["candidate_test_sharpe", "Candidate's held-out Sharpe", ratio],
  ["parent_test_sharpe", "Parent's held-out Sharpe", ratio],
  ["candidate_test_trades", "Candidate's held-out trades", count],
  ["deflated_sharpe_probability", "Probability it is not luck of many tries", (value) => (typeof value === "number" ? pct(100 * value) : DASH)],
  ["walk_forward_consistency", "Segments with a positive net", (value) => (typeof value === "number" ? pct(100 * value) : DASH)],
  ["overfit_ratio", "Train Sharpe over held-out Sharpe", ratio],
  ["uniqueness_pct", "Unlike the others of its archetype", pct],
  ["candidates_tried", "Candidates tried", count],
];

/** As the bot's page says it. */
function verdict(iteration) {
  if (!iteration.accepted) return { text: "REJECTED", tone: "dim" };
  const word = iteration.reasonCode === "REVERTED" ? "REVERTED" : "KEPT";
  return [{ text: word, tone: word === "KEPT" ? "up" : "amber" }, { text: ` G${iteration.newGeneration}`, tone: "dim" }];
}

function number(value) {
  return value === null ? DASH : String(Math.round(value * 1e6) / 1e6);
}

function toned(usd) {
  return usd === null ? null : { text: money(usd), tone: usd > 0 ? "up" : usd < 0 ? "down" : "" };
}

function query() {
  const words = new URLSearchParams({ limit: "60" });
  for (const [name, value] of Object.entries(wanted)) if (value) words.set(name, value);
  return words;
}

function show(answer) {
  known = answer.data;
  const last = known.at(-1);
  const mine = new Set(known.map((iteration) => iteration.id));
  older = last ? older.filter((iteration) => !mine.has(iteration.id) && iteration.completedAt <= last.completedAt) : [];
  if (!older.length) cursor = answer.nextCursor;
  draw();
  if (!chosen.id && known.length) void open(known[0].id);
}

function draw() {
  iterations.show([...known, ...older]);
  byId("older").hidden = cursor === null;
  say(byId("row-count"), `ROWS ${count(known.length + older.length)}${cursor === null ? "" : "+"}`);
}

async function more() {
  const words = query();
  if (cursor) words.set("cursor", cursor);
  const answer = await askOnce(`/api/iterations?${words}`);
  older = [...older, ...answer.data];
  cursor = answer.nextCursor;
  draw();
}

async function open(id) {
  const turn = (asked += 1);
  chosen.id = id;
  iterations.select(id);
  try {
    const answer = await askOnce(`/api/iterations/${id}`);
    if (turn !== asked) return;
    chosen.judged = answer.judged;
    tell(answer);
  } catch (failure) {
    if (turn === asked) showLink(false, failure instanceof Error ? failure.message : "no answer");
  }
}

function tell({ iteration, genes: changes, candidates: tried }) {
  say(byId("iteration-name"), `${iteration.name} · ${WORK_NAMES[iteration.jobType]} #${iteration.iteration} · ${iteration.archetype} · ${iteration.symbol} ${iteration.timeframe} · ${iteration.dataSource}`);
  const line = el("p", iteration.accepted ? "sentence up" : "sentence", iteration.reason);
  const list = el("dl", "facts evidence");
  for (const [name, label, write] of EVIDENCE) {
    if (!(/** @type {string} */ (name) in iteration.evidence)) continue;
    const pair = el("div");
    pair.append(el("dt", "", /** @type {string} */ (label)), el("dd", "", /** @type {Function} */ (write)(iteration.evidence[/** @type {string} */ (name)])));
    list.append(pair);
  }
  byId("verdict").replaceChildren(line, list);
  genes.show(changes);
  candidates.show(tried);
  say(byId("candidates-note"), `${count(tried.length)} on ${count(new Set(tried.map((candidate) => candidate.segment)).size)} segments; held-out figures only where the choice was judged`);
}

function see(change) {
  Object.assign(wanted, change);
  older = [];
  cursor = null;
  chosen.id = null;
  for (const name of ["accepted", "work"]) {
    for (const button of document.querySelectorAll(`[data-${name}]`)) {
      button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset[name] === wanted[name]));
    }
  }
  void poll.ask();
}

let typing = 0;
byId("filter").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => see({ q: byId("filter").value.replace(/[^A-Za-z0-9 ._-]/g, "") }), 150);
});
for (const name of ["accepted", "work"]) {
  for (const button of document.querySelectorAll(`[data-${name}]`)) {
    button.addEventListener("click", () => see({ [name]: /** @type {HTMLElement} */ (button).dataset[name] ?? "" }));
  }
}
byId("older").addEventListener("click", () => void more());
bindKeys({
  "/": () => byId("filter").focus(),
  leaveInput: () => byId("filter").blur(),
  ArrowDown: () => iterations.move(1),
  ArrowUp: () => iterations.move(-1),
  j: () => iterations.move(1),
  k: () => iterations.move(-1),
  Enter: () => iterations.open(),
  Escape: () => {
    byId("filter").value = "";
    byId("filter").blur();
    see({ accepted: "", work: "", q: "" });
  },
});
const poll = new Poll({ path: () => `/api/iterations?${query()}`, show, everyMs: 3000 });
