// @ts-check
/** The strip of totals and the filter counts. Belongs here: cells above the table. */

import { byId, dress, el, say } from "./dom.js";
import { DASH, count, countdown, elapsed, roundMoney } from "./format.js";
import { autonomyIsSilent } from "./shell.js";

const WORK = [
  ["Backtesting", "BACKTEST", "purple"],
  ["Improving", "IMPROVING", "blue"],
  ["Evolving", "EVOLVING", "teal"],
];
const QUIET = [
  ["Needs backtest", "NEEDS_BACKTEST", ""],
  ["Idle", "IDLE", ""],
  ["Failing", "ERROR", "red"],
];
const BOOKS = ["BACKTEST", "PAPER", "SHADOW", "CANARY", "LIVE"];

/** Cells are made once and only their words change. */
export class Strip {
  constructor() {
    this.root = byId("strip");
    /** @type {Map<string, {cell: HTMLElement, value: HTMLElement, label: HTMLElement, note: HTMLElement}>} */
    this.cells = new Map();
    this.totals = null;
    /** @type {number|null} */
    this.tickAt = null;
  }

  /** @param {any} totals @param {number} nowMs the server's time */
  show(totals, nowMs) {
    this.totals = totals;
    this.#say("bots", "Bots", count(totals.bots));
    for (const [label, kind, tone] of WORK) {
      const [running, queued] = [totals.states[`${kind}_RUNNING`], totals.states[`${kind}_QUEUED`]];
      this.#say(kind, label, count(running), running > 0 ? tone : "none", `${count(queued)} queued`);
    }
    for (const [label, state, tone] of QUIET) {
      if (state === "ERROR" && totals.states.ERROR === 0) this.#hide(state);
      else this.#say(state, label, count(totals.states[state]), tone);
    }
    this.tick(nowMs);
    const known = BOOKS.filter((name) => totals.books.some((book) => book.book === name));
    for (const name of BOOKS) this.#book(totals.books.find((book) => book.book === name), name, name === known[0]);
  }

  /** Redraw what grows by itself. @param {number} nowMs */
  tick(nowMs) {
    if (!this.totals) return;
    const { oldestQueuedAt, locked, lockedUntil, manual, bots } = this.totals;
    this.#say("oldest", "Oldest queued", oldestQueuedAt === null ? DASH : elapsed((nowMs - oldestQueuedAt) / 1000));
    const ticked = this.tickAt === null ? DASH : `${elapsed((nowMs - this.tickAt) / 1000)} ago`;
    this.#say("tick", "Last tick", ticked, autonomyIsSilent() ? "red" : "");
    const lock = byId("lock");
    const holds = locked > 0 && lockedUntil !== null && lockedUntil > nowMs;
    lock.hidden = !holds;
    if (holds) say(byId("lock-words"), `STAGE LOCK ${countdown(lockedUntil - nowMs)}${manual === bots ? " · MANUAL" : ""}`);
  }

  #book(book, name, first) {
    if (!book) {
      this.#hide(`net-${name}`);
      return;
    }
    const tone = book.netPnl === null || book.netPnl === 0 ? "none" : book.netPnl > 0 ? "green" : "red";
    const note = book.simulated ? `${count(book.simulated)}/${count(book.measured)} SIM` : "";
    this.#say(`net-${name}`, first ? `Net P&L since reset · ${name}` : name, roundMoney(book.netPnl), tone, note);
    dress(/** @type {any} */ (this.cells.get(`net-${name}`)).note, "note sim");
  }

  #say(key, label, value, tone = "", note = "") {
    const cell = this.cells.get(key) ?? this.#make(key);
    cell.cell.hidden = false;
    say(cell.label, label);
    say(cell.value, value);
    say(cell.note, note);
    dress(cell.value, `value v-${tone || "plain"}`);
  }

  #hide(key) {
    const cell = this.cells.get(key);
    if (cell) cell.cell.hidden = true;
  }

  #make(key) {
    const cell = el("div", "total");
    const made = { cell, label: el("div", "label"), value: el("span", "value"), note: el("span", "note") };
    const line = el("div", "figure");
    line.append(made.value, made.note);
    cell.dataset.key = key;
    cell.append(made.label, line);
    this.root.append(cell);
    this.cells.set(key, made);
    return made;
  }
}
