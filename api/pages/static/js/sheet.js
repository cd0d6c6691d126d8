// @ts-check
/**
 * A table of rows that change in place. Belongs here: drawing cells from plain descriptions, keeping focus and selection.
 * A cell is drawn anew only when its description changed, so that a link under the pointer stays the same link. What is too
 * long for a column stands on a second line below its row, whole, where there is something to say.
 */

import { byId, el, timeOf } from "./dom.js";
import { DASH, elapsed } from "./format.js";
import { now } from "./shell.js";

/**
 * @typedef {{text?: string|null, tone?: string, title?: string|null, href?: string|null, at?: string|null,
 *   form?: "moment"|"second"|"timeOfDay", since?: string|null, bar?: number|null, of?: number|null, words?: string,
 *   label?: string, badge?: string, running?: boolean, act?: string}} Part
 * @typedef {string|null|undefined|Part|(Part|string)[]} Cell
 * @typedef {{head: string, about: string, of: (row: any) => Cell, kind?: string}} Column kinds are classes: `num`, `name`,
 *   `words`, `sentence`, and `wide`, which a phone leaves out
 * @typedef {{line: HTMLTableRowElement, signs: string[], row: any, below: HTMLElement|null, belowSign: string}} Line
 */

export class Sheet {
  /**
   * @param {string} id of the table
   * @param {{columns: Column[], below?: {head: string, of: (row: any) => Part|string|null|undefined}, key: (row: any) => string,
   *   empty: string, opened?: (row: any) => void, acted?: (row: any) => void}} what
   */
  constructor(id, what) {
    this.what = what;
    this.table = byId(id);
    /** @type {Map<string, Line>} */
    this.lines = new Map();
    /** @type {string|null} */
    this.selected = null;
    this.body = el("tbody");
    this.table.append(this.#head(), this.body);
    this.body.addEventListener("click", (event) => this.#clicked(event));
  }

  /** @param {any[]} rows */
  show(rows) {
    const keys = new Set(rows.map(this.what.key));
    for (const [key, { line, below }] of this.lines) {
      if (!keys.has(key)) {
        line.remove();
        below?.remove();
        this.lines.delete(key);
      }
    }
    let place = this.body.firstElementChild;
    for (const row of rows) {
      const { line, below } = this.#draw(row);
      for (const node of below ? [line, below] : [line]) {
        if (node === place) place = place.nextElementSibling;
        else this.body.insertBefore(node, place);
      }
    }
    this.#empty(rows.length === 0);
  }

  /** @param {string|null} key */
  select(key) {
    this.selected = key;
    for (const [own, { line }] of this.lines) {
      if (own === key) line.setAttribute("aria-current", "true");
      else line.removeAttribute("aria-current");
    }
    this.lines.get(key ?? "")?.line.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} by */
  move(by) {
    const keys = [...this.body.querySelectorAll("tr[data-key]")].map((line) => /** @type {HTMLElement} */ (line).dataset.key ?? "");
    if (!keys.length) return;
    const at = keys.indexOf(this.selected ?? "");
    this.select(keys[Math.max(0, Math.min(keys.length - 1, at < 0 ? 0 : at + by))]);
  }

  open() {
    const line = this.lines.get(this.selected ?? "");
    if (line) this.what.opened?.(line.row);
  }

  #head() {
    const head = el("thead");
    const line = el("tr");
    for (const column of this.what.columns) {
      const cell = el("th", column.kind ?? "", column.head);
      cell.setAttribute("scope", "col");
      cell.dataset.about = column.about;
      cell.tabIndex = 0;
      line.append(cell);
    }
    head.append(line);
    return head;
  }

  #draw(row) {
    const key = this.what.key(row);
    let known = this.lines.get(key);
    if (!known) {
      const line = /** @type {HTMLTableRowElement} */ (el("tr", this.what.opened ? "opens" : ""));
      line.dataset.key = key;
      for (const column of this.what.columns) line.append(el("td", column.kind ?? ""));
      if (key === this.selected) line.setAttribute("aria-current", "true");
      this.lines.set(key, (known = { line, signs: [], row, below: null, belowSign: "" }));
    }
    known.row = row;
    this.what.columns.forEach((column, at) => {
      const cell = column.of(row);
      const sign = JSON.stringify(cell) ?? "";
      if (known.signs[at] === sign) return;
      known.signs[at] = sign;
      known.line.cells[at].replaceChildren(...(Array.isArray(cell) ? cell : [cell]).map(nodeOf));
    });
    this.#drawBelow(known);
    return known;
  }

