// @ts-check
/** The jobs page: what runs, what waits, what ended and what was given up. Belongs here: wiring and words. */

import { callAdmin } from "./admin.js";
import { Cells } from "./cells.js";
import { byId, el, say } from "./dom.js";
import { DASH, count, elapsed } from "./format.js";
import { Poll, askOnce } from "./poll.js";
import { Sheet } from "./sheet.js";
import { bindKeys, now, openDialog, runUrl, showLink } from "./shell.js";
import { UnderWay } from "./under_way.js";

const TONES = { BACKTEST: "purple", IMPROVE: "blue", EVOLVE: "teal" };
const NAMES = { BACKTEST: "Backtest", IMPROVE: "Improve", EVOLVE: "Evolve" };
const PACES = { STARTS_SLOW: "amber", STARTS_FAILING: "red" };
const ENDS = { COMPLETED: "", FAILED: "down", TIMEOUT: "down", CANCELED: "dim" };
const cells = new Cells("strip");
let troubled = false;
/** @type {any[]} */
let over = [];
let isNewestPage = true;
let cursor = /** @type {string|null} */ (null);
let letter = /** @type {any} */ (null);

const bot = { head: "Bot", kind: "name", of: (job) => [{ text: job.name, href: `/bots/${job.botId}` }, { text: ` ${job.symbol ?? ""}`, tone: "traits" }] };
const work = { head: "Work", of: (job) => ({ text: `${NAMES[job.type]} • ${mark(job)}`, badge: TONES[job.type], running: job.status === "RUNNING" }) };
const kind = { head: "Work", of: (job) => ({ text: `${NAMES[job.type]} • ${mark(job)}`, tone: `c-${TONES[job.type]}` }) };
const run = { head: "Run", of: (job) => ({ text: job.dagsterRunId?.slice(0, 8), href: runUrl(job.dagsterRunId), title: job.dagsterRunId }) };
const why = { head: "Reason", of: (job) => ({ text: job.reasonCode, tone: "dim" }) };

const running = new Sheet("running", {
  key: (job) => job.id,
  empty: "Nothing runs.",
  columns: [
    bot, work,
    { head: "Elapsed", kind: "num", of: (job) => ({ since: job.startedAt }) },
    { head: "Progress", of: (job) => ({ bar: job.progressPct }) },
    { head: "Heartbeat", kind: "num", of: (job) => [{ since: job.heartbeatAt, tone: stuck(job) ? "down" : "" }, { text: " ago", tone: "dim" }] },
    run,
  ],
  below: why,
});
const queue = new Sheet("queue", {
  key: (job) => job.id,
  empty: "Nothing waits.",
  columns: [
    bot, work,
    { head: "Waits", kind: "num", of: (job) => ({ since: job.createdAt }) },
    { head: "Priority", kind: "num", of: (job) => count(job.priority) },
    why,
  ],
});
const ended = new Sheet("ended", {
  key: (job) => job.id,
  empty: "Nothing ended yet.",
  columns: [
    { head: "Ended", of: (job) => ({ at: job.completedAt, form: "second" }) },
    bot, kind,
    { head: "How", of: (job) => ({ text: job.status, tone: ENDS[job.status] }) },
    { head: "Took", kind: "num", of: (job) => (job.startedAt ? took(job) : null) },
    run,
  ],
  below: { head: "Error", of: (job) => job.error && { text: job.error, tone: "down" } },
});
const letters = new Sheet("letters", {
  key: (one) => `${one.botId}/${one.jobType}`,
  empty: "Nothing has been given up.",
  acted: (one) => ask(one),
  columns: [
    { head: "Bot", kind: "name", of: (one) => ({ text: one.name, href: `/bots/${one.botId}` }) },
    { head: "Work", of: (one) => ({ text: NAMES[one.jobType], tone: `c-${TONES[one.jobType]}` }) },
    { head: "Failures", kind: "num", of: (one) => ({ text: count(one.failuresInRow), tone: "down" }) },
    { head: "Last", of: (one) => ({ at: one.lastFailedAt }) },
    { head: "Put back", of: () => ({ act: "Requeue…" }) },
  ],
  below: { head: "Error", of: (one) => one.lastError && { text: one.lastError, tone: "down" } },
});

