/** Prizes in words: what is promised, and what became of it. */

import { number } from "./dom.js";

const BECAME = {
  pending: "On its way",
  held: "Waiting",
  sending: "On its way",
  unknown: "Being checked",
  accepted: "Sent",
  paid: "Paid",
  failed: "Not paid",
  returned: "Came back",
};

export const became = (status) => BECAME[status] ?? status;

/** An amount in minor units of a currency. */
export function money(amount, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits;
  const whole = amount % 10 ** digits === 0;
  const shown = new Intl.NumberFormat(undefined, {
    style: "currency",
    currency,
    minimumFractionDigits: whole ? 0 : digits,
    maximumFractionDigits: digits,
  });
  return shown.format(amount / 10 ** digits);
}

/** What a plan promises, in a line. */
export function promised({ currency, pool, split }) {
  const whole = `${money(pool, currency)} in prizes`;
  if (split.kind === "equal") return `${whole}, shared equally`;
  const places = split.places.slice(0, 3).map((part) =>
    split.kind === "percent" ? `${number(part)}\u00a0%` : money(part, currency));
  if (split.places.length > 3) places.push("…");
  return `${whole}: ${places.join("\u00a0· ")}`;
}

/** How far the prizes are, in a line. */
export function progress(distribution) {
  if (distribution === null) return "They are shared out and sent after the review.";
  const { counts, payouts } = distribution;
  const paid = counts.paid ?? 0;
  if (paid === payouts) return "All are paid.";
  return `${number(paid)} of ${number(payouts)} paid`;
}
