// @ts-check
/** The fleet in the browser. Belongs here: rows, sequence numbers, filters, sorting, totals. Free of DOM. */

export const STATES = [
  "ERROR", "BACKTEST_RUNNING", "IMPROVING_RUNNING", "EVOLVING_RUNNING", "BACKTEST_QUEUED", "IMPROVING_QUEUED",
  "EVOLVING_QUEUED", "RUNNER_RUNNING", "RUNNER_STALE", "NEEDS_BACKTEST", "IDLE",
];
export const STAGES = ["LAB", "PAPER", "SHADOW", "CANARY", "LIVE"];
export const ACTIVITIES = {
  all: () => true,
  backtesting: (state) => state.startsWith("BACKTEST_"),
  improving: (state) => state.startsWith("IMPROVING_"),
  evolving: (state) => state.startsWith("EVOLVING_"),
  idle: (state) => state === "IDLE",
  failing: (state) => state === "ERROR",
};
const WORK_FIRST = new Map(STATES.filter((state) => state !== "ERROR").concat("ERROR").map((state, rank) => [state, rank]));
const STAGE_RANK = new Map(STAGES.map((stage, rank) => [stage, rank]));

const KEYS = {
  activity: (bot) => WORK_FIRST.get(bot.botNow.state) ?? 99,
  name: (bot) => bot.name,
  stage: (bot) => STAGE_RANK.get(bot.stage) ?? 99,
  netPnl: (bot) => bot.netPnl,
  winPct: (bot) => bot.winPct,
  trades: (bot) => bot.trades,
  maxDrawdown: (bot) => bot.maxDrawdown,
  profitFactor: (bot) => bot.profitFactor,
  sharpe: (bot) => bot.sharpe,
  source: (bot) => bot.source,
  generation: (bot) => bot.generation,
};
const names = new Intl.Collator("en", { numeric: true });

/** @typedef {{sort: keyof typeof KEYS, descending: boolean, stage: string|null, activity: keyof typeof ACTIVITIES,
 *   words: string, symbol?: string|null}} View */

/** Every bot of the fleet as of one numbered message. */
export class Fleet {
  constructor() {
    /** @type {Map<string, any>} */
    this.bots = new Map();
    /** @type {string[]} */
    this.columns = [];
    this.epoch = "";
    this.seq = -1;
  }

  /** Take a snapshot: everything known before is forgotten. @param {any} snapshot */
  load(snapshot) {
    this.columns = snapshot.columns;
    this.epoch = snapshot.epoch;
    this.seq = snapshot.seq;
    this.bots = new Map(snapshot.rows.map((row) => [row[0], this.#bot(row)]));
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
    for (const row of message.rows) this.bots.set(row[0], this.#bot(row));
    return "taken";
  }

  /** @param {View} view @returns {any[]} the bots shown, in order; unknown figures come last either way */
  shown(view) {
    const words = view.words.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = ACTIVITIES[view.activity];
    const found = [];
    for (const bot of this.bots.values()) {
      if (view.stage && bot.stage !== view.stage) continue;
      if (!matches(bot.botNow.state)) continue;
      if (words.length && !words.every((word) => bot.spoken.includes(word))) continue;
      found.push(bot);
    }
    return found.sort(order(KEYS[view.sort], view.descending));
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
      bots: this.bots.size, stages, states, books: [...books.values()], manual,
      oldestQueuedAt: finite(oldest), locked, lockedUntil: finite(until),
    };
  }

  /** @param {any[]} row @returns {any} */
  #bot(row) {
    const bot = /** @type {any} */ ({});
    for (let at = 0; at < row.length; at += 1) bot[this.columns[at]] = row[at];
    if (typeof bot.botNow === "string") bot.botNow = { state: bot.botNow };
    bot.spoken = `${bot.name} ${bot.symbol} ${bot.archetype}`.toLowerCase();
    return bot;
  }
}

function addToBook(books, bot) {
  let book = books.get(bot.book);
  if (!book) books.set(bot.book, (book = { book: bot.book, bots: 0, measured: 0, simulated: 0, netPnl: null }));
  book.bots += 1;
  if (bot.netPnl === null) return;
  book.measured += 1;
  book.simulated += bot.source === "SIMULATED" ? 1 : 0;
  book.netPnl = (book.netPnl ?? 0) + bot.netPnl;
}

function order(key, descending) {
  return (left, right) => {
    const [a, b] = [key(left), key(right)];
    if (a === b) return names.compare(left.name, right.name);
    if (a === null || a === undefined) return 1;
    if (b === null || b === undefined) return -1;
    const sign = typeof a === "string" ? names.compare(a, b) : a - b;
    return (descending ? -sign : sign) || names.compare(left.name, right.name);
  };
}
