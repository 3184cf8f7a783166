/** A WebSocket that comes back by itself. */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 20_000;
const QUIET_MS = 25_000;
const PATIENCE_MS = 8_000;
const UNAUTHORISED = 4401;
const FINAL_CODES = new Set([4400, UNAUTHORISED, 4403, 4404]);

export class Live {
  #options;
  #socket = null;
  #token = null;
  #refused = null;
  #tries = 0;
  #retry = null;
  #watchdog = null;
  #ended = false;

  /**
   * @param {object} options
   * @param {() => string} options.url where to connect now, with what is needed to resume
   * @param {(refused: string | null) => Promise<string>} options.token a token that is still good,
   *   and not the refused one
   * @param {(message: object) => void} options.onMessage
   * @param {(state: "connecting" | "live" | "waiting" | "ended", code?: number) => void} options.onState
   */
  constructor(options) {
    this.#options = options;
    addEventListener("online", this.#comeBack);
    this.#connect();
  }

  /** Drop the connection and ask again for what is missing. */
  resume() {
    this.#socket?.close(4000);
  }

  /** Show a token on the open connection, if it is another than before. */
  renew(token) {
    if (token === this.#token) return;
    this.#token = token;
    this.#say({ type: "auth", token });
  }

  close() {
    this.#ended = true;
    removeEventListener("online", this.#comeBack);
    clearTimeout(this.#retry);
    clearTimeout(this.#watchdog);
    this.#socket?.close(1000);
  }

  #comeBack = () => {
    if (this.#socket === null && !this.#ended) this.#connect();
  };

  async #connect() {
    clearTimeout(this.#retry);
    this.#options.onState("connecting");
    let token;
    try {
      token = await this.#options.token(this.#refused);
    } catch (error) {
      if (!this.#ended) this.#untold(error);
      return;
    }
    if (this.#ended || this.#socket !== null) return;
    const socket = new WebSocket(this.#options.url());
    this.#socket = socket;
    this.#token = null;
    this.#watch(PATIENCE_MS);
    socket.onopen = () => {
      this.renew(token);
      // Nothing else may come for long; the answer tells that the token was taken.
      this.#say({ type: "ping" });
    };
    socket.onmessage = (event) => this.#hear(JSON.parse(event.data));
    socket.onclose = (event) => this.#lost(socket, event.code);
  }

  #hear(message) {
    this.#tries = 0;
    this.#refused = null;
    this.#watch(QUIET_MS);
    this.#options.onState("live");
    this.#options.onMessage(message);
  }

  #say(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** After a silence ask for a sign of life; a dead network does not close by itself. */
  #watch(milliseconds) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      const socket = this.#socket;
      if (socket?.readyState === WebSocket.OPEN) this.#say({ type: "ping" });
      this.#watchdog = setTimeout(() => {
        socket?.close(4000);
        this.#lost(socket, 1006);
      }, PATIENCE_MS);
    }, milliseconds);
  }

  #lost(socket, code) {
    if (socket === null || socket !== this.#socket) return;
    this.#socket = null;
    clearTimeout(this.#watchdog);
    if (this.#ended) return;
    if (code === UNAUTHORISED && this.#refused === null && this.#token !== null) {
      // The token may have ended while the machine slept: another one is worth a try.
      this.#refused = this.#token;
      this.#later();
    } else if (FINAL_CODES.has(code)) {
      this.#end(code);
    } else {
      this.#later();
    }
  }

  /** No token to connect with: for good, if the place where people sign in has said so. */
  #untold(error) {
    if (error.status >= 400 && error.status < 500 && error.status !== 429) this.#end(UNAUTHORISED);
    else this.#later();
  }

  #end(code) {
    this.close();
    this.#options.onState("ended", code);
  }

  #later() {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#tries++);
    this.#options.onState("waiting");
    this.#retry = setTimeout(() => this.#connect(), longest * (0.5 + Math.random() / 2));
  }
}
