// @ts-check
/** Files the board offers. Belongs here: the address of a file that holds what is shown. Free of DOM. */

import { ACTIVITIES, STATES, isOfArchived } from "./store.js";

const SORTS = new Map(Object.entries({
  activity: "activity", name: "name", stage: "stage", netPnl: "netPnl", winPct: "winPct", trades: "trades",
  maxDrawdownUsd: "maxDrawdownUsd", profitFactor: "profitFactor", sharpe: "sharpe",
}));

/**
 * @param {import("./store.js").View} view @returns {string} the file of the bots a view leaves; in order of their names
 *   where the server does not sort by what the view is sorted by
 */
export function boardFile(view) {
  const sort = SORTS.get(view.sort);
  const asked = [["sort", sort ? `${view.descending ? "-" : ""}${sort}` : "name"]];
  if (view.stage) asked.push(["stage", view.stage]);
  const words = view.words.trim().replace(/\s+/g, " ");
  if (words) asked.push(["filter", words]);
  if (isOfArchived(view)) asked.push(["state", "ARCHIVED"]);
  else if (view.activity !== "all") asked.push(...STATES.filter(ACTIVITIES[view.activity]).map((state) => ["state", state]));
  return `/api/bots.csv?${asked.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
}
