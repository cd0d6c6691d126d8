// @ts-check
/** The figures of a book, as `trading/figures/declared.py` lists them. Belongs here: which there are, how each is written. */

import { count, fall, fallPct, money, pct, ratio } from "./format.js";

const WRITERS = { dollars: money, fall, percent: pct, fallPercent: fallPct, count, ratio };

/** @type {{word: string, label: string, about: string, form: keyof typeof WRITERS}[]} */
export const FIGURES = JSON.parse(document.documentElement.dataset.figures ?? "[]");

/** @param {Record<string, any>} book @returns {{label: string, about: string, words: string}[]} every figure of a book */
export function writtenOf(book) {
  return FIGURES.map(({ word, label, about, form }) => ({ label, about, words: form === "fallPercent" && book.bustAt ? "bust" : WRITERS[form](book[word]) }));
}
