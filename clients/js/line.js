/** A connection that lives on: it comes back by itself, and keeps its credential good. */

import { CLOSED, FINAL } from "./codes.js";
import { openEvents } from "./events.js";
import { openSocket } from "./socket.js";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 20_000;
const CROWDED_PAUSE_MS = 5_000;
const PATIENCE_MS = 8_000;
/** How long before its end a token is replaced, and how often another one is asked for. */
const EARLY_MS = 60_000;
const INSIST_MS = 10_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** After so many sockets on which nothing came an event stream is tried. */
const MUTE_SOCKETS = 2;

export class Line {
  #options;
  #subject;
  #site;
  #link = null;
  #attempt = 0;
  #token = null;
  #refused = null;
  #heard = false;
  #asked = false;
  #mute = 0;
  #tries = 0;
  #timers = {};
  #ended = false;

  constructor(options, subject) {
    this.#options = options;
    this.#subject = subject;
    this.#site = (options.site ?? globalThis.location.origin).replace(/\/+$/, "");
    globalThis.addEventListener?.("online", this.wake);
    globalThis.document?.addEventListener("visibilitychange", this.#shown);
    // The caller holds the handle before anything is called.
    queueMicrotask(() => this.#connect());
  }

  /** Drop the connection and ask again for what is missing. */
  resume() {
    this.#over(this.#attempt, CLOSED.lost);
  }

  /** Look whether the connection lives: the network is back, or the app is shown again. */
  wake = () => {
    if (this.#ended) return;
    if (this.#link === null) this.#connect();
    else if (this.#link.say && !this.#asked) this.#silent();
  };

  /** A phone may have cut a page that was out of sight, without a word. */
  #shown = () => {
    if (globalThis.document.visibilityState === "visible") this.wake();
  };

  /** Show a newer token on the open connection. */
  renew(token) {
    if (token === this.#token) return;
    this.#token = token;
    this.#link?.say?.({ type: "auth", token });
    this.#renewEarly(token);
  }

  close() {
    this.#ended = true;
    globalThis.removeEventListener?.("online", this.wake);
    globalThis.document?.removeEventListener("visibilitychange", this.#shown);
    this.#drop(CLOSED.normal);
  }

  async #connect() {
    if (this.#ended) return;
    this.#drop(CLOSED.byUs);
    const attempt = this.#attempt;
    const transport = this.#transport();
    this.#tell({ state: "connecting", transport });
    let query;
    try {
      query = await this.#query();
    } catch (error) {
      if (attempt === this.#attempt) this.#untold(error);
      return;
    }
    if (attempt !== this.#attempt) return;
    this.#heard = false;
    this.#asked = true;
    this.#after("watchdog", PATIENCE_MS, () => this.#silent());
    this.#link = (transport === "socket" ? openSocket : openEvents)({
      url: this.#address(transport) + (query && `?${query}`),
      token: () => this.#token,
      options: this.#options,
      alive: () => attempt === this.#attempt && this.#alive(),
      heard: (message) => attempt === this.#attempt && this.#hear(message, transport),
      over: (code, pauseMs) => this.#over(attempt, code, pauseMs),
    });
    this.#renewEarly(this.#token);
  }

  #transport() {
    const { transport = "auto", WebSocket = globalThis.WebSocket } = this.#options;
    if (transport !== "auto") return transport;
    return WebSocket === undefined || this.#mute >= MUTE_SOCKETS ? "events" : "socket";
  }

  #address(transport) {
    if (transport === "events") return this.#site + this.#subject.events;
    return this.#site.replace(/^http/, "ws") + this.#subject.socket;
  }

  /** Get a credential; return what stands in the address. */
  async #query() {
    const { token, ticket } = this.#options;
    if (ticket !== undefined) {
      return joined(this.#subject.query(), `ticket=${encodeURIComponent(await ticket())}`);
    }
    const found = typeof token === "function" ? await token(this.#refused) : token;
    if (found !== undefined && found === this.#refused) throw new Refused();
    this.#token = found ?? null;
    return this.#subject.query();
  }

  #alive() {
    this.#asked = false;
    this.#after("watchdog", this.#link.silenceMs, () => this.#silent());
  }

  #hear(message, transport) {
    this.#alive();
    if (!this.#heard) {
      this.#heard = true;
      this.#tries = 0;
      this.#refused = null;
      if (transport === "socket") this.#mute = 0;
      this.#tell({ state: "live", transport });
    }
    this.#subject.take(message);
  }

  /** Ask for a sign of life, or give up: a dead network does not close by itself. */
  #silent() {
    if (this.#asked || !this.#link.say) {
      this.#over(this.#attempt, CLOSED.lost);
      return;
    }
    this.#asked = true;
    this.#link.say({ type: "ping" });
    this.#after("watchdog", PATIENCE_MS, () => this.#silent());
  }

  #over(attempt, code, pauseMs = 0) {
    if (attempt !== this.#attempt || this.#ended) return;
    const { say } = this.#link ?? {};
    if (!this.#heard && code === CLOSED.lost) this.#mute = say ? this.#mute + 1 : 0;
    this.#drop(CLOSED.byUs);
    if (code === CLOSED.unauthorised && this.#mayHaveAnother()) {
      this.#refused = this.#token ?? "ticket";
      this.#later(0);
    } else if (FINAL.has(code)) {
      this.#end(code);
    } else {
      this.#later(code === CLOSED.crowded ? Math.max(pauseMs, CROWDED_PAUSE_MS) : pauseMs);
    }
  }

  /** The token may have ended while the machine slept: another one is worth one try. */
  #mayHaveAnother() {
    const { token, ticket } = this.#options;
    return this.#refused === null && typeof (ticket ?? token) === "function";
  }

  /** No credential to connect with: for good, if the place where people sign in has said so. */
  #untold(error) {
    const status = error?.status;
    if (status >= 400 && status < 500 && status !== 429) this.#end(CLOSED.unauthorised);
    else this.#later(0);
  }

  #end(code) {
    this.close();
    this.#tell({ state: "ended", code });
  }

  #later(leastMs) {
    const { first = FIRST_PAUSE_MS, longest = LONGEST_PAUSE_MS } = this.#options.pauseMs ?? {};
    // Those who lost the same server do not come back in step.
    const pause = leastMs + Math.random() * Math.min(longest, first * 2 ** this.#tries++);
    this.#tell({ state: "waiting", retryInMs: Math.round(pause) });
    this.#after("retry", pause, () => this.#connect());
  }

  /** A socket stays open as long as it is shown newer tokens; a stream begins anew. */
  #renewEarly(token) {
    const ends = endOf(token);
    if (ends === null || typeof this.#options.token !== "function" || !this.#link.say) return;
    const wait = Math.max(INSIST_MS, ends - EARLY_MS - Date.now());
    this.#after("renewal", Math.min(wait, LONGEST_TIMER_MS), async () => {
      const attempt = this.#attempt;
      const newer = await this.#another(token);
      if (attempt !== this.#attempt) return;
      if (newer === token) this.#renewEarly(token);
      else this.renew(newer);
    });
  }

  async #another(token) {
    try {
      return await this.#options.token(null);
    } catch {
      // It may come back before the token ends; if not, the server says so.
      return token;
    }
  }

  /** Whatever still comes from what was before is not heard. */
  #drop(code) {
    this.#attempt++;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    const link = this.#link;
    this.#link = null;
    link?.drop(code);
  }

  #after(name, milliseconds, act) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(act, milliseconds);
  }

  #tell(status) {
    this.#options.onStatus?.(status);
  }
}

class Refused extends Error {
  status = 401;
}

function joined(...parts) {
  return parts.filter(Boolean).join("&");
}

/** When a token ends, in milliseconds; null for one that does not say so. */
function endOf(token) {
  try {
    const { exp } = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    return Number.isFinite(exp) ? exp * 1000 : null;
  } catch {
    return null;
  }
}
