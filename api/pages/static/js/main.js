// @ts-check
/** The board: one fleet, one view, one link. Belongs here: wiring. Does not belong here: drawing or rules. */

import { tooltipOf } from "./badge.js";
import { byId, say } from "./dom.js";
import { Drawer } from "./drawer.js";
import { boardFile } from "./files.js";
import { count } from "./format.js";
import { Link } from "./live.js";
import { ResetDialog } from "./reset.js";
import { bindKeys, onZone, serverTimeIs, showLink } from "./shell.js";
import { Fleet } from "./store.js";
import { Strip } from "./strip.js";
import { Table } from "./table.js";

const VIEW = "proving.board";
const fleet = new Fleet();
/** @type {import("./store.js").View} */
const view = { sort: "activity", descending: false, stage: null, activity: "all", words: "", ...remembered() };
const SORTS = /** @type {const} */ (["activity", "name", "stage", "netPnl", "winPct", "trades", "maxDrawdown", "profitFactor", "sharpe", "confidence", "uniqueness", "source", "generation"]);
const FALLING_FIRST = new Set(["netPnl", "winPct", "trades", "profitFactor", "sharpe", "confidence", "uniqueness", "generation"]);
let hovered = /** @type {HTMLElement|null} */ (null);

const strip = new Strip();
const drawer = new Drawer({ now: () => link.now(), closed: () => byId("rows").focus() });
const table = new Table({ open: (id) => void drawer.open(id), lines: (ids) => link.drawLines(ids) });
const dialog = new ResetDialog({ shown: () => table.bots, selected: () => table.bot(table.selected ?? "") ?? null });
const link = new Link(fleet, { changed, moved: showLink, ticked });

/** The view this tab had, so that a way to a bot's page and back keeps it. @returns {any} */
function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(VIEW) ?? "{}");
  } catch {
    return {};
  }
}

function remember() {
  try {
    sessionStorage.setItem(VIEW, JSON.stringify(view));
  } catch {
    say(byId("announce"), "This browser does not remember the filter");
  }
}

/** @param {string|null} id */
function visit(id) {
  if (id) location.assign(`/bots/${id}`);
}

/** The first click opens the drawer, which may move the rows: a second one means the bot that was under the first. */
let clicked = /** @type {string|null} */ (null);
function clickedTwice(event) {
  if (event.detail === 2 && clicked) {
    event.stopPropagation();
    visit(clicked);
    return;
  }
  clicked = event.target.closest(".spacer .row")?.dataset.id ?? null;
}

function changed() {
  strip.show(fleet.totals(), link.now());
  countFilters();
  showRows();
  if (drawer.isOpen) refreshDrawer();
}

function showRows() {
  const bots = fleet.shown(view);
  table.show(bots);
  byId("empty").hidden = bots.length > 0;
  say(byId("empty"), fleet.bots.size ? "No bot matches the filter. Esc clears it." : "No bots yet. Seed a fleet to begin.");
  say(byId("row-count"), `ROWS ${count(bots.length)}/${count(fleet.bots.size)}`);
  say(byId("seq"), `SEQ ${fleet.seq}`);
}

let refreshing = 0;
let shownBot = /** @type {any} */ (null);
function refreshDrawer() {
  const bot = fleet.bots.get(drawer.id ?? "");
  if (bot === shownBot) return;
  shownBot = bot;
  clearTimeout(refreshing);
  refreshing = setTimeout(() => void drawer.refresh(), 250);
}

function ticked(at) {
  strip.tickAt = at;
}

function countFilters() {
  const { stages, bots } = fleet.totals();
  for (const button of document.querySelectorAll("[data-stage]")) {
    const stage = /** @type {HTMLElement} */ (button).dataset.stage ?? "";
    say(/** @type {Element} */ (button.querySelector(".n")), count(stage ? stages[stage] : bots));
  }
}

