/** One board on the page, live. */

import { watchBoard } from "../../clients/js/podium-live.js";
import { showConnection } from "./connection.js";
import { byId, number, ordinal, statusText, timeLeft, unit } from "./dom.js";
import { EndView } from "./end-view.js";
import { promised } from "./prizes.js";
import { Ranking } from "./ranking.js";

const SPOKEN_AFTER_MS = 2_000;
const SECOND_MS = 1_000;

export class BoardView {
  #source;
  #ranking = new Ranking(byId("rows"));
  #end;
  #line = null;
  #competition = null;
  #spoken = null;
  #frame = null;
  #clock = null;
  #opening = 0;

  /**
   * @param {object} source where boards come from, for whoever looks
   * @param {string | null} source.userId
   * @param {(id: string) => Promise<object>} source.competition
   * @param {(id: string) => Promise<object | null>} source.prizes
   * @param {object} source.line options of the live client
   * @param {() => void} [source.moved] called when a competition has changed its status
   */
  constructor(source) {
    this.#source = source;
    this.#end = new EndView(source);
  }

  /** Show another board. Of several openings under way the last one wins. */
  async open(id) {
    const opening = ++this.#opening;
    this.#line?.close();
    this.#end.close();
    clearInterval(this.#clock);
    // A page out of sight draws late, and would draw this board into the next.
    cancelAnimationFrame(this.#frame);
    this.#frame = null;
    let competition;
    try {
      competition = await this.#source.competition(id);
    } catch (error) {
      if (opening !== this.#opening) return;
      throw error;
    }
    if (opening !== this.#opening) return;
    this.#begin(competition);
    this.#line = watchBoard({
      ...this.#source.line,
      competitionId: id,
      onBoard: () => this.#draw(),
      onMe: () => this.#draw(),
      onStatus: (status) => showConnection(byId("connection"), status),
    });
  }

  #begin(competition) {
    const { name, prize } = competition;
    this.#competition = competition;
    this.#ranking.clear();
    this.#end.open(competition);
    byId("mine").hidden = true;
    byId("board-title").textContent = name;
    byId("board-facts").textContent = byId("more").textContent = "";
    byId("board-prize").hidden = !prize;
    if (prize) byId("board-prize").textContent = promised(prize);
    document.title = `${name} · Podium`;
    byId("board").hidden = false;
    this.#showStatus(competition.status);
    this.#clock = setInterval(() => this.#showTime(), SECOND_MS);
  }

  /** Several messages may come before the screen is drawn once. */
  #draw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#show(this.#line.board);
    });
  }

  #show(board) {
    const { entries, total, status, me } = board;
    const metric = unit(this.#competition.metric);
    this.#ranking.show(entries, this.#source.userId);
    byId("board-facts").textContent = `${number(total)} ${total === 1 ? "person" : "people"} · ${metric}`;
    byId("more").textContent = total > entries.length ? `and ${number(total - entries.length)} more` : "";
    this.#showStatus(status);
    this.#end.show(board, metric);
    this.#showMe(me, metric);
  }

  #showStatus(status) {
    const chip = byId("board-status");
    const changed = status !== this.#competition.status;
    chip.dataset.status = this.#competition.status = status;
    chip.textContent = statusText(status);
    this.#showTime();
    if (changed) this.#source.moved?.();
  }

  #showTime() {
    const { status, starts_at, ends_at } = this.#competition;
    const text = { upcoming: `starts in ${timeLeft(starts_at)}`, active: `${timeLeft(ends_at)} left` };
    byId("board-time").textContent = text[status] ?? "";
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
    const way = byId("my-way");
    way.hidden = me.next === null || byId("end").hidden === false;
    const share = me.next === null ? 1 : me.score / (me.score + me.next.gap);
    way.style.setProperty("--share", share.toFixed(4));
    this.#speak(`You are ${ordinal(me.rank)}.`, `You are ${ordinal(me.rank)}. ${gap}.`);
  }

  /** Tell screen readers of another place, once things have been still for a moment. */
  #speak(news, text) {
    const spoken = byId("spoken");
    clearTimeout(this.#spoken);
    if (spoken.textContent.startsWith(news)) return;
    this.#spoken = setTimeout(() => { spoken.textContent = text; }, SPOKEN_AFTER_MS);
  }
}
