// @ts-check
/**
 * The dialog of what a person does about one series of bars. Belongs here: which acts there are for it, saying what they moved.
 * The admin token is `token.js`'s.
 */

import { callAdmin, randomKey } from "./admin.js";
import { byId, el, say, tellReport, traceLine } from "./dom.js";
import { DASH, count } from "./format.js";
import { openDialog } from "./shell.js";
import { Token } from "./token.js";

const WHAT = {
  prefer: ["Prefer", "Bots of its symbol and timeframe trade it from their next baseline on, however long it is."],
  "follow-rule": ["Prefer no more", "The rule chooses again which series they trade."],
  withdraw: ["Withdraw", "No bot trades it. Its files stay for the sessions that ran over them, and it can be restored."],
  restore: ["Restore", "It can be traded again, where the rule or a person chooses it."],
};

export class BarActs {
  /** @param {() => void} done called after each act */
  constructor(done) {
    this.done = done;
    this.key = "";
    /** @type {any} */
    this.series = null;
    this.token = new Token("bars-token");
    this.dialog = byId("bars-dialog");
    byId("bars-close").addEventListener("click", () => this.dialog.close());
    byId("bars-kind").addEventListener("input", () => this.#explain());
    byId("bars-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!byId("bars-do").disabled) void this.#do();
    });
    this.dialog.addEventListener("close", () => this.token.clear());
  }

  /** @param {any} series as `/api/bars` lists it */
  open(series) {
    this.series = series;
    say(byId("bars-title"), `${series.symbol} ${series.timeframe} ${series.provider}`);
    say(byId("bars-stands"), `${count(series.bars)} bars: ${series.words}.`);
    byId("bars-kind").replaceChildren(...kindsOf(series).map((kind) => Object.assign(el("option", "", WHAT[kind][0]), { value: kind })));
    byId("bars-reason").value = "OPERATOR_DECISION";
    this.#explain();
    this.token.show();
    openDialog(this.dialog);
    byId("bars-kind").focus();
  }

  get #kind() {
    return byId("bars-kind").value;
  }

  #explain() {
    this.key = randomKey();
    byId("bars-do").disabled = false;
    this.#tell("", "", []);
    say(byId("bars-what"), WHAT[this.#kind][1]);
    say(byId("bars-do"), WHAT[this.#kind][0]);
  }

  async #do() {
    const { symbol, timeframe, provider } = this.series;
    const body = { symbol, timeframe, provider, reasonCode: byId("bars-reason").value };
    byId("bars-do").disabled = true;
    const answer = await callAdmin(`/api/admin/bars/${this.#kind}`, body, { token: this.token.value, key: this.key });
    this.token.heard("done" in answer || answer.refused !== "UNAUTHORIZED");
    if ("done" in answer) {
      this.#tell("done", `DONE — ${answer.done.act}`, linesOf(answer.done));
      this.done();
      return;
    }
    byId("bars-do").disabled = false;
    if (answer.refused !== "NO ANSWER") this.key = randomKey();
    this.#tell("refused", `REFUSED — ${answer.refused}`, [["why", answer.why], traceLine(answer.trace)]);
  }

  /** @param {string} kind @param {string} heading @param {import("./dom.js").ReportLine[]} lines */
  #tell(kind, heading, lines) {
    tellReport(byId("bars-report"), kind, heading, lines);
  }
}

/** @param {any} series @returns {string[]} the acts that make sense for it */
function kindsOf(series) {
  if (series.withdrawn) return ["restore"];
  return [series.ground === "PREFERRED" ? "follow-rule" : "prefer", "withdraw"];
}

/** @param {any} outcome @returns {import("./dom.js").ReportLine[]} */
function linesOf(outcome) {
  const moved = outcome.moves.map((move) => ["bots", `${count(move.bots)} of ${move.symbol} ${move.timeframe}: ${move.before ?? DASH} → ${move.after ?? DASH}`]);
  return [...(moved.length ? moved : [["bots", "none change their bars"]]), ["audit", `#${outcome.auditSeq}`], traceLine(outcome.traceId)];
}
