/** One board on the page, live. */

import { Board } from "./board.js";
import { showConnection } from "./connection.js";
import { byId, number, ordinal, unit } from "./dom.js";
import { Live } from "./live.js";
import { Ranking } from "./ranking.js";

const SPOKEN_AFTER_MS = 1500;

export class BoardView {
  #session;
  #ranking = new Ranking(byId("rows"));
  #board = new Board();
  #live = null;
  #competition = null;
  #spoken = null;
  #frame = null;
  #opening = 0;

  constructor(session) {
    this.#session = session;
  }

  /** Show another board. Of several openings under way the last one wins. */
  async open(id) {
    const opening = ++this.#opening;
    this.#live?.close();
    let competition;
    try {
      competition = await this.#session.call("GET", `/competitions/${id}`);
    } catch (error) {
      if (opening !== this.#opening) return;
      throw error;
    }
    if (opening !== this.#opening) return;
    this.#competition = competition;
    this.#board = new Board();
    this.#ranking.clear();
    byId("board-title").textContent = competition.name;
    document.title = `${competition.name} · Podium`;
    byId("board").hidden = false;
    this.#live = new Live({
      url: () => `${location.origin.replace("http", "ws")}/ws/leaderboard/${id}?${this.#board.resume}`,
      token: (refused) => this.#session.token(refused),
      onMessage: (message) => this.#take(message),
      onState: (state, code) => showConnection(byId("connection"), state, code),
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
}
