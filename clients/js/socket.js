/** One WebSocket. */

import { CLOSED } from "./codes.js";

/** After such a silence the server is asked for a sign of life. */
const QUIET_MS = 25_000;

export function openSocket({ url, token, options, heard, over }) {
  const socket = new (options.WebSocket ?? globalThis.WebSocket)(url);
  const say = (message) => {
    if (socket.readyState === 1) socket.send(JSON.stringify(message));
  };
  socket.onopen = () => {
    if (token() !== null) say({ type: "auth", token: token() });
    // Nothing else may come for long; the answer tells that the credential was taken.
    say({ type: "ping" });
  };
  socket.onmessage = ({ data }) => heard(JSON.parse(data));
  socket.onclose = ({ code }) => over(code);
  // Node 20 tells of a failed handshake by no `close`.
  socket.onerror = () => over(CLOSED.lost);
  return { say, silenceMs: QUIET_MS, drop: (code) => socket.close(code) };
}
