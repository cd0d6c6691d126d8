// @ts-check
/**
 * Long work besides jobs: verifications, imports, simulations, each with its bar. Belongs here: asking for it and drawing
 * it, on every page that shows it. Does not belong here: jobs (`jobs.js`). The panel is there only while there is such
 * work; where the server does not say, it shows what was last known and says so.
 */

import { byId, say } from "./dom.js";
import { DASH, count, shortId } from "./format.js";
import { askOnce } from "./poll.js";
import { Sheet } from "./sheet.js";
import { runUrl } from "./shell.js";

const WHILE_WORK_MS = 2000;
const WHILE_NONE_MS = 5000;

const title = { head: "Work", about: "What is done.", kind: "name", of: (work) => work.title };
const bot = { head: "Bot", about: "The bot it is done for.", of: (work) => (work.botId ? { text: work.botName, href: `/bots/${work.botId}` } : null) };
const progress = { head: "Progress", about: "How far it is.", of: (work) => ({ bar: work.of ? work.done : null, of: work.of, words: `${count(work.done)} / ${count(work.of)}`, label: labelOf(work) }) };
const rest = [
  { head: "Elapsed", about: "How long it has run.", kind: "num", of: (work) => ({ since: work.startedAt }) },
  { head: "Run", about: "The Dagster run that does it; work by hand has none.", kind: "wide", of: (work) => ({ text: shortId(work.dagsterRunId), href: runUrl(work.dagsterRunId), title: work.dagsterRunId }) },
  { head: "Step", about: "What it is at.", kind: "words", of: (work) => ({ text: work.step, title: work.step }) },
];

function labelOf(work) {
  return `${work.title}${work.botName ? ` of ${work.botName}` : ""}: ${work.step ?? DASH}`;
}

export class UnderWay {
  /** @param {string|null} botId only the work on one bot, or all there is */
  constructor(botId) {
    this.botId = botId;
    this.asked = 0;
    this.everyMs = WHILE_NONE_MS;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
    const columns = botId === null ? [title, progress, bot, ...rest] : [title, progress, ...rest];
    this.sheet = new Sheet("works", { key: (work) => work.id, empty: "Nothing is under way.", columns });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#rest() : void this.ask()));
    void this.ask();
  }

  /** Ask now; an answer to an older question is not shown. */
  async ask() {
    clearTimeout(this.timer);
    const turn = (this.asked += 1);
    try {
      const answer = await askOnce("/api/work/under-way", { signal: AbortSignal.timeout(5000) });
      if (turn !== this.asked) return;
      this.#show(answer.data);
    } catch (failure) {
      if (turn !== this.asked) return;
      say(byId("under-way-note"), `as last known: ${failure instanceof Error ? failure.message : "no answer"}`);
    }
    if (!document.hidden) this.timer = setTimeout(() => void this.ask(), this.everyMs);
  }

  #show(works) {
    const own = works.filter((work) => this.botId === null || work.botId === this.botId);
    this.everyMs = own.length ? WHILE_WORK_MS : WHILE_NONE_MS;
    this.sheet.show(own);
    byId("under-way").hidden = own.length === 0;
    say(byId("under-way-note"), "");
  }

  #rest() {
    clearTimeout(this.timer);
    this.asked += 1;
  }
}
