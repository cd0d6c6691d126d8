// @ts-check
/** The health page: every figure beside the bar it is held against. Belongs here: wiring and words. */

import { Cells } from "./cells.js";
import { byId, say } from "./dom.js";
import { DASH, count } from "./format.js";
import { Poll } from "./poll.js";
import { Sheet } from "./sheet.js";
import { autonomyIsSilent } from "./shell.js";

const cells = new Cells("strip");
const UNITS = ["B", "kB", "MB", "GB", "TB"];

const verdicts = new Sheet("verdicts", {
  key: (one) => one.name,
  empty: "The database is away; nothing can be recounted.",
  columns: [
    { head: "Verdict", of: (one) => verdictOf(one.holds) },
    { head: "What must hold", kind: "sentence", of: (one) => one.words },
    { head: "Found", of: (one) => ({ text: one.value, tone: one.holds === false ? "down" : "" }) },
    { head: "Bar", of: (one) => ({ text: one.bar, tone: "dim" }) },
    { head: "Looked at", of: (one) => (one.checkedAt ? { at: one.checkedAt, form: "second" } : { text: "never", tone: "amber" }) },
    { head: "First that break it", kind: "words", of: (one) => ({ text: one.broken.map(spoken).join("; "), title: one.broken.map(spoken).join("\n") }) },
    { head: "Name", of: (one) => ({ text: one.name, tone: "dim" }) },
  ],
});
const checks = new Sheet("checks", {
  key: (one) => one.name,
  empty: "Nothing was checked.",
  columns: [
    { head: "Check", of: (one) => (one.name === "daemon" ? "daemon and code server" : one.name) },
    { head: "Verdict", of: (one) => ({ text: one.passed ? "passes" : "fails", tone: one.passed ? "up" : "down" }) },
    { head: "Found", kind: "sentence", of: (one) => one.detail },
  ],
});
const programs = new Sheet("programs", {
  key: (one) => one.name,
  empty: "No program is known.",
  columns: [
    { head: "Program", of: (one) => one.name },
    { head: "Answers", of: (one) => ({ text: one.answers ? "answers" : "silent", tone: one.answers ? "up" : "down" }) },
    { head: "Where", of: (one) => one.address },
    { head: "Asked", of: (one) => ({ text: one.question, tone: "dim" }) },
  ],
});
const limits = new Sheet("limits", {
  key: (one) => one.name,
  empty: "No limit is known.",
  columns: [
    { head: "Limit", kind: "sentence", of: (one) => one.name },
    { head: "Value", kind: "num", of: (one) => one.value },
    { head: "Set in", of: (one) => ({ text: one.source, tone: "dim" }) },
  ],
});
const tables = new Sheet("tables", {
  key: (one) => one.name,
  empty: "The database is away.",
  columns: [
    { head: "Table", of: (one) => one.name },
    { head: "Size", kind: "num", of: (one) => size(one.bytes) },
    { head: "Rows, about", kind: "num", of: (one) => count(one.rowsEstimated) },
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
}

function summarise(answer) {
  const failing = answer.checks.filter((one) => !one.passed).length;
  const told = answer.verdicts ?? [];
  const broken = told.filter((one) => one.holds === false).length;
  const tick = answer.lastTick;
  cells.say("Platform", answer.ready ? "ready" : "not ready", { tone: answer.ready ? "green" : "red", note: failing ? `${count(failing)} checks fail` : "" });
  cells.say("Verdicts", answer.verdicts ? `${count(told.filter((one) => one.holds).length)}/${count(told.length)} hold` : null, { tone: broken ? "red" : "plain", note: broken ? `${count(broken)} broken` : "" });
  cells.say("Last tick", tick ? [{ since: tick.startedAt }, { text: " ago" }] : null, { tone: autonomyIsSilent() ? "red" : "plain", note: tick ? `${count(tick.candidates)} bots` : "" });
  cells.say("Programs silent", count(answer.programs.filter((one) => !one.answers).length), { tone: answer.programs.every((one) => one.answers) ? "none" : "red" });
  cells.say("Database", answer.room ? size(answer.room.databaseBytes) : null, { note: "with Dagster's tables" });
}

new Poll({ path: () => "/api/vitals", show, everyMs: 3000 });
