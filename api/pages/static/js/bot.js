// @ts-check
/** One bot's page. Belongs here: wiring of its parts to the link and the keys. Does not belong here: drawing or rules. */

import { STAGES, STATES } from "./about.js";
import { badgeOf, quietWords, tooltipOf } from "./badge.js";
import { drawChecks, drawDecisions, drawDescent, drawGate, drawLooks, drawTrail, sign } from "./panels.js";
import { BotActs } from "./bot_acts.js";
import { Ledger } from "./ledger.js";
import { Charts } from "./chart.js";
import { byId, dress, el, say, timeOf } from "./dom.js";
import { DASH, count, countdown, fall, fallPct, generationOf, money, pct, ratio, shortId } from "./format.js";
import { Link } from "./live.js";
import { bindKeys, now, onZone, serverTimeIs, showLink } from "./shell.js";
import { OneBot } from "./store.js";
import { explains } from "./tip.js";
import { UnderWay } from "./under_way.js";

const BOOKS = ["BACKTEST", "PAPER", "SHADOW", "CANARY", "LIVE"];
const SETTLE_MS = 300;
const RETRY_MS = 2000;

const id = location.pathname.split("/").filter(Boolean).pop() ?? "";
const followed = new OneBot();
const charts = new Charts();
const ledger = new Ledger(byId("ledger"));
const open = /** @type {Set<string>} */ (new Set());
/** @type {{book: string|null, mode: "equity"|"life"|"record", ledger: "trades"|"sessions", history: "why"|"trail"|"checks"|"looks"}} */
const view = { book: BOOKS.find((book) => `#${book}` === location.hash) ?? null, mode: "equity", ledger: "trades", history: "why" };
/** @type {any} */
let life = null;
/** @type {any} */
let book = null;
/** @type {any} */
let record = null;
const MODES = /** @type {const} */ (["equity", "life", "record"]);
let asked = 0;
let settling = 0;
let lastTick = /** @type {number|null} */ (null);
let known = "";
const drawn = /** @type {Record<string, string>} */ ({});

const topic = `bot:${encodeURIComponent(id)}`;
const link = new Link(followed, { changed, moved, ticked, gone }, topic);

async function ask(path) {
  const answer = await fetch(`/api/bots/${id}${path}`, { cache: "no-store" });
  const content = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.detail), { status: answer.status });
  return content;
}

let newest = Promise.resolve();
/** @returns {Promise<void>} kept when the page shows what stood now or later: an overtaken question waits for the one that overtook it */
function read() {
  newest = take();
  return newest;
}

async function take() {
  const turn = (asked += 1);
  try {
    const answer = await ask("/life");
    const chosen = view.book ?? answer.bot.metrics.book;
    const its = await ask(`/books/${chosen}`);
    const days = view.mode === "record" ? await ask("/record") : record;
    if (turn !== asked) {
      await newest;
      return;
    }
    [life, book, record, view.book] = [answer, its, days, chosen];
    serverTimeIs(answer.now);
    if (!answer.bot.archivedAt) link.follow(topic);
    byId("bot-missing").hidden = true;
    byId("bot-body").hidden = false;
    show();
  } catch (failure) {
    if (turn === asked) miss(/** @type {any} */ (failure));
    else await newest;
  }
}

function miss(failure) {
  if (life && failure.status !== 404) {
    soon(RETRY_MS);
    return;
  }
  byId("bot-body").hidden = true;
  byId("bot-missing").hidden = false;
  const gone = failure.status === 404 || failure.status === 422;
  say(byId("bot-missing"), gone ? "There is no such bot. Esc goes back to the board." : "The server cannot be reached; this page shows itself as soon as it answers.");
}

function soon(afterMs = SETTLE_MS) {
  clearTimeout(settling);
  settling = setTimeout(() => void read(), afterMs);
}

/** Draw a part again only if what it shows has changed. */
function once(part, content, draw) {
  const key = JSON.stringify(content);
  if (drawn[part] === key) return;
  drawn[part] = key;
  draw();
}

function show() {
  showHead();
  showNeighbours();
  showTabs();
  once("figures", [book.figures, view.book, view.mode, record], showFigures);
  once("chart", [book.equity, book.shownBefore, life.marks, view.mode, record, life.looks], showChart);
  once("ledger", [view.book, view.ledger, book.sessionId, book.figures.trades, book.figures.since], () => void showLedger());
  once("gate", life.gate, showGate);
  once("descent", [life.iterations, life.generations, life.looksStanding], showDescent);
  showHistory();
  once("acts", [life.bot.name, life.bot.pausedAt, life.bot.archivedAt], () => acts.follow());
  const since = book.figures.since;
  byId("foot-reset").replaceChildren(el("span", "", since ? "RESET " : "NEVER RESET"), ...(since ? [timeOf(since)] : []));
}

