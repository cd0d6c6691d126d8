// @ts-check
/** The decisions page: ticks, and what one of them decided for every bot and why. Belongs here: wiring and words. */

import { WORK_NAMES, WORK_TONES } from "./badge.js";
import { Cells } from "./cells.js";
import { byId, el, say, timeOf } from "./dom.js";
import { folded, unfold, unfolder } from "./folds.js";
import { count } from "./format.js";
import { Poll, askOnce } from "./poll.js";
import { Sheet } from "./sheet.js";
import { autonomyIsSilent, bindKeys, showLink } from "./shell.js";

const TYPES = ["BACKTEST", "IMPROVE", "EVOLVE"];
const PAGE = 100;
const LEAST_FOLDED = 4;
const SHOWN_REASONS = 3;

const cells = new Cells("strip");
const wanted = { tick: /** @type {number|null} */ (null), decision: "", reason: "", words: "", follow: true };
/** @type {any[]} */
let known = [];
/** @type {any[]} */
let older = [];
/** @type {any[]} */
let decided = [];
const unfolded = { ticks: /** @type {Set<string>} */ (new Set()), decisions: /** @type {Set<string>} */ (new Set()) };
const tickKey = (tick) => String(tick.id);
const decisionKey = (decision) => String(decision.seq);
let nextAfter = /** @type {number|null} */ (null);
let asked = 0;

const ticks = new Sheet("ticks", {
  key: tickKey,
  empty: "No tick yet. The daemon has not asked autonomy to decide.",
  opened: (tick) => choose(tick.id, false),
  acted: (tick) => {
    unfold(tick, tickKey, unfolded.ticks);
    drawTicks();
  },
  columns: [
    { head: "Time", about: "When autonomy looked; ×: so many ticks in a row found the same and queued nothing.", of: (tick) => [{ at: tick.startedAt, form: "second" }, ...unfolder(tick)] },
    { head: "Bots", about: "Bots it considered.", kind: "num", of: (tick) => count(tick.candidates) },
    { head: "Due", about: "Bots for which work was due.", kind: "num", of: (tick) => count(tick.eligible) },
    ...TYPES.map((type) => ({ head: `+${WORK_NAMES[type]}`, about: `Bots for which it queued ${WORK_NAMES[type].toLowerCase()} work.`, kind: "num", of: (tick) => ({ text: count(tick.enqueued[type]), tone: tick.enqueued[type] ? `c-${WORK_TONES[type]}` : "dim" }) })),
    { head: "Took", about: "How long deciding took.", kind: "num wide", of: (tick) => took(tick) },
  ],
  below: { head: "Most frequent", of: (tick) => tick.reasons.slice(0, SHOWN_REASONS).map((reason) => `${reason.reasonCode} ${count(reason.bots)}`).join(" · ") },
});

const decisions = new Sheet("decisions", {
  key: decisionKey,
  empty: "No decision matches. Decisions are kept for two hours; the counts of a tick stay.",
  opened: (decision) => location.assign(`/bots/${decision.botId}`),
  acted: (decision) => {
    unfold(decision, decisionKey, unfolded.decisions);
    drawDecisions();
  },
  columns: [
    { head: "Bot", about: "The bot it decided for; ×: so many bots in a row got the same decision.", kind: "name", of: (decision) => [{ text: decision.name, href: `/bots/${decision.botId}` }, { text: traits(decision), tone: "traits" }, ...unfolder(decision)] },
    { head: "Decision", about: "ENQUEUE: work was queued. SKIP: nothing was.", of: (decision) => (decision.jobType ? { text: `ENQUEUE ${decision.jobType}`, tone: `c-${WORK_TONES[decision.jobType]}` } : { text: decision.decision, tone: "dim" }) },
    { head: "Reason", about: "The code of the first reason.", kind: "code", of: (decision) => decision.reasonCode },
    { head: "Why", about: "That reason in words.", kind: "words wide", of: (decision) => ({ text: decision.words, title: decision.words }) },
  ],
  below: { head: "All blockers", of: (decision) => (decision.blockers.length > 1 ? decision.blockers.join(", ") : null) },
});

function traits(decision) {
  return decision.symbol ? ` ${decision.symbol} · ${decision.timeframe}` : "";
}

function isSameTick(tick, next) {
  const spoken = (row) => JSON.stringify([row.candidates, row.eligible, row.reasons]);
  return TYPES.every((type) => !tick.enqueued[type] && !next.enqueued[type]) && spoken(tick) === spoken(next);
}

function isSameDecision(decision, next) {
  const spoken = (row) => [row.decision, row.reasonCode, ...row.blockers].join();
  return decision.decision === "SKIP" && spoken(decision) === spoken(next);
}

function drawTicks() {
  ticks.show(folded([...known, ...older], { same: isSameTick, key: tickKey, open: unfolded.ticks }));
}

function drawDecisions() {
  decisions.show(folded(decided, { same: isSameDecision, key: decisionKey, open: unfolded.decisions, least: LEAST_FOLDED }));
}

function took(tick) {
  return tick.completedAt ? `${count(Date.parse(tick.completedAt) - Date.parse(tick.startedAt))} ms` : null;
}

function showTicks(answer) {
  known = answer.data;
  const floor = known.at(-1)?.id ?? Infinity;
  older = older.filter((tick) => tick.id < floor);
  byId("older-ticks").hidden = older.length ? older.at(-1).last : answer.nextBefore === null;
  drawTicks();
  summarise(known[0]);
  if (known.length && (wanted.follow || wanted.tick === null) && wanted.tick !== known[0].id) choose(known[0].id, true);
}