  /** @param {Line} known */
  #drawBelow(known) {
    if (!this.what.below) return;
    const part = this.what.below.of(known.row) || null;
    const sign = JSON.stringify(part);
    if (known.belowSign === sign) return;
    known.belowSign = sign;
    known.below?.remove();
    known.below = part && this.#below(part);
    known.line.classList.toggle("leads", part !== null);
  }

  /** @param {Part|string} part */
  #below(part) {
    const line = el("tr", "below");
    const cell = el("td");
    const words = el("div");
    cell.setAttribute("colspan", String(this.what.columns.length));
    words.append(el("span", "head", this.what.below?.head), " ", nodeOf(part));
    cell.append(words);
    line.append(cell);
    return line;
  }

  #empty(none) {
    const note = this.body.querySelector("tr.none");
    if (!none) note?.remove();
    else if (!note) {
      const line = el("tr", "none");
      const cell = el("td", "", this.what.empty);
      cell.setAttribute("colspan", String(this.what.columns.length));
      line.append(cell);
      this.body.append(line);
    }
  }

  #clicked(event) {
    const target = /** @type {Element} */ (event.target);
    const touched = target.closest("tr");
    const line = /** @type {HTMLElement|null|undefined} */ (touched?.matches(".below") ? touched.previousElementSibling : touched);
    const known = this.lines.get(line?.dataset.key ?? "");
    if (!known || target.closest("a")) return;
    if (target.closest("button[data-act]")) {
      this.what.acted?.(known.row);
      return;
    }
    if (!this.what.opened) return;
    this.select(this.what.key(known.row));
    this.what.opened(known.row);
  }
}

/** @param {Part|string|null|undefined} part @returns {Node} */
export function nodeOf(part) {
  if (part === null || part === undefined || part === "") return document.createTextNode(DASH);
  if (typeof part === "string") return document.createTextNode(part);
  const node = bodyOf(part);
  if (part.tone) node.classList.add(...part.tone.split(" "));
  if (part.title) node.title = part.title;
  return node;
}

/** @param {Part} part @returns {HTMLElement} */
function bodyOf(part) {
  if (part.at !== undefined) return timeOf(part.at, part.form ?? "moment");
  if (part.since !== undefined) return sinceOf(part.since);
  if (part.bar !== undefined) return barOf(part);
  if (part.act) {
    const button = el("button", "small", part.act);
    button.setAttribute("type", "button");
    button.dataset.act = "";
    return button;
  }
  if (part.badge) {
    const badge = el("span", `badge t-${part.badge} ${part.running ? "running" : "waiting"}`);
    badge.append(el("i", "dot"), el("span", "words", part.text ?? DASH));
    return badge;
  }
  if (!part.href) return el("span", "", part.text || DASH);
  const link = el("a", "", part.text || DASH);
  link.setAttribute("href", part.href);
  return link;
}

/** A span that the shell counts on by itself. @param {string|null} iso */
function sinceOf(iso) {
  if (!iso) return el("span", "", DASH);
  const node = el("span", "", elapsed((now() - Date.parse(iso)) / 1000));
  node.dataset.since = iso;
  return node;
}

/** How far some work is, as percent or as so many of so many; a dash where it does not say. @param {Part} part */
function barOf({ bar: done, of, words, label }) {
  if (done === null || done === undefined) return el("span", "dim", DASH);
  const node = el("span", "progress");
  const bar = /** @type {HTMLProgressElement} */ (el("progress"));
  const text = words ?? `${Math.round(done)}%`;
  bar.max = of ?? 100;
  bar.value = done;
  bar.setAttribute("aria-label", label ?? "Progress");
  bar.setAttribute("aria-valuetext", text);
  node.append(bar, el("span", "", text));
  return node;
}
