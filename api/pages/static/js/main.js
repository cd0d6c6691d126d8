// @ts-check
/** The board: one fleet, one view, one link. Belongs here: wiring. Does not belong here: drawing or rules. */

import { BUST, IN_SAMPLE, OF_OLDER, STAGES, STATES, aboutSource } from "./about.js";
import { DEFAULT, queryOf, viewOf } from "./address.js";
import { archivedBots } from "./archived.js";
import { tooltipOf } from "./badge.js";
import { byId, say } from "./dom.js";
import { boardFile } from "./files.js";
import { filterOf } from "./filter.js";
import { count } from "./format.js";
import { Link } from "./live.js";
import { bindKeys, onZone, serverTimeIs, showLink } from "./shell.js";
import { Fleet, KEYS, isOfArchived } from "./store.js";
import { Strip } from "./strip.js";
import { Table } from "./table.js";
import { explains } from "./tip.js";

const LAST_VIEW = "proving.board";
const TYPING_MS = 900;
const RETRY_MS = 2000;
const fleet = new Fleet();
/** @type {import("./store.js").View} */
const view = viewOf(location.search || remembered());
const SORTS = /** @type {(keyof typeof KEYS)[]} */ (Object.keys(KEYS));
const FALLING_FIRST = new Set(["netPnl", "winPct", "trades", "profitFactor", "sharpe", "evidence", "unseenSharpe", "confidence", "uniqueness", "generation"]);

const strip = new Strip();
/** What nobody sees at first is asked for when it is wanted. @type {import("./drawer.js").Drawer|null} */
let drawer = null;
/** @type {Promise<import("./reset.js").ResetDialog>|null} */
let dialog = null;
const table = new Table({ open: (id) => see({ bot: id }), lines: (ids) => link.drawLines(ids) });
const link = new Link(fleet, { changed, moved: showLink, ticked });

/** The view this tab had last: the tab "Bots" leads back to it. @returns {string} */
function remembered() {
  try {
    return sessionStorage.getItem(LAST_VIEW) ?? "";
  } catch {
    return "";
  }
}

function remember() {
  try {
    const query = queryOf({ ...view, bot: null });
    if (query) sessionStorage.setItem(LAST_VIEW, query);
    else sessionStorage.removeItem(LAST_VIEW);
  } catch {
    say(byId("announce"), "This browser does not remember the filter");
  }
}

let typedAt = -Infinity;
/** The address says what is shown. What was typed in one go is one step back. @param {boolean} typing */
function addressIs(typing) {
  const goesOn = typing && performance.now() - typedAt < TYPING_MS;
  typedAt = typing ? performance.now() : -Infinity;
  const query = queryOf(view);
  if (query === location.search) return;
  history[goesOn ? "replaceState" : "pushState"](null, "", query || location.pathname);
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
  const totals = fleet.totals();
  strip.show(totals, link.now());
  countFilters(totals);
  askForArchived();
  showRows();
  if (drawer?.isOpen) refreshDrawer();
}

function showRows() {
  const bots = fleet.listed(view);
  table.show(bots);
  byId("empty").hidden = bots.length > 0;
  say(byId("empty"), emptyWords());
  say(byId("row-count"), `${isOfArchived(view) ? "ARCHIVED" : "ROWS"} ${count(bots.length)}/${count(fleet.of(view).size)}`);
  say(byId("seq"), `SEQ ${fleet.seq}`);
}

let archivedAsOf = -1;
let archivedKnown = false;
/** Whoever leaves the fleet or comes back to it is in a message, so that after each the archived bots are asked for anew. */
function askForArchived() {
  if (!isOfArchived(view) || archivedAsOf === fleet.seq) return;
  const asOf = fleet.seq;
  archivedAsOf = asOf;
  archivedBots().then((bots) => {
    if (asOf !== archivedAsOf) return;
    archivedKnown = true;
    fleet.loadArchived(bots);
    showRows();
  }).catch(() => setTimeout(() => {
    archivedAsOf = -1;
    askForArchived();
  }, RETRY_MS));
}

function emptyWords() {
  if (isOfArchived(view) && !archivedKnown) return "Asking for the archived bots …";
  if (isOfArchived(view) && !fleet.archived.size) return "No bot is archived.";
  if (!fleet.bots.size) return "No bots yet. Seed a fleet to begin.";
  const { wrong } = filterOf(view.words);
  return wrong ? `Not a filter: ${wrong}. Press ? for its words.` : "No bot matches the filter. Esc clears it.";
}

let refreshing = 0;
let shownBot = /** @type {any} */ (null);
function refreshDrawer() {
  const bot = fleet.bot(drawer?.id ?? "");
  if (bot === shownBot) return;
  shownBot = bot;
  clearTimeout(refreshing);
  refreshing = setTimeout(() => void drawer?.refresh(), 250);
}

function ticked(at) {
  strip.tickAt = at;
}

function countFilters({ stages, bots }) {
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
  byId("sort").value = view.sort;
  byId("filter").setAttribute("aria-invalid", String(filterOf(view.words).wrong !== null));
  byId("board-csv").href = boardFile(view);
}

