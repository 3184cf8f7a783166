/** The board that follows from the messages. */

/**
 * A leaderboard kept up to date from its messages, by one rule: a message with `base` applies to
 * the state at `base` and leads to `offset`.
 */
export class Board {
  competitionId = null;
  epoch = null;
  offset = -1;
  status = null;
  total = 0;
  me = null;
  #people = new Map();
  #entries = null;

  /** Take in a message. `gap` means: resume, something is missing in between. */
  take(message) {
    switch (message.type) {
      case "snapshot":
        return this.#replace(message);
      case "me":
        this.me = placeOf(message);
        return "me";
      case "update":
      case "status":
        return this.#step(message);
      default:
        return "old";
    }
  }

  /** What to ask for when reconnecting, as a query; empty before the first snapshot. */
  get resume() {
    return this.epoch === null ? "" : `epoch=${encodeURIComponent(this.epoch)}&offset=${this.offset}`;
  }

  /** The top 100 in order, equal scores sharing a rank. */
  get entries() {
    this.#entries ??= ranked([...this.#people.values()]);
    return this.#entries;
  }

  #replace({ competition_id, epoch, offset, status, total, entries, me }) {
    Object.assign(this, { competitionId: competition_id, epoch, offset, status, total });
    this.me = me ? placeOf(me) : null;
    this.#people = new Map(entries.map((row) => [row.user_id, row]));
    this.#entries = null;
    return "snapshot";
  }

  #step(message) {
    if (message.epoch !== this.epoch || message.base > this.offset) return "gap";
    if (message.offset <= this.offset) return "old";
    if (message.type === "status") {
      this.status = message.status;
    } else {
      for (const row of message.entries) this.#people.set(row.user_id, row);
      for (const id of message.removed) this.#people.delete(id);
      this.total = message.total;
      this.#entries = null;
    }
    this.offset = message.offset;
    return message.type;
  }
}

function ranked(rows) {
  rows.sort((a, b) => b.score - a.score || (a.user_id < b.user_id ? -1 : 1));
  let rank = 0;
  return rows.map(({ user_id, display_name, score }, index) => {
    if (index === 0 || score !== rows[index - 1].score) rank = index + 1;
    return { rank, user_id, display_name, score };
  });
}

function placeOf({ rank, score, next }) {
  return rank === null ? null : { rank, score, next };
}
