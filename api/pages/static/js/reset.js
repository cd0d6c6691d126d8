// @ts-check
/**
 * The reset dialog. Belongs here: dry run first, execution bound to the plan it showed. The admin token is `token.js`'s.
 */

import { randomKey } from "./admin.js";
import { byId, say, tellReport, traceLine } from "./dom.js";
import { DASH, count, moment } from "./format.js";
import { Token } from "./token.js";

const FIELDS = ["reset-scope", "reset-bots", "reset-reason", "reset-curves"];
const SAMPLE = 5;

export class ResetDialog {
  /** @param {{listed: () => any[], selected: () => any|null}} board */
  constructor(board) {
    this.board = board;
    this.dialog = byId("reset-dialog");
    this.report = byId("reset-report");
    this.execute = byId("reset-execute");
    /** @type {{body: any, planHash: string}|null} */
    this.plan = null;
    this.asked = 0;
    this.token = new Token("reset-token");
    byId("reset-close").addEventListener("click", () => this.dialog.close());
    this.execute.addEventListener("click", () => void this.#run());
    byId("reset-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#dryRun();
    });
    this.dialog.addEventListener("close", () => this.#forget());
    for (const field of FIELDS) byId(field).addEventListener("input", () => this.#unplan("Changed: run it dry again."));
  }

  open() {
    const [listed, selected] = [this.board.listed().length, this.board.selected()];
    say(byId("reset-shown"), `The ${count(listed)} shown by the filter`);
    byId("reset-shown").disabled = listed === 0;
    say(byId("reset-selected"), selected ? `Only ${selected.name}` : "Only the selected bot");
    byId("reset-selected").disabled = !selected;
    byId("reset-bots").value = "all";
    this.#unplan("Nothing is written before a dry run has shown what would change.");
    this.token.show();
    this.dialog.showModal();
    this.token.focus();
  }

  #body() {
    const which = byId("reset-bots").value;
    const ids = { all: () => null, shown: () => this.board.listed().map((bot) => bot.id), selected: () => [this.board.selected().id] };
    return {
      scope: byId("reset-scope").value,
      botIds: ids[which](),
      reasonCode: byId("reset-reason").value,
      alsoResetEquityCurves: byId("reset-curves").checked,
    };
  }

  async #dryRun() {
    const [body, asked] = [this.#body(), (this.asked += 1)];
    const answer = await this.#call({ ...body, dryRun: true });
    if (!answer || asked !== this.asked) return;
    this.plan = { body, planHash: answer.planHash };
    this.execute.disabled = answer.targetCount === 0;
    this.#tell("dry", "DRY RUN — nothing written", planLines(answer));
  }

  async #run() {
    if (!this.plan) return;
    const { body, planHash } = this.plan;
    this.#unplan("Executing …");
    const answer = await this.#call({ ...body, dryRun: false, planHash }, `screen-${randomKey()}`);
    if (!answer) return;
    this.#tell("done", "RESET DONE", [
      ["bots", count(answer.resetCount)],
      ["since", moment(answer.resetTime)],
      ["audit", `#${answer.auditSeq}`],
      traceLine(answer.traceId),
    ]);
  }

  async #call(body, key) {
    const headers = { "Content-Type": "application/json", "X-Admin-Token": this.token.value };
    if (key) headers["Idempotency-Key"] = key;
    try {
      const answer = await fetch("/api/admin/reset-metrics", { method: "POST", headers, body: JSON.stringify(body) });
      const outcome = await answer.json();
      this.token.heard(answer.status !== 401);
      if (answer.ok) return outcome;
      this.#unplan("");
      this.#tell("refused", `REFUSED — ${outcome.code}`, [["why", outcome.detail], traceLine(outcome.traceId)]);
    } catch {
      this.#unplan("");
      this.#tell("refused", "NO ANSWER", [["why", "The server cannot be reached. Look at the bots before you repeat it."]]);
    }
    return null;
  }

  #unplan(words) {
    this.plan = null;
    this.asked += 1;
    this.execute.disabled = true;
    this.#tell("", words, []);
  }

  #forget() {
    this.token.clear();
    this.#unplan("");
  }

  #tell(kind, heading, lines) {
    tellReport(this.report, kind, heading, lines);
    this.report.hidden = false;
  }
}

function planLines(answer) {
  const counted = Object.entries(answer.noLongerShown ?? {}).filter(([, rows]) => rows.sessions + rows.trades + rows.fills > 0);
  const hidden = counted.map(([book, rows]) => [
    book.toLowerCase(),
    `${count(rows.sessions)} sessions · ${count(rows.trades)} trades · ${count(rows.fills)} fills`,
  ]);
  const canceled = Object.entries(answer.canceledJobs ?? {}).filter(([, jobs]) => jobs > 0);
  const cancels = canceled.map(([kind, jobs]) => `${count(jobs)} queued ${kind.toLowerCase()}`).join(" · ");
  const names = answer.targets.slice(0, SAMPLE).map((target) => target.name).join(", ");
  const rest = answer.targetCount > SAMPLE ? ` and ${count(answer.targetCount - SAMPLE)} more` : "";
  return [
    ["scope", answer.scope],
    ["bots", count(answer.targetCount)],
    ...(hidden.length ? [["", "Leaves the display, stays on record:"], ...hidden] : [["", "Nothing leaves the display."]]),
    ...(cancels ? [["cancels", cancels]] : []),
    ["sample", names ? names + rest : DASH],
    ["plan", answer.planHash.slice(0, 16)],
  ];
}
