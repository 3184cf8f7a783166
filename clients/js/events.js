/** One event stream: the socket's messages where no socket gets through. */

import { CLOSED, OF_STATUS } from "./codes.js";

/** The server says something every 25 seconds. */
const QUIET_MS = 33_000;
/** Characters of one answer, which React Native keeps whole. */
const LONGEST_ANSWER = 4_000_000;

export function openEvents({ url, token, options, alive, heard, over }) {
  const headers = { Accept: "text/event-stream" };
  if (token() !== null) headers.Authorization = `Bearer ${token()}`;
  const take = eventReader(heard);
  const read = streams(options.fetch) ? readByFetch : readByRequest;
  const drop = read(url, headers, options.fetch ?? globalThis.fetch, {
    begun: (status, retryAfter) => {
      if (status === 200) alive();
      else over(OF_STATUS[status] ?? CLOSED.lost, 1000 * (Number(retryAfter) || 0));
    },
    came: (text) => {
      alive();
      take(text);
    },
    over: () => over(CLOSED.lost),
  });
  return { drop, silenceMs: QUIET_MS };
}

/** HTML Living Standard, 9.2.6, as far as the server makes use of it. */
function eventReader(heard) {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data:"));
      const body = data.map((line) => line.slice(5)).join("\n");
      if (body) heard(JSON.parse(body));
    }
  };
}

/** React Native's own fetch hands out an answer only when it is whole. */
function streams(given) {
  return given !== undefined || "body" in (globalThis.Response?.prototype ?? {});
}

function readByFetch(url, headers, fetch, { begun, came, over }) {
  const stop = new AbortController();
  const read = async () => {
    const answer = await fetch(url, { headers, signal: stop.signal, cache: "no-store" });
    begun(answer.status, answer.headers.get("Retry-After"));
    const [reader, decoder] = [answer.body.getReader(), new TextDecoder()];
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      // An error in a listener is its own, not the network's.
      queueMicrotask(() => came(decoder.decode(value, { stream: true })));
    }
  };
  // It ends in order or by an error of the network; either way the line comes back.
  read().then(over, over);
  return () => stop.abort();
}

function readByRequest(url, headers, _, { begun, came, over }) {
  const request = new XMLHttpRequest();
  let seen = 0;
  request.open("GET", url);
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  request.onreadystatechange = () => {
    if (request.readyState !== 2 || request.status === 0) return;
    begun(request.status, request.getResponseHeader("Retry-After"));
  };
  request.onprogress = () => {
    const text = request.responseText;
    came(text.slice(seen));
    seen = text.length;
    if (seen > LONGEST_ANSWER) over();
  };
  request.onload = request.onerror = request.ontimeout = over;
  request.send();
  return () => request.abort();
}
