/** Who is signed in, and calls to the API in their name. */

const SANDBOX_PASSWORD = "podium";
const EARLY_S = 60;

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.status = status;
    this.code = body.code;
  }
}

export class Session {
  #place;
  #grant = null;
  #renewing = null;

  /** @param {string} place where people sign in */
  constructor(place) {
    this.#place = place;
  }

  async signIn(email) {
    await this.#ask("password", { email, password: SANDBOX_PASSWORD });
  }

  /** Use a token that came from elsewhere, as long as it lasts. */
  useToken(token) {
    const claims = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    this.#grant = { access_token: token, expires_at: claims.exp, user: { id: claims.sub } };
  }

  get userId() {
    return this.#grant.user.id;
  }

  /**
   * A token that is good for another minute at least, if there can be one.
   *
   * @param {string | null} refused one that the server no longer takes; throws a Problem when
   *   there is no other
   */
  async token(refused = null) {
    const { access_token, expires_at, refresh_token } = this.#grant;
    const ends = expires_at - Date.now() / 1000 < EARLY_S;
    if (access_token === refused || (refresh_token && ends)) await this.#renew();
    return this.#grant.access_token;
  }

  /** Call the API; throws a Problem for every answer that is not a success. */
  async call(method, path, body) {
    const headers = { Authorization: `Bearer ${await this.token()}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(`/api/v1${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    const parsed = text ? JSON.parse(text) : {};
    if (!answer.ok) throw new Problem(answer.status, parsed);
    return parsed;
  }

  /** A refresh token may be used once, however many ask at a time. */
  #renew() {
    const { refresh_token } = this.#grant;
    if (!refresh_token) throw new Problem(401, { detail: "The sign-in has ended." });
    this.#renewing ??= this.#ask("refresh_token", { refresh_token })
      .finally(() => { this.#renewing = null; });
    return this.#renewing;
  }

  async #ask(grantType, body) {
    const answer = await fetch(`${this.#place}/auth/v1/token?grant_type=${grantType}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Problem(answer.status, { detail: "Signing in did not work." });
    this.#grant = await answer.json();
  }
}
