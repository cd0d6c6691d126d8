// @ts-check
/** The strip of figures above a page. Belongs here: cells that are made once and only change their words. */

import { byId, dress, el, say } from "./dom.js";
import { nodeOf } from "./sheet.js";

export class Cells {
  /** @param {string} id */
  constructor(id) {
    this.root = byId(id);
    /** @type {Map<string, {cell: HTMLElement, value: HTMLElement, note: HTMLElement, sign: string}>} */
    this.cells = new Map();
  }

  /**
   * @param {string} label @param {import("./sheet.js").Cell} value
   * @param {{about: string, tone?: string, note?: string}} more
   */
  say(label, value, { about, tone = "plain", note = "" }) {
    const known = this.cells.get(label) ?? this.#make(label);
    const sign = JSON.stringify(value);
    if (known.sign !== sign) {
      known.sign = sign;
      known.value.replaceChildren(...(Array.isArray(value) ? value : [value]).map(nodeOf));
    }
    say(known.note, note);
    known.cell.dataset.about = about;
    dress(known.value, `value v-${tone}`);
  }

  #make(label) {
    const made = { cell: el("div", "total"), value: el("span", "value"), note: el("span", "note"), sign: "" };
    const line = el("div", "figure");
    line.append(made.value, made.note);
    made.cell.append(el("div", "label", label), line);
    made.cell.tabIndex = 0;
    this.root.append(made.cell);
    this.cells.set(label, made);
    return made;
  }
}
