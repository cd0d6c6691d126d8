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
  key: (one) => one.name,
  empty: "The database is away; nothing can be recounted.",
  columns: [
    { head: "Verdict", about: "Whether it holds, recounted from raw truth.", of: (one) => verdictOf(one.holds) },
    { head: "What must hold", about: "What is true of a platform that works.", kind: "sentence", of: (one) => one.words },
    { head: "Found", about: "What was counted.", of: (one) => ({ text: one.value, tone: one.holds === false ? "down" : "" }) },
    { head: "Bar", about: "What it must be.", kind: "wide", of: (one) => ({ text: one.bar, tone: "dim" }) },
    { head: "Looked at", about: "When it was counted.", kind: "wide", of: (one) => (one.checkedAt ? { at: one.checkedAt, form: "second" } : { text: "never", tone: "amber" }) },
    { head: "First that break it", about: "The first rows that do not agree.", kind: "words wide", of: (one) => ({ text: one.broken.map(spoken).join("; "), title: one.broken.map(spoken).join("\n") }) },
    { head: "Name", about: "What the proof calls it.", kind: "wide", of: (one) => ({ text: one.name, tone: "dim" }) },
  ],
});
const checks = new Sheet("checks", {
  key: (one) => one.name,
  empty: "Nothing was checked.",
  columns: [
    { head: "Check", about: "What the platform cannot do without.", of: (one) => (one.name === "daemon" ? "daemon and code server" : one.name) },
    { head: "Verdict", about: "passes or fails, right now.", of: (one) => ({ text: one.passed ? "passes" : "fails", tone: one.passed ? "up" : "down" }) },
    { head: "Found", about: "What it answered.", kind: "sentence", of: (one) => one.detail },
  ],
});
const programs = new Sheet("programs", {
  key: (one) => one.name,
  empty: "No program is known.",
  columns: [
    { head: "Program", about: "A program of the platform.", of: (one) => one.name },
    { head: "Answers", about: "Whether it answers the API.", of: (one) => ({ text: one.answers ? "answers" : "silent", tone: one.answers ? "up" : "down" }) },
    { head: "Where", about: "Its address on its machine.", of: (one) => one.address },
    { head: "Asked", about: "What it was asked.", kind: "wide", of: (one) => ({ text: one.question, tone: "dim" }) },
  ],
});
const limits = new Sheet("limits", {
  key: (one) => one.name,
  empty: "No limit is known.",
  columns: [
    { head: "Limit", about: "A limit in force.", kind: "sentence", of: (one) => one.name },
    { head: "Value", about: "What it is set to.", kind: "num", of: (one) => one.value },
    { head: "Set in", about: "The setting that changes it, or the code.", kind: "wide", of: (one) => ({ text: one.source, tone: "dim" }) },
  ],
});
const tables = new Sheet("tables", {
  key: (one) => one.name,
  empty: "The database is away.",
  columns: [
    { head: "Table", about: "A table of the database.", of: (one) => one.name },
    { head: "Size", about: "Its room on disk, with its indexes.", kind: "num", of: (one) => size(one.bytes) },
    { head: "Rows, about", about: "How many rows it has, as the database estimates.", kind: "num", of: (one) => count(one.rowsEstimated) },
  ],
});

const silences = new Sheet("silences", {
  key: (one) => String(one.seq),
  empty: "Autonomy has never been silent for longer than its limit.",
  columns: [
    { head: "From", about: "The last tick before it.", of: (one) => ({ at: one.payload.from, form: "second" }) },
    { head: "To", about: "The tick that ended it.", of: (one) => ({ at: one.payload.to, form: "second" }) },
    { head: "Lasted", about: "How long nothing was decided.", kind: "num", of: (one) => elapsed(one.payload.seconds) },
    { head: "Limit", about: "How long it could have been, then.", kind: "num", of: (one) => elapsed(one.payload.limitSeconds) },
    { head: "Audit", about: "The event of the audit chain that says so.", kind: "num wide", of: (one) => `#${one.seq}` },
  ],
});

const barActs = new BarActs(() => void showLists());
const bars = new Sheet("bars", {
  acted: (one) => barActs.open(one),
  key: (one) => `${one.symbol} ${one.timeframe} ${one.provider} ${one.fingerprint}`,
  empty: "There are no bars; import some or run the market simulator.",
  columns: [
    { head: "Symbol", of: (one) => one.symbol },
    { head: "Timeframe", of: (one) => one.timeframe },
    { head: "Provider", of: (one) => ({ text: one.provider, tone: one.ground ? "" : "dim" }) },
    { head: "Bots", kind: "num", of: (one) => count(one.bots) },
    { head: "Bars", kind: "num", of: (one) => count(one.bars) },
    { head: "From", kind: "wide", of: (one) => ({ at: one.firstBarAt }) },
    { head: "To", kind: "wide", of: (one) => ({ at: one.lastBarAt }) },
    { head: "Why", kind: "sentence", of: (one) => ({ text: one.words, tone: one.ground ? "" : "dim" }) },
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
    const [series, told] = await Promise.all([askOnce("/api/bars"), askOnce("/api/audit/events?action=AUTONOMY_WAS_SILENT&limit=20")]);
    bars.show(series.data);
    silences.show(told.data);
  } catch {
    listsAt = -Infinity; // the next answer asks again; the page's own link says what is wrong
  }
}

function summarise(answer) {
  const failing = answer.checks.filter((one) => !one.passed).length;
  const told = answer.verdicts ?? [];
  const broken = told.filter((one) => one.holds === false).length;
  const tick = answer.lastTick;
  cells.say("Platform", answer.ready ? "ready" : "not ready", { about: "Whether everything the platform cannot do without answers.", tone: answer.ready ? "green" : "red", note: failing ? `${count(failing)} checks fail` : "" });
  cells.say("Verdicts", answer.verdicts ? `${count(told.filter((one) => one.holds).length)}/${count(told.length)} hold` : null, { about: "How many of the things that must always hold do.", tone: broken ? "red" : "plain", note: broken ? `${count(broken)} broken` : "" });
  cells.say("Last tick", tick ? [{ since: tick.startedAt }, { text: " ago" }] : null, { about: "When autonomy last looked at every bot.", tone: autonomyIsSilent() ? "red" : "plain", note: tick ? `${count(tick.candidates)} bots` : "" });
  cells.say("Programs silent", count(answer.programs.filter((one) => !one.answers).length), { about: "Programs that do not answer.", tone: answer.programs.every((one) => one.answers) ? "none" : "red" });
  cells.say("Database", answer.room ? size(answer.room.databaseBytes) : null, { about: "Room on disk.", note: "with Dagster's tables" });
}

new Poll({ path: () => "/api/vitals", show, everyMs: 3000 });
