/** As much of a browser as the page's modules need, for Node. */

function element() {
  return {
    hidden: true,
    textContent: "",
    dataset: {},
    style: { setProperty() {} },
    children: {},
    querySelector(name) { return (this.children[name] ??= element()); },
    cloneNode: element,
    prepend() {},
    replaceChildren() {},
    remove() {},
    addEventListener() {},
    get content() { return { firstElementChild: this }; },
  };
}

const elements = {};
globalThis.document = Object.assign(new EventTarget(), {
  title: "",
  visibilityState: "visible",
  getElementById: (id) => (elements[id] ??= element()),
});
globalThis.addEventListener = () => {};
globalThis.removeEventListener = () => {};
globalThis.location = { origin: "http://here.test" };
globalThis.matchMedia = () => ({ matches: true, addEventListener() {} });
globalThis.requestAnimationFrame = (draw) => setTimeout(draw, 0);
globalThis.cancelAnimationFrame = clearTimeout;

/** Sockets that have been opened; each is moved by the test. */
export const sockets = [];

globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 0;
  said = [];

  constructor(url) {
    this.url = url;
    sockets.push(this);
  }

  send(text) { this.said.push(JSON.parse(text)); }
  close(code) { this.readyState = 3; this.closedWith = code; }
  open() { this.readyState = 1; this.onopen(); }
  hear(message) { this.onmessage({ data: JSON.stringify(message) }); }
  end(code) { this.readyState = 3; this.onclose({ code }); }
};

/** Event streams that have been asked for; each is moved by the test. */
export const streams = [];

/** To be put in place of the global one by who wants streams. */
export function fetch(url, { headers, signal }) {
  return new Promise((answer, fail) => {
    let body;
    const stream = {
      url,
      headers,
      refuse: (status, more = {}) => answer(new Response("", { status, headers: more })),
      begin: () => answer(new Response(new ReadableStream({ start: (made) => { body = made; } }))),
      hear: (message) =>
        body.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(message)}\n\n`)),
      end: () => body.close(),
      fail,
    };
    signal.addEventListener("abort", () => fail(signal.reason));
    streams.push(stream);
  });
}

/** Wait until something holds, which the runner's time limit bounds. */
export async function until(holds) {
  while (!holds()) await new Promise((done) => setTimeout(done, 1));
}
