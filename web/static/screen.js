/** The big screen of an event hall: a public board, without anybody's sign-in. */

import { BoardView } from "./board-view.js";
import { byId } from "./dom.js";

const AGAIN_MS = 5_000;

/** @param {string} id the competition's */
export async function showScreen(id) {
  document.body.classList.add("screen");
  byId("arena").hidden = false;
  const competition = () => ask(`/api/v1/spectators/${id}`);
  const view = new BoardView({
    userId: null,
    competition,
    prizes: async () => (await competition()).winners,
    line: { spectator: true },
  });
  keepAwake();
  // Nobody is there to press a key when the site was away for a moment.
  for (;;) {
    try {
      await view.open(id);
      return;
    } catch (error) {
      if (error.status === 404) {
        byId("notice").textContent = "This is no public competition.";
        byId("notice").hidden = false;
        return;
      }
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }
}

async function ask(path) {
  const answer = await fetch(path);
  const body = await answer.json();
  if (answer.ok) return body;
  throw Object.assign(new Error(body.detail), { status: answer.status });
}

/** A screen that goes dark is let go of, and has to be asked for again. */
function keepAwake() {
  const ask = () => {
    if (document.visibilityState !== "visible") return;
    // Refused where power is low; the board is shown all the same.
    navigator.wakeLock?.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", ask);
  ask();
}
