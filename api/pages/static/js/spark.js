// @ts-check
/** Sparklines. Belongs here: a path from a row's levels. Free of DOM. */

const LEVELS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** @param {string} text one level per point @param {number} width @param {number} height @returns {string} path data */
export function sparkPath(text, width, height) {
  if (text.length < 2) return "";
  const step = width / (text.length - 1);
  let path = "";
  for (let at = 0; at < text.length; at += 1) {
    const y = height - 1.5 - (LEVELS.indexOf(text[at]) / (LEVELS.length - 1)) * (height - 3);
    path += `${at ? "L" : "M"}${(at * step).toFixed(1)} ${y.toFixed(1)}`;
  }
  return path;
}
