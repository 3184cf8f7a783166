/** The rows of a board on the page. A row that changes its place glides there. */

import { clone, initials, hue, number } from "./dom.js";

const GLIDE_MS = 520;
const GAIN_MS = 1800;

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Ranking {
  #list;
  #rows = new Map();

  /** @param {HTMLOListElement} list */
  constructor(list) {
    this.#list = list;
  }

  clear() {
    this.#rows.clear();
    this.#list.replaceChildren();
  }

  /**
   * @param {import("../../clients/js/podium-live.js").Entry[]} rows
   * @param {string | null} me my user id
   */
  show(rows, me) {
    const before = this.#places();
    const best = rows[0]?.score || 1;
    const shown = rows.map((row) => this.#fill(row, me, best));
    for (const id of this.#rows.keys()) {
      if (!rows.some((row) => row.user_id === id)) this.#rows.delete(id);
    }
    this.#arrange(shown);
    if (!calm.matches) this.#glide(before);
  }

  #places() {
    const places = new Map();
    for (const [id, { element }] of this.#rows) places.set(id, element.getBoundingClientRect());
    return places;
  }

  #fill(row, me, best) {
    let known = this.#rows.get(row.user_id);
    if (known === undefined) {
      known = { element: clone("row-template"), score: null };
      this.#rows.set(row.user_id, known);
      const avatar = known.element.querySelector(".avatar");
      avatar.style.setProperty("--hue", hue(row.user_id));
      known.element.classList.toggle("is-me", row.user_id === me);
    }
    const { element } = known;
    element.querySelector(".avatar").textContent = initials(row.display_name);
    element.querySelector(".name").textContent = row.display_name;
    element.querySelector(".rank").textContent = row.rank;
    element.querySelector(".score").textContent = number(row.score);
    element.dataset.rank = row.rank;
    element.style.setProperty("--share", Math.max(0, row.score / best).toFixed(4));
    if (known.score !== null && row.score !== known.score) this.#gain(element, row.score - known.score);
    known.score = row.score;
    return element;
  }

  #gain(element, points) {
    const gain = element.querySelector(".gain");
    gain.textContent = points > 0 ? `+${number(points)}` : number(points);
    for (const running of gain.getAnimations()) running.cancel();
    gain.animate(
      [{ opacity: 0 }, { opacity: 1, offset: 0.12 }, { opacity: 1, offset: 0.7 }, { opacity: 0 }],
      { duration: GAIN_MS },
    );
  }

  /** Bring the elements into order, moving only those that are out of it. */
  #arrange(elements) {
    const wanted = new Set(elements);
    for (const child of [...this.#list.children]) if (!wanted.has(child)) child.remove();
    elements.forEach((element, index) => {
      if (this.#list.children[index] !== element) {
        this.#list.insertBefore(element, this.#list.children[index] ?? null);
      }
    });
  }

  #glide(before) {
    const moves = [];
    for (const [id, { element }] of this.#rows) {
      const from = before.get(id);
      for (const running of element.getAnimations()) running.cancel();
      const to = element.getBoundingClientRect();
      const [x, y] = from === undefined ? [0, 0] : [from.left - to.left, from.top - to.top];
      if (from === undefined) moves.push([element, null]);
      else if (Math.abs(x) + Math.abs(y) > 1) moves.push([element, { x, y }]);
    }
    const timing = { duration: GLIDE_MS, easing: "cubic-bezier(.2, .8, .2, 1)" };
    for (const [element, distance] of moves) {
      if (distance === null) {
        if (before.size > 0) element.animate([{ opacity: 0 }, { opacity: 1 }], timing);
      } else {
        const { x, y } = distance;
        const start = { transform: `translate(${x}px, ${y}px)`, zIndex: x + y > 0 ? 2 : 1 };
        element.animate([start, { transform: "none", zIndex: start.zIndex }], timing);
      }
    }
  }
}
