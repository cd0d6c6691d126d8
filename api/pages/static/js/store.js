// @ts-check
/** The fleet in the browser. Belongs here: rows, sequence numbers, filters, sorting, totals. Free of DOM. */

import { isBust } from "./format.js";
import { filterOf } from "./filter.js";

/** As `trading/work/badges.py` lists them: the first that holds is a bot's state. */
export const STATES = [
  "BACKTEST_RUNNING", "IMPROVING_RUNNING", "EVOLVING_RUNNING", "BACKTEST_QUEUED", "IMPROVING_QUEUED",
  "EVOLVING_QUEUED", "ERROR", "RUNNER_RUNNING", "RUNNER_STALE", "ARCHIVED", "PAUSED", "NEEDS_BACKTEST", "IDLE",
];
export const STAGES = ["LAB", "PAPER", "SHADOW", "CANARY", "LIVE"];
export const ACTIVITIES = {
  all: () => true,
  backtesting: (state) => state.startsWith("BACKTEST_"),
  improving: (state) => state.startsWith("IMPROVING_"),
  evolving: (state) => state.startsWith("EVOLVING_"),
  idle: (state) => state === "IDLE",
  paused: (state) => state === "PAUSED",
  failing: (state) => state === "ERROR",
  archived: () => true,
};
const ASKS_FOR_ARCHIVED = /(^|\s)state[:=]archived(\s|$)/i;
const STATE_RANK = new Map(STATES.map((state, rank) => [state, rank]));
const STAGE_RANK = new Map(STAGES.map((stage, rank) => [stage, rank]));

export const KEYS = {
  activity: (bot) => STATE_RANK.get(bot.botNow.state) ?? 99,
  name: (bot) => bot.name,
  stage: (bot) => STAGE_RANK.get(bot.stage) ?? 99,
  netPnl: (bot) => bot.netPnl,
  winPct: (bot) => bot.winPct,
  trades: (bot) => bot.trades,
  maxDrawdownUsd: (bot) => bot.maxDrawdownUsd,
  profitFactor: (bot) => bot.profitFactor,
  sharpe: (bot) => bot.sharpe,
  evidence: (bot) => bot.log10E,
  unseenSharpe: (bot) => bot.unseenSharpe,
  confidence: (bot) => bot.confidencePct,
  uniqueness: (bot) => bot.uniquenessPct,
  source: (bot) => bot.source,
  generation: (bot) => bot.generation,
};
const names = new Intl.Collator("en", { numeric: true });

/** Caveats of a bot's figures, as `api/live/rows.py` adds them up. @param {any} bot */
export const isInSample = (bot) => (bot.caveats & 1) > 0;
export const wentBust = (bot) => (bot.caveats & 2) > 0 || isBust(bot.maxDrawdownPct);
export const isOfOlder = (bot) => (bot.caveats & 4) > 0;

/** @typedef {{sort: keyof typeof KEYS, descending: boolean, stage: string|null, activity: keyof typeof ACTIVITIES,
 *   words: string, bot: string|null}} View `bot` is the one in the drawer */

/** @param {View} view @returns {boolean} whether it shows the bots that have left the fleet, and they alone */
export function isOfArchived(view) {
  return view.activity === "archived" || ASKS_FOR_ARCHIVED.test(view.words);
}

/** Every bot of the fleet as of one numbered message, and those that have left it as of when they were asked for. */
export class Fleet {
  constructor() {
    /** @type {Map<string, any>} */
    this.bots = new Map();
    /** @type {Map<string, any>} */
    this.archived = new Map();
    this.epoch = "";
    this.seq = -1;
  }

  /** @returns {string} where to go on from, as the socket's address says it */
  get place() {
    return `&epoch=${this.epoch}&since=${this.seq}`;
  }

  /** Take a snapshot: everything known before is forgotten. @param {any} snapshot */
  load(snapshot) {
    this.epoch = snapshot.epoch;
    this.seq = snapshot.seq;
    this.bots = new Map(botsOf(snapshot.rows).map((bot) => [bot.id, bot]));
  }

  /** Take equity lines, sent apart from the snapshot. @param {Record<string, string>} sparks by bot */
  draw(sparks) {
    for (const [id, spark] of Object.entries(sparks)) {
      const bot = this.bot(id);
      if (bot) bot.spark = spark;
    }
  }

  /**
   * Take a message; only the one right after the last is taken, others mean that something was missed.
   * @param {any} message @returns {"taken"|"known"|"missed"}
   */
  apply(message) {
    if (message.epoch !== this.epoch || message.type === "resync") return "missed";
    if (message.type !== "rows") return message.seq > this.seq ? "missed" : "known";
    if (message.seq <= this.seq) return "known";
    if (message.seq !== this.seq + 1) return "missed";
    this.seq = message.seq;
    for (const id of message.gone) this.bots.delete(id);
    for (const bot of botsOf(message.rows)) this.bots.set(bot.id, bot);
    return "taken";
  }

  /** @param {any[]} bots every one that has left the fleet */
  loadArchived(bots) {
    this.archived = new Map(bots.map((bot) => [bot.id, bot]));
  }

  /** @param {string} id @returns {any} */
  bot(id) {
    return this.bots.get(id) ?? this.archived.get(id);
  }

