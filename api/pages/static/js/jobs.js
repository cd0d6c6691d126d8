// @ts-check
/** The jobs page: what runs, what waits, what ended and what was given up. Belongs here: wiring and words. */

import { callAdmin } from "./admin.js";
import { WORK_NAMES, WORK_TONES } from "./badge.js";
import { Cells } from "./cells.js";
import { byId, el, say } from "./dom.js";
import { folded, unfold, unfolder } from "./folds.js";
import { DASH, count, elapsed, shortId } from "./format.js";
import { Poll, askOnce } from "./poll.js";
import { Sheet } from "./sheet.js";
import { bindKeys, now, openDialog, runUrl, showLink } from "./shell.js";
import { Token } from "./token.js";
import { UnderWay } from "./under_way.js";

const PACES = { STARTS_SLOW: "amber", STARTS_FAILING: "red" };
const ENDS = { COMPLETED: "", FAILED: "down", TIMEOUT: "down", CANCELED: "dim" };
const cells = new Cells("strip");
const jobKey = (job) => job.id;
let troubled = false;
/** @type {any[]} */
let over = [];
let isNewestPage = true;
let cursor = /** @type {string|null} */ (null);
const unfolded = /** @type {Set<string>} */ (new Set());
let letter = /** @type {any} */ (null);
const token = new Token("requeue-token");

const bot = { head: "Bot", about: "The bot the work is for.", kind: "name", of: (job) => [{ text: job.name, href: `/bots/${job.botId}` }, { text: ` ${job.symbol} · ${job.timeframe}`, tone: "traits" }, ...unfolder(job)] };
const work = { head: "Work", about: "Its kind. A filled badge runs, a dashed one waits; x is the attempt of a backtest, # the iteration of a search.", of: (job) => ({ text: `${WORK_NAMES[job.type]} • ${mark(job)}`, badge: WORK_TONES[job.type], running: job.status === "RUNNING" }) };
const kind = { head: "Work", about: "Its kind; x is the attempt of a backtest, # the iteration of a search.", of: (job) => ({ text: `${WORK_NAMES[job.type]} • ${mark(job)}`, tone: `c-${WORK_TONES[job.type]}` }) };
const run = { head: "Run", about: "The Dagster run that works or worked on it.", kind: "wide", of: (job) => ({ text: shortId(job.dagsterRunId), href: runUrl(job.dagsterRunId), title: job.dagsterRunId }) };
const why = { head: "Why", about: "Why it was queued.", kind: "words wide", of: (job) => ({ text: job.words ?? job.reasonCode, tone: "dim", title: job.reasonCode }) };

