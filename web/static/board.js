/**
 * A leaderboard kept up to date from its messages, by one rule: a message with `base` applies to
 * the state at `base` and leads to `offset`.
 */

/** @typedef {{rank: number, user_id: string, display_name: string, score: number}} Row */

export class Board {
  epoch = null;
  offset = -1;
  status = null;
  total = 0;
  me = null;
  #people = new Map();

  /**
   * Take in a message of the socket.
   * @returns {"changed" | "old" | "gap"} `gap` means: resume, something is missing in between.
   */
  take(message) {
    switch (message.type) {
      case "snapshot":
        return this.#replace(message);
      case "me":
        this.me = message.rank === null ? null : message;
        return "changed";
      case "update":
      case "status":
        return this.#step(message);
      default:
        return "old";
    }
  }

  /** What to ask for when reconnecting. */
  get resume() {
    return this.epoch === null ? "" : new URLSearchParams({ epoch: this.epoch, offset: this.offset });
  }

  /** @returns {Row[]} the top 100 in order, equal scores sharing a rank. */
  rows() {
    const rows = [...this.#people.values()].sort(
      (a, b) => b.score - a.score || (a.user_id < b.user_id ? -1 : 1),
    );
    let rank = 0;
    return rows.map((row, index) => {
      if (index === 0 || row.score !== rows[index - 1].score) rank = index + 1;
      return { ...row, rank };
    });
  }

  #replace(snapshot) {
    const { epoch, offset, status, total, entries, me } = snapshot;
    Object.assign(this, { epoch, offset, status, total, me });
    this.#people = new Map(entries.map((row) => [row.user_id, row]));
    return "changed";
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
    }
    this.offset = message.offset;
    return "changed";
  }
}