/** @param {Partial<import("./store.js").View>} change @param {{typing?: boolean}} [how] */
function see(change, { typing = false } = {}) {
  Object.assign(view, change);
  addressIs(typing);
  if (!("bot" in change)) byId("rows").scrollTop = 0;
  showView();
}

function showView() {
  remember();
  press();
  if (byId("filter").value.trim() !== view.words.trim()) byId("filter").value = view.words;
  if (view.bot !== (drawer?.id ?? null)) view.bot ? void open(view.bot) : drawer?.close();
  if (fleet.seq < 0) return;
  askForArchived();
  showRows();
}

async function open(id) {
  table.select(id);
  const { Drawer } = await import("./drawer.js");
  drawer ??= new Drawer({ now: () => link.now(), closed: drawerClosed });
  if (view.bot === id) await drawer.open(id);
}

async function openReset() {
  dialog ??= import("./reset.js").then(({ ResetDialog }) => new ResetDialog({
    listed: () => table.bots, selected: () => table.bot(table.selected ?? "") ?? null,
  }));
  (await dialog).open();
}

function drawerClosed() {
  byId("rows").focus();
  if (view.bot) see({ bot: null });
}

function sortBy(sort) {
  const descending = view.sort === sort ? !view.descending : FALLING_FIRST.has(sort);
  see({ sort, descending });
}

function clearFilter() {
  byId("filter").blur();
  see({ words: DEFAULT.words, stage: DEFAULT.stage, activity: DEFAULT.activity });
}

/** Who walks the rows has left the heading that was clicked: ↵ opens the row then, and sorts no more. */
function moveBy(rows) {
  if (document.activeElement?.matches("[data-sort]")) byId("rows").focus();
  table.move(rows);
}

bindKeys({
  "/": () => byId("filter").focus(),
  ArrowDown: () => moveBy(1),
  ArrowUp: () => moveBy(-1),
  j: () => moveBy(1),
  k: () => moveBy(-1),
  PageDown: () => moveBy(20),
  PageUp: () => moveBy(-20),
  Home: () => moveBy(-Infinity),
  End: () => moveBy(Infinity),
  Enter: () => (drawer?.isOpen && drawer.id === table.selected ? visit(drawer.id) : table.selected && see({ bot: table.selected })),
  s: () => sortBy(SORTS[(SORTS.indexOf(/** @type {any} */ (view.sort)) + 1) % SORTS.length]),
  r: () => void openReset(),
  leaveInput: () => byId("rows").focus(),
  Escape: () => (drawer?.isOpen ? drawer.close() : clearFilter()),
});

/** @param {HTMLElement} node @returns {any} the bot of the row that an element stands in */
function botAt(node) {
  return fleet.bot(/** @type {HTMLElement|null} */ (node.closest(".row"))?.dataset.id ?? "");
}

function everySecond() {
  serverTimeIs(new Date(link.now()).toISOString());
  strip.tick(link.now());
}

for (const button of document.querySelectorAll("[data-stage]")) {
  button.addEventListener("click", () => see({ stage: /** @type {HTMLElement} */ (button).dataset.stage || null }));
}
for (const button of document.querySelectorAll("[data-activity]")) {
  button.addEventListener("click", () => see({ activity: /** @type {HTMLElement} */ (button).dataset.activity }));
}
for (const head of document.querySelectorAll("[data-sort]")) {
  const { sort } = /** @type {HTMLElement} */ (head).dataset;
  head.addEventListener("click", () => sortBy(sort));
  head.addEventListener("keydown", (event) => {
    if (![" ", "Enter"].includes(/** @type {KeyboardEvent} */ (event).key)) return;
    event.preventDefault();
    sortBy(sort);
  });
}
explains(".spacer .name, .spacer .traits", (node) => botAt(node) && `${botAt(node).name} · ${botAt(node).symbol} · ${botAt(node).timeframe} · ${botAt(node).archetype}`);
explains(".spacer .stage", (node) => STAGES[node.textContent ?? ""]);
explains(".spacer .quiet", (node) => STATES[botAt(node)?.botNow.state]);
explains(".spacer .badge", (node) => botAt(node) && tooltipOf(botAt(node).botNow, link.now()));
explains(".spacer .source", (node) => aboutSource(botAt(node)?.source));
explains(".spacer .share.down", () => BUST);
explains(".spacer .in-sample", () => IN_SAMPLE);
explains(".spacer .older", () => OF_OLDER);
byId("sort").addEventListener("change", () => see({ sort: byId("sort").value, descending: FALLING_FIRST.has(byId("sort").value) }));
byId("filter").addEventListener("input", () => see({ words: byId("filter").value }, { typing: true }));
byId("rows").addEventListener("click", clickedTwice, true);
addEventListener("popstate", () => {
  Object.assign(view, viewOf(location.search));
  showView();
});
byId("reset-open").addEventListener("click", () => void openReset());
onZone(() => void drawer?.refresh());
history.replaceState(null, "", queryOf(view) || location.pathname);
showView();
setInterval(everySecond, 1000);
everySecond();
link.start();
