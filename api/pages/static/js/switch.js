// @ts-check
/**
 * The kill switch on every page: the banner while it is engaged, and the dialog that throws it. Belongs here: hearing and
 * asking for its state, saying what a stop stops. The admin token is `token.js`'s. While the link brings the state nobody asks for it, but for the open dialog, which counts the work too.
 */

import { callAdmin, randomKey } from "./admin.js";
import { WORK_NAMES } from "./badge.js";
import { byId, el, say, tellReport, timeOf, traceLine } from "./dom.js";
import { DASH, count } from "./format.js";
import { Token } from "./token.js";

const EVERY_MS = 4000;
const SILENCE_MS = 8000;
const TYPES = ["BACKTEST", "IMPROVE", "EVOLVE"];

/** @returns {number} when the switch was last thrown; an answer that was under way may be older than what the link told */
const thrownAt = (state) => Date.parse(state?.since ?? "") || 0;

export class KillSwitch {
  /** @param {{now: (iso: string) => void}} listener */
  constructor(listener) {
    this.listener = listener;
    this.dialog = byId("kill-dialog");
    /** @type {any} */
    this.state = null;
    this.heardAt = -Infinity;
    this.key = "";
    this.token = new Token("kill-token");
    this.neighbours = "BroadcastChannel" in globalThis ? new BroadcastChannel("proving.kill-switch") : null;
    byId("kill-open").addEventListener("click", () => this.open());
    byId("alarm-release").addEventListener("click", () => this.open());
    byId("kill-close").addEventListener("click", () => this.dialog.close());
    byId("kill-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!byId("kill-throw").disabled) void this.#throw();
    });
    byId("kill-form").addEventListener("input", () => this.#weigh());
    this.dialog.addEventListener("close", () => this.#forget());
    if (this.neighbours) this.neighbours.onmessage = () => this.#askUnlessTold();
    document.addEventListener("visibilitychange", () => this.#askUnlessTold());
    setInterval(() => this.#askUnlessTold(), EVERY_MS);
    void this.ask();
  }

  /** Take what the link brings. @param {any} state without the work it concerns @param {boolean} live whether the server hears of changes */
  hear(state, live) {
    if (live) this.heardAt = performance.now();
    this.#show({ ...this.state, ...state });
  }

  #askUnlessTold() {
    const heard = performance.now() - this.heardAt <= SILENCE_MS;
    if (!document.hidden && (this.dialog.open || !heard)) void this.ask();
  }

  async ask() {
    try {
      const answer = await fetch("/api/kill-switch", { cache: "no-store", signal: AbortSignal.timeout(EVERY_MS) });
      if (!answer.ok) return;
      const state = await answer.json();
      this.listener.now(state.now);
      if (thrownAt(state) >= thrownAt(this.state)) this.#show(state);
    } catch {
      // the page's own link says that nothing is heard; the banner keeps what was last known
    }
  }

  open() {
    if (document.querySelector("dialog[open]")) return;
    this.key = randomKey();
    this.#tell("", "", []);
    this.#explain();
    this.#weigh();
    this.token.show();
    this.dialog.showModal();
    byId("kill-reason").select();
    void this.ask();
  }

  get #stops() {
    return !this.state?.engaged;
  }

  #show(state) {
    const turned = this.state !== null && this.state.engaged !== state.engaged;
    this.state = state;
    byId("alarm").hidden = !state.engaged;
    document.body.classList.toggle("stopped", state.engaged);
    if (state.engaged) {
      byId("alarm-since").replaceChildren(timeOf(state.since, "second"));
      say(byId("alarm-who"), `${state.reasonCode ?? DASH} · ${state.actor ?? DASH}`);
    }
    if (!this.dialog.open) return;
    if (turned && !byId("kill-report").dataset.kind) this.dialog.close();
    this.#count();
  }

  #explain() {
    const stops = this.#stops;
    say(byId("kill-title"), stops ? "Engage the kill switch" : "Release the kill switch");
    say(byId("kill-what"), stops
      ? "Stops new backtests, improvements and evolutions of every bot until it is released: nothing is queued, nothing is claimed. Jobs that run finish and their results count; jobs that wait stay where they are. Resets, imports and everything that only reads go on."
      : "Autonomy goes on: what waits is claimed, and the next tick queues what is due.");
    say(byId("kill-throw"), stops ? "Engage kill switch" : "Release kill switch");
    byId("kill-throw").className = stops ? "stop" : "danger";
    byId("kill-reason").value = stops ? "OPERATOR_STOP" : "OPERATOR_RELEASE";
    this.#count();
  }

  #count() {
    const { queued = {}, running = {} } = this.state ?? {};
    byId("kill-work").replaceChildren(...TYPES.map((type) => {
      const row = el("tr");
      const head = el("th", "", WORK_NAMES[type]);
      head.setAttribute("scope", "row");
      row.append(head, el("td", "num", this.state ? count(queued[type]) : DASH), el("td", "num", this.state ? count(running[type]) : DASH));
      return row;
    }));
  }

  #weigh() {
    const ready = this.state && this.token.value && byId("kill-reason").checkValidity();
    byId("kill-throw").disabled = !ready || Boolean(byId("kill-report").dataset.kind === "done");
  }

  async #throw() {
    const engaged = this.#stops;
    byId("kill-throw").disabled = true;
    this.#tell("busy", engaged ? "Engaging …" : "Releasing …", []);
    const reasonCode = byId("kill-reason").value.trim().toUpperCase().replace(/ +/g, "_");
    const answer = await callAdmin("/api/admin/kill-switch", { engaged, reasonCode }, { token: this.token.value, key: this.key });
    this.token.heard("done" in answer || answer.refused !== "UNAUTHORIZED");
    if ("done" in answer) this.#done(answer.done);
    else {
      if (answer.refused !== "NO ANSWER") this.key = randomKey();
      this.#tell("refused", `REFUSED — ${answer.refused}`, [["why", answer.why], traceLine(answer.trace)]);
    }
    this.#weigh();
    await this.ask();
    this.neighbours?.postMessage("thrown");
  }

  #done(outcome) {
    const heading = `${outcome.engaged ? "ENGAGED" : "RELEASED"}${outcome.changed ? "" : " ALREADY — nothing changed"}`;
    const certain = outcome.settled === false
      ? "a claim that began before has not ended; repeat to be certain"
      : "nothing is queued or claimed from now on";
    this.#tell("done", heading, [
      ["stops", outcome.engaged ? certain : "nothing"],
      ["audit", outcome.auditSeq ? `#${outcome.auditSeq}` : DASH],
      traceLine(outcome.traceId),
    ]);
  }

  #forget() {
    this.token.clear();
    this.#tell("", "", []);
  }

  #tell(kind, heading, lines) {
    tellReport(byId("kill-report"), kind, heading, lines);
  }
}
