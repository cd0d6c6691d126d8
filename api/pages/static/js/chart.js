// @ts-check
/**
 * One bot's charts. Belongs here: equity with its drawdown below, the shown figure over real time, marks across both.
 * Does not belong here: which marks and where their labels go (marks.js), where figures come from.
 */

import { byId, el, say } from "./dom.js";
import { DASH, count, dollars, isLocalTime, money, moment, timesOf } from "./format.js";
import { laidOut, marksWithin, nearest, recordMarks, steps } from "./marks.js";

const FONT = '11px "JetBrains Mono", ui-monospace, monospace';
const INK = "#07090d";
const COLOURS = { up: "#2dbd85", down: "#f6465d", axis: "#8a97a8", grid: "#131a23", base: "#3a4858", GENERATION: "#5fa8f5", RESET: "#f0b90b", STAGE: "#c4a5f9", LOOK: "#f0b90b" };
const AXIS_PX = 78;
const LANE_PX = 15;
const NEAR_PX = 5;
const DAY = 86400;
const DATE_LETTERS = "2026-01-05".length;
const TIMES = [
  [DAY * 365, "{YYYY}", null, null, null, null, null, null, 1],
  [DAY * 28, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [DAY, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [3600, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [1, ":{ss}", "\n{MM}-{DD} {HH}:{mm}", null, "\n{MM}-{DD} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
];

export class Charts {
  constructor() {
    this.main = byId("chart-main");
    this.below = byId("chart-fall");
    this.legend = byId("chart-legend");
    this.empty = byId("chart-empty");
    /** @type {any[]} */
    this.plots = [];
    this.redraw = () => {};
    new ResizeObserver(() => this.#fit()).observe(this.main);
  }

  /** @param {any} curve @param {import("./marks.js").Mark[]} marks */
  showEquity(curve, marks) {
    if (curve.equityUsd.length < 2) {
      this.#nothing(`No equity in ${curve.book} since the reset.`);
      return;
    }
    const days = curve.tradingOn.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000);
    const rises = curve.equityUsd[curve.equityUsd.length - 1] >= curve.accountUsd;
    const within = marksWithin(marks, curve.book, { from: days[0], to: days[days.length - 1] + DAY - 1 });
    const lines = within.map((line) => ({ ...line, seconds: Math.floor(line.seconds / DAY) * DAY }));
    const say = (at) => [
      ["", curve.tradingOn[at]], ["Equity", dollars(curve.equityUsd[at])],
      ["P&L", money(curve.equityUsd[at] - curve.accountUsd)], ["Drawdown", curve.drawdownPct[at] <= -100 ? "bust" : `${curve.drawdownPct[at].toFixed(2)}%`],
    ];
    this.#start({ say, last: days.length - 1, lines, xs: days });
    this.below.hidden = false;
    const tone = rises ? "up" : "down";
    const shared = { utc: true, lines };
    this.plots = [
      this.#plot(this.main, [days, curve.equityUsd], { ...shared, tone, base: curve.accountUsd, values: dollars, flag: true }),
      this.#plot(this.below, [days, curve.drawdownPct], { ...shared, tone: "down", base: 0, values: (pct) => `${pct.toFixed(pct > -10 ? 1 : 0)}%`, flat: true }),
    ];
    this.main.setAttribute("aria-label", `Equity of ${curve.book} from ${dollars(curve.accountUsd)} to ${dollars(curve.equityUsd[curve.equityUsd.length - 1])}, ${curve.tradingOn[0]} to ${curve.tradingOn[curve.tradingOn.length - 1]}`);
    this.below.setAttribute("aria-label", `Drawdown, deepest close ${Math.min(...curve.drawdownPct).toFixed(2)}%`);
  }

  /** @param {string} book @param {any[]} snapshots oldest first @param {import("./marks.js").Mark[]} marks @param {number} nowMs */
  showSteps(book, snapshots, marks, nowMs) {
    const [seconds, usd] = steps(snapshots, nowMs);
    if (!usd.some((value) => value !== null)) {
      this.#nothing(`Nothing has been shown for ${book} yet.`);
      return;
    }
    const lines = marksWithin(marks, book, { from: seconds[0] - DAY, to: seconds[seconds.length - 1] });
    const from = Math.min(seconds[0], ...lines.map((line) => line.seconds));
    const say = (at) => {
      const snapshot = snapshots[Math.min(at, snapshots.length - 1)];
      const generation = snapshot.generationNumber ? `G${snapshot.generationNumber}` : DASH;
      return [["Since", moment(snapshot.takenAt)], ["Net P&L", money(usd[at])], ["Generation", generation], ["Trades", snapshot.netPnlUsd === null ? DASH : count(snapshot.trades)]];
    };
    this.#start({ say, last: seconds.length - 1, lines, xs: seconds });
    this.below.hidden = true;
    const final = usd[usd.length - 1] ?? 0;
    this.plots = [this.#plot(this.main, [seconds, usd], { utc: !isLocalTime(), lines, tone: final < 0 ? "down" : "up", base: 0, values: dollars, flag: true, stepped: true, range: [from, seconds[seconds.length - 1]] })];
    this.main.setAttribute("aria-label", `Net P&L of ${book} as it was shown over time, now ${money(usd[usd.length - 1])}`);
  }

  /**
   * The record of a bot, the e-value of its days below it, with every genome that traded it and every look.
   * @param {any} record @param {any[]} looks newest first
   */
  showRecord(record, looks) {
    const days = record.tradingOn.map(atDay);
    if (days.length < 2) {
      this.#nothing("No record yet: the first improve iteration of the bot begins it.");
      return;
    }
    const lines = recordMarks(record, looks).filter(({ seconds }) => seconds >= days[0] && seconds <= days[days.length - 1]);
    const say = (at) => {
      const stretch = record.stretches.find(({ lastOn }) => lastOn >= record.tradingOn[at]);
      return [
        ["", record.tradingOn[at]], ["Account", dollars(record.equityUsd[at])], ["P&L", money(record.equityUsd[at] - record.accountUsd)],
        ["e-value", timesOf(record.log10E[at])], ["Traded by", stretch.origin === "WALK_FORWARD" ? `search of G${stretch.generationNumber}` : `G${stretch.generationNumber}`],
      ];
    };
    this.#start({ say, last: days.length - 1, lines, xs: days });
    this.below.hidden = false;
    const shared = { utc: true, lines };
    const tone = record.equityUsd[record.equityUsd.length - 1] >= record.accountUsd ? "up" : "down";
    this.plots = [
      this.#plot(this.main, [days, record.equityUsd], { ...shared, tone, base: record.accountUsd, values: dollars, flag: true }),
      this.#plot(this.below, [days, record.log10E], { ...shared, tone: "up", base: 0, values: timesOf, plain: true }),
    ];
    this.main.setAttribute("aria-label", `Record of ${count(days.length)} days, from ${dollars(record.accountUsd)} to ${dollars(record.equityUsd[days.length - 1])}`);
    this.below.setAttribute("aria-label", `e-value, now ${timesOf(record.log10E[days.length - 1])}`);
  }

  #nothing(words) {
    this.#drop();
    this.empty.hidden = false;
    this.below.hidden = true;
    say(this.empty, /** @type {any} */ (globalThis).uPlot ? words : "The chart is not installed.");
    this.legend.replaceChildren();
  }

  #start(curve) {
    this.#drop();
    this.curve = curve;
    this.empty.hidden = true;
    this.#speak(null, null);
  }

  #drop() {
    for (const plot of this.plots) plot.destroy();
    this.plots = [];
  }

  #fit() {
    for (const plot of this.plots) {
      const node = plot.root.parentElement;
      plot.setSize({ width: node.clientWidth, height: node.clientHeight });
    }
  }

  /** Say the point under the cursor, or the last one. @param {number|null} at @param {any} mark */
  #speak(at, mark) {
    const { say: wordsAt, last } = /** @type {any} */ (this.curve);
    const parts = wordsAt(at ?? last).map(([label, words]) => {
      const part = el("span", "legend-part");
      if (label) part.append(el("span", "legend-label", label));
      part.append(el("span", /^[+]\$/.test(words) ? "up" : /^-\$/.test(words) && label !== "Drawdown" ? "down" : "", words));
      return part;
    });
    if (mark) {
      const part = el("span", `legend-mark k-${mark.kind}`);
      part.append(el("b", "", mark.label), el("span", "", `${mark.at.length === DATE_LETTERS ? mark.at : moment(mark.at)}  ${mark.detail}`));
      parts.push(part);
    }
    this.legend.replaceChildren(...parts);
  }

  #plot(node, series, look) {
    const uPlot = /** @type {any} */ (globalThis).uPlot;
    if (!uPlot) {
      this.#nothing("");
      return { destroy: () => {}, root: { parentElement: node }, setSize: () => {} };
    }
    const colour = COLOURS[look.tone];
    const axis = { stroke: COLOURS.axis, font: FONT, grid: { stroke: COLOURS.grid, width: 1 }, ticks: { show: false } };
    const options = {
      width: node.clientWidth, height: node.clientHeight, padding: [look.flat ? 6 : 14, 0, 0, 0], legend: { show: false },
      cursor: { sync: { key: "bot" }, points: { size: 7, fill: colour }, y: !look.flat, ...(look.stepped ? { dataIdx: stepUnder } : {}) },
      tzDate: (ts) => (look.utc ? uPlot.tzDate(new Date(ts * 1000), "Etc/UTC") : new Date(ts * 1000)),
      scales: { x: look.range ? { range: look.range } : {}, y: { range: (_, low, high) => spread(low, high, look) } },
      axes: [
        { ...axis, values: look.flat ? (_, all) => all.map(() => "") : TIMES, space: 64, size: look.flat ? 0 : 34 },
        { ...axis, side: 1, size: AXIS_PX, gap: 8, space: look.flat ? 26 : 42, values: (_, all) => all.map(look.values) },
      ],
      series: [{}, {
        stroke: colour, width: look.stepped ? 2 : 1.5, fill: look.stepped ? undefined : (plot) => shade(plot, colour, look), fillTo: look.base, points: { show: false },
        ...(look.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
      }],
      hooks: {
        drawClear: [(plot) => drawBase(plot, look)],
        draw: [(plot) => drawMarks(plot, look), (plot) => look.flag && drawFlag(plot, series[1], colour)],
        setCursor: [(plot) => this.#pointed(plot, look)],
      },
    };
    return new uPlot(options, series, node);
  }

  #pointed(plot, look) {
    if (plot !== this.plots[0]) return;
    const { left } = plot.cursor;
    if (left === null || left === undefined || left < 0) {
      this.#speak(null, null);
      return;
    }
    const close = look.lines.find((line) => Math.abs(plot.valToPos(line.seconds, "x") - left) <= NEAR_PX);
    const { xs } = /** @type {any} */ (this.curve);
    this.#speak(plot.cursor.idxs?.[1] ?? plot.cursor.idx ?? nearest(xs, plot.posToVal(left, "x")), close?.mark ?? null);
  }
}

