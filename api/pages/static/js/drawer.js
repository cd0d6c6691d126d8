// @ts-check
/** One bot beside the table. Belongs here: fetching and drawing its dossier. Every figure comes from the server. */

import { IN_SAMPLE, STATES, aboutSource } from "./about.js";
import { badgeOf, quietWords, tooltipOf } from "./badge.js";
import { byId, dress, el, say } from "./dom.js";
import { writtenOf } from "./figures.js";
import { DASH, count, dollars, generationOf, money, moment, pct } from "./format.js";
import { runsOf, spokenCheck } from "./lineage.js";
import { wordsFor } from "./reasons.js";
import { dismissTip } from "./tip.js";

const CHART = { height: 190 };

export class Drawer {
  /** @param {{now: () => number, closed: () => void}} listener */
  constructor(listener) {
    this.listener = listener;
    this.root = byId("drawer");
    this.body = byId("drawer-body");
    /** @type {string|null} */
    this.id = null;
    this.chart = null;
    this.asked = 0;
    byId("drawer-close").addEventListener("click", () => this.close());
  }

  get isOpen() {
    return this.id !== null;
  }

  /** @param {string} id */
  async open(id) {
    this.id = id;
    dismissTip();
    this.root.hidden = false;
    await this.refresh();
  }

  close() {
    if (!this.isOpen) return;
    this.id = null;
    this.root.hidden = true;
    this.#dropChart();
    this.listener.closed();
  }

  async refresh() {
    const [id, asked] = [this.id, (this.asked += 1)];
    if (!id) return;
    try {
      const answer = await fetch(`/api/bots/${id}`, { cache: "no-store" });
      const dossier = await answer.json();
      if (asked !== this.asked || this.id !== id) return;
      if (answer.ok) this.#show(dossier);
      else this.#fail(dossier.detail);
    } catch {
      if (asked === this.asked) this.#fail("The server cannot be reached.");
    }
  }

  #fail(words) {
    this.#dropChart();
    this.body.replaceChildren(el("p", "empty", words));
  }

  #show({ bot, equity, sessions, generations, decisions, metricsEvents }) {
    this.#dropChart();
    say(byId("drawer-name"), bot.name);
    byId("drawer-page").href = `/bots/${bot.id}`;
    say(byId("drawer-traits"), `${bot.symbol} · ${bot.timeframe} · ${bot.archetype} · G${bot.generation ?? DASH}`);
    const stage = byId("drawer-stage");
    say(stage, bot.stage);
    dress(stage, `stage s-${bot.stage.toLowerCase()}`);
    const chart = el("div", "chart");
    this.body.replaceChildren(
      this.#now(bot),
      figures(bot),
      section(`Equity since reset · ${equity.book}`, chart),
      section(gateTitle(bot), gateList(bot.stageGate)),
      section("Why", table(["Last time", "Decision", "Why"], runsOf(decisions).slice(0, 12).map(whyOf))),
      section("Sessions", table(["Started", "Gen", "Net P&L", "Trades", "Source"], sessions.slice(0, 15).map((session) => [
        session.reportUrl ? link(moment(session.createdAt), session.reportUrl) : moment(session.createdAt), `G${session.generationNumber}`,
        session.status === "FAILED" ? (session.error ?? "FAILED") : session.bustAt ? `${money(session.netPnlUsd)} bust` : money(session.netPnlUsd),
        count(session.trades), session.dataSource ?? DASH,
      ]))),
      section("Generations", table(["Gen", "Origin", "From", "Why"], generations.slice(0, 15).map((generation) => [
        `G${generation.generationNumber}`, generation.origin, generation.parentGeneration ? `G${generation.parentGeneration}` : DASH, generation.reason ?? DASH,
      ]))),
      section("Resets", table(["Time", "Reason", "By"], metricsEvents.slice(0, 10).map((event) => [
        moment(event.createdAt), event.reasonCode, event.actor,
      ]))),
    );
    void this.#draw(chart, equity);
  }

  #now(bot) {
    const line = el("div", "now");
    const badge = badgeOf(bot.botNow);
    if (badge) {
      const node = el("span", `badge t-${badge.tone} ${badge.running ? "running" : "waiting"}`);
      node.append(el("i", "dot"), el("span", "words", badge.text));
      line.append(node, el("span", "dim", tooltipOf(bot.botNow, this.listener.now()) ?? ""));
    } else {
      const quiet = quietWords(bot.botNow);
      line.append(el("span", quiet.failing ? "quiet failing" : "quiet", quiet.text), el("span", "dim", STATES[bot.botNow.state] ?? ""));
    }
    return line;
  }

  async #draw(node, equity) {
    const uPlot = equity.equityUsd.length < 2 ? null : await plotting();
    if (!node.isConnected) return;
    if (!uPlot) {
      node.append(el("p", "empty", equity.equityUsd.length < 2 ? "No equity since reset." : "The chart is not installed."));
      return;
    }
    const days = equity.tradingOn.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000);
    const rises = equity.equityUsd.at(-1) >= equity.equityUsd[0];
    const axis = { stroke: "#7d8a9a", font: '11px "JetBrains Mono", monospace', grid: { stroke: "#161d27", width: 1 }, ticks: { show: false } };
    this.chart = new uPlot({
      width: node.clientWidth, height: CHART.height, padding: [10, 8, 0, 0], legend: { show: false },
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"),
      axes: [axis, { ...axis, size: 68, values: (_, all) => all.map((usd) => dollars(usd)) }],
      series: [{}, { stroke: rises ? "#2dbd85" : "#f6465d", width: 1.5, fill: rises ? "#2dbd8516" : "#f6465d16" }],
    }, [days, equity.equityUsd], node);
  }

  #dropChart() {
    this.chart?.destroy();
    this.chart = null;
  }
}

