/** One board on the page, live. */

import { watchBoard } from "../../clients/js/podium-live.js";
import { showConnection } from "./connection.js";
import { byId, number, ordinal, unit } from "./dom.js";
import { Ranking } from "./ranking.js";

const SPOKEN_AFTER_MS = 1500;

export class BoardView {
  #session;
  #ranking = new Ranking(byId("rows"));
  #line = null;
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
    this.#line?.close();
    let competition;
    try {
      competition = await this.#session.call("GET", `/competitions/${id}`);
    } catch (error) {
      if (opening !== this.#opening) return;
      throw error;
    }
    if (opening !== this.#opening) return;
    this.#competition = competition;
    this.#ranking.clear();
    byId("board-title").textContent = competition.name;
    document.title = `${competition.name} · Podium`;
    byId("board").hidden = false;
    this.#line = watchBoard({
      competitionId: id,
      token: (refused) => this.#session.token(refused),
      onBoard: () => this.#draw(),
      onMe: () => this.#draw(),
      onStatus: (status) => showConnection(byId("connection"), status),
    });
  }

  /** Several messages may come before the screen is drawn once. */
  #draw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#show(this.#line.board);
    });
  }

  #show(board) {
    const metric = unit(this.#competition.metric);
    const rows = board.entries;
    this.#ranking.show(rows, this.#session.userId);
    byId("board-facts").textContent = `${number(board.total)} people · ${metric}`;
    const chip = byId("board-status");
    chip.textContent = chip.dataset.status = board.status;
    const beyond = board.total - rows.length;
    byId("more").textContent = beyond > 0 ? `and ${number(beyond)} more` : "";
    this.#showMe(board.me, metric);
  }

  #showMe(me, metric) {
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
