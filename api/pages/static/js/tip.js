// @ts-check
/**
 * The one tooltip: what is under the pointer or has the focus, explained. Belongs here: showing and placing it. Does not
 * belong here: the words, which `data-about` or a page's own finder tells.
 */

import { byId, say } from "./dom.js";

const GAP_PX = 4;
const EDGE_PX = 8;
/** @type {[string, (node: HTMLElement) => string|null|undefined][]} */
const finders = [["[data-about]", (node) => node.dataset.about]];
let anchor = /** @type {HTMLElement|null} */ (null);
/** A pointer rests from an act until it moves: what slides under it meanwhile is not what somebody points at. */
const pointer = { x: NaN, y: NaN, rests: false };

/** Explain what matches, unless an element further in is explained. @param {string} selector @param {(node: HTMLElement) => string|null|undefined} words */
export function explains(selector, words) {
  finders.unshift([selector, words]);
}

/** Take the tip away: somebody acts, and what opens is not to be covered. */
export function dismissTip() {
  pointer.rests = true;
  show(null);
}

/** Write the words anew, for those that count time. */
export function rewriteTip() {
  show(anchor);
}

/** @param {EventTarget|null} target @returns {HTMLElement|null} */
function explained(target) {
  if (!(target instanceof Element)) return null;
  return target.closest(finders.map(([selector]) => selector).join(","));
}

/** @param {HTMLElement} node @returns {string} */
function wordsOf(node) {
  const finder = finders.find(([selector]) => node.matches(selector));
  return finder?.[1](node) ?? "";
}

/** @param {HTMLElement|null} node */
function show(node) {
  const tip = byId("tooltip");
  const words = node?.isConnected && !node.hidden ? wordsOf(node) : "";
  anchor = words ? node : null;
  tip.hidden = !words;
  if (!words || !node) return;
  say(tip, words);
  const place = node.getBoundingClientRect();
  const below = place.bottom + GAP_PX + tip.offsetHeight < innerHeight;
  tip.style.left = `${Math.max(EDGE_PX, Math.min(place.left, innerWidth - tip.offsetWidth - EDGE_PX))}px`;
  tip.style.top = `${below ? place.bottom + GAP_PX : place.top - tip.offsetHeight - GAP_PX}px`;
}

/** @param {EventTarget|null} target */
function focused(target) {
  document.querySelector("[aria-describedby=tooltip]")?.removeAttribute("aria-describedby");
  const node = explained(target);
  if (node === target) node?.setAttribute("aria-describedby", "tooltip");
  show(node);
}

/** @param {MouseEvent} event */
function moved({ clientX, clientY, target }) {
  if (clientX === pointer.x && clientY === pointer.y) return;
  [pointer.x, pointer.y] = [clientX, clientY];
  if (!pointer.rests) return;
  pointer.rests = false;
  show(explained(target));
}

document.addEventListener("mousemove", moved);
document.addEventListener("mouseover", (event) => !pointer.rests && show(explained(event.target)));
// a finger has no other way to a tip than to tap
document.addEventListener("click", (event) => /** @type {PointerEvent} */ (event).pointerType !== "touch" && dismissTip());
document.documentElement.addEventListener("mouseleave", () => show(null));
document.addEventListener("focusin", (event) => focused(event.target));
document.addEventListener("focusout", () => focused(null));
document.addEventListener("scroll", () => show(null), { passive: true, capture: true });
// what has the focus stays explained until the focus leaves it
document.addEventListener("keydown", ({ key }) => (key === "Escape" || anchor !== document.activeElement) && dismissTip());
