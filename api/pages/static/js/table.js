// @ts-check
/** The table of bots. Belongs here: virtual rows, cells, selection. Does not belong here: which bots (store.js). */

import { badgeOf, quietWords } from "./badge.js";
import { byId, dress, el, say, svg } from "./dom.js";
import { DASH, count, fall, money, pct, ratio, timesOf, wholePct } from "./format.js";
import { sparkPath } from "./spark.js";
import { isInSample, isOfOlder, wentBust } from "./store.js";

const OVERSCAN = 8;
const SPARK = { width: 96, height: 20 };
const LINES_PAUSE_MS = 60;
const COLUMNS = [...document.querySelectorAll(".heads .cell")].map((head) => head.className.replace("cell c-", ""));

export class Table {
  /** @param {{open: (id: string) => void, lines: (ids: string[]) => Promise<void>}} listener */
  constructor(listener) {
    this.listener = listener;
    this.scroller = byId("rows");
    this.spacer = byId("spacer");
    /** @type {any[]} */
    this.bots = [];
    /** @type {ReturnType<typeof makeRow>[]} */
    this.pool = [];
    /** @type {string|null} */
    this.selected = null;
    this.scroller.addEventListener("scroll", () => this.#soon(), { passive: true });
    this.spacer.addEventListener("click", (event) => this.#clicked(event));
    this.rowPx = this.headPx = 0;
    this.#measure();
    new ResizeObserver(() => this.#resized()).observe(this.scroller);
    this.waiting = false;
    this.asking = false;
  }

  /** @param {any[]} bots in the order shown */
  show(bots) {
    this.bots = bots;
    this.spacer.style.height = `${bots.length * this.rowPx}px`;
    this.scroller.setAttribute("aria-rowcount", String(bots.length));
    this.draw();
  }

  draw() {
    const top = this.scroller.scrollTop;
    const first = Math.max(0, Math.floor(top / this.rowPx) - OVERSCAN);
    const last = Math.min(this.bots.length, Math.ceil((top + this.scroller.clientHeight) / this.rowPx) + OVERSCAN);
    while (this.pool.length < last - first) this.#grow();
    for (const row of this.pool) row.used = false;
    for (let at = first; at < last; at += 1) this.#place(this.pool[at % this.pool.length], at);
    for (const row of this.pool) row.node.hidden = !row.used;
    if (this.#undrawn().length) this.#askForLines();
  }

  /** @param {number} by */
  move(by) {
    if (!this.bots.length) return;
    const at = this.bots.findIndex((bot) => bot.id === this.selected);
    const to = at < 0 && Number.isFinite(by) ? 0 : at + by;
    this.select(this.bots[Math.min(this.bots.length - 1, Math.max(0, to))].id);
  }

  /** @param {string|null} id */
  select(id) {
    this.selected = id;
    const at = this.bots.findIndex((bot) => bot.id === id);
    if (at >= 0) {
      const [top, height] = [at * this.rowPx, this.scroller.clientHeight - this.headPx];
      if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
      else if (top + this.rowPx > this.scroller.scrollTop + height) this.scroller.scrollTop = top + this.rowPx - height;
    }
    this.draw();
  }

  /** @param {string} id @returns {any} */
  bot(id) {
    return this.bots.find((bot) => bot.id === id);
  }

  #place(row, at) {
    row.used = true;
    const bot = this.bots[at];
    row.node.style.transform = `translateY(${at * this.rowPx}px)`;
    row.node.setAttribute("aria-rowindex", String(at + 1));
    row.node.setAttribute("aria-selected", String(bot.id === this.selected));
    if (row.bot === bot && row.spark === bot.spark) return;
    row.bot = bot;
    row.spark = bot.spark;
    row.node.dataset.id = bot.id;
    fill(row, bot);
  }

  #grow() {
    const row = makeRow();
    this.pool.push(row);
    this.spacer.append(row.node);
  }

  #undrawn() {
    return this.pool.filter((row) => row.used && row.spark === undefined).map((row) => row.bot.id);
  }

  /** Equity lines come for the rows in sight only; a line that does not come is asked for at the next drawing. */
  #askForLines() {
    if (this.asking) return;
    this.asking = true;
    setTimeout(async () => {
      try {
        await this.listener.lines(this.#undrawn());
        requestAnimationFrame(() => this.draw());
      } catch {
        // the link says that the server is away
      } finally {
        this.asking = false;
      }
    }, LINES_PAUSE_MS);
  }

  /** How high rows are is the style sheet's to say: on a phone they have two lines. */
  #measure() {
    const style = getComputedStyle(document.documentElement);
    [this.rowPx, this.headPx] = ["--row", "--head"].map((name) => parseFloat(style.getPropertyValue(name)));
  }

