// @ts-check
/** How figures are written. Belongs here: numbers, spans and moments as text. Free of DOM. Unknown is a dash. */

export const DASH = "—";

const cents = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** @param {number|null|undefined} usd @returns {string} signed dollars with cents */
export function money(usd) {
  if (usd === null || usd === undefined) return DASH;
  return `${usd < 0 ? "-" : "+"}$${cents.format(Math.abs(usd))}`;
}

/** @param {number|null|undefined} usd @returns {string} signed whole dollars */
export function roundMoney(usd) {
  if (usd === null || usd === undefined) return DASH;
  return `${usd < 0 ? "-" : "+"}$${whole.format(Math.abs(usd))}`;
}

/** @param {number|null|undefined} usd a fall in dollars, positive @returns {string} */
export function fall(usd) {
  if (usd === null || usd === undefined) return DASH;
  return usd === 0 ? "$0.00" : `-$${cents.format(usd)}`;
}

/** @param {number|null|undefined} value @returns {string} */
export function pct(value) {
  return value === null || value === undefined ? DASH : `${value.toFixed(1)}%`;
}

/** @param {number|null|undefined} value @returns {string} */
export function ratio(value) {
  return value === null || value === undefined ? DASH : value.toFixed(2);
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

/** @param {number} ms epoch milliseconds @param {boolean} local @returns {string} */
export function clock(ms, local) {
  const moment = new Date(ms);
  const parts = local
    ? [moment.getHours(), moment.getMinutes(), moment.getSeconds()]
    : [moment.getUTCHours(), moment.getUTCMinutes(), moment.getUTCSeconds()];
  return `${parts.map((part) => String(part).padStart(2, "0")).join(":")} ${local ? "LOCAL" : "UTC"}`;
}

/** @param {string|null|undefined} iso @returns {string} date and minute in UTC */
export function moment(iso) {
  return iso ? new Date(iso).toISOString().slice(0, 16).replace("T", " ") : DASH;
}
