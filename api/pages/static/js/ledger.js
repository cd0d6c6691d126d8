// @ts-check
/** The ledger below a bot's chart: trades of a book and backtest sessions. Belongs here: pages of rows, as one scrolls. */

import { cell, link, listing, sign } from "./panels.js";
import { el, svg, timeOf } from "./dom.js";
import { DASH, count, dollars, fallPct, money, pct, ratio } from "./format.js";

const PAGE = 100;
const NEAR_PX = 400;
const EXCURSION = { width: 72, height: 10 };
const TRADES = [
  ["Entry", ""], ["Exit", "narrow-off"], ["Side", ""], ["Qty", "num narrow-off"], ["In", "num"], ["Out", "num"], ["Bars", "num narrow-off"],
  ["MAE", "num middle-off"], ["Range", "excursion narrow-off"], ["MFE", "num middle-off"], ["Net P&L", "num"], ["Reason", "narrow-off"],
];
const SESSIONS = [
  ["Started", ""], ["Gen", ""], ["Net P&L", "num"], ["Trades", "num"], ["Win", "num narrow-off"], ["Profit factor", "num narrow-off"], ["Max DD", "num narrow-off"],
  ["Sharpe", "num narrow-off"], ["Source", "narrow-off"], ["Tear sheet", ""],
];

/** A table that asks for its next page when its end comes near. */
export class Ledger {
  /** @param {HTMLElement} scroller */
  constructor(scroller) {
    this.scroller = scroller;
    this.asked = 0;
    scroller.addEventListener("scroll", () => void this.#more(), { passive: true });
  }

  /** @param {string} address @param {"trades"|"sessions"} kind @param {string} nothing said where there is none @param {boolean} again keep the rows until the first page has come */
  async show(address, kind, nothing, again) {
    const asked = (this.asked += 1);
    this.address = address;
    this.kind = kind;
    this.cursor = null; // a cursor of what was shown before says nothing at another address
    if (!again) this.scroller.replaceChildren(el("p", "empty", "…"));
    const page = await this.#page(null);
    if (asked !== this.asked || !page) return;
    const columns = kind === "trades" ? TRADES : SESSIONS;
    const table = listing(columns.map(([words]) => words), columns.map(([, look]) => look), `${kind}-list`);
    this.body = table.body;
    this.cursor = page.nextCursor;
    this.divided = false;
    this.#append(page);
    if (page.data.length) this.scroller.replaceChildren(table.node);
    else this.scroller.replaceChildren(el("p", "empty", nothing));
    if (!again) this.scroller.scrollTop = 0;
    await this.#more();
  }

  async #page(cursor) {
    const url = new URL(this.address ?? "", location.href);
    url.searchParams.set("limit", String(PAGE));
    if (cursor !== null) url.searchParams.set("cursor", String(cursor));
    const answer = await fetch(url, { cache: "no-store" }).catch(() => null);
    return answer?.ok ? answer.json() : null;
  }

  async #more() {
    const { scroller } = this;
    if (this.loading || this.cursor === null || this.cursor === undefined) return;
    if (scroller.scrollTop + scroller.clientHeight < scroller.scrollHeight - NEAR_PX) return;
    this.loading = true;
    const asked = this.asked;
    const page = await this.#page(this.cursor);
    this.loading = false;
    if (asked !== this.asked || !page) return;
    this.cursor = page.nextCursor;
    this.#append(page);
    await this.#more();
  }

  #append(page) {
    for (const row of page.data) {
      if (this.kind === "sessions" && !row.countsSinceReset && !this.divided) {
        this.divided = true;
        const line = el("tr", "divider");
        const words = cell("before the reset: kept, no longer counted");
        words.setAttribute("colspan", String(SESSIONS.length));
        line.append(words);
        this.body?.append(line);
      }
      this.body?.append(this.kind === "trades" ? tradeRow(row, page.priceDecimals) : sessionRow(row));
    }
  }
}