/** @param {string} day @returns {number} epoch seconds */
function atDay(day) {
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}

/** The step that holds at a moment: the last one that began before it. */
function stepUnder(plot, _series, at, seconds) {
  return at > 0 && plot.data[0][at] > seconds ? at - 1 : at;
}

function spread(low, high, look) {
  if (look.plain) return [Math.min(low ?? 0, -0.5), Math.max(high ?? 0, 1.4)];
  const [bottom, top] = look.flat ? [low ?? -1, 0] : [Math.min(low ?? look.base, look.base), Math.max(high ?? look.base, look.base)];
  const room = (top - bottom || Math.abs(top) || 1) * 0.08;
  return look.flat ? [bottom - room, 0] : [bottom - room, top + room];
}

function shade(plot, colour, look) {
  const { top, height } = plot.bbox;
  if (!Number.isFinite(top) || !height) return `${colour}14`;
  const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height);
  const [above, below] = look.flat ? ["0c", "45"] : ["3d", "05"];
  gradient.addColorStop(0, colour + above);
  gradient.addColorStop(1, colour + below);
  return gradient;
}

function drawBase(plot, look) {
  if (look.flat) return;
  line(plot, COLOURS.base, [2, 4], (ctx, { left, width }) => {
    const y = Math.round(plot.valToPos(look.base, "y", true)) + 0.5;
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
  });
}