  /** @param {View} view @returns {Map<string, any>} the bots it is a view of */
  of(view) {
    return isOfArchived(view) ? this.archived : this.bots;
  }

  /** @param {View} view @returns {any[]} the bots shown, in order; unknown figures come last either way */
  listed(view) {
    const { holds } = filterOf(view.words);
    const matches = ACTIVITIES[view.activity];
    const bots = [];
    for (const bot of this.of(view).values()) {
      if (view.stage && bot.stage !== view.stage) continue;
      if (matches(bot.botNow.state) && holds(bot)) bots.push(bot);
    }
    return bots.sort(order(KEYS[view.sort], view.descending));
  }

  /** @returns {{bots: number, stages: Record<string, number>, states: Record<string, number>, books: any[],
   *   oldestQueuedAt: number|null, locked: number, lockedUntil: number|null, manual: number}} */
  totals() {
    const stages = Object.fromEntries(STAGES.map((stage) => [stage, 0]));
    const states = Object.fromEntries(STATES.map((state) => [state, 0]));
    /** @type {Map<string, any>} */
    const books = new Map();
    let [oldest, until, locked, manual] = [Infinity, -Infinity, 0, 0];
    for (const bot of this.bots.values()) {
      stages[bot.stage] += 1;
      states[bot.botNow.state] += 1;
      if (bot.botNow.activeJob?.status === "QUEUED") oldest = Math.min(oldest, Date.parse(bot.botNow.activeJob.createdAt));
      if (bot.lockedUntil) [locked, until] = [locked + 1, Math.max(until, Date.parse(bot.lockedUntil))];
      if (bot.promotion === "MANUAL") manual += 1;
      addToBook(books, bot);
    }
    const finite = (ms) => (Number.isFinite(ms) ? ms : null);
    return {
      bots: this.bots.size, stages, states, books: [...books.values()].map(bookTotal), manual,
      oldestQueuedAt: finite(oldest), locked, lockedUntil: finite(until),
    };
  }
}

/** The one bot of a page that follows no other: each message brings its whole row, so that none can be missed. */
export class OneBot {
  constructor() {
    /** @type {any} */
    this.bot = null;
    this.place = "";
  }

  /** @param {any} message @returns {"taken"|"known"} */
  apply(message) {
    if (message.type !== "bot") return "known";
    [this.bot] = botsOf(message.rows);
    return "taken";
  }
}

/** What a page follows that only hears the pulse. */
export class NoBots {
  constructor() {
    this.place = "";
  }

  /** @returns {"known"} */
  apply() {
    return "known";
  }
}

/** @param {Record<string, any>} columns as `api/live/rows.py` sends them @returns {any[]} bots */
function botsOf(columns) {
  const bots = idsOf(columns.id).map((id) => /** @type {any} */ ({ id }));
  for (const [name, column] of Object.entries(columns)) {
    if (name === "id") continue;
    const cells = column.words ? column.at.map((place) => column.words[place]) : column;
    for (let at = 0; at < bots.length; at += 1) bots[at][name] = cells[at];
  }
  for (const bot of bots) {
    if (typeof bot.botNow === "string") bot.botNow = { state: bot.botNow };
  }
  return bots;
}

const ID_BYTES = 16;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** @param {string} text base64 of 16 bytes for each id @returns {string[]} */
function idsOf(text) {
  const bytes = atob(text);
  const ids = [];
  for (let first = 0; first < bytes.length; first += ID_BYTES) {
    let hex = "";
    for (let at = first; at < first + ID_BYTES; at += 1) hex += HEX[bytes.charCodeAt(at)];
    ids.push(`${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`);
  }
  return ids;
}

function addToBook(books, bot) {
  let book = books.get(bot.book);
  if (!book) books.set(bot.book, (book = { book: bot.book, bots: 0, simulated: 0, up: 0, down: 0, bust: 0, nets: [] }));
  book.bots += 1;
  if (bot.netPnl === null) return;
  book.nets.push(bot.netPnl);
  book.simulated += bot.source === "SIMULATED" ? 1 : 0;
  book.up += bot.netPnl > 0 ? 1 : 0;
  book.down += bot.netPnl < 0 ? 1 : 0;
  book.bust += wentBust(bot) ? 1 : 0;
}

/** Accounts that have nothing to do with each other are counted and ranked, never summed. */
function bookTotal({ nets, ...counts }) {
  const ranked = Float64Array.from(nets).sort();
  const last = ranked.length - 1;
  const at = (share) => (last < 0 ? null : (ranked[Math.floor(share * last)] + ranked[Math.ceil(share * last)]) / 2);
  return { ...counts, measured: ranked.length, low: at(0.25), median: at(0.5), high: at(0.75) };
}

function order(key, descending) {
  return (left, right) => {
    const [a, b] = [key(left), key(right)];
    if (a === b) return workFirst(left, right);
    if (a === null || a === undefined) return 1;
    if (b === null || b === undefined) return -1;
    const sign = typeof a === "string" ? names.compare(a, b) : a - b;
    return (descending ? -sign : sign) || workFirst(left, right);
  };
}

function workFirst(left, right) {
  return KEYS.activity(left) - KEYS.activity(right) || names.compare(left.name, right.name);
}