function tradeRow(trade, decimals) {
  const row = el("tr");
  row.append(
    moment(trade.entryAt), moment(trade.exitAt, "narrow-off"), cell(trade.side, trade.side === "LONG" ? "up" : "down"),
    cell(String(trade.contracts), "num narrow-off"), cell(price(trade.entryPrice, decimals), "num"), cell(price(trade.exitPrice, decimals), "num"),
    cell(String(trade.barsHeld), "num dim narrow-off"), cell(whole(trade.maeUsd), "num dim middle-off"), excursion(trade), cell(whole(trade.mfeUsd), "num dim middle-off"),
    cell(money(trade.netPnlUsd), `num ${sign(trade.netPnlUsd)}`), cell(trade.exitReason.replace(/_/g, " "), "exit narrow-off"),
  );
  return row;
}

/** How far a trade went against and in favour, to one scale, and where it ended. */
function excursion(trade) {
  const holder = el("td", "excursion narrow-off");
  const [against, favour, net] = [Math.abs(trade.maeUsd), Math.abs(trade.mfeUsd), trade.netPnlUsd];
  const most = Math.max(against, favour, Math.abs(net), 1e-9);
  const { width, height } = EXCURSION;
  const x = (usd) => width / 2 + (usd / most) * (width / 2 - 1);
  const drawing = svg("svg", { width: String(width), height: String(height), viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  drawing.append(
    svg("path", { d: `M${x(-against).toFixed(1)} 5H${width / 2}`, class: "against" }),
    svg("path", { d: `M${width / 2} 5H${x(favour).toFixed(1)}`, class: "favour" }),
    svg("path", { d: `M${x(net).toFixed(1)} 1V9`, class: "ended" }),
  );
  holder.title = `furthest against ${dollars(against)}, in favour ${dollars(favour)}`;
  holder.append(drawing);
  return holder;
}

function sessionRow(run) {
  const row = el("tr", run.countsSinceReset ? "" : "no-longer");
  const failed = run.status === "FAILED";
  const report = el("td");
  if (run.reportUrl) report.append(link("open", run.reportUrl, "Tear sheet"));
  else report.append(el("span", "down", run.error ?? DASH));
  row.append(
    moment(run.createdAt), generationOf(run), cell(failed ? "FAILED" : money(run.netPnlUsd), `num ${failed ? "down" : sign(run.netPnlUsd)}`),
    cell(count(run.trades), "num"), cell(pct(run.winPct), "num narrow-off"), cell(ratio(run.profitFactor), "num narrow-off"), deepest(run),
    cell(ratio(run.sharpe), "num narrow-off"), cell(run.dataSource ?? DASH, run.dataSource === "SIMULATED" ? "amber narrow-off" : "dim narrow-off"), report,
  );
  return row;
}

/** The generation of a session, and whether its figures are in sample. */
function generationOf(run) {
  const holder = cell(`G${run.generationNumber}`);
  if (run.inSample) {
    const words = el("span", "in-sample", "IN SAMPLE");
    words.title = "This generation was chosen on days that these figures cover";
    holder.append(words);
  }
  return holder;
}

/** How far a session's account fell, or that it is bust; what margin did to it is its title. */
function deepest(run) {
  const holder = cell(run.bustAt ? "bust" : fallPct(run.maxDrawdownPct), `num narrow-off${run.bustAt ? " down" : ""}`);
  if (run.marginWords) holder.title = run.marginWords;
  return holder;
}

function moment(iso, look = "") {
  const holder = el("td", `when ${look}`);
  holder.append(timeOf(iso));
  return holder;
}

/** A price with the decimals of its instrument; a dash where it was recorded too coarsely to be told. */
function price(value, decimals) {
  if (value === null) return DASH;
  return value.toLocaleString("en-US", { maximumFractionDigits: decimals, minimumFractionDigits: decimals });
}

function whole(usd) {
  return count(Math.round(Math.abs(usd)));
}
