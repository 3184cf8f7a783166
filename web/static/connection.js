/** How a live connection stands, in words. */

const STATES = {
  connecting: "Connecting …",
  live: "Live",
  waiting: "Offline, trying again",
  ended: "Disconnected",
};
const ENDINGS = { 4401: "Signed out", 4403: "No longer allowed", 4404: "Not for you" };
/** A short break is not worth a word. */
const PATIENCE_MS = 400;

const pending = new WeakMap();

export function showConnection(element, { state, code }) {
  // Each try to come back is no news.
  if (state === "connecting" && element.dataset.state !== undefined) return;
  clearTimeout(pending.get(element));
  if (state !== "waiting") write(element, state, code);
  else pending.set(element, setTimeout(() => write(element, state, code), PATIENCE_MS));
}

function write(element, state, code) {
  const text = ENDINGS[code] ?? STATES[state];
  element.hidden = false;
  element.dataset.state = state;
  // Screen readers speak again whatever is written again.
  if (element.textContent !== text) element.textContent = text;
}