function press() {
  for (const button of document.querySelectorAll("[data-stage]")) {
    button.setAttribute("aria-pressed", String((/** @type {HTMLElement} */ (button).dataset.stage || null) === view.stage));
  }
  for (const button of document.querySelectorAll("[data-activity]")) {
    button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.activity === view.activity));
  }
  for (const head of document.querySelectorAll("[data-sort]")) {
    const own = /** @type {HTMLElement} */ (head).dataset.sort === view.sort;
    head.setAttribute("aria-sort", own ? (view.descending ? "descending" : "ascending") : "none");
  }
  byId("board-csv").href = boardFile(view);
}

function see(change) {
  Object.assign(view, change);
  remember();
  press();
  byId("rows").scrollTop = 0;
  showRows();
}

function sortBy(sort) {
  const descending = view.sort === sort ? !view.descending : FALLING_FIRST.has(sort);
  see({ sort, descending });
}

function clearFilter() {
  byId("filter").value = "";
  byId("filter").blur();
  see({ words: "", stage: null, activity: "all" });
}

bindKeys({
  "/": () => byId("filter").focus(),
  ArrowDown: () => table.move(1),
  ArrowUp: () => table.move(-1),
  j: () => table.move(1),
  k: () => table.move(-1),
  PageDown: () => table.move(20),
  PageUp: () => table.move(-20),
  Home: () => table.move(-Infinity),
  End: () => table.move(Infinity),
  Enter: () => (drawer.isOpen && drawer.id === table.selected ? visit(drawer.id) : table.selected && void drawer.open(table.selected)),
  s: () => sortBy(SORTS[(SORTS.indexOf(/** @type {any} */ (view.sort)) + 1) % SORTS.length]),
  r: () => dialog.open(),
  leaveInput: () => byId("rows").focus(),
  Escape: () => (drawer.isOpen ? drawer.close() : clearFilter()),
});

function pointed(event) {
  const badge = event.target instanceof Element ? event.target.closest(".row .badge") : null;
  if (badge === hovered) return;
  hovered = /** @type {HTMLElement|null} */ (badge);
  showTooltip();
}

function showTooltip() {
  const tip = byId("tooltip");
  const row = /** @type {HTMLElement|null} */ (hovered?.closest(".row") ?? null);
  const bot = fleet.bots.get(row?.dataset.id ?? "");
  const words = bot && hovered && !hovered.hidden ? tooltipOf(bot.botNow, link.now()) : null;
  tip.hidden = words === null;
  if (words === null || !hovered) return;
  say(tip, words);
  const place = hovered.getBoundingClientRect();
  const below = place.bottom + 34 < innerHeight;
  tip.style.left = `${Math.min(place.left, innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${below ? place.bottom + 4 : place.top - tip.offsetHeight - 4}px`;
}

function everySecond() {
  serverTimeIs(new Date(link.now()).toISOString());
  strip.tick(link.now());
  if (hovered) showTooltip();
}

for (const button of document.querySelectorAll("[data-stage]")) {
  button.addEventListener("click", () => see({ stage: /** @type {HTMLElement} */ (button).dataset.stage || null }));
}
for (const button of document.querySelectorAll("[data-activity]")) {
  button.addEventListener("click", () => see({ activity: /** @type {HTMLElement} */ (button).dataset.activity }));
}
for (const head of document.querySelectorAll("[data-sort]")) {
  head.addEventListener("click", () => sortBy(/** @type {HTMLElement} */ (head).dataset.sort));
}
byId("filter").addEventListener("input", () => see({ words: byId("filter").value }));
byId("filter").value = view.words;
byId("rows").addEventListener("click", clickedTwice, true);
byId("rows").addEventListener("mouseover", pointed);
byId("rows").addEventListener("mouseleave", pointed);
byId("rows").addEventListener("scroll", () => { hovered = null; showTooltip(); }, { passive: true });
onZone(() => drawer.isOpen && void drawer.refresh());
press();
setInterval(everySecond, 1000);
everySecond();
link.start();
