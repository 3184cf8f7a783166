/** One board on the page, live. */

import { Board } from "./board.js";
import { byId, number, ordinal, unit } from "./dom.js";
import { Live } from "./live.js";
import { Ranking } from "./ranking.js";

const STATES = {
  connecting: "Connecting …",
  live: "Live",
  waiting: "Offline, trying again",
  ended: "Disconnected",
};
const ENDINGS = { 4401: "Signed out", 4403: "No longer allowed", 4404: "Not for you" };
const SPOKEN_AFTER_MS = 1500;

export class BoardView {
  #session;
  #ranking = new Ranking(byId("rows"));
  #board = new Board();
  #live = null;
  #competition = null;
  #spoken = null;
  #frame = null;

  constructor(session) {
    this.#session = session;
  }

  async open(id) {
    this.#live?.close();
    const competition = await this.#session.call("GET", `/competitions/${id}`);
    this.#competition = competition;
    this.#board = new Board();
    this.#ranking.clear();
    byId("board-title").textContent = competition.name;
    document.title = `${competition.name} · Podium`;
    byId("board").hidden = false;
    this.#live?.close();
    this.#live = new Live({
      url: () => `${location.origin.replace("http", "ws")}/ws/leaderboard/${id}?${this.#board.resume}`,
      token: () => this.#session.token(),
      onMessage: (message) => this.#take(message),
      onState: (state, code) => this.#showState(state, code),
    });
  }

  /** Show a newer token on the open connection. */
  renew(token) {
    this.#live?.renew(token);
  }

  #take(message) {
    const taken = this.#board.take(message);
    if (taken === "gap") this.#live.resume();
    if (taken !== "changed" || this.#frame !== null) return;
    // Several messages may come before the screen is drawn once.
    this.#frame = requestAnimationFrame(() => {
      this.#frame = null;
      this.#show();
    });
  }

  #show() {
    const board = this.#board;
    const metric = unit(this.#competition.metric);
    const rows = board.rows();
    this.#ranking.show(rows, this.#session.userId);
    byId("board-facts").textContent = `${number(board.total)} people · ${metric}`;
    const chip = byId("board-status");
    chip.textContent = chip.dataset.status = board.status;
    const beyond = board.total - rows.length;
    byId("more").textContent = beyond > 0 ? `and ${number(beyond)} more` : "";
    this.#showMe(metric);
  }

  #showMe(metric) {
    const { me } = this.#board;
    byId("mine").hidden = me === null;
    if (me === null) return;
    byId("my-rank").textContent = ordinal(me.rank);
    byId("my-score").textContent = `${number(me.score)} ${metric}`;
    const gap = me.next === null
      ? "Nobody is ahead of you"
      : `${number(me.next.gap)} to ${ordinal(me.next.rank)} place`;
    byId("my-gap").textContent = gap;
    this.#speak(`You are ${ordinal(me.rank)} with ${number(me.score)} ${metric}. ${gap}.`);
  }

  /** Tell screen readers, once things have been still for a moment. */
  #speak(text) {
    clearTimeout(this.#spoken);
    this.#spoken = setTimeout(() => {
      const spoken = byId("spoken");
      if (spoken.textContent !== text) spoken.textContent = text;
    }, SPOKEN_AFTER_MS);
  }

  #showState(state, code) {
    const connection = byId("connection");
    const text = ENDINGS[code] ?? STATES[state];
    connection.hidden = false;
    connection.dataset.state = state;
    if (connection.textContent !== text) connection.textContent = text;
  }
}