function mark(job) {
  return job.type === "BACKTEST" ? `x${job.attempt}` : `#${job.iteration}`;
}

function took(job) {
  const ms = Date.parse(job.completedAt) - Date.parse(job.startedAt);
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)}s` : elapsed(ms / 1000);
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
  const waiting = answer.starvation.waits.reduce((sum, one) => sum + one.queued, 0);
  say(byId("queue-note"), waiting > answer.queued.length ? `first ${count(answer.queued.length)} of ${count(waiting)}, in the order of claiming` : "in the order of claiming");
  say(byId("row-count"), `RUNNING ${count(answer.running.length)} · WAITING ${count(waiting)}`);
  summarise(answer);
  if (isNewestPage) void loadEnded(false);
}

function summarise(answer) {
  for (const wait of answer.starvation.waits) {
    const type = wait.jobType;
    const runs = answer.running.filter((job) => job.type === type).length;
    cells.say(`${NAMES[type]} running`, `${count(runs)}/${count(answer.caps[type])}`, { tone: runs ? TONES[type] : "none", note: `${count(wait.queued)} wait`, title: "running, of the cap" });
  }
  for (const wait of answer.starvation.waits) {
    const unknown = answer.starvation.heldByKillSwitch ? "the kill switch holds them" : "no pace yet";
    const served = wait.lastServedInSeconds === null ? unknown : `all served in ${elapsed(wait.lastServedInSeconds)}`;
    cells.say(`${NAMES[wait.jobType]} pace`, `${wait.finishedPerMinute.toFixed(1)}/min`, {
      tone: wait.finishedPerMinute ? "plain" : "none",
      note: wait.queued ? served : "none waits",
      title: wait.oldestQueuedSeconds === null ? "" : `the oldest has waited ${elapsed(wait.oldestQueuedSeconds)}`,
    });
  }
  const oldest = Math.max(...answer.starvation.waits.map((one) => one.oldestQueuedSeconds ?? -1));
  cells.say("Oldest waits", oldest < 0 ? DASH : elapsed(oldest));
  cells.say("No room in queue", count(answer.starvation.refusedForRoom), { note: "bots, newest tick" });
  const starts = answer.starts;
  cells.say("Runs starting", starts ? count(starts.starting) : null, {
    tone: PACES[starts?.pace] ?? "none",
    note: starts?.failedInRow ? `${count(starts.failedInRow)} failed to start` : "",
    title: starts?.words ?? "",
  });
  cells.say("Given up", count(answer.deadLetters.length), { tone: answer.deadLetters.length ? "red" : "none" });
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
    ended.show(over);
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

function ask(one) {
  letter = one;
  say(byId("requeue-what"), `${one.name}: ${one.failuresInRow} failures of ${NAMES[one.jobType].toLowerCase()} in a row are forgiven, and those of its other work that was given up. The next tick plans it again. The audit chain says who did it.`);
  tell("", "");
  openDialog(byId("requeue-dialog"));
  byId("requeue-token").focus();
}

async function requeue() {
  byId("requeue-do").disabled = true;
  const answer = await callAdmin(`/api/admin/dead-letters/${letter.botId}/requeue`, {}, { token: byId("requeue-token").value });
  byId("requeue-do").disabled = false;
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
byId("requeue-dialog").addEventListener("close", () => { byId("requeue-token").value = ""; });
byId("requeue-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void requeue();
});
bindKeys({ f: () => choose(!troubled), n: () => cursor && void loadEnded(true) });
new UnderWay(null);
const poll = new Poll({ path: () => "/api/jobs/now", show, everyMs: 2000 });
