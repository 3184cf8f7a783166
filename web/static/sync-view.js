/** My own data: asking for a sync, and what each sync did. */

import { followFitness } from "../../clients/js/podium-live.js";
import { showConnection } from "./connection.js";
import { byId, clone, name, number, relative, unit } from "./dom.js";

const SHOWN = 4;
const GRANT_LOST = new Set([
  "reauth_required", "scope_missing", "vendor_unauthorised", "refresh_token_missing",
]);
const TEXTS = { queued: "Waiting for its turn", running: "Fetching from Google Fit" };

export class SyncView {
  #session;
  #config;
  #walker = null;
  #lacking = false;
  #onDone = () => {};
  #items = new Map();

  constructor(session, config) {
    this.#session = session;
    this.#config = config;
  }

  /** Begin to listen; `onDone` is called when a sync has ended. */
  start(walker, onDone) {
    this.#walker = walker;
    this.#onDone = onDone;
    followFitness({
      token: (refused) => this.#session.token(refused),
      onSync: (message) => this.#show(message),
      onStats: showToday,
      onNotice: (notice) => this.#notice(notice),
      onStatus: (status) => showConnection(byId("sync-connection"), status),
    });
  }

  async sync() {
    try {
      await this.#session.call("POST", "/fitness/sync", {});
    } catch (problem) {
      if (problem.code !== "not_connected" || this.#walker === null) {
        this.#offer(problem.code);
        throw problem;
      }
      await this.reconnect();
    }
  }

  /** Connect, anew or for the first time, and sync. */
  async reconnect() {
    await this.#connect();
    await this.#session.call("POST", "/fitness/sync", {});
  }

  /** Say what my grants do not let us read. */
  async showConnections() {
    const { items } = await this.#session.call("GET", "/fitness/connections");
    for (const connection of items) {
      if (connection.status === "active") this.#showMissing(connection);
    }
  }

  /** Say how old my data is, from what the competitions know. */
  showFreshness(competitions) {
    const freshness = competitions.find((one) => one.freshness)?.freshness;
    byId("freshness").textContent = freshness?.last_synced_at
      ? `Last synced ${relative(freshness.last_synced_at)}`
      : "Not synced yet";
  }

  /** Offer to connect again where that helps; elsewhere only the app can ask for consent. */
  #offer(code) {
    const helps = this.#lacking || GRANT_LOST.has(code);
    byId("reconnect").hidden = this.#walker === null || !helps;
  }

  /** Give the sandbox's consent, as the app's Google dialogue would. */
  async #connect() {
    const place = `${this.#config.supabase_url}/control/people/${this.#walker}/code`;
    // Google gives a refresh token at the first consent, later only when consent is asked for.
    const answer = await fetch(`${place}?prompt=consent`);
    if (!answer.ok) throw new Error(`The sandbox answered ${answer.status}.`);
    const { code } = await answer.json();
    this.#showMissing(await this.#session.call("POST", "/fitness/connections", {
      provider: "google_fit",
      server_auth_code: code,
    }));
  }

  /** What a person should do stands there until a sync has succeeded. */
  #notice({ code, detail }) {
    const notice = byId("sync-notice");
    notice.textContent = detail;
    notice.hidden = false;
    this.#offer(code);
  }

  /** Connecting again asks for what is missing once more. */
  #showMissing({ missing_scopes: missing }) {
    const lacking = missing.flatMap(({ metrics }) => metrics.map(name));
    const notice = byId("missing-scopes");
    this.#lacking = lacking.length > 0;
    notice.hidden = !this.#lacking;
    notice.textContent = `Google Fit does not let us read your ${lacking.join(", ")}.`;
    this.#offer();
  }

  #show(sync) {
    let item = this.#items.get(sync.sync_id);
    if (item === undefined) {
      item = clone("sync-template");
      this.#items.set(sync.sync_id, item);
      byId("syncs").prepend(item);
    }
    const isNews = item.dataset.status !== sync.status;
    item.dataset.status = sync.status;
    item.querySelector(".sync-text").textContent = textOf(sync);
    item.querySelector("time").textContent = new Date().toLocaleTimeString([], { timeStyle: "short" });
    for (const [id, old] of [...this.#items].slice(0, -SHOWN)) {
      old.remove();
      this.#items.delete(id);
    }
    if (sync.status !== "succeeded" && sync.status !== "failed") return;
    if (sync.status === "succeeded" && isNews) byId("sync-notice").hidden = true;
    this.#offer(sync.error?.code);
    this.#onDone();
  }
}

function showToday({ totals }) {
  const shown = Object.entries(totals).filter(([, value]) => value > 0);
  const today = byId("today");
  today.hidden = shown.length === 0;
  today.textContent = `Today ${shown
    .map(([metric, value]) => `${number(Math.floor(value))} ${unit(metric)}`)
    .join(" · ")}`;
}

function textOf({ status, slots, error }) {
  if (status === "failed") return `Failed: ${error?.detail || error?.code}`;
  if (status !== "succeeded") return TEXTS[status] ?? status;
  if (slots.changed === 0) return `Nothing new among ${number(slots.received)} values`;
  return `${number(slots.changed)} of ${number(slots.received)} values were new`;
}
