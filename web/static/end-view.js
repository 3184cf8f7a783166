/** The end of a competition: its podium, and what became of the prizes. */

import { byId, clone, hue, initials, number, ordinal } from "./dom.js";
import { became, money, progress } from "./prizes.js";

const TITLES = {
  provisional: "Provisional result, under review",
  final: "Final result",
};
const STEPS = 3;
const WINNERS = 10;
const AGAIN_MS = 3_000;
const LONGEST_MS = 60_000;

export class EndView {
  #source;
  #competition = null;
  #again = null;

  /**
   * @param {object} source
   * @param {string | null} source.userId
   * @param {(id: string) => Promise<object | null>} source.prizes null while none are on their way
   */
  constructor(source) {
    this.#source = source;
  }

  /** Begin with another competition. */
  open(competition) {
    this.close();
    this.#competition = competition;
    byId("end").hidden = byId("prizes").hidden = true;
    byId("winners").replaceChildren();
  }

  close() {
    clearTimeout(this.#again);
    this.#again = null;
    this.#competition = null;
  }

  show(board, unit) {
    const title = TITLES[board.status];
    const isOver = title !== undefined && board.entries.length > 0;
    byId("end").hidden = !isOver;
    if (!isOver) return;
    if (byId("end-title").textContent !== title) byId("end-title").textContent = title;
    const best = board.entries.slice(0, STEPS);
    byId("podium").replaceChildren(...best.map((row) => stepOf(row, unit)));
    if (!this.#competition.prize || this.#again !== null) return;
    if (board.status === "final") this.#look(this.#competition, AGAIN_MS);
    else showPrizes(null, null);
  }

  /** Look after the prizes until all are where they belong. */
  async #look(competition, wait) {
    this.#again = 0;
    const prizes = await this.#source.prizes(competition.id).catch(() => undefined);
    if (competition !== this.#competition) return;
    if (prizes !== undefined) showPrizes(prizes, this.#source.userId);
    if (prizes?.status === "done") return;
    const longer = Math.min(LONGEST_MS, wait * 1.3);
    this.#again = setTimeout(() => this.#look(competition, longer), wait);
  }
}

function stepOf({ rank, user_id, display_name, score }, unit) {
  const step = clone("step-template");
  step.dataset.rank = rank;
  const avatar = step.querySelector(".avatar");
  avatar.textContent = initials(display_name);
  avatar.style.setProperty("--hue", hue(user_id));
  step.querySelector(".step-name").textContent = display_name;
  step.querySelector(".step-score").textContent = `${number(score)} ${unit}`;
  step.querySelector(".step-rank").textContent = ordinal(rank);
  return step;
}

function showPrizes(prizes, me) {
  byId("prizes").hidden = false;
  byId("prizes-text").textContent = progress(prizes);
  const winners = prizes?.items.slice(0, WINNERS) ?? [];
  byId("winners").replaceChildren(...winners.map((one) => winnerOf(one, me)));
  const beyond = (prizes?.payouts ?? 0) - winners.length;
  byId("winners-more").textContent = beyond > 0 ? `and ${number(beyond)} more` : "";
}

function winnerOf({ rank, user_id, display_name, amount, currency, status }, me) {
  const winner = clone("winner-template");
  winner.querySelector(".winner-rank").textContent = ordinal(rank);
  const isMe = me !== null && user_id === me;
  winner.classList.toggle("is-mine", isMe);
  winner.querySelector(".winner-name").textContent = isMe ? `${display_name} (you)` : display_name;
  winner.querySelector(".winner-amount").textContent = money(amount, currency);
  const chip = winner.querySelector(".chip");
  chip.textContent = became(status);
  chip.dataset.payout = status;
  return winner;
}
