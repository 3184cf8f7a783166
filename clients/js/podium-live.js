/**
 * Podium's live boards and syncs, for browsers, React Native and Node.
 *
 * README.md shows how to use it, podium-live.d.ts has all shapes.
 */

import { Board } from "./board.js";
import { Line } from "./line.js";

export { Board };

/** Watch a board until `close()`. */
export function watchBoard(options) {
  const { competitionId, spectator = false, onBoard, onMe } = options;
  const board = new Board();
  let told = JSON.stringify(null);

  function take(message) {
    const taken = board.take(message);
    if (taken === "gap") line.resume();
    if (taken === "gap" || taken === "old") return;
    if (taken !== "me") onBoard?.(board);
    const mine = JSON.stringify(board.me);
    if (mine === told) return;
    told = mine;
    onMe?.(board.me);
  }

  const events = spectator ? "spectators" : "leaderboard";
  const line = new Line(spectator ? { ...options, transport: "events" } : options, {
    socket: `/ws/leaderboard/${competitionId}`,
    events: `/api/v1/${events}/${competitionId}/events`,
    query: () => board.resume,
    take,
  });
  return handle(line, { board });
}

/** Follow a person's own syncs and today's totals until `close()`. */
export function followFitness(options) {
  const listeners = { sync: "onSync", stats: "onStats", notice: "onNotice" };
  const line = new Line(options, {
    socket: "/ws/fitness",
    events: "/api/v1/fitness/events",
    query: () => "",
    take: (message) => options[listeners[message.type]]?.(message),
  });
  return handle(line, {});
}

function handle(line, more) {
  return {
    ...more,
    close: () => line.close(),
    wake: () => line.wake(),
    renew: (token) => line.renew(token),
  };
}