const running = new Sheet("running", {
  key: (job) => job.id,
  empty: "Nothing runs.",
  columns: [
    bot, work,
    { head: "Elapsed", about: "How long it has run.", kind: "num", of: (job) => ({ since: job.startedAt }) },
    { head: "Progress", about: "How far it says it is.", of: (job) => ({ bar: job.progressPct }) },
    { head: "Heartbeat", about: "When it was last heard of; red: it will be taken back.", kind: "num wide", of: (job) => [{ since: job.heartbeatAt, tone: stuck(job) ? "down" : "" }, { text: " ago", tone: "dim" }] },
    run,
  ],
  below: why,
});
const queue = new Sheet("queue", {
  key: (job) => job.id,
  empty: "Nothing waits.",
  columns: [
    bot, work,
    { head: "Waits", about: "How long it has waited.", kind: "num", of: (job) => ({ since: job.createdAt }) },
    { head: "Priority", about: "The lowest number is claimed first.", kind: "num wide", of: (job) => count(job.priority) },
    why,
  ],
});
const ended = new Sheet("ended", {
  key: jobKey,
  empty: "Nothing ended yet.",
  acted: (job) => {
    unfold(job, jobKey, unfolded);
    drawEnded();
  },
  columns: [
    { head: "Ended", about: "When; ×: so many in a row ended alike.", of: (job) => ({ at: job.completedAt, form: "second" }) },
    bot, kind,
    { head: "How", about: "COMPLETED, FAILED, TIMEOUT: it took longer than it may, CANCELED: by a reset.", of: (job) => ({ text: job.status, tone: ENDS[job.status] }) },
    { head: "Took", about: "From its start to its end.", kind: "num wide", of: (job) => (job.startedAt ? took(job) : null) },
    run,
  ],
  below: { head: "Error", of: (job) => job.error && { text: job.error, tone: "down" } },
});
const letters = new Sheet("letters", {
  key: (letter) => `${letter.botId}/${letter.jobType}`,
  empty: "Nothing has been given up.",
  acted: (letter) => ask(letter),
  columns: [
    { head: "Bot", about: "The bot whose work was given up.", kind: "name", of: (letter) => ({ text: letter.name, href: `/bots/${letter.botId}` }) },
    { head: "Work", about: "The kind of work that failed.", of: (letter) => ({ text: WORK_NAMES[letter.jobType], tone: `c-${WORK_TONES[letter.jobType]}` }) },
    { head: "Failures", about: "How often in a row.", kind: "num", of: (letter) => ({ text: count(letter.failuresInRow), tone: "down" }) },
    { head: "Last", about: "When it failed last.", kind: "wide", of: (letter) => ({ at: letter.lastFailedAt }) },
    { head: "Put back", about: "Forgive the failures, so that the next tick plans it again.", of: () => ({ act: "Requeue…" }) },
  ],
  below: { head: "Error", of: (letter) => letter.lastError && { text: letter.lastError, tone: "down" } },
});

function mark(job) {
  return job.type === "BACKTEST" ? `x${job.attempt}` : `#${job.iteration}`;
}

