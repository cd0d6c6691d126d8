// @ts-check
/** Who is proven and, on simulated markets, whether that is right. Belongs here: wiring and words. */

import { Cells } from "./cells.js";
import { byId, say } from "./dom.js";
import { count, ratio, timesOf } from "./format.js";
import { Poll } from "./poll.js";
import { Sheet } from "./sheet.js";
import { bindKeys } from "./shell.js";

const cells = new Cells("strip");
const EDGES = { MOMENTUM: "momentum", REVERSION: "reversion", OPENING_RANGE: "opening range", SESSION_DRIFT: "session drift", GAP: "gap" };
const TONES = { FOUND: "up", MISSED: "amber", AWAITED: "dim", FALSE: "down", QUIET: "dim" };

const markets = new Sheet("markets", {
  key: (market) => market.symbol,
  empty: "No bot trades a simulated market: nobody knows what there is to find.",
  columns: [
    { head: "Symbol", about: "A market that the simulator made.", of: (market) => market.symbol },
    { head: "Planted", about: "The edge that is hidden in it.", of: (market) => (market.kind ? EDGES[market.kind] : { text: "nothing", tone: "dim" }) },
    { head: "Oracle", about: "Sharpe ratio of one who knows the edge, before costs: as it was asked for, and on these bars.", kind: "num wide", of: (market) => (market.kind ? `${ratio(market.sharpe)} · ${ratio(market.oracleSharpe)}` : null) },
    { head: "Verdict", about: "FOUND: a bot on it is proven. MISSED: none is so far. AWAITED: no record has begun. FALSE: proven where nothing is planted. QUIET: nothing there, nobody proven.", of: (market) => ({ text: market.verdict, tone: TONES[market.verdict], title: market.words }) },
    { head: "Found", about: "Since when the first of its bots is proven.", of: (market) => (market.foundAt ? { at: market.foundAt, form: "second" } : null) },
    { head: "Proven", about: "How many of its bots are proven.", kind: "num", of: (market) => ({ text: count(market.proven), tone: market.verdict === "FALSE" ? "down" : market.proven ? "up" : "dim" }) },
    { head: "Records", about: "How many bots have a record on it: days no choice had seen.", kind: "num wide", of: (market) => count(market.records) },
    { head: "Bots", about: "How many bots trade it.", kind: "num wide", of: (market) => count(market.bots) },
  ],
});

const proven = new Sheet("proven", {
  key: (bot) => `${bot.botId} ${bot.barsKind}`,
  empty: "No bot is proven yet. A record begins with a bot's first improve iteration.",
  opened: (bot) => location.assign(`/bots/${bot.botId}`),
  columns: [
    { head: "Proven since", about: "When the judgement of the fleet first said so; it holds until one says otherwise.", of: (bot) => ({ at: bot.provenSince, form: "second" }) },
    { head: "Bot", about: "Its name, market and style.", kind: "name", of: (bot) => [{ text: bot.name, href: `/bots/${bot.botId}` }, { text: ` ${bot.symbol} · ${bot.timeframe} · ${bot.archetype}`, tone: "traits" }] },
    { head: "Bars", about: "What its record was earned on; marks are prices at an instant.", kind: "wide", of: (bot) => ({ text: bot.barsKind, tone: bot.barsKind === "SIMULATED" ? "dim" : "" }) },
    { head: "Evidence", about: "What bettors on its days would hold by now, of 1 at first, had its days been worth nothing on average.", kind: "num", of: (bot) => timesOf(bot.logE / Math.LN10) },
    { head: "Sharpe", about: "Sharpe ratio of its record, out of sample.", kind: "num wide", of: (bot) => ratio(bot.sharpe) },
    { head: "Days", about: "How many days its record has.", kind: "num wide", of: (bot) => count(bot.days) },
    { head: "Right", about: "On simulated bars: whether an edge is planted in its market. On others nobody knows.", of: (bot) => right(bot.verdict) },
  ],
});

function right(verdict) {
  if (!verdict) return { text: "unknown", tone: "dim" };
  return verdict === "FOUND" ? { text: "right", tone: "up" } : { text: "FALSE", tone: "down" };
}

function show(answer) {
  markets.show(answer.markets);
  proven.show(answer.data);
  say(byId("rule"), answer.rule);
  const known = answer.kinds.reduce((sum, kind) => sum + kind.proven, 0);
  say(byId("row-count"), `PROVEN ${count(known)}${known > answer.data.length ? `, the first ${count(answer.data.length)} shown` : ""}`);
  summarise(answer);
}

function summarise({ truth, kinds }) {
  const bots = (kind) => kinds.find((row) => row.barsKind === kind);
  cells.say("Planted", truth && count(truth.plantedMarkets), { about: "Simulated markets with an edge hidden in them.", note: truth?.plantedMarkets === 1 ? "edge" : "edges" });
  cells.say("Found", truth && count(truth.foundMarkets), { about: "Of these: a bot that trades the market is proven.", tone: truth?.foundMarkets ? "green" : "none" });
  cells.say("Missed", truth && count(truth.missedMarkets), { about: "Of these: records have begun, and no bot is proven so far.", tone: truth?.missedMarkets ? "amber" : "none", note: truth?.awaitedMarkets ? `${count(truth.awaitedMarkets)} awaited` : "" });
  cells.say("False", truth && count(truth.falseBots), { about: "Proven bots on simulated markets without an edge; on average at most one in ten of the proven.", tone: truth?.falseBots ? "red" : "none", note: truth ? `of ${count(truth.provenBots)} proven bots` : "" });
  for (const [kind, label] of [["SIMULATED", "Records, simulated"], ["REAL", "Proven, real bars"], ["MARKS", "Proven, marks"]]) {
    const row = bots(kind);
    if (!row) continue;
    const simulated = kind === "SIMULATED";
    cells.say(label, count(simulated ? row.records : row.proven), { about: "A record has the days of a bot that no choice of its had seen; every record counts.", note: simulated ? "" : `of ${count(row.records)} records` });
  }
}

bindKeys({
  ArrowDown: () => proven.move(1),
  ArrowUp: () => proven.move(-1),
  j: () => proven.move(1),
  k: () => proven.move(-1),
  Enter: () => proven.open(),
});
new Poll({ path: () => "/api/discoveries", show, everyMs: 3000 });