let library = /** @type {Promise<any>|null} */ (null);

/** The chart library, asked for when the first bot is opened: the board itself draws none of its charts. */
function plotting() {
  library ??= import("../vendor/uplot.js").then(() => /** @type {any} */ (globalThis).uPlot, () => null);
  return library;
}

/** A decision that repeats is one line. */
function whyOf({ last, times, decision }) {
  const when = times > 1 ? `${moment(last)} ×${times}` : moment(last);
  return [when, decision.jobType ? `ENQUEUE ${decision.jobType}` : "SKIP", decision.words ?? wordsFor(decision.reasonCode)];
}

function figures({ metrics, confidencePct, uniquenessPct }) {
  const list = el("dl", "figures");
  const figures = [
    ...writtenOf(metrics).map(({ label, words, about }) => [label, words, about]),
    ["Source", metrics.dataSource ?? DASH, aboutSource(metrics.dataSource)],
    ["Of", generationOf(metrics), metrics.inSample ? IN_SAMPLE : ""],
    ["Since", metrics.since ? moment(metrics.since) : "never reset"], ["Conf", pct(confidencePct)], ["Uniq", pct(uniquenessPct)],
  ];
  for (const [label, words, about] of figures) {
    const pair = el("div", "figure-pair");
    if (about) pair.title = about;
    pair.append(el("dt", "label", label), el("dd", words === "SIMULATED" ? "source simulated" : "", words));
    list.append(pair);
  }
  return list;
}

function gateTitle(bot) {
  return bot.stageGate.to ? `Gate to ${bot.stageGate.to}` : "Top stage";
}

function gateList(gate) {
  if (!gate.to) return el("p", "empty", "There is no stage above.");
  if (gate.allowed) return el("p", "open-gate", "Open: every requirement is met.");
  return table(["Requirement", "Needed", "Was"], gate.blockers.map((blocker) => {
    if (blocker.required === null) return [wordsFor(blocker.code), blocker.reason, DASH];
    const { needed, was } = spokenCheck(blocker);
    return [wordsFor(blocker.code), needed, was ?? DASH];
  }));
}

function section(title, ...nodes) {
  const node = el("section", "panel");
  node.append(el("h3", "", title), ...nodes);
  return node;
}

function table(heads, lines) {
  if (!lines.length) return el("p", "empty", "Nothing yet.");
  const node = el("table", "list");
  const head = el("tr");
  head.append(...heads.map((words) => el("th", "", words)));
  const body = lines.map((cells) => {
    const line = el("tr");
    line.append(...cells.map(cellOf));
    return line;
  });
  node.append(head, ...body);
  return node;
}

/** @param {string | HTMLElement} content */
function cellOf(content) {
  if (typeof content === "string") return el("td", tone(content), content);
  const cell = el("td");
  cell.append(content);
  return cell;
}

function link(words, address) {
  const node = el("a", "", words);
  node.setAttribute("href", address);
  node.setAttribute("title", "Tear sheet");
  return node;
}

function tone(words) {
  if (/^\+\$/.test(words)) return "up";
  return /^-\$/.test(words) ? "down" : words === "SIMULATED" ? "amber" : "";
}