function showHead() {
  const { bot } = life;
  document.title = `${bot.name} · Proving Ground`;
  say(byId("bot-name"), bot.name);
  say(byId("bot-stage"), bot.stage);
  dress(byId("bot-stage"), `stage s-${bot.stage.toLowerCase()}`);
  say(byId("bot-traits"), `${bot.symbol} · ${bot.timeframe} · ${bot.archetype} · G${bot.generation ?? DASH}`);
  say(byId("bot-history"), life.history?.words ?? "");
  byId("bot-history").title = life.history?.words ?? "";
  dress(byId("bot-history"), life.history?.leftBars === 0 ? "bot-traits down" : "bot-traits");
  say(byId("foot-bot"), `BOT ${shortId(bot.id)}`);
  byId("foot-bot").title = bot.id;
  const { bars } = life;
  say(byId("foot-bars"), bars ? `BARS ${bars.provider}` : "NO BARS");
  byId("foot-bars").title = bars ? `${count(bars.bars)} bars of ${bars.symbol} ${bars.timeframe}: ${bars.words}` : "import some or run the market simulator";
  const net = bot.metrics.netPnl;
  say(byId("sum-net"), money(net));
  dress(byId("sum-net"), sign(net));
  if (bot.metrics.inSample) byId("sum-net").append(el("span", "in-sample", "IN SAMPLE"));
  showChip("sum-sure", bot.confidencePct);
  showChip("sum-unique", bot.uniquenessPct);
  showNow();
}

function showChip(name, value) {
  const known = value !== null && value !== undefined;
  say(byId(name), known ? `${Math.round(value)}%` : DASH);
  dress(byId(name), known ? "chip" : "chip is-unknown");
}

function showNow() {
  if (!life) return;
  const row = followed.bot;
  const state = row?.botNow ?? life.bot.botNow;
  once("now", [state, row?.progressPct ?? null], () => {
    const badge = badgeOf(state);
    const place = byId("bot-now");
    if (!badge) {
      const quiet = quietWords(state);
      place.replaceChildren(el("span", quiet.failing ? "quiet failing" : "quiet", quiet.text));
      return;
    }
    const node = el("span", `badge t-${badge.tone} ${badge.running ? "running" : "waiting"}`);
    node.append(el("i", "dot"), el("span", "words", badge.text));
    node.tabIndex = 0;
    place.replaceChildren(node);
    const done = row?.progressPct ?? life.bot.progressPct;
    if (badge.running && done !== null && done !== undefined) {
      const bar = el("progress", `work w-${badge.tone}`);
      bar.setAttribute("max", "100");
      bar.setAttribute("value", String(done));
      bar.setAttribute("aria-label", "Progress");
      place.append(bar, el("span", "dim", `${Math.round(done)}%`));
    }
  });
  showLock();
}

function showLock() {
  const until = life?.bot.stageLockedUntil;
  const left = until ? Date.parse(until) - now() : 0;
  byId("lock").hidden = left <= 0;
  if (left > 0) say(byId("lock-words"), `STAGE LOCK ${countdown(left)} · ${life.bot.promotionMode}`);
}

function showTabs() {
  once("tabs", [life.books, view.book], () => {
    const focused = document.activeElement?.id ?? "";
    byId("books").replaceChildren(...life.books.map(tabOf));
    if (focused.startsWith("book-")) document.getElementById(focused)?.focus();
    byId("book-panel").setAttribute("aria-labelledby", `book-${view.book}`);
  });
}

function tabOf(rollup) {
  const tab = el("button", "book-tab");
  const own = rollup.book === view.book;
  tab.id = `book-${rollup.book}`;
  tab.setAttribute("type", "button");
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-selected", String(own));
  tab.setAttribute("aria-controls", "book-panel");
  tab.tabIndex = own ? 0 : -1;
  tab.append(el("span", "book-name", rollup.book), el("span", `book-net ${sign(rollup.netPnl)}`, money(rollup.netPnl)));
  tab.addEventListener("click", () => choose(rollup.book));
  return tab;
}

function choose(name) {
  if (view.book === name) return;
  view.book = name;
  history.replaceState(null, "", `#${name}`);
  void read();
}

