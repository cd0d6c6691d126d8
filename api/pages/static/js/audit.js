// @ts-check
/** The audit page: the chain's events, its end, and verifying it. Belongs here: wiring and words. */

import { callAdmin } from "./admin.js";
import { Cells } from "./cells.js";
import { byId, el, say, timeOf } from "./dom.js";
import { folded, unfold, unfolder } from "./folds.js";
import { DASH, count } from "./format.js";
import { Poll, askOnce } from "./poll.js";
import { Sheet } from "./sheet.js";
import { bindKeys, openDialog } from "./shell.js";
import { Token } from "./token.js";

const cells = new Cells("strip");
const token = new Token("verify-token");
const FIELDS = ["action", "actor", "subject", "reason"];
const unfolded = /** @type {Set<string>} */ (new Set());
const eventKey = (event) => String(event.seq);
let headSeq = -1;
/** @type {any[]} */
let listed = [];
let nextBefore = /** @type {number|null} */ (null);
let asked = 0;

const events = new Sheet("events", {
  key: eventKey,
  empty: "No event yet, or none that matches.",
  opened: (event) => open(event),
  acted: (event) => {
    unfold(event, eventKey, unfolded);
    drawEvents();
  },
  columns: [
    { head: "#", about: "Its place in the chain.", kind: "num", of: (event) => count(event.seq) },
    { head: "Time", about: "When it was recorded.", of: (event) => ({ at: event.at, form: "second" }) },
    { head: "Action", about: "What was done; ×: so many in a row by the same actor for the same reason.", kind: "code", of: (event) => [event.action, ...unfolder(event)] },
    { head: "Reason", about: "The code of the reason that was given.", kind: "wide", of: (event) => ({ text: event.reasonCode, tone: "dim" }) },
    { head: "Actor", about: "Who did it: admin and where from, or the platform itself.", of: (event) => event.actor },
    { head: "Subject", about: "What it was done to.", kind: "words wide", of: (event) => subject(event) },
    { head: "Hash", about: "The start of its hash, which the next event repeats.", kind: "wide", of: (event) => ({ text: event.hash.slice(0, 12), tone: "dim", title: event.hash }) },
  ],
});

function subject(event) {
  const others = event.run ? new Set(event.run.map((each) => each.subject)).size - 1 : 0;
  const first = event.subjectName ? { text: event.subjectName, href: `/bots/${event.subject}`, title: event.subject } : event.subject;
  return others ? [first, ` and ${count(others)} more`] : first;
}

function isAlike(event, next) {
  const spoken = (row) => [row.action, row.actor, row.reasonCode].join();
  return spoken(event) === spoken(next);
}

function drawEvents() {
  events.show(folded(listed, { same: isAlike, key: eventKey, open: unfolded }));
}

function showChain(answer) {
  const { verification, anchor } = answer;
  cells.say("Events", count(answer.headSeq), { about: "Events in the chain." });
  cells.say("Head", { text: answer.headHash.slice(0, 16), title: answer.headHash }, { about: "The hash of the last event: it stands for all before it." });
  const anchored = anchor ? JSON.parse(anchor) : null;
  const agrees = anchored && anchored.seq === answer.headSeq && anchored.hash === answer.headHash;
  cells.say("Anchor", anchored ? `#${count(anchored.seq)} ${anchored.state}` : null, {
    about: "The last line of the file outside the database that the chain is held against.",
    tone: anchored || !answer.headSeq ? (agrees || !answer.headSeq ? "plain" : "amber") : "red",
    note: anchored ? (agrees ? "is the head" : "is not the head") : "nothing outside the database",
  });
  showVerification(verification, answer.headSeq);
  fillActions(answer.actions);
  if (answer.headSeq !== headSeq) {
    headSeq = answer.headSeq;
    if (listed.length <= 100) void load(false);
  }
}

function showVerification(verification, head) {
  const since = verification ? head - verification.headSeq : 0;
  cells.say("Last verification", verification ? (verification.isWhole ? "whole" : `${count(verification.breaks.length)} breaks`) : "never", {
    tone: verification ? (verification.isWhole ? "green" : "red") : "amber",
    note: verification ? `${count(verification.events)} events in ${count(verification.tookMs)} ms${since > 0 ? ` · ${count(since)} since` : ""}` : "verify it now",
    about: "What was found when every event was last hashed again, and how many have come since.",
  });
  cells.say("Verified", verification ? { at: verification.checkedAt, form: "second" } : null, { about: "When that was, and who asked.", note: verification ? `by ${verification.actor}` : "" });
  const first = verification?.breaks[0];
  cells.say("First break", first ? `#${count(first.seq)} ${first.kind}` : DASH, { about: "The first place where the chain does not hold.", tone: first ? "red" : "none", note: first?.detail ?? "" });
}