function drawFlag(plot, values, colour) {
  const last = values[values.length - 1];
  if (last === null || last === undefined) return;
  const { left, width } = plot.bbox;
  const [ratio, y] = [devicePixelRatio, Math.round(plot.valToPos(last, "y", true))];
  line(plot, colour, [2, 3], (ctx) => {
    ctx.moveTo(left, y + 0.5);
    ctx.lineTo(left + width, y + 0.5);
  });
  const { ctx } = plot;
  ctx.save();
  ctx.fillStyle = colour;
  ctx.fillRect(left + width, y - 9 * ratio, AXIS_PX * ratio, 18 * ratio);
  ctx.fillStyle = INK;
  ctx.font = `600 ${11 * ratio}px "JetBrains Mono", monospace`;
  ctx.textBaseline = "middle";
  ctx.fillText(dollars(last), left + width + 8 * ratio, y);
  ctx.restore();
}

function drawMarks(plot, look) {
  const { top, height, left, width } = plot.bbox;
  const ratio = devicePixelRatio;
  const inside = look.lines
    .map((mark) => ({ ...mark, x: plot.valToPos(mark.seconds, "x", true) }))
    .filter(({ x }) => x >= left - 1 && x <= left + width + 1);
  for (const { x, mark } of inside) {
    line(plot, COLOURS[mark.kind] ?? COLOURS.axis, [3, 3], (ctx) => {
      ctx.moveTo(Math.round(x) + 0.5, top);
      ctx.lineTo(Math.round(x) + 0.5, top + height);
    }, 0.75);
  }
  if (look.flat) return;
  const { ctx } = plot;
  ctx.save();
  ctx.font = `600 ${10 * ratio}px "JetBrains Mono", monospace`;
  ctx.textBaseline = "middle";
  const labels = inside.map(({ x, mark }) => ({ x, width: ctx.measureText(mark.label).width + 8 * ratio }));
  laidOut(labels, left + width).forEach((place, at) => {
    if (!place) return;
    const [label, y] = [inside[at].mark, top + place.lane * LANE_PX * ratio];
    ctx.fillStyle = INK;
    ctx.fillRect(place.x, y, labels[at].width, 13 * ratio);
    ctx.fillStyle = COLOURS[label.kind] ?? COLOURS.axis;
    ctx.fillText(label.label, place.x + 4 * ratio, y + 7 * ratio);
  });
  ctx.restore();
}

function line(plot, colour, dash, path, alpha = 1) {
  const { ctx } = plot;
  ctx.save();
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash(dash.map((px) => px * devicePixelRatio));
  ctx.beginPath();
  path(ctx, plot.bbox);
  ctx.stroke();
  ctx.restore();
}
