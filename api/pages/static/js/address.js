// @ts-check
/** A view of the board as the query of its address, and back. Belongs here: what a link holds. Free of DOM. */

import { ACTIVITIES, KEYS, STAGES } from "./store.js";

/** How the board opens: the best of those with figures first, and what is at work before what rests among the others. */
export const DEFAULT = /** @type {import("./store.js").View} */ ({
  sort: "netPnl", descending: true, stage: null, activity: "all", words: "", bot: null,
});
const MOST_WORDS = 200;
const BOT_ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** @param {import("./store.js").View} view @returns {string} empty where nothing departs from the default */
export function queryOf(view) {
  const query = new URLSearchParams();
  if (view.words.trim()) query.set("q", view.words.trim());
  if (view.stage) query.set("stage", view.stage);
  if (view.activity !== DEFAULT.activity) query.set("activity", view.activity);
  if (view.sort !== DEFAULT.sort || view.descending !== DEFAULT.descending) query.set("sort", `${view.descending ? "-" : ""}${view.sort}`);
  if (view.bot) query.set("bot", view.bot);
  const words = query.toString();
  return words ? `?${words}` : "";
}

/** @param {string} search @returns {import("./store.js").View} what it does not say, or says wrongly, is the default */
export function viewOf(search) {
  const query = new URLSearchParams(search);
  const [sort, stage, activity, bot] = ["sort", "stage", "activity", "bot"].map((name) => query.get(name) ?? "");
  const view = { ...DEFAULT, words: (query.get("q") ?? "").slice(0, MOST_WORDS) };
  if (STAGES.includes(stage)) view.stage = stage;
  if (Object.hasOwn(ACTIVITIES, activity)) view.activity = /** @type {any} */ (activity);
  if (BOT_ID.test(bot)) view.bot = bot;
  const key = sort.replace(/^-/, "");
  if (Object.hasOwn(KEYS, key)) [view.sort, view.descending] = [/** @type {any} */ (key), sort.startsWith("-")];
  return view;
}
