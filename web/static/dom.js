/** Small things that every part of the page needs. */

const numbers = new Intl.NumberFormat();
const UNITS = {
  steps: "steps",
  distance: "metres",
  calories: "kcal",
  active_minutes: "active minutes",
  heart_points: "heart points",
};

const STATUSES = {
  upcoming: "Not started",
  active: "Running",
  closing: "Last data coming in",
  provisional: "Under review",
  final: "Final",
  cancelled: "Cancelled",
};

export const byId = (id) => document.getElementById(id);

export const number = (value) => numbers.format(value);

/** A metric in words. */
export const name = (metric) => metric.replaceAll("_", " ");

export const unit = (metric) => UNITS[metric] ?? metric;

/** How far a competition is. */
export const statusText = (status) => STATUSES[status] ?? status;

/** The element inside a template, fresh. */
export function clone(template) {
  return byId(template).content.firstElementChild.cloneNode(true);
}

export function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("");
}

/** A colour that stays with a person. */
export function hue(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 360;
  return sum;
}

/** 1st, 2nd, 3rd, 4th ... */
export function ordinal(rank) {
  const endings = { one: "st", two: "nd", few: "rd", other: "th" };
  return number(rank) + endings[new Intl.PluralRules("en", { type: "ordinal" }).select(rank)];
}

/** "in 3 hours", "2 minutes ago" */
export function relative(moment) {
  const seconds = (new Date(moment) - Date.now()) / 1000;
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const [name, length] of [["day", 86_400], ["hour", 3_600], ["minute", 60]]) {
    if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), name);
  }
  return "just now";
}

/** "2 d 4 h", "3:04:09", "4:09"; what is over has no time left. */
export function timeLeft(moment) {
  const seconds = Math.max(0, Math.ceil((new Date(moment) - Date.now()) / 1000));
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24];
  if (days > 0) return `${days} d ${hours} h`;
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60];
  if (hours > 0) parts.unshift(hours);
  return parts.map((part, index) => String(part).padStart(index ? 2 : 1, "0")).join(":");
}
