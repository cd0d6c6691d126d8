// @ts-check
/** The few things done to the DOM everywhere. Text is always set as text, never as markup. */

import { DASH, moment, second, shortId, timeOfDay } from "./format.js";

const FORMS = { moment, second, timeOfDay };

/** @param {string} tag @param {string} [className] @param {string} [text] @returns {HTMLElement} */
export function el(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/** @param {string} id @returns {any} */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page lacks #${id}`);
  return node;
}

/** Set text only where it differs. @param {Element} node @param {string} text */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {HTMLElement} node @param {string} className */
export function dress(node, className) {
  if (node.className !== className) node.className = className;
}

/** @typedef {[label: string, words: string, title?: string]} ReportLine */

/** The id of a request, short; the whole of it is its title. @param {string|null|undefined} id @returns {ReportLine} */
export function traceLine(id) {
  return ["trace", shortId(id), id ?? ""];
}

/**
 * What came of an act, in the report of its dialog; without a heading there is none to show.
 * @param {HTMLElement} report @param {string} kind @param {string} heading @param {ReportLine[]} lines
 */
export function tellReport(report, kind, heading, lines) {
  report.dataset.kind = kind;
  report.hidden = !heading;
  report.replaceChildren(el("div", "report-heading", heading));
  for (const [label, words, title = ""] of lines) {
    const line = el("div", "report-line");
    const shortened = el("span", "report-words", words);
    shortened.title = title;
    line.append(el("span", "report-label", label), shortened);
    report.append(line);
  }
}

/**
 * A moment that every page writes anew when the clock is switched between UTC and local.
 * @param {string|null|undefined} iso @param {"moment"|"second"|"timeOfDay"} [form] @returns {HTMLElement}
 */
export function timeOf(iso, form = "moment") {
  if (!iso) return el("span", "", DASH);
  const node = el("time");
  node.setAttribute("datetime", iso);
  node.dataset.form = form;
  writeTime(node);
  return node;
}

/** Year and seconds are nodes of their own, which a narrow table leaves out. @param {HTMLElement} node */
function writeTime(node) {
  const text = FORMS[node.dataset.form ?? ""](node.getAttribute("datetime"));
  if (node.textContent === text) return;
  const [, year, minute, seconds] = /^(\d{4}-)?(.*?\d{2}:\d{2})?(.*)$/.exec(text) ?? [];
  node.replaceChildren(el("span", "year", year ?? ""), minute ?? "", el("span", "seconds", seconds ?? ""));
}

/** Write every moment of the page in the zone in force. */
export function rewriteTimes() {
  for (const node of document.querySelectorAll("time[data-form]")) {
    writeTime(/** @type {HTMLElement} */ (node));
  }
}

/** @param {string} name @param {Record<string, string>} attributes @returns {SVGElement} */
export function svg(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
