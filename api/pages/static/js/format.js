// @ts-check
/** How figures are written. Belongs here: numbers, spans and moments as text. Free of DOM. Unknown is a dash. */

export const DASH = "—";

const cents = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Dollars as people write them, the sign before the dollar. @param {number|null|undefined} usd @returns {string} */
export function dollars(usd, { digits = whole, plus = "" } = {}) {
  if (usd === null || usd === undefined) return DASH;
  return `${usd < 0 ? "-" : plus}$${digits.format(Math.abs(usd))}`;
}

/** @param {number|null|undefined} usd @returns {string} signed dollars with cents */
export function money(usd) {
  return dollars(usd, { digits: cents, plus: "+" });
}

/** @param {number|null|undefined} usd @returns {string} signed whole dollars */
export function roundMoney(usd) {
  return dollars(usd, { plus: "+" });
}

/** @param {number|null|undefined} usd a fall in dollars, positive @returns {string} */
export function fall(usd) {
  return dollars(usd && -usd, { digits: cents });
}

/** @param {number|null|undefined} value @returns {string} */
export function pct(value) {
  return value === null || value === undefined ? DASH : `${value.toFixed(1)}%`;
}

/** @param {number|null|undefined} value @returns {string} */
export function wholePct(value) {
  return value === null || value === undefined ? DASH : `${Math.round(value)}%`;
}

/** @param {number|null|undefined} fallPct deepest fall of an account @returns {boolean} whether it lost everything */
export function isBust(fallPct) {
  return fallPct !== null && fallPct !== undefined && fallPct >= 100;
}

/** @param {number|null|undefined} value deepest fall of an account in percent @returns {string} */
export function fallPct(value) {
  return isBust(value) ? "bust" : pct(value);
}

/** Whose figures they are. @param {{generation: number|null, inSample: boolean}} book @returns {string} */
export function generationOf({ generation, inSample }) {
  return generation === null ? DASH : `G${generation}${inSample ? " IN SAMPLE" : ""}`;
}

/** @param {number|null|undefined} value @returns {string} */
export function ratio(value) {
  return value === null || value === undefined ? DASH : value.toFixed(2);
}

/** An e-value: what bettors would hold by now, of 1 at first. @param {number|null|undefined} log10 @returns {string} */
export function timesOf(log10) {
  if (log10 === null || log10 === undefined) return DASH;
  if (log10 >= 4) return `×10^${log10.toFixed(0)}`;
  const value = 10 ** log10;
  return `×${value >= 9.95 ? whole.format(value) : value.toFixed(value >= 0.095 ? 1 : 2)}`;
}

/** @param {number|null|undefined} value @returns {string} */
export function count(value) {
  return value === null || value === undefined ? DASH : whole.format(value);
}

/** @param {number} seconds @returns {string} a span as people read it; the server writes the same */
export function elapsed(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(all / 86400), Math.floor(all / 3600) % 24, Math.floor(all / 60) % 60];
  if (days) return `${days}d ${hours}h`;
  if (hours) return `${hours}h ${String(minutes).padStart(2, "0")}m`;
  return minutes ? `${minutes}m ${all % 60}s` : `${all}s`;
}

/** @param {number} ms @returns {string} hours and minutes left, never negative */
export function countdown(ms) {
  const minutes = Math.max(0, Math.ceil(ms / 60000));
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

/** Whether moments are written in the zone of the browser instead of UTC; one switch for every page. */
let local = false;

/** @param {boolean} wanted */
export function useLocalTime(wanted) {
  local = wanted;
}

/** @returns {boolean} */
export function isLocalTime() {
  return local;
}

/** @param {number} ms epoch milliseconds @returns {string} the time of day with its zone */
export function clock(ms) {
  return `${partsOf(ms).time} ${local ? "LOCAL" : "UTC"}`;
}

/** @param {string|null|undefined} iso @returns {string} date and minute */
export function moment(iso) {
  return isoAs(iso, ({ day, time }) => `${day} ${time.slice(0, 5)}`);
}

/** @param {string|null|undefined} id @returns {string} as much of an id as tells it from others; commands and logs find it by that */
export function shortId(id) {
  return id ? id.slice(0, 8) : DASH;
}

/** @param {string|null|undefined} iso @returns {string} date and second */
export function second(iso) {
  return isoAs(iso, ({ day, time }) => `${day} ${time}`);
}

/** @param {string|null|undefined} iso @returns {string} the time of day without its date */
export function timeOfDay(iso) {
  return isoAs(iso, ({ time }) => time);
}

function isoAs(iso, write) {
  const ms = iso ? Date.parse(iso) : NaN;
  return Number.isNaN(ms) ? DASH : write(partsOf(ms));
}

function partsOf(ms) {
  const shifted = new Date(local ? ms - new Date(ms).getTimezoneOffset() * 60_000 : ms);
  const [day, time] = shifted.toISOString().split("T");
  return { day, time: time.slice(0, 8) };
}