function showFigures() {
  const its = ofRecord() ? { ...record, dataSource: record.standing?.barsKind ?? null } : book.figures;
  const deepest = its.maxDrawdownUsd === null ? DASH : `${fall(its.maxDrawdownUsd)}`;
  const figures = [
    ["Win", pct(its.winPct)], ["Trades", count(its.trades)], ["Max DD", deepest, its.bustAt ? "bust" : its.maxDrawdownPct === null ? "" : fallPct(its.maxDrawdownPct)],
    ["Profit factor", ratio(its.profitFactor)], ["Sharpe", ratio(its.sharpe)], ["Sortino", ratio(its.sortino)], ["Expectancy", money(its.expectancyUsd)],
    ["Exposure", pct(its.exposurePct)], ["Source", its.dataSource ?? DASH], ["Of", ofRecord() ? tradersOf(record) : generationOf(its)],
  ];
  byId("book-figures").replaceChildren(...figures.map(([label, words, more]) => {
    const pair = el("div");
    const value = el("dd", label === "Expectancy" ? sign(its.expectancyUsd) : words === "SIMULATED" || words.endsWith(" IN SAMPLE") ? "amber" : "", words);
    if (more) value.append(el("span", "dim", ` ${more}`));
    pair.append(el("dt", "", label), value);
    return pair;
  }));
}

/** @returns {string} the generations that traded a record, the first and the last */
function tradersOf({ stretches }) {
  const numbers = stretches.map(({ generationNumber }) => `G${generationNumber}`);
  const ends = [...new Set([numbers[0] ?? DASH, numbers[numbers.length - 1] ?? DASH])];
  return ends.join(" to ");
}

function ofRecord() {
  return view.mode === "record" && record !== null;
}

function showChart() {
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.mode === view.mode));
  }
  if (ofRecord()) showRecord();
  else if (view.mode === "life") showOverTime();
  else showEquity();
}

function showRecord() {
  say(byId("chart-title"), "Record · days its genomes were not chosen on");
  say(byId("chart-note"), record.standing?.words ?? "its first improve iteration begins one");
  charts.showRecord(record, life.looks);
}

function showOverTime() {
  say(byId("chart-title"), `Net P&L as shown · ${view.book}`);
  say(byId("chart-note"), "real time, with resets, generations and stage moves");
  charts.showSteps(view.book ?? "", book.shownBefore, life.marks, now());
}

function showEquity() {
  const { equity } = book;
  say(byId("chart-title"), `Equity since reset · ${view.book}`);
  const days = equity.tradingOn;
  const span = days.length ? `${days[0]} to ${days[days.length - 1]}` : "";
  say(byId("chart-note"), view.book === "BACKTEST" && span ? `market time, the latest session's bars: ${span}` : span);
  charts.showEquity(equity, life.marks);
}

async function showLedger() {
  const trades = view.ledger === "trades";
  chooseTab("ledger", view.ledger);
  say(byId("count-trades"), count(book.figures.trades));
  const file = byId("trades-csv");
  file.hidden = !trades || !book.figures.trades;
  file.href = `/api/bots/${id}/trades.csv?book=${view.book}`;
  say(byId("ledger-note"), trades ? `${view.book}, since the reset, newest first` : "backtests, newest first");
  const address = trades ? `/api/bots/${id}/trades?book=${view.book}` : `/api/bots/${id}/sessions`;
  const nothing = trades ? `No trades in ${view.book} since the reset.` : "No backtest yet. Autonomy queues the first by itself.";
  const again = drawn.ledgerAddress === address;
  drawn.ledgerAddress = address;
  await ledger.show(address, view.ledger, nothing, again);
}

function showGate() {
  const { gate } = life;
  say(byId("gate-title"), gate.to ? `Gate to ${gate.to}` : "Top stage");
  const met = gate.checks.filter((check) => check.passed).length;
  say(byId("gate-note"), gate.to ? `${met} of ${gate.checks.length} met` : "");
  dress(byId("gate-note"), `pane-note ${gate.to && met === gate.checks.length ? "up" : ""}`);
  drawGate(byId("gate"), gate);
}

function showDescent() {
  const kept = life.iterations.filter((iteration) => iteration.accepted).length;
  const tried = life.iterations.length ? `${kept} of ${life.iterations.length} tries kept` : "nothing tried yet";
  const { epoch, left, words } = life.looksStanding;
  say(byId("descent-note"), epoch === null ? tried : `${tried} · ${left === 1 ? "1 look" : `${left} looks`} left`);
  byId("descent-note").title = words;
  drawDescent(byId("descent"), life.rule, life.iterations, life.generations, open);
}

function showHistory() {
  chooseTab("history", view.history);
  say(byId("count-trail"), count(life.events.length));
  say(byId("count-checks"), count(life.verifications.length));
  say(byId("count-looks"), count(life.looks.length));
  const node = byId("history");
  const parts = {
    why: [life.decisions, () => drawDecisions(node, life.decisions)],
    trail: [life.events, () => drawTrail(node, life.events)],
    checks: [life.verifications, () => drawChecks(node, life.verifications, life.bot.name)],
    looks: [[life.looks, life.looksStanding], () => drawLooks(node, life.looks, life.looksStanding)],
  };
  const [content, draw] = parts[view.history];
  once("history", [view.history, content], /** @type {() => void} */ (draw));
}