function summarise(newest) {
  cells.say("Last tick", newest ? [{ since: newest.startedAt }, { text: " ago" }] : null, { about: "When autonomy last looked at every bot, and how long deciding took.", tone: autonomyIsSilent() ? "red" : "plain", note: newest ? took(newest) ?? "" : "" });
  cells.say("Bots considered", count(newest?.candidates), { about: "Bots the last tick looked at." });
  cells.say("With work due", count(newest?.eligible), { about: "Bots for which the last tick found work due." });
  for (const type of TYPES) {
    const [added, waits, runs] = [newest?.enqueued[type], newest?.queued[type], newest?.running[type]];
    cells.say(`${WORK_NAMES[type]} queued`, count(added), { about: `What the last tick queued of ${WORK_NAMES[type].toLowerCase()} work, and what waits and runs.`, tone: added ? WORK_TONES[type] : "none", note: newest ? `${count(waits)} wait · ${count(runs)} run` : "" });
  }
  cells.say("Taken back", count(newest?.reclaimed), { about: "Jobs whose run died or fell silent, taken back by the last tick.", note: "of dead or silent runs" });
}

function choose(tick, follow) {
  wanted.tick = tick;
  wanted.follow = follow;
  byId("follow").setAttribute("aria-pressed", String(follow));
  ticks.select(String(tick));
  void load(false);
}

async function load(further) {
  if (wanted.tick === null) return;
  const turn = (asked += 1);
  const query = new URLSearchParams({ limit: String(PAGE) });
  for (const [name, value] of [["decision", wanted.decision], ["reason", wanted.reason], ["q", wanted.words]]) if (value) query.set(name, value);
  if (further && nextAfter !== null) query.set("after", String(nextAfter));
  try {
    const answer = await askOnce(`/api/ticks/${wanted.tick}/decisions?${query}`);
    if (turn !== asked) return;
    decided = further ? [...decided, ...answer.data] : answer.data;
    nextAfter = answer.nextAfter;
    show(answer.tick);
  } catch (failure) {
    if (turn === asked) showLink(false, failure instanceof Error ? failure.message : "no answer");
  }
}

function show(tick) {
  byId("tick-name").replaceChildren(`tick ${count(tick.id)} · `, timeOf(tick.startedAt, "second"), ` · ${count(tick.decisions)} decisions`);
  drawDecisions();
  byId("more-decisions").hidden = nextAfter === null;
  say(byId("row-count"), `ROWS ${count(decided.length)}${nextAfter === null ? "" : "+"}`);
  showReasons(tick.reasons);
}

function showReasons(reasons) {
  const codes = [...new Set(reasons.map((reason) => reason.reasonCode))];
  if (wanted.reason && !codes.includes(wanted.reason)) codes.push(wanted.reason);
  const select = byId("reason");
  const options = ["", ...codes];
  if ([...select.options].map((option) => option.value).join() !== options.join()) {
    select.replaceChildren(...options.map((code) => Object.assign(el("option", "", code || "Every reason"), { value: code })));
  }
  select.value = wanted.reason;
  byId("reasons").replaceChildren(...reasons.map((reason) => {
    const line = el("div", `reason${reason.reasonCode === wanted.reason ? " chosen" : ""}`);
    line.setAttribute("role", "listitem");
    line.append(el("span", "num", count(reason.bots)), el("b", reason.decision === "ENQUEUE" ? "amber" : "", reason.reasonCode), el("span", "dim", reason.words ?? ""));
    return line;
  }));
}

async function moreTicks() {
  const last = older.at(-1) ?? known.at(-1);
  const answer = await askOnce(`/api/ticks?limit=50&before=${last.id}`);
  older = [...older, ...answer.data];
  if (older.length) older.at(-1).last = answer.nextBefore === null;
  byId("older-ticks").hidden = answer.nextBefore === null;
  drawTicks();
}

function see(change) {
  Object.assign(wanted, change);
  for (const button of document.querySelectorAll("[data-decision]")) {
    button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.decision === wanted.decision));
  }
  byId("reason").value = wanted.reason;
  void load(false);
}

function step(by) {
  const all = [...known, ...older];
  const at = all.findIndex((tick) => tick.id === wanted.tick) + by;
  if (all[at]) choose(all[at].id, at === 0);
}

let typing = 0;
byId("filter").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => see({ words: byId("filter").value.replace(/[^A-Za-z0-9 ._-]/g, "") }), 150);
});
byId("reason").addEventListener("change", () => see({ reason: byId("reason").value }));
for (const button of document.querySelectorAll("[data-decision]")) {
  button.addEventListener("click", () => see({ decision: /** @type {HTMLElement} */ (button).dataset.decision }));
}
byId("follow").addEventListener("click", () => known.length && choose(known[0].id, !wanted.follow));
byId("older-ticks").addEventListener("click", () => void moreTicks());
byId("more-decisions").addEventListener("click", () => void load(true));
bindKeys({
  "/": () => byId("filter").focus(),
  leaveInput: () => byId("filter").blur(),
  ArrowDown: () => decisions.move(1),
  ArrowUp: () => decisions.move(-1),
  j: () => decisions.move(1),
  k: () => decisions.move(-1),
  "[": () => step(-1),
  "]": () => step(1),
  Enter: () => decisions.open(),
  Escape: () => {
    byId("filter").value = "";
    byId("filter").blur();
    see({ words: "", reason: "", decision: "" });
  },
});
new Poll({ path: () => "/api/ticks?limit=50", show: showTicks, everyMs: 3000 });
