// @ts-check
/** The health page: every figure beside the bar it is held against. Belongs here: wiring and words. */

import { BarActs } from "./bar_acts.js";
import { Cells } from "./cells.js";
import { byId, say } from "./dom.js";
import { DASH, count, elapsed } from "./format.js";
import { Poll, askOnce } from "./poll.js";
import { Sheet } from "./sheet.js";
import { autonomyIsSilent } from "./shell.js";

const cells = new Cells("strip");
const LISTS_MS = 15_000;
let listsAt = -Infinity;
const UNITS = ["B", "kB", "MB", "GB", "TB"];

const verdicts = new Sheet("verdicts", {
  key: (verdict) => verdict.name,
  empty: "The database is away; nothing can be recounted.",
  columns: [
    { head: "Verdict", about: "Whether it holds, recounted from raw truth.", of: (verdict) => verdictOf(verdict.holds) },
    { head: "What must hold", about: "What is true of a platform that works.", kind: "sentence", of: (verdict) => verdict.words },
    { head: "Found", about: "What was counted.", of: (verdict) => ({ text: verdict.value, tone: verdict.holds === false ? "down" : "" }) },
    { head: "Bar", about: "What it must be.", kind: "wide", of: (verdict) => ({ text: verdict.bar, tone: "dim" }) },
    { head: "Looked at", about: "When it was counted.", kind: "wide", of: (verdict) => (verdict.checkedAt ? { at: verdict.checkedAt, form: "second" } : { text: "never", tone: "amber" }) },
    { head: "First that break it", about: "The first rows that do not agree.", kind: "words wide", of: (verdict) => ({ text: verdict.broken.map(spoken).join("; "), title: verdict.broken.map(spoken).join("\n") }) },
    { head: "Name", about: "What the proof calls it.", kind: "wide", of: (verdict) => ({ text: verdict.name, tone: "dim" }) },
  ],
});
const checks = new Sheet("checks", {
  key: (check) => check.name,
  empty: "Nothing was checked.",
  columns: [
    { head: "Check", about: "What the platform cannot do without.", of: (check) => (check.name === "daemon" ? "daemon and code server" : check.name) },
    { head: "Verdict", about: "passes or fails, right now.", of: (check) => ({ text: check.passed ? "passes" : "fails", tone: check.passed ? "up" : "down" }) },
    { head: "Found", about: "What it answered.", kind: "sentence", of: (check) => check.detail },
  ],
});
const programs = new Sheet("programs", {
  key: (program) => program.name,
  empty: "No program is known.",
  columns: [
    { head: "Program", about: "A program of the platform.", of: (program) => program.name },
    { head: "Answers", about: "Whether it answers the API.", of: (program) => ({ text: program.answers ? "answers" : "silent", tone: program.answers ? "up" : "down" }) },
    { head: "Where", about: "Its address on its machine.", of: (program) => program.address },
    { head: "Asked", about: "What it was asked.", kind: "wide", of: (program) => ({ text: program.question, tone: "dim" }) },
  ],
});
const limits = new Sheet("limits", {
  key: (limit) => limit.name,
  empty: "No limit is known.",
  columns: [
    { head: "Limit", about: "A limit in force.", kind: "sentence", of: (limit) => limit.name },
    { head: "Value", about: "What it is set to.", kind: "num", of: (limit) => limit.value },
    { head: "Set in", about: "The setting that changes it, or the code.", kind: "wide", of: (limit) => ({ text: limit.source, tone: "dim" }) },
  ],
});
const tables = new Sheet("tables", {
  key: (table) => table.name,
  empty: "The database is away.",
  columns: [
    { head: "Table", about: "A table of the database.", of: (table) => table.name },
    { head: "Size", about: "Its room on disk, with its indexes.", kind: "num", of: (table) => size(table.bytes) },
    { head: "Rows, about", about: "How many rows it has, as the database estimates.", kind: "num", of: (table) => count(table.rowsEstimated) },
  ],
});

