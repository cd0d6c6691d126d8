// @ts-check
/**
 * Autonomy's silence on every page: the banner while the last tick is older than the server allows, or while somebody has
 * stopped one of its sensors in Dagster. Belongs here: judging
 * that age. Does not belong here: the kill switch, under which ticks go on. A page that hears nothing cannot know whether
 * ticks come, so it judges nothing anew and keeps what was last known.
 */

import { byId, say } from "./dom.js";
import { elapsed } from "./format.js";

const SILENCE_MS = 8000;

export class Silence {
  constructor() {
    this.holds = false;
    this.limitMs = Infinity;
    /** @type {string[]} */
    this.stopped = [];
    this.heardAt = -Infinity;
    /** @type {number|null} by the clock of this browser */
    this.tickedAt = null;
    /** @type {number|null} before the first tick the page counts from when it heard that there was none */
    this.noneSince = null;
  }

  /** Take what the link brings. @param {{now: string, live: boolean, lastTickAt: string|null, tickLimitSeconds: number, stopped: string[]}} heard */
  hear({ now, live, lastTickAt, tickLimitSeconds, stopped }) {
    if (!live) return;
    this.heardAt = Date.now();
    this.limitMs = 1000 * tickLimitSeconds;
    this.stopped = stopped;
    this.tickedAt = lastTickAt === null ? null : this.heardAt - (Date.parse(now) - Date.parse(lastTickAt));
    this.noneSince = lastTickAt === null ? this.noneSince ?? this.heardAt : null;
    this.judge();
  }

  judge() {
    const at = Date.now();
    const since = this.tickedAt ?? this.noneSince;
    if (at - this.heardAt > SILENCE_MS) return;
    const late = since !== null && at - since > this.limitMs;
    this.holds = late;
    byId("silence").hidden = !late && !this.stopped.length;
    say(byId("silence-head"), late ? "AUTONOMY IS SILENT" : "STOPPED IN DAGSTER");
    byId("silence-stopped").hidden = !this.stopped.length;
    byId("silence-age").hidden = !late;
    if (this.stopped.length) say(byId("silence-stopped"), `Stopped in Dagster: ${this.stopped.join(", ")}. Start it there. Who did it, Dagster does not know; when it was noticed stands in the audit chain.`);
    if (!late || since === null) return;
    say(byId("silence-words"), `No tick${this.tickedAt === null ? " yet" : ""} for ${elapsed((at - since) / 1000)}`);
    say(byId("silence-limit"), elapsed(this.limitMs / 1000));
  }
}
