// @ts-check
/**
 * Asking again and again, for pages that no socket feeds. Belongs here: when to ask, and what silence means. A hidden tab
 * asks nothing; one that comes back asks at once; an answer that fails makes the page STALE until one succeeds. Beside it
 * the page hears the pulse, for the kill switch.
 */

import { Link } from "./live.js";
import { serverTimeIs, showLink } from "./shell.js";
import { NoBots } from "./store.js";

export class Poll {
  /** @param {{path: () => string, show: (answer: any) => void, everyMs: number}} what */
  constructor(what) {
    this.what = what;
    this.asked = 0;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.timer = undefined;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#rest() : void this.ask()));
    void this.ask();
    new Link(new NoBots(), { changed: nothing, moved: nothing, ticked: nothing }, "pulse").start();
  }

  /** Ask now; an answer to an older question is not shown. */
  async ask() {
    clearTimeout(this.timer);
    const turn = (this.asked += 1);
    try {
      const answer = await fetch(this.what.path(), { cache: "no-store", signal: AbortSignal.timeout(5000) });
      const reply = await answer.json();
      if (turn !== this.asked) return;
      if (!answer.ok) throw new Error(reply.detail ?? `the server answered ${answer.status}`);
      if (reply.now) serverTimeIs(reply.now);
      this.what.show(reply);
      showLink(true, "");
    } catch (failure) {
      if (turn !== this.asked) return;
      showLink(false, failure instanceof Error ? failure.message : "no answer");
    }
    if (!document.hidden) this.timer = setTimeout(() => void this.ask(), this.what.everyMs);
  }

  #rest() {
    clearTimeout(this.timer);
    this.asked += 1;
    showLink(false, "this tab was in the background");
  }
}

function nothing() {}

/** Ask once. @param {string} path @param {RequestInit} [how] @returns {Promise<any>} the answer, or an error that says why not */
export async function askOnce(path, how = {}) {
  const answer = await fetch(path, { cache: "no-store", ...how });
  const reply = await answer.json();
  if (!answer.ok) throw new Error(reply.detail ?? `the server answered ${answer.status}`);
  return reply;
}
