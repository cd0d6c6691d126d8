// @ts-check
/**
 * The admin token where a dialog needs one. Belongs here: its field, keeping it in this tab for those who ask for that,
 * and forgetting it. On a developer's own machine the server tells the public one, and there is no field.
 */

import { byId } from "./dom.js";

const KEPT = "proving.admin-token";
const PUBLIC = document.documentElement.dataset.publicToken || null;

export class Token {
  /** @param {string} id of the field, where there is one */
  constructor(id) {
    this.id = id;
    if (PUBLIC) return;
    byId(`${id}-forget`).addEventListener("click", () => {
      keep(null);
      this.show();
      byId(id).focus();
    });
  }

  /** @returns {string} the token to send; empty where nobody has typed one */
  get value() {
    return PUBLIC ?? kept() ?? byId(this.id).value;
  }

  /** @returns {boolean} whether nothing need be typed */
  get isKnown() {
    return PUBLIC !== null || kept() !== null;
  }

  /** Show the field, or that it is not needed. */
  show() {
    if (PUBLIC) return;
    byId(`${this.id}-ask`).hidden = this.isKnown;
    byId(`${this.id}-kept`).hidden = !this.isKnown;
  }

  /** Take what the server said of it. @param {boolean} accepted */
  heard(accepted) {
    if (PUBLIC) return;
    if (!accepted) keep(null);
    else if (byId(`${this.id}-keep`).checked) keep(this.value);
    this.show();
  }

  clear() {
    if (!PUBLIC) byId(this.id).value = "";
  }

  focus() {
    if (!this.isKnown) byId(this.id).focus();
  }
}

/** @returns {string|null} */
function kept() {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

/** @param {string|null} token */
function keep(token) {
  try {
    if (token) sessionStorage.setItem(KEPT, token);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // a browser that keeps nothing asks each time
  }
}