  #resized() {
    this.#measure();
    this.spacer.style.height = `${this.bots.length * this.rowPx}px`;
    this.#soon();
  }

  #soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  #clicked(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    this.select(row.dataset.id);
    this.listener.open(row.dataset.id);
  }
}

function makeRow() {
  const node = el("div", "row");
  node.setAttribute("role", "row");
  /** @type {Record<string, HTMLElement>} */
  const cells = {};
  for (const name of COLUMNS) {
    cells[name] = el("div", `cell c-${name}`);
    cells[name].setAttribute("role", "gridcell");
    node.append(cells[name]);
  }
  const name = el("span", "name");
  const traits = el("span", "traits");
  cells.bot.append(name, traits);
  const stage = el("span", "stage");
  cells.stage.append(stage);
  const pulse = el("i", "dot");
  const words = el("span", "words");
  const badge = el("span", "badge");
  const quiet = el("span", "quiet");
  badge.tabIndex = -1;
  badge.append(pulse, words);
  cells.activity.append(badge, quiet);
  const dollars = el("span", "usd");
  const share = el("span", "share");
  cells.fall.append(dollars, share);
  const drawing = svg("svg", { ...strings(SPARK), viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, "aria-hidden": "true" });
  const line = svg("path", { fill: "none" });
  drawing.append(line);
  const lineless = el("span", "dim", DASH);
  cells.equity.append(drawing, lineless);
  const source = el("span", "source");
  cells.source.append(source);
  return {
    node, cells, name, traits, stage, badge, words, quiet, dollars, share, drawing, line, lineless, source,
    bot: /** @type {any} */ (null), spark: /** @type {string|undefined} */ (undefined), used: false,
  };
}

function fill(row, bot) {
  say(row.name, bot.name);
  say(row.traits, `${bot.symbol} · ${bot.timeframe} · ${bot.archetype}`);
  say(row.stage, bot.stage);
  dress(row.stage, `stage s-${bot.stage.toLowerCase()}`);
  fillActivity(row, bot);
  const sign = bot.netPnl === null || bot.netPnl === 0 ? "flat" : bot.netPnl > 0 ? "up" : "down";
  say(row.cells.net, money(bot.netPnl));
  dress(row.cells.net, `cell c-net ${sign}${isInSample(bot) ? " in-sample" : ""}`);
  say(row.cells.win, pct(bot.winPct));
  say(row.cells.trades, count(bot.trades));
  say(row.dollars, fall(bot.maxDrawdownUsd));
  const bust = wentBust(bot);
  say(row.share, bust ? "bust" : pct(bot.maxDrawdownPct));
  dress(row.share, bust ? "share down" : "share");
  say(row.cells.factor, ratio(bot.profitFactor));
  say(row.cells.sharpe, ratio(bot.sharpe));
  say(row.cells.proof, bot.proven ? `PROVEN ${timesOf(bot.log10E)}` : timesOf(bot.log10E));
  dress(row.cells.proof, bot.proven ? "cell c-proof up" : "cell c-proof");
  say(row.cells.oos, bot.unseenSharpe === null ? DASH : bot.unseenSharpe.toFixed(1));
  say(row.cells.sure, wholePct(bot.confidencePct));
  say(row.cells.unique, wholePct(bot.uniquenessPct));
  row.line.setAttribute("d", sparkPath(bot.spark ?? "", SPARK.width, SPARK.height));
  row.lineless.hidden = bot.spark !== "";
  row.drawing.style.display = bot.spark === "" ? "none" : "";
  row.line.setAttribute("class", `spark ${sign}`);
  say(row.source, bot.source ?? DASH);
  dress(row.source, bot.source === "SIMULATED" ? "source simulated" : "source");
  say(row.cells.gen, bot.generation === null ? DASH : `G${bot.generation}`);
  dress(row.cells.gen, `cell c-gen${isOfOlder(bot) ? " older" : ""}`);
}

function fillActivity(row, bot) {
  const badge = badgeOf(bot.botNow);
  row.badge.hidden = badge === null;
  row.quiet.hidden = badge !== null;
  if (badge) {
    say(row.words, badge.text);
    dress(row.badge, `badge t-${badge.tone} ${badge.running ? "running" : "waiting"}`);
    return;
  }
  const quiet = quietWords(bot.botNow);
  say(row.quiet, quiet.text);
  dress(row.quiet, quiet.failing ? "quiet failing" : "quiet");
}

function strings(record) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, String(value)]));
}