/** @param {"ledger"|"history"} list @param {string} chosen */
function chooseTab(list, chosen) {
  for (const tab of document.querySelectorAll(`[data-${list}]`)) {
    const own = /** @type {HTMLElement} */ (tab).dataset[list] === chosen;
    tab.setAttribute("aria-selected", String(own));
    /** @type {HTMLElement} */ (tab).tabIndex = own ? 0 : -1;
    if (own) byId(list).setAttribute("aria-labelledby", tab.id);
  }
}

function changed() {
  const row = followed.bot;
  showNow();
  const { botNow, netPnl, trades, generation, since, stage, lockedUntil } = row;
  const figures = JSON.stringify([botNow.state, botNow.activeJob?.id, netPnl, trades, generation, since, stage, lockedUntil]);
  if (figures !== known) {
    if (known) soon();
    known = figures;
  }
}

function moved(live, why) {
  showLink(live, why);
  if (live && (drawn.link === "lost" || !life)) soon();
  drawn.link = live ? "live" : "lost";
}

function ticked(at) {
  const changes = view.history === "why" || life?.bot.archivedAt;
  if (at !== null && lastTick !== null && at !== lastTick && changes) soon();
  lastTick = at;
}

/** Off the board it has no row that is pushed: how it stands is in its life, which every tick asks for anew. */
function gone() {
  followed.bot = null;
  if (life) soon(RETRY_MS);
}

function showNeighbours() {
  for (const [name, bot] of /** @type {[string, any][]} */ ([["bot-before", life.before], ["bot-after", life.after]])) {
    byId(name).disabled = !bot;
    if (bot) byId(name).title = bot.name;
  }
}

/** @param {"before"|"after"} side */
function visit(side) {
  const bot = life?.[side];
  if (bot) location.assign(`/bots/${bot.id}${location.hash}`);
}

function turnBook(step) {
  const at = BOOKS.indexOf(view.book ?? "BACKTEST");
  choose(BOOKS[(at + step + BOOKS.length) % BOOKS.length]);
}

function turn(change) {
  Object.assign(view, change);
  if (life) show();
}

/** Draw another chart; the record is asked for when it is wanted. @param {typeof MODES[number]} mode */
function turnChart(mode) {
  if (mode === "record" && view.mode !== mode) void read();
  turn({ mode });
}

/** @param {"ledger"|"history"} list */
function turnTab(list, step = 1) {
  const all = /** @type {string[]} */ ([...document.querySelectorAll(`[data-${list}]`)].map((tab) => /** @type {HTMLElement} */ (tab).dataset[list]));
  const next = all[(all.indexOf(view[list]) + step + all.length) % all.length];
  turn({ [list]: next });
  return byId(`tab-${next}`);
}

function back() {
  location.assign("/");
}

for (const list of /** @type {const} */ (["ledger", "history"])) {
  for (const tab of document.querySelectorAll(`[data-${list}]`)) {
    tab.addEventListener("click", () => turn({ [list]: /** @type {HTMLElement} */ (tab).dataset[list] }));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[/** @type {KeyboardEvent} */ (event).key];
      if (!step) return;
      event.stopPropagation();
      turnTab(list, step).focus();
    });
  }
}
for (const button of document.querySelectorAll("[data-mode]")) {
  button.addEventListener("click", () => turnChart(/** @type {typeof MODES[number]} */ (/** @type {HTMLElement} */ (button).dataset.mode)));
}
byId("books").addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") requestAnimationFrame(() => byId(`book-${view.book}`).focus());
});
byId("bot-before").addEventListener("click", () => visit("before"));
byId("bot-after").addEventListener("click", () => visit("after"));
explains("#bot-now .badge", () => tooltipOf(followed.bot?.botNow ?? life?.bot.botNow, now()));
explains("#bot-now .quiet", () => STATES[(followed.bot?.botNow ?? life?.bot.botNow)?.state]);
explains("#bot-stage", (node) => STAGES[node.textContent ?? ""]);
addEventListener("hashchange", () => choose(BOOKS.find((book) => `#${book}` === location.hash) ?? view.book ?? "BACKTEST"));
const acts = new BotActs({ life: () => life, read });
bindKeys({
  Escape: back,
  m: () => void acts.open(),
  "[": () => visit("before"),
  "]": () => visit("after"),
  ArrowLeft: () => turnBook(-1),
  ArrowRight: () => turnBook(1),
  l: () => turnChart(MODES[(MODES.indexOf(view.mode) + 1) % MODES.length]),
  t: () => void turnTab("ledger"),
  h: () => void turnTab("history"),
});
onZone(() => {
  drawn.chart = "";
  if (life) show();
});
setInterval(() => {
  serverTimeIs(new Date(link.now()).toISOString());
  showLock();
}, 1000);
void read();
link.start();
new UnderWay(id);
