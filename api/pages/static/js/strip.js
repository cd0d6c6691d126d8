// @ts-check
/** The strip of totals and the filter counts. Belongs here: cells above the table. */

import { byId, dress, el, say } from "./dom.js";
import { DASH, count, countdown, elapsed, roundMoney } from "./format.js";
import { autonomyIsSilent } from "./shell.js";

const WORK = [
  ["Backtesting", "BACKTEST", "purple", "Bots whose backtest runs now, and how many wait for theirs."],
  ["Improving", "IMPROVING", "blue", "Bots for which better numbers are searched now, and how many wait."],
  ["Evolving", "EVOLVING", "teal", "Bots that are bred with the best of their kind now, and how many wait."],
];
const QUIET = [
  ["Needs backtest", "NEEDS_BACKTEST", "", "Bots without a completed backtest since their reset and without work at hand."],
  ["Idle", "IDLE", "", "Bots for which no work waits or runs."],
  ["Failing", "ERROR", "red", "Bots that were killed or failed too often in a row."],
];
const BOOKS = ["BACKTEST", "PAPER", "SHADOW", "CANARY", "LIVE"];

/** Cells are made once and only their words change. */
export class Strip {
  constructor() {
    this.root = byId("strip");
    /** @type {Map<string, {cell: HTMLElement, value: HTMLElement, label: HTMLElement, note: HTMLElement, mark: HTMLElement}>} */
    this.cells = new Map();
    this.totals = null;
    /** @type {number|null} */
    this.tickAt = null;
  }

  /** @param {any} totals @param {number} nowMs the server's time */
  show(totals, nowMs) {
    this.totals = totals;
    this.#say("bots", "Bots", count(totals.bots), { about: "All bots that are not archived." });
    for (const [label, kind, tone, about] of WORK) {
      const [running, queued] = [totals.states[`${kind}_RUNNING`], totals.states[`${kind}_QUEUED`]];
      this.#say(kind, label, count(running), { tone: running > 0 ? tone : "none", note: `${count(queued)} queued`, about });
    }
    for (const [label, state, tone, about] of QUIET) {
      if (state === "ERROR" && totals.states.ERROR === 0) this.#hide(state);
      else this.#say(state, label, count(totals.states[state]), { tone, about });
    }
    this.tick(nowMs);
    for (const name of BOOKS) this.#book(totals.books.find((book) => book.book === name), name);
  }

  /** Redraw what grows by itself. @param {number} nowMs */
  tick(nowMs) {
    if (!this.totals) return;
    const { oldestQueuedAt, locked, lockedUntil, manual, bots } = this.totals;
    this.#say("oldest", "Oldest queued", oldestQueuedAt === null ? DASH : elapsed((nowMs - oldestQueuedAt) / 1000), { about: "How long the longest waiting job has waited." });
    const ticked = this.tickAt === null ? DASH : `${elapsed((nowMs - this.tickAt) / 1000)} ago`;
    this.#say("tick", "Last tick", ticked, { tone: autonomyIsSilent() ? "red" : "", about: "When autonomy last looked at every bot and decided." });
    const lock = byId("lock");
    const holds = locked > 0 && lockedUntil !== null && lockedUntil > nowMs;
    lock.hidden = !holds;
    if (holds) say(byId("lock-words"), `STAGE LOCK ${countdown(lockedUntil - nowMs)}${manual === bots ? " · MANUAL" : ""}`);
  }

  /** Accounts are counted and ranked: a sum over bots that have nothing to do with each other tells nothing. */
  #book(book, name) {
    if (!book?.measured) {
      this.#hide(`net-${name}`);
      return;
    }
    const middle = [`median ${roundMoney(book.median)}`, book.bust ? `${count(book.bust)} bust` : ""];
    this.#say(`net-${name}`, `In profit since reset · ${name}`, `${count(book.up)} of ${count(book.measured)}`, {
      note: middle.filter(Boolean).join(" · "),
      mark: book.simulated ? `${count(book.simulated)} SIM` : "",
      about: `Bots that earned since their reset, of those with figures in ${name}. Net P&L: half of them lie between ${roundMoney(book.low)} and ${roundMoney(book.high)}. bust: the account lost everything. SIM: on simulated bars.`,
    });
  }

  #say(key, label, value, { tone = "", note = "", mark = "", about = "" } = {}) {
    const cell = this.cells.get(key) ?? this.#make(key);
    cell.cell.hidden = false;
    cell.cell.dataset.about = about;
    say(cell.label, label);
    say(cell.value, value);
    say(cell.note, note);
    say(cell.mark, mark);
    dress(cell.value, `value v-${tone || "plain"}`);
  }

  #hide(key) {
    const cell = this.cells.get(key);
    if (cell) cell.cell.hidden = true;
  }

  #make(key) {
    const cell = el("div", "total");
    const made = { cell, label: el("div", "label"), value: el("span", "value"), note: el("span", "note"), mark: el("span", "note sim") };
    const line = el("div", "figure");
    line.append(made.value, made.note, made.mark);
    cell.dataset.key = key;
    cell.tabIndex = 0;
    cell.append(made.label, line);
    this.root.append(cell);
    this.cells.set(key, made);
    return made;
  }
}