function fillActions(actions) {
  const select = byId("by-action");
  const options = ["", ...actions];
  if ([...select.options].map((option) => option.value).join() === options.join()) return;
  const chosen = select.value;
  select.replaceChildren(...options.map((action) => Object.assign(el("option", "", action || "Every action"), { value: action })));
  select.value = chosen;
}

function filter() {
  const query = new URLSearchParams();
  for (const field of FIELDS) {
    const value = byId(`by-${field}`).value.trim();
    if (value) query.set(field, field === "reason" ? value.toUpperCase() : value);
  }
  return query;
}

async function load(more) {
  const turn = (asked += 1);
  const query = filter();
  byId("export").href = `/api/audit/events.csv?${query}`;
  query.set("limit", "100");
  if (more && nextBefore !== null) query.set("before", String(nextBefore));
  try {
    const answer = await askOnce(`/api/audit/events?${query}`);
    if (turn !== asked) return;
    listed = more ? [...listed, ...answer.data] : answer.data;
    nextBefore = answer.nextBefore;
    drawEvents();
    byId("older").hidden = nextBefore === null;
    say(byId("row-count"), `ROWS ${count(listed.length)}${nextBefore === null ? "" : "+"}`);
  } catch (failure) {
    if (turn === asked) refused(failure);
  }
}

function refused(failure) {
  const words = failure instanceof Error ? failure.message : "no answer";
  say(byId("row-count"), `NOT READ: ${words}`);
  say(byId("announce"), words);
}

function open(event) {
  events.select(String(event.seq));
  say(byId("event-name"), `#${count(event.seq)} ${event.action}`);
  const list = el("dl", "facts");
  const at = el("dd");
  at.append(timeOf(event.at, "second"));
  for (const [label, value] of [["Time", at], ["Actor", event.actor], ["Subject", event.subjectName ? `${event.subjectName} (${event.subject})` : event.subject], ["Reason", event.reasonCode ?? DASH], ["Hash", event.hash], ["Follows", event.previousHash]]) {
    const pair = el("div");
    pair.append(el("dt", "", /** @type {string} */ (label)), typeof value === "string" ? el("dd", "", value) : value);
    list.append(pair);
  }
  const verbatim = el("pre", "payload", JSON.stringify(event.payload, null, 2));
  byId("event").replaceChildren(list, el("h3", "", "Payload"), verbatim);
}

function ask() {
  tell("", "");
  token.show();
  openDialog(byId("verify-dialog"));
  token.focus();
}

async function verify() {
  const button = byId("verify-do");
  button.disabled = true;
  say(button, "Verifying …");
  const answer = await callAdmin("/api/admin/audit-verification", {}, { token: token.value });
  token.heard("done" in answer || answer.refused !== "UNAUTHORIZED");
  button.disabled = false;
  say(button, "Verify");
  if ("done" in answer) {
    byId("verify-dialog").close();
    showVerification(answer.done, Math.max(headSeq, answer.done.headSeq));
    say(byId("announce"), answer.done.isWhole ? "The chain is whole" : "The chain is broken");
  } else tell(`REFUSED — ${answer.refused}`, answer.why);
}

function tell(heading, words) {
  byId("verify-report").hidden = !heading;
  byId("verify-report").dataset.kind = "refused";
  byId("verify-report").replaceChildren(el("div", "report-heading", heading), el("div", "report-words", words));
}

let typing = 0;
byId("filters").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => void load(false), 250);
});
byId("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  void load(false);
});
byId("older").addEventListener("click", () => void load(true));
byId("verify").addEventListener("click", ask);
byId("verify-close").addEventListener("click", () => byId("verify-dialog").close());
byId("verify-dialog").addEventListener("close", () => token.clear());
byId("verify-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void verify();
});
bindKeys({
  "/": () => byId("by-actor").focus(),
  leaveInput: () => /** @type {HTMLElement} */ (document.activeElement)?.blur(),
  ArrowDown: () => events.move(1),
  ArrowUp: () => events.move(-1),
  j: () => events.move(1),
  k: () => events.move(-1),
  Enter: () => events.open(),
  v: ask,
  n: () => nextBefore !== null && void load(true),
  Escape: () => {
    byId("filters").reset();
    void load(false);
  },
});
new Poll({ path: () => "/api/audit/chain", show: showChain, everyMs: 3000 });
