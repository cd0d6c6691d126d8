// @ts-check
/**
 * The dialog of what a person does to a bot. Belongs here: which acts there are now, their fields, saying what was done.
 * The admin token is `token.js`'s.
 */

import { callAdmin, randomKey } from "./admin.js";
import { byId, el, say, tellReport, traceLine } from "./dom.js";
import { DASH } from "./format.js";
import { openDialog } from "./shell.js";
import { Token } from "./token.js";

const WHAT = {
  pause: ["Pause", "Autonomy leaves it alone: queued work is canceled, a job that runs finishes, nothing new is planned."],
  resume: ["Resume", "The next tick plans its work again."],
  rename: ["Rename", "Its id, its history and its key in Dagster stay."],
  copy: ["Copy", "A new bot in LAB with the numbers it has now and no history. A name is made where none is given."],
  edit: ["Edit numbers", "A new generation, backtested before the queue. The earlier generations stay."],
  archive: ["Archive", "It leaves the board and nothing is planned. Its history stays, its name is kept, and it can be revived."],
  revive: ["Revive", "It comes back to the board."],
};

export class BotActs {
  /** @param {{life: () => any, read: () => Promise<void>}} page */
  constructor(page) {
    this.page = page;
    this.key = "";
    this.token = new Token("act-token");
    this.dialog = byId("act-dialog");
    byId("act-open").addEventListener("click", () => void this.open());
    byId("act-close").addEventListener("click", () => this.dialog.close());
    byId("act-kind").addEventListener("input", () => this.#ask());
    byId("act-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#do();
    });
    this.dialog.addEventListener("close", () => {
      this.token.clear();
      this.#tell("", "", []);
    });
  }

  /** What it offers depends on how the bot stands, so that is read first. */
  async open() {
    await this.page.read();
    if (!this.page.life() || document.querySelector("dialog[open]")) return;
    byId("act-reason").value = "OPERATOR_DECISION";
    this.#offer();
    this.#ask();
    this.token.show();
    openDialog(this.dialog);
    byId("act-kind").focus();
  }

  /** Offer what can be done to the bot as it has come to stand; what somebody is filling in stays while it can be done. */
  follow() {
    if (!this.dialog.open) return;
    const chosen = this.#kind;
    this.#offer();
    if (this.#kind !== chosen) this.#explain();
  }

  #offer() {
    const { bot } = this.page.life();
    say(byId("act-title"), `Manage ${bot.name}`);
    const [chosen, kinds] = [this.#kind, kindsOf(bot)];
    byId("act-kind").replaceChildren(...kinds.map((kind) => Object.assign(el("option", "", WHAT[kind][0]), { value: kind })));
    byId("act-kind").value = this.dialog.open && kinds.includes(chosen) ? chosen : kinds[0];
  }

  get #kind() {
    return byId("act-kind").value;
  }

  #ask() {
    this.#tell("", "", []);
    this.#explain();
  }

  #explain() {
    this.key = randomKey();
    say(byId("act-what"), WHAT[this.#kind][1]);
    say(byId("act-do"), WHAT[this.#kind][0]);
    byId("act-fields").replaceChildren(...fieldsOf(this.#kind, this.page.life()));
  }

  async #do() {
    const { bot } = this.page.life();
    const body = { reasonCode: byId("act-reason").value, ...askedOf(this.#kind, this.page.life()) };
    byId("act-do").disabled = true;
    const proof = { token: this.token.value, key: this.key };
    const answer = await callAdmin(`/api/admin/bots/${bot.id}/${this.#kind}`, body, proof);
    byId("act-do").disabled = false;
    this.token.heard("done" in answer || answer.refused !== "UNAUTHORIZED");
    if ("done" in answer) {
      this.#done(answer.done);
      return;
    }
    if (answer.refused !== "NO ANSWER") this.key = randomKey();
    this.#tell("refused", `REFUSED — ${answer.refused}`, [["why", answer.why], traceLine(answer.trace)]);
  }

  #done(outcome) {
    this.key = randomKey();
    this.#tell("done", outcome.changed ? `DONE — ${outcome.act}` : "IT STOOD THAT WAY ALREADY — nothing changed", [
      ["bot", outcome.name],
      ...(outcome.generation ? [["generation", `G${outcome.generation}`]] : []),
      ...(outcome.canceled.length ? [["canceled", outcome.canceled.join(", ")]] : []),
      ["audit", outcome.auditSeq ? `#${outcome.auditSeq}` : DASH],
      traceLine(outcome.traceId),
    ]);
    void this.page.read();
  }

  #tell(kind, heading, lines) {
    tellReport(byId("act-report"), kind, heading, lines);
  }
}

/** @param {any} bot @returns {string[]} the acts that make sense now, the likeliest first */
function kindsOf(bot) {
  if (bot.archivedAt) return ["revive", "copy"];
  return [bot.pausedAt ? "resume" : "pause", "rename", "copy", "edit", "archive"];
}

/** @param {string} kind @param {any} life @returns {HTMLElement[]} */
function fieldsOf(kind, life) {
  if (kind === "rename") return [field("New name", "act-name", { value: life.bot.name, maxlength: "80" })];
  if (kind === "copy") return [field("Name of the copy", "act-name", { value: "", maxlength: "80" })];
  if (kind !== "edit") return [];
  return life.numbers.map((number) => field(`${number.name}, ${number.low} to ${number.high} ${number.unit}`, `act-${number.name}`, {
    value: String(number.value), type: "number", min: String(number.low), max: String(number.high), step: "any",
  }));
}

/** @param {string} kind @param {any} life @returns {{name?: string, numbers?: Record<string, number>}} */
function askedOf(kind, life) {
  if (kind === "rename") return { name: byId("act-name").value.trim() };
  if (kind === "copy" && byId("act-name").value.trim()) return { name: byId("act-name").value.trim() };
  if (kind !== "edit") return {};
  const changed = life.numbers.filter((number) => Number(byId(`act-${number.name}`).value) !== number.value);
  return { numbers: Object.fromEntries(changed.map((number) => [number.name, Number(byId(`act-${number.name}`).value)])) };
}

/** @param {string} words @param {string} id @param {Record<string, string>} attributes @returns {HTMLElement} */
function field(words, id, attributes) {
  const label = el("label", "", words);
  const input = el("input");
  for (const [name, value] of Object.entries({ id, autocomplete: "off", spellcheck: "false", ...attributes })) input.setAttribute(name, value);
  label.append(input);
  return label;
}