function took(job) {
  const ms = Date.parse(job.completedAt) - Date.parse(job.startedAt);
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)}s` : elapsed(ms / 1000);
}

/** Failures that say the same are one line, whichever bots they were of; what went well only for one bot. */
function endedAlike(job, next) {
  const spoken = (row) => [row.type, row.status, row.error].join();
  return spoken(job) === spoken(next) && (job.error !== null || job.botId === next.botId);
}

function drawEnded() {
  ended.show(folded(over, { same: endedAlike, key: jobKey, open: unfolded }));
}

let leaseMs = Infinity;
function stuck(job) {
  return job.heartbeatAt !== null && now() - Date.parse(job.heartbeatAt) > leaseMs;
}

function show(answer) {
  leaseMs = 1000 * answer.leaseSeconds;
  running.show(answer.running);
  queue.show(answer.queued);
  letters.show(answer.deadLetters);
  byId("given-up").hidden = answer.deadLetters.length === 0;
  const waiting = answer.starvation.waits.reduce((sum, wait) => sum + wait.queued, 0);
  say(byId("queue-note"), waiting > answer.queued.length ? `first ${count(answer.queued.length)} of ${count(waiting)}, in the order of claiming` : "in the order of claiming");
  say(byId("row-count"), `RUNNING ${count(answer.running.length)} · WAITING ${count(waiting)}`);
  summarise(answer);
  if (isNewestPage) void loadEnded(false);
}

function summarise(answer) {
  for (const wait of answer.starvation.waits) {
    const type = wait.jobType;
    const runs = answer.running.filter((job) => job.type === type).length;
    cells.say(`${WORK_NAMES[type]} running`, `${count(runs)}/${count(answer.caps[type])}`, { tone: runs ? WORK_TONES[type] : "none", note: `${count(wait.queued)} wait`, about: `${WORK_NAMES[type]} jobs that run, of as many as may run at once, and how many wait.` });
  }
  for (const wait of answer.starvation.waits) {
    const unknown = answer.starvation.heldByKillSwitch ? "the kill switch holds them" : "no pace yet";
    const served = wait.lastServedInSeconds === null ? unknown : `all served in ${elapsed(wait.lastServedInSeconds)}`;
    cells.say(`${WORK_NAMES[wait.jobType]} pace`, `${wait.finishedPerMinute.toFixed(1)}/min`, {
      tone: wait.finishedPerMinute ? "plain" : "none",
      note: wait.queued ? served : "none waits",
      about: `Jobs of this kind that ended a minute lately, and when all that wait will have been served at that pace.${wait.oldestQueuedSeconds === null ? "" : ` The oldest has waited ${elapsed(wait.oldestQueuedSeconds)}.`}`,
    });
  }
  const oldest = Math.max(...answer.starvation.waits.map((wait) => wait.oldestQueuedSeconds ?? -1));
  cells.say("Oldest waits", oldest < 0 ? DASH : elapsed(oldest), { about: "How long the longest waiting job has waited." });
  cells.say("No room in queue", count(answer.starvation.refusedForRoom), { about: "Bots with work due for which the newest tick found no room in the queue.", note: "bots, newest tick" });
  const starts = answer.starts;
  cells.say("Runs starting", starts ? count(starts.starting) : null, {
    about: `Runs that were launched and have not begun. ${starts?.words ?? ""}`,
    tone: PACES[starts?.pace] ?? "none",
    note: starts?.failedInRow ? `${count(starts.failedInRow)} failed to start` : "",
  });
  cells.say("Given up", count(answer.deadLetters.length), { about: "Bots whose work failed too often in a row: a person decides.", tone: answer.deadLetters.length ? "red" : "none" });
}

let asked = 0;
async function loadEnded(more) {
  const turn = (asked += 1);
  const query = new URLSearchParams({ limit: "60", troubled: String(troubled) });
  if (more && cursor) query.set("cursor", cursor);
  try {
    const answer = await askOnce(`/api/jobs/ended?${query}`);
    if (turn !== asked) return;
    cursor = answer.nextCursor;
    over = more ? [...over, ...answer.data] : answer.data;
    isNewestPage = !more;
    drawEnded();
    byId("older").hidden = cursor === null;
  } catch (failure) {
    if (turn === asked) showLink(false, failure instanceof Error ? failure.message : "no answer");
  }
}

function choose(only) {
  troubled = only;
  for (const button of document.querySelectorAll("[data-troubled]")) {
    button.setAttribute("aria-pressed", String(Boolean(/** @type {HTMLElement} */ (button).dataset.troubled) === only));
  }
  void loadEnded(false);
}

function ask(chosen) {
  letter = chosen;
  say(byId("requeue-what"), `${chosen.name}: ${chosen.failuresInRow} failures of ${WORK_NAMES[chosen.jobType].toLowerCase()} in a row are forgiven, and those of its other work that was given up. The next tick plans it again. The audit chain says who did it.`);
  tell("", "");
  token.show();
  openDialog(byId("requeue-dialog"));
  token.focus();
}

async function requeue() {
  byId("requeue-do").disabled = true;
  const answer = await callAdmin(`/api/admin/dead-letters/${letter.botId}/requeue`, {}, { token: token.value });
  byId("requeue-do").disabled = false;
  token.heard("done" in answer || answer.refused !== "UNAUTHORIZED");
  if ("done" in answer) {
    byId("requeue-dialog").close();
    say(byId("announce"), `${letter.name}: ${answer.done.jobTypes.join(", ")} put back`);
    void poll.ask();
  } else tell(`REFUSED — ${answer.refused}`, answer.why);
}

function tell(heading, words) {
  byId("requeue-report").hidden = !heading;
  byId("requeue-report").dataset.kind = "refused";
  byId("requeue-report").replaceChildren(el("div", "report-heading", heading), el("div", "report-words", words));
}

for (const button of document.querySelectorAll("[data-troubled]")) {
  button.addEventListener("click", () => choose(Boolean(/** @type {HTMLElement} */ (button).dataset.troubled)));
}
byId("older").addEventListener("click", () => void loadEnded(true));
byId("requeue-close").addEventListener("click", () => byId("requeue-dialog").close());
byId("requeue-dialog").addEventListener("close", () => token.clear());
byId("requeue-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void requeue();
});
bindKeys({ f: () => choose(!troubled), n: () => cursor && void loadEnded(true) });
new UnderWay(null);
const poll = new Poll({ path: () => "/api/jobs/now", show, everyMs: 2000 });
