// @ts-check
/**
 * The link to the server. Belongs here: snapshot, socket, replay, silence. Does not belong here: drawing.
 *
 * The link is LIVE only while messages keep coming from a server that itself hears the database. Anything else is
 * STALE, and the page says so. A page follows one topic: `board`, which starts from a snapshot, `bot:<id>`, which brings
 * the bot's row by itself, or `pulse`. Each brings the state of the kill switch and the moment of the last tick. A bot that
 * is not on the board, archived or unknown, has no topic: its page hears the pulse.
 */

import { switchIs, ticksAre } from "./shell.js";

const SILENCE_MS = 8000;
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 4000;
const MOST_LINES = 200;
const POLICY_VIOLATION = 1008;

export class Link {
  /**
   * @param {import("./store.js").Fleet|import("./store.js").OneBot|import("./store.js").NoBots} fleet
   * @param {{changed: () => void, moved: (live: boolean, why: string) => void, ticked: (at: number|null) => void,
   *   gone?: () => void}} listener gone: the bot that was followed is not on the board
   * @param {string} topic
   */
  constructor(fleet, listener, topic = "board") {
    this.fleet = fleet;
    this.listener = listener;
    this.topic = topic;
    this.live = false;
    this.skewMs = 0;
    this.pauseMs = FIRST_PAUSE_MS;
    this.heardAt = 0;
    /** @type {WebSocket|null} */
    this.socket = null;
    this.fetching = false;
  }

  /** @returns {number} the server's time in epoch milliseconds */
  now() {
    return Date.now() + this.skewMs;
  }

  start() {
    setInterval(() => this.#watchSilence(), 1000);
    if (this.topic === "board") void this.#reload();
    else this.#open();
  }

  /** Hear of something else from now on. @param {string} topic */
  follow(topic) {
    if (topic === this.topic) return;
    this.topic = topic;
    this.#open();
  }

  /** Take the equity lines of some bots; those the server does not know have none. @param {string[]} ids */
  async drawLines(ids) {
    const asked = ids.slice(0, MOST_LINES);
    if (!asked.length) return;
    const answer = await fetch(`/api/board/sparks?bots=${asked.join(",")}`, { cache: "no-store" });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const { sparks } = await answer.json();
    this.fleet.draw({ ...Object.fromEntries(asked.map((id) => [id, ""])), ...sparks });
  }

  async #reload() {
    if (this.fetching) return;
    this.fetching = true;
    try {
      const answer = await fetch("/api/board", { cache: "no-store" });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const snapshot = await answer.json();
      this.fleet.load(snapshot);
      this.#heard(snapshot);
      this.listener.changed();
      this.#open();
    } catch (failure) {
      this.#lost(failure instanceof Error ? failure.message : "no answer");
      this.#later(() => this.#reload());
    } finally {
      this.fetching = false;
    }
  }

  #open() {
    this.#close();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const { place } = this.fleet;
    const socket = new WebSocket(`${scheme}://${location.host}/ws/bots?topic=${this.topic}${place}`);
    this.socket = socket;
    socket.onmessage = (event) => socket === this.socket && this.#take(JSON.parse(event.data));
    socket.onclose = (event) => {
      if (socket !== this.socket) return;
      this.socket = null;
      if (event.code === POLICY_VIOLATION && this.topic.startsWith("bot:")) {
        this.follow("pulse");
        this.listener.gone?.();
        return;
      }
      this.#lost(event.reason || "the connection closed");
      this.#later(() => this.#open());
    };
  }

  #close() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  #take(message) {
    this.pauseMs = FIRST_PAUSE_MS;
    this.heardAt = Date.now();
    const outcome = this.fleet.apply(message);
    if (outcome === "missed") {
      this.#close();
      void this.#reload();
      return;
    }
    this.#heard(message);
    if (outcome === "taken") this.listener.changed();
  }

  #heard(message) {
    this.heardAt = Date.now();
    this.skewMs = Date.parse(message.now) - Date.now();
    if (message.killSwitch) switchIs(message.killSwitch, message.live);
    ticksAre(message);
    this.listener.ticked(message.lastTickAt ? Date.parse(message.lastTickAt) : null);
    if (message.live) this.#move(true, "");
    else this.#lost("the server cannot hear the database");
  }

  #watchSilence() {
    if (!this.live || Date.now() - this.heardAt <= SILENCE_MS) return;
    this.#lost("nothing heard");
    this.#open();
  }

  #lost(why) {
    this.#move(false, why);
  }

  #move(live, why) {
    if (live === this.live && live) return;
    this.live = live;
    this.listener.moved(live, why);
  }

  #later(work) {
    setTimeout(work, this.pauseMs);
    this.pauseMs = Math.min(this.pauseMs * 1.7, LONGEST_PAUSE_MS);
  }
}
