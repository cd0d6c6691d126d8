// @ts-check
/** Lines across a chart. Belongs here: which marks a span shows and where their labels go. Free of DOM. */

/** @typedef {{at: string, kind: string, label: string, detail: string, books: string[]}} Mark */

const GAP_PX = 6;
const LANES = 3;

/**
 * @param {Mark[]} marks @param {string} book @param {{from: number, to: number}} span epoch seconds, inclusive
 * @returns {{seconds: number, mark: Mark}[]} the marks of a book inside a span, oldest first
 */
export function marksWithin(marks, book, span) {
  return marks
    .filter((mark) => mark.books.length === 0 || mark.books.includes(book))
    .map((mark) => ({ seconds: Date.parse(mark.at) / 1000, mark }))
    .filter(({ seconds }) => seconds >= span.from && seconds <= span.to)
    .sort((left, right) => left.seconds - right.seconds);
}

/**
 * @param {{stretches: {origin: string, generationNumber: number, firstOn: string}[]}} record
 * @param {{lastOn: string, epoch: number, number: number, passed: boolean, newGeneration: number|null, reason: string}[]} looks
 * @returns {{seconds: number, mark: Mark}[]} where another genome took over and where looks were taken, oldest first
 */
export function recordMarks(record, looks) {
  const mark = (day, kind, label, detail) => ({ seconds: Date.parse(`${day}T00:00:00Z`) / 1000, mark: { at: day, kind, label, detail, books: [] } });
  const takeovers = record.stretches
    .filter((stretch, at) => at > 0 && sameTrader(stretch) !== sameTrader(record.stretches[at - 1]))
    .map((stretch) => mark(stretch.firstOn, "GENERATION", `G${stretch.generationNumber}`, "trades from here on"));
  const taken = looks.map((look) => {
    const verdict = look.passed ? `won: G${look.newGeneration}` : "lost";
    return mark(look.lastOn, "LOOK", `look ${look.epoch}.${look.number} ${look.passed ? "won" : "lost"}`, `${verdict}, ${look.reason}`);
  });
  return [...takeovers, ...taken].sort((left, right) => left.seconds - right.seconds);
}

function sameTrader({ origin, generationNumber }) {
  return `${origin}/${generationNumber}`;
}

/**
 * Put labels into lanes so that none covers another; a label without room is left out, its line stays.
 * @param {{x: number, width: number}[]} labels by rising x, in pixels @param {number} right the last pixel
 * @returns {({lane: number, x: number}|null)[]} for each label its lane and left edge, or null
 */
export function laidOut(labels, right) {
  const ends = new Array(LANES).fill(-Infinity);
  return labels.map(({ x, width }) => {
    const left = Math.min(x + 3, right - width);
    const lane = ends.findIndex((end) => left >= end + GAP_PX);
    if (lane < 0) return null;
    ends[lane] = left + width;
    return { lane, x: left };
  });
}

/** @param {number[]} sorted rising @param {number} value @returns {number} the place nearest to a value, -1 in an empty list */
export function nearest(sorted, value) {
  if (!sorted.length) return -1;
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - sorted[low - 1] <= sorted[low] - value ? low - 1 : low;
}

/**
 * A book's headline figure over real time: a step at every change, a gap while it was unknown.
 * @param {{takenAt: string, netPnlUsd: number|null}[]} snapshots oldest first @param {number} nowMs
 * @returns {[number[], (number|null)[]]} epoch seconds and dollars; the last figure holds until now
 */
export function steps(snapshots, nowMs) {
  const seconds = snapshots.map((snapshot) => Date.parse(snapshot.takenAt) / 1000);
  const usd = snapshots.map((snapshot) => snapshot.netPnlUsd);
  if (snapshots.length && nowMs / 1000 > seconds[seconds.length - 1]) {
    seconds.push(nowMs / 1000);
    usd.push(usd[usd.length - 1]);
  }
  return [seconds, usd];
}
