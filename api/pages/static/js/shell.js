// @ts-check
/**
 * What every page has: the clock and its zone, the link's state, keys, the help. Belongs here: the frame around a page.
 * Does not belong here: what any one page shows.
 */

import { BADGES } from "./about.js";
import { byId, el, rewriteTimes, say } from "./dom.js";
import { clock, elapsed, isLocalTime, useLocalTime } from "./format.js";
import { Silence } from "./silence.js";
import { KillSwitch } from "./switch.js";
import { rewriteTip } from "./tip.js";

const ZONE = "proving.zone";

/** @type {{skewMs: number, keys: Record<string, () => void>, zoned: Set<() => void>}} */
const frame = { skewMs: 0, keys: {}, zoned: new Set() };

/** @returns {number} the server's time in epoch milliseconds */
export function now() {
  return Date.now() + frame.skewMs;
}

/** @param {string} iso the server's time, as an answer told it */
export function serverTimeIs(iso) {
  frame.skewMs = Date.parse(iso) - Date.now();
}

/** Hear how the kill switch stands. @param {any} state as the pulse tells it @param {boolean} live whether the server hears of changes */
export function switchIs(state, live) {
  killSwitch.hear(state, live);
}

/** Hear when the last tick was and how runs start. @param {any} heard a message of the link */
export function ticksAre(heard) {
  silence.hear(heard);
  byId("starts").hidden = !heard.starts;
  if (!heard.starts) return;
  say(byId("starts-head"), heard.starts.pace === "STARTS_FAILING" ? "RUNS FAIL TO START" : "RUNS START SLOWLY");
  say(byId("starts-words"), heard.starts.words);
}

/** @returns {boolean} whether the last tick is older than the server allows */
export function autonomyIsSilent() {
  return silence.holds;
}

/** Say whether what the page shows is what the server knows. @param {boolean} live @param {string} why */
export function showLink(live, why) {
  document.body.classList.toggle("stale", !live);
  say(byId("link-words"), live ? "LIVE" : "STALE");
  byId("link").className = `pill ${live ? "is-live" : "is-stale"}`;
  byId("link").title = live ? "Changes arrive as they happen" : `Showing what was last known: ${why}`;
  say(byId("announce"), live ? "Live" : `Stale: ${why}`);
}

/** Take a page's own keys: letters in lower case. @param {Record<string, () => void>} keys */
export function bindKeys(keys) {
  Object.assign(frame.keys, keys);
}

/** Call back after the zone was switched. @param {() => void} redraw */
export function onZone(redraw) {
  frame.zoned.add(redraw);
}

/** @param {string|null|undefined} runId @returns {string|null} the run in the Dagster UI; work by hand has none */
export function runUrl(runId) {
  if (!runId || !/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(runId)) return null;
  return `${location.protocol}//${location.hostname}:${document.documentElement.dataset.runsPort}/runs/${runId}`;
}

/** Open a dialog unless one is open. @param {any} dialog */
export function openDialog(dialog) {
  if (!document.querySelector("dialog[open]")) dialog.showModal();
}

function switchZone() {
  useLocalTime(!isLocalTime());
  try {
    if (isLocalTime()) localStorage.setItem(ZONE, "local");
    else localStorage.removeItem(ZONE);
  } catch {
    say(byId("announce"), "This browser does not remember the zone");
  }
  zoneMoved();
}

function zoneMoved() {
  rewriteTimes();
  everySecond();
  for (const redraw of frame.zoned) redraw();
}

function rememberedZone() {
  try {
    return localStorage.getItem(ZONE) === "local";
  } catch {
    return false;
  }
}

function everySecond() {
  say(byId("clock"), clock(now()));
  silence.judge();
  rewriteTip();
  for (const node of document.querySelectorAll("[data-since]")) {
    say(node, elapsed((now() - Date.parse(/** @type {HTMLElement} */ (node).dataset.since ?? "")) / 1000));
  }
}

/** @param {KeyboardEvent} event @returns {string|null} the key that is meant; null while somebody writes or presses a button */
function keyOf(event) {
  const { key, target } = event;
  if (target instanceof HTMLInputElement && target.type !== "checkbox" && (key === "Enter" || key === "ArrowDown")) return "leaveInput";
  if (target instanceof Element && target.matches("input, select, textarea") && key !== "Escape") return null;
  if (target instanceof Element && target.matches("button, a, summary, [data-sort]") && key === "Enter") return null;
  return key.length === 1 ? key.toLowerCase() : key;
}

/** @param {KeyboardEvent} event */
function keyed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const key = keyOf(event);
  if (!key) return;
  const act = frame.keys[key];
  if (!act) return;
  event.preventDefault();
  act();
}

/** The help tells of the page as it stands: every figure and column that explains itself, once. */
function openHelp() {
  const abouts = new Map();
  for (const node of document.querySelectorAll("[data-about]")) {
    const label = node.querySelector(".label")?.textContent ?? node.textContent ?? "";
    const { about } = /** @type {HTMLElement} */ (node).dataset;
    if (about) abouts.set(label.trim(), about);
  }
  byId("help-figures").replaceChildren(...[...abouts].map(explained));
  byId("help-badges").replaceChildren(...BADGES.map(explained));
  openDialog(byId("keys-dialog"));
}

/** @param {string[]} pair a word and its meaning */
function explained([word, meaning]) {
  const line = el("div");
  line.append(el("dt", "", word), el("dd", "", meaning));
  return line;
}

function tabKeys() {
  /** @type {Record<string, () => void>} */
  const keys = {};
  for (const tab of document.querySelectorAll("a.tab")) {
    const { key = "" } = /** @type {HTMLElement} */ (tab).dataset;
    keys[key] = () => location.assign(/** @type {HTMLAnchorElement} */ (tab).href);
  }
  return keys;
}

useLocalTime(rememberedZone());
const silence = new Silence();
const killSwitch = new KillSwitch({ now: serverTimeIs });
bindKeys({ ...tabKeys(), u: switchZone, "!": () => killSwitch.open(), "?": openHelp });
byId("clock").addEventListener("click", switchZone);
byId("keys-open").addEventListener("click", openHelp);
byId("keys-close").addEventListener("click", () => byId("keys-dialog").close());
document.addEventListener("keydown", keyed);
for (const tab of document.querySelectorAll("a.tab[aria-current]")) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
addEventListener("storage", (event) => {
  if (event.key !== ZONE && event.key !== null) return;
  useLocalTime(rememberedZone());
  zoneMoved();
});
setInterval(everySecond, 1000);
everySecond();