const silences = new Sheet("silences", {
  key: (silence) => String(silence.seq),
  empty: "Autonomy has never been silent for longer than its limit.",
  columns: [
    { head: "From", about: "The last tick before it.", of: (silence) => ({ at: silence.payload.from, form: "second" }) },
    { head: "To", about: "The tick that ended it.", of: (silence) => ({ at: silence.payload.to, form: "second" }) },
    { head: "Lasted", about: "How long nothing was decided.", kind: "num", of: (silence) => elapsed(silence.payload.seconds) },
    { head: "Limit", about: "How long it could have been, then.", kind: "num", of: (silence) => elapsed(silence.payload.limitSeconds) },
    { head: "Audit", about: "The event of the audit chain that says so.", kind: "num wide", of: (silence) => `#${silence.seq}` },
  ],
});

const barActs = new BarActs(() => void showLists());
const bars = new Sheet("bars", {
  acted: (series) => barActs.open(series),
  key: (series) => `${series.symbol} ${series.timeframe} ${series.provider} ${series.fingerprint}`,
  empty: "There are no bars; import some or run the market simulator.",
  columns: [
    { head: "Symbol", of: (series) => series.symbol },
    { head: "Timeframe", of: (series) => series.timeframe },
    { head: "Provider", of: (series) => ({ text: series.provider, tone: series.ground ? "" : "dim" }) },
    { head: "Bots", kind: "num", of: (series) => count(series.bots) },
    { head: "Bars", kind: "num", of: (series) => count(series.bars) },
    { head: "From", kind: "wide", of: (series) => ({ at: series.firstBarAt }) },
    { head: "To", kind: "wide", of: (series) => ({ at: series.lastBarAt }) },
    { head: "Why", kind: "sentence", of: (series) => ({ text: series.words, tone: series.ground ? "" : "dim" }) },
    { head: "Change", about: "Prefer, withdraw or restore a series.", of: () => ({ act: "Change…" }) },
  ],
});

function verdictOf(holds) {
  if (holds === null) return { text: "unknown", tone: "amber" };
  return holds ? { text: "holds", tone: "up" } : { text: "BROKEN", tone: "down" };
}

function spoken(row) {
  return Object.entries(row).map(([name, value]) => `${name} ${value ?? DASH}`).join(", ");
}

function size(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1000)));
  return `${(bytes / 1000 ** power).toFixed(power ? 1 : 0)} ${UNITS[power]}`;
}

function show(answer) {
  verdicts.show(answer.verdicts ?? []);
  checks.show(answer.checks);
  programs.show(answer.programs);
  limits.show(answer.limits);
  tables.show(answer.room?.tables ?? []);
  say(byId("room-note"), "with their indexes");
  say(byId("version"), `VERSION ${answer.version}`);
  summarise(answer);
  if (performance.now() - listsAt > LISTS_MS) void showLists();
}

async function showLists() {
  listsAt = performance.now();
  try {
    const [series, events] = await Promise.all([askOnce("/api/bars"), askOnce("/api/audit/events?action=AUTONOMY_WAS_SILENT&limit=20")]);
    bars.show(series.data);
    silences.show(events.data);
  } catch {
    listsAt = -Infinity; // the next answer asks again; the page's own link says what is wrong
  }
}

function summarise(answer) {
  const failing = answer.checks.filter((check) => !check.passed).length;
  const verdicts = answer.verdicts ?? [];
  const broken = verdicts.filter((verdict) => verdict.holds === false).length;
  const tick = answer.lastTick;
  cells.say("Platform", answer.ready ? "ready" : "not ready", { about: "Whether everything the platform cannot do without answers.", tone: answer.ready ? "green" : "red", note: failing ? `${count(failing)} checks fail` : "" });
  cells.say("Verdicts", answer.verdicts ? `${count(verdicts.filter((verdict) => verdict.holds).length)}/${count(verdicts.length)} hold` : null, { about: "How many of the things that must always hold do.", tone: broken ? "red" : "plain", note: broken ? `${count(broken)} broken` : "" });
  cells.say("Last tick", tick ? [{ since: tick.startedAt }, { text: " ago" }] : null, { about: "When autonomy last looked at every bot.", tone: autonomyIsSilent() ? "red" : "plain", note: tick ? `${count(tick.candidates)} bots` : "" });
  cells.say("Programs silent", count(answer.programs.filter((program) => !program.answers).length), { about: "Programs that do not answer.", tone: answer.programs.every((program) => program.answers) ? "none" : "red" });
  cells.say("Database", answer.room ? size(answer.room.databaseBytes) : null, { about: "Room on disk.", note: "with Dagster's tables" });
}

new Poll({ path: () => "/api/vitals", show, everyMs: 3000 });
