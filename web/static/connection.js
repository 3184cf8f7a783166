/** How a live connection stands, in words. */

const STATES = {
  connecting: "Connecting …",
  live: "Live",
  waiting: "Offline, trying again",
  ended: "Disconnected",
};
const ENDINGS = { 4401: "Signed out", 4403: "No longer allowed", 4404: "Not for you" };

export function showConnection(element, { state, code }) {
  const text = ENDINGS[code] ?? STATES[state];
  element.hidden = false;
  element.dataset.state = state;
  // Screen readers speak again whatever is written again.
  if (element.textContent !== text) element.textContent = text;
}
